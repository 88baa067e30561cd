/*
 * The runs of a page that may hold samples at places of suspects.
 */
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "ingest-impl.h"
#include "order.h"

#define VALUES_MAX ((size_t)256 << 10)	/* bytes of groups that are kept */

/* ------------------------------------------------------------ the groups */

static int
unpack(struct lookup *l, uint32_t group, uint8_t **raw,
    struct ntdb_error *why)
{
	const struct page_group *g = &l->dir->groups[group];
	int r;

	if ((*raw = malloc(g->raw_len + 1)) == NULL)
		return err_nomem(why);
	if ((r = datafile_group(l->f, l->ref, g, *raw, why)) != 0) {
		free(*raw);
		*raw = NULL;
	}
	return r;
}

static int
have_times(struct lookup *l, uint32_t group, struct ntdb_error *why)
{
	int r;

	if (group == l->times_group)
		return 0;
	free(l->times);
	l->times = NULL;
	l->times_group = UINT32_MAX;
	if ((r = unpack(l, group, &l->times, why)) == 0)
		l->times_group = group;
	return r;
}

static void
drop_values(struct lookup *l)
{
	uint32_t i;

	for (i = 0; l->values != NULL && i < l->dir->n_groups; i++) {
		free(l->values[i]);
		l->values[i] = NULL;
	}
	l->values_bytes = 0;
}

static int
have_values(struct lookup *l, uint32_t group, const uint8_t **raw,
    struct ntdb_error *why)
{
	int r;

	*raw = NULL;
	if (group == UINT32_MAX)
		return 0;
	if (l->values == NULL) {
		l->values = calloc(l->dir->n_groups, sizeof(l->values[0]));
		if (l->values == NULL)
			return err_nomem(why);
	}
	if (l->values[group] == NULL) {
		if (l->values_bytes > VALUES_MAX)
			drop_values(l);
		if ((r = unpack(l, group, &l->values[group], why)) != 0)
			return r;
		l->values_bytes += l->dir->groups[group].raw_len;
	}
	*raw = l->values[group];
	return 0;
}

void
lookup_drop_groups(struct lookup *l)
{
	drop_values(l);
	free(l->values);
	free(l->times);
	l->values = NULL;
	l->times = NULL;
	l->times_group = UINT32_MAX;
}

/* -------------------------------------------------------------- the runs */

int
lookup_found(struct lookup *l, const struct suspect_metric *e,
    const struct metric *mt, bool was_int, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err)
{
	bool is_int = ntdb_type_is_int(mt->type);
	uint64_t bits;

	if (is_int && !was_int)
		return 0;		/* damage */
	bits = was_int && !is_int ? f64_bits((double)m) :
	    value_bits(is_int, m, scale);
	/* -fanalyzer: who calls has an entry, as hits are of metrics with one */
	return dupset_add(&l->j->in->seen, dup_key(e->target, mt), t, bits) ?
	    0 : err_nomem(err);
}

/* The first of t[i .. n) that is not before a time, by halving. */
static uint32_t
before(const int64_t *t, uint32_t i, uint32_t n, int64_t when)
{
	uint32_t mid;

	while (i < n) {
		mid = i + (n - i) / 2;
		if (t[mid] < when)
			i = mid + 1;
		else
			n = mid;
	}
	return i;
}

/*
 * Which of l->t[0 .. n) are at places of the suspects [*from, to) of a
 * metric: the first and the one behind the last.  *from moves on.
 */
static bool
meet(const struct lookup *l, const struct suspect_metric *e, uint32_t *from,
    uint32_t to, uint32_t n, uint32_t *a, uint32_t *b)
{
	/* -fanalyzer: hits are of metrics that have an entry */
	const uint64_t *key = l->s->keys + e->at + *from;
	const uint64_t *end = l->s->keys + e->at + to;
	uint32_t i = 0;

	*a = n;
	*b = 0;
	while (key < end) {
		if ((size_t)(end - key) * 16 < n - i)
			i = before(l->t, i, n, order_i64(*key));
		while (i < n && order_key_i64(l->t[i]) < *key)
			i++;
		if (i == n)
			break;
		if (order_key_i64(l->t[i]) > *key) {
			key++;
			continue;
		}
		if (i < *a)
			*a = i;
		*b = ++i;
	}
	*from = (uint32_t)(key - l->s->keys) - e->at;
	return *a < *b;
}

/* Values of samples [from + a, from + b), whose times are in l->t. */
static int
take_values(struct lookup *l, const struct hit *h, uint32_t from, uint32_t a,
    uint32_t b, struct ntdb_error *why)
{
	const struct page_run *run = &l->dir->runs[h->run];
	const struct metric *mt = &l->view->state.metrics[run->id];
	const struct suspect_metric *e = lookup_entry(l, run->id);
	const uint8_t *raw;
	uint32_t times, values, i;
	int r;

	if (l->m == NULL) {
		l->m = malloc(LOOKUP_SLICE * sizeof(l->m[0]));
		l->scale = malloc(LOOKUP_SLICE);
		if (l->m == NULL || l->scale == NULL)
			return err_nomem(why);
	}
	page_run_groups(l->dir, run, &times, &values);
	if ((r = have_values(l, values, &raw, why)) != 0 ||
	    (r = page_values(l->dir, run, raw, from + a, b - a, l->m,
	    l->scale, why)) != 0)
		return r;
	for (i = a; r == 0 && i < b; i++)
		if (suspects_want(l->s, e, l->t[i]))
			r = lookup_found(l, e, mt, ntdb_type_is_int(run->type),
			    l->t[i], l->m[i - a], l->scale[i - a], why);
	return r;
}

int
lookup_run(struct lookup *l, const struct hit *h, struct ntdb_error *why)
{
	const struct page_run *run = &l->dir->runs[h->run];
	const struct suspect_metric *e = lookup_entry(l, run->id);
	uint32_t suspect = h->from, from, n, a, b;
	int r;

	if (h->times != UINT32_MAX && (r = have_times(l, h->times, why)) != 0)
		return r;
	for (from = 0; from < run->n && suspect < h->to; from += n) {
		n = run->n - from < LOOKUP_SLICE ? run->n - from : LOOKUP_SLICE;
		page_times(l->dir, run, h->times != UINT32_MAX ? l->times :
		    NULL, from, n, l->t);
		if (meet(l, e, &suspect, h->to, n, &a, &b) &&
		    (r = take_values(l, h, from, a, b, why)) != 0)
			return r;
	}
	return 0;
}
