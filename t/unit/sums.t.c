/* Expected values are from exact fractions in Python. */
#include <math.h>

#include "sums.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool
near(double got, double want, int ulps)
{
	double low = want, high = want;

	if (isnan(want))
		return isnan(got);
	for (; ulps > 0; ulps--) {
		low = nextafter(low, -INFINITY);
		high = nextafter(high, INFINITY);
	}
	if (got >= low && got <= high)
		return true;
	diag("got %.17g, want %.17g", got, want);
	return false;
}

static struct fsum
sum_of(const double *v, size_t n)
{
	struct fsum s = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		fsum_add(&s, v[i]);
	return s;
}

static double
deviation_of(const double *v, size_t n)
{
	struct deviation d = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		deviation_add_f64(&d, v[i]);
	return deviation_value(&d, n);
}

static void
test_floats(void)
{
	static const double a[] = { 1e16, 1.0, -1e16, 0.1, 2.5, 3.25, -7.75,
		1e-9 };
	static const double big[] = { 1.5e308, 1.5e308, -1.5e308, 7 };
	static const double over[] = { 1.5e308, 1.5e308 };
	static const double back[] = { 1.5e308, -1.5e308, 3 };
	static const double inf[] = { 1, INFINITY, 2 };
	static const double both[] = { INFINITY, 1, -INFINITY };
	struct fsum s = sum_of(a, N(a));

	ok(near(fsum_value(&s), -0.8999999989999999, 0), "cancelling sum");
	ok(near(fsum_mean(&s, N(a)), -0.11249999987499999, 0), "its mean");
	s = sum_of(big, N(big));
	ok(near(fsum_value(&s), 1.5e308, 0), "nothing overflows between");
	s = sum_of(over, N(over));
	ok(isinf(fsum_value(&s)), "a sum that is too large is infinite");
	ok(near(fsum_mean(&s, 2), 1.5e308, 0), "but its mean is not");
	s = sum_of(back, N(back));
	ok(near(fsum_value(&s), 3, 0), "large values that cancel");
	s = sum_of(inf, N(inf));
	ok(isinf(fsum_value(&s)) && fsum_value(&s) > 0, "infinity");
	s = sum_of(both, N(both));
	ok(isnan(fsum_value(&s)), "inf - inf is NaN");
}

static void
test_ints(void)
{
	struct isum s = { 0, 0 };
	int64_t v;
	int i;

	for (i = 0; i < 4; i++)
		isum_add(&s, INT64_MAX);
	ok(!isum_fits(&s, &v), "four times the largest does not fit");
	ok(isum_value(&s) == 0x1p65, "and is nearest to 2^65");
	ok(isum_mean(&s, 4) == 0x1p63, "mean");
	for (i = 0; i < 8; i++)
		isum_add(&s, INT64_MIN);
	ok(!isum_fits(&s, &v), "below the smallest");
	for (i = 0; i < 3; i++)
		isum_add(&s, INT64_MAX);
	isum_add(&s, 0);
	ok(isum_fits(&s, &v) == false, "seven against eight");
	isum_add(&s, INT64_MAX);
	ok(isum_fits(&s, &v) && v == -8, "back within the range");
}

static void
test_deviation(void)
{
	static const double a[] = { 1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16 };
	static const double large[] = { 1e200, 3e200, -2e200 };
	static const double small[] = { 1e-200, 3e-200, 5e-200 };
	static const double ends[] = { 1.7e308, -1.7e308 };
	static const double same[] = { 0.1, 0.1, 0.1 };
	static const double inf[] = { 1, INFINITY };
	static const int64_t ints[] = { INT64_MAX, INT64_MIN, 0, 1 };
	struct deviation d = { 0 };
	size_t i;

	ok(near(deviation_of(a, N(a)), 4.743416490252569, 1),
	    "far from zero");
	ok(near(deviation_of(large, N(large)), 2.0548046676563254e+200, 1),
	    "squares that would overflow");
	ok(near(deviation_of(small, N(small)), 1.632993161855452e-200, 1),
	    "squares that would vanish");
	ok(near(deviation_of(ends, N(ends)), 1.7e308, 1), "a difference too");
	ok(deviation_of(same, N(same)) == 0, "equal values");
	ok(deviation_of(same, 1) == 0, "one value");
	ok(isnan(deviation_of(inf, N(inf))), "infinity");
	for (i = 0; i < N(ints); i++)
		deviation_add_i64(&d, ints[i]);
	ok(near(deviation_value(&d, N(ints)), 6.521908912666392e+18, 1),
	    "integers");
}

int
main(void)
{
	plan(22);
	test_floats();
	test_ints();
	test_deviation();
	return done_testing();
}
