/*
 * Times, durations and sizes.  Input: a byte that says what, then text; or
 * eight bytes, a number of nanoseconds.
 *
 *   - A time is what the C library makes of the same fields.
 *   - Every time and duration reads back from each of its texts.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "fuzz.h"
#include "partition.h"
#include "timefmt.h"

static const enum ntdb_time_style styles[] = {
	NTDB_TIME_HUMAN, NTDB_TIME_RFC3339, NTDB_TIME_S, NTDB_TIME_MS,
	NTDB_TIME_NS
};

/* The C library's opinion: YYYY-MM-DD HH:MM:SS of a time. */
static void
check_fields(int64_t t)
{
	int64_t s = t / NS_PER_S - (t % NS_PER_S < 0);
	char want[64], got[NTDB_TEXT_MAX];
	time_t secs = (time_t)s;
	struct tm tm;

	must(gmtime_r(&secs, &tm) != NULL);
	must(strftime(want, sizeof(want), "%Y-%m-%d %H:%M:%S.", &tm) == 20);
	must(ntdb_time_format(t, NTDB_TIME_HUMAN, got) == 29);
	must(memcmp(got, want, 20) == 0);
	must(day_of_ns(t) == (s - ((s % 86400) + 86400) % 86400) / 86400);
}

static void
check_partitions(int64_t t)
{
	int64_t first, last;
	struct partition p, again;
	char name[PARTITION_NAME_MAX];
	int kind;

	for (kind = PART_DAY; kind <= PART_FOREVER; kind++) {
		p = partition_of((enum partition_kind)kind, t);
		partition_span(p, &first, &last);
		must(first <= t && t <= last);
		partition_name(p, name);
		must(partition_scan(name, &again));
		must(partition_compare(p, again) == 0);
	}
}

static void
check_time(int64_t t)
{
	char text[NTDB_TEXT_MAX + 1];
	bool relative = true;
	int64_t back = 0;
	size_t i, n;

	check_fields(t);
	check_partitions(t);
	for (i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		n = ntdb_time_format(t, styles[i], text);
		must(n < NTDB_TEXT_MAX);
		switch (styles[i]) {
		case NTDB_TIME_S:
			must(time_scan_number(text, n, NS_PER_S, &back) == 0);
			break;
		case NTDB_TIME_MS:
			must(time_scan_number(text, n, 1000000, &back) == 0);
			break;
		case NTDB_TIME_NS:
			must(time_scan_number(text, n, 1, &back) == 0);
			break;
		default:
			must(time_scan_civil(text, n, &back) == TIME_OK);
			text[n] = '\0';
			must(ntdb_time_scan(text, 0, &back, &relative,
			    NULL) == 0);
			must(!relative);
		}
		must(back == t);
	}
}

static void
check_duration(int64_t ns)
{
	char text[2 * NTDB_TEXT_MAX + 1];
	size_t n = duration_format(ns, text);
	int64_t back;

	text[n] = '\0';
	must(n < NTDB_TEXT_MAX);
	if (ns < 0)
		return;
	must(duration_scan(text, n, &back) == TIME_OK && back == ns);
	must(ntdb_duration_scan(text, &back, NULL) == 0 && back == ns);
}

static void
scan_size(const char *s, size_t len)
{
	static const char units[] = "KMGT";
	uint64_t v, again;
	char text[NTDB_TEXT_MAX];
	int i;

	if (!size_scan(s, len, &v))
		return;
	/* By any unit that divides it. */
	for (i = 0; i < 4 && v % 1024 == 0; i++) {
		v /= 1024;
		len = ntdb_int_format((int64_t)(v & INT64_MAX), text);
		memcpy(text + len, "?iB", 3);
		text[len] = units[i];
		must(size_scan(text, len + 3, &again));
		must(again >> 10 * (i + 1) == (v & INT64_MAX));
	}
}

/* As options of programs have it: any form. */
static void
scan_any(const char *s, int64_t now)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	bool relative;
	int64_t t;

	if (ntdb_time_scan(s, now, &t, &relative, &err) == 0)
		check_time(t);
	else
		must(err.code == NTDB_EUSAGE && err.text[0] != '\0');
	err.code = 0;
	if (ntdb_duration_scan(s, &t, &err) == 0) {
		must(t >= 0);
		check_duration(t);
	} else {
		must(err.code == NTDB_EUSAGE && err.text[0] != '\0');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t units[] = { 1, 1000, 1000000, NS_PER_S };
	enum time_status st;
	size_t len = size - 1;
	char *text;
	int64_t t;

	if (size == 0)
		return 0;
	text = fuzz_alloc(size);
	memcpy(text, data + 1, len);
	switch (data[0] % 8) {
	case 0:
		st = time_scan_civil(text, len, &t);
		must(time_status_text(st) != NULL);
		if (st == TIME_OK)
			check_time(t);
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		st = time_scan_number(text, len, units[data[0] % 8 - 1], &t);
		must(time_status_text(st) != NULL);
		if (st == TIME_OK)
			check_time(t);
		break;
	case 5:
		text[len] = '\0';
		scan_any(text, INT64_C(1790000000000000000));
		break;
	case 6:
		scan_size(text, len);
		break;
	default:
		if (len < 8)
			break;
		t = as_i64(get_u64((const uint8_t *)text));
		check_time(t);
		check_duration(t);
	}
	free(text);
	return 0;
}
