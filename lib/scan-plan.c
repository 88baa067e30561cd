/*
 * Plans: where the samples of some metrics in some span of time are.
 */
#include <stdlib.h>

#include "error.h"
#include "scan.h"

#define REFRESH_MAX 100

/* Forget all but the memory that can be used again. */
static void
plan_clear(struct plan *p)
{
	refs_clear(p);
	free(p->wanted);
	free(p->metrics);
	free(p->parts);
	p->wanted = NULL;
	p->metrics = NULL;
	p->parts = NULL;
	p->n_parts = p->n_log = 0;
}

void
plan_release(struct plan *p)
{
	plan_clear(p);
	free(p->refs);
	free(p->log);
	memset(p, 0, sizeof(*p));
}

static bool
plan_over(const struct scan *sc)
{
	const struct plan *p = &sc->plan;

	return !p->unbounded && sc->budget < p->arena.bytes +
	    p->n_refs * sizeof(p->refs[0]) +
	    p->n * (sizeof(*p->metrics) + sizeof(*p->wanted));
}

/* Let a plan that does not fit be one of fewer metrics. */
static void
plan_shrink(struct scan *sc)
{
	struct plan *p = &sc->plan;
	size_t i, n = 0;

	p->n -= (p->n + 3) / 4;
	refs_keep(p, (uint32_t)p->n);
	for (i = 0; i < p->n_wanted; i++)
		if (scan_slot(sc, p->wanted[i]) != 0)
			p->wanted[n++] = p->wanted[i];
	p->n_wanted = n;
}

static int
add_run(struct scan *sc, const struct datafile *f, uint64_t page,
    const struct page_dir *dir, const struct page_run *run, size_t slot,
    struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct run_ref *ref;
	int r;

	if (run->t_first > p->last || run->t_last < p->first)
		return 0;
	if ((r = refs_add(sc, f, page, dir, run, &ref, err)) != 0)
		return r;
	ref->part = (uint32_t)(p->n_parts - 1);
	/* Files are read by their first times, which says nothing of those of
	 * several kinds. */
	ref->seq |= p->parts[ref->part].part.kind << 30;
	ref->metric = (uint32_t)(slot - 1 - p->from);
	while (plan_over(sc)) {
		if (p->n == 1 || p->by_time)
			return PLAN_FULL;
		plan_shrink(sc);
	}
	return 0;
}

/* The runs of a page that the plan wants. */
static int
add_page(struct scan *sc, const struct datafile *f,
    const struct page_ref *ref, struct ntdb_error *why,
    struct ntdb_error *err)
{
	const struct plan *p = &sc->plan;
	struct page_dir dir;
	size_t slot;
	uint32_t i;
	int r;

	r = pagecache_dir(sc->cache, f, ref, p->wanted, p->n_wanted, &dir,
	    why);
	for (i = 0; i < dir.n_runs && r == 0; i++)
		if ((slot = scan_slot(sc, dir.runs[i].id)) != 0)
			r = add_run(sc, f, ref->offset, &dir, &dir.runs[i],
			    slot, err);
	page_dir_release(&dir);
	return r;
}

/* Whether damage has been dealt with: 0, go on; else the error. */
static int
damaged(struct scan *sc, const struct ntdb_error *why,
    struct ntdb_error *err)
{
	return pagecache_damage(sc->cache, sc->s, why, err);
}

/* All pages of one data file. */
static int
add_file(struct scan *sc, struct partition part, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct datafile *f;
	struct page_ref ref;
	uint64_t pos = DATA_HEAD_LEN, limit;
	int r;

	r = pagecache_file(sc->cache, sc->s, part, &f, &limit, &why);
	if (r == NTDB_ENOENT)
		return 0;
	if (r == NTDB_EBUSY)
		return r;
	if (r != 0)
		return damaged(sc, &why, err);
	p->parts[p->n_parts].part = part;
	p->parts[p->n_parts++].file_id = f->file_id;
	for (;;) {
		err_clear(&why);
		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			return 0;
		if (r == 0) {
			if (!snapshot_counts(sc->s, &ref) ||
			    ref.head.t_min > p->last ||
			    ref.head.t_max < p->first || p->n_wanted == 0 ||
			    ref.head.max_id < p->wanted[0])
				continue;
			r = add_page(sc, f, &ref, &why, err);
			if (r == 0)
				continue;
			if (why.code == 0)
				return r;
		}
		if ((r = damaged(sc, &why, err)) != 0)
			return r;
		if (why.code == NTDB_EVERSION)
			return 0;
	}
}

/* All data files, in order of time; the plan's end is cut if need be. */
static int
add_files(struct scan *sc, int64_t min_last, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct partition *parts;
	int64_t first, last;
	size_t n, i;
	int r;

	r = dbdir_partitions(&sc->s->dir, p->first, p->last, &parts, &n, err);
	if (r != 0)
		return r;
	p->parts = calloc(n + 1, sizeof(*p->parts));
	if (p->parts == NULL)
		r = err_nomem(err);
	for (i = 0; i < n && r == 0; i++) {
		r = add_file(sc, parts[i], err);
		if (r != PLAN_FULL)
			continue;

		/* What came before this file is complete. */
		partition_span(parts[i], &first, &last);
		if (first > min_last && first > p->first) {
			p->last = first - 1;
			r = 0;
			break;
		}
	}
	free(parts);
	return r;
}

static int
compare_refs(const void *a, const void *b)
{
	const struct run_ref *x = *(struct run_ref *const *)a;
	const struct run_ref *y = *(struct run_ref *const *)b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	if (x->t_first != y->t_first)
		return x->t_first < y->t_first ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Put the references in order and tell each metric which are its own. */
static void
plan_sort(struct plan *p)
{
	struct plan_metric *pm;
	size_t i;

	for (i = 1; i < p->n_refs; i++)
		if (compare_refs(&p->refs[i - 1], &p->refs[i]) > 0)
			break;
	if (i < p->n_refs)
		qsort(p->refs, p->n_refs, sizeof(p->refs[0]), compare_refs);
	for (i = p->n_refs; i-- > 0; ) {
		pm = &p->metrics[p->refs[i]->metric];
		pm->ref = (uint32_t)i;
		pm->n_refs++;
		pm->any = true;
		pm->next_t = p->refs[i]->t_first;
	}
	for (pm = p->metrics; pm < p->metrics + p->n; pm++) {
		pm->started = pm->ref;
		if (pm->log != 0) {
			plan_log_sort(p, pm);
			if (!pm->any || p->log[pm->log - 1].t < pm->next_t)
				pm->next_t = p->log[pm->log - 1].t;
			pm->any = true;
			pm->log_head = pm->log;
		}
		if (pm->any && pm->next_t < p->first)
			pm->next_t = p->first;
	}
}

/* The ids of the plan, sorted. */
static int
sort_wanted(const struct scan *sc, struct plan *p, struct ntdb_error *err)
{
	uint32_t id;

	p->n_wanted = 0;
	if ((p->wanted = malloc(p->n * sizeof(*p->wanted))) == NULL)
		return err_nomem(err);
	if (p->n == 1)
		p->wanted[p->n_wanted++] = sc->ids[p->from];
	else
		for (id = 0; id < sc->n_slots; id++)
			if (scan_slot(sc, id) != 0)
				p->wanted[p->n_wanted++] = id;
	return 0;
}

/* One attempt. */
static int
plan_try(struct scan *sc, size_t from, size_t n, int64_t first, int64_t last,
    bool by_time, int64_t min_last, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	int r;

	plan_clear(p);
	p->from = from;
	p->n = n;
	p->first = first;
	p->last = last;
	p->by_time = by_time;
	if ((p->metrics = calloc(n, sizeof(*p->metrics))) == NULL)
		return err_nomem(err);
	if (n > 1 && !by_time && plan_over(sc))
		return PLAN_FULL;
	if ((r = sort_wanted(sc, p, err)) != 0)
		return r;
	if ((r = plan_log(sc, by_time, min_last, err)) == 0)
		r = add_files(sc, min_last, err);
	if (r == 0)
		plan_sort(p);
	return r;
}

/* A time at which to cut a plan of one metric that has overflowed. */
static int64_t
middle(const struct plan *p)
{
	uint64_t span = (uint64_t)p->last - (uint64_t)p->first;
	int64_t t;

	if (p->n_refs > 0) {
		t = p->refs[p->n_refs / 2]->t_first;
		if (t > p->first && t <= p->last)
			return t - 1;
	}
	return (int64_t)((uint64_t)p->first + span / 2);
}

int
plan_make(struct scan *sc, size_t from, size_t n, int64_t first,
    int64_t last, bool by_time, int64_t min_last, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	int r, refreshed = 0;

	p->unbounded = false;
	sc->planned = false;
	for (;;) {
		r = plan_try(sc, from, n, first, last, by_time, min_last, err);
		if (r == 0) {
			sc->planned = true;
			sc->chunk = p->n;
			pagecache_expect(sc->cache, p->n);
			return 0;
		} else if (r == NTDB_EBUSY) {
			if (++refreshed > REFRESH_MAX)
				return err_set(err, r,
				    "%s: changes too often to be read",
				    sc->s->dir.name);
			r = scan_refresh(sc, err);
			if (r != 0)
				return r;
		} else if (r != PLAN_FULL) {
			return r;
		} else if (by_time && last > min_last) {
			last = middle(p);
			if (last < min_last)
				last = min_last;
		} else if (by_time && n > 1) {
			by_time = false;
		} else if (n > 1) {
			n /= 2;
		} else if (last > first) {
			by_time = true;
			last = middle(p);
			min_last = first;
		} else {
			p->unbounded = true;
		}
	}
}
