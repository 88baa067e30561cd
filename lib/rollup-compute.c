/*
 * Computing buckets: the query engine does it, for all metrics of a job of
 * which the same span of time is wanted at once.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"

#define APART 64	/* buckets, by which the ends of a query may differ */

/* Tasks that one query answers, and which of them a metric is. */
struct sweep {
	struct rollup_task *tasks;
	size_t	n;
	struct rollup_task *at;		/* whose rows come; NULL: none yet */
	int64_t	from, to;
	uint32_t *by_id;		/* owned: index in tasks + 1 */
	struct buf names;		/* DB/METRIC, each with its NUL */
	const char **targets;		/* owned */
	size_t	n_targets;
};

static void
sweep_release(struct sweep *g)
{
	free(g->by_id);
	free(g->targets);
	buf_release(&g->names);
}

/* The tasks from `at' on that begin together, and end at like times. */
static void
sweep_find(const struct rollup_work *w, size_t at, struct sweep *g)
{
	int64_t most;

	memset(g, 0, sizeof(*g));
	g->tasks = w->tasks + at;
	g->from = g->tasks[0].from;
	if (__builtin_mul_overflow(w->def->interval_ns, APART, &most) ||
	    __builtin_add_overflow(g->tasks[0].to, most, &most))
		most = g->tasks[0].to;
	while (at + g->n < w->n_tasks && g->tasks[g->n].from == g->from &&
	    g->tasks[g->n].to <= most)
		g->to = g->tasks[g->n++].to;
}

static int
sweep_targets(const struct rollup_work *w, struct sweep *g,
    struct ntdb_error *err)
{
	const struct state *s = &w->source->state;
	const char *db = w->plan->dbs[w->def->source].name;
	size_t i, at = 0;

	g->by_id = calloc((size_t)s->n_slots + 1, sizeof(*g->by_id));
	g->targets = calloc(g->n + 1, sizeof(*g->targets));
	if (g->by_id == NULL || g->targets == NULL)
		return err_nomem(err);
	for (i = 0; i < g->n; i++) {
		uint32_t id = w->items[g->tasks[i].item].id;
		const struct metric *m = state_metric(s, id);

		g->by_id[id] = (uint32_t)i + 1;
		/* What is only foreseen cannot be asked for. */
		if (w->foresight != NULL && id >= w->foresight->new_from)
			continue;
		g->n_targets++;
		buf_add(&g->names, db, strlen(db));
		buf_add_u8(&g->names, '/');
		buf_add(&g->names, state_name(s, m), m->name_len);
		buf_add_u8(&g->names, 0);
	}
	if (!buf_ok(&g->names))
		return err_nomem(err);
	for (i = 0; i < g->n_targets; i++) {
		g->targets[i] = (const char *)g->names.data + at;
		at += strlen(g->targets[i]) + 1;
	}
	return 0;
}

/* One row: a result of a bucket. */
static int
take_row(struct rollup_work *w, struct sweep *g,
    const struct ntdb_row *row, uint32_t a, struct ntdb_error *err)
{
	struct rollup_task *task;
	struct rollup_value v;
	struct rollup_item *item;
	int64_t first, last;

	/* A metric that has come since: it was not asked for. */
	if (row->id >= w->source->state.n_slots || g->by_id[row->id] == 0)
		return 0;
	task = &g->tasks[g->by_id[row->id] - 1];
	/* Rows come by metric: that before has none left. */
	if (g->at != NULL && g->at != task)
		g->at->computed = true;
	g->at = task;
	if (row->bucket_ns >= task->to)
		return 0;
	v.item = task->item;
	v.a = a;
	v.t = row->bucket_ns;
	v.is_int = ntdb_type_is_int(row->type);
	v.value = row->value;
	item = &w->items[v.item];
	bucket_span(row->bucket_ns, w->def->interval_ns, &first, &last);
	if (w->foresight != NULL && rollup_is_foreseen(w->foresight,
	    item->id, first, last))
		return 0;
	if (last < INT64_MAX && last + 1 > item->done)
		item->done = last + 1;
	return rollup_dest_put(w, &v, err);
}

/* All rows there are: NTDB_END, or 0 if the run is stopped. */
static int
sweep_rows(struct rollup_work *w, struct sweep *g, struct ntdb_error *err)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_query *q;
	struct ntdb_row row;
	uint32_t a;
	int r;

	if (g->n_targets == 0)
		return NTDB_END;
	opt.start_ns = g->from;
	opt.has_start = g->from != INT64_MIN;
	opt.end_ns = g->to - 1;
	opt.has_end = true;
	opt.internal = true;
	opt.aggregates = w->def->aggregates;
	opt.n_aggregates = w->def->n_aggregates;
	opt.window_ns = w->def->interval_ns;
	r = ntdb_query_open(w->root, &opt, g->targets, g->n_targets, &q, err);
	if (r != 0)
		return r;
	while (!rollup_is_stopped(w) &&
	    (r = ntdb_query_next(q, &row, err)) == 0) {
		for (a = 0; opt.aggregates[a] != row.aggregate; a++)
			;
		if ((r = take_row(w, g, &row, a, err)) != 0)
			break;
	}
	ntdb_query_close(q);
	return r;
}

static int
sweep_compute(struct rollup_work *w, struct sweep *g, struct ntdb_error *err)
{
	size_t i;
	int r = sweep_rows(w, g, err);

	if (r != NTDB_END)
		return r;
	for (r = 0, i = 0; r == 0 && i < g->n; i++) {
		g->tasks[i].computed = true;
		if (w->foresight != NULL)
			r = rollup_foresee_task(w, &g->tasks[i], err);
	}
	return r;
}

/* See which items were computed, and whether all of each. */
static void
sum_up(struct rollup_work *w)
{
	struct rollup_item *item;
	size_t i;

	for (i = 0; i < w->n_tasks; i++) {
		item = &w->items[w->tasks[i].item];
		if (!w->tasks[i].computed) {
			item->behind = true;
		} else if (!item->computed) {
			item->computed = true;
			w->res->metrics++;
		}
	}
}

bool
rollup_is_stopped(struct rollup_work *w)
{
	const struct ntdb_rollup_options *opt = w->opt;

	if (!w->stopped && opt->stop != NULL)
		w->stopped = opt->stop(opt->arg);
	return w->stopped;
}

int
rollup_compute(struct rollup_work *w, struct ntdb_error *err)
{
	struct sweep g;
	size_t at;
	int r = 0;

	for (at = 0; r == 0 && at < w->n_tasks && !rollup_is_stopped(w);
	    at += g.n) {
		sweep_find(w, at, &g);
		if ((r = sweep_targets(w, &g, err)) == 0)
			r = sweep_compute(w, &g, err);
		sweep_release(&g);
	}
	sum_up(w);
	return r;
}
