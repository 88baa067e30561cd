/*
 * A connection: bytes that come and go through one descriptor or two, of
 * whatever kind, with a limit to how long the other side is waited for.
 *
 * While a request's body or a response is on its way, the other side has an
 * allowance of waiting, which waiting uses up and bytes that move refill:
 * one that stops, and one that is slower than the rate, are given up alike.
 */
#ifndef NTDB_BIN_HTTP_CONN_H
#define NTDB_BIN_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct http_limits {
	int64_t	first_ns;	/* until a connection's first byte */
	int64_t	idle_ns;	/* between two requests */
	int64_t	head_ns;	/* from a head's first byte to its last */
	int64_t	stall_ns;	/* the allowance of waiting */
	int64_t	rate;		/* bytes a second that keep it full */
	int64_t	work_ns;	/* of one request, waiting not counted */
	int64_t	linger_ns;	/* reading before a connection is closed */
};

extern const struct http_limits http_limits_default;

enum {
	CONN_EOF = 0,		/* the other side has said that that is all */
	CONN_LATE = -1,		/* it was waited for too long */
	CONN_GONE = -2		/* it is not there any more */
};

struct http_conn {
	int	in, out;		/* borrowed */
	bool	in_socket, out_socket;
	const struct http_limits *limits;
	char	*buf;			/* owned: what was read and not yet
					 * taken is from at to end */
	size_t	cap, at, end;
	uint64_t left;			/* bytes that may still be read */
	int64_t	allowance_ns;
	int64_t	waited_ns;		/* for the other side, in all */
	int64_t	looked_ns;		/* when it was looked for */
	bool	dead;			/* nothing can be written any more */
	bool	fresh;			/* no request has come yet */
	bool	(*stopping)(bool fresh); /* whether no request is waited for
					 * any more; may be NULL */
};

/* -1: out of memory. */
int conn_init(struct http_conn *c, int in, int out,
    const struct http_limits *limits);

/* The same for another connection; what was read is forgotten. */
void conn_reset(struct http_conn *c, int in, int out);
void conn_release(struct http_conn *c);

/* The monotonic clock. */
int64_t conn_clock(void);

/*
 * Read more behind what is there, growing the buffer up to max bytes; the
 * caller sees to it that it is not full.  Waits until that time, or, if until
 * is negative, as long as the allowance lasts.  The bytes read, or CONN_...
 */
long conn_fill(struct http_conn *c, size_t max, int64_t until_ns);

/* The same into a buffer of the caller's, past what is there, which is
 * nothing. */
long conn_read(struct http_conn *c, char *buf, size_t room,
    int64_t until_ns);

/* Take n bytes off what was read. */
void conn_take(struct http_conn *c, size_t n);

/* Write all of it; false: the other side is gone or too slow. */
bool conn_write(struct http_conn *c, struct iovec *iov, int n);

/* Begin with a full allowance. */
void conn_allow(struct http_conn *c);

/* Whether the other side is gone; it is looked for now and then only. */
bool conn_gone(struct http_conn *c, int64_t now_ns);

/*
 * Say that nothing more comes, and read away a little of what the other side
 * is still sending, lest it miss the response that was written.
 */
void conn_linger(struct http_conn *c);

/* Let the end of the connection look like a failure. */
void conn_break(struct http_conn *c);

#endif
