/*
 * The state cache, held against catalog, log and pages as of the place in the
 * log that it speaks of.
 *
 * A cache that is not valid is none, and no damage.  One that is believed
 * must not know less than the files do: it may know of a last sample that is
 * gone, because whoever removed its data file was allowed to.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "verify.h"

#define KIND_LOG (PART_FOREVER + 1)

int
verify_cache_begin(struct verify *v, struct ntdb_error *err)
{
	const struct dbdir *d = &v->s.dir;
	int r;

	if (v->s.wal.fd == -1 || fstatat(d->fd, d->cache, &v->cache_stat,
	    AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	r = state_load_cache(&v->cached, d->fd, d->cache, &v->s.wal, err);
	if (r != 0) {
		state_init(&v->cached);
		return r == NTDB_END ? 0 : r;
	}
	v->newest = calloc((size_t)v->cached.n_slots + 1,
	    sizeof(v->newest[0]));
	return v->newest == NULL ? err_nomem(err) : 0;
}

/* Of samples with equal times the one that stands last counts. */
static void
note(struct verify *v, uint32_t id, uint32_t kind, int64_t t, int64_t m,
    uint8_t scale)
{
	struct verify_newest *n;

	if (v->newest == NULL || id >= v->cached.n_slots)
		return;
	n = &v->newest[id];
	if (n->any && (t < n->t || (t == n->t && kind < n->kind)))
		return;
	n->any = true;
	n->kind = kind;
	n->t = t;
	n->m = m;
	n->scale = scale;
}

void
verify_cache_run(struct verify *v, const struct datafile *f,
    const struct page_run *run)
{
	const uint32_t last = (run->n - 1) % VERIFY_SLICE;

	if (v->archive == NULL)
		note(v, run->id, f->part.kind, v->t[last], v->m[last],
		    ntdb_type_is_int(run->type) ? 0 : v->scale[last]);
}

void
verify_cache_record(struct verify *v, const struct record *rec)
{
	if (v->before_cache)
		note(v, rec->id, KIND_LOG, rec->t, rec->m,
		    rec->is_int ? 0 : rec->scale);
}

static bool
is_same(const struct metric *m, const struct verify_newest *n)
{
	double a, b;

	if (ntdb_type_is_int(m->type))
		return m->last_m == n->m;
	a = dec_to_f64(m->last_m, m->last_scale);
	b = dec_to_f64(n->m, n->scale);
	return f64_bits(a) == f64_bits(b) || (a != a && b != b);
}

/*
 * Whether the cache is another one by now: who replaces a last sample does it
 * behind a new log, and removes that log's cache before the data file changes.
 */
static bool
has_changed(const struct verify *v)
{
	const struct stat *was = &v->cache_stat;
	struct stat now;

	return fstatat(v->s.dir.fd, v->s.dir.cache, &now,
	    AT_SYMLINK_NOFOLLOW) == -1 || now.st_dev != was->st_dev ||
	    now.st_ino != was->st_ino || now.st_size != was->st_size ||
	    now.st_ctim.tv_sec != was->st_ctim.tv_sec ||
	    now.st_ctim.tv_nsec != was->st_ctim.tv_nsec;
}

/*
 * Whether the cache is one for the catalog that is there now: a flush replaces
 * this one first, and may be killed before it replaces the log.
 */
static bool
is_still_valid(const struct verify *v)
{
	const struct dbdir *d = &v->s.dir;
	struct state s;
	int r = state_load_cache(&s, d->fd, d->cache, &v->s.wal, NULL);

	if (r == 0)
		state_release(&s);
	return r == 0;
}

/* What the cache says of a metric; NULL: it is right. */
static const char *
look(const struct verify *v, uint32_t id)
{
	const struct metric *m = state_metric(&v->cached, id);
	const struct metric *want = state_metric(&v->s.state, id);
	const struct verify_newest *n = &v->newest[id];
	/* Later records may have named it, or widened its type. */
	const bool all = v->cached.log_pos >= v->log_end;

	if (m == NULL)
		return want != NULL && all ? "lacks a metric" : NULL;
	if (want == NULL)
		return "has a metric that is not there";
	if (m->name_len != want->name_len || memcmp(state_name(&v->cached, m),
	    state_name(&v->s.state, want), m->name_len) != 0)
		return "has another name of a metric";
	if (m->type != want->type && all)
		return "has another type of a metric";
	if (!v->cached.complete || !n->any)
		return NULL;
	if (!(m->flags & METRIC_HAS_LAST) || m->last_t < n->t)
		return "has an older last sample of a metric";
	if (m->last_t == n->t && !is_same(m, n))
		return "has another last value of a metric";
	return NULL;
}

int
verify_cache_end(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct dbdir *d = &v->s.dir;
	const char *what = NULL, *first = NULL;
	uint32_t id, wrong = 0, first_id = 0;

	/* Of what is damaged, or changes, nothing can be said. */
	if (v->newest == NULL || v->res->damaged > 0 || v->reopened ||
	    v->s.all_pages || !wal_is_current(&v->s.wal, d->fd, d->wal))
		return 0;
	for (id = 1; id < v->cached.n_slots; id++) {
		if ((what = look(v, id)) == NULL)
			continue;
		if (wrong++ == 0) {
			first = what;
			first_id = id;
		}
	}
	if (wrong == 0 || has_changed(v) || !is_still_valid(v))
		return 0;
	err_set(&why, NTDB_ECORRUPT, "is valid, but %s: id %u", first,
	    first_id);
	snprintf(why.path, sizeof(why.path), "%s/%s", d->name, d->cache);
	return verify_failed(v, &why, wrong, "metrics", err);
}
