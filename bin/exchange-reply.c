#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange-impl.h"

#define PACK_MIN 1024		/* less is not worth packing */
#define PACKED_OUT (EXCHANGE_OUT + 1024)	/* even if it does not shrink */
#define HEAD_MAX 1024

static const char *
reason(int status)
{
	static const struct {
		int	status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" }, { 204, "No Content" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" }
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

/* -------------------------------------------------------------- the head */

/* The date as HTTP has it, made once a second; not by the locale. */
static const char *
date(struct http_server *server)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec == server->date_s)
		return server->date;
	server->date_s = now.tv_sec;
	gmtime_r(&now.tv_sec, &tm);
	snprintf(server->date, sizeof(server->date),
	    "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday,
	    (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
	    (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
	    (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return server->date;
}

struct head {
	char	s[HEAD_MAX];
	size_t	len;
};

static void
add(struct head *h, const char *s)
{
	size_t len = strlen(s);

	assert(h->len + len <= sizeof(h->s));
	memcpy(h->s + h->len, s, len);
	h->len += len;
}

static void
add_field(struct head *h, const char *name, const char *value)
{
	add(h, name);
	add(h, ": ");
	add(h, value);
	add(h, "\r\n");
}

/* A number of 64 bits in decimal. */
static const char *
decimal(uint64_t v, char text[24])
{
	char *p = text + 23;

	*p = '\0';
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return p;
}

/* Whether this type of body could be packed. */
static bool
packable(const struct exchange *x)
{
	return x->type != NULL;
}

/* The connection ends unless both sides know where the next request is. */
static void
add_connection(struct exchange *x, struct head *h)
{
	struct http_server *server = x->server;

	if (!exchange_can_drain(x) ||
	    (x->state == EXCHANGE_SENDING && !x->chunked) ||
	    (server->stopping != NULL && server->stopping(false)))
		x->keep_alive = false;
	if (!x->keep_alive)
		add_field(h, "Connection", "close");
	else if (x->minor == 0)
		add_field(h, "Connection", "keep-alive");
}

/* len is the body's, unless it is sent as it comes. */
static void
make_head(struct exchange *x, struct head *h, uint64_t len)
{
	char text[24];
	size_t i;

	h->len = 0;
	add(h, x->cgi ? "Status: " : "HTTP/1.1 ");
	add(h, decimal((uint64_t)x->status, text));
	add(h, " ");
	add(h, reason(x->status));
	add(h, "\r\n");
	if (!x->cgi)
		add_field(h, "Date", date(x->server));
	if (x->type != NULL)
		add_field(h, "Content-Type", x->type);
	for (i = 0; i < x->n_headers; i++)
		add_field(h, x->headers[i].name, x->headers[i].value);
	if (x->packing)
		add_field(h, "Content-Encoding", "gzip");
	if (packable(x))
		add_field(h, "Vary", "Accept-Encoding");
	if (x->chunked)
		add_field(h, "Transfer-Encoding", "chunked");
	else if (x->state != EXCHANGE_SENDING && x->status != 204)
		add_field(h, "Content-Length", decimal(len, text));
	if (!x->cgi)
		add_connection(x, h);
	add(h, "\r\n");
}

/* -------------------------------------------------------------- the body */

/* Write a piece of the body behind the head, if there is one. */
static void
send_piece(struct exchange *x, struct head *h, const char *data, size_t len,
    bool last)
{
	struct iovec iov[4];
	char size[24];
	int n = 0;

	iov[n].iov_base = h != NULL ? h->s : NULL;
	iov[n++].iov_len = h != NULL ? h->len : 0;
	if (x->method != HTTP_HEAD) {
		iov[n].iov_base = size;
		iov[n++].iov_len = x->chunked && len > 0 ? (size_t)
		    snprintf(size, sizeof(size), "%zx\r\n", len) : 0;
		iov[n].iov_base = (char *)(uintptr_t)data;
		iov[n++].iov_len = len;
		iov[n].iov_base = (char *)(uintptr_t)(len > 0 ?
		    "\r\n0\r\n\r\n" : "0\r\n\r\n");
		iov[n++].iov_len = !x->chunked ? 0 : len > 0 ?
		    (last ? 7 : 2) : (last ? 5 : 0);
		x->sent += len;
	}
	conn_write(x->conn, iov, n);
}

/* Make ready for packing; false: then it is sent as it is. */
static bool
begin_packing(struct exchange *x)
{
	if (!x->takes_gzip || !packable(x))
		return false;
	if (x->packed_out == NULL &&
	    (x->packed_out = malloc(PACKED_OUT)) == NULL)
		return false;
	if (x->gzip == NULL)
		x->gzip = gzip_new();
	else
		gzip_reset(x->gzip);
	return x->gzip != NULL;
}

/* Send what was put since the last time, packed. */
static void
send_packed(struct exchange *x, struct head *h, bool last)
{
	size_t at = 0, used, n;
	bool done;

	do {
		done = gzip_run(x->gzip, x->out + at, x->out_len - at, last,
		    &used, x->packed_out, PACKED_OUT, &n);
		at += used;
		done |= !last && at == x->out_len && n < PACKED_OUT;
		if (n > 0 || h != NULL || (last && done))
			send_piece(x, h, x->packed_out, n, last && done);
		h = NULL;
	} while (!done && !x->conn->dead);
}

/* Send what was put since the last time; the response is not complete. */
static void
send_part(struct exchange *x)
{
	struct head head, *h = NULL;

	if (x->state == EXCHANGE_BEGUN) {
		x->state = EXCHANGE_SENDING;
		x->chunked = x->minor > 0 && !x->cgi;
		x->packing = begin_packing(x);
		make_head(x, &head, 0);
		h = &head;
	}
	if (x->packing)
		send_packed(x, h, false);
	else
		send_piece(x, h, x->out, x->out_len, false);
	x->out_len = 0;
}

/* Send a response that was held back to its end. */
static void
send_whole(struct exchange *x)
{
	const char *data = x->out;
	size_t len = x->out_len, used, n;
	struct head head;

	if (len >= PACK_MIN && begin_packing(x) &&
	    gzip_run(x->gzip, x->out, len, true, &used, x->packed_out,
	    PACKED_OUT, &n) && n < len) {
		x->packing = true;
		data = x->packed_out;
		len = n;
	}
	make_head(x, &head, len);
	send_piece(x, &head, data, len, true);
}

/* ------------------------------------------------------------ the caller */

void
exchange_begin(struct exchange *x, int status, const char *type)
{
	if (!exchange_restart(x))
		return;
	x->state = EXCHANGE_BEGUN;
	x->status = status;
	x->type = type;
}

void
exchange_header(struct exchange *x, const char *name, const char *value)
{
	if (x->state != EXCHANGE_BEGUN)
		return;
	assert(x->n_headers < EXCHANGE_HEADERS_MAX);
	x->headers[x->n_headers].name = name;
	x->headers[x->n_headers++].value = value;
}

void
exchange_put(struct exchange *x, const void *data, size_t len)
{
	const char *s = data;
	size_t n;

	assert(x->state != EXCHANGE_IDLE);
	while (len > 0 && x->type != NULL && x->state != EXCHANGE_CLOSED &&
	    !x->conn->dead) {
		/* Full, and there is more: it cannot be held back. */
		if (x->out_len == EXCHANGE_OUT) {
			send_part(x);
			if (x->method == HTTP_HEAD)
				x->state = EXCHANGE_CLOSED;
			continue;
		}
		n = EXCHANGE_OUT - x->out_len;
		n = len < n ? len : n;
		memcpy(x->out + x->out_len, s, n);
		x->out_len += n;
		s += n;
		len -= n;
	}
}

void
exchange_puts(struct exchange *x, const char *s)
{
	exchange_put(x, s, strlen(s));
}

bool
exchange_restart(struct exchange *x)
{
	if (x->state != EXCHANGE_IDLE && x->state != EXCHANGE_BEGUN)
		return false;
	x->state = EXCHANGE_IDLE;
	x->out_len = x->n_headers = 0;
	return true;
}

void
exchange_abort(struct exchange *x)
{
	if (exchange_restart(x)) {
		exchange_error(x, 500, "internal", "not completed");
		return;
	}
	if (x->state == EXCHANGE_SENDING) {
		x->state = EXCHANGE_CLOSED;
		x->failed = true;
		x->keep_alive = false;
		conn_break(x->conn);
	}
}

void
exchange_error(struct exchange *x, int status, const char *type,
    const char *text)
{
	if (!exchange_restart(x)) {
		exchange_abort(x);
		return;
	}
	exchange_begin(x, status, "application/json");
	if (status == 503)
		exchange_header(x, "Retry-After", "5");
	exchange_puts(x, "{\"status\":\"error\",\"errorType\":\"");
	exchange_puts(x, type);
	exchange_puts(x, "\",\"error\":\"");
	exchange_puts(x, text);
	exchange_puts(x, "\"}\n");
}

void
exchange_finish(struct exchange *x)
{
	if (x->state == EXCHANGE_IDLE)
		exchange_error(x, 500, "internal", "no response");
	if (x->state == EXCHANGE_BEGUN) {
		send_whole(x);
	} else if (x->state == EXCHANGE_SENDING && x->method != HTTP_HEAD) {
		if (x->packing)
			send_packed(x, NULL, true);
		else
			send_piece(x, NULL, x->out, x->out_len, true);
	}
	x->state = EXCHANGE_CLOSED;
	x->failed |= x->conn->dead;
	if (x->server->log != NULL)
		x->server->log(x->server->arg, x);
}
