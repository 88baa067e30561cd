/*
 * A handle that keeps snapshots sees every kind of change at its next query:
 * law 34.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "must.h"
#include "ntdb.h"
#include "root.h"
#include "scratch.h"
#include "snapshot.h"
#include "tap.h"

#define S INT64_C(1000000000)
#define C10 "cccccccccc"
#define LONG C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10 C10
#define T0 (INT64_C(1900000000) * S)

static struct ntdb *reader, *writer;
static char root_path[4096];
static int64_t clock_s;		/* of the samples, in seconds after T0 */

static struct ntdb *
open_root(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db;

	opt.root = root_path;
	opt.now_ns = T0 + 10000000 * S;
	opt.has_now = true;
	must(ntdb_open(&opt, &db, &err), &err);
	return db;
}

static void
put_by(struct ntdb *by, const char *metric, int64_t value)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_ingest *in;

	must(ntdb_ingest_open(by, NULL, &in, &err), &err);
	must(ntdb_ingest_int(in, "d", metric, value, true,
	    T0 + clock_s++ * S, &err), &err);
	must(ntdb_ingest_finish(in, &err), &err);
	ntdb_ingest_close(in);
}

static void
put(const char *metric, int64_t value)
{
	put_by(writer, metric, value);
}

/* All values of all metrics, last or not: "a=1,2 b=3 ". */
static void
ask(bool last, char *text, size_t room)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *target = "d";
	struct ntdb_query *q;
	struct ntdb_row row;
	uint32_t id = 0;
	size_t n = 0;
	int r;

	opt.last = last;
	text[0] = '\0';
	r = ntdb_query_open(reader, &opt, &target, 1, &q, &err);
	if (r == NTDB_ENOENT)
		return;
	must(r, &err);
	while ((r = ntdb_query_next(q, &row, &err)) == 0 && n < room) {
		n += (size_t)snprintf(text + n, room - n, id == row.id ?
		    "%.0s,%lld" : "%s=%lld", row.metric,
		    (long long)row.value.i);
		id = row.id;
	}
	must(r, &err);
	ntdb_query_close(q);
}

static void
sees(const char *all, const char *last, const char *what)
{
	char text[1024];

	ask(true, text, sizeof(text));
	is_str(text, last, "%s: last values", what);
	ask(false, text, sizeof(text));
	is_str(text, all, "%s: all values", what);
}

static void
shell(const char *command)
{
	char text[8192];

	snprintf(text, sizeof(text), "cd '%s' && %s", root_path, command);
	if (system(text) != 0)
		bail("failed: %s", text);
}

/* Whether the reader's snapshot of d is one that was kept. */
static bool
keeps(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct snapshot *a, *b;
	int fd;

	must(snapshot_borrow(&a, reader, "d", &err), &err);
	fd = a->wal.fd;
	snapshot_give_back(a);
	must(snapshot_borrow(&b, reader, "d", &err), &err);
	snapshot_give_back(b);
	return a == b && fd == b->wal.fd;
}

static void
check_appends(void)
{
	put("a", 1);
	sees("a=1", "a=1", "a first sample");
	ok(keeps(), "the snapshot is kept");
	put("a", 2);
	sees("a=1,2", "a=2", "one more");
	put("b", 3);
	sees("a=1,2b=3", "a=2b=3", "a new metric");
	put_by(reader, "b", 4);
	sees("a=1,2b=3,4", "a=2b=4", "written by the same handle");
	shell("printf 'NTB\\nxyz' >>d/d.wal");
	sees("a=1,2b=3,4", "a=2b=4", "a torn tail");
	put("b", 5);
	sees("a=1,2b=3,4,5", "a=2b=5", "behind it, once it was cut");
}

static void
check_files(void)
{
	const struct ntdb_flush_options force = { .force = true };
	const struct ntdb_seal_options seal = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;

	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	/* The new log must not be told by its size. */
	put(LONG, 9);
	put("a", 6);
	sees("a=1,2,6b=3,4,5" LONG "=9", "a=6b=5" LONG "=9", "and added to");
	must(ntdb_seal(writer, "d", &seal, NULL, &err), &err);
	sees("a=1,2,6b=3,4,5" LONG "=9", "a=6b=5" LONG "=9", "sealed");
	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	must(ntdb_seal(writer, "d", &seal, NULL, &err), &err);
	sees("a=1,2,6b=3,4,5" LONG "=9", "a=6b=5" LONG "=9", "flushed and sealed");
	clock_s += 40 * 86400;
	put("a", 7);
	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	sees("a=1,2,6,7b=3,4,5" LONG "=9", "a=7b=5" LONG "=9", "in another partition");
	shell("rm d/data-2030-03*.dat");
	sees("a=7", "a=7", "a partition was removed");
	shell("printf '[retention]\\nretention_days = 1\\n"
	    "retention_action = delete\\n' >d/manifest.ini");
	clock_s += 40 * 86400;
	put("a", 8);
	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	sees("a=7,8", "a=8", "before retention");
	must(ntdb_retain(writer, "d", NULL, NULL, &err), &err);
	sees("a=8", "a=8", "after retention");
}

/* Let the log, or the directory, rest until it is certain that it does. */
static void
settle(bool log)
{
	const int64_t deadline = io_clock_ns() + 60 * S;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct snapshot *s;
	char text[1024];
	bool certain;

	do {
		if (io_clock_ns() > deadline)
			bail("it is never certain");
		usleep(10000);
		ask(true, text, sizeof(text));
		must(snapshot_borrow(&s, reader, "d", &err), &err);
		certain = log ? s->log.certain : s->there.certain;
		snapshot_give_back(s);
	} while (!certain);
}

/* Another log of the same size in the bytes of one that has been quiet. */
static void
check_settled_log(void)
{
	struct stat a, b;
	char path[4200];

	snprintf(path, sizeof(path), "%s/d/d.wal", root_path);
	settle(true);
	shell("cp d/d.wal ../empty");
	put("a", 5);
	sees("a=8,5", "a=5", "an append after a rest");
	shell("cp d/d.wal ../five");
	ntdb_close(writer);
	shell("cp ../empty d/d.wal && rm -f d/d.cache");
	writer = open_root();
	clock_s--;
	put("a", 6);
	settle(true);
	sees("a=8,6", "a=6", "another one");
	if (stat(path, &a) == -1)
		bail("no log");
	shell("cp ../five d/d.wal");
	if (stat(path, &b) == -1)
		bail("no log");
	ok(a.st_size == b.st_size && a.st_ino == b.st_ino,
	    "one of the same size is written over it");
	sees("a=8,5", "a=5", "which shows");
	ntdb_close(writer);
	shell("cp ../empty d/d.wal && rm -f d/d.cache");
	writer = open_root();
	clock_s--;
	sees("a=8", "a=8", "and it is as before");
}

/* Data files that come and go in a directory that has been quiet. */
static void
check_settled(void)
{
	settle(false);
	sees("a=8", "a=8", "a quiet directory");
	shell("mkdir aside && mv d/data-* aside");
	sees("", "", "its data file was removed");
	shell("mv aside/* d && rmdir aside");
	sees("a=8", "a=8", "and put back");
	settle(false);
	shell("mv d e && mkdir d && cp e/d.wal e/d.cache d");
	sees("", "", "without it in another directory");
	shell("rm -r d && mv e d");
	sees("a=8", "a=8", "and back");

	/* Long enough for the directory to be certain, if it could be. */
	shell("mkdir ../cold && mv d/data-* ../cold && "
	    "for f in ../cold/*; do ln -s \"../$f\" d; done");
	usleep(4200000);
	sees("a=8", "a=8", "a link to it elsewhere");
	shell("mv ../cold ../colder");
	sees("", "", "which leads nowhere");
	shell("rm d/data-* && mv ../colder/* d");
	sees("a=8", "a=8", "put back");
}

/* Whether the reader's snapshot of d knows all newest samples. */
static bool
knows_all(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct snapshot *s;
	bool complete;

	must(snapshot_borrow(&s, reader, "d", &err), &err);
	complete = s->state.complete;
	snapshot_give_back(s);
	return complete;
}

/* A snapshot made without a cache, and a cache that comes later. */
static void
check_cache(void)
{
	char text[1024];

	ntdb_close(reader);
	shell("rm -f d/d.cache");
	reader = open_root();
	ask(true, text, sizeof(text));
	ok(!knows_all() && keeps(), "without a cache the pages are asked");
	ntdb_close(writer);
	writer = open_root();
	put("a", 9);
	ok(knows_all() && keeps(), "a cache that was made then is used");
	sees("a=8,9", "a=9", "with it");
}

/* A batch that was cut, after a failed sync, and another one in its place. */
static void
check_cut(void)
{
	struct stat st;
	off_t size;
	int fd;

	put("a", 10);
	sees("a=8,9,10", "a=10", "before the cut");
	fd = openat(AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY);
	if (fd == -1 || fstatat(fd, "d/d.wal", &st, 0) == -1)
		bail("no log");
	size = st.st_size;
	put("a", 11);
	sees("a=8,9,10,11", "a=11", "the batch that is cut");
	{
		char path[4200];

		snprintf(path, sizeof(path), "%s/d/d.wal", root_path);
		if (truncate(path, size) == -1)
			bail("cannot cut");
	}
	/* The writer's own state knows of it, too: it begins anew. */
	ntdb_close(writer);
	writer = open_root();
	shell("rm -f d/d.cache");
	clock_s--;
	put("a", 12);
	if (fstatat(fd, "d/d.wal", &st, 0) == -1)
		bail("no log");
	close(fd);
	sees("a=8,9,10,12", "a=12", "another one in its place");
	shell("rm -f d/d.cache");
	{
		char path[4200];

		snprintf(path, sizeof(path), "%s/d/d.wal", root_path);
		if (truncate(path, size) == -1)
			bail("cannot cut");
	}
	sees("a=8,9,10", "a=10", "cut only");
}

static void
check_replaced(void)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;

	shell("cp -r d ../saved");
	put("a", 20);
	sees("a=8,9,10,20", "a=20", "before it is replaced");
	shell("cp ../saved/d.wal d/d.wal");
	sees("a=8,9,10", "a=10", "the log was written over by a copy");
	shell("cp ../saved/d.wal x && mv x d/d.wal");
	sees("a=8,9,10", "a=10", "the log was replaced by a copy");
	shell("rm -r d");
	sees("", "", "the database was removed");
	put("z", 1);
	sees("z=1", "z=1", "a new one of that name");
	shell("rm -r d");
	put("y", 1);
	sees("y=1", "y=1", "and at once another one");
	shell("mv d old && cp -r ../saved d");
	sees("a=8,9,10", "a=10", "a copy in its place");
	shell("mv d copy && mv old d");
	sees("y=1", "y=1", "and back");
	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	sees("y=1", "y=1", "flushed");
	shell("mv d old && mkdir d && ln old/* d/ && rm d/data-*");
	sees("", "", "the same log in another directory");
	shell("rm -r d && mv old d");

	/* The root itself. */
	ntdb_close(writer);
	shell("mv ../root ../root-before");
	writer = open_root();
	sees("y=1", "y=1", "the root was renamed, and there is no other");
	put("r", 1);
	sees("r=1", "r=1", "another root in its place");
}

/* ---- what a selector chose */

static unsigned asked;		/* metrics that the caller was asked about */

static int
begins_with(void *arg, const char *db, const char *metric)
{
	(void)db;
	asked += metric != NULL;
	return metric == NULL || metric[0] == *(const char *)arg;
}

/* The metrics that begin with a letter; again: it is known which they are. */
static void
chooses(const char *letter, bool again, const char *want, const char *what)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *target = "*";
	char arg[2] = { letter[0], '\0' }, text[1024] = "";
	struct ntdb_query *q;
	struct ntdb_row row;
	int r;

	opt.names = true;
	opt.match = begins_with;
	opt.match_arg = arg;
	opt.match_key = letter;
	asked = 0;
	must(ntdb_query_open(reader, &opt, &target, 1, &q, &err), &err);
	while ((r = ntdb_query_next(q, &row, &err)) == 0) {
		strcat(text, row.metric);
		strcat(text, " ");
	}
	must(r, &err);
	ntdb_query_close(q);
	is_str(text, want, "%s", what);
	ok((asked == 0) == again, "%s: %s", what, again ?
	    "nobody is asked" : "the caller is asked");
}

static void
check_chosen(void)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;

	put("k1", 1);
	chooses("k", false, "k1 ", "chosen");
	chooses("k", true, "k1 ", "chosen again");
	chooses("r", false, "r ", "by another key");
	chooses("k", true, "k1 ", "by the first one");
	put("k1", 2);
	chooses("k", true, "k1 ", "with a new sample");
	put("k0", 1);
	chooses("k", false, "k0 k1 ", "with a new name");
	chooses("k", true, "k0 k1 ", "which is kept, too");
	chooses("r", false, "r ", "with a name that is not wanted");
	put("x", 1);
	chooses("k", false, "k0 k1 ", "with another one");
	must(ntdb_flush(writer, "d", &force, NULL, &err), &err);
	chooses("k", false, "k0 k1 ", "flushed");
	chooses("k", true, "k0 k1 ", "flushed, again");

	/* As many names, of which others are wanted. */
	shell("mv d ../aside");
	chooses("k", true, "", "the database was removed");
	put("k8", 1);
	put("a", 1);
	put("b", 1);
	put("k9", 1);
	chooses("k", false, "k8 k9 ", "another one in its place");
	shell("rm -r d && mv ../aside d");
	chooses("k", false, "k0 k1 ", "and back");
}

int
main(void)
{
	random_start();
	scratch_dir();
	snprintf(root_path, sizeof(root_path), "%s/root", scratch_path);
	mkdir(root_path, 0777);
	reader = open_root();
	writer = open_root();
	plan_later();
	check_appends();
	check_files();
	check_settled();
	check_settled_log();
	check_cache();
	check_cut();
	check_replaced();
	check_chosen();
	ntdb_close(reader);
	ntdb_close(writer);
	return done_testing();
}
