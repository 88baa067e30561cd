#include <math.h>
#include <string.h>

#include "aggregate.h"
#include "error.h"
#include "number.h"

#define BIT(which) (UINT32_C(1) << (which))
#define SUMS (BIT(NTDB_SUM) | BIT(NTDB_AVG))
#define EXTREMES (BIT(NTDB_MIN) | BIT(NTDB_MAX))
#define PERCENTILES (BIT(NTDB_MEDIAN) | BIT(NTDB_P50) | BIT(NTDB_P95) | \
	BIT(NTDB_P99))
#define ORDERED (PERCENTILES | BIT(NTDB_TRIMMED_AVG))
#define CHUNK FSUM_MANY

void
agg_init(struct agg *a, const uint8_t *list, size_t n)
{
	size_t i;

	memset(a, 0, sizeof(*a));
	for (i = 0; i < n; i++)
		a->wanted |= BIT(list[i]);
	order_init(&a->order, 0);
}

void
agg_release(struct agg *a)
{
	order_release(&a->order);
}

bool
agg_takes_stats(const struct agg *a)
{
	return (a->wanted & (ORDERED | BIT(NTDB_STDDEV))) == 0;
}

void
agg_begin(struct agg *a, bool is_float)
{
	a->is_float = is_float;
	a->n = a->n_nan = 0;
	a->has_extremes = a->ranked = false;
	memset(&a->isum, 0, sizeof(a->isum));
	memset(&a->fsum, 0, sizeof(a->fsum));
	memset(&a->deviation, 0, sizeof(a->deviation));
	order_clear(&a->order);
}

static void
extremes_of_ints(struct agg *a, const int64_t *m, size_t n)
{
	int64_t min = a->has_extremes ? a->min.i : m[0];
	int64_t max = a->has_extremes ? a->max.i : m[0];
	size_t i;

	for (i = 0; i < n; i++) {
		min = m[i] < min ? m[i] : min;
		max = m[i] > max ? m[i] : max;
	}
	a->has_extremes = true;
	a->min.i = min;
	a->max.i = max;
}

static int
add_ints(struct agg *a, const int64_t *m, size_t n, struct ntdb_error *err)
{
	uint64_t keys[CHUNK];
	size_t i;

	if (a->wanted & EXTREMES)
		extremes_of_ints(a, m, n);
	if (a->wanted & SUMS)
		for (i = 0; i < n; i++)
			isum_add(&a->isum, m[i]);
	if (a->wanted & BIT(NTDB_STDDEV))
		for (i = 0; i < n; i++)
			deviation_add_i64(&a->deviation, m[i]);
	if (!(a->wanted & ORDERED))
		return 0;
	for (i = 0; i < n; i++)
		keys[i] = order_key_i64(m[i]);
	return order_add(&a->order, keys, n, err);
}

static void
add_extremes(struct agg *a, double low, double high)
{
	if (!a->has_extremes || low < a->min.f)
		a->min.f = low;
	if (!a->has_extremes || high > a->max.f)
		a->max.f = high;
	a->has_extremes = true;
}

/* Values none of which is a NaN or anything that fsum_add takes apart. */
static void
add_plain(struct agg *a, const double *f, size_t n)
{
	double min = f[0], max = f[0];
	size_t i;

	if (a->wanted & EXTREMES) {
		for (i = 1; i < n; i++) {
			min = f[i] < min ? f[i] : min;
			max = f[i] > max ? f[i] : max;
		}
		add_extremes(a, min, max);
	}
	if (a->wanted & SUMS)
		fsum_add_plain(&a->fsum, f, n);
}

/* Values one by one. */
static void
add_any(struct agg *a, const double *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (isnan(f[i]))
			a->n_nan++;
		else
			add_extremes(a, f[i], f[i]);
		if (a->wanted & SUMS)
			fsum_add(&a->fsum, f[i]);
	}
}

static int
add_floats(struct agg *a, const double *f, size_t n, struct ntdb_error *err)
{
	uint64_t keys[CHUNK];
	unsigned plain = 1;
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		plain &= (f[i] < FSUM_PLAIN) & (f[i] > -FSUM_PLAIN);
	if (plain)
		add_plain(a, f, n);
	else
		add_any(a, f, n);
	if (a->wanted & BIT(NTDB_STDDEV))
		for (i = 0; i < n; i++)
			deviation_add_f64(&a->deviation, f[i]);
	if (!(a->wanted & ORDERED))
		return 0;
	for (i = 0; i < n; i++)
		if (!isnan(f[i]))
			keys[k++] = order_key_f64(f[i]);
	return order_add(&a->order, keys, k, err);
}

static void
to_doubles(const int64_t *m, const uint8_t *scale, size_t n, double *f)
{
	size_t i;

	for (i = 0; i < n; i++)
		f[i] = dec_to_f64(m[i], scale[i]);
}

int
agg_add(struct agg *a, const int64_t *m, const uint8_t *scale, size_t n,
    struct ntdb_error *err)
{
	double f[CHUNK];
	size_t k;
	int r = 0;

	for (; n > 0 && r == 0; m += k, n -= k) {
		k = n < CHUNK ? n : CHUNK;
		if (scale != NULL) {
			to_doubles(m, scale, k, f);
			scale += k;
			if (a->n == 0)
				a->first.f = f[0];
			a->last.f = f[k - 1];
			r = add_floats(a, f, k, err);
		} else {
			if (a->n == 0)
				a->first.i = m[0];
			a->last.i = m[k - 1];
			r = add_ints(a, m, k, err);
		}
		a->n += k;
	}
	return r;
}

bool
agg_usable(const void *arg, const struct page_stats *st, uint32_t n)
{
	const struct agg *a = arg;

	(void)n;
	if (st == NULL || !agg_takes_stats(a))
		return false;
	if (!(a->wanted & SUMS))
		return true;
	if (!a->is_float)
		return st->sum_exact;
	return st->n_nan > 0 || (isfinite(st->sum.f) && isfinite(st->sum_lo));
}

void
agg_add_stats(struct agg *a, const struct page_stats *st, uint32_t n)
{
	if (a->n == 0)
		a->first = st->first;
	a->last = st->last;
	if (a->is_float) {
		if (st->n_nan < n)
			add_extremes(a, st->min.f, st->max.f);
		if (st->n_nan > 0) {
			fsum_add(&a->fsum, NAN);
		} else {
			fsum_add(&a->fsum, st->sum.f);
			fsum_add(&a->fsum, st->sum_lo);
		}
		a->n_nan += st->n_nan;
	} else {
		if (!a->has_extremes || st->min.i < a->min.i)
			a->min.i = st->min.i;
		if (!a->has_extremes || st->max.i > a->max.i)
			a->max.i = st->max.i;
		a->has_extremes = true;
		if (st->sum_exact)
			isum_add(&a->isum, st->sum.i);
	}
	a->n += n;
}

/* A pass over the bucket's samples: their keys go to feed. */
struct agg_pass {
	bool	is_float;
	order_feed_fn *feed;
	void	*feed_arg;
};

void
agg_again(struct agg_pass *pass, const int64_t *m, const uint8_t *scale,
    size_t n)
{
	uint64_t keys[CHUNK];
	size_t i, j, k;
	double f;

	for (i = 0; i < n; ) {
		for (j = 0; j < CHUNK && i < n; i++) {
			if (scale == NULL) {
				keys[j++] = order_key_i64(m[i]);
				continue;
			}
			f = dec_to_f64(m[i], scale[i]);
			if (!isnan(f))
				keys[j++] = order_key_f64(f);
		}
		k = j;
		pass->feed(pass->feed_arg, keys, k);
	}
}

/* Passes, as the order module asks for them. */
struct passes {
	const struct agg *a;
	agg_again_fn *again;
	void	*arg;
};

static int
pass_over(void *arg, order_feed_fn *feed, void *feed_arg,
    struct ntdb_error *err)
{
	const struct passes *p = arg;
	struct agg_pass pass = { p->a->is_float, feed, feed_arg };

	return p->again(p->arg, &pass, err);
}

static struct dd
key_dd(const struct agg *a, uint64_t key)
{
	struct dd r = { 0, 0 };

	if (!a->is_float)
		return dd_from_i64(order_i64(key));
	r.hi = order_f64(key);
	return r;
}

/* Adds the values between two keys and counts what does not exceed them. */
struct trim {
	const struct agg *a;
	uint64_t low, high;
	uint64_t n_low, n_high;		/* up to low; up to high */
	struct fsum sum;		/* of those between them */
};

static void
trim_feed(void *arg, const uint64_t *keys, size_t n)
{
	struct trim *t = arg;
	struct dd v;
	size_t i;

	for (i = 0; i < n; i++) {
		t->n_low += keys[i] <= t->low;
		t->n_high += keys[i] < t->high;
		if (keys[i] <= t->low || keys[i] >= t->high)
			continue;
		v = key_dd(t->a, keys[i]);
		fsum_add(&t->sum, v.hi);
		if (v.lo != 0)
			fsum_add(&t->sum, v.lo);
	}
}

/* Add a value so many times. */
static void
add_times(struct fsum *s, struct dd v, uint64_t n)
{
	struct dd count = { (double)n, 0 };

	if (n == 0)
		return;
	if (fabs(v.hi) < FSUM_BIG)
		v = dd_mul(v, count);
	else if (isfinite(v.hi))
		for (; n > 1; n--)
			fsum_add(s, v.hi);
	fsum_add(s, v.hi);
	if (v.lo != 0 && isfinite(v.hi))
		fsum_add(s, v.lo);
}

/*
 * The mean of what is left when k values are taken from each end of n: all
 * between the k-th of each end, and of those two values as many as remain.
 */
static int
trimmed_mean(struct agg *a, uint64_t k, uint64_t low, uint64_t high,
    struct passes *p, struct ntdb_error *err)
{
	const uint64_t n = a->order.total;
	struct trim t;
	int r;

	memset(&t, 0, sizeof(t));
	t.a = a;
	t.low = low;
	t.high = high;
	if (low == high) {
		a->trimmed = key_dd(a, low).hi;
		return 0;
	}
	if (a->order.n == n)
		trim_feed(&t, a->order.keys, a->order.n);
	else if ((r = pass_over(p, trim_feed, &t, err)) != 0)
		return r;
	if (t.n_low < k || t.n_high > n - k)
		return err_set(err, NTDB_EBUSY,
		    "samples changed while they were read");
	add_times(&t.sum, key_dd(a, low), t.n_low - k);
	add_times(&t.sum, key_dd(a, high), n - k - t.n_high);
	a->trimmed = fsum_mean(&t.sum, n - 2 * k);
	return 0;
}

/* How many values trimmed_avg drops from each end. */
static uint64_t
trimmed_of(uint64_t n)
{
	uint64_t k = n < 20 ? 1 : n / 20;

	return n <= 2 * k ? 0 : k;
}

/* Where the percentiles are among rank_keys. */
enum { AT_P50, AT_P95 = 2, AT_P99 = 4, AT_TRIM = 6 };

static const uint64_t percents[] = { 50, 95, 99 };

/* Find all order statistics of the bucket at once. */
static int
find_ranks(struct agg *a, agg_again_fn *again, void *arg,
    struct ntdb_error *err)
{
	const uint64_t n = a->order.total, k = trimmed_of(n);
	struct passes p = { a, again, arg };
	uint64_t ranks[ORDER_RANKS], at;
	size_t i;
	int r;

	for (i = 0; i < 3; i++) {
		at = (n - 1) / 100 * percents[i] +
		    (n - 1) % 100 * percents[i] / 100;
		ranks[2 * i] = at;
		ranks[2 * i + 1] = at + 1 < n ? at + 1 : at;
	}
	ranks[AT_TRIM] = k;
	ranks[AT_TRIM + 1] = n - 1 - k;
	r = order_find(&a->order, ranks, a->rank_keys, ORDER_RANKS, pass_over,
	    &p, err);
	if (r == 0 && (a->wanted & BIT(NTDB_TRIMMED_AVG)))
		r = trimmed_mean(a, k, a->rank_keys[AT_TRIM],
		    a->rank_keys[AT_TRIM + 1], &p, err);
	a->ranked = r == 0;
	return r;
}

/* Between the two values of a percentile: a + (b - a) * rest / 100. */
static double
interpolate(const struct agg *a, unsigned percentile)
{
	const uint64_t n = a->order.total;
	uint64_t rest = (n - 1) % 100 * percents[percentile] % 100;
	struct dd low = key_dd(a, a->rank_keys[2 * percentile]);
	struct dd high = key_dd(a, a->rank_keys[2 * percentile + 1]);
	struct dd part = { (double)rest, 0 }, left = { (double)(100 - rest), 0 };

	if (rest == 0 || (low.hi == high.hi && low.lo == high.lo))
		return low.hi;
	if (!isfinite(low.hi) || !isfinite(high.hi))
		return low.hi + (high.hi - low.hi) * (part.hi / 100);
	if (fabs(low.hi) > 0x1p900 || fabs(high.hi) > 0x1p900) {
		low.hi /= 100;
		high.hi /= 100;
		return low.hi * left.hi + high.hi * part.hi;
	}
	return dd_div(dd_add(dd_mul(low, left), dd_mul(high, part)), 100).hi;
}

static int
ordered_result(struct agg *a, int which, agg_again_fn *again, void *arg,
    double *value, struct ntdb_error *err)
{
	int r;

	*value = NAN;
	if (a->order.total == 0)
		return 0;
	if (!a->ranked && (r = find_ranks(a, again, arg, err)) != 0)
		return r;
	if (which == NTDB_TRIMMED_AVG)
		*value = a->trimmed;
	else
		*value = interpolate(a, which == NTDB_P95 ? 1 :
		    which == NTDB_P99 ? 2 : 0);
	return 0;
}

int
agg_result(struct agg *a, int which, agg_again_fn *again, void *arg,
    int *type, union ntdb_value *value, struct ntdb_error *err)
{
	*type = a->is_float ? NTDB_FLOAT64 : NTDB_INT64;
	switch (which) {
	case NTDB_COUNT:
		*type = NTDB_INT64;
		value->i = (int64_t)a->n;
		return 0;
	case NTDB_FIRST:
		*value = a->first;
		return 0;
	case NTDB_LAST:
		*value = a->last;
		return 0;
	case NTDB_MIN:
	case NTDB_MAX:
		*value = which == NTDB_MIN ? a->min : a->max;
		if (!a->has_extremes)
			value->f = NAN;
		return 0;
	case NTDB_SUM:
		if (!a->is_float && isum_fits(&a->isum, &value->i))
			return 0;
		*type = NTDB_FLOAT64;
		value->f = a->is_float ? fsum_value(&a->fsum) :
		    isum_value(&a->isum);
		return 0;
	}
	*type = NTDB_FLOAT64;
	if (which == NTDB_AVG)
		value->f = a->is_float ? fsum_mean(&a->fsum, a->n) :
		    isum_mean(&a->isum, a->n);
	else if (which == NTDB_STDDEV)
		value->f = deviation_value(&a->deviation, a->n);
	else
		return ordered_result(a, which, again, arg, &value->f, err);
	return 0;
}
