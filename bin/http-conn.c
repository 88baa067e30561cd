#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http-conn.h"

#define S INT64_C(1000000000)
#define BUF_MIN 16384
#define LOOK_NS (S / 10)
#define LINGER_MAX (256 << 10)	/* bytes that are read away */

const struct http_limits http_limits_default = {
	.first_ns = 10 * S,
	.idle_ns = 60 * S,
	.head_ns = 10 * S,
	.stall_ns = 10 * S,
	.rate = 512,
	.work_ns = 120 * S,
	.linger_ns = 1 * S
};

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

void
conn_reset(struct http_conn *c, int in, int out)
{
	c->in = in;
	c->out = out;
	c->in_socket = is_socket(in);
	c->out_socket = out == in ? c->in_socket : is_socket(out);
	c->at = c->end = 0;
	c->left = UINT64_MAX;
	c->waited_ns = 0;
	c->dead = false;
	c->fresh = true;
	conn_allow(c);
}

int
conn_init(struct http_conn *c, int in, int out,
    const struct http_limits *limits)
{
	memset(c, 0, sizeof(*c));
	c->limits = limits;
	if ((c->buf = malloc(BUF_MIN)) == NULL)
		return -1;
	c->cap = BUF_MIN;
	conn_reset(c, in, out);
	return 0;
}

void
conn_release(struct http_conn *c)
{
	free(c->buf);
	c->buf = NULL;
}

int64_t
conn_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * S + ts.tv_nsec;
}

void
conn_allow(struct http_conn *c)
{
	c->allowance_ns = c->limits->stall_ns;
}

/* n bytes have moved. */
static void
refill(struct http_conn *c, size_t n)
{
	int64_t full = c->limits->stall_ns;
	int64_t more = n < (size_t)(full / S * c->limits->rate) + 1 ?
	    (int64_t)n * (S / c->limits->rate) : full;

	c->allowance_ns = c->allowance_ns + more < full ?
	    c->allowance_ns + more : full;
}

/* Whether a wait for a request, which has a time, is to end now. */
static bool
given_up(const struct http_conn *c, int64_t until_ns)
{
	return until_ns >= 0 && c->stopping != NULL && c->stopping(c->fresh);
}

/* Wait for fd: 1 when it is ready, CONN_LATE, or CONN_GONE if given up. */
static int
wait_for(struct http_conn *c, int fd, short events, int64_t until_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t start = conn_clock(), now = start, left;
	bool last;
	int n;

	do {
		left = until_ns >= 0 ? until_ns - now :
		    c->allowance_ns - (now - start);
		/* What is there already is taken in any case. */
		last = left <= 0 || given_up(c, until_ns);
		left = last ? 0 : (left + 999999) / 1000000;
		n = poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);
		if (n < 0 && errno != EINTR)
			break;
		now = conn_clock();
	} while (n <= 0 && !last);
	c->waited_ns += now - start;
	if (until_ns < 0)
		c->allowance_ns -= now - start;
	return n > 0 ? 1 : n < 0 || given_up(c, until_ns) ? CONN_GONE :
	    CONN_LATE;
}

/* One read; CONN_LATE means here that nothing is there yet. */
static long
read_some(struct http_conn *c, char *buf, size_t room)
{
	ssize_t n;

	if (room > c->left)
		room = (size_t)c->left;
	do {
		n = c->in_socket ? recv(c->in, buf, room, MSG_DONTWAIT) :
		    read(c->in, buf, room);
	} while (n < 0 && errno == EINTR);
	if (n >= 0) {
		c->left -= (uint64_t)n;
		return n;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? CONN_LATE :
	    CONN_GONE;
}

long
conn_read(struct http_conn *c, char *buf, size_t room, int64_t until_ns)
{
	long n;
	int r;

	if (c->left == 0)
		return CONN_EOF;
	/* A body is often there already, a request seldom. */
	if (c->in_socket && until_ns < 0 &&
	    (n = read_some(c, buf, room)) != CONN_LATE) {
		if (n > 0)
			refill(c, (size_t)n);
		return n;
	}
	do {
		r = wait_for(c, c->in, POLLIN, until_ns);
		if (r != 1)
			return r;
		n = read_some(c, buf, room);
	} while (n == CONN_LATE);
	if (n > 0 && until_ns < 0)
		refill(c, (size_t)n);
	return n;
}

long
conn_fill(struct http_conn *c, size_t max, int64_t until_ns)
{
	char *more;
	size_t cap;
	long n;

	if (c->at > 0) {
		memmove(c->buf, c->buf + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	if (c->end == c->cap && c->cap < max) {
		cap = 2 * c->cap < max ? 2 * c->cap : max;
		if ((more = realloc(c->buf, cap)) == NULL)
			return CONN_GONE;
		c->buf = more;
		c->cap = cap;
	}
	n = conn_read(c, c->buf + c->end, c->cap - c->end, until_ns);
	if (n > 0)
		c->end += (size_t)n;
	return n;
}

void
conn_take(struct http_conn *c, size_t n)
{
	c->at += n;
	if (c->at == c->end)
		c->at = c->end = 0;
}

/* --------------------------------------------------------------- writing */

/* Drop n bytes from the beginning of iov. */
static void
advance(struct iovec **iov, int *n, size_t len)
{
	while (*n > 0 && len >= (*iov)->iov_len) {
		len -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + len;
		(*iov)->iov_len -= len;
	}
}

/*
 * One write that does not block.  A pipe that can be written takes PIPE_BUF
 * bytes; more might block.
 */
static ssize_t
write_some(struct http_conn *c, struct iovec *iov, int n)
{
	struct msghdr msg;
	size_t len;

	if (!c->out_socket) {
		len = iov->iov_len < PIPE_BUF ? iov->iov_len : PIPE_BUF;
		return write(c->out, iov->iov_base, len);
	}
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = (size_t)n;
	return sendmsg(c->out, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool
conn_write(struct http_conn *c, struct iovec *iov, int n)
{
	bool ready = c->out_socket;
	ssize_t len;

	advance(&iov, &n, 0);
	while (n > 0 && !c->dead) {
		if (!ready && wait_for(c, c->out, POLLOUT, -1) != 1) {
			c->dead = true;
			break;
		}
		ready = c->out_socket;
		len = write_some(c, iov, n);
		if (len >= 0) {
			refill(c, (size_t)len);
			advance(&iov, &n, (size_t)len);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			ready = false;
		} else if (errno != EINTR) {
			c->dead = true;
		}
	}
	return !c->dead;
}

bool
conn_gone(struct http_conn *c, int64_t now_ns)
{
	struct pollfd p = { .fd = c->out, .events = 0 };

	if (now_ns - c->looked_ns < LOOK_NS)
		return c->dead;
	c->looked_ns = now_ns;
	if (!c->dead && poll(&p, 1, 0) > 0 &&
	    (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		c->dead = true;
	return c->dead;
}

void
conn_linger(struct http_conn *c)
{
	int64_t until = conn_clock() + c->limits->linger_ns;
	size_t total = 0;
	char buf[4096];
	long n;

	if (c->out_socket)
		shutdown(c->out, SHUT_WR);
	while (total < LINGER_MAX) {
		n = conn_read(c, buf, sizeof(buf), until);
		if (n <= 0)
			break;
		total += (size_t)n;
	}
}

void
conn_break(struct http_conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (c->out_socket)
		setsockopt(c->out, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->dead = true;
}
