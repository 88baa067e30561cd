#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api.h"
#include "auth.h"
#include "cli.h"
#include "exchange-impl.h"
#include "http-cgi.h"
#include "http-listen.h"
#include "http-log.h"

#define SYSTEMD_FD 3		/* the first that systemd passes */

enum { KEY_LISTEN = CLI_LONG, KEY_MAX_SAMPLES, KEY_ACCESS_LOG };

static const struct cli_option options[] = {
	{ KEY_LISTEN, "listen", "[=ADDR]",
	  "listen at ADDR, HOST:PORT (default: as engine.ini\n"
	  "says), and serve any number of connections" },
	{ KEY_MAX_SAMPLES, "max-samples", "N",
	  "how many samples one request may read; 0: any number\n"
	  "(default: as engine.ini says)" },
	{ KEY_ACCESS_LOG, "access-log", NULL,
	  "a line for each request on stderr" },
	{ 0, NULL, NULL, NULL }
};

/* The server, and what it has open. */
struct httpd {
	struct cli cli;
	struct api api;
	struct auth auth;
	struct http_server server;
	struct exchange *exchange;
	bool	listens, logs;
	const char *address;		/* NULL: as engine.ini says */
	int64_t	max_samples;		/* negative: as engine.ini says */
	struct ntdb *config;		/* what api.config is borrowed from */
	char	host[64];		/* the client, for the log */
};

/* -------------------------------------------------------- configuration */

static int
read_tokens(struct httpd *h, struct ntdb_error *err)
{
	const char *file = h->api.config.auth_file;
	struct strbuf path = STRBUF_INIT;
	int r;

	h->api.auth = NULL;
	if (file[0] == '\0')
		return 0;
	h->api.auth = &h->auth;
	if (file[0] != '/') {
		strbuf_puts(&path, ntdb_root(h->config));
		strbuf_puts(&path, "/");
	}
	strbuf_puts(&path, file);
	r = auth_load(&h->auth, strbuf_str(&path), err);
	strbuf_release(&path);
	return r;
}

static void
forget_config(struct httpd *h)
{
	auth_release(&h->auth);
	ntdb_close(h->config);
	h->config = NULL;
}

/* Read what is configured.  On failure it was told why. */
static bool
read_config(struct httpd *h)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (cli_try_open(&h->cli, &h->config, &err) == 0 &&
	    ntdb_httpd_config(h->config, &h->api.config, &err) == 0 &&
	    read_tokens(h, &err) == 0) {
		if (h->max_samples >= 0)
			h->api.config.max_samples = (uint64_t)h->max_samples;
		h->server.max_body = h->api.config.max_body;
		return true;
	}
	cli_fail(&h->cli, &err);
	forget_config(h);
	return false;
}

/* ------------------------------------------------------------ a request */

static void
handle(void *arg, struct exchange *x)
{
	struct httpd *h = arg;

	if (h->api.db == NULL) {
		exchange_error(x, 503, "unavailable",
		    "the server's log says what is wrong");
		return;
	}
	api_handle(&h->api, x);
}

static void
write_log(void *arg, const struct exchange *x)
{
	const struct httpd *h = arg;
	char line[HTTP_LOG_MAX];
	size_t len;

	len = http_log_format(line, h->host, time(NULL), x);
	cli_log(line, len);
}

/* ------------------------------------------------------- being started */

/* Whether two descriptors are the same socket or pipe. */
static bool
same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino &&
	    (S_ISSOCK(sa.st_mode) || S_ISFIFO(sa.st_mode));
}

/* What inetd gives as stderr is the client, who must not see messages. */
static void
keep_stderr_apart(struct httpd *h, int in, int out)
{
	int fd;

	if (!same(STDERR_FILENO, in) && !same(STDERR_FILENO, out))
		return;
	cli_use_syslog(&h->cli);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd == -1 || dup2(fd, STDERR_FILENO) == -1)
		close(STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

/* Whether systemd has passed a connection. */
static bool
has_systemd_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	char own[24];

	snprintf(own, sizeof(own), "%ld", (long)getpid());
	return pid != NULL && fds != NULL && strcmp(pid, own) == 0 &&
	    strcmp(fds, "1") == 0 && fcntl(SYSTEMD_FD, F_GETFD) != -1;
}

/* Whether it is a socket that waits for connections, and not one of them. */
static bool
is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
	    on != 0;
}

static void
serve_stream(struct httpd *h, int in, int out)
{
	bool ok, socket_out;
	int one = 1;

	if (is_listening(in)) {
		cli_say(&h->cli, "a connection is needed, and not a socket "
		    "that waits for them (Accept=yes, nowait)");
		cli_status(&h->cli, -NTDB_EUSAGE);
		return;
	}
	h->exchange = exchange_new(&h->server, in, out);
	if (h->exchange == NULL) {
		cli_say(&h->cli, "out of memory");
		cli_status(&h->cli, -NTDB_ESYS);
		return;
	}
	socket_out = h->exchange->conn->out_socket;
	if (socket_out)
		setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	http_log_peer(in, h->host, sizeof(h->host));
	ok = http_serve(h->exchange);
	if (!ok && !socket_out) {
		cli_say(&h->cli, "stdout: cannot write all");
		cli_status(&h->cli, -NTDB_EIO);
	}
	exchange_free(h->exchange);
}

/* A failure has been reported by then, by the response or in the log. */
static void
serve_cgi(struct httpd *h, bool refuse)
{
	const char *host = getenv("REMOTE_ADDR");

	h->exchange = exchange_new(&h->server, STDIN_FILENO, STDOUT_FILENO);
	if (h->exchange == NULL)
		return;
	snprintf(h->host, sizeof(h->host), "%s",
	    host != NULL && host[0] != '\0' ? host : "-");
	cgi_serve(h->exchange, refuse);
	exchange_free(h->exchange);
	h->cli.status = 0;
}

/* -------------------------------------------------------- with --listen */

/* The configuration is that of who has started this process. */
static bool
worker_begin(void *arg)
{
	struct httpd *h = arg;

	h->server.stopping = listen_stopping;
	h->server.idle = listen_idle;
	h->exchange = exchange_new(&h->server, -1, -1);
	h->api.db = cli_open(&h->cli);
	return h->exchange != NULL;
}

static void
worker_serve(void *arg, int fd)
{
	struct httpd *h = arg;

	if (h->logs)
		http_log_peer(fd, h->host, sizeof(h->host));
	conn_reset(h->exchange->conn, fd, fd);
	http_serve(h->exchange);
}

static void
worker_end(void *arg)
{
	struct httpd *h = arg;

	exchange_free(h->exchange);
	selector_cache_release(&h->api.selectors);
	ntdb_close(h->api.db);
}

/* If what is configured now cannot be used, what was stays. */
static bool
reload(void *arg)
{
	struct httpd *h = arg, before = *h;

	h->config = NULL;
	h->auth = (struct auth)AUTH_INIT;
	if (!read_config(h)) {
		*h = before;
		return false;
	}
	auth_release(&before.auth);
	ntdb_close(before.config);
	return true;
}

static void
serve_all(struct httpd *h)
{
	const struct listen_hooks hooks = { worker_begin, worker_serve,
	    worker_end, reload, h };
	int fd;

	if (!read_config(h))
		return;
	fd = listen_open(&h->cli, h->address != NULL ? h->address :
	    h->api.config.listen);
	if (fd != -1)
		listen_run(&h->cli, fd, &hooks);
	forget_config(h);
}

/* ----------------------------------------------------------------- main */

static void
read_options(struct httpd *h, int argc, char **argv)
{
	int key;

	while ((key = cli_next(&h->cli, argc, argv)) != -1) {
		switch (key) {
		case KEY_LISTEN:
			h->listens = true;
			h->address = optarg;
			break;
		case KEY_MAX_SAMPLES:
			h->max_samples = cli_integer(&h->cli, "--max-samples",
			    optarg);
			if (h->max_samples < 0)
				cli_misuse(&h->cli,
				    "--max-samples %s: negative", optarg);
			break;
		default:
			h->logs = true;
			break;
		}
	}
	if (optind < argc)
		cli_misuse(&h->cli, "no operands are taken: %s",
		    argv[optind]);
}

int
main(int argc, char **argv)
{
	static struct httpd h = {
		.cli = {
			.name = "ntdb-httpd",
			.synopsis = "[-qv] [-r DIR] [--listen[=ADDR]] "
			    "[OPTION ...]",
			.about = "Answer requests over HTTP, of one "
			    "connection on stdin and stdout,\n"
			    "of CGI, or of all that connect.\n",
			.options = options
		},
		.max_samples = -1,
		.host = "-"
	};
	int in = STDIN_FILENO, out = STDOUT_FILENO;
	bool cgi = cgi_is(), refuse;

	cli_start(&h.cli);
	if (!cgi && has_systemd_socket())
		in = out = SYSTEMD_FD;
	keep_stderr_apart(&h, in, out);
	signal(SIGPIPE, SIG_IGN);
	refuse = cgi && argc > 1 && cgi_arguments_are_foreign();
	if (!refuse)
		read_options(&h, argc, argv);
	h.server.limits = &http_limits_default;
	h.server.max_body = 0;
	h.server.handle = handle;
	h.server.log = h.logs ? write_log : NULL;
	h.server.arg = &h;
	if (h.listens) {
		serve_all(&h);
		cli_exit(&h.cli);
	}
	/* What is wrong is told to the client, too. */
	if (read_config(&h))
		h.api.db = h.config;
	if (cgi)
		serve_cgi(&h, refuse);
	else
		serve_stream(&h, in, out);
	forget_config(&h);
	cli_exit(&h.cli);
}
