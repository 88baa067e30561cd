/*
 * Plans: where the samples of some metrics in some span of time are.
 */
#include <stdlib.h>

#include "error.h"
#include "scan.h"

struct arena_block {
	struct arena_block *next;
	/* bytes follow, from here + ARENA_HEAD on */
};

#define ARENA_HEAD 16
#define REFRESH_MAX 100

/* Memory for references, all freed at once; NULL when memory is out. */
static void *
arena_alloc(struct plan *p, size_t len)
{
	struct arena_block *b;
	size_t room = ARENA_BLOCK;
	uint8_t *at;

	len = (len + 15) & ~(size_t)15;
	p->bytes += len;
	if (p->arena == NULL || len > ARENA_BLOCK - ARENA_HEAD ||
	    p->arena_used + len > ARENA_BLOCK) {
		if (len > room - ARENA_HEAD)
			room = len + ARENA_HEAD;
		if ((b = malloc(room)) == NULL)
			return NULL;
		b->next = p->arena;
		p->arena = b;
		p->arena_used = ARENA_HEAD;
	}
	at = (uint8_t *)p->arena + p->arena_used;
	p->arena_used += len;
	if (p->arena_used > ARENA_BLOCK)
		p->arena_used = ARENA_BLOCK;
	return at;
}

/* Forget all but the memory that can be used again. */
static void
plan_clear(struct plan *p)
{
	struct arena_block *b;

	while ((b = p->arena) != NULL) {
		p->arena = b->next;
		free(b);
	}
	free(p->wanted);
	free(p->metrics);
	free(p->parts);
	p->wanted = NULL;
	p->metrics = NULL;
	p->parts = NULL;
	p->n_parts = p->n_refs = p->n_log = 0;
	p->arena_used = p->bytes = 0;
}

void
plan_release(struct plan *p)
{
	plan_clear(p);
	free(p->refs);
	free(p->log);
	memset(p, 0, sizeof(*p));
}

/*
 * Copy what it takes to decode a run out of its directory, and let its
 * indices lead into the copy.
 */
static struct run_ref *
ref_copy(struct plan *p, const struct page_dir *dir,
    const struct page_run *run)
{
	const struct page_timeline *tl = &dir->timelines[run->timeline];
	struct run_ref *ref;
	size_t len;
	uint8_t *more;

	len = sizeof(*ref) + (run->has_stats ? sizeof(*ref->stats) : 0) +
	    run->n_exc * sizeof(*ref->exceptions);
	if ((ref = arena_alloc(p, len)) == NULL)
		return NULL;
	more = (uint8_t *)(ref + 1);
	memset(ref, 0, sizeof(*ref));
	ref->t_first = run->t_first;
	ref->t_last = run->t_last;
	ref->end = run->n;
	ref->run = *run;
	ref->timeline = *tl;
	ref->run.timeline = 0;
	if (tl->column != PAGE_NO_COLUMN) {
		ref->columns[0] = dir->columns[tl->column];
		ref->groups[0] = dir->groups[ref->columns[0].group];
		ref->columns[0].group = 0;
		ref->timeline.column = 0;
	}
	if (run->column != PAGE_NO_COLUMN) {
		ref->columns[1] = dir->columns[run->column];
		ref->groups[1] = dir->groups[ref->columns[1].group];
		ref->columns[1].group = 1;
		ref->run.column = 1;
	}
	if (run->has_stats) {
		ref->stats = (struct page_stats *)(void *)more;
		more += sizeof(*ref->stats);
		*ref->stats = dir->stats[run->stats];
		ref->run.stats = 0;
	}
	if (run->n_exc > 0) {
		ref->exceptions = (struct page_exception *)(void *)more;
		memcpy(ref->exceptions, dir->exceptions + run->exc_at,
		    run->n_exc * sizeof(*ref->exceptions));
		ref->run.exc_at = 0;
	}
	return ref;
}

static int
add_run(struct scan *sc, const struct page_dir *dir,
    const struct page_run *run, size_t slot, uint64_t page,
    struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct run_ref *ref, **refs;
	size_t cap;

	if (run->t_first > p->last || run->t_last < p->first)
		return 0;
	if (p->n_refs == p->cap_refs) {
		cap = p->cap_refs == 0 ? 64 : p->cap_refs * 2;
		refs = realloc(p->refs, cap * sizeof(struct run_ref *));
		if (refs == NULL)
			return err_nomem(err);
		p->refs = refs;
		p->cap_refs = cap;
	}
	if ((ref = ref_copy(p, dir, run)) == NULL)
		return err_nomem(err);
	ref->page = page;
	ref->part = (uint32_t)(p->n_parts - 1);
	ref->seq = (uint32_t)p->n_refs;
	ref->metric = (uint32_t)(slot - 1 - p->from);
	p->refs[p->n_refs++] = ref;
	return !p->unbounded && p->bytes > sc->budget ? PLAN_FULL : 0;
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

	r = datafile_dir_some(f, ref, p->wanted, p->n_wanted, &dir, why);
	for (i = 0; i < dir.n_runs && r == 0; i++)
		if ((slot = scan_slot(sc, dir.runs[i].id)) != 0)
			r = add_run(sc, &dir, &dir.runs[i], slot,
			    ref->offset, err);
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
add_files(struct scan *sc, bool by_time, int64_t min_last,
    struct ntdb_error *err)
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
		if (r != PLAN_FULL || (!by_time && p->n > 1))
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
	if ((p->metrics = calloc(n, sizeof(*p->metrics))) == NULL)
		return err_nomem(err);
	p->bytes = n * (sizeof(*p->metrics) + sizeof(*p->wanted));
	if (p->bytes > sc->budget && n > 1 && !by_time)
		return PLAN_FULL;
	if ((r = sort_wanted(sc, p, err)) != 0)
		return r;
	if ((r = plan_log(sc, by_time, min_last, err)) == 0)
		r = add_files(sc, by_time, min_last, err);
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
			sc->chunk = n;
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
