#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define BUFFER_LEN (512u << 10)
#define PIPE_LEN (1u << 20)
#define REPORTS_MAX 20		/* refused lines beyond are only counted */

enum { KEY_STRICT = CLI_LONG, KEY_REJECT, KEY_SYNC, KEY_PROGRESS };

static const struct cli_option options[] = {
	{ 'd', "database", "DB", "the database of targets without a `/'" },
	{ 'p', "precision", "UNIT",
	  "unit of bare timestamps: s, ms, us or ns\n"
	  "(default: ns, from 1980 to 2200 only)" },
	{ KEY_STRICT, "strict", NULL, "stop at the first bad line" },
	{ KEY_REJECT, "reject", "FILE", "append bad lines to FILE" },
	{ KEY_SYNC, "sync", NULL, "sync each commit to the disk" },
	{ KEY_PROGRESS, "progress", NULL,
	  "say `committed N' on stderr after each commit" },
	{ 0, NULL, NULL, NULL }
};

/*
 * Invariants: buf[0, fed) has been given to the library and not been
 * committed yet, so it must stay; buf[fed, len) is still to be given.
 */
struct ingest {
	struct cli cli;
	struct ntdb_ingest_options opt;
	struct ntdb_ingest *in;
	const char *source;		/* name of the input, for messages */
	uint64_t before;		/* lines of the inputs before it */
	uint64_t good;			/* strict: lines before the bad one */
	uint64_t reported, acknowledged;
	bool	progress;
	const char *reject_path;
	FILE	*reject;
	size_t	len, fed;
	char	*buf;			/* BUFFER_LEN bytes */
};

static void
on_refused(void *arg, uint64_t line, const char *text, size_t len,
    enum ntdb_refusal why, const char *reason)
{
	struct ingest *ing = arg;

	(void)why;
	if (ing->reported == 0)
		ing->good = ing->before + line - 1;
	if (ing->reported++ < REPORTS_MAX && !ing->cli.quiet)
		cli_say(&ing->cli, "%s:%" PRIu64 ": %s", ing->source, line,
		    reason);
	if (ing->reject != NULL) {
		fwrite(text, 1, len, ing->reject);
		putc('\n', ing->reject);
	}
}

/* Say how many lines are done with, when that has grown. */
static void
acknowledge(struct ingest *ing)
{
	const struct ntdb_ingest_stats *stats = ntdb_ingest_stats(ing->in);
	char line[40];
	int len;

	if (!ing->progress || stats->committed <= ing->acknowledged)
		return;
	ing->acknowledged = stats->committed;
	len = snprintf(line, sizeof(line), "committed %" PRIu64,
	    stats->committed);
	cli_log(line, (size_t)len);
}

/* The library has ended a strict run: say what is stored of it. */
static void
stop_strict(struct ingest *ing)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (ntdb_ingest_stats(ing->in)->committed < ing->good &&
	    ntdb_ingest_finish(ing->in, &err) != 0) {
		cli_fail(&ing->cli, &err);
		return;
	}
	acknowledge(ing);
	cli_say(&ing->cli, "stopped at the first bad line; the %" PRIu64
	    " lines before it are stored", ing->good);
	cli_status(&ing->cli, -NTDB_ECORRUPT);
}

/*
 * Commit what was fed, with all that was held back if it is the end, and
 * make room in the buffer.  A refused line is saved before it is acknowledged.
 */
static int
commit(struct ingest *ing, bool end)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int rc;

	rc = end ? ntdb_ingest_finish(ing->in, &err) :
	    ntdb_ingest_commit(ing->in, &err);
	memmove(ing->buf, ing->buf + ing->fed, ing->len - ing->fed);
	ing->len -= ing->fed;
	ing->fed = 0;
	if (ing->reject != NULL && fflush(ing->reject) != 0) {
		cli_fail_sys(&ing->cli, -NTDB_EIO, ing->reject_path,
		    "cannot write");
		return -1;
	}
	if (rc == NTDB_ECORRUPT && ing->opt.strict && ing->reported > 0) {
		stop_strict(ing);
		return -1;
	}
	acknowledge(ing);
	if (rc != 0)
		cli_fail(&ing->cli, &err);
	return rc != 0 ? -1 : 0;
}

/* Give the library all whole lines there are, a batch at a time. */
static int
feed(struct ingest *ing, bool last)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	size_t used, rest;

	for (;;) {
		rest = ing->len - ing->fed;
		used = 0;
		if (ntdb_ingest_lines(ing->in, ing->buf + ing->fed, rest, last,
		    &used, &err) != 0) {
			cli_fail(&ing->cli, &err);
			return -1;
		}
		ing->fed += used;
		rest -= used;
		if (rest == 0 || (!last &&
		    memchr(ing->buf + ing->fed, '\n', rest) == NULL))
			return 0;
		if (ing->fed == 0) {
			cli_say(&ing->cli, "%s: a line is not taken",
			    ing->source);
			cli_status(&ing->cli, -NTDB_EBUG);
			return -1;
		}
		/* The batch is full. */
		if (commit(ing, false) != 0)
			return -1;
	}
}

/* Whether a read would return at once. */
static bool
is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/*
 * Read until there is nothing to read just now or the buffer is full, then
 * commit; so a trickle is committed at once and a flood in large batches.
 * Returns 0 or, when the whole run must end, -1: also when the input cannot
 * be read on, as what comes behind it would make the rest of it late.
 */
static int
read_source(struct ingest *ing, int fd)
{
	bool eof = false, failed = false;
	ssize_t n;

	while (!eof && !cli_stopped()) {
		if (ing->fed > 0 && (ing->len == BUFFER_LEN || !is_ready(fd))) {
			if (commit(ing, false) != 0)
				return -1;
			continue;
		}
		if (ing->fed == 0 && !cli_wait_input(fd))
			break;
		n = read(fd, ing->buf + ing->len, BUFFER_LEN - ing->len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			cli_fail_sys(&ing->cli,
			    errno == EISDIR ? -NTDB_ENOENT : -NTDB_EIO,
			    ing->source, "cannot read");
			failed = true;
			break;
		}
		eof = n == 0;
		ing->len += (size_t)n;
		if (feed(ing, eof) != 0)
			return -1;
	}
	/* Messages name the input, so nothing is held back beyond it. */
	if (commit(ing, true) != 0)
		return -1;
	/* What is left is part of a line, of an input that broke off. */
	ing->len = 0;
	return failed ? -1 : 0;
}

/* Whether the descriptor is the file that bad lines are appended to. */
static bool
is_reject_file(const struct ingest *ing, int fd)
{
	struct stat a, b;

	return ing->reject != NULL && fstat(fd, &a) == 0 &&
	    fstat(fileno(ing->reject), &b) == 0 && S_ISREG(a.st_mode) &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int
exit_status_of_open(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return -NTDB_ENOENT;
	case EACCES:
	case EPERM:
		return -NTDB_EPERM;
	case EIO:
		return -NTDB_EIO;
	default:
		return -NTDB_ESYS;
	}
}

/* Open a file, which may be a pipe that nobody has opened to write. */
static int
open_input(const char *path)
{
	int fd;

	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (fd < 0 && errno == EINTR && !cli_stopped());
	return fd;
}

/* Ingest one input; -1 when the whole run must end. */
static int
ingest_source(struct ingest *ing, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = STDIN_FILENO, rc = 0;

	if (!is_stdin)
		fd = open_input(path);
	if (fd < 0) {
		if (errno != EINTR)
			cli_fail_sys(&ing->cli, exit_status_of_open(), path,
			    "cannot open");
		return -1;
	}
	ing->source = is_stdin ? "stdin" : path;
	ing->before = ntdb_ingest_stats(ing->in)->lines;
	if (is_reject_file(ing, fd)) {
		cli_say(&ing->cli, "%s: is the file for refused lines",
		    ing->source);
		cli_status(&ing->cli, -NTDB_EUSAGE);
		rc = -1;
	} else {
		ntdb_ingest_source(ing->in);
		/* A roomy pipe spares switches to its writer and back. */
		fcntl(fd, F_SETPIPE_SZ, (int)PIPE_LEN);
		rc = read_source(ing, fd);
	}
	if (!is_stdin)
		close(fd);
	if (ntdb_ingest_stats(ing->in)->refused > 0)
		cli_status(&ing->cli, -NTDB_ECORRUPT);
	return rc;
}

/* Ingest all inputs, then store what was held back. */
static void
ingest_all(struct ingest *ing, char **paths, int n)
{
	int i;

	if (n <= 0 && ingest_source(ing, "-") != 0)
		return;
	for (i = 0; i < n && !cli_stopped(); i++)
		if (ingest_source(ing, paths[i]) != 0)
			return;
	if (commit(ing, true) == 0 &&
	    ntdb_ingest_stats(ing->in)->refused > 0)
		cli_status(&ing->cli, -NTDB_ECORRUPT);
}

static double
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One line with all counts. */
static void
sum_up(const struct ingest *ing, double seconds)
{
	const struct ntdb_ingest_stats *s = ntdb_ingest_stats(ing->in);
	char by[512] = "";
	size_t at = 0;
	int i;

	for (i = 0; i < NTDB_REFUSE_N; i++) {
		if (s->refused_by[i] == 0 || at >= sizeof(by))
			continue;
		at += (size_t)snprintf(by + at, sizeof(by) - at,
		    "%s%" PRIu64 " %s", at > 0 ? ", " : " (",
		    s->refused_by[i], ntdb_refusal_name(i));
	}
	cli_say(&ing->cli, "%" PRIu64 " lines, %" PRIu64 " samples, %" PRIu64
	    " duplicates, %" PRIu64 " rounded, %" PRIu64
	    " refused%s%s, %.3f seconds", s->lines, s->samples, s->duplicates,
	    s->rounded, s->refused, by, at > 0 ? ")" : "", seconds);
}

static void
take_option(struct ingest *ing, int key)
{
	static const char *const units[] = { "s", "ms", "us", "ns" };
	int i;

	switch (key) {
	case 'd':
		if (!ntdb_database_name_ok(optarg, strlen(optarg)))
			cli_misuse(&ing->cli, "-d %s: not a database name",
			    optarg);
		ing->opt.db = optarg;
		break;
	case 'p':
		for (i = 0; i < 4 && strcmp(optarg, units[i]) != 0; i++)
			;
		if (i == 4)
			cli_misuse(&ing->cli, "-p %s: not s, ms, us or ns",
			    optarg);
		ing->opt.unit = (enum ntdb_unit)(NTDB_UNIT_S + i);
		break;
	case KEY_STRICT:
		ing->opt.strict = true;
		break;
	case KEY_REJECT:
		ing->reject_path = optarg;
		break;
	case KEY_SYNC:
		ing->opt.sync = true;
		break;
	case KEY_PROGRESS:
		ing->progress = true;
		break;
	}
}

/* All that needs the options to be known; false: it cannot begin. */
static bool
begin(struct ingest *ing, struct ntdb *db)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (ing->reject_path != NULL) {
		ing->reject = fopen(ing->reject_path, "ae");
		if (ing->reject == NULL) {
			cli_fail_sys(&ing->cli, -NTDB_ECREATE,
			    ing->reject_path, "cannot create");
			return false;
		}
	}
	ing->opt.refused = on_refused;
	ing->opt.arg = ing;
	if (ntdb_ingest_open(db, &ing->opt, &ing->in, &err) != 0) {
		cli_fail(&ing->cli, &err);
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	/* Apart, as it would be a part of the file beside initial values. */
	static char buffer[BUFFER_LEN];
	static struct ingest ing = {
		.buf = buffer,
		.cli = {
			.name = "ntdb-ingest",
			.synopsis = "[OPTION]... [FILE]...",
			.about = "Store lines of the form "
			    "DB/METRIC VALUE [TIME].  No FILE, or -: "
			    "standard input.\n",
			.options = options,
		},
		.opt = NTDB_INGEST_OPTIONS_INIT,
	};
	double start = seconds_now();
	struct ntdb *db;
	int key;

	cli_start(&ing.cli);
#ifdef __GLIBC__
	/* Large blocks go back to the system, whatever came before. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
	while ((key = cli_next(&ing.cli, argc, argv)) != -1)
		take_option(&ing, key);
	cli_catch_signals();
	db = cli_open(&ing.cli);
	if (begin(&ing, db)) {
		ingest_all(&ing, argv + optind, argc - optind);
		if (ing.reported > REPORTS_MAX && !ing.cli.quiet)
			cli_say(&ing.cli, "%" PRIu64 " more lines refused",
			    ing.reported - REPORTS_MAX);
		if (ing.cli.verbose)
			sum_up(&ing, seconds_now() - start);
	}
	ntdb_ingest_close(ing.in);
	ntdb_close(db);
	if (ing.reject != NULL && fclose(ing.reject) != 0)
		cli_fail_sys(&ing.cli, -NTDB_EIO, ing.reject_path,
		    "cannot write");
	cli_exit(&ing.cli);
}
