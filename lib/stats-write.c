/*
 * The suite's own metrics as samples in the database `internal'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "ingest.h"
#include "seal.h"
#include "stats.h"
#include "timefmt.h"

/* What does not change is written this often none the less. */
#define REPEAT_NS (INT64_C(86400) * NS_PER_S)
#define NAME_MAX_LEN (DB_NAME_MAX + 64)

/* The manifest's settings: a few samples come at a time, for ever. */
static const char settings[] =
    "[retention]\n"
    "partition = month\n"
    "retention_days = 366\n"
    "retention_action = delete\n"
    "[page]\n"
    "max_age = 1d\n";

struct history {
	struct ntdb *root;
	struct writer w;	/* of `internal' */
	bool	exists;		/* w is open */
	int	maint_fd;	/* -1: not held */
	int64_t	now_ns, interval_ns;
	bool	has_new;	/* a metric was written for the first time */
	struct ntdb_ingest *in;
};

/*
 * See what was written last.  maint.lock is held until the end, so that one
 * process at a time does this.  NTDB_EBUSY: another one does.
 */
static int
open_history(struct history *h, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	r = writer_open(&h->w, h->root, INTERNAL_DB, false, &why);
	if (r == NTDB_ENOENT)
		return 0;
	if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	h->exists = true;
	if ((r = maint_lock(&h->w.dir, 0, &h->maint_fd, err)) != 0 ||
	    (r = writer_lock(&h->w, err)) != 0)
		return r;
	writer_unlock(&h->w);
	return 0;
}

static void
close_history(struct history *h)
{
	ntdb_ingest_close(h->in);
	io_close(&h->maint_fd);
	if (h->exists)
		writer_close(&h->w);
}

/* The last sample of one of a database's own metrics, or NULL. */
static const struct metric *
last_of(const struct history *h, const char *name)
{
	const struct metric *m;
	uint32_t id;

	if (!h->exists ||
	    (id = state_find(&h->w.state, name, strlen(name))) == 0)
		return NULL;
	m = state_metric(&h->w.state, id);
	return m != NULL && (m->flags & METRIC_HAS_LAST) ? m : NULL;
}

static void
own_name(char name[NAME_MAX_LEN], const char *db, int i)
{
	snprintf(name, NAME_MAX_LEN, "ntdb/%s/%s", db, stats_names[i].name);
}

/* Whether a time lies less than age before now: not if it is ahead of it. */
static bool
is_recent(const struct history *h, int64_t t, int64_t age)
{
	return t <= h->now_ns && t > h->now_ns - age;
}

/* Whether any of a database's metrics was written within the interval. */
static bool
is_early(const struct history *h, const char *db)
{
	char name[NAME_MAX_LEN];
	const struct metric *m;
	int i;

	for (i = 0; i < STATS_N; i++) {
		own_name(name, db, i);
		m = last_of(h, name);
		if (m != NULL && is_recent(h, m->last_t, h->interval_ns))
			return true;
	}
	return false;
}

/* Add those that have changed, or were not written for long. */
static int
add_changed(struct history *h, const char *db,
    const uint64_t values[STATS_N], struct ntdb_error *err)
{
	char name[NAME_MAX_LEN];
	const struct metric *m;
	int64_t v;
	int i, r;

	for (i = 0; i < STATS_N; i++) {
		v = values[i] > INT64_MAX ? INT64_MAX : (int64_t)values[i];
		own_name(name, db, i);
		m = last_of(h, name);
		h->has_new |= m == NULL;
		if (m != NULL && m->last_m == v &&
		    ntdb_type_is_int(m->type) &&
		    is_recent(h, m->last_t, REPEAT_NS))
			continue;
		r = ntdb_ingest_int(h->in, INTERNAL_DB, name, v, false, 0,
		    err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int
add_all(struct history *h, char *const *names, size_t n,
    struct ntdb_error *err)
{
	uint64_t values[STATS_N];
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++) {
		if (strcmp(names[i], INTERNAL_DB) == 0 ||
		    is_early(h, names[i]))
			continue;
		/* What is wrong with a database others have told. */
		if (stats_read(h->root, names[i], values, NULL) == 0)
			r = add_changed(h, names[i], values, err);
	}
	return r;
}

static int
make_database(struct ntdb *root, struct ntdb_error *err)
{
	struct dbdir d;
	int r;

	if ((r = dbdir_create(&d, root, INTERNAL_DB, settings, err)) == 0)
		dbdir_close(&d);
	return r;
}

int
ntdb_self_metrics_write(struct ntdb *db, char *const *names, size_t n,
    struct ntdb_error *err)
{
	static const struct ntdb_flush_options force = { .force = true };
	struct history h = { .root = db, .maint_fd = -1 };
	const struct engine_config *engine;
	int r;

	h.now_ns = ntdb_now(db);
	if ((r = root_open(db, false, err)) != 0 ||
	    (r = root_engine(db, &engine, err)) != 0)
		return r;
	if (!engine->stats_enabled || h.now_ns < NTDB_RELEASE_S * NS_PER_S)
		return 0;
	h.interval_ns = engine->stats_interval_ns;
	if ((r = open_history(&h, err)) != 0 ||
	    (r = ntdb_ingest_open(db, NULL, &h.in, err)) != 0)
		goto done;
	h.in->own = true;
	if ((r = add_all(&h, names, n, err)) != 0 ||
	    (h.has_new && !h.exists && (r = make_database(db, err)) != 0) ||
	    (r = ntdb_ingest_finish(h.in, err)) != 0)
		goto done;
	if (ntdb_ingest_stats(h.in)->refused > 0)
		r = err_at(err, NTDB_ECORRUPT, INTERNAL_DB, -1,
		    "own metrics were refused");
	/* Until a catalog has a name, each batch repeats it. */
	if (r == 0 && h.has_new)
		r = ntdb_flush(db, INTERNAL_DB, &force, NULL, err);
done:
	close_history(&h);
	return r;
}
