/*
 * A server on a socket of its own: processes that wait for connections and
 * serve one at a time each.
 *
 * A few wait at any time; as they are taken others are started, up to a
 * number.  So whoever is slow, idle or gone keeps one process, for as long as
 * its limits allow, and nobody else.  When all are taken the connection that
 * is idle for longest is closed in favour of one that waits.
 */
#ifndef NTDB_BIN_HTTP_LISTEN_H
#define NTDB_BIN_HTTP_LISTEN_H

#include <stdbool.h>

#include "cli.h"

#define LISTEN_WORKERS_MAX 64

struct listen_hooks {
	/* Once in a new process; false: it cannot work. */
	bool	(*begin)(void *arg);
	/* Serve a connection; the descriptor is closed by the caller. */
	void	(*serve)(void *arg, int fd);
	void	(*end)(void *arg);
	/*
	 * SIGHUP, in the process that starts the others: whether there is
	 * another configuration, with which all serve from now on.
	 */
	bool	(*reload)(void *arg);
	void	*arg;
};

/*
 * A socket listening at HOST:PORT; -1: it was told why not.  If the port is 0
 * or -v was given, its address is said on stderr.
 */
int listen_open(struct cli *cli, const char *address);

/* Serve until SIGTERM or SIGINT. */
void listen_run(struct cli *cli, int fd, const struct listen_hooks *hooks);

/* ---- in a process that serves */

/*
 * Whether connections are to end.  One that is fresh has a right to one
 * response, unless all ends.
 */
bool listen_stopping(bool fresh);

/* Whether a further request is waited for. */
void listen_idle(bool idle);

#endif
