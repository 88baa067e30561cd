#include <stdlib.h>

#include "error.h"
#include "scan.h"
#include "timefmt.h"

#define BUDGET (3u << 20)
#define LOG_BUDGET (3u << 20)
#define REFRESH_MAX 100

int
scan_open_with(struct scan **out, struct snapshot *s, const uint32_t *ids,
    size_t n, int64_t first, int64_t last, const struct scan_options *opt,
    struct ntdb_error *err)
{
	struct scan *sc;
	size_t i;
	int r;

	if ((sc = calloc(1, sizeof(*sc))) == NULL)
		return err_nomem(err);
	sc->s = s;
	sc->ids = ids;
	sc->n_ids = n;
	sc->chunk = n;
	sc->first = sc->next_first = first;
	sc->last = last;
	sc->cache = opt->cache;
	sc->budget = opt->budget > 0 ? opt->budget : BUDGET;
	sc->log_budget = sc->budget < LOG_BUDGET ? sc->budget : LOG_BUDGET;
	sc->by_day = opt->by_day;
	sc->days_over = first > last;
	if (sc->cache == NULL) {
		r = pagecache_borrow(&sc->cache, s->dir.root, err);
		if (r != 0) {
			free(sc);
			return r;
		}
		sc->own_cache = true;
	}
	if (n > 1) {
		sc->n_slots = s->state.n_slots;
		sc->slots = calloc(sc->n_slots, sizeof(*sc->slots));
		if (sc->slots == NULL) {
			scan_close(sc);
			return err_nomem(err);
		}
		for (i = 0; i < n; i++)
			if (ids[i] < sc->n_slots)
				sc->slots[ids[i]] = (uint32_t)i + 1;
	}
	*out = sc;
	return 0;
}

int
scan_open(struct scan **sc, struct snapshot *s, const uint32_t *ids,
    size_t n, int64_t first, int64_t last, struct ntdb_error *err)
{
	const struct scan_options opt = { NULL, 0, false };

	return scan_open_with(sc, s, ids, n, first, last, &opt, err);
}

void
scan_close(struct scan *sc)
{
	size_t i;

	if (sc == NULL)
		return;
	plan_release(&sc->plan);
	for (i = 0; i < sc->cap_sources; i++)
		source_release(&sc->sources[i]);
	free(sc->sources);
	free(sc->out_t);
	free(sc->out_scale);
	free(sc->slots);
	if (sc->own_cache)
		pagecache_give_back(sc->cache);
	free(sc);
}

int
scan_refresh(struct scan *sc, struct ntdb_error *err)
{
	pagecache_forget(sc->cache, sc->s);
	return snapshot_refresh(sc->s, err);
}

/* The last time that is wanted now, whatever the plan holds. */
static int64_t
wanted_last(const struct scan *sc)
{
	return sc->by_day && sc->day_last < sc->last ? sc->day_last :
	    sc->last;
}

/* Begin with a metric of the plan. */
static int
begin(struct scan *sc, size_t at, struct ntdb_error *err)
{
	sc->v_first = sc->plan.first;
	sc->v_last = wanted_last(sc);
	if (sc->by_day && sc->day_first > sc->v_first)
		sc->v_first = sc->day_first;
	if (sc->plan.last < sc->v_last)
		sc->v_last = sc->plan.last;
	return merge_begin(sc, at, err);
}

/* Plan the current metric alone, from a time on, and go on there. */
static int
replan(struct scan *sc, int64_t first, struct ntdb_error *err)
{
	size_t at = sc->at;
	int r;

	sc->in_metric = false;
	r = plan_make(sc, at, 1, first, wanted_last(sc), false, first, err);
	return r == 0 ? begin(sc, at, err) : r;
}

/* Whether the plan holds a metric's samples from a time on. */
static bool
plan_has(const struct scan *sc, size_t at, int64_t first)
{
	const struct plan *p = &sc->plan;

	return sc->planned && at >= p->from && at - p->from < p->n &&
	    p->first <= first;
}

/* The next metric that has samples on the day being read. */
static int
next_of_day(struct scan *sc, size_t at, uint32_t *id, struct ntdb_error *err)
{
	const struct plan_metric *pm;
	int64_t first, last = wanted_last(sc);
	int r;

	first = sc->day_first > sc->first ? sc->day_first : sc->first;
	for (; at < sc->n_ids; at++) {
		if (!plan_has(sc, at, first)) {
			r = plan_make(sc, at, sc->n_ids - at, first, last,
			    false, first, err);
			if (r != 0)
				return r;
		}
		pm = &sc->plan.metrics[at - sc->plan.from];
		if (pm->any && pm->next_t <= last) {
			*id = sc->ids[at];
			return begin(sc, at, err);
		}
	}
	sc->at = sc->n_ids;
	sc->begun = true;
	return NTDB_END;
}

int
scan_next_metric(struct scan *sc, uint32_t *id, struct ntdb_error *err)
{
	size_t at = sc->begun ? sc->at + 1 : sc->at;
	size_t n;
	int r;

	merge_leave(sc);
	sc->has_last = false;
	sc->skip_n = 0;
	if (at >= sc->n_ids || sc->first > sc->last)
		return NTDB_END;
	if (sc->by_day)
		return next_of_day(sc, at, id, err);
	if (!plan_has(sc, at, sc->first)) {
		n = sc->n_ids - at;
		if (n > sc->chunk * 2)
			n = sc->chunk * 2;
		r = plan_make(sc, at, n, sc->first, sc->last, false,
		    sc->first, err);
		if (r != 0)
			return r;
	}
	*id = sc->ids[at];
	return begin(sc, at, err);
}

/* Drop what was given out before the plan was made anew. */
static void
drop_given(struct scan *sc, struct block *b)
{
	size_t k = 0;

	while (sc->skip_n > 0 && k < b->n && b->t[k] == sc->skip_t) {
		k++;
		sc->skip_n--;
	}
	if (k < b->n)
		sc->skip_n = 0;
	b->t += k;
	b->m += k;
	b->n -= k;
	if (b->scale != NULL)
		b->scale += k;
}

/* Remember the time of the last sample, and how many there are of it. */
static void
remember(struct scan *sc, const struct block *b)
{
	int64_t t = b->t[b->n - 1];
	size_t k = 1;

	while (k < b->n && b->t[b->n - 1 - k] == t)
		k++;
	if (k == b->n && sc->has_last && sc->last_t == t)
		k += sc->last_n;
	sc->has_last = true;
	sc->last_t = t;
	sc->last_n = k;
}

/* Go on with a new snapshot after the last sample that was given out. */
static int
restart(struct scan *sc, struct ntdb_error *err)
{
	int64_t first = sc->by_day && sc->day_first > sc->first ?
	    sc->day_first : sc->first;
	int r;

	if (sc->has_last) {
		first = sc->last_t;
		sc->skip_t = sc->last_t;
		sc->skip_n = sc->last_n;
	}
	if ((r = scan_refresh(sc, err)) != 0)
		return r;
	return replan(sc, first, err);
}

int
scan_next_block(struct scan *sc, struct block *b, struct ntdb_error *err)
{
	int r, restarts = 0;

	if (!sc->in_metric)
		return NTDB_END;
	for (;;) {
		r = merge_next(sc, b, err);
		if (r == 0) {
			drop_given(sc, b);
			if (b->n == 0)
				continue;
			remember(sc, b);
			return 0;
		} else if (r == NTDB_EBUSY) {
			if (++restarts > REFRESH_MAX)
				return err_set(err, r,
				    "%s: changes too often to be read",
				    sc->s->dir.name);
			r = restart(sc, err);
		} else if (r == NTDB_END) {
			if (sc->plan.n != 1 ||
			    sc->plan.last >= wanted_last(sc))
				return r;
			r = replan(sc, sc->plan.last + 1, err);
		}
		if (r != 0)
			return r;
	}
}

int
scan_skip_run(struct scan *sc, int64_t window, scan_usable_fn *usable,
    const void *arg, const struct page_stats **stats, uint32_t *n,
    int64_t *first_t, int64_t *last_t)
{
	int r;

	if (!sc->in_metric)
		return NTDB_END;
	r = merge_skip(sc, window, usable, arg, stats, n, first_t, last_t);
	if (r == 0) {
		sc->has_last = true;
		sc->last_t = *last_t;
		sc->last_n = 1;
	}
	return r;
}

int
scan_rewind(struct scan *sc, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct plan_metric *pm;
	struct run_ref *ref;
	uint32_t i;

	merge_leave(sc);
	sc->has_last = false;
	sc->skip_n = 0;
	if (!plan_has(sc, sc->at, sc->first) ||
	    (p->n > 1 && p->last < wanted_last(sc)))
		return replan(sc, sc->first, err);
	pm = &p->metrics[sc->at - p->from];
	for (i = pm->ref; i < pm->ref + pm->n_refs; i++) {
		ref = p->refs[i];
		ref->done = 0;
		ref->t_first = ref->run.t_first;
	}
	pm->started = pm->ref;
	pm->log = pm->log_head;
	return begin(sc, sc->at, err);
}

/* The first and the last nanosecond of the day of a time. */
static void
day_span(int64_t t, int64_t *first, int64_t *last)
{
	const struct partition day = partition_of(PART_DAY, t);

	partition_span(day, first, last);
}

/* A plan whose time was cut must not end within a day. */
static void
end_with_day(struct plan *p, int64_t min_last, int64_t last)
{
	int64_t first, end;

	if (p->last >= last || p->last <= min_last)
		return;
	day_span(p->last, &first, &end);
	if (p->last != end)
		p->last = first - 1 > min_last ? first - 1 : min_last;
}

int
scan_next_day(struct scan *sc, int64_t *day, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	const struct plan_metric *pm;
	int64_t t, first, last;
	bool any;
	int r;

	merge_leave(sc);
	while (!sc->days_over && sc->n_ids > 0) {
		day_span(sc->next_first, &first, &last);
		if (!sc->planned || p->n < sc->n_ids ||
		    p->last < sc->next_first) {
			r = plan_make(sc, 0, sc->n_ids, sc->next_first,
			    sc->last, true, last < sc->last ? last : sc->last,
			    err);
			if (r != 0)
				return r;
			end_with_day(p, last, sc->last);
		}

		/* Where not all metrics fit, the plan is of one day. */
		if (p->n < sc->n_ids) {
			*day = first;
			return 0;
		}
		any = false;
		t = INT64_MAX;
		for (pm = p->metrics; pm < p->metrics + p->n; pm++)
			if (pm->any && pm->next_t <= t) {
				t = pm->next_t;
				any = true;
			}
		if (any && t < sc->next_first)
			t = sc->next_first;
		if (any && t <= p->last) {
			day_span(t, day, &last);
			return 0;
		}
		if (p->last >= sc->last)
			sc->days_over = true;
		else
			sc->next_first = p->last + 1;
	}
	return NTDB_END;
}

void
scan_begin_day(struct scan *sc, int64_t day)
{
	merge_leave(sc);
	day_span(day, &sc->day_first, &sc->day_last);
	sc->at = 0;
	sc->begun = false;
	if (sc->day_last >= sc->last)
		sc->days_over = true;
	else
		sc->next_first = sc->day_last + 1;
}
