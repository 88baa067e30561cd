/*
 * The head of a request over HTTP/1.0 or 1.1 (RFC 9112): bytes in, meaning
 * out.  What the grammar does not allow is refused, and so is what might be
 * understood in two ways.
 *
 * Functions return 0 or more if all is well, else the status of the refusal,
 * negated, and then *why says in a few words what is wrong.
 */
#ifndef NTDB_BIN_HTTP_PARSE_H
#define NTDB_BIN_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"

#define HTTP_LINE_MAX 65536		/* bytes of a request line, else 414 */
#define HTTP_FIELDS_MAX 32768		/* bytes of all fields, else 431 */
#define HTTP_N_FIELDS_MAX 100		/* and their number */

/* Bytes of the largest head that can be well-formed. */
#define HTTP_HEAD_MAX (HTTP_LINE_MAX + 2 + HTTP_FIELDS_MAX + 2)

struct http_text {
	const char *s;		/* not NUL-terminated; NULL: there is none */
	size_t	len;
};

enum http_coding { HTTP_IDENTITY, HTTP_GZIP, HTTP_UNKNOWN };

/* All texts point into the head. */
struct http_head {
	struct http_text line;		/* the whole request line */
	struct http_text method_name;
	enum http_method method;
	struct http_text path, query;	/* as they are, not decoded */
	int	minor;			/* of HTTP/1.minor: 0 or 1 */
	bool	closes, keep_alive;
	bool	has_length, chunked;	/* at most one of them */
	uint64_t length;		/* UINT64_MAX: at least so much */
	bool	expects;		/* 100-continue */
	bool	takes_gzip;		/* as the response */
	enum http_coding coding;	/* of the body */
	struct http_text content_type, authorization;
	/* Of the fields, for the rules about how many there may be. */
	unsigned n_hosts, n_lengths, n_codings;
};

/* How far a head has been looked at. */
struct http_scan {
	size_t	at;		/* bytes, whole lines */
	unsigned n_lines;
	size_t	line_len;	/* of the request line, with its end */
};

#define HTTP_SCAN_INIT { 0, 0, 0 }

/*
 * Whether buf, of which more may come, begins with a whole head: its length,
 * or 0: not yet.  Call again with the same *scan when more has come.
 */
int http_head_find(struct http_scan *scan, const char *buf, size_t len,
    const char **why);

/* Take a whole head apart. */
int http_head_parse(const char *buf, size_t len, struct http_head *h,
    const char **why);

/*
 * Parts that CGI has, too: a method's name, a length (digits only), the
 * coding of a body, whether an Accept-Encoding takes gzip.
 */
enum http_method http_method_find(const char *s, size_t len);
bool http_length_scan(const char *s, size_t len, uint64_t *length);
enum http_coding http_coding_find(const char *s, size_t len);
bool http_gzip_accepted(const char *s, size_t len);

#endif
