#include <string.h>

#include "number.h"
#include "timefmt.h"

/* A whole number of eras of 400 years that makes all those days positive. */
#define DAYS_PER_ERA 146097
#define ERA_BIAS 5
#define DAYS_0000_TO_1970 719468	/* from 0000-03-01 */

/*
 * Howard Hinnant, "chrono-compatible low-level date algorithms": years begin
 * in March, so that the leap day is the last one, and come in eras of 400.
 */
int64_t
days_from_civil(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * DAYS_PER_ERA + doe - DAYS_0000_TO_1970;
}

/* The date of a day of an era; the year is that of the era, 0 to 400. */
static inline uint32_t
date_of_era(uint32_t doe, int *month, int *day)
{
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	return yoe + (mp >= 10);
}

void
civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + DAYS_0000_TO_1970;
	int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;

	*year = era * 400 +
	    date_of_era((uint32_t)(z - era * DAYS_PER_ERA), month, day);
}

/* Seconds since 1970, rounded down, and the nanoseconds above them. */
static inline int64_t
split_s(int64_t t_ns, uint32_t *frac)
{
	int64_t s = t_ns / NS_PER_S, r = t_ns - s * NS_PER_S;

	if (r < 0) {
		r += NS_PER_S;
		s--;
	}
	*frac = (uint32_t)r;
	return s;
}

int64_t
day_of_ns(int64_t t_ns)
{
	int64_t day = t_ns / NS_PER_DAY;

	return t_ns < day * NS_PER_DAY ? day - 1 : day;
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

static inline void
put2(char *p, uint32_t v)
{
	memcpy(p, pairs + 2 * v, 2);
}

static inline void
put4(char *p, uint32_t v)
{
	put2(p, v / 100);
	put2(p + 2, v % 100);
}

static inline void
put9(char *p, uint32_t v)
{
	uint32_t high = v / 10000, low = v % 10000, top = high / 10000;

	p[0] = (char)('0' + top);
	put4(p + 1, high - top * 10000);
	put4(p + 5, low);
}

/* YYYY-MM-DDxHH:MM:SS.nnnnnnnnn, 29 bytes. */
static void
put_civil(int64_t t_ns, char middle, char *p)
{
	const int64_t bias = (int64_t)ERA_BIAS * DAYS_PER_ERA;
	uint32_t frac, days, rest, era, year;
	uint64_t s;
	int month, day;

	/* 86400 is 675 * 128: after the shift 32 bits are enough. */
	s = (uint64_t)(split_s(t_ns, &frac) + bias * 86400);
	days = (uint32_t)(s >> 7) / 675;
	rest = (uint32_t)(s - (uint64_t)days * 86400);
	days += DAYS_0000_TO_1970;
	era = days / DAYS_PER_ERA;
	year = date_of_era(days - era * DAYS_PER_ERA, &month, &day);

	put4(p, (era - ERA_BIAS) * 400 + year);
	p[4] = '-';
	put2(p + 5, (uint32_t)month);
	p[7] = '-';
	put2(p + 8, (uint32_t)day);
	p[10] = middle;
	put2(p + 11, rest / 3600);
	p[13] = ':';
	put2(p + 14, rest / 60 % 60);
	p[16] = ':';
	put2(p + 17, rest % 60);
	p[19] = '.';
	put9(p + 20, frac);
}

/* A time in units of 10^digits ns, with as much of a fraction as it has. */
static size_t
put_units(int64_t t_ns, unsigned digits, char *buf)
{
	uint64_t u = t_ns < 0 ? 0 - (uint64_t)t_ns : (uint64_t)t_ns;
	uint64_t unit = (uint64_t)dec_pow10_i64[digits], whole = u / unit;
	uint32_t frac = (uint32_t)(u - whole * unit);
	char nine[9];
	size_t n = 0;

	if (t_ns < 0)
		buf[n++] = '-';
	n += number_format_u64(whole, buf + n);
	if (frac == 0)
		return n;
	put9(nine, frac);
	buf[n++] = '.';
	memcpy(buf + n, nine + 9 - digits, digits);
	n += digits;
	while (buf[n - 1] == '0')
		n--;
	return n;
}

size_t
ntdb_time_format(int64_t t_ns, enum ntdb_time_style style, char *buf)
{
	switch (style) {
	case NTDB_TIME_RFC3339:
		put_civil(t_ns, 'T', buf);
		buf[29] = 'Z';
		return 30;
	case NTDB_TIME_S:
		return put_units(t_ns, 9, buf);
	case NTDB_TIME_MS:
		return put_units(t_ns, 6, buf);
	case NTDB_TIME_NS:
		return number_format_i64(t_ns, buf);
	case NTDB_TIME_HUMAN:
	default:
		put_civil(t_ns, ' ', buf);
		return 29;
	}
}
