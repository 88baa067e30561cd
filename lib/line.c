#include <string.h>

#include "bytes.h"
#include "line.h"
#include "timefmt.h"

/* Bare timestamps outside 1980 ... 2200 are taken for another unit. */
#define PLAUSIBLE_MIN INT64_C(315532800000000000)
#define PLAUSIBLE_MAX INT64_C(7289654400000000000)

#define DATE_LEN 10		/* YYYY-MM-DD */
#define CIVIL_MAX 64		/* no date with a time is longer */
#define EXPORTED_LEN 29		/* YYYY-MM-DD HH:MM:SS.nnnnnnnnn */

struct word {
	const char *s;
	size_t	len;
};

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of the first byte that is not above the blank; 0: none. */
static inline uint64_t
below_word(uint64_t eight)
{
	return (eight - ALL(0x21)) & ~eight & ALL(0x80);
}

/*
 * The end of the word at p: a blank or the newline, which stands before end.
 * Nearly all bytes are above the blank; they are passed over by eights.
 */
static inline const char *
word_end(const char *p, const char *end)
{
	for (;;) {
		if (end - p >= 8) {
			uint64_t found = below_word(
			    get_u64((const uint8_t *)p));

			if (found == 0) {
				p += 8;
				continue;
			}
			p += __builtin_ctzll(found) / 8;
		} else {
			while ((unsigned char)*p > ' ')
				p++;
		}
		if (is_blank(*p) || *p == '\n')
			return p;
		p++;
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
 * Split the line at p into at most max words, the first of which has that
 * length if it is not 0; returns their number, max + 1 if there are more, and
 * sets *nl to its newline.
 */
static int
split(const char *p, const char *end, uint32_t first, struct word *words,
    int max, const char **nl)
{
	int n = 0;

	if (first > 0) {
		words[n].s = p;
		words[n++].len = first;
		p += first;
	}
	for (;;) {
		while (is_blank(*p))
			p++;
		if (*p == '\n')
			break;
		if (n == max) {
			n++;
			p = line_end(p);
			break;
		}
		words[n].s = p;
		p = word_end(p, end);
		words[n].len = (size_t)(p - words[n].s);
		n++;
	}
	*nl = p;
	/* A carriage return belongs to the line's end. */
	if (n > 0 && n <= max && words[n - 1].s[words[n - 1].len - 1] == '\r'
	    && words[n - 1].s + words[n - 1].len == p &&
	    --words[n - 1].len == 0)
		n--;
	return n;
}

static inline enum line_kind
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

/* The time in the words from w on, unless it is that of the line before. */
static enum line_kind
scan_time(struct line_scanner *sc, const struct word *w, int n,
    struct line *line)
{
	enum line_kind kind;

	if (n == 1 && w->len == sc->time_len &&
	    bytes_equal(w->s, sc->time, w->len)) {
		line->t_ns = sc->t_ns;
		return LINE_SAMPLE;
	}
	if (is_civil(*w))
		return scan_civil(w, n, line);
	kind = scan_number(*w, sc->unit, line);
	if (kind == LINE_SAMPLE && w->len <= LINE_TIME_MAX) {
		memcpy(sc->time, w->s, w->len);
		sc->time_len = (uint8_t)w->len;
		sc->t_ns = line->t_ns;
	}
	return kind;
}

/* The seconds of an exported time, from SS.nnnnnnnnn; negative: it is none. */
static int64_t
scan_seconds(const char *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 12; i++) {
		unsigned d = (unsigned)(unsigned char)p[i] - '0';

		if (i == 2)
			continue;
		if (d > 9)
			return -1;
		v = 10 * v + d;
	}
	return v < UINT64_C(60000000000) && p[2] == '.' ? (int64_t)v : -1;
}

/*
 * A time in the form that exports have, and the end of its line.  What comes
 * before the seconds is mostly that of the line before.
 */
static bool
scan_exported(struct line_scanner *sc, const char *p, const char *end,
    int64_t *t_ns)
{
	const struct word w[2] = { { p, DATE_LEN },
	    { p + DATE_LEN + 1, EXPORTED_LEN - DATE_LEN - 1 } };
	struct line line;
	int64_t seconds;

	if (end - p <= EXPORTED_LEN || p[EXPORTED_LEN] != '\n' ||
	    p[DATE_LEN] != ' ' ||
	    (seconds = scan_seconds(p + LINE_MINUTE_LEN)) < 0)
		return false;
	if (sc->has_minute && memcmp(p, sc->minute, LINE_MINUTE_LEN) == 0) {
		*t_ns = sc->minute_ns + seconds;
		return true;
	}
	if (!is_civil(w[0]) || scan_civil(w, 2, &line) != LINE_SAMPLE ||
	    p[LINE_MINUTE_LEN - 1] != ':')
		return false;
	*t_ns = line.t_ns;
	/* Within these no second of the minute is out of range. */
	sc->has_minute = line.t_ns >= PLAUSIBLE_MIN &&
	    line.t_ns < PLAUSIBLE_MAX;
	if (sc->has_minute) {
		memcpy(sc->minute, p, LINE_MINUTE_LEN);
		sc->minute_ns = line.t_ns - seconds;
	}
	return true;
}

/*
 * A time that is not that of the line before, and the end of its line, which
 * is returned.  NULL: it is something else or bad.
 */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static const char *
scan_new_time(struct line_scanner *sc, const char *p, const char *end,
    struct line *line)
{
	const char *nl;
	struct word w;

	if (scan_exported(sc, p, end, &line->t_ns))
		return p + EXPORTED_LEN;
	nl = word_end(p, end);
	w.s = p;
	w.len = (size_t)(nl - p);
	if (*nl != '\n' || w.len == 0 ||
	    scan_time(sc, &w, 1, line) != LINE_SAMPLE)
		return NULL;
	return nl;
}

/*
 * What is at p, behind the target, if it is a value and a time of one word,
 * each behind one blank, as nearly always; returns the line's end.  NULL: it
 * is something else or bad, look closer.
 */
static inline const char *
scan_usual(struct line_scanner *sc, const char *p, const char *end,
    struct line *line)
{
	const char *value = p + 1, *time;
	size_t len = sc->time_len;

	if (*p != ' ')
		return NULL;
	p = word_end(value, end);
	if (*p != ' ' || number_scan(value, (size_t)(p - value),
	    &line->value) != NUMBER_OK)
		return NULL;
	time = p + 1;
	if (len == 0 || (size_t)(end - time) <= len || time[len] != '\n' ||
	    !bytes_equal(time, sc->time, len))
		return scan_new_time(sc, time, end, line);
	line->t_ns = sc->t_ns;
	return time + len;
}

/* Any line.  Kept out of the way of the usual ones. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static enum line_kind
scan_any(struct line_scanner *sc, const char *p, const char *end,
    uint32_t target_len, struct line *line, const char **next)
{
	struct word w[5];
	enum number_status st;
	const char *nl;
	int n;

	if (*p == '#') {
		*next = line_end(p) + 1;
		return LINE_BLANK;
	}
	n = split(p, end, target_len, w, 5, &nl);
	*next = nl + 1;
	line->text = p;
	line->len = (uint32_t)(nl - p);
	if (line->len > 0 && nl[-1] == '\r')
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
	return n > 2 ? scan_time(sc, w + 2, n - 2, line) : LINE_SAMPLE;
}

enum line_kind
line_scan(struct line_scanner *sc, const char *p, const char *end,
    uint32_t target_len, struct line *line, const char **next)
{
	const char *nl = NULL;

	if (target_len > 0)
		nl = scan_usual(sc, p + target_len, end, line);
	if (nl == NULL || nl - p > (ptrdiff_t)LINE_MAX_LEN)
		return scan_any(sc, p, end, target_len, line, next);
	line->text = line->target = p;
	line->len = (uint32_t)(nl - p);
	line->target_len = target_len;
	line->has_time = true;
	*next = nl + 1;
	return LINE_SAMPLE;
}
