#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bin/http-parse.h"
#include "../bin/strbuf.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define HOST "Host: h\r\n"

/*
 * Heads without their last, empty line, and the status of the refusal, by
 * RFC 9112 and RFC 9110; 0: they are good.
 */
static const struct {
	const char *head;
	int	status;
} heads[] = {
	{ "GET / HTTP/1.1\r\n" HOST, 0 },
	{ "GET / HTTP/1.0\r\n", 0 },
	{ "GET / HTTP/1.0\r\n" HOST, 0 },
	{ "GET / HTTP/1.9\r\n" HOST, 0 },
	/* The request line. */
	{ "GET /\r\n" HOST, 400 },
	{ "GET\r\n" HOST, 400 },
	{ "GET \r\n" HOST, 400 },
	{ "GET  / HTTP/1.1\r\n" HOST, 400 },
	{ "GET /  HTTP/1.1\r\n" HOST, 400 },
	{ "GET / HTTP/1.1 \r\n" HOST, 400 },
	{ " GET / HTTP/1.1\r\n" HOST, 400 },
	{ "GET\t/ HTTP/1.1\r\n" HOST, 400 },
	{ "GET /\tHTTP/1.1\r\n" HOST, 400 },
	{ "GET / x HTTP/1.1\r\n" HOST, 400 },
	{ "G(T / HTTP/1.1\r\n" HOST, 400 },
	{ "GET/ HTTP/1.1\r\n" HOST, 400 },
	{ "get / HTTP/1.1\r\n" HOST, 0 },
	{ "BREW / HTTP/1.1\r\n" HOST, 0 },
	{ "GET / http/1.1\r\n" HOST, 400 },
	{ "GET / HTTP/1\r\n" HOST, 400 },
	{ "GET / HTTP/1.\r\n" HOST, 400 },
	{ "GET / HTTP/1.10\r\n" HOST, 400 },
	{ "GET / HTTP/11\r\n" HOST, 400 },
	{ "GET / HTTP/x.1\r\n" HOST, 400 },
	{ "GET / HTTP/1.x\r\n" HOST, 400 },
	{ "GET / HTTP/2.0\r\n" HOST, 505 },
	{ "GET / HTTP/0.9\r\n" HOST, 505 },
	{ "PRI * HTTP/2.0\r\n", 505 },
	/* The target. */
	{ "GET /a?b HTTP/1.1\r\n" HOST, 0 },
	{ "GET http://h/a?b HTTP/1.1\r\n" HOST, 0 },
	{ "GET HTTPS://h:8428 HTTP/1.1\r\n" HOST, 0 },
	{ "GET http://h?b HTTP/1.1\r\n" HOST, 0 },
	{ "GET http:// HTTP/1.1\r\n" HOST, 400 },
	{ "GET http:///a HTTP/1.1\r\n" HOST, 400 },
	{ "GET http://u@h/ HTTP/1.1\r\n" HOST, 400 },
	{ "GET ftp://h/ HTTP/1.1\r\n" HOST, 400 },
	{ "GET a HTTP/1.1\r\n" HOST, 400 },
	{ "GET ?a HTTP/1.1\r\n" HOST, 400 },
	{ "GET ../a HTTP/1.1\r\n" HOST, 400 },
	{ "CONNECT h:80 HTTP/1.1\r\n" HOST, 400 },
	{ "OPTIONS * HTTP/1.1\r\n" HOST, 0 },
	{ "GET /a#b HTTP/1.1\r\n" HOST, 400 },
	{ "GET /a\x01 HTTP/1.1\r\n" HOST, 400 },
	{ "GET /a\x7f HTTP/1.1\r\n" HOST, 400 },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n" HOST, 0 },
	{ "GET /{\"a\"}|^ HTTP/1.1\r\n" HOST, 0 },
	/* Fields. */
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST "A:b\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST "A:\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST "A: \t b \xe9\t c \r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST "A : b\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A\t: b\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A b: c\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST ": b\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A;: b\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "\xc3\xa9: b\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n", 400 },
	{ "GET / HTTP/1.1\r\n A: b\r\n" HOST, 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\r\n", 400 },
	{ "GET / HTTP/1.1\r" HOST, 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n", 400 },
	/* Host. */
	{ "GET / HTTP/1.1\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST HOST, 400 },
	{ "GET / HTTP/1.1\r\n" HOST "HOST: i\r\n", 400 },
	{ "GET / HTTP/1.0\r\n" HOST HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost:\r\n", 0 },
	{ "GET / HTTP/1.1\r\nHost: [::1]:8428\r\n", 0 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a@b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a, b\r\n", 400 },
	{ "GET http://h/ HTTP/1.1\r\n", 400 },
	/* Content-Length. */
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 007\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5,5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: a\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
	  "Content-Length: 6\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
	  "content-length: 5\r\n", 400 },
	/* Transfer-Encoding. */
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n", 0 },
	{ "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	  "Content-Length: 5\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
	  "Transfer-Encoding: chunked\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	  "Transfer-Encoding: chunked\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, a\r\n",
	  400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n",
	  400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n",
	  501 },
	/* Expect, Authorization. */
	{ "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue, x\r\n", 417 },
	{ "POST / HTTP/1.1\r\n" HOST "Expect: x\r\n", 417 },
	{ "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\n"
	  "Authorization: b\r\n", 400 },
};

static const struct {
	const char *value;
	bool	taken;
} accepts[] = {
	{ "", false }, { "gzip", true }, { "GZIP", true },
	{ "x-gzip", true }, { "deflate", false }, { "deflate, gzip", true },
	{ "gzip;q=0", false }, { "gzip; q=0.0", false },
	{ "gzip;q=0.000", false }, { "gzip;q=0.001", true },
	{ "gzip;q=1", true }, { "gzip ;q=0", false }, { "gzip;Q=0", false },
	{ "identity, *", true }, { "*;q=0", false }, { "*;q=0.5", true },
	{ "*, gzip;q=0", false }, { "gzip;q=0, *", false },
	{ "br;q=1.0,gzip;q=0.8,*;q=0.1", true }, { "gzipped", false },
	{ ", ,gzip,", true }, { "identity;q=0", false },
	{ "deflate;q=0, gzip", true },
};

/* The head and what becomes of it, both functions one after the other. */
static int
both(const char *s, size_t len, struct http_head *h)
{
	struct http_scan scan = HTTP_SCAN_INIT;
	const char *why = NULL;
	int n;

	n = http_head_find(&scan, s, len, &why);
	if (n > 0)
		n = http_head_parse(s, (size_t)n, h, &why);
	else if (n == 0)
		diag("no whole head");
	if (n < 0 && why == NULL)
		diag("no reason");
	return n;
}

static void
test_heads(void)
{
	struct strbuf s = STRBUF_INIT;
	struct http_head h;
	size_t i;

	for (i = 0; i < N(heads); i++) {
		strbuf_clear(&s);
		strbuf_puts(&s, heads[i].head);
		strbuf_puts(&s, "\r\n");
		is_int(both(s.s, s.len, &h), -heads[i].status, "head %zu: %s",
		    i, heads[i].head);
	}
	is_int(both("GET /\0 HTTP/1.0\r\n\r\n", 20, &h), -400,
	    "a NUL in the target");
	is_int(both("GET / HTTP/1.0\r\nA: \0\r\n\r\n", 25, &h), -400,
	    "a NUL in a header");
	is_int(both("GET / HTTP/1.0\r\n\0: a\r\n\r\n", 25, &h), -400,
	    "a NUL as its name");
	is_int(both("GET / HTTP/1.0\n\n", 16, &h), -400, "LF alone");
	is_int(both("GET / HTTP/1.0\r\nA: b\n\r\n", 24, &h), -400,
	    "behind a header");
	is_int(both("\x16\x03\x01", 3, &h), -400, "TLS is seen at once");
	strbuf_release(&s);
}

#define IS(text, want, name) \
	is_mem((text).s, (text).len, want, strlen(want), name)

static void
test_meaning(void)
{
	static const char s[] = "POST /a%20b?c=d HTTP/1.1\r\n"
	    "HOST: h\r\ncontent-type:  text/plain; x=y \r\n"
	    "Content-Length: 12\r\nContent-Encoding: GZip\r\n"
	    "Accept-Encoding: gzip\r\nExpect: 100-continue\r\n"
	    "Authorization: Bearer x\r\nConnection: keep-alive, Close\r\n"
	    "\r\nrest";
	static const char old[] = "HEAD http://h/x HTTP/1.0\r\n"
	    "Connection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n";
	static const char large[] = "PUT /? HTTP/1.1\r\nHost: h\r\n"
	    "Content-Length: 99999999999999999999999\r\n"
	    "Content-Encoding: br\r\nAccept-Encoding: br\r\n\r\n";
	struct http_head h;

	is_int(both(s, strlen(s), &h), 0, "a request");
	IS(h.line, "POST /a%20b?c=d HTTP/1.1", "its line");
	IS(h.path, "/a%20b", "path");
	IS(h.query, "c=d", "query");
	IS(h.content_type, "text/plain; x=y", "type");
	IS(h.authorization, "Bearer x", "authorization");
	ok(h.method == HTTP_POST && h.minor == 1 && !h.keep_alive &&
	    h.has_length && h.length == 12 && !h.chunked && h.expects &&
	    h.takes_gzip && h.coding == HTTP_GZIP, "and all the rest");
	is_int(both(old, strlen(old), &h), 0, "an old one");
	IS(h.path, "/x", "its path");
	ok(h.method == HTTP_HEAD && h.minor == 0 && h.keep_alive &&
	    !h.has_length && !h.expects && !h.takes_gzip &&
	    h.coding == HTTP_IDENTITY && h.query.s == NULL &&
	    h.authorization.s == NULL, "and all the rest");
	is_int(both(large, strlen(large), &h), 0, "a large one");
	ok(h.method == HTTP_PUT && h.length == UINT64_MAX && h.keep_alive &&
	    h.coding == HTTP_UNKNOWN && !h.takes_gzip && h.query.s != NULL &&
	    h.query.len == 0, "is as large as can be");
}

/* Whatever pieces it comes in, it is found when its last byte is there. */
static void
test_pieces(void)
{
	static const char s[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nx";
	struct http_scan scan = HTTP_SCAN_INIT;
	const char *why = NULL;
	bool right = true;
	size_t len, want = strlen(s) - 1;
	int n;

	for (len = 0; len <= want; len++) {
		n = http_head_find(&scan, s, len, &why);
		right &= n == (len == want ? (int)want : 0);
	}
	ok(right, "a head that comes byte by byte");
	memset(&scan, 0, sizeof(scan));
	is_int(http_head_find(&scan, s, strlen(s), &why), (int64_t)want,
	    "what is behind it does not count");
}

/* A head with a target and a header so long, and n short headers. */
static int
sized(size_t target, size_t field, int n)
{
	struct http_scan scan = HTTP_SCAN_INIT, partly = HTTP_SCAN_INIT;
	struct strbuf s = STRBUF_INIT;
	const char *why = NULL;
	struct http_head h;
	size_t i;
	int r, before = 0;

	strbuf_puts(&s, "GET /");
	for (i = 1; i < target; i++)
		strbuf_putc(&s, 'x');
	strbuf_puts(&s, " HTTP/1.0\r\n");
	while (n-- > 0)
		strbuf_puts(&s, "A: b\r\n");
	if (field > 0) {
		for (i = 4; i < field; i++)
			strbuf_putc(&s, 'x');
		strbuf_puts(&s, ": \r\n");
	}
	strbuf_puts(&s, "\r\n");
	r = http_head_find(&scan, s.s, s.len, &why);
	/* In pieces, it is refused for the same reason or found. */
	for (i = 1; i < s.len && before == 0; i += 1000)
		before = http_head_find(&partly, s.s, i, &why);
	if (before == 0)
		before = http_head_find(&partly, s.s, s.len, &why);
	if (before != r)
		diag("in pieces: %d, whole: %d", before, r);
	if (r > 0 && before == r)
		r = http_head_parse(s.s, s.len, &h, &why);
	strbuf_release(&s);
	return before < 0 || r <= 0 ? r : 1;
}

static void
test_sizes(void)
{
	/* `GET ' and ` HTTP/1.0' are 13 bytes. */
	is_int(sized(HTTP_LINE_MAX - 13, 0, 0), 0, "the longest line");
	is_int(sized(HTTP_LINE_MAX - 12, 0, 0), -414, "one byte more");
	is_int(sized(3 * HTTP_LINE_MAX, 0, 0), -414, "much more");
	is_int(sized(1, HTTP_FIELDS_MAX, 0), 0, "the longest header");
	is_int(sized(1, HTTP_FIELDS_MAX + 1, 0), -431, "one byte more");
	is_int(sized(1, 3 * HTTP_FIELDS_MAX, 0), -431, "much more");
	is_int(sized(1, HTTP_FIELDS_MAX - 6 * 99, 99), 0, "of many");
	is_int(sized(1, HTTP_FIELDS_MAX - 6 * 99 + 1, 99), -431,
	    "one byte more of them");
	is_int(sized(1, 0, 100), 0, "the most headers");
	is_int(sized(1, 0, 101), -431, "one more");
	is_int(sized(HTTP_LINE_MAX - 13, HTTP_FIELDS_MAX, 0), 0,
	    "the longest line and header");
}

int
main(void)
{
	size_t i;

	plan_later();
	test_heads();
	test_meaning();
	test_pieces();
	test_sizes();
	for (i = 0; i < N(accepts); i++)
		ok(http_gzip_accepted(accepts[i].value,
		    strlen(accepts[i].value)) == accepts[i].taken,
		    "Accept-Encoding: %s", accepts[i].value);
	return done_testing();
}
