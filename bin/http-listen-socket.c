#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http-listen.h"

/* Take HOST:PORT or [HOST]:PORT apart, in place. */
static bool
split(char *address, char **host, char **port)
{
	char *colon = strrchr(address, ':'), *end;

	if (colon == NULL || colon[1] == '\0')
		return false;
	*colon = '\0';
	*port = colon + 1;
	*host = address;
	if (address[0] == '[') {
		end = strchr(address, ']');
		if (end == NULL || end[1] != '\0')
			return false;
		*end = '\0';
		(*host)++;
	} else if (strchr(address, ':') != NULL) {
		return false;
	}
	return true;
}

static void
say_address(struct cli *cli, int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	char host[INET6_ADDRSTRLEN + 16], port[16];
	bool v6;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	v6 = addr.ss_family == AF_INET6;
	cli_say(cli, "listening on %s%s%s:%s", v6 ? "[" : "", host,
	    v6 ? "]" : "", port);
}

/* A listening socket at one address; -1 with errno. */
static int
open_one(const struct addrinfo *a)
{
	int fd, one = 1, saved;

	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1024) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
listen_open(struct cli *cli, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE }, *list = NULL, *a;
	char *copy = strdup(address), *host, *port;
	int fd = -1, r;

	if (copy == NULL || !split(copy, &host, &port))
		cli_misuse(cli, "--listen %s: not HOST:PORT", address);
	r = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list);
	if (r != 0) {
		cli_say(cli, "%s: %s", address, gai_strerror(r));
		cli_status(cli, -NTDB_ECONFIG);
	}
	for (a = list; a != NULL && fd == -1; a = a->ai_next)
		fd = open_one(a);
	if (r == 0 && fd == -1)
		cli_fail_sys(cli, -NTDB_ESYS, address, "cannot listen");
	if (fd != -1 && !cli->quiet &&
	    (cli->verbose || strcmp(port, "0") == 0))
		say_address(cli, fd);
	if (list != NULL)
		freeaddrinfo(list);
	free(copy);
	return fd;
}
