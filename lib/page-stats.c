#include <math.h>
#include <string.h>

#include "bytes.h"
#include "page-impl.h"

/* A sum and what rounding took from it. */
struct sum {
	double	hi, lo;
};

/* Add without error: hi and what it lost, in lo (Knuth's TwoSum). */
static inline void
sum_add(struct sum *s, double x)
{
	double t = s->hi + x, y = t - s->hi;

	s->lo += (s->hi - (t - y)) + (x - y);
	s->hi = t;
}

/* An integer sum of up to 2^32 terms: high * 2^64 + low. */
struct wide {
	int64_t	high;
	uint64_t low;
};

static inline void
wide_add(struct wide *w, int64_t v)
{
	w->low += (uint64_t)v;
	w->high += (w->low < (uint64_t)v) - (v < 0);
}

/* Its value as two doubles, which hold it whole: it has at most 96 bits. */
static struct sum
wide_sum(const struct wide *w)
{
	struct sum s = { (double)w->high * 0x1p64, 0 };

	sum_add(&s, (double)(w->low >> 32) * 0x1p32);
	sum_add(&s, (double)(w->low & UINT32_MAX));
	return s;
}

/* Statistics but for the sum. */
static void
extremes_of_ints(const int64_t *m, size_t n, struct page_stats *st)
{
	int64_t min = m[0], max = m[0];
	size_t i;

	for (i = 1; i < n; i++) {
		min = m[i] < min ? m[i] : min;
		max = m[i] > max ? m[i] : max;
	}
	st->min.i = min;
	st->max.i = max;
	st->first.i = m[0];
	st->last.i = m[n - 1];
}

static struct wide
wide_sum_of(const int64_t *m, size_t n)
{
	struct wide w = { 0, 0 };
	size_t i;

	for (i = 0; i < n; i++)
		wide_add(&w, m[i]);
	return w;
}

/* Keep a sum of two doubles so that the second is what the first lacks. */
static void
keep_sum(struct page_stats *st, struct sum s)
{
	st->sum.f = s.hi + s.lo;
	st->sum_lo = s.lo + (s.hi - st->sum.f);
}

void
page_stats_of_ints(const int64_t *m, size_t n, struct page_stats *st)
{
	struct wide w = wide_sum_of(m, n);

	memset(st, 0, sizeof(*st));
	extremes_of_ints(m, n, st);
	/* It fits 64 bits if the high part only repeats the sign. */
	if (w.high == (w.low >> 63 != 0 ? -1 : 0)) {
		st->sum_exact = true;
		st->sum.i = as_i64(w.low);
	} else {
		keep_sum(st, wide_sum(&w));
	}
}

void
page_stats_of_decimals(const int64_t *m, uint8_t scale, size_t n,
    struct page_stats *st)
{
	struct sum s = { 0, 0 }, t = { 0, 0 };
	double power = dec_pow10_f64[scale];
	struct wide w;
	size_t i;

	memset(st, 0, sizeof(*st));
	extremes_of_ints(m, n, st);
	if (scale == 0) {
		w = wide_sum_of(m, n);
		keep_sum(st, wide_sum(&w));
		return;
	}
	/* Two sums side by side, as each addition waits for the last. */
	for (i = 0; i + 1 < n; i += 2) {
		sum_add(&s, (double)m[i] / power);
		sum_add(&t, (double)m[i + 1] / power);
	}
	if (i < n)
		sum_add(&s, (double)m[i] / power);
	sum_add(&s, t.hi);
	s.lo += t.lo;
	keep_sum(st, s);
}

/* NaN is always stored as this one. */
static double
plain_nan(double x)
{
	return isnan(x) ? f64_from_bits(0x7ff8000000000000) : x;
}

void
page_stats_of_floats(const int64_t *m, const uint8_t *scale, size_t n,
    struct page_stats *st)
{
	struct sum s = { 0, 0 };
	double min = NAN, max = NAN, plain = 0, x;
	size_t i;

	memset(st, 0, sizeof(*st));
	for (i = 0; i < n; i++) {
		x = dec_to_f64(m[i], scale[i]);
		if (!(x >= min))
			min = isnan(x) ? min : x;
		if (!(x <= max))
			max = isnan(x) ? max : x;
		st->n_nan += isnan(x) != 0;
		plain += x;
		sum_add(&s, x);
	}
	/* With NaN, infinity or an overflow the compensation is no number. */
	if (isfinite(s.hi + s.lo))
		keep_sum(st, s);
	else
		st->sum.f = plain_nan(plain);
	st->min.f = plain_nan(min);
	st->max.f = plain_nan(max);
	st->first.f = dec_to_f64(m[0], scale[0]);
	st->last.f = dec_to_f64(m[n - 1], scale[n - 1]);
}
