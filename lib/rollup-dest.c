/*
 * Bringing results into the destination of a job.
 *
 * What is later than the last sample of its metric there is appended, as any
 * sample is.  What is not has been written by a run before: it is compared
 * with what is stored, and where that is something else it is replaced.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cursor.h"
#include "error.h"
#include "number.h"
#include "rollup-dest.h"

/* Whether a job keeps the number of samples. */
static bool
counts(const struct rollup_def *def)
{
	size_t a;

	for (a = 0; a < def->n_aggregates; a++)
		if (def->aggregates[a] == NTDB_COUNT)
			return true;
	return false;
}

/* ---- opening */

/*
 * When the oldest data file of the source begins, if that tells anything:
 * where samples are counted, that tells more.
 */
static int
find_source_from(struct rollup_work *w, struct ntdb_error *err)
{
	const struct manifest *m = &w->plan->dbs[w->def->source].manifest;
	const bool deletes = m->retention_days > 0 || m->retention_size > 0;
	struct partition *parts;
	int64_t last, first;
	size_t n;
	int r;

	w->dest->source_from = INT64_MIN;
	/* Samples may be gone that were not deleted by ntdb-flush, but then
	 * only who asks for all anew wants to be kept from losing more. */
	if (counts(w->def) || (!w->anew && !deletes))
		return 0;
	r = dbdir_partitions(&w->source->dir, INT64_MIN, INT64_MAX, &parts,
	    &n, err);
	if (r != 0)
		return r;
	if (n > 0)
		partition_span(parts[0], &w->dest->source_from, &last);
	free(parts);
	/* What came late may be in the log, older than all files. */
	if (n == 0 || deletes)
		return 0;
	if ((r = rollup_log_first(w->source, &first, err)) != 0)
		return r;
	bucket_span(first, w->def->interval_ns, &first, &last);
	if (first < w->dest->source_from)
		w->dest->source_from = first;
	return 0;
}

int
rollup_dest_open(struct rollup_work *w, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct rollup_dest *d = calloc(1, sizeof(*d));
	int r;

	/* Whoever has the work releases it, also after a failure. */
	w->dest = d;
	if (d == NULL)
		return err_nomem(err);
	d->name = w->plan->dbs[w->def->dest].name;
	d->metrics = calloc(w->n_items * w->def->n_aggregates + 1,
	    sizeof(*d->metrics));
	d->doubts = malloc((DOUBTS_MAX + NTDB_AGGREGATE_N) *
	    sizeof(*d->doubts));
	if (d->metrics == NULL || d->doubts == NULL)
		return err_nomem(err);
	if ((r = find_source_from(w, err)) != 0)
		return r;
	r = snapshot_open(&d->snap, w->root, d->name, &why);
	if (r == 0) {
		d->exists = true;
		return rollup_complete_lasts(&d->snap, err);
	}
	snapshot_release(&d->snap);
	return r == NTDB_ENOENT ? 0 : err_at(err, r, why.path, why.offset,
	    "%s", why.text);
}

void
rollup_dest_close(struct rollup_work *w)
{
	struct rollup_dest *d = w->dest;

	if (d == NULL)
		return;
	ntdb_ingest_close(d->in);
	if (d->exists)
		snapshot_release(&d->snap);
	free(d->metrics);
	free(d->doubts);
	buf_release(&d->replace);
	buf_release(&d->metric);
	buf_release(&d->refused.hashes);
	free(d);
	w->dest = NULL;
}

/* ---- metrics of results */

/* Its name, with a NUL, in d->metric. */
static int
name_metric(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	const struct state *s = &w->source->state;
	const struct metric *m = state_metric(s, w->items[v->item].id);
	struct buf *b = &w->dest->metric;

	/* -fanalyzer: items are metrics that have a name */
	rollup_name(w->def, state_name(s, m), m->name_len,
	    w->def->aggregates[v->a], b);
	buf_add_u8(b, 0);
	return buf_ok(b) ? 0 : err_nomem(err);
}

static int
look_up(struct rollup_work *w, const struct rollup_value *v,
    struct dest_metric *dm, struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	const struct metric *m;
	int r;

	dm->known = true;
	if (!d->exists)
		return 0;
	if ((r = name_metric(w, v, err)) != 0)
		return r;
	dm->id = state_find(&d->snap.state, (const char *)d->metric.data,
	    d->metric.len - 1);
	if (dm->id == 0)
		return 0;
	m = state_metric(&d->snap.state, dm->id);
	/* -fanalyzer: state_find gives ids with names */
	dm->is_int = ntdb_type_is_int(m->type);
	if (m->flags & METRIC_HAS_LAST) {
		dm->has_last = true;
		dm->last_t = m->last_t;
		dm->last_bits = value_bits(dm->is_int, m->last_m,
		    m->last_scale);
	}
	return 0;
}

/* ---- values */

struct stored
rollup_stored(const struct rollup_value *v)
{
	struct stored s = { v->is_int, 0, v->value.i };
	struct dec d;

	if (!v->is_int) {
		d = dec_from_f64(v->value.f);
		s.m = d.m;
		s.scale = d.scale;
	}
	return s;
}

bool
rollup_is_same(const struct rollup_value *v, bool is_int, uint64_t bits)
{
	struct stored s = rollup_stored(v);

	if (!is_int && v->is_int)
		int_to_decimal(&s.m, &s.scale);
	return is_int && !v->is_int ? false :
	    value_bits(is_int, s.m, s.scale) == bits;
}

/* ---- appending */

static void
note_refused(void *arg, uint64_t line, const char *text, size_t len,
    enum ntdb_refusal why, const char *reason)
{
	struct rollup_dest *d = arg;

	(void)line;
	(void)why;
	rollup_refuse(&d->refused, text, len, reason);
}

/* A destination that is new is made for rollups. */
static int
create(struct rollup_work *w, struct ntdb_error *err)
{
	const bool daily = w->def->interval_ns >= INT64_C(86400000000000);
	struct dbdir dir;
	int r;

	r = dbdir_create(&dir, w->root, w->dest->name, daily ?
	    "\n[retention]\npartition = year\n" :
	    "\n[retention]\npartition = month\n", err);
	if (r == 0)
		dbdir_close(&dir);
	return r;
}

static int
append(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct ntdb_ingest_options opt = NTDB_INGEST_OPTIONS_INIT;
	struct rollup_dest *d = w->dest;
	int r;

	w->res->written++;
	if (d->in == NULL) {
		opt.sync = true;
		opt.refused = note_refused;
		opt.arg = d;
		if ((!d->exists && (r = create(w, err)) != 0) ||
		    (r = ntdb_ingest_open(w->root, &opt, &d->in, err)) != 0)
			return r;
		ingest_derived(d->in);
	}
	if ((r = name_metric(w, v, err)) != 0)
		return r;
	return v->is_int ?
	    ntdb_ingest_int(d->in, d->name, (const char *)d->metric.data,
	    v->value.i, true, v->t, err) :
	    ntdb_ingest_float(d->in, d->name, (const char *)d->metric.data,
	    v->value.f, true, v->t, err);
}

int
rollup_dest_put(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct dest_metric *dm = dest_metric_of(w, v);
	struct stored s;
	int r;

	if (!dm->known && (r = look_up(w, v, dm, err)) != 0)
		return r;
	if (w->foresight != NULL && !(dm->has_last && v->t <= dm->last_t))
		return rollup_dest_foresee(w, v, err);
	if (dm->has_last && v->t <= dm->last_t) {
		/* Damage in its file is not seen from its state. */
		if (v->t == dm->last_t && !w->opt->rebuild &&
		    rollup_is_same(v, dm->is_int, dm->last_bits))
			return 0;
		return rollup_dest_doubt(w, v, err);
	}
	s = rollup_stored(v);
	dm->has_last = true;
	dm->is_int = v->is_int;
	dm->last_t = v->t;
	dm->last_bits = value_bits(v->is_int, s.m, s.scale);
	return append(w, v, err);
}

/* ---- dry runs */

int
rollup_dest_note(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct dest_metric *dm = dest_metric_of(w, v);
	const struct buf *name = &w->dest->metric;
	int r;

	if (!dm->noted) {
		if ((r = name_metric(w, v, err)) != 0 ||
		    (r = rollup_foresee_metric(w, (const char *)name->data,
		    name->len - 1, &dm->foreseen, err)) != 0)
			return r;
		dm->noted = true;
	}
	if (dm->foreseen != UINT32_MAX)
		rollup_foresee_result(w->foresight, dm->foreseen, v->t);
	return 0;
}

int
rollup_dest_foresee(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct dest_metric *dm = dest_metric_of(w, v);
	int r;

	if (!dm->known && (r = look_up(w, v, dm, err)) != 0)
		return r;
	if (dm->has_last && v->t <= dm->last_t)
		w->res->unsure++;
	else
		w->res->written++;
	return rollup_dest_note(w, v, err);
}

/* ---- the end */

/*
 * Sync what is there: a run that was killed may have written it and not have
 * come to that.  Under a profile that leaves data files unsynced that takes
 * all of the file system.
 */
static int
sync_all(struct rollup_work *w, struct ntdb_error *err)
{
	const struct engine_config *e;
	struct dbdir dir;
	int fd, r;

	r = dbdir_open(&dir, w->root, w->dest->name, err);
	if (r != 0)
		return r;
	fd = io_open(dir.fd, dir.wal, O_RDONLY, 0, dir.wal_path, err);
	if (fd >= 0) {
		r = io_sync(fd, dir.wal_path, err);
		io_close(&fd);
	} else if (fd != NTDB_ENOENT) {
		r = fd;
	}
	if (r == 0 && (r = root_engine(w->root, &e, err)) == 0 &&
	    e->profile != DURABLE_STRICT && syncfs(dir.fd) == -1)
		r = err_sys(err, dir.name, "cannot sync");
	dbdir_close(&dir);
	return r;
}

int
rollup_dest_finish(struct rollup_work *w, struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	int r;

	if ((r = rollup_dest_settle(w, err)) != 0)
		return r;
	if (d->in != NULL && (r = ntdb_ingest_finish(d->in, err)) != 0)
		return r;
	if (!w->opt->dry_run && (d->exists || d->in != NULL) &&
	    (r = sync_all(w, err)) != 0)
		return r;
	return rollup_settle_refused(w, &d->refused, err);
}
