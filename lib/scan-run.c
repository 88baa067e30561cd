/*
 * Decoding the runs that a plan refers to.
 */
#include <stdlib.h>

#include "error.h"
#include "number.h"
#include "scan.h"

void
source_release(struct source *src)
{
	free(src->t);
	free(src->m);
	free(src->scale);
	memset(src, 0, sizeof(*src));
}

int
source_reserve(struct source *src, uint32_t cap, struct ntdb_error *err)
{
	if (src->cap >= cap)
		return 0;
	source_release(src);
	src->t = malloc(cap * sizeof(*src->t));
	src->m = malloc(cap * sizeof(*src->m));
	src->scale = malloc(cap);
	if (src->t == NULL || src->m == NULL || src->scale == NULL)
		return err_nomem(err);
	src->cap = cap;
	return 0;
}

uint32_t
times_before(const int64_t *t, uint32_t n, int64_t when, bool also)
{
	uint32_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (t[mid] < when || (also && t[mid] == when))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The unpacked groups of a run. */
static int
run_groups(struct scan *sc, const struct run_ref *ref,
    const struct ref_view *v, const uint8_t **times, const uint8_t **values,
    struct ntdb_error *err)
{
	const struct plan_part *part = &sc->plan.parts[ref->part];
	const struct datafile *f;
	uint64_t limit;
	int r;

	*times = v->planes[0];
	*values = v->planes[1];
	if ((v->timeline.column == PAGE_NO_COLUMN || *times != NULL) &&
	    (v->run.column == PAGE_NO_COLUMN || *values != NULL))
		return 0;
	r = pagecache_file(sc->cache, sc->s, part->part, &f, &limit, err);
	if (r == NTDB_ENOENT || (r == 0 && f->file_id != part->file_id))
		return NTDB_EBUSY;
	if (r != 0)
		return r;
	pagecache_unpin(sc->cache);
	if (v->timeline.column != PAGE_NO_COLUMN && *times == NULL)
		r = pagecache_group(sc->cache, f, ref->page, &v->groups[0],
		    times, err);
	if (r == 0 && v->run.column != PAGE_NO_COLUMN && *values == NULL)
		r = pagecache_group(sc->cache, f, ref->page, &v->groups[1],
		    values, err);
	return r;
}

/* Decode values [from, from + n), as what the metric is now. */
static int
run_values(const struct scan *sc, const struct ref_view *v,
    const uint8_t *raw, uint32_t from, uint32_t n, struct source *src,
    struct ntdb_error *err)
{
	bool is_int = ntdb_type_is_int(v->run.type);
	uint32_t i;
	int r;

	if (!sc->is_float && !is_int)
		return err_set(err, NTDB_ECORRUPT,
		    "a run of floats in a metric of integers");
	r = page_values(&v->dir, &v->run, raw, from, n, src->m, src->scale,
	    err);
	if (r == 0 && sc->is_float && is_int)
		for (i = 0; i < n; i++)
			int_to_decimal(&src->m[i], &src->scale[i]);
	return r;
}

/* A run cannot be read: leave it out. */
static int
run_damaged(struct scan *sc, struct run_ref *ref, struct ntdb_error *why,
    struct ntdb_error *err)
{
	if (why->path[0] == '\0') {
		partition_name(sc->plan.parts[ref->part].part, why->path);
		why->offset = (int64_t)ref->page;
	}
	ref->end = ref->done = 0;
	return pagecache_damage(sc->cache, sc->s, why, err);
}

int
run_decode(struct scan *sc, struct run_ref *ref, int64_t first,
    int64_t last, struct source *src, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const uint8_t *times, *values;
	uint32_t n, a = 0, b;
	struct ref_view v;
	int r;

	src->at = src->n = 0;
	if (ref->done >= ref->end)
		return 0;
	ref_view(ref, &v);
	r = run_groups(sc, ref, &v, &times, &values, &why);
	if (r == NTDB_EBUSY)
		return r;
	if (r != 0)
		return run_damaged(sc, ref, &why, err);
	do {
		n = ref->end - ref->done;
		if (n > src->cap)
			n = src->cap;
		page_times(&v.dir, &v.run, times, ref->done, n, src->t);
		a = src->t[0] < first ?
		    times_before(src->t, n, first, false) : 0;
		ref->done += a;
	} while (a == n && ref->done < ref->end);
	b = src->t[n - 1] > last ? times_before(src->t, n, last, true) : n;
	if (b <= a) {
		if (a < n)
			ref->t_first = src->t[a];
		return 0;
	}
	r = run_values(sc, &v, values, ref->done, b - a, src, &why);
	if (r != 0)
		return run_damaged(sc, ref, &why, err);
	if (b < n)
		ref->t_first = src->t[b];
	ref->done += b - a;
	src->n = b - a;
	if (a > 0)
		memmove(src->t, src->t + a, src->n * sizeof(*src->t));
	return 0;
}
