#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flush-chunk.h"
#include "number.h"

int
chunk_init(struct chunk *c, struct ntdb_error *err)
{
	memset(c, 0, sizeof(*c));
	c->t = malloc(CHUNK_SAMPLES * sizeof(c->t[0]));
	c->m = malloc(CHUNK_SAMPLES * sizeof(c->m[0]));
	c->id = malloc(CHUNK_SAMPLES * sizeof(c->id[0]));
	c->scale = malloc(CHUNK_SAMPLES);
	c->order = malloc(CHUNK_SAMPLES * sizeof(c->order[0]));
	if (c->t == NULL || c->m == NULL || c->id == NULL ||
	    c->scale == NULL || c->order == NULL) {
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
	free(c->order);
	free(c->order2);
	free(c->count);
	free(c->runs);
	memset(c, 0, sizeof(*c));
}

static int
reserve_counts(struct chunk *c, uint32_t n_slots, struct ntdb_error *err)
{
	if (c->n_count < n_slots + 1) {
		free(c->count);
		c->n_count = 0;
		c->count = malloc((n_slots + 1) * sizeof(c->count[0]));
		if (c->count == NULL)
			return err_nomem(err);
		c->n_count = n_slots + 1;
	}
	memset(c->count, 0, (n_slots + 1) * sizeof(c->count[0]));
	return 0;
}

/* order: the samples by id, stable. */
static int
order_by_id(struct chunk *c, uint32_t n_slots, struct ntdb_error *err)
{
	uint32_t i, sum = 0;
	int r;

	if ((r = reserve_counts(c, n_slots, err)) != 0)
		return r;
	for (i = 0; i < c->n; i++)
		c->count[c->id[i]]++;
	for (i = 0; i < n_slots; i++) {
		uint32_t here = c->count[i];

		c->count[i] = sum;
		sum += here;
	}
	for (i = 0; i < c->n; i++)
		c->order[c->count[c->id[i]]++] = i;
	return 0;
}

/* The partitions of a chunk, sorted, with the number of samples in each. */
struct part_table {
	struct part_entry {
		struct partition part;
		int64_t	first, last;
		uint32_t count;
	} *at;
	uint32_t n, cap;
	uint32_t recent;	/* the entry that was found last */
};

/* The entry of a time, which is added if it is not there. */
static struct part_entry *
part_find(struct part_table *pt, enum partition_kind kind, int64_t t)
{
	uint32_t lo = 0, hi = pt->n;
	struct part_entry *e;

	if (pt->recent < pt->n && t >= pt->at[pt->recent].first &&
	    t <= pt->at[pt->recent].last)
		return &pt->at[pt->recent];
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (pt->at[mid].last < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	pt->recent = lo;
	if (lo < pt->n && t >= pt->at[lo].first)
		return &pt->at[lo];
	if (pt->n == pt->cap) {
		uint32_t cap = pt->cap > 0 ? pt->cap * 2 : 16;

		e = realloc(pt->at, cap * sizeof(*e));
		if (e == NULL)
			return NULL;
		pt->at = e;
		pt->cap = cap;
	}
	e = &pt->at[lo];
	memmove(e + 1, e, (pt->n - lo) * sizeof(*e));
	pt->n++;
	e->part = partition_of(kind, t);
	partition_span(e->part, &e->first, &e->last);
	e->count = 0;
	return e;
}

/* order: by partition, then as it was. */
static int
order_by_partition(struct chunk *c, enum partition_kind kind,
    struct ntdb_error *err)
{
	struct part_table pt = { NULL, 0, 0, 0 };
	uint32_t i, sum = 0, *swap;
	struct part_entry *e;

	if (c->order2 == NULL)
		c->order2 = malloc(CHUNK_SAMPLES * sizeof(c->order2[0]));
	if (c->order2 == NULL)
		return err_nomem(err);
	for (i = 0; i < c->n; i++) {
		if ((e = part_find(&pt, kind, c->t[i])) == NULL) {
			free(pt.at);
			return err_nomem(err);
		}
		e->count++;
	}
	for (i = 0; i < pt.n; i++) {
		uint32_t here = pt.at[i].count;

		pt.at[i].count = sum;
		sum += here;
	}
	for (i = 0; i < c->n; i++) {
		e = part_find(&pt, kind, c->t[c->order[i]]);
		c->order2[e->count++] = c->order[i];
	}
	free(pt.at);
	swap = c->order;
	c->order = c->order2;
	c->order2 = swap;
	return 0;
}

/* Bring the samples into the order of `order', cycle by cycle, in place. */
static void
permute(struct chunk *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		uint32_t j = i, from = c->order[i], id = c->id[i];
		int64_t t = c->t[i], m = c->m[i];
		uint8_t scale = c->scale[i];

		if (from == i)
			continue;
		while (from != i) {
			c->t[j] = c->t[from];
			c->m[j] = c->m[from];
			c->id[j] = c->id[from];
			c->scale[j] = c->scale[from];
			c->order[j] = j;
			j = from;
			from = c->order[j];
		}
		c->t[j] = t;
		c->m[j] = m;
		c->id[j] = id;
		c->scale[j] = scale;
		c->order[j] = j;
	}
}

int
chunk_sort(struct chunk *c, enum partition_kind kind, uint32_t n_slots,
    struct ntdb_error *err)
{
	int64_t min = INT64_MAX, max = INT64_MIN, first, last;
	uint32_t i;
	int r;

	for (i = 0; i < c->n; i++) {
		if (c->t[i] < min)
			min = c->t[i];
		if (c->t[i] > max)
			max = c->t[i];
	}
	if ((r = order_by_id(c, n_slots, err)) != 0)
		return r;
	partition_span(partition_of(kind, min), &first, &last);
	if (max > last && (r = order_by_partition(c, kind, err)) != 0)
		return r;
	permute(c);
	return 0;
}

/* A run's samples as one element each, for sorting. */
struct item {
	int64_t	t, m;
	uint32_t at;
	uint8_t	scale;
};

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Late samples (late = accept) make a run that is not in order of time. */
static int
sort_run(struct chunk *c, uint32_t from, uint32_t to, struct ntdb_error *err)
{
	struct item *items;
	uint32_t i;

	for (i = from + 1; i < to && c->t[i] >= c->t[i - 1]; i++)
		;
	if (i >= to)
		return 0;
	if ((items = malloc((to - from) * sizeof(items[0]))) == NULL)
		return err_nomem(err);
	for (i = from; i < to; i++) {
		struct item it = { c->t[i], c->m[i], i, c->scale[i] };

		items[i - from] = it;
	}
	qsort(items, to - from, sizeof(items[0]), compare_items);
	for (i = from; i < to; i++) {
		c->t[i] = items[i - from].t;
		c->m[i] = items[i - from].m;
		c->scale[i] = items[i - from].scale;
	}
	free(items);
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
type_of_run(const struct chunk *c, struct state *s, uint32_t from,
    uint32_t to)
{
	struct metric *m = state_metric(s, c->id[from]);

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
add_run(struct chunk *c, struct state *s, uint32_t from, uint32_t to,
    size_t n, struct ntdb_error *err)
{
	struct page_run_in *run;
	int r;

	if (n == c->runs_cap) {
		size_t cap = n > 0 ? 2 * n : 64;

		run = realloc(c->runs, cap * sizeof(*run));
		if (run == NULL)
			return err_nomem(err);
		c->runs = run;
		c->runs_cap = cap;
	}
	if ((r = sort_run(c, from, to, err)) != 0)
		return r;
	run = &c->runs[n];
	run->id = c->id[from];
	run->type = type_of_run(c, s, from, to);
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

int
chunk_runs(struct chunk *c, struct state *s, enum partition_kind kind,
    uint32_t *from, struct partition *part, size_t *n_runs,
    struct ntdb_error *err)
{
	uint32_t i = *from, start;
	int64_t first, last;
	int r;

	*n_runs = 0;
	*part = partition_of(kind, c->t[i]);
	partition_span(*part, &first, &last);
	while (i < c->n && c->t[i] >= first && c->t[i] <= last) {
		start = i;
		while (i < c->n && c->id[i] == c->id[start] &&
		    c->t[i] >= first && c->t[i] <= last)
			i++;
		r = add_run(c, s, start, i, *n_runs, err);
		if (r != 0)
			return r;
		(*n_runs)++;
	}
	*from = i;
	return 0;
}
