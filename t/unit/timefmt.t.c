#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"
#include "timefmt.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S INT64_C(1000000000)

/* From Python's datetime; some compared with date -u. */
static const struct {
	const char *s;
	int64_t	ns;
} good[] = {
	{ "1970-01-01", INT64_C(0) },
	{ "1970-01-02", INT64_C(86400000000000) },
	{ "1969-12-31", INT64_C(-86400000000000) },
	{ "2000-02-29", INT64_C(951782400000000000) },
	{ "2000-03-01", INT64_C(951868800000000000) },
	{ "1900-02-28", INT64_C(-2203977600000000000) },
	{ "1900-03-01", INT64_C(-2203891200000000000) },
	{ "2100-02-28", INT64_C(4107456000000000000) },
	{ "2100-03-01", INT64_C(4107542400000000000) },
	{ "2024-02-29", INT64_C(1709164800000000000) },
	{ "2026-05-01", INT64_C(1777593600000000000) },
	{ "2026-05-01 07", INT64_C(1777618800000000000) },
	{ "2026-05-01T07:08", INT64_C(1777619280000000000) },
	{ "2026-05-01 07:08:09", INT64_C(1777619289000000000) },
	{ "2026-05-01t07:08:09.5", INT64_C(1777619289500000000) },
	{ "2026-05-01 07:08:09.123456789", INT64_C(1777619289123456789) },
	{ "2026-05-01T07:08:09.12345678Z", INT64_C(1777619289123456780) },
	{ "2026-05-01T07:08:09z", INT64_C(1777619289000000000) },
	{ "2026-05-01T07:08:09+02:00", INT64_C(1777612089000000000) },
	{ "2026-05-01 07:08:09.25-05:30", INT64_C(1777639089250000000) },
	{ "2026-01-01T00:30:00+01:00", INT64_C(1767223800000000000) },
	{ "2025-12-31T23:30:00-01:00", INT64_C(1767227400000000000) },
	{ "1969-12-31 23:59:59.999999999", INT64_C(-1) },
	{ "1969-12-31 23:59:59.000000001", INT64_C(-999999999) },
	{ "1969-12-31 23:59:58.25", INT64_C(-1750000000) },
	{ "1677-09-21 00:12:43.145224192", INT64_MIN },
	{ "1677-09-21 00:12:44", INT64_C(-9223372036000000000) },
	{ "2262-04-11 23:47:16.854775807", INT64_MAX },
	{ "2262-04-11 23:47:16", INT64_C(9223372036000000000) },
	{ "1677-09-21T01:12:43.145224192+01:00", INT64_MIN },
	{ "2262-04-11T22:47:16.854775807-01:00", INT64_MAX },
	{ "2004-12-31 23:59:59.000000000", INT64_C(1104537599000000000) },
	{ "1700-02-28 23:59:59", INT64_C(-8515238401000000000) },
	{ "1700-03-01", INT64_C(-8515238400000000000) },
};

static const struct {
	const char *s;
	enum time_status st;
} refused[] = {
	{ "", TIME_SYNTAX },
	{ "2026", TIME_SYNTAX },
	{ "2026-05", TIME_SYNTAX },
	{ "2026-5-01", TIME_SYNTAX },
	{ "2026-05-1", TIME_SYNTAX },
	{ "2026-05-01 ", TIME_SYNTAX },
	{ "2026-05-01T", TIME_SYNTAX },
	{ "2026-05-01x07", TIME_SYNTAX },
	{ "2026-05-01  07:00", TIME_SYNTAX },
	{ "2026-05-01 7:00", TIME_SYNTAX },
	{ "2026-05-01 07:", TIME_SYNTAX },
	{ "2026-05-01 07:08:", TIME_SYNTAX },
	{ "2026-05-01 07:08:9", TIME_SYNTAX },
	{ "2026-05-01 07:08:09.", TIME_SYNTAX },
	{ "2026-05-01 07:08:09,5", TIME_SYNTAX },
	{ "2026-05-01 07:08:09.5x", TIME_SYNTAX },
	{ "2026-05-01 07:08:09.1234567890x", TIME_SYNTAX },
	{ "2026-05-01Z", TIME_SYNTAX },
	{ "2026-05-01T07Z", TIME_SYNTAX },
	{ "2026-05-01T07:08Z", TIME_SYNTAX },
	{ "2026-05-01T07:08:09ZZ", TIME_SYNTAX },
	{ "2026-05-01T07:08:09 Z", TIME_SYNTAX },
	{ "2026-05-01T07:08:09+0200", TIME_SYNTAX },
	{ "2026-05-01T07:08:09+02", TIME_SYNTAX },
	{ "2026-05-01T07:08:09+2:00", TIME_SYNTAX },
	{ "2026-05-01T07:08:09+02:0", TIME_SYNTAX },
	{ "-2026-05-01", TIME_SYNTAX },
	{ "12026-05-01", TIME_SYNTAX },
	{ "2026/05/01", TIME_SYNTAX },
	{ "2026-00-01", TIME_FIELD },
	{ "2026-13-01", TIME_FIELD },
	{ "2026-05-00", TIME_FIELD },
	{ "2026-05-32", TIME_FIELD },
	{ "2026-04-31", TIME_FIELD },
	{ "2026-02-29", TIME_FIELD },
	{ "2024-02-30", TIME_FIELD },
	{ "1900-02-29", TIME_FIELD },
	{ "2100-02-29", TIME_FIELD },
	{ "1800-02-29", TIME_FIELD },
	{ "2200-02-29", TIME_FIELD },
	{ "2000-02-30", TIME_FIELD },
	{ "2026-05-01 24", TIME_FIELD },
	{ "2026-05-01 24:00:00", TIME_FIELD },
	{ "2026-05-01 23:60", TIME_FIELD },
	{ "2016-12-31 23:59:60", TIME_FIELD },
	{ "2016-12-31T23:59:60Z", TIME_FIELD },
	{ "2026-05-01T07:08:09+24:00", TIME_FIELD },
	{ "2026-05-01T07:08:09+02:60", TIME_FIELD },
	{ "2026-05-01 07:08:09.1234567890", TIME_FRACTION },
	{ "2026-05-01 07:08:09.0000000000", TIME_FRACTION },
	{ "2026-05-01T07:08:09.1234567891Z", TIME_FRACTION },
	{ "1677-09-21 00:12:43.145224191", TIME_RANGE },
	{ "1677-09-21 00:12:43", TIME_RANGE },
	{ "1677-09-21 00:12:42.999999999", TIME_RANGE },
	{ "1677-09-20", TIME_RANGE },
	{ "0000-01-01", TIME_RANGE },
	{ "2262-04-11 23:47:16.854775808", TIME_RANGE },
	{ "2262-04-11 23:47:17", TIME_RANGE },
	{ "2262-04-12", TIME_RANGE },
	{ "9999-12-31 23:59:59.999999999", TIME_RANGE },
	{ "2262-04-11T23:47:16.854775807-00:01", TIME_RANGE },
};

static const struct {
	const char *s;
	int64_t	unit, ns;
	enum time_status st;
} numbers[] = {
	{ "0", 1, 0, TIME_OK },
	{ "-0", 1, 0, TIME_OK },
	{ "+7", 1, 7, TIME_OK },
	{ "-7", 1, -7, TIME_OK },
	{ "1234567890123456789", 1, INT64_C(1234567890123456789), TIME_OK },
	{ "1777619289123456789", 1, INT64_C(1777619289123456789), TIME_OK },
	{ "9223372036854775807", 1, INT64_MAX, TIME_OK },
	{ "9223372036854775808", 1, 0, TIME_RANGE },
	{ "9999999999999999999", 1, 0, TIME_RANGE },
	{ "-9223372036854775808", 1, INT64_MIN, TIME_OK },
	{ "-9223372036854775809", 1, 0, TIME_RANGE },
	{ "18446744073709551616", 1, 0, TIME_RANGE },
	{ "18446744073709551617", 1, 0, TIME_RANGE },
	{ "99999999999999999999999999", 1, 0, TIME_RANGE },
	{ "0000000000000000000000000000012", 1, 12, TIME_OK },
	{ "0001777619289123456789", 1, INT64_C(1777619289123456789),
	  TIME_OK },
	{ "123456789012345678", 1, INT64_C(123456789012345678), TIME_OK },
	{ "1777619289.5", 1, 0, TIME_FRACTION },
	{ "177761928912345678x", 1, 0, TIME_SYNTAX },
	{ "1777x19289123456789", 1, 0, TIME_SYNTAX },
	{ "177761928912x456789", 1, 0, TIME_SYNTAX },
	{ "17776192891234567:9", 1, 0, TIME_SYNTAX },
	{ "1777619289123456/89", 1, 0, TIME_SYNTAX },
	{ "1777619289", S, INT64_C(1777619289000000000), TIME_OK },
	{ "1777619289.123456789", S, INT64_C(1777619289123456789), TIME_OK },
	{ "1777619289.5", S, INT64_C(1777619289500000000), TIME_OK },
	{ "1777619289.000000001", S, INT64_C(1777619289000000001), TIME_OK },
	{ "1777619289.1234567891", S, 0, TIME_FRACTION },
	{ "1777619289.1234567890", S, 0, TIME_FRACTION },
	{ "-1.5", S, INT64_C(-1500000000), TIME_OK },
	{ "-0.000000001", S, -1, TIME_OK },
	{ "9223372036.854775807", S, INT64_MAX, TIME_OK },
	{ "9223372036.854775808", S, 0, TIME_RANGE },
	{ "-9223372036.854775808", S, INT64_MIN, TIME_OK },
	{ "-9223372036.854775809", S, 0, TIME_RANGE },
	{ "9223372037", S, 0, TIME_RANGE },
	{ "18446744074", S, 0, TIME_RANGE },
	{ "1777619289123", 1000000, INT64_C(1777619289123000000), TIME_OK },
	{ "1777619289123.456789", 1000000, INT64_C(1777619289123456789),
	  TIME_OK },
	{ "1777619289123.4567891", 1000000, 0, TIME_FRACTION },
	{ "9223372036854.775807", 1000000, INT64_MAX, TIME_OK },
	{ "9223372036854.775808", 1000000, 0, TIME_RANGE },
	{ "1777619289123456", 1000, INT64_C(1777619289123456000), TIME_OK },
	{ "1777619289123456.789", 1000, INT64_C(1777619289123456789),
	  TIME_OK },
	{ "1777619289123456.7891", 1000, 0, TIME_FRACTION },
	{ "1777619289123456789", 1000, 0, TIME_RANGE },
	{ "", 1, 0, TIME_SYNTAX },
	{ "-", 1, 0, TIME_SYNTAX },
	{ "+", S, 0, TIME_SYNTAX },
	{ "+-1", S, 0, TIME_SYNTAX },
	{ ".5", S, 0, TIME_SYNTAX },
	{ "5.", S, 0, TIME_SYNTAX },
	{ "1e9", S, 0, TIME_SYNTAX },
	{ "0x10", S, 0, TIME_SYNTAX },
	{ " 1", S, 0, TIME_SYNTAX },
	{ "1 ", S, 0, TIME_SYNTAX },
	{ "1_000", S, 0, TIME_SYNTAX },
	{ "1.2.3", S, 0, TIME_SYNTAX },
	{ "1.-2", S, 0, TIME_SYNTAX },
};

static const struct {
	const char *s;
	int64_t	ns;
	enum time_status st;
	const char *shown;
} durations[] = {
	{ "0", 0, TIME_OK, "0" },
	{ "0s", 0, TIME_OK, "0" },
	{ "250ms", 250000000, TIME_OK, "250ms" },
	{ "30s", 30 * S, TIME_OK, "30s" },
	{ "90s", 90 * S, TIME_OK, "1m30s" },
	{ "5m", 300 * S, TIME_OK, "5m" },
	{ "90m", 5400 * S, TIME_OK, "1h30m" },
	{ "1h30m", 5400 * S, TIME_OK, "1h30m" },
	{ "1d", 86400 * S, TIME_OK, "1d" },
	{ "1w", 604800 * S, TIME_OK, "1w" },
	{ "14d", 1209600 * S, TIME_OK, "2w" },
	{ "30d", 2592000 * S, TIME_OK, "30d" },
	{ "1w1d1h1m1s1ms1us1ns", 694861 * S + 1001001, TIME_OK,
	  "8d1h1m1s1ms1us1ns" },
	{ "1500us", 1500000, TIME_OK, "1ms500us" },
	{ "106751d23h47m16s854ms775us807ns", INT64_MAX, TIME_OK,
	  "106751d23h47m16s854ms775us807ns" },
	{ "106751d23h47m16s854ms775us808ns", 0, TIME_RANGE, NULL },
	{ "9223372036854775807ns", INT64_MAX, TIME_OK,
	  "106751d23h47m16s854ms775us807ns" },
	{ "9223372036854775808ns", 0, TIME_RANGE, NULL },
	{ "15251w", 0, TIME_RANGE, NULL },
	{ "99999999999999999999999s", 0, TIME_RANGE, NULL },
	{ "18446744073709551617s", 0, TIME_RANGE, NULL },
	{ "", 0, TIME_SYNTAX, NULL },
	{ "00", 0, TIME_SYNTAX, NULL },
	{ "30", 0, TIME_SYNTAX, NULL },
	{ "s", 0, TIME_SYNTAX, NULL },
	{ "-5m", 0, TIME_SYNTAX, NULL },
	{ "+5m", 0, TIME_SYNTAX, NULL },
	{ "5 m", 0, TIME_SYNTAX, NULL },
	{ "5m ", 0, TIME_SYNTAX, NULL },
	{ "1.5h", 0, TIME_SYNTAX, NULL },
	{ "5M", 0, TIME_SYNTAX, NULL },
	{ "1y", 0, TIME_SYNTAX, NULL },
	{ "5min", 0, TIME_SYNTAX, NULL },
	{ "1h30", 0, TIME_SYNTAX, NULL },
	{ "30m1h", 0, TIME_SYNTAX, NULL },
	{ "1h1h", 0, TIME_SYNTAX, NULL },
};

static const struct {
	const char *s;
	bool	good;
	uint64_t bytes;
} sizes[] = {
	{ "0", true, 0 },
	{ "1000", true, 1000 },
	{ "64KiB", true, 65536 },
	{ "1MiB", true, 1048576 },
	{ "1GiB", true, 1073741824 },
	{ "4TiB", true, UINT64_C(4398046511104) },
	{ "18446744073709551615", true, UINT64_MAX },
	{ "16777215TiB", true, UINT64_C(18446742974197923840) },
	{ "16777216TiB", false, 0 },
	{ "18446744073709551616", false, 0 },
	{ "", false, 0 },
	{ "KiB", false, 0 },
	{ "64kib", false, 0 },
	{ "64KB", false, 0 },
	{ "64K", false, 0 },
	{ "64B", false, 0 },
	{ "64 KiB", false, 0 },
	{ "1.5MiB", false, 0 },
	{ "-1", false, 0 },
	{ "+1", false, 0 },
	{ "64KiBs", false, 0 },
	{ "64iB", false, 0 },
};

/* Python: datetime, and Decimal for the fractions. */
static const struct {
	int64_t	t;
	const char *human, *rfc3339, *s, *ms, *ns;
} shown[] = {
	{ 0, "1970-01-01 00:00:00.000000000",
	  "1970-01-01T00:00:00.000000000Z", "0", "0", "0" },
	{ -1, "1969-12-31 23:59:59.999999999",
	  "1969-12-31T23:59:59.999999999Z", "-0.000000001", "-0.000001",
	  "-1" },
	{ INT64_C(1777619289123456789), "2026-05-01 07:08:09.123456789",
	  "2026-05-01T07:08:09.123456789Z", "1777619289.123456789",
	  "1777619289123.456789", "1777619289123456789" },
	{ INT64_C(1777619289500000000), "2026-05-01 07:08:09.500000000",
	  "2026-05-01T07:08:09.500000000Z", "1777619289.5",
	  "1777619289500", "1777619289500000000" },
	{ INT64_C(951825599000100000), "2000-02-29 11:59:59.000100000",
	  "2000-02-29T11:59:59.000100000Z", "951825599.0001",
	  "951825599000.1", "951825599000100000" },
	{ INT64_MAX, "2262-04-11 23:47:16.854775807",
	  "2262-04-11T23:47:16.854775807Z", "9223372036.854775807",
	  "9223372036854.775807", "9223372036854775807" },
	{ INT64_MIN, "1677-09-21 00:12:43.145224192",
	  "1677-09-21T00:12:43.145224192Z", "-9223372036.854775808",
	  "-9223372036854.775808", "-9223372036854775808" },
};

#define NOW INT64_C(1777619289000000000)	/* 2026-05-01 07:08:09 */

static const struct {
	const char *s;
	int64_t	ns;
	bool	relative;
} arguments[] = {
	{ "now", NOW, true },
	{ "now+5m", NOW + 300 * S, true },
	{ "now-1h30m", NOW - 5400 * S, true },
	{ "now-0", NOW, true },
	{ "1h", NOW - 3600 * S, true },
	{ "-1h", NOW - 3600 * S, true },
	{ "250ms", NOW - 250000000, true },
	{ "2026-05-01", INT64_C(1777593600000000000), false },
	{ "2026-05-01T09:08:09+02:00", NOW, false },
	{ "0", 0, false },
	{ "2026", 2026 * S, false },
	{ "-5", -5 * S, false },
	{ "-1.5", -1500000000, false },
	{ "1777619289", NOW, false },
	{ "1777619289.25", NOW + 250000000, false },
	{ "0001777619289", NOW, false },
	{ "9223372036", 9223372036 * S, false },
	{ "100000000000", INT64_C(100000000000) * 1000000, false },
	{ "1777619289000", NOW, false },
	{ "1777619289000.000001", NOW + 1, false },
	{ "9223372036854", INT64_C(9223372036854) * 1000000, false },
	{ "100000000000000", INT64_C(100000000000000) * 1000, false },
	{ "1777619289000000", NOW, false },
	{ "99999999999999999", 0, false },	/* see below */
	{ "100000000000000000", INT64_C(100000000000000000), false },
	{ "1777619289000000000", NOW, false },
	{ "-100000000000000000", INT64_C(-100000000000000000), false },
};

static const struct {
	const char *s, *reason;
} not_arguments[] = {
	{ "", "not a time: " },
	{ "yesterday", "not a time: yesterday" },
	{ "now5m", "not a time: now5m" },
	{ "now+", "not a time: now+" },
	{ "now + 5m", "not a time: now + 5m" },
	{ "+1h", "not a time: +1h" },
	{ "--1h", "not a time: --1h" },
	{ "-", "not a time: -" },
	{ "2026-05", "not a time: 2026-05" },
	{ "2026-02-29", "no such date or time: 2026-02-29" },
	{ "2026-05-01 24:00", "no such date or time: 2026-05-01 24:00" },
	{ "10000000000", "outside 1677-09-21 to 2262-04-11: 10000000000" },
	{ "now+100000d", "outside 1677-09-21 to 2262-04-11: now+100000d" },
	{ "now-200000w", "outside 1677-09-21 to 2262-04-11: now-200000w" },
	{ "1.1234567891", "fraction finer than a nanosecond: 1.1234567891" },
	{ "1777619289123456789.5", "fraction finer than a nanosecond: "
	  "1777619289123456789.5" },
};

static void
test_scan(void)
{
	int64_t t;
	size_t i;

	for (i = 0; i < N(good); i++) {
		t = 42;
		is_int(time_scan_civil(good[i].s, strlen(good[i].s), &t),
		    TIME_OK, "%s is a time", good[i].s);
		is_int(t, good[i].ns, "the right one");
	}
	for (i = 0; i < N(refused); i++)
		is_int(time_scan_civil(refused[i].s, strlen(refused[i].s),
		    &t), refused[i].st, "refused: `%s'", refused[i].s);
	for (i = 0; i < N(numbers); i++) {
		t = ~numbers[i].ns;
		is_int(time_scan_number(numbers[i].s, strlen(numbers[i].s),
		    numbers[i].unit, &t), numbers[i].st, "`%s' in %lld ns",
		    numbers[i].s, (long long)numbers[i].unit);
		if (numbers[i].st == TIME_OK)
			is_int(t, numbers[i].ns, "its value");
	}
}

/* What is no digit, at each place of the fast paths. */
static void
test_not_digits(void)
{
	static const char foreign[] = "/:;? @Jpi\x01\x10\xb0\xb5\xff";
	bool numbers_right = true, times_right = true;
	char text[32];
	size_t at, i;
	int64_t t;

	for (i = 0; i < sizeof(foreign); i++) {
		for (at = 0; at < 19; at++) {
			memcpy(text, "1777619289123456789", 19);
			text[at] = foreign[i];
			if (time_scan_number(text, 19, 1, &t) != TIME_SYNTAX)
				numbers_right = false;
		}
		for (at = 0; at < 29; at++) {
			memcpy(text, "2026-05-01 07:08:09.123456789", 29);
			if (text[at] == foreign[i])
				continue;
			text[at] = foreign[i];
			if (time_scan_civil(text, 29, &t) != TIME_SYNTAX)
				times_right = false;
		}
	}
	ok(numbers_right, "19 digits must be digits");
	ok(times_right, "and so must those of a date");
}

static void
test_durations(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	char text[NTDB_TEXT_MAX];
	uint64_t bytes;
	int64_t ns;
	size_t i, n;

	for (i = 0; i < N(durations); i++) {
		is_int(duration_scan(durations[i].s, strlen(durations[i].s),
		    &ns), durations[i].st, "duration `%s'", durations[i].s);
		if (durations[i].st != TIME_OK)
			continue;
		is_int(ns, durations[i].ns, "its length");
		n = duration_format(ns, text);
		is_mem(text, n, durations[i].shown,
		    strlen(durations[i].shown), "its text");
	}
	n = duration_format(-5400 * S, text);
	is_mem(text, n, "-1h30m", 6, "a negative duration as text");
	n = duration_format(INT64_MIN, text);
	is_mem(text, n, "-106751d23h47m16s854ms775us808ns", 32, "the least");

	for (i = 0; i < N(sizes); i++) {
		bytes = 0;
		ok(size_scan(sizes[i].s, strlen(sizes[i].s), &bytes) ==
		    sizes[i].good, "size `%s'", sizes[i].s);
		if (sizes[i].good)
			is_u64(bytes, sizes[i].bytes, "its value");
	}

	is_int(ntdb_duration_scan("1h30m", &ns, &err), 0, "public scan");
	is_int(ns, 5400 * S, "its value");
	is_int(ntdb_duration_scan("1x", &ns, &err), NTDB_EUSAGE, "misuse");
	is_str(err.text, "not a duration (such as 30s or 1h30m): 1x",
	    "its reason");
}

static void
is_shown(int64_t t, enum ntdb_time_style style, const char *want)
{
	char text[NTDB_TEXT_MAX];
	size_t n = ntdb_time_format(t, style, text);

	is_mem(text, n, want, strlen(want), "%lld as %s", (long long)t,
	    want);
}

static void
test_arguments(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	bool relative;
	int64_t t;
	size_t i;

	for (i = 0; i < N(arguments); i++) {
		/* Seventeen nines are microseconds beyond the range. */
		if (strlen(arguments[i].s) == 17 && arguments[i].s[0] == '9') {
			is_int(ntdb_time_scan(arguments[i].s, NOW, &t, NULL,
			    NULL), NTDB_EUSAGE, "microseconds out of range");
			continue;
		}
		is_int(ntdb_time_scan(arguments[i].s, NOW, &t, &relative,
		    NULL), 0, "argument `%s'", arguments[i].s);
		is_int(t, arguments[i].ns, "its time");
		ok(relative == arguments[i].relative, "relative or not");
	}
	for (i = 0; i < N(not_arguments); i++) {
		err = (struct ntdb_error)NTDB_ERROR_INIT;
		is_int(ntdb_time_scan(not_arguments[i].s, NOW, &t, NULL,
		    &err), NTDB_EUSAGE, "no time: `%s'", not_arguments[i].s);
		is_str(err.text, not_arguments[i].reason, "its reason");
	}
	is_int(ntdb_time_scan("now-1ns", INT64_MIN, &t, NULL, NULL),
	    NTDB_EUSAGE, "before the first time");
	is_int(ntdb_time_scan("now+1ns", INT64_MAX, &t, NULL, NULL),
	    NTDB_EUSAGE, "after the last time");
}

/* Days one after the other through all years, counted by the table. */
static void
test_calendar(void)
{
	static const int length[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	int64_t day = -135140, y, year;	/* 1600-01-01, from Python */
	int m, d, month, dom, last;
	bool right = true;

	for (y = 1600; y < 2400; y++) {
		for (m = 1; m <= 12; m++) {
			last = length[m - 1] + (m == 2 && y % 4 == 0 &&
			    (y % 100 != 0 || y % 400 == 0));
			for (d = 1; d <= last; d++, day++) {
				civil_from_days(day, &year, &month, &dom);
				if (year != y || month != m || dom != d ||
				    days_from_civil(y, m, d) != day)
					right = false;
			}
		}
	}
	ok(right, "each day from 1600 to 2399");
	is_int(day, 157054, "2400-01-01");
	is_int(days_from_civil(0, 3, 1), -719468, "0000-03-01");
	is_int(days_from_civil(-400, 3, 1), -719468 - 146097, "-0400-03-01");
	civil_from_days(-719468 - 146097 - 1, &year, &month, &dom);
	ok(year == -400 && month == 2 && dom == 29, "-0400-02-29");

	is_int(day_of_ns(0), 0, "the first day");
	is_int(day_of_ns(-1), -1, "the day before");
	is_int(day_of_ns(NS_PER_DAY - 1), 0, "its last nanosecond");
	is_int(day_of_ns(NS_PER_DAY), 1, "the day after");
	is_int(day_of_ns(-NS_PER_DAY), -1, "the first of the day before");
	is_int(day_of_ns(-NS_PER_DAY - 1), -2, "two days before");
	is_int(day_of_ns(INT64_MIN), -106752, "the least day");
	is_int(day_of_ns(INT64_MAX), 106751, "the greatest day");
}

static uint64_t seed;

/* splitmix64, Steele and others 2014. */
static uint64_t
random_u64(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Whether a time comes back from its text in each style. */
static bool
comes_back(int64_t t)
{
	char text[NTDB_TEXT_MAX];
	int64_t r;
	size_t n;

	n = ntdb_time_format(t, NTDB_TIME_HUMAN, text);
	if (n != 29 || time_scan_civil(text, n, &r) != TIME_OK || r != t)
		return false;
	n = ntdb_time_format(t, NTDB_TIME_RFC3339, text);
	if (n != 30 || time_scan_civil(text, n, &r) != TIME_OK || r != t)
		return false;
	n = ntdb_time_format(t, NTDB_TIME_S, text);
	if (time_scan_number(text, n, S, &r) != TIME_OK || r != t)
		return false;
	n = ntdb_time_format(t, NTDB_TIME_MS, text);
	if (time_scan_number(text, n, 1000000, &r) != TIME_OK || r != t)
		return false;
	n = ntdb_time_format(t, NTDB_TIME_NS, text);
	return time_scan_number(text, n, 1, &r) == TIME_OK && r == t;
}

static bool
duration_comes_back(int64_t d)
{
	char text[NTDB_TEXT_MAX];
	int64_t r;

	return duration_scan(text, duration_format(d, text), &r) ==
	    TIME_OK && r == d;
}

static void
test_round_trip(void)
{
	const char *given = getenv("NTDB_TEST_SEED");
	bool times = true, lengths = true;
	uint64_t u;
	int64_t t;
	int i;

	seed = given != NULL ? strtoull(given, NULL, 0) :
	    (uint64_t)time(NULL);
	diag("seed %llu (NTDB_TEST_SEED)", (unsigned long long)seed);
	for (i = 0; i < 100000; i++) {
		u = random_u64();
		memcpy(&t, &u, sizeof(t));
		t = t / (i % 3 == 0 ? 1 : i % 3 == 1 ? 1000000 : S * 100);
		if (i % 3 == 1)
			t *= 1000000;
		if (!comes_back(t)) {
			times = false;
			diag("%lld", (long long)t);
		}
		u >>= 1 + i % 60;
		if (!duration_comes_back((int64_t)u))
			lengths = false;
	}
	ok(times, "random times come back");
	ok(lengths, "random durations come back");
}

int
main(void)
{
	size_t i;

	plan_later();
	test_scan();
	test_not_digits();
	test_durations();
	for (i = 0; i < N(shown); i++) {
		is_shown(shown[i].t, NTDB_TIME_HUMAN, shown[i].human);
		is_shown(shown[i].t, NTDB_TIME_RFC3339, shown[i].rfc3339);
		is_shown(shown[i].t, NTDB_TIME_S, shown[i].s);
		is_shown(shown[i].t, NTDB_TIME_MS, shown[i].ms);
		is_shown(shown[i].t, NTDB_TIME_NS, shown[i].ns);
	}
	test_arguments();
	test_calendar();
	test_round_trip();
	return done_testing();
}
