#include <string.h>

#include "exchange-impl.h"

#define DRAIN_MAX 65536		/* bytes that are read away */
#define FORM_MAX (1 << 20)	/* bytes of a form */
#define FILL_MAX 65536		/* bytes read at once */

/* Nothing more of the body is read. */
static int
refuse(struct exchange *x, int status, const char *why)
{
	if (x->refusal == 0) {
		x->refusal = status;
		x->refusal_why = why;
	}
	x->body_over = true;
	return NTDB_ECORRUPT;
}

/* Why nothing could be read. */
static int
refuse_read(struct exchange *x, long r)
{
	if (r == CONN_EOF)
		return refuse(x, 400, "body cut short");
	if (r == CONN_LATE)
		return refuse(x, 408, "body too slow");
	return refuse(x, -1, "nobody is there");
}

/* Before the first byte: what is known already, and what the client asks. */
static int
begin(struct exchange *x)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = { (char *)(uintptr_t)go_on, sizeof(go_on) - 1 };

	x->reading = true;
	if (x->body.state == HTTP_BODY_DONE)
		return 0;
	if (x->coding == HTTP_UNKNOWN)
		return refuse(x, 415, "Content-Encoding not supported");
	if (x->length > x->server->max_body)
		return refuse(x, 413, "body too large");
	if (x->coding == HTTP_GZIP) {
		if (x->gunzip == NULL)
			x->gunzip = gunzip_new();
		else
			gunzip_reset(x->gunzip);
		if (x->gunzip == NULL)
			return refuse(x, 503, "out of memory");
	}
	if (x->expects && x->conn->at == x->conn->end &&
	    !conn_write(x->conn, &iov, 1))
		return refuse(x, -1, "nobody is there");
	x->expects = false;
	return 0;
}

static int
count(struct exchange *x, size_t len)
{
	x->packed += len;
	return x->packed > x->server->max_body ?
	    refuse(x, 413, "body too large") : 0;
}

/* The next piece of the body as it was sent.  NTDB_END after the last. */
static int
next_piece(struct exchange *x)
{
	struct http_conn *c = x->conn;
	const char *why = NULL;
	size_t used;
	long n;
	int r;

	for (;;) {
		r = http_body_take(&x->body, c->buf + c->at, c->end - c->at,
		    &used, &x->piece, &x->piece_len, &why);
		conn_take(c, used);
		if (r < 0)
			return refuse(x, 400, why);
		if (r == NTDB_END || x->piece_len > 0)
			return r == 0 ? count(x, x->piece_len) : r;
		if ((n = conn_fill(c, FILL_MAX, -1)) <= 0)
			return refuse_read(x, n);
	}
}

/* A body of known length goes where it is wanted, without a copy. */
static int
read_straight(struct exchange *x, char *buf, size_t room, size_t *len)
{
	const char *why, *piece;
	size_t used;
	long n;

	if (room > x->body.left)
		room = (size_t)x->body.left;
	if ((n = conn_read(x->conn, buf, room, -1)) <= 0)
		return refuse_read(x, n);
	http_body_take(&x->body, buf, (size_t)n, &used, &piece, len, &why);
	return count(x, *len);
}

static int
read_plain(struct exchange *x, char *buf, size_t room, size_t *len)
{
	int r;

	if (x->piece_len == 0) {
		if (x->body.state == HTTP_BODY_DATA &&
		    x->conn->at == x->conn->end)
			return read_straight(x, buf, room, len);
		if ((r = next_piece(x)) != 0)
			return r;
	}
	*len = x->piece_len < room ? x->piece_len : room;
	memcpy(buf, x->piece, *len);
	x->piece += *len;
	x->piece_len -= *len;
	return 0;
}

static int
read_packed(struct exchange *x, char *buf, size_t room, size_t *len)
{
	size_t used;
	int r;

	for (;;) {
		r = gunzip_run(x->gunzip, x->piece, x->piece_len, &used, buf,
		    room, len);
		if (r != 0)
			return refuse(x, 400, "body is not gzip");
		x->piece += used;
		x->piece_len -= used;
		if (*len > 0)
			break;
		if (x->piece_len == 0 && (r = next_piece(x)) != 0) {
			if (r == NTDB_END && x->packed > 0 &&
			    !gunzip_done(x->gunzip))
				return refuse(x, 400, "gzip body cut short");
			return r;
		}
	}
	x->unpacked += *len;
	return x->unpacked > 4 * x->server->max_body ?
	    refuse(x, 413, "body too large, unpacked") : 0;
}

int
exchange_read(struct exchange *x, char *buf, size_t room, size_t *len)
{
	int r;

	*len = 0;
	if (!x->reading && (r = begin(x)) != 0)
		return r;
	if (x->refusal != 0)
		return NTDB_ECORRUPT;
	if (x->body_over || (x->length == 0 && !x->body.chunked))
		return NTDB_END;
	r = x->coding == HTTP_GZIP ? read_packed(x, buf, room, len) :
	    read_plain(x, buf, room, len);
	x->body_over |= r == NTDB_END;
	return r;
}

void
exchange_refuse_body(struct exchange *x)
{
	if (x->refusal == -1)
		x->conn->dead = true;
	else
		exchange_error(x, x->refusal != 0 ? x->refusal : 400,
		    x->refusal == 503 ? "unavailable" : "bad_data",
		    x->refusal_why != NULL ? x->refusal_why : "bad body");
}

bool
exchange_read_form(struct exchange *x)
{
	struct strbuf text = STRBUF_INIT;
	char buf[4096];
	size_t n;
	int r;

	if (strcmp(exchange_content_type(x),
	    "application/x-www-form-urlencoded") != 0)
		return true;
	while ((r = exchange_read(x, buf, sizeof(buf), &n)) == 0) {
		strbuf_add(&text, buf, n);
		if (text.len > FORM_MAX)
			refuse(x, 413, "form too large");
		if (!strbuf_ok(&text))
			refuse(x, 503, "out of memory");
	}
	if (r == NTDB_END && !url_params_scan(&x->form, strbuf_str(&text),
	    text.len))
		r = refuse(x, 400, "bad form");
	strbuf_release(&text);
	if (r != NTDB_END)
		exchange_refuse_body(x);
	return r == NTDB_END;
}

bool
exchange_can_drain(const struct exchange *x)
{
	if (x->refusal != 0)
		return false;
	return x->body.state == HTTP_BODY_DONE || (!x->expects &&
	    !x->body.chunked && x->body.left <= DRAIN_MAX);
}

bool
exchange_drain(struct exchange *x)
{
	int r = 0;

	x->piece_len = 0;
	while (x->body.state != HTTP_BODY_DONE && r == 0)
		r = next_piece(x);
	x->piece_len = 0;
	return r >= 0;
}
