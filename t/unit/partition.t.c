#include <string.h>

#include "partition.h"
#include "scratch.h"
#include "tap.h"

#define DAY_NS INT64_C(86400000000000)

/* Dates and their limits, computed by Python's datetime. */
static const struct {
	const char *date;
	int32_t	day, month, year;
	int64_t	day_first, month_first, month_last, year_first, year_last;
} dates[] = {
	{ "1970-01-01", 0, 0, 0, 0, 0, 2678399999999999, 0,
	    31535999999999999 },
	{ "1969-12-31", -1, -1, -1, -86400000000000, -2678400000000000, -1,
	    -31536000000000000, -1 },
	{ "2024-02-29", 19782, 649, 54, 1709164800000000000,
	    1706745600000000000, 1709251199999999999, 1704067200000000000,
	    1735689599999999999 },
	{ "2000-02-29", 11016, 361, 30, 951782400000000000,
	    949363200000000000, 951868799999999999, 946684800000000000,
	    978307199999999999 },
	{ "1900-02-28", -25509, -839, -70, -2203977600000000000,
	    -2206310400000000000, -2203891200000000001,
	    -2208988800000000000, -2177452800000000001 },
	{ "1900-03-01", -25508, -838, -70, -2203891200000000000,
	    -2203891200000000000, -2201212800000000001,
	    -2208988800000000000, -2177452800000000001 },
	{ "1968-02-29", -672, -23, -2, -58060800000000000,
	    -60480000000000000, -57974400000000001, -63158400000000000,
	    -31536000000000001 },
	{ "2026-05-01", 20574, 676, 56, 1777593600000000000,
	    1777593600000000000, 1780271999999999999, 1767225600000000000,
	    1798761599999999999 },
	{ "2100-02-28", 47540, 1561, 130, 4107456000000000000,
	    4105123200000000000, 4107542399999999999, 4102444800000000000,
	    4133980799999999999 },
	{ "1999-12-31", 10956, 359, 29, 946598400000000000,
	    944006400000000000, 946684799999999999, 915148800000000000,
	    946684799999999999 },
};

#define N_DATES (sizeof(dates) / sizeof(dates[0]))

/* Whether first and last instant belong to p, and those beside do not. */
static bool
spans(enum partition_kind kind, int32_t start, int64_t first, int64_t last)
{
	struct partition p = { (uint32_t)kind, start };
	int64_t from, to;

	partition_span(p, &from, &to);
	return from == first && to == last &&
	    partition_of(kind, first).start == start &&
	    partition_of(kind, last).start == start &&
	    partition_of(kind, first - 1).start == start - 1 &&
	    partition_of(kind, last + 1).start == start + 1;
}

static bool
is_named(enum partition_kind kind, int32_t start, const char *date,
    int date_len)
{
	struct partition p = { (uint32_t)kind, start }, back;
	char name[PARTITION_NAME_MAX], want[PARTITION_NAME_MAX] = "data-";

	strncat(want, date, (size_t)date_len);
	strcat(want, ".dat");
	partition_name(p, name);
	return strcmp(name, want) == 0 && partition_scan(name, &back) &&
	    partition_compare(p, back) == 0;
}

static void
test_dates(void)
{
	size_t i;

	for (i = 0; i < N_DATES; i++) {
		ok(spans(PART_DAY, dates[i].day, dates[i].day_first,
		    dates[i].day_first + DAY_NS - 1), "%s as a day",
		    dates[i].date);
		ok(spans(PART_MONTH, dates[i].month, dates[i].month_first,
		    dates[i].month_last), "its month");
		ok(spans(PART_YEAR, dates[i].year, dates[i].year_first,
		    dates[i].year_last), "its year");
		ok(is_named(PART_DAY, dates[i].day, dates[i].date, 10) &&
		    is_named(PART_MONTH, dates[i].month, dates[i].date, 7) &&
		    is_named(PART_YEAR, dates[i].year, dates[i].date, 4),
		    "and their names");
	}
}

static bool
clips(enum partition_kind kind, int64_t t, int32_t start, int64_t first,
    int64_t last)
{
	struct partition p = partition_of(kind, t);
	int64_t from, to;

	partition_span(p, &from, &to);
	return p.start == start && from == first && to == last;
}

static void
test_limits(void)
{
	char name[PARTITION_NAME_MAX];

	ok(clips(PART_DAY, INT64_MIN, -106752, INT64_MIN,
	    -9223286400000000001), "the first day is clipped");
	ok(clips(PART_MONTH, INT64_MIN, -3508, INT64_MIN,
	    -9222508800000000001), "the first month");
	ok(clips(PART_YEAR, INT64_MIN, -293, INT64_MIN,
	    -9214560000000000001), "the first year");
	ok(clips(PART_DAY, INT64_MAX, 106751, 9223286400000000000,
	    INT64_MAX), "the last day is clipped");
	ok(clips(PART_MONTH, INT64_MAX, 3507, 9222422400000000000,
	    INT64_MAX), "the last month");
	ok(clips(PART_YEAR, INT64_MAX, 292, 9214646400000000000,
	    INT64_MAX), "the last year");
	ok(clips(PART_FOREVER, INT64_MIN, 0, INT64_MIN, INT64_MAX) &&
	    clips(PART_FOREVER, 12345, 0, INT64_MIN, INT64_MAX),
	    "forever is all time");
	partition_name(partition_of(PART_DAY, INT64_MIN), name);
	is_str(name, "data-1677-09-21.dat", "name of the first day");
	partition_name(partition_of(PART_DAY, INT64_MAX), name);
	is_str(name, "data-2262-04-11.dat", "name of the last day");
	partition_name(partition_of(PART_FOREVER, 0), name);
	is_str(name, "data-forever.dat", "name of forever");
}

static void
test_names(void)
{
	static const char *const good[] = {
		"data-1677-09-21.dat", "data-1677-09.dat", "data-1677.dat",
		"data-2262-04-11.dat", "data-2262-04.dat", "data-2262.dat",
		"data-forever.dat", "data-2024-02-29.dat",
	};
	static const char *const bad[] = {
		"", "data", "data-", "data-.dat", "data-2026", "2026.dat",
		"data-2026.dat ", " data-2026.dat", "data-2026.DAT",
		"Data-2026.dat", "data-2026.dat.tmp", ".data-2026.dat",
		"data-26.dat", "data-02026.dat", "data-+026.dat",
		"data--026.dat", "data- 026.dat", "data-2026-.dat",
		"data-2026-5.dat", "data-2026-005.dat", "data-2026_05.dat",
		"data-2026-00.dat", "data-2026-13.dat", "data-2026-1a.dat",
		"data-2026-05-1.dat", "data-2026-05-00.dat",
		"data-2026-05-32.dat", "data-2026-02-29.dat",
		"data-2026-02-30.dat", "data-1900-02-29.dat",
		"data-2026-04-31.dat", "data-2026-05-01-02.dat",
		"data-2026-05-01.dat2", "data-2026-05-01_dat",
		"data-forever", "data-forever.dat2", "data-Forever.dat",
		"data-2026-05-01T00.dat", "data-0000.dat", "data-9999.dat",
		/* beyond what 64 bits of nanoseconds reach */
		"data-1676.dat", "data-2263.dat", "data-1677-08.dat",
		"data-2262-05.dat", "data-1677-09-20.dat",
		"data-2262-04-12.dat", "data-1677-01-01.dat",
		"data-2262-12-31.dat",
	};
	struct partition p;
	char name[PARTITION_NAME_MAX];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(&p, 0xff, sizeof(p));
		if (!ok(partition_scan(good[i], &p), "%s", good[i]))
			continue;
		partition_name(p, name);
		is_str(name, good[i], "comes back");
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!partition_scan(bad[i], &p), "no partition: '%s'", bad[i]);
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

static void
test_order(void)
{
	static const struct partition sorted[] = {
		{ PART_DAY, INT32_MIN }, { PART_DAY, -1 }, { PART_DAY, 0 },
		{ PART_DAY, INT32_MAX }, { PART_MONTH, -5 },
		{ PART_MONTH, 5 }, { PART_YEAR, -300 }, { PART_FOREVER, 0 },
	};
	const int n = (int)(sizeof(sorted) / sizeof(sorted[0]));
	bool good = true;
	int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			good = good && sign(partition_compare(sorted[i],
			    sorted[j])) == sign(i - j);
	ok(good, "partitions are in order of kind, then of start");
}

/* Any instant lies in the span of its partition, whose name leads back. */
static void
test_random(void)
{
	bool inside = true, back = true;
	int i;

	for (i = 0; i < 100000; i++) {
		int64_t t = (int64_t)(random_u64() << 1), first, last;
		enum partition_kind kind = random_below(4);
		struct partition p = partition_of(kind, t), q;
		char name[PARTITION_NAME_MAX];

		partition_span(p, &first, &last);
		inside = inside && first <= t && t <= last;
		partition_name(p, name);
		back = back && partition_scan(name, &q) &&
		    partition_compare(p, q) == 0;
	}
	ok(inside, "random instants lie in their partitions");
	ok(back, "and the names of those are read back");
}

int
main(void)
{
	plan_later();
	random_start();
	test_dates();
	test_limits();
	test_names();
	test_order();
	test_random();
	return done_testing();
}
