#include <stdlib.h>
#include <string.h>

#include "http-cgi.h"

bool
cgi_is(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL;
}

bool
cgi_arguments_are_foreign(void)
{
	const char *query = getenv("QUERY_STRING");

	return query != NULL && query[0] != '\0' &&
	    strchr(query, '=') == NULL;
}

/* A variable that CGI sets; "" if it did not. */
static struct http_text
variable(const char *name)
{
	const char *s = getenv(name);
	struct http_text text = { s != NULL ? s : "", 0 };

	text.len = strlen(text.s);
	return text;
}

/* The first line that the client's request may have had, for the log. */
static void
make_line(struct strbuf *line, const struct http_head *h)
{
	struct http_text protocol = variable("SERVER_PROTOCOL");

	strbuf_add(line, h->method_name.s, h->method_name.len);
	strbuf_putc(line, ' ');
	strbuf_add(line, h->path.s, h->path.len);
	if (h->query.len > 0) {
		strbuf_putc(line, '?');
		strbuf_add(line, h->query.s, h->query.len);
	}
	strbuf_putc(line, ' ');
	strbuf_add(line, protocol.s, protocol.len);
}

/*
 * The server has decoded the path already.  It is encoded again where that
 * matters, so that decoding gives it back.
 */
static void
encode_path(struct strbuf *out, struct http_text path)
{
	size_t i;

	if (path.len == 0)
		strbuf_putc(out, '/');
	for (i = 0; i < path.len; i++) {
		if (path.s[i] == '%')
			strbuf_puts(out, "%25");
		else
			strbuf_putc(out, path.s[i]);
	}
}

static bool
read_head(struct http_head *h, struct strbuf *path)
{
	struct http_text length = variable("CONTENT_LENGTH");
	struct http_text coding = variable("HTTP_CONTENT_ENCODING");
	struct http_text accept = variable("HTTP_ACCEPT_ENCODING");

	memset(h, 0, sizeof(*h));
	h->method_name = variable("REQUEST_METHOD");
	h->method = http_method_find(h->method_name.s, h->method_name.len);
	encode_path(path, variable("PATH_INFO"));
	h->path.s = strbuf_str(path);
	h->path.len = path->len;
	h->query = variable("QUERY_STRING");
	h->content_type = variable("CONTENT_TYPE");
	h->authorization = variable("HTTP_AUTHORIZATION");
	h->coding = http_coding_find(coding.s, coding.len);
	h->takes_gzip = http_gzip_accepted(accept.s, accept.len);
	return strbuf_ok(path) && (length.len == 0 ||
	    http_length_scan(length.s, length.len, &h->length));
}

bool
cgi_serve(struct exchange *x, bool refuse)
{
	struct strbuf path = STRBUF_INIT, line = STRBUF_INIT;
	struct http_head head;

	exchange_reset(x);
	x->cgi = true;
	x->failed = false;
	if (refuse) {
		exchange_error(x, 400, "bad_data", "bad query string");
	} else if (!read_head(&head, &path)) {
		exchange_error(x, 400, "bad_data", "bad CONTENT_LENGTH");
	} else {
		make_line(&line, &head);
		head.line.s = strbuf_str(&line);
		head.line.len = line.len;
		x->conn->left = head.length;
		if (exchange_start(x, &head))
			x->server->handle(x->server->arg, x);
	}
	exchange_finish(x);
	strbuf_release(&path);
	strbuf_release(&line);
	return !x->failed;
}
