#include <string.h>

#include "hex.h"
#include "http-body.h"
#include "ntdb.h"

void
http_body_none(struct http_body *b)
{
	memset(b, 0, sizeof(*b));
	b->state = HTTP_BODY_DONE;
}

void
http_body_length(struct http_body *b, uint64_t length)
{
	memset(b, 0, sizeof(*b));
	b->state = length > 0 ? HTTP_BODY_DATA : HTTP_BODY_DONE;
	b->left = length;
}

void
http_body_chunked(struct http_body *b)
{
	memset(b, 0, sizeof(*b));
	b->state = HTTP_BODY_SIZE;
	b->chunked = 1;
}

static int
bad(const char *reason, const char **why)
{
	*why = reason;
	return NTDB_ECORRUPT;
}

static int
want(struct http_body *b, char c, char wanted, enum http_body_state next,
    const char **why)
{
	if (c != wanted)
		return bad("bad end of line in a chunk", why);
	b->state = next;
	return 0;
}

/* One character of the line with a chunk's size. */
static int
take_size(struct http_body *b, char c, const char **why)
{
	int digit = b->state == HTTP_BODY_SIZE ? hex_digit(c) : -1;

	if (++b->line > HTTP_CHUNK_LINE_MAX)
		return bad("chunk extensions too long", why);
	if (digit >= 0) {
		if (b->left >> 56 != 0)
			return bad("chunk too large", why);
		b->left = b->left << 4 | (uint64_t)digit;
		return 0;
	}
	if (b->state == HTTP_BODY_SIZE) {
		if (b->line == 1 || (c != '\r' && c != ';' && c != ' ' &&
		    c != '\t'))
			return bad("bad chunk size", why);
		b->state = HTTP_BODY_EXTENSION;
	}
	if (c == '\r')
		b->state = HTTP_BODY_SIZE_LF;
	else if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
		return bad("bad chunk extension", why);
	return 0;
}

/* One character of the trailers, which mean nothing here. */
static int
take_trailer(struct http_body *b, char c, const char **why)
{
	if (++b->line > HTTP_TRAILER_MAX)
		return bad("trailers too long", why);
	if (b->state == HTTP_BODY_TRAILER) {
		if (c == ' ' || c == '\t' || c == ':')
			return bad("bad trailer", why);
		b->state = c == '\r' ? HTTP_BODY_LAST_LF :
		    HTTP_BODY_TRAILER_LINE;
	} else if (c == '\r') {
		b->state = HTTP_BODY_TRAILER_LF;
	}
	if (((unsigned char)c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
		return bad("bad trailer", why);
	return 0;
}

/* One character between the data. */
static int
take_char(struct http_body *b, char c, const char **why)
{
	switch (b->state) {
	case HTTP_BODY_SIZE:
	case HTTP_BODY_EXTENSION:
		return take_size(b, c, why);
	case HTTP_BODY_SIZE_LF:
		b->line = 0;
		return want(b, c, '\n', b->left > 0 ? HTTP_BODY_DATA :
		    HTTP_BODY_TRAILER, why);
	case HTTP_BODY_DATA_CR:
		return want(b, c, '\r', HTTP_BODY_DATA_LF, why);
	case HTTP_BODY_DATA_LF:
		return want(b, c, '\n', HTTP_BODY_SIZE, why);
	case HTTP_BODY_TRAILER_LF:
		return want(b, c, '\n', HTTP_BODY_TRAILER, why);
	case HTTP_BODY_LAST_LF:
		return want(b, c, '\n', HTTP_BODY_DONE, why);
	default:
		return take_trailer(b, c, why);
	}
}

int
http_body_take(struct http_body *b, const char *in, size_t len,
    size_t *used, const char **data, size_t *n, const char **why)
{
	int r;

	*used = *n = 0;
	*data = in;
	while (b->state != HTTP_BODY_DONE && *used < len) {
		if (b->state != HTTP_BODY_DATA) {
			r = take_char(b, in[(*used)++], why);
			if (r != 0)
				return r;
			continue;
		}
		*data = in + *used;
		*n = b->left < len - *used ? (size_t)b->left : len - *used;
		*used += *n;
		b->left -= *n;
		if (b->left == 0)
			b->state = b->chunked ? HTTP_BODY_DATA_CR :
			    HTTP_BODY_DONE;
		return 0;
	}
	return b->state == HTTP_BODY_DONE ? NTDB_END : 0;
}
