/*
 * What several unit tests need: a directory of their own, whole files,
 * bytes written as hex, random numbers from a seed that is printed.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Make a temporary directory, which is removed at exit, and open it.  Its
 * path is in scratch_path.
 */
int scratch_dir(void);
extern char scratch_path[];

/* Make a file of these bytes; the test ends if that fails. */
void scratch_write(int dirfd, const char *name, const void *p, size_t len);

/* The bytes of a file (to be freed), or NULL if there is none. */
uint8_t *scratch_read(int dirfd, const char *name, size_t *len);

/* Number of entries in a directory, and whether one is there. */
int scratch_count(int dirfd);
int scratch_exists(int dirfd, const char *name);

/* Bytes from hex digits; blanks between them are skipped. */
size_t from_hex(const char *hex, uint8_t *out, size_t room);

/* Take the seed from $NTDB_TEST_SEED or the clock, and print it. */
void random_start(void);
uint64_t random_u64(void);

/* Below n, which is not 0. */
uint32_t random_below(uint32_t n);

#endif
