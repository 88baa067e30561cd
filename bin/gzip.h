/*
 * Bodies packed with gzip, in both directions, piece by piece.
 */
#ifndef NTDB_BIN_GZIP_H
#define NTDB_BIN_GZIP_H

#include <stdbool.h>
#include <stddef.h>

struct gunzip;
struct gzip;

/* NULL: out of memory. */
struct gunzip *gunzip_new(void);

/* Begin another body. */
void gunzip_reset(struct gunzip *g);

/*
 * Unpack: *used bytes of in are taken, *n bytes of out are filled.  Several
 * members behind each other are one body.  0, or NTDB_ECORRUPT.
 */
int gunzip_run(struct gunzip *g, const char *in, size_t len, size_t *used,
    char *out, size_t room, size_t *n);

/* Whether what was taken is complete. */
bool gunzip_done(const struct gunzip *g);
void gunzip_free(struct gunzip *g);

struct gzip *gzip_new(void);
void gzip_reset(struct gzip *g);

/*
 * Pack: *used bytes of in are taken, *n bytes of out are filled.  With last,
 * in is the end of the body: call until true is returned, which says that
 * all of it is packed.  Without, call until all of in is used.
 */
bool gzip_run(struct gzip *g, const char *in, size_t len, bool last,
    size_t *used, char *out, size_t room, size_t *n);
void gzip_free(struct gzip *g);

#endif
