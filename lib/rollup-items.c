/*
 * What a job has to do: its metrics, and the buckets of each that are due or
 * have changed.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"
#include "timefmt.h"

/* Room for one more of n elements. */
static void *
grow(void *at, size_t n, size_t *cap, size_t size)
{
	size_t more;
	void *p;

	if (n < *cap)
		return at;
	more = *cap == 0 ? 64 : 2 * *cap;
	if ((p = realloc(at, more * size)) != NULL)
		*cap = more;
	return p;
}

void
rollup_work_release(struct rollup_work *w)
{
	free(w->items);
	free(w->tasks);
	w->items = NULL;
	w->tasks = NULL;
	w->n_items = w->items_cap = w->n_tasks = w->tasks_cap = 0;
}

/* ---- metrics */

int
rollup_complete_lasts(struct snapshot *s, struct ntdb_error *err)
{
	uint32_t n = s->state.n_slots, id, *ids;
	struct last_sample *lasts;
	int r;

	if (s->state.complete || n == 0)
		return 0;
	ids = malloc(n * sizeof(*ids));
	lasts = calloc(n, sizeof(*lasts));
	if (ids == NULL || lasts == NULL) {
		r = err_nomem(err);
		goto done;
	}
	for (id = 0; id < n; id++)
		ids[id] = id;
	r = scan_find_lasts(s, NULL, ids, n, INT64_MIN, INT64_MAX, lasts,
	    err);
	for (id = 1; r == 0 && id < n; id++)
		if (lasts[id].found && state_metric(&s->state, id) != NULL)
			state_sample(&s->state, id, lasts[id].t, lasts[id].m,
			    lasts[id].scale);
done:
	free(ids);
	free(lasts);
	return r;
}

/* The start of the bucket that a time lies in. */
static int64_t
bucket_start(int64_t t, int64_t interval)
{
	int64_t first, last;

	bucket_span(t, interval, &first, &last);
	return first;
}

/*
 * Buckets that begin before this are due: those that end before the bucket of
 * the last sample begins, and those whose end and grace are past.
 */
static int64_t
due_before(const struct rollup_work *w, int64_t last_t)
{
	const struct rollup_def *d = w->def;
	int64_t due = bucket_start(last_t, d->interval_ns);
	int64_t now = ntdb_now(w->root), past;

	if (now < NTDB_RELEASE_S * NS_PER_S ||
	    __builtin_sub_overflow(now, d->grace_ns, &past))
		return due;
	past = bucket_start(past, d->interval_ns);
	return past > due ? past : due;
}

static int
add_item(struct rollup_work *w, const struct checkpoints *c, uint32_t id,
    struct ntdb_error *err)
{
	const struct state *s = &w->source->state;
	const struct metric *m = state_metric(s, id);
	const struct checkpoint *e;
	struct rollup_item *item;

	/* -fanalyzer: the caller has seen that the id has a name */
	if (!(m->flags & METRIC_HAS_LAST))
		return 0;
	item = grow(w->items, w->n_items, &w->items_cap, sizeof(*item));
	if (item == NULL)
		return err_nomem(err);
	w->items = item;
	item += w->n_items++;
	/* -fanalyzer: as above */
	e = c == NULL ? NULL : checkpoints_find(c, w->def->job->id,
	    state_name(s, m), m->name_len);
	memset(item, 0, sizeof(*item));
	item->id = id;
	item->next = e == NULL ? INT64_MIN : e->number;
	/* -fanalyzer: as above */
	item->last_t = m->last_t;
	item->due = due_before(w, m->last_t);
	item->done = item->next;
	w->anew |= item->next == INT64_MIN;
	return 0;
}

static int
add_items(struct rollup_work *w, const struct checkpoints *c,
    struct ntdb_error *err)
{
	const struct state *s = &w->source->state;
	const char *name = w->def->job->source_metric;
	uint32_t id;
	int r;

	if (name != NULL) {
		id = state_find(s, name, strlen(name));
		return id == 0 || !rollup_reads(w->plan, w->def, name,
		    strlen(name)) ? 0 : add_item(w, c, id, err);
	}
	for (id = 1; id < s->n_slots; id++) {
		const struct metric *m = state_metric(s, id);

		if (m != NULL && rollup_reads(w->plan, w->def,
		    state_name(s, m), m->name_len) &&
		    (r = add_item(w, c, id, err)) != 0)
			return r;
	}
	return 0;
}

/* ---- tasks */

static int
add_task(struct rollup_work *w, uint32_t item, int64_t from, int64_t to,
    struct ntdb_error *err)
{
	struct rollup_task *t, *last;

	if (from >= to)
		return 0;
	last = w->n_tasks > 0 ? &w->tasks[w->n_tasks - 1] : NULL;
	if (last != NULL && last->item == item && from <= last->to) {
		last->to = to > last->to ? to : last->to;
		return 0;
	}
	t = grow(w->tasks, w->n_tasks, &w->tasks_cap, sizeof(*t));
	if (t == NULL)
		return err_nomem(err);
	w->tasks = t;
	t += w->n_tasks++;
	t->item = item;
	t->from = from;
	t->to = to;
	t->computed = false;
	return 0;
}

/* The first of the changes that is of this metric or of a later one. */
static size_t
find_change(const struct rollup_change *c, size_t n, uint32_t id)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Buckets that were written and have changed, then those that were not
 * written and are due.
 */
static int
add_tasks(struct rollup_work *w, uint32_t i,
    const struct rollup_change *changes, size_t n, struct ntdb_error *err)
{
	const struct rollup_item *item = &w->items[i];
	const int64_t interval = w->def->interval_ns;
	int64_t from, first, last;
	size_t k;
	int r;

	for (k = find_change(changes, n, item->id); k < n &&
	    changes[k].id == item->id && changes[k].first < item->next; k++) {
		from = bucket_start(changes[k].first, interval);
		bucket_span(changes[k].last, interval, &first, &last);
		if (last >= item->next)
			last = item->next - 1;
		if ((r = add_task(w, i, from, last + 1, err)) != 0)
			return r;
	}
	return item->last_t < item->next ? 0 :
	    add_task(w, i, item->next, item->due, err);
}

static int
compare_tasks(const void *a, const void *b)
{
	const struct rollup_task *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

int
rollup_find_work(struct rollup_work *w, const struct checkpoints *c,
    const struct rollup_change *changes, size_t n, struct ntdb_error *err)
{
	uint32_t i;
	int r;

	if ((r = add_items(w, c, err)) != 0)
		return r;
	for (i = 0; i < w->n_items; i++)
		if ((r = add_tasks(w, i, changes, n, err)) != 0)
			return r;
	if (w->n_tasks > 0)
		qsort(w->tasks, w->n_tasks, sizeof(*w->tasks),
		    compare_tasks);
	return 0;
}
