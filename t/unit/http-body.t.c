#include <string.h>

#include "../bin/http-body.h"
#include "../bin/strbuf.h"
#include "ntdb.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* By RFC 9112, section 7.1: the body, or NULL: malformed. */
static const struct {
	const char *in, *want;
	size_t	rest;		/* bytes that belong to the next request */
} chunked[] = {
	{ "0\r\n\r\n", "", 0 },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
	{ "5\r\nhello\r\n0\r\n\r\nGET", "hello", 3 },
	{ "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 0 },
	{ "00a\r\n0123456789\r\n000\r\n\r\n", "0123456789", 0 },
	{ "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
	{ "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0 },
	{ "1;x\r\na\r\n0;y=\"z;\"\r\n\r\n", "a", 0 },
	{ "1 ; x\r\na\r\n0\t\r\n\r\n", "a", 0 },
	{ "0\r\nA: b\r\nC: d\r\n\r\nx", "", 1 },
	{ "\r\n", NULL, 0 },
	{ "x\r\n", NULL, 0 },
	{ " 1\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "+1\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "-1\r\n", NULL, 0 },
	{ "0x1\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "1_0\r\n", NULL, 0 },
	{ ";x\r\n", NULL, 0 },
	{ "1\na\r\n0\r\n\r\n", NULL, 0 },
	{ "1\r\na\n0\r\n\r\n", NULL, 0 },
	{ "1\r\rx", NULL, 0 },
	{ "1;x\n\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "1;\x01\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "1;\x7f\r\na\r\n0\r\n\r\n", NULL, 0 },
	{ "1\r\nab\r\n0\r\n\r\n", NULL, 0 },
	{ "1\r\na0\r\n\r\n", NULL, 0 },
	{ "1\r\na\rx", NULL, 0 },
	{ "1\r\na\r\nx\r\n", NULL, 0 },
	{ "fffffffffffffffff\r\n", NULL, 0 },
	{ "10000000000000000\r\n", NULL, 0 },
	{ "0\r\n x: y\r\n\r\n", NULL, 0 },
	{ "0\r\n: y\r\n\r\n", NULL, 0 },
	{ "0\r\nA: b\n\r\n", NULL, 0 },
	{ "0\r\nA: b\rC: d\r\n\r\n", NULL, 0 },
	{ "0\r\nA: \x01\r\n\r\n", NULL, 0 },
	{ "0\r\n\rx", NULL, 0 },
};

/* Feed in pieces of so many bytes; the result, and what is left over. */
static int
feed(struct http_body *b, const char *in, size_t len, size_t piece,
    struct strbuf *out, size_t *rest)
{
	const char *data, *why = NULL;
	size_t at = 0, used, n, room;
	int r = 0;

	while (r == 0) {
		room = len - at < piece ? len - at : piece;
		r = http_body_take(b, in + at, room, &used, &data, &n, &why);
		if (r >= 0)
			strbuf_add(out, data, n);
		at += used;
		if (r == 0 && at == len && n == 0)
			break;
	}
	if (r < 0 && why == NULL)
		diag("no reason");
	*rest = len - at;
	return r;
}

static void
test_chunked(size_t piece)
{
	struct strbuf out = STRBUF_INIT;
	struct http_body b;
	size_t i, rest;
	int r;

	for (i = 0; i < N(chunked); i++) {
		strbuf_clear(&out);
		http_body_chunked(&b);
		r = feed(&b, chunked[i].in, strlen(chunked[i].in), piece,
		    &out, &rest);
		is_int(r, chunked[i].want != NULL ? NTDB_END : NTDB_ECORRUPT,
		    "chunks %zu by %zu", i, piece);
		if (chunked[i].want == NULL)
			continue;
		is_str(strbuf_str(&out), chunked[i].want, "are that");
		is_u64(rest, chunked[i].rest, "and no more");
	}
	strbuf_release(&out);
}

/* Of a body that is cut short nothing says that it is complete. */
static void
test_cut(void)
{
	static const char s[] = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
	struct strbuf out = STRBUF_INIT;
	struct http_body b;
	size_t len, rest;
	bool right = true;

	for (len = 0; len < strlen(s); len++) {
		http_body_chunked(&b);
		right &= feed(&b, s, len, len + 1, &out, &rest) == 0;
	}
	ok(right, "a body cut anywhere is not complete");
	strbuf_release(&out);
}

static void
test_length(void)
{
	struct strbuf out = STRBUF_INIT;
	struct http_body b;
	size_t rest;

	http_body_length(&b, 5);
	is_int(feed(&b, "hello, you", 10, 3, &out, &rest), NTDB_END,
	    "five bytes");
	is_str(strbuf_str(&out), "hello", "are those");
	is_u64(rest, 5, "and no more");
	http_body_length(&b, 0);
	is_int(feed(&b, "x", 1, 1, &out, &rest), NTDB_END, "no bytes");
	is_u64(rest, 1, "and no more");
	http_body_none(&b);
	is_int(feed(&b, "x", 1, 1, &out, &rest), NTDB_END, "no body");
	is_u64(rest, 1, "and no more");
	http_body_length(&b, UINT64_MAX);
	is_int(feed(&b, "x", 1, 1, &out, &rest), 0, "one without end");
	strbuf_release(&out);
}

static int
sized(const char *before, size_t n, const char *behind)
{
	struct strbuf in = STRBUF_INIT, out = STRBUF_INIT;
	struct http_body b;
	size_t rest;
	int r;

	strbuf_puts(&in, before);
	while (n-- > 0)
		strbuf_putc(&in, 'x');
	strbuf_puts(&in, behind);
	http_body_chunked(&b);
	r = feed(&b, in.s, in.len, 1000, &out, &rest);
	strbuf_release(&in);
	strbuf_release(&out);
	return r;
}

int
main(void)
{
	size_t piece;

	plan_later();
	for (piece = 1; piece < 8; piece++)
		test_chunked(piece);
	test_chunked(1000);
	test_cut();
	test_length();
	/* `0;' and CR are of the line. */
	is_int(sized("0;", HTTP_CHUNK_LINE_MAX - 3, "\r\n\r\n"), NTDB_END,
	    "the longest extension");
	is_int(sized("0;", HTTP_CHUNK_LINE_MAX - 2, "\r\n\r\n"),
	    NTDB_ECORRUPT, "one byte more");
	is_int(sized("0\r\n", HTTP_TRAILER_MAX - 4, ":\r\n\r\n"), NTDB_END,
	    "long trailers");
	is_int(sized("0\r\n", HTTP_TRAILER_MAX, ":\r\n\r\n"), NTDB_ECORRUPT,
	    "longer ones");
	return done_testing();
}
