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
#include "ingest.h"
#include "rewrite.h"
#include "rollup.h"
#include "scan.h"

#define REPLACE_MAX 131072u	/* values that are replaced at a time */
#define DOUBTS_MAX 65536u	/* values that are compared at a time */

/* What is known of a metric of results. */
struct dest_metric {
	bool	known;		/* it has been looked up */
	bool	has_last;
	bool	is_int;
	uint32_t id;		/* 0: it is new */
	int64_t	last_t;
	uint64_t last_bits;	/* as value_bits */
};

struct rollup_dest {
	const char *name;		/* borrowed */
	struct snapshot snap;		/* if it exists */
	bool	exists;
	struct dest_metric *metrics;	/* owned: item * aggregates + a */
	struct ntdb_ingest *in;		/* NULL: nothing was appended */
	struct rollup_value *doubts;	/* owned */
	size_t	n_doubts;
	struct buf replace;		/* struct rewrite_sample */
	int64_t	source_from;		/* the oldest data file begins then */
	struct rollup_refused refused;
	struct buf metric;		/* a name with its NUL */
};

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

	if ((w->dest = d) == NULL)
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
	dm->is_int = ntdb_type_is_int(m->type);
	if (m->flags & METRIC_HAS_LAST) {
		dm->has_last = true;
		dm->last_t = m->last_t;
		dm->last_bits = value_bits(dm->is_int, m->last_m,
		    m->last_scale);
	}
	return 0;
}

/* A value as it is stored. */
struct stored {
	bool	is_int;
	uint8_t	scale;
	int64_t	m;
};

static struct stored
as_stored(const struct rollup_value *v)
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

/* Whether a value is what a metric of that class has, as bits. */
static bool
is_same(const struct rollup_value *v, bool is_int, uint64_t bits)
{
	struct stored s = as_stored(v);

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
	if (w->opt->dry_run)
		return 0;
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

/* ---- comparing */

static struct dest_metric *
metric_of(const struct rollup_work *w, const struct rollup_value *v)
{
	return &w->dest->metrics[v->item * w->def->n_aggregates + v->a];
}

/* Values by metric in the destination, then time. */
struct doubt {
	const struct rollup_value *v;
	uint32_t id;
};

static int
compare_doubts(const void *a, const void *b)
{
	const struct doubt *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->v->t > y->v->t) - (x->v->t < y->v->t);
}

/* A bucket of an item. */
struct place {
	uint32_t item;
	int64_t	t;
};

/* What is to take the place of what is stored. */
struct replacement {
	struct rewrite_sample sample;
	struct place place;
};

/* Values of one metric, while what is stored of it goes by. */
struct comparing {
	struct rollup_work *w;
	const struct doubt *next, *end;
	unsigned same, other;	/* samples at the time of next */
	bool	more;		/* one of them is a higher count */
	struct buf replace;	/* struct replacement */
	struct buf keep;	/* struct place: what is stored stays */
};

/* No more samples at the time of the value at hand. */
static void
settle(struct comparing *c)
{
	const struct rollup_value *v = c->next->v;
	struct stored s = as_stored(v);
	struct replacement x = { { .id = c->next->id, .is_int = s.is_int,
	    .fresh = c->same + c->other == 0, .scale = s.scale, .t = v->t,
	    .m = s.m }, { v->item, v->t } };

	/* Samples are not deleted one by one: their data file is gone. */
	if (c->more || (c->other > 0 && v->t < c->w->dest->source_from))
		buf_add(&c->keep, &x.place, sizeof(x.place));
	else if (c->same != 1 || c->other != 0)
		buf_add(&c->replace, &x, sizeof(x));
	c->same = c->other = 0;
	c->more = false;
	c->next++;
}

/* Whether the value at hand is a count below the stored one. */
static bool
is_less(const struct comparing *c, const struct block *b, size_t i)
{
	const struct rollup_value *v = c->next->v;

	return c->w->def->aggregates[v->a] == NTDB_COUNT && v->is_int &&
	    b->scale == NULL && v->value.i < b->m[i];
}

static void
compare_block(struct comparing *c, const struct block *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		while (c->next < c->end && c->next->v->t < b->t[i])
			settle(c);
		if (c->next == c->end)
			return;
		if (c->next->v->t != b->t[i])
			continue;
		if (is_same(c->next->v, b->scale == NULL,
		    value_bits(b->scale == NULL, b->m[i],
		    b->scale == NULL ? 0 : b->scale[i])))
			c->same++;
		else
			c->other++;
		c->more |= is_less(c, b, i);
	}
}

/* All values in doubt, against what is stored. */
static int
compare_all(struct comparing *c, const struct doubt *doubts, size_t n,
    const uint32_t *ids, size_t n_ids, int64_t first, int64_t last,
    struct ntdb_error *err)
{
	const struct doubt *end = doubts + n;
	struct scan *sc;
	struct block b;
	uint32_t id;
	int r;

	r = scan_open(&sc, &c->w->dest->snap, ids, n_ids, first, last, err);
	if (r != 0)
		return r;
	while ((r = scan_next_metric(sc, &id, err)) == 0) {
		c->next = doubts;
		while (doubts < end && doubts->id == id)
			doubts++;
		c->end = doubts;
		while (c->next < c->end &&
		    (r = scan_next_block(sc, &b, err)) == 0)
			compare_block(c, &b);
		if (r != 0 && r != NTDB_END)
			break;
		while (c->next < c->end)
			settle(c);
	}
	scan_close(sc);
	return r == NTDB_END ? 0 : r;
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->t > y->t) - (x->t < y->t);
}

/* Put those replacements that are not of buckets to be kept to the others. */
static int
pick(struct comparing *c, struct ntdb_error *err)
{
	struct place *keep = (struct place *)(void *)c->keep.data;
	struct replacement *x =
	    (struct replacement *)(void *)c->replace.data;
	size_t n = c->replace.len / sizeof(*x), i;
	size_t n_keep = c->keep.len / sizeof(*keep);
	struct buf *out = &c->w->dest->replace;

	if (!buf_ok(&c->replace) || !buf_ok(&c->keep))
		return err_nomem(err);
	if (n_keep > 0)
		qsort(keep, n_keep, sizeof(*keep), compare_places);
	for (i = 0; i < n; i++)
		if (n_keep == 0 || bsearch(&x[i].place, keep, n_keep,
		    sizeof(*keep), compare_places) == NULL)
			buf_add(out, &x[i].sample, sizeof(x[i].sample));
	return buf_ok(out) ? 0 : err_nomem(err);
}

/*
 * Replace what was found to be another one.  Files are written anew for that,
 * and so it is done for many at once.
 */
static int
replace(struct rollup_work *w, struct ntdb_error *err)
{
	struct buf *b = &w->dest->replace;
	const size_t n = b->len / sizeof(struct rewrite_sample);
	struct writer dest;
	int r = 0;

	w->res->replaced += n;
	if (n > 0 && !w->opt->dry_run) {
		r = writer_open(&dest, w->root, w->dest->name, false, err);
		if (r != 0)
			return r;
		r = rewrite_samples(&dest, (const struct rewrite_sample *)
		    (const void *)b->data, n, err);
		writer_close(&dest);
	}
	buf_clear(b);
	return r;
}

static int
settle_doubts(struct rollup_work *w, struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	struct comparing c = { .w = w };
	struct doubt *doubts = malloc((d->n_doubts + 1) * sizeof(*doubts));
	uint32_t *ids = malloc((d->n_doubts + 1) * sizeof(*ids));
	int64_t first = INT64_MAX, last = INT64_MIN;
	size_t i, n_ids = 0;
	int r = 0;

	if (doubts == NULL || ids == NULL) {
		r = err_nomem(err);
		goto done;
	}
	for (i = 0; i < d->n_doubts; i++) {
		const struct rollup_value *v = &d->doubts[i];

		doubts[i].v = v;
		doubts[i].id = metric_of(w, v)->id;
		first = v->t < first ? v->t : first;
		last = v->t > last ? v->t : last;
	}
	qsort(doubts, d->n_doubts, sizeof(*doubts), compare_doubts);
	for (i = 0; i < d->n_doubts; i++)
		if (i == 0 || doubts[i].id != doubts[i - 1].id)
			ids[n_ids++] = doubts[i].id;
	if (n_ids > 0)
		r = compare_all(&c, doubts, d->n_doubts, ids, n_ids, first,
		    last, err);
	if (r == 0)
		r = pick(&c, err);
	d->n_doubts = 0;
	if (r == 0 && d->replace.len >= REPLACE_MAX *
	    sizeof(struct rewrite_sample))
		r = replace(w, err);
done:
	free(doubts);
	free(ids);
	buf_release(&c.replace);
	buf_release(&c.keep);
	return r;
}

/*
 * Put a value aside.  The values of a bucket are compared together, since its
 * count may say that all of them are to be left.
 */
static int
doubt(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	const struct rollup_value *last = d->doubts + d->n_doubts - 1;
	int r;

	if (d->n_doubts >= DOUBTS_MAX && (last->item != v->item ||
	    last->t != v->t) && (r = settle_doubts(w, err)) != 0)
		return r;
	d->doubts[d->n_doubts++] = *v;
	return 0;
}

int
rollup_dest_put(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct dest_metric *dm = metric_of(w, v);
	struct stored s;
	int r;

	if (!dm->known && (r = look_up(w, v, dm, err)) != 0)
		return r;
	if (dm->has_last && v->t <= dm->last_t) {
		/* Damage in its file is not seen from its state. */
		if (v->t == dm->last_t && !w->opt->rebuild &&
		    is_same(v, dm->is_int, dm->last_bits))
			return 0;
		return doubt(w, v, err);
	}
	s = as_stored(v);
	dm->has_last = true;
	dm->is_int = v->is_int;
	dm->last_t = v->t;
	dm->last_bits = value_bits(v->is_int, s.m, s.scale);
	return append(w, v, err);
}

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

	if ((r = settle_doubts(w, err)) != 0 || (r = replace(w, err)) != 0)
		return r;
	if (d->in != NULL && (r = ntdb_ingest_finish(d->in, err)) != 0)
		return r;
	if (!w->opt->dry_run && (d->exists || d->in != NULL) &&
	    (r = sync_all(w, err)) != 0)
		return r;
	return rollup_settle_refused(w, &d->refused, err);
}
