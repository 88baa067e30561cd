#include <string.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "text.h"
#include "timefmt.h"

/* What int64 nanoseconds hold: this many seconds before and after 1970. */
#define MIN_S (INT64_MIN / NS_PER_S - 1)
#define MAX_S (INT64_MAX / NS_PER_S)
#define MAX_MAGNITUDE ((uint64_t)1 << 63)

/*
 * Eight digits at once.  The digits of each pair, then of each pair of
 * pairs, are joined side by side in one word (SWAR; Lemire, "Number parsing
 * at a gigabyte per second", 2021).
 */
static inline bool
scan8(const char *p, uint64_t *v)
{
	const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
	const uint64_t low4 = UINT64_C(0x000000ff000000ff);
	uint64_t w = get_u64((const uint8_t *)p);

	if (((w & high) | ((w + UINT64_C(0x0606060606060606)) & high) >> 4) !=
	    UINT64_C(0x3333333333333333))
		return false;
	w -= UINT64_C(0x3030303030303030);
	w = w * 10 + (w >> 8);
	*v = ((w & low4) * (100 + (UINT64_C(1000000) << 32)) +
	    (w >> 16 & low4) * (1 + (UINT64_C(10000) << 32))) >> 32;
	return true;
}

/* Exactly two digits. */
static inline bool
take_pair(struct text *t, int *v)
{
	unsigned tens, ones;

	if (t->end - t->at < 2)
		return false;
	tens = (unsigned)(unsigned char)t->at[0] - '0';
	ones = (unsigned)(unsigned char)t->at[1] - '0';
	if (tens > 9 || ones > 9)
		return false;
	*v = (int)(tens * 10 + ones);
	t->at += 2;
	return true;
}

/*
 * One or more digits after a point, as a number of 10^-places; a longer
 * fraction is read to its end, and *too_long set.
 */
static bool
take_fraction(struct text *t, unsigned places, uint64_t *v, bool *too_long)
{
	const char *first = t->at;
	unsigned n = 0;

	*v = 0;
	if (places == 9 && t->end - t->at >= 8 && scan8(t->at, v)) {
		t->at += 8;
		n = 8;
	}
	for (; t->at < t->end && is_digit(*t->at); t->at++) {
		if (n == places) {
			*too_long = true;
			continue;
		}
		*v = *v * 10 + (uint64_t)(*t->at - '0');
		n++;
	}
	*v *= (uint64_t)dec_pow10_i64[places - n];
	return t->at > first;
}

struct civil {
	int	year, month, day, hour, minute, second;
	int	zone_sign, zone_hour, zone_minute;
	uint64_t frac;
	bool	too_long;
};

/* Z, z, +HH:MM or -HH:MM. */
static bool
take_zone(struct text *t, struct civil *c)
{
	if (take_char(t, 'Z') || take_char(t, 'z'))
		return true;
	if (take_char(t, '+'))
		c->zone_sign = 1;
	else if (take_char(t, '-'))
		c->zone_sign = -1;
	else
		return false;
	return take_pair(t, &c->zone_hour) && take_char(t, ':') &&
	    take_pair(t, &c->zone_minute);
}

static bool
scan_civil_fields(struct text *t, struct civil *c)
{
	int century, year;

	if (!take_pair(t, &century) || !take_pair(t, &year) ||
	    !take_char(t, '-') || !take_pair(t, &c->month) ||
	    !take_char(t, '-') || !take_pair(t, &c->day))
		return false;
	c->year = century * 100 + year;
	if (t->at == t->end)
		return true;
	if (*t->at != ' ' && *t->at != 'T' && *t->at != 't')
		return false;
	t->at++;
	if (!take_pair(t, &c->hour))
		return false;
	if (!take_char(t, ':'))
		return t->at == t->end;
	if (!take_pair(t, &c->minute))
		return false;
	if (!take_char(t, ':'))
		return t->at == t->end;
	if (!take_pair(t, &c->second))
		return false;
	if (take_char(t, '.') &&
	    !take_fraction(t, 9, &c->frac, &c->too_long))
		return false;
	return t->at == t->end || (take_zone(t, c) && t->at == t->end);
}

static int
days_in_month(int year, int month)
{
	static const uint8_t days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	if (month == 2 && year % 4 == 0 &&
	    (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static bool
civil_exists(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	    c->day <= days_in_month(c->year, c->month) && c->hour <= 23 &&
	    c->minute <= 59 && c->second <= 59 && c->zone_hour <= 23 &&
	    c->zone_minute <= 59;
}

enum time_status
time_scan_civil(const char *s, size_t len, int64_t *t_ns)
{
	struct text t = { s, s + len };
	struct civil c;
	int64_t secs, frac;

	memset(&c, 0, sizeof(c));
	if (!scan_civil_fields(&t, &c))
		return TIME_SYNTAX;
	if (c.too_long)
		return TIME_FRACTION;
	if (!civil_exists(&c))
		return TIME_FIELD;
	secs = days_from_civil(c.year, c.month, c.day) * 86400 +
	    c.hour * 3600 + c.minute * 60 + c.second -
	    c.zone_sign * (c.zone_hour * 3600 + c.zone_minute * 60);
	frac = (int64_t)c.frac;
	if (secs < MIN_S || secs > MAX_S)
		return TIME_RANGE;

	/* The first second begins, and the last ends, outside the range. */
	if (secs < 0) {
		secs++;
		frac -= NS_PER_S;
	}
	if ((secs == MAX_S && frac > INT64_MAX % NS_PER_S) ||
	    (secs == MIN_S + 1 && frac < INT64_MIN % NS_PER_S))
		return TIME_RANGE;
	*t_ns = secs * NS_PER_S + frac;
	return TIME_OK;
}

static enum time_status
set_signed(bool negative, uint64_t magnitude, int64_t *t_ns)
{
	if (magnitude > MAX_MAGNITUDE - !negative)
		return TIME_RANGE;
	*t_ns = as_i64(negative ? 0 - magnitude : magnitude);
	return TIME_OK;
}

/* The number of decimal digits of a unit: 0 for 1 ns ... 9 for 1 s. */
static unsigned
unit_places(int64_t unit_ns)
{
	unsigned n;

	for (n = 0; n < 9 && dec_pow10_i64[n] < unit_ns; n++)
		;
	return n;
}

static enum time_status
scan_any_number(struct text t, int64_t unit_ns, int64_t *t_ns)
{
	bool negative = take_char(&t, '-'), too_large = false;
	bool too_long = false;
	unsigned places = unit_places(unit_ns);
	uint64_t whole, frac = 0, unit = (uint64_t)unit_ns;

	if (!negative)
		take_char(&t, '+');
	if (t.at == t.end || !is_digit(*t.at))
		return TIME_SYNTAX;
	whole = take_whole(&t, &too_large);
	if (take_char(&t, '.') &&
	    !take_fraction(&t, places, &frac, &too_long))
		return TIME_SYNTAX;
	if (t.at != t.end)
		return TIME_SYNTAX;
	if (too_long)
		return TIME_FRACTION;
	if (too_large || whole > MAX_MAGNITUDE / unit)
		return TIME_RANGE;
	return set_signed(negative, whole * unit + frac, t_ns);
}

enum time_status
time_scan_number(const char *s, size_t len, int64_t unit_ns, int64_t *t_ns)
{
	struct text t = { s, s + len };
	uint64_t a, b;

	/* Unix nanoseconds between 2001 and 2262 have 19 digits. */
	if (len == 19 && unit_ns == 1 && scan8(s, &a) && scan8(s + 8, &b) &&
	    is_digit(s[16]) && is_digit(s[17]) && is_digit(s[18]))
		return set_signed(false, a * UINT64_C(100000000000) + b * 1000 +
		    (uint64_t)((s[16] - '0') * 100 + (s[17] - '0') * 10 +
		    (s[18] - '0')), t_ns);
	return scan_any_number(t, unit_ns, t_ns);
}

const char *
time_status_text(enum time_status st)
{
	switch (st) {
	case TIME_OK:
		return "no error";
	case TIME_RANGE:
		return "outside 1677-09-21 to 2262-04-11";
	case TIME_FIELD:
		return "no such date or time";
	case TIME_FRACTION:
		return "fraction finer than a nanosecond";
	case TIME_SYNTAX:
	default:
		return "not a time";
	}
}

/* The unit that the magnitude of a number of Unix time tells. */
static int64_t
guess_unit(const char *s)
{
	size_t n = 0;

	if (*s == '-' || *s == '+')
		s++;
	while (*s == '0')
		s++;
	while (is_digit(s[n]))
		n++;
	return n <= 11 ? NS_PER_S : n <= 14 ? 1000000 : n <= 17 ? 1000 : 1;
}

/* now, now+DUR, now-DUR, DUR or -DUR. */
static enum time_status
scan_relative(const char *s, int64_t now_ns, int64_t *t_ns)
{
	bool later = false;
	enum time_status st;
	int64_t d;

	if (strcmp(s, "now") == 0) {
		*t_ns = now_ns;
		return TIME_OK;
	}
	if (strncmp(s, "now", 3) == 0) {
		s += 3;
		later = *s == '+';
		if (!later && *s != '-')
			return TIME_SYNTAX;
		s++;
	} else if (*s == '-') {
		s++;
	}
	if ((st = duration_scan(s, strlen(s), &d)) != TIME_OK)
		return st;
	if (later ? now_ns > INT64_MAX - d : now_ns < INT64_MIN + d)
		return TIME_RANGE;
	*t_ns = later ? now_ns + d : now_ns - d;
	return TIME_OK;
}

int
ntdb_time_scan(const char *text, int64_t now_ns, int64_t *t_ns,
    bool *relative, struct ntdb_error *err)
{
	size_t len = strlen(text);
	enum time_status st;
	bool rel = false;

	/* The forms exclude each other, but that 0 is a number, not a
	 * duration. */
	st = time_scan_civil(text, len, t_ns);
	if (st == TIME_SYNTAX)
		st = time_scan_number(text, len, guess_unit(text), t_ns);
	if (st == TIME_SYNTAX) {
		st = scan_relative(text, now_ns, t_ns);
		rel = st == TIME_OK;
	}
	if (st != TIME_OK)
		return err_set(err, NTDB_EUSAGE, "%s: %.64s",
		    time_status_text(st), text);
	if (relative != NULL)
		*relative = rel;
	return 0;
}
