/*
 * What a dry run would have written, as far as later jobs read it.
 *
 * Its values do not matter, since no query can read them; their times do.
 * They are put into the snapshot of the database as metrics with last samples,
 * and as changes, so that a later job finds the work that it will have.
 */
#include <stdlib.h>

#include "cursor.h"
#include "error.h"
#include "rollup.h"
#include "timefmt.h"

/* The time in which results of a metric lie close together. */
struct span {
	int64_t	first, last;	/* [first, last] */
};

/* The results of one metric. */
struct rollup_foreseen {
	uint32_t db;		/* index of the database that they go to */
	uint32_t id;		/* there; 0: it is another database's turn */
	int64_t	step;		/* spans begin and end at multiples of it */
	int64_t	last_t;
	struct buf name;
	struct buf spans;	/* struct span */
};

void
rollup_foresight_release(struct rollup_foresight *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		buf_release(&f->at[i].name);
		buf_release(&f->at[i].spans);
	}
	free(f->at);
	memset(f, 0, sizeof(*f));
}

/* ---- taking note */

static int64_t
common_divisor(int64_t a, int64_t b)
{
	int64_t rest;

	for (; b != 0; a = b, b = rest)
		rest = a % b;
	return a;
}

/*
 * The span of time that buckets of all jobs which read a metric consist of, or
 * 0 if none reads it.  Weeks do not begin where the epoch does, but days do.
 */
static int64_t
step_of(const struct rollup_plan *p, uint32_t db, const char *name,
    size_t len)
{
	int64_t step = 0;
	size_t i;

	for (i = 0; i < p->n_defs; i++)
		if (p->defs[i].source == db &&
		    rollup_reads(p, &p->defs[i], name, len))
			step = common_divisor(step == 0 ? NS_PER_DAY : step,
			    p->defs[i].interval_ns);
	return step;
}

int
rollup_foresee_metric(struct rollup_work *w, const char *name, size_t len,
    uint32_t *index, struct ntdb_error *err)
{
	struct rollup_foresight *f = w->foresight;
	const uint32_t db = w->def->dest;
	int64_t step = step_of(w->plan, db, name, len);
	struct rollup_foreseen *at;

	*index = UINT32_MAX;
	if (step == 0)
		return 0;
	at = realloc(f->at, (f->n + 1) * sizeof(*at));
	if (at == NULL)
		return err_nomem(err);
	f->at = at;
	at += f->n;
	memset(at, 0, sizeof(*at));
	at->db = db;
	at->step = step;
	at->last_t = INT64_MIN;
	buf_add(&at->name, name, len);
	*index = (uint32_t)f->n++;
	return buf_ok(&at->name) ? 0 : err_nomem(err);
}

void
rollup_foresee_result(struct rollup_foresight *f, uint32_t index, int64_t t)
{
	struct rollup_foreseen *at = &f->at[index];
	struct span s, *last;

	if (t > at->last_t)
		at->last_t = t;
	bucket_span(t, at->step, &s.first, &s.last);
	if (at->spans.len > 0) {
		last = (struct span *)(void *)(at->spans.data +
		    at->spans.len) - 1;
		if (s.first >= last->first && s.last <= last->last)
			return;
		if (s.first - 1 == last->last) {
			last->last = s.last;
			return;
		}
	}
	buf_add(&at->spans, &s, sizeof(s));
}

/* ---- the snapshot of a source */

static int
compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct rollup_foreseen *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Put one metric's results into the state of its database. */
static int
put_metric(struct rollup_foreseen *at, struct state *s,
    struct ntdb_error *err)
{
	const char *name = (const char *)at->name.data;
	int r;

	at->id = state_find(s, name, at->name.len);
	if (at->id == 0) {
		r = state_define(s, s->max_id + 1, NTDB_FLOAT64, name,
		    at->name.len, 0, err);
		if (r != 0)
			return r;
		at->id = s->max_id;
	}
	state_sample(s, at->id, at->last_t, 0, 0);
	if (!buf_ok(&at->spans))
		return err_nomem(err);
	if (at->spans.len > 0)
		qsort(at->spans.data, at->spans.len / sizeof(struct span),
		    sizeof(struct span), compare_spans);
	return 0;
}

/* What has changed there is what has really, and the spans. */
static int
put_changes(const struct rollup_foresight *f, struct rollup_change **changes,
    size_t *n, struct ntdb_error *err)
{
	struct rollup_change *c;
	const struct span *s;
	size_t total = *n, i, k;

	for (i = 0; i < f->n; i++)
		total += f->at[i].spans.len / sizeof(*s);
	c = realloc(*changes, (total + 1) * sizeof(*c));
	if (c == NULL)
		return err_nomem(err);
	*changes = c;
	for (i = 0; i < f->n; i++) {
		if (f->at[i].id == 0)
			continue;
		s = (const void *)f->at[i].spans.data;
		for (k = 0; k < f->at[i].spans.len / sizeof(*s); k++)
			c[(*n)++] = (struct rollup_change){ f->at[i].id,
			    s[k].first, s[k].last };
	}
	*n = rollup_join_changes(c, *n);
	return 0;
}

int
rollup_foresee_source(struct rollup_foresight *f, uint32_t db,
    struct snapshot *snap, struct rollup_change **changes, size_t *n,
    struct ntdb_error *err)
{
	size_t i;
	int r;

	f->new_from = snap->state.max_id + 1;
	for (i = 0; i < f->n; i++) {
		f->at[i].id = 0;
		if (f->at[i].db == db &&
		    (r = put_metric(&f->at[i], &snap->state, err)) != 0)
			return r;
	}
	if (f->n > 0)
		qsort(f->at, f->n, sizeof(*f->at), compare_ids);
	f->n_sorted = f->n;
	return put_changes(f, changes, n, err);
}

/* ---- the work of a job */

static const struct rollup_foreseen *
find(const struct rollup_foresight *f, uint32_t id)
{
	const struct rollup_foreseen key = { .id = id };

	return f->n_sorted == 0 ? NULL : bsearch(&key, f->at, f->n_sorted,
	    sizeof(key), compare_ids);
}

bool
rollup_is_foreseen(const struct rollup_foresight *f, uint32_t id,
    int64_t first, int64_t last)
{
	const struct rollup_foreseen *at = find(f, id);
	const struct span *s;
	size_t lo = 0, hi, mid;

	if (at == NULL)
		return false;
	/* The first span that does not end before that time. */
	s = (const void *)at->spans.data;
	hi = at->spans.len / sizeof(*s);
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s[mid].last < first)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < at->spans.len / sizeof(*s) && s[lo].first <= last;
}

/* All results of a bucket. */
static int
put_bucket(struct rollup_work *w, uint32_t item, int64_t t,
    struct ntdb_error *err)
{
	struct rollup_value v = { .item = item, .t = t };
	int r = 0;

	for (; r == 0 && v.a < w->def->n_aggregates; v.a++)
		r = rollup_dest_foresee(w, &v, err);
	return r;
}

int
rollup_foresee_task(struct rollup_work *w, const struct rollup_task *task,
    struct ntdb_error *err)
{
	const struct rollup_foreseen *at = find(w->foresight,
	    w->items[task->item].id);
	const struct span *s;
	int64_t t = INT64_MIN, first, last, next;
	size_t i;
	int r;

	if (at == NULL)
		return 0;
	s = (const void *)at->spans.data;
	for (i = 0; i < at->spans.len / sizeof(*s); i++) {
		/* Buckets that lie in part in the span before were put. */
		next = s[i].first > t ? s[i].first : t;
		next = next > task->from ? next : task->from;
		for (; next <= s[i].last && next < task->to; next = t) {
			bucket_span(next, w->def->interval_ns, &first, &last);
			if ((r = put_bucket(w, task->item, first, err)) != 0)
				return r;
			if (last == INT64_MAX)
				return 0;
			t = last + 1;
			/* The array grows with what is put. */
			at = find(w->foresight, w->items[task->item].id);
			s = (const void *)at->spans.data;
		}
	}
	return 0;
}
