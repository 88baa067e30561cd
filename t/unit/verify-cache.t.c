/*
 * A cache that was valid when verify read it, and a catalog that a flush puts
 * in its place then: nothing can be said of the cache.
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
#include "verify.h"

#define S INT64_C(1000000000)
#define T0 (INT64_C(1770000000) * S)

static unsigned found;

static int
note(void *arg, const struct ntdb_finding *what)
{
	(void)arg;
	(void)what;
	found++;
	return 0;
}

/* A database d with a metric of integers, or of floats, and its catalog. */
static struct ntdb *
make(const char *name, bool is_float)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_ingest *in;
	char root[4200];
	struct ntdb *db;

	snprintf(root, sizeof(root), "%s/%s", scratch_path, name);
	opt.root = root;
	opt.now_ns = T0 + 1000 * S;
	opt.has_now = true;
	must(ntdb_open(&opt, &db, &err), &err);
	must(ntdb_ingest_open(db, NULL, &in, &err), &err);
	must(is_float ? ntdb_ingest_float(in, "d", "m", 1.5, true, T0, &err) :
	    ntdb_ingest_int(in, "d", "m", 1, true, T0, &err), &err);
	must(ntdb_ingest_finish(in, &err), &err);
	ntdb_ingest_close(in);
	must(ntdb_flush(db, "d", &force, NULL, &err), &err);
	return db;
}

/* As ntdb_verify, with another catalog once the cache was read, or without. */
static unsigned
verify(struct ntdb *db, int dirfd, bool replace)
{
	struct ntdb_verify_result res = { 0 };
	struct ntdb_error err = NTDB_ERROR_INIT;
	static struct verify v;

	memset(&v, 0, sizeof(v));
	v.res = &res;
	v.found = note;
	wal_init(&v.s.wal);
	state_init(&v.s.state);
	state_init(&v.cached);
	found = 0;
	must(dbdir_open(&v.s.dir, db, "d", &err), &err);
	must(verify_log_head(&v, &err), &err);
	must(verify_cache_begin(&v, &err), &err);
	if (v.newest == NULL)
		bail("there is no valid cache");
	if (replace && renameat(dirfd, "float/d/catalog.json", dirfd,
	    "int/d/catalog.json") == -1)
		bail("cannot replace the catalog");
	must(verify_texts(&v, &err), &err);
	/* What comes from a wrong state has to be seen by this test. */
	if (replace && state_metric(&v.s.state, 1)->type ==
	    state_metric(&v.cached, 1)->type)
		bail("the types do not differ");
	must(verify_log(&v, &err), &err);
	must(verify_data(&v, &err), &err);
	must(verify_cache_end(&v, &err), &err);
	snapshot_release(&v.s);
	state_release(&v.cached);
	free(v.newest);
	verify_list_release(&v.list);
	return found;
}

int
main(void)
{
	struct ntdb *db;
	int dirfd;

	dirfd = scratch_dir();
	plan(2);
	db = make("int", false);
	ntdb_close(make("float", true));
	is_int(verify(db, dirfd, false), 0, "nothing is wrong");
	is_int(verify(db, dirfd, true), 0, "nor with another catalog");
	ntdb_close(db);
	return done_testing();
}
