#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flush-chunk.h"
#include "number.h"

#define SLOTS_MAX (1u << 22)	/* ids are counted below this */

int
chunk_init(struct chunk *c, struct ntdb_error *err)
{
	memset(c, 0, sizeof(*c));
	c->t = malloc(CHUNK_SAMPLES * sizeof(c->t[0]));
	c->m = malloc(CHUNK_SAMPLES * sizeof(c->m[0]));
	c->id = malloc(CHUNK_SAMPLES * sizeof(c->id[0]));
	c->scale = malloc(CHUNK_SAMPLES);
	if (c->t == NULL || c->m == NULL || c->id == NULL ||
	    c->scale == NULL) {
		chunk_release(c);
		return err_nomem(err);
	}
	return 0;
}

void
chunk_release(struct chunk *c)
{
	free(c->t);
	free(c->m);
	free(c->id);
	free(c->scale);
	free(c->scratch);
	free(c->count);
	free(c->active);
	free(c->next);
	free(c->end);
	free(c->runs);
	memset(c, 0, sizeof(*c));
}

static int
reserve_counts(struct chunk *c, uint32_t n_slots, struct ntdb_error *err)
{
	if (c->n_count < n_slots) {
		free(c->count);
		c->n_count = 0;
		c->count = malloc(n_slots * sizeof(c->count[0]));
		if (c->count == NULL)
			return err_nomem(err);
		c->n_count = n_slots;
	}
	memset(c->count, 0, n_slots * sizeof(c->count[0]));
	return 0;
}

static int
reserve_active(struct chunk *c, uint32_t n, struct ntdb_error *err)
{
	c->n_active = 0;
	if (n <= c->active_cap)
		return 0;
	free(c->active);
	free(c->next);
	free(c->end);
	c->active_cap = 0;
	c->active = malloc(n * sizeof(c->active[0]));
	c->next = malloc(n * sizeof(c->next[0]));
	c->end = malloc(n * sizeof(c->end[0]));
	if (c->active == NULL || c->next == NULL || c->end == NULL)
		return err_nomem(err);
	c->active_cap = n;
	return 0;
}

/* Turn counts into places: count[id] is where the first sample of id goes. */
static int
list_metrics(struct chunk *c, uint32_t n_slots, struct ntdb_error *err)
{
	uint32_t id, n = 0, at = 0;
	int r;

	for (id = 0; id < n_slots; id++)
		n += c->count[id] > 0;
	if ((r = reserve_active(c, n, err)) != 0)
		return r;
	for (id = 0; id < n_slots; id++) {
		uint32_t here = c->count[id];

		c->count[id] = at;
		if (here == 0)
			continue;
		c->active[c->n_active] = id;
		c->next[c->n_active] = at;
		c->end[c->n_active++] = at + here;
		at += here;
	}
	return 0;
}

/*
 * Bring the samples into the order of their metrics, stable.  Each array is
 * read from end to end and written in as many streams as there are metrics.
 */
static void
scatter(struct chunk *c)
{
	uint8_t *bytes = (uint8_t *)c->scratch;
	int64_t *swap;
	uint32_t i;

	/* From here on the ids are the places. */
	for (i = 0; i < c->n; i++)
		c->id[i] = c->count[c->id[i]]++;
	for (i = 0; i < c->n; i++)
		bytes[c->id[i]] = c->scale[i];
	memcpy(c->scale, bytes, c->n);
	for (i = 0; i < c->n; i++)
		c->scratch[c->id[i]] = c->t[i];
	swap = c->t;
	c->t = c->scratch;
	c->scratch = swap;
	for (i = 0; i < c->n; i++)
		c->scratch[c->id[i]] = c->m[i];
	swap = c->m;
	c->m = c->scratch;
	c->scratch = swap;
}

/* Merge the indices from[a .. mid) and [mid .. b) by time into to. */
static void
merge_by_time(const int64_t *t, const uint32_t *from, uint32_t *to,
    uint32_t a, uint32_t mid, uint32_t b)
{
	uint32_t i = a, k = mid, n = a;

	if (mid < b && t[from[mid - 1]] > t[from[mid]])
		while (i < mid && k < b)
			to[n++] = t[from[k]] < t[from[i]] ? from[k++] :
			    from[i++];
	memcpy(to + n, from + i, (mid - i) * sizeof(to[0]));
	memcpy(to + n + (mid - i), from + k, (b - k) * sizeof(to[0]));
}

/* The indices of n times in their order; equal ones as they came. */
static const uint32_t *
order_of(const int64_t *t, uint32_t n, uint32_t *at, uint32_t *other)
{
	uint32_t *tmp, width, i, mid, end;

	for (i = 0; i < n; i++)
		at[i] = i;
	for (width = 1; width < n; width *= 2) {
		for (i = 0; i < n; i = end) {
			mid = n - i > width ? i + width : n;
			end = n - mid > width ? mid + width : n;
			merge_by_time(t, at, other, i, mid, end);
		}
		tmp = at;
		at = other;
		other = tmp;
	}
	return at;
}

/*
 * Late samples (late = accept) make a run that is not in order of time.  What
 * scatter has used is room enough to sort it.  false: it is in order.
 */
static bool
sort_run(struct chunk *c, uint32_t from, uint32_t to)
{
	uint32_t *half = (uint32_t *)c->scratch + CHUNK_SAMPLES;
	uint8_t *scales = (uint8_t *)c->scratch;
	const uint32_t *at;
	uint32_t i, n = to - from;

	for (i = from + 1; i < to && c->t[i] >= c->t[i - 1]; i++)
		;
	if (i >= to)
		return false;
	at = order_of(c->t + from, n, c->id, half);
	if (at == half) {
		memcpy(c->id, half, n * sizeof(half[0]));
		at = c->id;
	}
	for (i = 0; i < n; i++)
		c->scratch[i] = c->t[from + at[i]];
	memcpy(c->t + from, c->scratch, n * sizeof(c->t[0]));
	for (i = 0; i < n; i++)
		c->scratch[i] = c->m[from + at[i]];
	memcpy(c->m + from, c->scratch, n * sizeof(c->m[0]));
	for (i = 0; i < n; i++)
		scales[i] = c->scale[from + at[i]];
	memcpy(c->scale + from, scales, n);
	return true;
}

static int
compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Where ids are far apart, and few, they are numbered in their order instead:
 * counting takes memory by the highest.  c->scratch gets the ids; returns how
 * many there are.
 */
static uint32_t
number_ids(struct chunk *c)
{
	uint32_t *ids = (uint32_t *)c->scratch, n = 0, i;
	const uint32_t *at;

	memcpy(ids, c->id, c->n * sizeof(ids[0]));
	qsort(ids, c->n, sizeof(ids[0]), compare_ids);
	for (i = 0; i < c->n; i++)
		if (n == 0 || ids[i] != ids[n - 1])
			ids[n++] = ids[i];
	for (i = 0; i < c->n; i++) {
		at = bsearch(&c->id[i], ids, n, sizeof(ids[0]), compare_ids);
		c->id[i] = (uint32_t)(at - ids);
	}
	return n;
}

int
chunk_sort(struct chunk *c, uint64_t n_slots, struct ntdb_error *err)
{
	const bool sparse = n_slots > SLOTS_MAX;
	bool any_late = false;
	uint32_t i, n;
	int r;

	if (c->scratch == NULL)
		c->scratch = malloc(CHUNK_SAMPLES * sizeof(c->scratch[0]));
	if (c->scratch == NULL)
		return err_nomem(err);
	n = sparse ? number_ids(c) : (uint32_t)n_slots;
	if ((r = reserve_counts(c, n, err)) != 0)
		return r;
	for (i = 0; i < c->n; i++)
		c->count[c->id[i]]++;
	if ((r = list_metrics(c, n, err)) != 0)
		return r;
	for (i = 0; sparse && i < c->n_active; i++)
		c->active[i] = ((const uint32_t *)c->scratch)[i];
	scatter(c);
	for (i = 0; i < c->n_active; i++)
		any_late |= sort_run(c, c->next[i], c->end[i]);
	if (any_late) {
		/* Times that differ from metric to metric take more memory
		 * from here on: let go of what is not needed. */
		free(c->scratch);
		c->scratch = NULL;
	}
	return 0;
}

/* Turn the integers among a float metric's samples into decimals. */
static void
integers_to_decimals(struct chunk *c, uint32_t from, uint32_t to)
{
	uint32_t i;

	if (memchr(c->scale + from, CHUNK_INT, to - from) == NULL)
		return;
	for (i = from; i < to; i++) {
		struct dec d = { c->m[i], 0 };

		if (c->scale[i] != CHUNK_INT)
			continue;
		if (d.m > DEC_M_MAX || d.m < -DEC_M_MAX)
			d = dec_from_f64((double)d.m);
		c->m[i] = d.m;
		c->scale[i] = d.scale;
	}
}

static bool
all_integers(const struct chunk *c, uint32_t from, uint32_t to)
{
	while (from < to && c->scale[from] == CHUNK_INT)
		from++;
	return from == to;
}

/*
 * The type to store a run with.  A metric of integers that has floats has
 * lost the record of its change of type; an id may have lost its name.
 */
static uint8_t
type_of_run(const struct chunk *c, struct state *s, uint32_t id,
    uint32_t from, uint32_t to)
{
	struct metric *m = state_metric(s, id);

	if (m != NULL && !ntdb_type_is_int(m->type))
		return m->type;
	if (all_integers(c, from, to))
		return m != NULL ? m->type : NTDB_INT64;
	if (m != NULL) {
		m->type = NTDB_FLOAT64;
		m->flags |= METRIC_DIRTY | METRIC_UNSYNCED;
	}
	return NTDB_FLOAT64;
}

static int
add_run(struct chunk *c, struct state *s, uint32_t id, uint32_t from,
    uint32_t to, size_t n, struct ntdb_error *err)
{
	struct page_run_in *run;

	if (n == c->runs_cap) {
		size_t cap = n > 0 ? 2 * n : 64;

		run = realloc(c->runs, cap * sizeof(*run));
		if (run == NULL)
			return err_nomem(err);
		c->runs = run;
		c->runs_cap = cap;
	}
	run = &c->runs[n];
	run->id = id;
	run->type = type_of_run(c, s, id, from, to);
	run->n = to - from;
	run->t = c->t + from;
	run->m = c->m + from;
	run->scale = NULL;
	if (!ntdb_type_is_int(run->type)) {
		integers_to_decimals(c, from, to);
		run->scale = c->scale + from;
	}
	return 0;
}

/* The earliest time that is still to be given out. */
static int64_t
earliest(const struct chunk *c)
{
	int64_t min = INT64_MAX;
	uint32_t i;

	for (i = 0; i < c->n_active; i++)
		if (c->t[c->next[i]] < min)
			min = c->t[c->next[i]];
	return min;
}

/* Where the samples up to `last' of the i-th metric end. */
static uint32_t
end_of(const struct chunk *c, uint32_t i, int64_t last)
{
	uint32_t at = c->next[i];

	if (c->t[c->end[i] - 1] <= last)
		return c->end[i];
	while (c->t[at] <= last)
		at++;
	return at;
}

int
chunk_runs(struct chunk *c, struct state *s, enum partition_kind kind,
    struct partition *part, size_t *n_runs, struct ntdb_error *err)
{
	uint32_t i, to, left = 0;
	int64_t first, last;
	int r;

	*n_runs = 0;
	if (c->n_active == 0)
		return NTDB_END;
	*part = partition_of(kind, earliest(c));
	partition_span(*part, &first, &last);
	for (i = 0; i < c->n_active; i++) {
		to = end_of(c, i, last);
		if (to > c->next[i]) {
			r = add_run(c, s, c->active[i], c->next[i], to,
			    (*n_runs)++, err);
			if (r != 0)
				return r;
		}
		if (to == c->end[i])
			continue;
		/* Those that have more keep their order. */
		c->active[left] = c->active[i];
		c->next[left] = to;
		c->end[left++] = c->end[i];
	}
	c->n_active = left;
	return 0;
}
