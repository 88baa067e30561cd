#include <string.h>

#include "partition.h"
#include "timefmt.h"

#define DAY_MIN INT64_C(-106752)	/* days of the first and last int64 */
#define DAY_MAX INT64_C(106751)

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct partition
partition_of(enum partition_kind kind, int64_t t_ns)
{
	struct partition p = { (uint32_t)kind, 0 };
	int64_t day = day_of_ns(t_ns), year;
	int month, mday;

	if (kind == PART_DAY) {
		p.start = (int32_t)day;
	} else if (kind != PART_FOREVER) {
		civil_from_days(day, &year, &month, &mday);
		p.start = (int32_t)(year - 1970);
		if (kind == PART_MONTH)
			p.start = p.start * 12 + month - 1;
	}
	return p;
}

/* The day that a partition begins with. */
static int64_t
first_day(struct partition p)
{
	switch (p.kind) {
	case PART_DAY:
		return p.start;
	case PART_MONTH:
		return days_from_civil(1970 + floor_div(p.start, 12),
		    (int)(p.start - 12 * floor_div(p.start, 12)) + 1, 1);
	default:
		return days_from_civil(1970 + (int64_t)p.start, 1, 1);
	}
}

void
partition_span(struct partition p, int64_t *first, int64_t *last)
{
	struct partition next = { p.kind, p.start + 1 };

	*first = INT64_MIN;
	*last = INT64_MAX;
	if (p.kind == PART_FOREVER)
		return;
	if (first_day(p) > DAY_MIN)
		*first = first_day(p) * NS_PER_DAY;
	if (first_day(next) <= DAY_MAX)
		*last = first_day(next) * NS_PER_DAY - 1;
}

/* Write a hyphen and the last n digits of a number; the end. */
static char *
put_number(char *p, unsigned v, int n)
{
	int i;

	*p = '-';
	for (i = n; i > 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n + 1;
}

void
partition_name(struct partition p, char name[PARTITION_NAME_MAX])
{
	char *end = name + 4;
	int64_t year;
	int month, mday;

	memcpy(name, "data", 4);
	if (p.kind == PART_FOREVER) {
		memcpy(end, "-forever.dat", sizeof("-forever.dat"));
		return;
	}
	civil_from_days(first_day(p), &year, &month, &mday);
	/* Years that no time reaches, of an unchecked partition, are no name
	 * that partition_scan takes. */
	end = put_number(end, year < 0 || year > 9999 ? 0 : (unsigned)year,
	    4);
	if (p.kind != PART_YEAR)
		end = put_number(end, (unsigned)month, 2);
	if (p.kind == PART_DAY)
		end = put_number(end, (unsigned)mday, 2);
	memcpy(end, ".dat", sizeof(".dat"));
}

/* Whether a partition holds any time that 64 bits reach. */
static bool
is_in_reach(struct partition p)
{
	struct partition next = { p.kind, p.start + 1 };

	return first_day(p) <= DAY_MAX && first_day(next) > DAY_MIN;
}

/* n digits at s as a number, or -1. */
static int
digits(const char *s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s++ - '0');
	}
	return v;
}

/* Whether the month has that day. */
static bool
is_day(int year, int month, int day)
{
	int64_t y;
	int m, d;

	civil_from_days(days_from_civil(year, month, day), &y, &m, &d);
	return d == day && m == month;
}

/*
 * data-YYYY[-MM[-DD]].dat, to the letter: listing a directory of many years
 * comes here for each of its files.
 */
bool
partition_scan(const char *name, struct partition *p)
{
	size_t len = strlen(name);
	int year, month = 1, day = 1;

	p->start = 0;
	if (len < 13 || memcmp(name, "data-", 5) != 0 ||
	    memcmp(name + len - 4, ".dat", 4) != 0)
		return false;
	if (len == 16 && memcmp(name + 5, "forever", 7) == 0) {
		p->kind = PART_FOREVER;
		return true;
	}
	if ((len != 13 && len != 16 && len != 19) ||
	    (len >= 16 && name[9] != '-') || (len == 19 && name[12] != '-'))
		return false;
	year = digits(name + 5, 4);
	if (len >= 16)
		month = digits(name + 10, 2);
	if (len == 19)
		day = digits(name + 13, 2);
	if (year < 1677 || year > 2262 || month < 1 || month > 12 || day < 1 ||
	    !is_day(year, month, day))
		return false;
	if (len == 19) {
		p->kind = PART_DAY;
		p->start = (int32_t)days_from_civil(year, month, day);
	} else if (len == 16) {
		p->kind = PART_MONTH;
		p->start = (year - 1970) * 12 + month - 1;
	} else {
		p->kind = PART_YEAR;
		p->start = year - 1970;
	}
	return is_in_reach(*p);
}

int
partition_compare(struct partition a, struct partition b)
{
	if (a.kind != b.kind)
		return a.kind < b.kind ? -1 : 1;
	return (a.start > b.start) - (a.start < b.start);
}
