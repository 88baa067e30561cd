#include <string.h>

#include "exchange-impl.h"

/*
 * Take a new line off, which an old client may have sent behind its last body.
 * Returns whether that is settled: half of it may be there.
 */
static bool
skip_line(struct http_conn *c)
{
	size_t len = c->end - c->at;

	if (len == 0 || (len == 1 && c->buf[c->at] == '\r'))
		return false;
	if (len >= 2 && memcmp(c->buf + c->at, "\r\n", 2) == 0)
		conn_take(c, 2);
	return true;
}

/* Reply to a head that was refused. */
static int
refuse(struct exchange *x, int status, const char *why)
{
	exchange_error(x, status, "bad_data", why);
	exchange_finish(x);
	conn_linger(x->conn);
	return -1;
}

/*
 * Wait for the whole head of the next request: its length, 0 when there will
 * be none, or -1 after a refusal.
 */
static int
read_head(struct exchange *x)
{
	const struct http_limits *limits = x->server->limits;
	struct http_scan scan = HTTP_SCAN_INIT;
	struct http_conn *c = x->conn;
	bool settled = false, begun = false, idle;
	int64_t until_ns = 0;
	const char *why;
	long got;
	int n;

	for (;;) {
		settled = settled || skip_line(c);
		n = settled ? http_head_find(&scan, c->buf + c->at,
		    c->end - c->at, &why) : 0;
		if (n < 0)
			return refuse(x, -n, why);
		if (n > 0)
			return n;
		if (!begun) {
			begun = c->end > c->at;
			until_ns = conn_clock() + (begun ? limits->head_ns :
			    c->fresh ? limits->first_ns : limits->idle_ns);
		}
		idle = !begun && !c->fresh && x->server->idle != NULL;
		if (idle)
			x->server->idle(true);
		got = conn_fill(c, HTTP_HEAD_MAX + 2, until_ns);
		if (idle)
			x->server->idle(false);
		if (got > 0)
			continue;
		if (got == CONN_LATE && begun)
			return refuse(x, 408, "request too slow");
		if (got == CONN_EOF && begun)
			return refuse(x, 400, "request cut short");
		return 0;
	}
}

/* Answer one request; false: the connection ends. */
static bool
serve_one(struct exchange *x)
{
	struct http_conn *c = x->conn;
	struct http_head head;
	const char *why;
	bool ok;
	int len, r;

	exchange_reset(x);
	if ((len = read_head(x)) <= 0)
		return false;
	r = http_head_parse(c->buf + c->at, (size_t)len, &head, &why);
	if (r < 0) {
		refuse(x, -r, why);
		return false;
	}
	c->fresh = false;
	x->start_ns = conn_clock();
	x->waited_ns = c->waited_ns;
	ok = exchange_start(x, &head);
	conn_take(c, (size_t)len);
	if (ok)
		x->server->handle(x->server->arg, x);
	exchange_finish(x);
	if (x->failed)
		return false;
	if (x->keep_alive && exchange_drain(x))
		return true;
	if (x->body.state != HTTP_BODY_DONE || x->refusal != 0 ||
	    c->at < c->end)
		conn_linger(c);
	return false;
}

bool
http_serve(struct exchange *x)
{
	x->failed = false;
	x->conn->stopping = x->server->stopping;
	while (serve_one(x))
		;
	return !x->failed;
}
