#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* ppoll */
#endif
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cli.h"
#include "escape.h"

static volatile sig_atomic_t stop_signal;
static bool use_syslog;

/* ------------------------------------------------------------ messages */

/* Write all of it to stderr; there is nobody to tell of a failure. */
static void
write_stderr(const char *s, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, s, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

void
cli_use_syslog(const struct cli *cli)
{
	openlog(cli->name, LOG_PID, LOG_DAEMON);
	use_syslog = true;
}

void
cli_log(char *line, size_t len)
{
	line[len] = '\n';
	if (use_syslog)
		syslog(LOG_INFO, "%.*s", (int)len, line);
	else
		write_stderr(line, len + 1);
}

/* One line in one write, so that lines of several programs do not mix. */
static void
say_line(const struct cli *cli, const char *text, bool escape)
{
	char line[4096], piece[ESCAPE_PIECE];
	size_t len = strlen(text), at = 0, n, used;

	if (!use_syslog)
		at = (size_t)snprintf(line, sizeof(line), "%s: ", cli->name);
	while (len > 0 && at + sizeof(piece) < sizeof(line)) {
		if (escape) {
			used = escape_plain(text, len, piece, &n);
		} else {
			piece[0] = *text;
			used = n = 1;
		}
		memcpy(line + at, piece, n);
		at += n;
		text += used;
		len -= used;
	}
	if (use_syslog) {
		syslog(LOG_ERR, "%.*s", (int)at, line);
		return;
	}
	line[at++] = '\n';
	write_stderr(line, at);
}

void
cli_say(const struct cli *cli, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_line(cli, text, true);
}

static void
say_error(const struct cli *cli, const struct ntdb_error *err)
{
	char text[2560];

	ntdb_error_format(err, text, sizeof(text));
	say_line(cli, text, false);
}

void
cli_status(struct cli *cli, int status)
{
	if (cli->status == 0)
		cli->status = status;
}

void
cli_fail(struct cli *cli, const struct ntdb_error *err)
{
	say_error(cli, err);
	cli_status(cli, err->code < 0 ? -err->code : -NTDB_EBUG);
}

void
cli_fail_sys(struct cli *cli, int status, const char *path, const char *what)
{
	cli_say(cli, "%s: %s: %s", path, what, strerror(errno));
	cli_status(cli, status);
}

_Noreturn void
cli_misuse(struct cli *cli, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_say(cli, "%s (see %s --help)", text, cli->name);
	cli->status = -NTDB_EUSAGE;
	cli_exit(cli);
}

/* ------------------------------------------------- start, signals, end */

/*
 * A closed descriptor would be taken by the next file that is opened.  It is
 * replaced by one that cannot be used the way it should be.
 */
static void
make_descriptors_valid(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(-NTDB_ESYS);
	}
}

void
cli_start(struct cli *cli)
{
	make_descriptors_valid();
#ifdef __GLIBC__
	/* Memory that is let go is wanted again soon: the kernel clears it
	 * anew each time it is asked for. */
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	mallopt(M_TOP_PAD, 512 << 10);
#endif
	signal(SIGXFSZ, SIG_IGN);
	cli->root = NULL;
	cli->wait_ns = -1;
	cli->has_now = cli->quiet = cli->verbose = false;
	cli->status = 0;
}

static void
note_signal(int sig)
{
	stop_signal = sig;
}

void
cli_catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa, old;
	size_t i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = note_signal;
	sa.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What the caller has set to be ignored stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

bool
cli_stopped(void)
{
	return stop_signal != 0;
}

bool
cli_wait_input(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	sigset_t block, old;
	int n = 0;

	/* Blocked, so that none comes between the test and the wait. */
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &old);
	while (stop_signal == 0 && n == 0) {
		n = ppoll(&p, 1, NULL, &old);
		if (n < 0 && errno == EINTR)
			n = 0;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return stop_signal == 0;
}

_Noreturn void
cli_exit(struct cli *cli)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fclose(stdout) != 0 || failed) {
		cli_say(cli, "stdout: cannot write%s%s",
		    errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
		cli_status(cli, -NTDB_EIO);
	}
	if (stop_signal != 0) {
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
	exit(cli->status);
}

/* ---------------------------------------------------------------- root */

static void
say_note(void *arg, const struct ntdb_error *what)
{
	const struct cli *cli = arg;

	if (!cli->quiet)
		say_error(cli, what);
}

int
cli_try_open(struct cli *cli, struct ntdb **db, struct ntdb_error *err)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;

	opt.root = cli->root;
	opt.wait_ns = cli->wait_ns;
	opt.has_now = cli->has_now;
	opt.now_ns = cli->now_ns;
	opt.note = say_note;
	opt.note_arg = cli;
	return ntdb_open(&opt, db, err);
}

struct ntdb *
cli_open(struct cli *cli)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = NULL;

	if (cli_try_open(cli, &db, &err) != 0) {
		cli_fail(cli, &err);
		cli_exit(cli);
	}
	return db;
}
