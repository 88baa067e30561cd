#include <string.h>

#include "line.h"
#include "timefmt.h"

/* Bare timestamps outside 1980 ... 2200 are taken for another unit. */
#define PLAUSIBLE_MIN INT64_C(315532800000000000)
#define PLAUSIBLE_MAX INT64_C(7289654400000000000)

#define DATE_LEN 10		/* YYYY-MM-DD */
#define CIVIL_MAX 64		/* no date with a time is longer */

struct word {
	const char *s;
	size_t	len;
};

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the word at p: a blank or the newline. */
static inline const char *
word_end(const char *p)
{
	/* Nearly all bytes are above the blank: one comparison each. */
	for (;; p++) {
		if ((unsigned char)*p > ' ')
			continue;
		if (is_blank(*p) || *p == '\n')
			return p;
	}
}

static const char *
line_end(const char *p)
{
	while (*p != '\n')
		p++;
	return p;
}

/*
 * Split the line at p into at most max words; returns their number, max + 1
 * if there are more, and sets *end to its newline.
 */
static int
split(const char *p, struct word *words, int max, const char **end)
{
	int n = 0;

	for (;;) {
		const char *q;

		while (is_blank(*p))
			p++;
		if (*p == '\n')
			break;
		q = word_end(p);
		if (n == max) {
			n++;
			p = line_end(q);
			break;
		}
		words[n].s = p;
		words[n].len = (size_t)(q - p);
		n++;
		p = q;
	}
	*end = p;
	/* A carriage return belongs to the line's end. */
	if (n > 0 && n <= max && words[n - 1].s[words[n - 1].len - 1] == '\r'
	    && words[n - 1].s + words[n - 1].len == p &&
	    --words[n - 1].len == 0)
		n--;
	return n;
}

static enum line_kind
bad(struct line *line, enum ntdb_refusal why, const char *reason)
{
	line->why = why;
	line->reason = reason;
	return LINE_BAD;
}

static const char *
number_reason(enum number_status st)
{
	switch (st) {
	case NUMBER_INT_RANGE:
		return "integer out of range";
	case NUMBER_FLOAT_RANGE:
		return "number out of range";
	case NUMBER_UNDERFLOW:
		return "number underflows to 0";
	case NUMBER_NOT_INT:
		return "suffix i on a number that is no integer";
	default:
		return "not a number";
	}
}

static const int64_t unit_ns[] = { 1, 1000000000, 1000000, 1000, 1 };

static const char *
implausible(enum ntdb_unit unit)
{
	static const char *const text[] = {
		"not between 1980 and 2200 in nanoseconds (see -p)",
		"not between 1980 and 2200 in seconds (see -p)",
		"not between 1980 and 2200 in milliseconds (see -p)",
		"not between 1980 and 2200 in microseconds (see -p)",
		"out of range",
	};

	return text[unit];
}

/* Whether the word begins as a date does: four digits and a hyphen. */
static bool
is_civil(struct word w)
{
	return w.len >= DATE_LEN && w.s[4] == '-';
}

/* A bare number in the unit in force. */
static enum line_kind
scan_number(struct word w, enum ntdb_unit unit, struct line *line)
{
	enum time_status st;

	st = time_scan_number(w.s, w.len, unit_ns[unit], &line->t_ns);
	if (st == TIME_RANGE)
		return bad(line, NTDB_REFUSE_TIME, implausible(unit));
	if (st != TIME_OK)
		return bad(line, NTDB_REFUSE_TIME, time_status_text(st));
	if (unit != NTDB_UNIT_NS && (line->t_ns < PLAUSIBLE_MIN ||
	    line->t_ns >= PLAUSIBLE_MAX))
		return bad(line, NTDB_REFUSE_TIME, implausible(unit));
	return LINE_SAMPLE;
}

/* A date, with its time in the same word or in the one after it. */
static enum line_kind
scan_civil(const struct word *w, int n, struct line *line)
{
	char joined[CIVIL_MAX];
	const char *s = w[0].s;
	size_t len = w[0].len;
	enum time_status st;

	if (n == 2) {
		if (len != DATE_LEN || len + 1 + w[1].len > sizeof(joined))
			return bad(line, NTDB_REFUSE_SYNTAX,
			    "more than three words");
		memcpy(joined, s, len);
		joined[len] = 'T';
		memcpy(joined + len + 1, w[1].s, w[1].len);
		s = joined;
		len += 1 + w[1].len;
	}
	st = time_scan_civil(s, len, &line->t_ns);
	if (st != TIME_OK)
		return bad(line, NTDB_REFUSE_TIME, time_status_text(st));
	return LINE_SAMPLE;
}

enum line_kind
line_scan(const char *p, enum ntdb_unit unit, struct line *line,
    const char **next)
{
	struct word w[5];
	enum number_status st;
	const char *end;
	int n;

	if (*p == '#') {
		*next = line_end(p) + 1;
		return LINE_BLANK;
	}
	n = split(p, w, 5, &end);
	*next = end + 1;
	line->text = p;
	line->len = (uint32_t)(end - p);
	if (line->len > 0 && end[-1] == '\r')
		line->len--;
	if (n == 0)
		return LINE_BLANK;
	line->target = w[0].s;
	line->target_len = (uint32_t)w[0].len;
	if (line->len > LINE_MAX_LEN)
		return bad(line, NTDB_REFUSE_SYNTAX,
		    "line is longer than 64 KiB");
	if (n == 1)
		return bad(line, NTDB_REFUSE_SYNTAX, "no value");
	if (n > 4 || (n == 4 && !is_civil(w[2])))
		return bad(line, NTDB_REFUSE_SYNTAX, "more than three words");
	st = number_scan(w[1].s, w[1].len, &line->value);
	if (st != NUMBER_OK)
		return bad(line, NTDB_REFUSE_VALUE, number_reason(st));
	line->has_time = n > 2;
	if (!line->has_time)
		return LINE_SAMPLE;
	if (is_civil(w[2]))
		return scan_civil(w + 2, n - 2, line);
	return scan_number(w[2], unit, line);
}
