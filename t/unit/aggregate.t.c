/* Expected values are hand-worked or from exact fractions in Python. */
#include <math.h>
#include <stdlib.h>

#include "aggregate.h"
#include "number.h"
#include "tap.h"
#include "timefmt.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t all[] = { NTDB_MIN, NTDB_MAX, NTDB_SUM, NTDB_AVG,
	NTDB_COUNT, NTDB_FIRST, NTDB_LAST, NTDB_MEDIAN, NTDB_P50, NTDB_P95,
	NTDB_P99, NTDB_STDDEV, NTDB_TRIMMED_AVG };
static const uint8_t plain[] = { NTDB_MIN, NTDB_MAX, NTDB_SUM, NTDB_AVG,
	NTDB_COUNT, NTDB_FIRST, NTDB_LAST };

static struct agg agg;

static int64_t
int_of(int which)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	union ntdb_value v = { 0 };
	int type = 0;

	if (agg_result(&agg, which, NULL, NULL, &type, &v, &err) != 0 ||
	    type != NTDB_INT64)
		return -999;
	return v.i;
}

static double
float_of(int which)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	union ntdb_value v = { 0 };
	int type = 0;

	if (agg_result(&agg, which, NULL, NULL, &type, &v, &err) != 0 ||
	    type != NTDB_FLOAT64)
		return -999;
	return v.f;
}

/* Add doubles as the bits of raw decimals. */
static void
add_floats(const double *f, size_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	uint8_t scale = DEC_RAW;
	int64_t m;
	size_t i;

	for (i = 0; i < n; i++) {
		m = as_i64(f64_bits(f[i]));
		agg_add(&agg, &m, &scale, 1, &err);
	}
}

static void
test_ints(void)
{
	static const int64_t v[] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7,
		9, 3, 2, 3, 8, 4, 6, 2 };
	struct ntdb_error err = NTDB_ERROR_INIT;

	agg_begin(&agg, false);
	is_int(agg_add(&agg, v, NULL, N(v), &err), 0, "add");
	is_int(int_of(NTDB_MIN), 1, "min");
	is_int(int_of(NTDB_MAX), 9, "max");
	is_int(int_of(NTDB_SUM), 105, "sum");
	is_int(int_of(NTDB_COUNT), 22, "count");
	is_int(int_of(NTDB_FIRST), 3, "first");
	is_int(int_of(NTDB_LAST), 2, "last");
	ok(float_of(NTDB_AVG) == 4.7727272727272725, "avg");
	ok(float_of(NTDB_MEDIAN) == 4.5, "median");
	ok(float_of(NTDB_P50) == 4.5, "p50");
	ok(float_of(NTDB_P95) == 9, "p95");
	ok(float_of(NTDB_P99) == 9, "p99");
	ok(float_of(NTDB_TRIMMED_AVG) == 4.75, "trimmed_avg");
	ok(fabs(float_of(NTDB_STDDEV) - 2.5925034966543996) < 1e-15,
	    "stddev");
}

static void
test_small(void)
{
	static const int64_t two[] = { 10, 20 }, three[] = { 1, 2, 9 };
	struct ntdb_error err = NTDB_ERROR_INIT;

	agg_begin(&agg, false);
	agg_add(&agg, two, NULL, 2, &err);
	ok(float_of(NTDB_TRIMMED_AVG) == 15, "nothing is trimmed of two");
	ok(float_of(NTDB_P95) == 19.5, "p95 of two");
	agg_begin(&agg, false);
	agg_add(&agg, three, NULL, 3, &err);
	ok(float_of(NTDB_TRIMMED_AVG) == 2, "one of three is left");
}

static void
test_special(void)
{
	static const double mixed[] = { NAN, 2, -1, NAN, 4 };
	static const double none[] = { NAN, NAN };

	agg_begin(&agg, true);
	add_floats(mixed, N(mixed));
	is_int(int_of(NTDB_COUNT), 5, "NaN counts");
	ok(isnan(float_of(NTDB_FIRST)), "first may be NaN");
	ok(float_of(NTDB_LAST) == 4, "last");
	ok(float_of(NTDB_MIN) == -1 && float_of(NTDB_MAX) == 4,
	    "min and max pass over NaN");
	ok(float_of(NTDB_MEDIAN) == 2, "so does the median");
	ok(isnan(float_of(NTDB_SUM)) && isnan(float_of(NTDB_AVG)) &&
	    isnan(float_of(NTDB_STDDEV)), "sum, avg and stddev do not");
	agg_begin(&agg, true);
	add_floats(none, N(none));
	ok(isnan(float_of(NTDB_MIN)) && isnan(float_of(NTDB_P95)) &&
	    isnan(float_of(NTDB_TRIMMED_AVG)), "nothing is left");
}

/* The same with and without a run's statistics. */
static void
test_stats(void)
{
	static const double f[] = { 0.5, 7.25, -3 };
	struct page_stats st = { .n_nan = 0 };
	struct agg a;

	agg_init(&a, plain, N(plain));
	agg_begin(&a, true);
	st.min.f = -3;
	st.max.f = 7.25;
	st.first.f = 0.5;
	st.last.f = -3;
	st.sum.f = 4.75;
	ok(agg_usable(&a, &st, 3), "statistics will do");
	ok(!agg_usable(&a, NULL, 3), "but not if there are none");
	ok(!agg_usable(&agg, &st, 3), "nor for order statistics");
	agg_add_stats(&a, &st, 3);
	agg_release(&agg);
	agg = a;
	ok(float_of(NTDB_SUM) == 4.75 && float_of(NTDB_MIN) == -3 &&
	    float_of(NTDB_MAX) == 7.25 && float_of(NTDB_FIRST) == 0.5 &&
	    float_of(NTDB_LAST) == -3 && int_of(NTDB_COUNT) == 3,
	    "from statistics");
	add_floats(f, N(f));
	ok(float_of(NTDB_SUM) == 9.5 && int_of(NTDB_COUNT) == 6 &&
	    float_of(NTDB_FIRST) == 0.5, "and samples after them");
	st.sum.f = INFINITY;
	ok(!agg_usable(&agg, &st, 3), "a sum that overflowed is no use");
}

static void
test_buckets(void)
{
	const int64_t day = NS_PER_DAY;
	int64_t first, last;

	bucket_span(10, 7, &first, &last);
	ok(first == 7 && last == 13, "bucket of 10");
	bucket_span(-1, 7, &first, &last);
	ok(first == -7 && last == -1, "before 1970");
	bucket_span(-7, 7, &first, &last);
	ok(first == -7 && last == -1, "its first");
	bucket_span(0, 7 * day, &first, &last);
	ok(first == -3 * day && last == 4 * day - 1, "weeks from Monday");
	bucket_span(4 * day, 7 * day, &first, &last);
	ok(first == 4 * day, "5 January 1970 was one");
	bucket_span(INT64_MAX, 10, &first, &last);
	ok(last == INT64_MAX && first == INT64_MAX - 7, "the end of time");
	bucket_span(INT64_MIN, day, &first, &last);
	ok(first == INT64_MIN && last >= first, "and its beginning");
}

static void
test_names(void)
{
	int i, good = 0;

	for (i = 0; i < NTDB_AGGREGATE_N; i++) {
		const char *name = ntdb_aggregate_name(i);

		good += ntdb_aggregate_find(name, strlen(name)) == i;
	}
	is_int(good, 13, "names lead back");
	is_int(ntdb_aggregate_find("mi", 2), -1, "a part of a name");
	ok(ntdb_aggregate_name(13) == NULL && ntdb_aggregate_name(-1) == NULL,
	    "no such aggregate");
}

int
main(void)
{
	plan(40);
	agg_init(&agg, all, N(all));
	test_ints();
	test_small();
	test_special();
	test_stats();
	test_buckets();
	test_names();
	agg_release(&agg);
	return done_testing();
}
