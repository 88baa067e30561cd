#include <math.h>

#include "sums.h"

struct dd
dd_add(struct dd a, struct dd b)
{
	struct dd s = dd_two_sum(a.hi, b.hi);
	struct dd t = dd_two_sum(a.lo, b.lo);

	s = dd_two_sum(s.hi, s.lo + t.hi);
	return dd_two_sum(s.hi, s.lo + t.lo);
}

struct dd
dd_mul(struct dd a, struct dd b)
{
	struct dd p;

	p.hi = a.hi * b.hi;
	p.lo = fma(a.hi, b.hi, -p.hi);
	p.lo += a.hi * b.lo + a.lo * b.hi;
	return dd_two_sum(p.hi, p.lo);
}

struct dd
dd_div(struct dd a, double b)
{
	double q = a.hi / b;
	double rest = fma(-q, b, a.hi) + a.lo;

	return dd_two_sum(q, rest / b);
}

struct dd
dd_from_i64(int64_t i)
{
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	struct dd r = dd_two_sum((double)(u >> 32) * 0x1p32,
	    (double)(u & UINT32_MAX));

	if (i < 0) {
		r.hi = -r.hi;
		r.lo = -r.lo;
	}
	return r;
}

void
fsum_add_rare(struct fsum *s, double x)
{
	struct dd r;

	if (isfinite(x)) {
		r = dd_two_sum(s->big.hi, ldexp(x, -FSUM_SCALE));
		s->big = dd_two_sum(r.hi, s->big.lo + r.lo);
		s->has_big = true;
	} else {
		s->special = s->has_special ? s->special + x : x;
		s->has_special = true;
	}
}

/*
 * Each sum waits for the one before it alone, so that the three run side by
 * side, where fsum_add waits for seven operations in a row.
 */
void
fsum_add_plain(struct fsum *s, const double *x, size_t n)
{
	double hi = 0, mid = 0, lo = 0;
	struct dd r, q;
	size_t i;

	for (i = 0; i < n; i++) {
		r = dd_two_sum(hi, x[i]);
		hi = r.hi;
		q = dd_two_sum(mid, r.lo);
		mid = q.hi;
		lo += q.lo;
	}
	fsum_add(s, hi);
	fsum_add(s, mid);
	fsum_add(s, lo);
}

/* The sum times 2^-FSUM_SCALE, if there are big values; else as it is. */
static struct dd
fsum_total(const struct fsum *s, bool *scaled)
{
	struct dd small = s->sum;

	*scaled = s->has_big && (s->big.hi != 0 || s->big.lo != 0);
	if (!*scaled)
		return dd_two_sum(small.hi, small.lo);
	small.hi = ldexp(small.hi, -FSUM_SCALE);
	small.lo = ldexp(small.lo, -FSUM_SCALE);
	return dd_add(s->big, small);
}

double
fsum_value(const struct fsum *s)
{
	struct dd t;
	bool scaled;

	if (s->has_special)
		return s->special;
	t = fsum_total(s, &scaled);
	return scaled ? ldexp(t.hi, FSUM_SCALE) : t.hi;
}

double
fsum_mean(const struct fsum *s, uint64_t n)
{
	struct dd t;
	bool scaled;

	if (s->has_special)
		return s->special;
	t = dd_div(fsum_total(s, &scaled), (double)n);
	return scaled ? ldexp(t.hi, FSUM_SCALE) : t.hi;
}

bool
isum_fits(const struct isum *s, int64_t *value)
{
	bool negative = s->lo >> 63 != 0;

	if (s->hi != (negative ? -1 : 0))
		return false;
	*value = negative ? -(int64_t)~s->lo - 1 : (int64_t)s->lo;
	return true;
}

static struct dd
isum_dd(const struct isum *s)
{
	struct dd low = dd_two_sum((double)(s->lo >> 32) * 0x1p32,
	    (double)(s->lo & UINT32_MAX));
	struct dd high = dd_from_i64(s->hi);

	high.hi *= 0x1p64;
	high.lo *= 0x1p64;
	return dd_add(high, low);
}

double
isum_value(const struct isum *s)
{
	return isum_dd(s).hi;
}

double
isum_mean(const struct isum *s, uint64_t n)
{
	return dd_div(isum_dd(s), (double)n).hi;
}

/* The ranges: small, usual, large, and the scales that bring them there. */
#define RANGE_SMALL 0x1p-400
#define RANGE_LARGE 0x1p400
#define RANGE_SCALE 600

/* Account for a difference that has been multiplied by 2^scale. */
static void
add_difference(struct deviation *d, unsigned range, struct dd x)
{
	struct deviation_range *r = &d->range[range];

	r->any = true;
	r->sum = dd_add(r->sum, x);
	r->squares = dd_add(r->squares, dd_mul(x, x));
}

static struct dd
dd_scale(struct dd x, int exponent)
{
	x.hi = ldexp(x.hi, exponent);
	x.lo = ldexp(x.lo, exponent);
	return x;
}

static void
add_any(struct deviation *d, struct dd x)
{
	double size = fabs(x.hi);

	if (size >= RANGE_LARGE)
		add_difference(d, 2, dd_scale(x, -RANGE_SCALE));
	else if (size >= RANGE_SMALL)
		add_difference(d, 1, x);
	else if (size > 0)
		add_difference(d, 0, dd_scale(x, RANGE_SCALE));
}

void
deviation_add_f64(struct deviation *d, double x)
{
	double first = d->first.hi;

	if (!isfinite(x)) {
		d->special = true;
		return;
	}
	if (!d->any) {
		d->any = true;
		d->first.hi = x;
		return;
	}
	if (fabs(x) < RANGE_LARGE && fabs(first) < RANGE_LARGE)
		add_any(d, dd_two_sum(x, -first));
	else
		add_difference(d, 2, dd_two_sum(ldexp(x, -RANGE_SCALE),
		    ldexp(-first, -RANGE_SCALE)));
}

void
deviation_add_i64(struct deviation *d, int64_t x)
{
	struct dd diff, first;

	if (!d->any) {
		d->any = true;
		d->first_i = x;
		return;
	}
	diff = dd_from_i64(x);
	first = dd_from_i64(d->first_i);
	first.hi = -first.hi;
	first.lo = -first.lo;
	diff = dd_add(diff, first);
	if (diff.hi != 0)
		add_difference(d, 1, diff);
}

/* Add what a range holds to the one above it. */
static void
merge_up(struct deviation_range *to, const struct deviation_range *from)
{
	to->sum = dd_add(to->sum, dd_scale(from->sum, -RANGE_SCALE));
	to->squares = dd_add(to->squares,
	    dd_scale(from->squares, -2 * RANGE_SCALE));
}

double
deviation_value(const struct deviation *d, uint64_t n)
{
	struct deviation_range r;
	struct dd mean, v;
	int exponent;

	if (d->special)
		return NAN;
	if (d->range[2].any) {
		r = d->range[2];
		merge_up(&r, &d->range[1]);
		exponent = RANGE_SCALE;
	} else if (d->range[1].any) {
		r = d->range[1];
		merge_up(&r, &d->range[0]);
		exponent = 0;
	} else if (d->range[0].any) {
		r = d->range[0];
		exponent = -RANGE_SCALE;
	} else {
		return 0;
	}
	mean = dd_div(dd_mul(r.sum, r.sum), (double)n);
	mean.hi = -mean.hi;
	mean.lo = -mean.lo;
	v = dd_div(dd_add(r.squares, mean), (double)n);
	return v.hi > 0 ? ldexp(sqrt(v.hi), exponent) : 0;
}
