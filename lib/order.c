#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "order.h"

#define BINS 4096
#define SMALL 24		/* sorted by insertion */

void
order_init(struct order *o, size_t keep)
{
	memset(o, 0, sizeof(*o));
	o->keep = keep > 0 ? keep : ORDER_KEEP;
	order_clear(o);
}

void
order_release(struct order *o)
{
	free(o->keys);
	o->keys = NULL;
	o->cap = 0;
}

void
order_clear(struct order *o)
{
	o->n = 0;
	o->total = 0;
	o->min = UINT64_MAX;
	o->max = 0;
	o->sorted = false;
}

static int
reserve(struct order *o, size_t n, struct ntdb_error *err)
{
	size_t cap = o->cap > 0 ? o->cap : 512;
	uint64_t *keys;

	if (n <= o->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	if ((keys = realloc(o->keys, cap * sizeof(*keys))) == NULL)
		return err_nomem(err);
	o->keys = keys;
	o->cap = cap;
	return 0;
}

int
order_add(struct order *o, const uint64_t *keys, size_t n,
    struct ntdb_error *err)
{
	size_t i, take = o->keep - o->n;
	int r;

	for (i = 0; i < n; i++) {
		if (keys[i] < o->min)
			o->min = keys[i];
		if (keys[i] > o->max)
			o->max = keys[i];
	}
	o->total += n;
	if (take > n)
		take = n;
	if (take == 0)
		return 0;
	if ((r = reserve(o, o->n + take, err)) != 0)
		return r;
	memcpy(o->keys + o->n, keys, take * sizeof(*keys));
	o->n += take;
	o->sorted = false;
	return 0;
}

static void
insertion_sort(uint64_t *keys, size_t n)
{
	uint64_t key;
	size_t i, j;

	for (i = 1; i < n; i++) {
		key = keys[i];
		for (j = i; j > 0 && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

/* Radix exchange: part by one bit after the other. */
static void
sort_by_bits(uint64_t *keys, size_t n, uint64_t bit)
{
	uint64_t tmp;
	size_t lo, hi;

	while (n > SMALL && bit != 0) {
		for (lo = 0, hi = n; lo < hi; )
			if ((keys[lo] & bit) == 0) {
				lo++;
			} else {
				tmp = keys[--hi];
				keys[hi] = keys[lo];
				keys[lo] = tmp;
			}
		bit >>= 1;
		sort_by_bits(keys, lo, bit);
		keys += lo;
		n -= lo;
	}
	insertion_sort(keys, n <= SMALL ? n : 0);
}

void
order_sort(uint64_t *keys, size_t n)
{
	uint64_t differ = 0, bit = (uint64_t)1 << 63;
	size_t i;

	for (i = 1; i < n; i++)
		differ |= keys[i] ^ keys[0];
	while (bit > differ)
		bit >>= 1;
	sort_by_bits(keys, n, bit);
}

/* The interval that a rank's key is known to lie in. */
struct cell {
	uint64_t rank, below;	/* values before lo */
	uint64_t lo, hi;	/* both included */
	uint64_t count;		/* values from lo to hi */
	unsigned shift;
	uint64_t *bins;		/* BINS of them */
};

struct selection {
	struct cell cells[ORDER_RANKS];
	size_t	n;
	uint64_t *bins;		/* owned */
	uint64_t *keys;		/* borrowed; room for keep */
	size_t	n_keys, keep;
};

static void
feed_bins(void *arg, const uint64_t *keys, size_t n)
{
	struct selection *s = arg;
	struct cell *c;
	size_t i;

	for (c = s->cells; c < s->cells + s->n; c++)
		if (c->lo < c->hi)
			for (i = 0; i < n; i++)
				if (keys[i] >= c->lo && keys[i] <= c->hi)
					c->bins[(keys[i] - c->lo) >>
					    c->shift]++;
}

static void
feed_keys(void *arg, const uint64_t *keys, size_t n)
{
	struct selection *s = arg;
	const struct cell *c;
	size_t i;

	for (i = 0; i < n; i++)
		for (c = s->cells; c < s->cells + s->n; c++)
			if (c->lo < c->hi && keys[i] >= c->lo &&
			    keys[i] <= c->hi) {
				if (s->n_keys < s->keep)
					s->keys[s->n_keys++] = keys[i];
				break;
			}
}

/* Go on with the bin that holds the rank. */
static void
narrow(struct cell *c)
{
	uint64_t seen = c->below, lo;
	size_t i;

	for (i = 0; i < BINS - 1 && seen + c->bins[i] <= c->rank; i++)
		seen += c->bins[i];
	c->below = seen;
	c->count = c->bins[i];
	lo = c->lo + ((uint64_t)i << c->shift);
	if (c->shift == 0 || (c->hi - lo) >> c->shift != 0)
		c->hi = lo + (((uint64_t)1 << c->shift) - 1);
	c->lo = lo;
}

/* What is left fits: sort it and look the ranks up. */
static int
finish(struct selection *s, order_again_fn *again, void *arg,
    struct ntdb_error *err)
{
	struct cell *c;
	uint64_t at;
	size_t i;
	int r;

	if ((r = again(arg, feed_keys, s, err)) != 0)
		return r;
	order_sort(s->keys, s->n_keys);
	for (c = s->cells; c < s->cells + s->n; c++) {
		if (c->lo == c->hi)
			continue;
		for (i = 0; i < s->n_keys && s->keys[i] < c->lo; i++)
			;
		at = i + (c->rank - c->below);

		/* The values may have changed underneath: stay within. */
		if (at < s->n_keys && s->keys[at] <= c->hi)
			c->lo = s->keys[at];
		c->hi = c->lo;
	}
	return 0;
}

static int
narrow_all(struct selection *s, order_again_fn *again, void *arg,
    struct ntdb_error *err)
{
	struct cell *c;
	uint64_t left;
	bool open;
	int r;

	for (;;) {
		left = 0;
		open = false;
		for (c = s->cells; c < s->cells + s->n; c++)
			if (c->lo < c->hi) {
				left += c->count;
				open = true;
			}
		if (!open)
			return 0;
		if (left <= s->keep)
			return finish(s, again, arg, err);
		memset(s->bins, 0, s->n * BINS * sizeof(*s->bins));
		for (c = s->cells; c < s->cells + s->n; c++)
			for (c->shift = 0;
			    (c->hi - c->lo) >> c->shift >= BINS; )
				c->shift++;
		if ((r = again(arg, feed_bins, s, err)) != 0)
			return r;
		for (c = s->cells; c < s->cells + s->n; c++)
			if (c->lo < c->hi)
				narrow(c);
	}
}

int
order_find(struct order *o, const uint64_t *ranks, uint64_t *keys, size_t n,
    order_again_fn *again, void *arg, struct ntdb_error *err)
{
	struct selection s;
	size_t i;
	int r;

	if (o->n == o->total) {
		if (!o->sorted)
			order_sort(o->keys, o->n);
		o->sorted = true;
		for (i = 0; i < n; i++)
			keys[i] = o->keys[ranks[i]];
		return 0;
	}
	memset(&s, 0, sizeof(s));
	s.n = n;
	s.keys = o->keys;
	s.keep = o->keep;
	s.bins = malloc(n * BINS * sizeof(*s.bins));
	if (s.bins == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		s.cells[i].rank = ranks[i];
		s.cells[i].lo = o->min;
		s.cells[i].hi = o->max;
		s.cells[i].count = o->total;
		s.cells[i].bins = s.bins + i * BINS;
	}
	r = narrow_all(&s, again, arg, err);
	for (i = 0; i < n; i++)
		keys[i] = s.cells[i].lo;
	free(s.bins);
	return r;
}
