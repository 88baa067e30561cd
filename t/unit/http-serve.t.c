#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bin/exchange-impl.h"
#include "scratch.h"
#include "tap.h"

/*
 * Whole connections, with a handler that knows no API, in three parts: what is
 * promised to handlers; limits of time, which are short here; and requests with
 * random changes, whose responses must be well-formed whatever they say.
 * NTDB_LONG=1: 100,000 of these.
 */

#define MS INT64_C(1000000)

static struct http_limits limits = {
	.first_ns = 40 * MS,
	.idle_ns = 80 * MS,
	.head_ns = 60 * MS,
	.stall_ns = 60 * MS,
	.rate = 1000,
	.work_ns = 50 * MS,
	.linger_ns = 20 * MS
};

/* --------------------------------------------------------- the handler */

static unsigned n_handled;

static void
put_many(struct exchange *x, size_t len)
{
	static const char block[] = "0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcde\n";
	size_t n;

	for (; len > 0; len -= n) {
		n = len < 64 ? len : 64;
		exchange_put(x, block, n);
	}
}

/* What is in the body comes back. */
static void
echo(struct exchange *x)
{
	struct strbuf body = STRBUF_INIT;
	char buf[300];
	size_t n;
	int r;

	while ((r = exchange_read(x, buf, 1 + body.len % sizeof(buf), &n)) ==
	    0)
		strbuf_add(&body, buf, n);
	if (r != NTDB_END) {
		exchange_refuse_body(x);
	} else {
		exchange_begin(x, 200, "text/plain");
		exchange_put(x, body.s, body.len);
	}
	strbuf_release(&body);
}

/* All values of `a', each in a line. */
static void
list_params(struct exchange *x)
{
	const char *value;
	size_t at = 0;

	if (!exchange_read_form(x))
		return;
	exchange_begin(x, 200, "text/plain");
	while ((value = exchange_next_param(x, "a", &at)) != NULL) {
		exchange_puts(x, value);
		exchange_puts(x, "\n");
	}
}

static void
work(struct exchange *x)
{
	unsigned n = 0;

	while (!exchange_over(x) && n < 10000) {
		usleep(1000);
		n++;
	}
	if (exchange_timed_out(x))
		exchange_error(x, 503, "timeout", "too slow");
}

static void
handle(void *arg, struct exchange *x)
{
	const char *path = exchange_path(x), *n = exchange_param(x, "n");
	size_t len = n != NULL ? (size_t)strtoul(n, NULL, 10) % 1000000 : 0;

	(void)arg;
	n_handled++;
	if (strcmp(path, "/echo") == 0) {
		echo(x);
	} else if (strcmp(path, "/params") == 0) {
		list_params(x);
	} else if (strcmp(path, "/work") == 0) {
		work(x);
	} else if (strcmp(path, "/silent") == 0) {
		return;
	} else if (strcmp(path, "/none") == 0) {
		exchange_begin(x, 204, NULL);
		put_many(x, len);
	} else {
		exchange_begin(x, 400, "text/plain");
		exchange_header(x, "Lost", "yes");
		put_many(x, 1000);
		if (!exchange_restart(x))
			diag("cannot restart");
		exchange_begin(x, 200, "text/plain");
		exchange_header(x, "Kept", "yes");
		put_many(x, len);
		if (strcmp(path, "/abort") == 0)
			exchange_abort(x);
		if (strcmp(path, "/late") == 0)
			exchange_error(x, 500, "internal", "late");
	}
}

static struct http_server server = {
	.limits = &limits, .max_body = 5000, .handle = handle
};

/* --------------------------------------------------- without a connection */

/* All responses to these bytes. */
static bool
serve(struct exchange *x, const void *data, size_t len, struct strbuf *out)
{
	int in_fd = memfd_create("in", 0), out_fd = memfd_create("out", 0);
	char buf[4096];
	ssize_t n;
	bool ok;

	if (in_fd == -1 || out_fd == -1 ||
	    write(in_fd, data, len) != (ssize_t)len ||
	    lseek(in_fd, 0, SEEK_SET) != 0)
		bail("no memory file");
	strbuf_clear(out);
	conn_reset(x->conn, in_fd, out_fd);
	ok = http_serve(x);
	lseek(out_fd, 0, SEEK_SET);
	while ((n = read(out_fd, buf, sizeof(buf))) > 0)
		strbuf_add(out, buf, (size_t)n);
	close(in_fd);
	close(out_fd);
	return ok;
}

/* The body of the first response, which has a length. */
static const char *
body_of(const struct strbuf *out)
{
	const char *end = strstr(strbuf_str(out), "\r\n\r\n");

	return end != NULL ? end + 4 : "";
}

static void
is_answer(struct exchange *x, const char *request, int status,
    const char *body, const char *name)
{
	struct strbuf out = STRBUF_INIT;
	char line[32];

	serve(x, request, strlen(request), &out);
	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (!ok(strncmp(strbuf_str(&out), line, strlen(line)) == 0, "%s: %d",
	    name, status))
		diag("%s", strbuf_str(&out));
	if (body != NULL)
		is_str(body_of(&out), body, "%s: the body", name);
	strbuf_release(&out);
}

#define POST(path, headers, body) \
	"POST " path " HTTP/1.0\r\n" headers "\r\n" body
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void
test_promises(struct exchange *x)
{
	is_answer(x, POST("/echo", "Content-Length: 5\r\n", "hello"), 200,
	    "hello", "a body");
	is_answer(x, "GET /silent HTTP/1.0\r\n\r\n", 500, "{\"status\":"
	    "\"error\",\"errorType\":\"internal\",\"error\":"
	    "\"no response\"}\n", "a handler that does nothing");
	is_answer(x, "GET /none?n=100 HTTP/1.0\r\n\r\n", 204, "",
	    "what has no type has no body");
	is_answer(x, "GET /?n=3 HTTP/1.0\r\n\r\n", 200, "012",
	    "a response that is begun again");
	is_answer(x, "GET /abort?n=3 HTTP/1.0\r\n\r\n", 500, NULL,
	    "one that is aborted before it was sent");
	is_answer(x, "GET /late?n=65536 HTTP/1.0\r\n\r\n", 500, NULL,
	    "an error after 64 KiB");
	is_answer(x, "GET /params?a=1&b=2&a=3 HTTP/1.0\r\n\r\n", 200,
	    "1\n3\n", "parameters");
	is_answer(x, POST("/params?a=1&b=2", FORM "Content-Length: 11\r\n",
	    "a=x%20y&a=+"), 200, "x y\n \n", "those of a form win");
	is_answer(x, POST("/params?a=1&b=2", FORM "Content-Length: 3\r\n",
	    "b=3"), 200, "1\n", "if there are any of that name");
	is_answer(x, POST("/params?a=1", FORM, ""), 200, "1\n",
	    "an empty form");
	is_answer(x, POST("/params?a=1", "Content-Type: text/plain\r\n"
	    "Content-Length: 3\r\n", "a=2"), 200, "1\n", "no form");
	is_answer(x, POST("/params", "Content-Type: APPLICATION/x-www-form-"
	    "urlencoded;charset=utf-8\r\nContent-Length: 3\r\n", "a=2"), 200,
	    "2\n", "its type in other letters");
}

static size_t
count(const struct strbuf *s, const char *what)
{
	const char *p = strbuf_str(s);
	size_t n = 0;

	for (; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void
test_long(struct exchange *x)
{
	static const char get[] = "GET /?n=200000 HTTP/1.1\r\nHost: h\r\n\r\n"
	    "GET /?n=1 HTTP/1.1\r\nHost: h\r\n\r\n";
	static const char old[] = "GET /?n=200000 HTTP/1.0\r\n"
	    "Connection: keep-alive\r\n\r\nGET /?n=1 HTTP/1.0\r\n\r\n";
	static const char late[] = "GET /late?n=65537 HTTP/1.1\r\n"
	    "Host: h\r\n\r\n";
	struct strbuf out = STRBUF_INIT;

	ok(serve(x, get, strlen(get), &out), "a long response");
	is_u64(count(&out, "HTTP/1.1 200 OK"), 2, "and the next one");
	is_u64(count(&out, "Transfer-Encoding: chunked\r\n"), 1, "in chunks");
	is_u64(count(&out, "Kept: yes\r\n") + count(&out, "Lost"), 2,
	    "with their headers");
	is_u64(count(&out, "abcdef\n") + count(&out, "abcde\n"),
	    200000 / 64, "each line is there");
	ok(serve(x, old, strlen(old), &out), "by HTTP/1.0");
	is_u64(count(&out, "HTTP/1.1 200 OK"), 1, "the connection ends");
	is_u64(count(&out, "chunked") + count(&out, "Content-Length"), 0,
	    "there are no chunks, and no length");
	is_u64(out.len - (size_t)(body_of(&out) - out.s), 200000,
	    "and all of it comes");
	ok(!serve(x, late, strlen(late), &out), "a failure behind 64 KiB");
	is_u64(count(&out, "HTTP/1.1"), 1, "is no second response");
	is_u64(count(&out, "\r\n0\r\n"), 0, "and not the end of the first");
	strbuf_release(&out);
}

/* ----------------------------------------------------------- limits of time */

/*
 * Serve one end of a pair of sockets; what was sent before is all that comes.
 * The milliseconds it takes.
 */
static int64_t
serve_sockets(struct exchange *x, const char *request, bool read_it,
    struct strbuf *out)
{
	int64_t start, end;
	int fds[2], small = 4096;
	char buf[4096];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		bail("no sockets");
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (write(fds[1], request, strlen(request)) < 0)
		bail("cannot write");
	start = conn_clock();
	conn_reset(x->conn, fds[0], fds[0]);
	http_serve(x);
	end = conn_clock();
	close(fds[0]);
	strbuf_clear(out);
	while (read_it && (n = read(fds[1], buf, sizeof(buf))) > 0)
		strbuf_add(out, buf, (size_t)n);
	close(fds[1]);
	return (end - start) / MS;
}

static void
is_limited(struct exchange *x, const char *request, int64_t least,
    const char *want, const char *name)
{
	struct strbuf out = STRBUF_INIT;
	int64_t ms = serve_sockets(x, request, true, &out);

	if (!ok(ms >= least && ms < least + 2000, "%s ends in time", name))
		diag("%lld ms", (long long)ms);
	if (!ok(want[0] != '\0' ? strstr(strbuf_str(&out), want) != NULL :
	    out.len == 0, "%s: %s", name, want))
		diag("%s", strbuf_str(&out));
	strbuf_release(&out);
}

static void
test_time(struct exchange *x)
{
	struct strbuf out = STRBUF_INIT;
	int64_t ms;

	is_limited(x, "", 40, "", "no request");
	is_limited(x, "GET / HT", 60, " 408 ", "half a head");
	is_limited(x, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 80, " 200 ",
	    "no second request");
	is_limited(x, "GET / HTTP/1.1\r\nHost: h\r\n\r\nG", 60, " 408 ",
	    "half a second one");
	is_limited(x, "POST /echo HTTP/1.1\r\nHost: h\r\n"
	    "Content-Length: 10\r\n\r\nhello", 60, " 408 ", "half a body");
	is_limited(x, "POST /echo HTTP/1.1\r\nHost: h\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello", 60, " 408 ",
	    "half its chunks");
	is_limited(x, "GET /work HTTP/1.0\r\n\r\n", 50,
	    "\"errorType\":\"timeout\"", "a query without end");
	ms = serve_sockets(x, "GET /?n=900000 HTTP/1.0\r\n\r\n", false, &out);
	ok(ms >= 60 && ms < 2000, "a client that does not read");
	strbuf_release(&out);
}

/* -------------------------------------------------------- random requests */

static const char *const corpus[] = {
	"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /?n=70000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n",
	"GET /?n=2000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: *;q=1\r\n\r\n",
	"HEAD /?n=70000 HTTP/1.1\r\nHost: [::1]:8428\r\n\r\n",
	"GET /?n=70000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /abort?n=70000 HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /late?n=70000 HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /abort HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /silent HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /none HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET http://h:80/params?a=1&a=%41+%2b HTTP/1.1\r\nHost: h\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close, TE\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
	"PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
	"Expect: 100-continue\r\nAuthorization: Basic dTpw\r\n\r\nhello",
	"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5;a=\"b\"\r\nhello\r\n00a \r\n0123456789\r\n0\r\nA: b\r\n\r\n",
	"POST /params?a=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n"
	"Content-Type: application/x-www-form-urlencoded\r\n\r\na=2&b=%",
	"POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nunwanted!",
	"POST /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	"1\r\na\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\nlarge",
	"\r\nGET /echo HTTP/1.1\r\nHost:\t h \r\nX: \xe9\xff\r\nY:\r\n\r\n",
};

/* One with a body in gzip. */
static const char packed_head[] = "POST /echo HTTP/1.1\r\nHost: h\r\n"
	"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n";
static const char packed_body[] = "1f8b0800000000000003cb48cdc9c907"
	"0086a6103605000000";

static const char *const words[] = {
	"\r\n", "\r\n\r\n", "\r", "\n", " ", "\t", ":", ";", ",", "%", "%00",
	"%2e", "0", "-1", "+", "99999999999999999999", "18446744073709551615",
	"ffffffffffffffff", "7fffffffffffffff", "chunked", "gzip", "close",
	"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
	"Content-Encoding: gzip\r\n", "Connection: close\r\n", "Host: i\r\n",
	"Expect: 100-continue\r\n", "Accept-Encoding: gzip;q=0.1\r\n",
	"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "GET ", "HEAD ", "/echo", "/../",
	"?n=100000", "\xff\xff\xff\xff", "http://", "q=0",
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
add_seed(struct strbuf *s)
{
	uint32_t i = random_below(N(corpus) + 1);
	uint8_t body[32];

	if (i < N(corpus)) {
		strbuf_puts(s, corpus[i]);
	} else {
		strbuf_puts(s, packed_head);
		strbuf_add(s, body, from_hex(packed_body, body,
		    sizeof(body)));
	}
}

/* Replace len bytes at a place by others. */
static void
splice(struct strbuf *s, size_t at, size_t len, const char *with, size_t n)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add(&out, s->s, at);
	strbuf_add(&out, with, n);
	strbuf_add(&out, s->s + at + len, s->len - at - len);
	strbuf_release(s);
	*s = out;
}

static void
change(struct strbuf *s)
{
	size_t at = random_below((uint32_t)s->len + 1), len;
	const char *word = words[random_below(N(words))];
	char c = (char)random_below(256);
	char *copy;

	len = random_below(20);
	len = len < s->len - at ? len : s->len - at;
	switch (random_below(7)) {
	case 0:
		if (at < s->len)
			s->s[at] ^= (char)(1 << random_below(8));
		break;
	case 1:
		splice(s, at, 0, &c, 1);
		break;
	case 2:
		splice(s, at, len, NULL, 0);
		break;
	case 3:
		copy = malloc(len + 1);
		memcpy(copy, s->s + at, len);
		splice(s, random_below((uint32_t)s->len + 1), 0, copy, len);
		free(copy);
		break;
	case 4:
		splice(s, at, random_below(2) ? len : 0, word, strlen(word));
		break;
	case 5:
		add_seed(s);
		break;
	default:
		if (random_below(4) == 0)
			splice(s, at, s->len - at, NULL, 0);
		break;
	}
}

/* The end of one response at s, or NULL if it is none. */
static const char *
skip_response(const char *s, const char *end, bool failed)
{
	const char *body = memmem(s, (size_t)(end - s), "\r\n\r\n", 4), *p;
	struct http_body b;
	const char *data, *why;
	size_t used, n;
	char head[2048];
	int r = 0;

	if (end - s < 13 || memcmp(s, "HTTP/1.1 ", 9) != 0 || body == NULL)
		return NULL;
	body += 4;
	snprintf(head, sizeof(head), "%.*s", (int)(body - s), s);
	if (memcmp(s + 9, "100", 3) == 0 || memcmp(s + 9, "204", 3) == 0)
		return body;
	if ((p = strstr(head, "Content-Length: ")) != NULL) {
		n = (size_t)strtoul(p + 16, NULL, 10);
		/* The one that answers a HEAD has none of it. */
		return n <= (size_t)(end - body) && (end == body ||
		    memcmp(body, "HTTP/1.1 ", 9) != 0) ? body + n : body;
	}
	if (strstr(head, "Transfer-Encoding: chunked") == NULL)
		return end;
	if (end == body || memcmp(body, "HTTP/1.1 ", 9) == 0)
		return body;
	http_body_chunked(&b);
	while (r == 0 && body < end) {
		r = http_body_take(&b, body, (size_t)(end - body), &used,
		    &data, &n, &why);
		body += used;
	}
	return r == NTDB_END || (r == 0 && failed) ? body : NULL;
}

static void
test_random(struct exchange *x)
{
	const char *keep = getenv("NTDB_LONG");
	unsigned total = keep != NULL && strcmp(keep, "0") != 0 ? 100000 :
	    3000, i, j, n_responses = 0;
	struct strbuf s = STRBUF_INIT, out = STRBUF_INIT;
	const char *p, *end;
	bool right = true, whole;

	n_handled = 0;
	for (i = 0; i < total && right; i++) {
		strbuf_clear(&s);
		add_seed(&s);
		for (j = random_below(8); j > 0; j--)
			change(&s);
		whole = serve(x, s.s, s.len, &out);
		p = out.len > 0 ? out.s : NULL;
		end = out.len > 0 ? out.s + out.len : NULL;
		for (; right && p < end; n_responses++) {
			p = skip_response(p, end, !whole);
			right = p != NULL;
		}
		if (!right)
			diag("in: %s\nout: %s", strbuf_str(&s),
			    strbuf_str(&out));
	}
	ok(right, "%u random connections get well-formed responses", i);
	diag("%u responses, %u of them made by the handler", n_responses,
	    n_handled);
	ok(n_handled > total / 4, "many reach the handler");
	strbuf_release(&s);
	strbuf_release(&out);
}

int
main(void)
{
	struct exchange *x = exchange_new(&server, -1, -1);

	plan_later();
	random_start();
	if (x == NULL)
		bail("no memory");
	test_promises(x);
	test_long(x);
	test_time(x);
	test_random(x);
	exchange_free(x);
	return done_testing();
}
