#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

#include "gzip.h"
#include "ntdb.h"

#define GZIP_BITS (15 + 16)	/* the largest window, and only gzip's form */

struct gunzip {
	z_stream z;
	bool	inside;		/* a member that is not complete */
	bool	any;		/* a complete member was seen */
};

struct gzip {
	z_stream z;
};

/* What zlib can take at once. */
static uInt
at_most(size_t len)
{
	return len < INT_MAX ? (uInt)len : INT_MAX;
}

static void
set_buffers(z_stream *z, const char *in, size_t len, char *out, size_t room)
{
	/* zlib without ZLIB_CONST has no const here, and does not write. */
	z->next_in = (Bytef *)(uintptr_t)in;
	z->avail_in = at_most(len);
	z->next_out = (Bytef *)out;
	z->avail_out = at_most(room);
}

struct gunzip *
gunzip_new(void)
{
	struct gunzip *g = calloc(1, sizeof(*g));

	if (g != NULL && inflateInit2(&g->z, GZIP_BITS) != Z_OK) {
		free(g);
		return NULL;
	}
	return g;
}

void
gunzip_reset(struct gunzip *g)
{
	inflateReset(&g->z);
	g->inside = g->any = false;
}

int
gunzip_run(struct gunzip *g, const char *in, size_t len, size_t *used,
    char *out, size_t room, size_t *n)
{
	int r = Z_OK;

	set_buffers(&g->z, in, len, out, room);
	while (g->z.avail_in > 0 && g->z.avail_out > 0 && r == Z_OK) {
		if (!g->inside)
			inflateReset(&g->z);
		g->inside = true;
		r = inflate(&g->z, Z_NO_FLUSH);
		if (r == Z_STREAM_END) {
			g->inside = false;
			g->any = true;
			r = Z_OK;
		}
	}
	/* What zlib still holds comes out when there is room again. */
	if (r == Z_OK && len == 0 && g->inside) {
		r = inflate(&g->z, Z_NO_FLUSH);
		g->inside = r != Z_STREAM_END;
		g->any |= r == Z_STREAM_END;
	}
	*used = at_most(len) - g->z.avail_in;
	*n = at_most(room) - g->z.avail_out;
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? 0 :
	    NTDB_ECORRUPT;
}

bool
gunzip_done(const struct gunzip *g)
{
	return g->any && !g->inside;
}

void
gunzip_free(struct gunzip *g)
{
	if (g != NULL)
		inflateEnd(&g->z);
	free(g);
}

struct gzip *
gzip_new(void)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (g != NULL && deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED,
	    GZIP_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return NULL;
	}
	return g;
}

void
gzip_reset(struct gzip *g)
{
	deflateReset(&g->z);
}

bool
gzip_run(struct gzip *g, const char *in, size_t len, bool last,
    size_t *used, char *out, size_t room, size_t *n)
{
	int r;

	set_buffers(&g->z, in, len, out, room);
	r = deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH);
	*used = at_most(len) - g->z.avail_in;
	*n = at_most(room) - g->z.avail_out;
	return r == Z_STREAM_END;
}

void
gzip_free(struct gzip *g)
{
	if (g != NULL)
		deflateEnd(&g->z);
	free(g);
}
