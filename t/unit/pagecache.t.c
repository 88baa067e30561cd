/*
 * A handle that keeps plain bytes of pages sees what the files hold at its
 * next query, all the same: laws 28 and 34.  Each byte of a data file is made
 * wrong in turn; what the handle says is what one says that has just been
 * opened.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "must.h"
#include "ntdb.h"
#include "scratch.h"
#include "tap.h"

#define S INT64_C(1000000000)
#define T0 (INT64_C(1900022400) * S)	/* a midnight */
#define METRICS 3
#define N 120

static char root_path[4096];

/* What a query has given: rows and the first failure, as one number. */
struct answer {
	uint64_t hash;
	size_t	rows;
	int	code;
};

static struct ntdb *
open_root(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db;

	opt.root = root_path;
	opt.now_ns = T0 + 40000 * S;
	opt.has_now = true;
	must(ntdb_open(&opt, &db, &err), &err);
	return db;
}

/* FNV-1a over bytes. */
static uint64_t
mix(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n-- > 0)
		h = (h ^ *p++) * UINT64_C(1099511628211);
	return h;
}

/* A range, or the newest samples before its end. */
static struct answer
ask(struct ntdb *db, bool last)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct answer a = { UINT64_C(14695981039346656037), 0, 0 };
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *target = "d";
	struct ntdb_query *q;
	struct ntdb_row row;

	opt.last = last;
	opt.has_start = opt.has_end = true;
	opt.start_ns = T0;
	opt.end_ns = T0 + (last ? N / 2 : 20000) * S;
	a.code = ntdb_query_open(db, &opt, &target, 1, &q, &err);
	if (a.code != 0)
		return a;
	while ((a.code = ntdb_query_next(q, &row, &err)) == 0) {
		a.hash = mix(a.hash, &row.t_ns, sizeof(row.t_ns));
		a.hash = mix(a.hash, &row.value, sizeof(row.value));
		a.hash = mix(a.hash, row.metric, strlen(row.metric));
		a.rows++;
	}
	ntdb_query_close(q);
	return a;
}

static bool
same(struct answer a, struct answer b)
{
	return a.hash == b.hash && a.rows == b.rows && a.code == b.code;
}

static struct answer
ask_anew(bool last)
{
	struct ntdb *db = open_root();
	struct answer a = ask(db, last);

	ntdb_close(db);
	return a;
}

/* Samples of a few metrics at their own times, in two pages. */
static void
make_file(void)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = open_root();
	struct ntdb_ingest *in;
	char metric[16];
	int page, m, i;

	for (page = 0; page < 2; page++) {
		must(ntdb_ingest_open(db, NULL, &in, &err), &err);
		for (m = 0; m < METRICS; m++) {
			snprintf(metric, sizeof(metric), "m%d", m);
			for (i = 0; i < N; i++)
				must(ntdb_ingest_int(in, "d", metric,
				    (int64_t)random_below(1000), true, T0 +
				    (page * 10000 + 3 * i + m) * S +
				    random_below(1000), &err), &err);
		}
		must(ntdb_ingest_finish(in, &err), &err);
		ntdb_ingest_close(in);
		must(ntdb_flush(db, "d", &force, NULL, &err), &err);
	}
	ntdb_close(db);
}

static void
seal(void)
{
	const struct ntdb_seal_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = open_root();

	must(ntdb_seal(db, "d", &force, NULL, &err), &err);
	ntdb_close(db);
}

static void
check_file(const char *what)
{
	const struct answer all = ask_anew(false), last = ask_anew(true);
	unsigned wrong = 0, stale = 0, noticed = 0;
	struct ntdb *kept = open_root();
	struct stat st;
	off_t at;
	uint8_t byte;
	int fd, i;

	is_int((long long)all.rows, METRICS * 2 * N, "%s: rows", what);
	for (i = 0; i < 3; i++)
		wrong += !same(ask(kept, false), all) ||
		    !same(ask(kept, true), last);
	is_int(wrong, 0, "%s: asked again and again", what);

	fd = openat(AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY);
	i = openat(fd, "d/data-2030-03-18.dat", O_RDWR);
	close(fd);
	fd = i;
	if (fd == -1 || fstat(fd, &st) == -1)
		bail("no data file");
	for (at = 0; at < st.st_size; at++) {
		if (pread(fd, &byte, 1, at) != 1)
			bail("cannot read");
		byte ^= 0x55;
		if (pwrite(fd, &byte, 1, at) != 1)
			bail("cannot write");
		wrong += !same(ask(kept, false), ask_anew(false)) ||
		    !same(ask(kept, true), ask_anew(true));
		noticed += ask(kept, false).code == NTDB_ECORRUPT;
		byte ^= 0x55;
		if (pwrite(fd, &byte, 1, at) != 1)
			bail("cannot write");
		stale += !same(ask(kept, false), all) ||
		    !same(ask(kept, true), last);
	}
	close(fd);
	is_int(wrong, 0, "%s: damage is seen as by a new handle", what);
	is_int(stale, 0, "%s: and its repair", what);
	ok(noticed > st.st_size * 9 / 10, "%s: most damage is told", what);
	ntdb_close(kept);
}

int
main(void)
{
	random_start();
	scratch_dir();
	snprintf(root_path, sizeof(root_path), "%s/root", scratch_path);
	mkdir(root_path, 0777);
	plan_later();
	make_file();
	check_file("an open file");
	seal();
	check_file("a sealed file");
	return done_testing();
}
