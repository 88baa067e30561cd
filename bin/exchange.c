#include <stdlib.h>
#include <string.h>

#include "exchange-impl.h"

struct exchange *
exchange_new(struct http_server *server, int in, int out)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->server = server;
	x->conn = calloc(1, sizeof(*x->conn));
	x->out = malloc(EXCHANGE_OUT);
	if (x->conn == NULL || x->out == NULL ||
	    conn_init(x->conn, in, out, server->limits) != 0) {
		exchange_free(x);
		return NULL;
	}
	exchange_reset(x);
	return x;
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	if (x->conn != NULL)
		conn_release(x->conn);
	free(x->conn);
	strbuf_release(&x->line);
	strbuf_release(&x->path);
	strbuf_release(&x->content_type);
	strbuf_release(&x->authorization);
	url_params_release(&x->url);
	url_params_release(&x->form);
	gunzip_free(x->gunzip);
	gzip_free(x->gzip);
	free(x->out);
	free(x->packed_out);
	free(x);
}

void
exchange_reset(struct exchange *x)
{
	x->method = HTTP_OTHER;
	x->minor = 1;
	x->keep_alive = x->takes_gzip = false;
	strbuf_clear(&x->line);
	strbuf_clear(&x->path);
	strbuf_clear(&x->content_type);
	strbuf_clear(&x->authorization);
	url_params_clear(&x->url);
	url_params_clear(&x->form);
	http_body_none(&x->body);
	x->expects = x->body_over = false;
	x->coding = HTTP_IDENTITY;
	x->length = x->packed = x->unpacked = 0;
	x->piece = NULL;
	x->piece_len = 0;
	x->reading = false;
	x->refusal = 0;
	x->refusal_why = NULL;
	x->state = EXCHANGE_IDLE;
	x->status = 0;
	x->type = NULL;
	x->n_headers = 0;
	x->out_len = 0;
	x->chunked = x->packing = x->failed = false;
	x->sent = 0;
	x->start_ns = conn_clock();
	x->waited_ns = x->conn->waited_ns;
	conn_allow(x->conn);
}

/* A media type without its parameters, in lower case. */
static void
set_type(struct strbuf *b, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && s[i] != ';' && s[i] != ' ' && s[i] != '\t';
	    i++)
		strbuf_putc(b, s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] + ('a' - 'A')) : s[i]);
}

bool
exchange_start(struct exchange *x, const struct http_head *h)
{
	x->method = h->method;
	x->minor = h->minor;
	x->takes_gzip = h->takes_gzip;
	x->coding = h->coding;
	x->expects = h->expects;
	strbuf_add(&x->line, h->line.s, h->line.len);
	set_type(&x->content_type, h->content_type.s, h->content_type.len);
	strbuf_add(&x->authorization, h->authorization.s,
	    h->authorization.len);
	if (h->chunked)
		http_body_chunked(&x->body);
	else
		http_body_length(&x->body, h->length);
	x->length = h->length;
	if (!url_decode(h->path.s, h->path.len, &x->path) ||
	    !url_path_ok(strbuf_str(&x->path), x->path.len)) {
		exchange_error(x, 400, "bad_data", "bad path");
		return false;
	}
	if (h->query.s != NULL &&
	    !url_params_scan(&x->url, h->query.s, h->query.len)) {
		exchange_error(x, 400, "bad_data", "bad query string");
		return false;
	}
	if (!strbuf_ok(&x->line) || !strbuf_ok(&x->content_type) ||
	    !strbuf_ok(&x->authorization)) {
		exchange_error(x, 503, "unavailable", "out of memory");
		return false;
	}
	x->keep_alive = h->keep_alive;
	return true;
}

/* ----------------------------------------------------------- the request */

enum http_method
exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *
exchange_path(const struct exchange *x)
{
	return strbuf_str(&x->path);
}

const char *
exchange_content_type(const struct exchange *x)
{
	return strbuf_str(&x->content_type);
}

const char *
exchange_authorization(const struct exchange *x)
{
	return strbuf_str(&x->authorization);
}

const char *
exchange_next_param(const struct exchange *x, const char *name, size_t *at)
{
	size_t any = 0;

	if (x->form.n > 0 && url_params_next(&x->form, name, &any) != NULL)
		return url_params_next(&x->form, name, at);
	return url_params_next(&x->url, name, at);
}

const char *
exchange_param(const struct exchange *x, const char *name)
{
	size_t at = 0;

	return exchange_next_param(x, name, &at);
}

/* --------------------------------------------------------- its time limit */

/* How long the request is worked on, without waiting for the client. */
static bool
late(const struct exchange *x, int64_t now_ns)
{
	return now_ns - x->start_ns - (x->conn->waited_ns - x->waited_ns) >
	    x->server->limits->work_ns;
}

bool
exchange_timed_out(const struct exchange *x)
{
	return late(x, conn_clock());
}

bool
exchange_over(const struct exchange *x)
{
	int64_t now_ns;

	if (x->conn->dead || x->state == EXCHANGE_CLOSED)
		return true;
	now_ns = conn_clock();
	return late(x, now_ns) || conn_gone(x->conn, now_ns);
}
