/*
 * Fuzz targets: what they share.  README here says how to write one.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

/* What a target defines.  Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds for every input. */
#define must(cond) \
	((cond) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #cond))

_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* The rest of an input, to be taken from its front. */
struct input {
	const uint8_t *at;
	size_t	n;
};

/* Numbers, little-endian; bytes that are not there are 0. */
uint8_t in_u8(struct input *in);
uint16_t in_u16(struct input *in);
uint32_t in_u32(struct input *in);
uint64_t in_u64(struct input *in);

/* A part of up to n bytes. */
struct input in_part(struct input *in, size_t n);

/* A copy in a block of just that size, so that reads beyond it show. */
uint8_t *fuzz_copy(const void *p, size_t n);

/* Memory, or the end. */
void *fuzz_alloc(size_t n);

/*
 * A file in memory with these bytes, and a path that opens it.  The path is
 * good, and the file there, until the next call.
 */
const char *fuzz_file(const void *p, size_t n);

/*
 * A directory of this process, made anew and empty with each call, in memory
 * where /dev/shm is.  Its path is good until the end.
 */
const char *fuzz_dir(void);

/* Write a file below a directory, whose own directory is made if need be. */
void fuzz_write(const char *dir, const char *name, const void *p, size_t n);

/* A whole file, at the end of out.  False if there is none. */
bool fuzz_read(const char *dir, const char *name, struct buf *out);

/*
 * All samples below a root as line protocol, as ntdb-query -f lp writes it,
 * at the end of out.  Returns their number; *code is what the query ended
 * with: 0, or an NTDB_E... code.
 */
uint64_t fuzz_export(struct ntdb *db, struct buf *out, int *code);

/* A float as line protocol: with `.0' where it looks like an integer. */
size_t fuzz_float(double f, char *buf);

#endif
