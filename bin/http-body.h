/*
 * The body of a request, as HTTP frames it: so many bytes, or in chunks
 * (RFC 9112, section 7).  Bytes in, bytes out.
 */
#ifndef NTDB_BIN_HTTP_BODY_H
#define NTDB_BIN_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_CHUNK_LINE_MAX 256		/* with its extensions */
#define HTTP_TRAILER_MAX 8192		/* bytes of all trailers */

enum http_body_state {
	HTTP_BODY_DATA,		/* left bytes of data, or of the chunk */
	HTTP_BODY_SIZE,		/* in the digits of a chunk's size */
	HTTP_BODY_EXTENSION,	/* behind them */
	HTTP_BODY_SIZE_LF,	/* the LF of that line */
	HTTP_BODY_DATA_CR,	/* what follows a chunk's data */
	HTTP_BODY_DATA_LF,
	HTTP_BODY_TRAILER,	/* the first character of a line */
	HTTP_BODY_TRAILER_LINE,
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_LAST_LF,
	HTTP_BODY_DONE
};

struct http_body {
	enum http_body_state state;
	int	chunked;
	uint64_t left;
	size_t	line;		/* bytes of the size's line or the trailers */
};

/* No body, one of so many bytes, one in chunks. */
void http_body_none(struct http_body *b);
void http_body_length(struct http_body *b, uint64_t length);
void http_body_chunked(struct http_body *b);

/*
 * Take bytes from in up to and including the next piece of data: *used of
 * them; *data is the piece, in in, and *n its length, 0 if more has to come
 * first.  Returns 0, NTDB_END when the body is complete (then *n is 0), or
 * NTDB_ECORRUPT with *why.
 */
int http_body_take(struct http_body *b, const char *in, size_t len,
    size_t *used, const char **data, size_t *n, const char **why);

#endif
