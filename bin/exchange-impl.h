/*
 * What is behind exchange.h: for what implements it and for what runs
 * exchanges one after another, and for nobody else.
 */
#ifndef NTDB_BIN_EXCHANGE_IMPL_H
#define NTDB_BIN_EXCHANGE_IMPL_H

#include <time.h>

#include "exchange.h"
#include "gzip.h"
#include "http-body.h"
#include "http-conn.h"
#include "http-parse.h"
#include "strbuf.h"
#include "url.h"

#define EXCHANGE_OUT 65536		/* bytes of a response held back */
#define EXCHANGE_HEADERS_MAX 8

/* What all exchanges of a process have in common. */
struct http_server {
	const struct http_limits *limits;
	uint64_t max_body;		/* packed; unpacked four times that */
	void	(*handle)(void *arg, struct exchange *x);
	void	(*log)(void *arg, const struct exchange *x); /* or NULL */
	void	*arg;
	bool	(*stopping)(bool fresh); /* whether connections are to end,
					 * or even ones without a request; or
					 * NULL */
	void	(*idle)(bool idle);	/* a request is waited for, or no
					 * longer; or NULL */
	time_t	date_s;			/* of date */
	char	date[32];
};

enum exchange_state {
	EXCHANGE_IDLE,		/* no response was begun */
	EXCHANGE_BEGUN,		/* nothing of it was sent */
	EXCHANGE_SENDING,	/* its head was sent */
	EXCHANGE_CLOSED		/* it is complete, or was aborted */
};

/*
 * One of these serves all exchanges of a connection, and then those of the
 * next one: its memory is used again.
 */
struct exchange {
	struct http_server *server;	/* borrowed */
	struct http_conn *conn;		/* owned */
	bool	cgi;			/* a response's head is CGI's */

	/* The request. */
	enum http_method method;
	int	minor;
	bool	keep_alive;		/* the connection, after this one */
	bool	takes_gzip;
	struct strbuf line;		/* the request line */
	struct strbuf path, content_type, authorization;
	struct url_params url, form;
	int64_t	start_ns, waited_ns;	/* conn's, when the request was there */

	/* Its body. */
	struct http_body body;
	bool	expects;		/* 100 has still to be sent */
	bool	reading;		/* it was begun */
	bool	body_over;		/* nothing more is read of it */
	enum http_coding coding;
	uint64_t length;		/* as far as it is known */
	uint64_t packed, unpacked;	/* bytes so far */
	const char *piece;		/* read, but not unpacked: in conn's
					 * buffer */
	size_t	piece_len;
	struct gunzip *gunzip;		/* owned; NULL until needed */
	int	refusal;		/* status, 0 or -1: nobody is there */
	const char *refusal_why;

	/* The response. */
	enum exchange_state state;
	int	status;
	const char *type;		/* NULL: no body */
	struct {
		const char *name, *value;
	} headers[EXCHANGE_HEADERS_MAX];
	size_t	n_headers;
	char	*out;			/* owned: EXCHANGE_OUT bytes */
	size_t	out_len;
	bool	chunked, packing;	/* once sending */
	bool	failed;			/* aborted */
	char	*packed_out;		/* owned; NULL until needed */
	struct gzip *gzip;		/* the same */
	uint64_t sent;			/* bytes of its body */
};

/* NULL: out of memory. */
struct exchange *exchange_new(struct http_server *server, int in, int out);
void exchange_free(struct exchange *x);

/* Begin with another request: nothing is known of it. */
void exchange_reset(struct exchange *x);

/*
 * Take over a head; it need not stay.  false: something in it is refused,
 * which has been replied.
 */
bool exchange_start(struct exchange *x, const struct http_head *h);

/* {"status":"error",...} with constants that need no escapes. */
void exchange_error(struct exchange *x, int status, const char *type,
    const char *text);

/* Send what has not been sent of the response. */
void exchange_finish(struct exchange *x);

/* Read away what is left of the body; false: that is too much. */
bool exchange_drain(struct exchange *x);

/* Whether what is left is little enough for that. */
bool exchange_can_drain(const struct exchange *x);

/*
 * Answer the requests of a connection until it ends.  Descriptors are not
 * closed.  false: the last response could not be completed.
 */
bool http_serve(struct exchange *x);

#endif
