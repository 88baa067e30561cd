/*
 * The body of a request.  Input: a byte, how many bytes come at once; a byte
 * that says in its lowest bit whether gzip is inside, and in the others how
 * much is unpacked at once; the body, in chunks.
 *
 *   - In pieces of any size it is what it is at once: as long, complete,
 *     incomplete or malformed.
 */
#include <stdlib.h>
#include <string.h>

#include "../../bin/gzip.h"
#include "../../bin/http-body.h"
#include "../../bin/strbuf.h"
#include "fuzz.h"

#define UNPACKED_MAX (1 << 20)

/* The body's bytes; the result of the last call, and how much was taken. */
static int
decode(const char *s, size_t len, size_t piece, struct strbuf *out,
    size_t *taken)
{
	const char *data, *why = NULL;
	struct http_body b;
	size_t used, n, room;
	int r;

	http_body_chunked(&b);
	*taken = 0;
	do {
		room = len - *taken < piece ? len - *taken : piece;
		r = http_body_take(&b, s + *taken, room, &used, &data, &n,
		    &why);
		must(used <= room && n <= used);
		must(n == 0 || (data >= s + *taken &&
		    data + n <= s + *taken + used));
		strbuf_add(out, data, r == 0 ? n : 0);
		*taken += used;
	} while (r == 0 && (used > 0 || *taken < len));
	must(r == 0 || r == NTDB_END || (r == NTDB_ECORRUPT && why != NULL));
	return r;
}

/* The same for what is packed; 1: complete, 0: not yet. */
static int
unpack(const struct strbuf *in, size_t piece, size_t room, struct strbuf *out)
{
	struct gunzip *g = gunzip_new();
	char *buf = fuzz_alloc(room);
	size_t at = 0, used, n, len;
	int r;

	must(g != NULL);
	do {
		len = in->len - at < piece ? in->len - at : piece;
		r = gunzip_run(g, strbuf_str(in) + at, len, &used, buf, room,
		    &n);
		must(used <= len && n <= room);
		strbuf_add(out, buf, r == 0 ? n : 0);
		at += used;
	} while (r == 0 && (at < in->len || n > 0) &&
	    out->len < UNPACKED_MAX);
	if (r == 0)
		r = gunzip_done(g);
	free(buf);
	gunzip_free(g);
	return r;
}

static bool
same(const struct strbuf *a, const struct strbuf *b)
{
	return a->len == b->len && (a->len == 0 ||
	    memcmp(a->s, b->s, a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct strbuf plain = STRBUF_INIT, again = STRBUF_INIT;
	struct input in = { data, size };
	size_t piece = in_u8(&in) + 1u, how = in_u8(&in), a, b;
	char *s = (char *)fuzz_copy(in.at, in.n);
	int r, q;

	r = decode(s, in.n, in.n + 1, &once, &a);
	q = decode(s, in.n, piece, &twice, &b);
	must(r == q && a == b && same(&once, &twice));
	if (how & 1) {
		r = unpack(&once, once.len + 1, 65536, &plain);
		q = unpack(&once, piece, how / 2 + 1, &again);
		must(plain.len >= UNPACKED_MAX || again.len >= UNPACKED_MAX ||
		    (r == q && (r < 0 || same(&plain, &again))));
	}
	strbuf_release(&once);
	strbuf_release(&twice);
	strbuf_release(&plain);
	strbuf_release(&again);
	free(s);
	return 0;
}
