#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "line.h"
#include "scratch.h"
#include "tap.h"

#define T1 INT64_C(1709209815000000000)		/* 2024-02-29 12:30:15 */

/* Scan one line, which a newline ends; nothing behind it may matter. */
static enum line_kind
scan_len(const char *text, size_t len, enum ntdb_unit unit,
    struct line *line)
{
	static char *copy;
	struct line_scanner sc = { .unit = unit };
	const char *next = NULL;
	enum line_kind kind;

	free(copy);
	if ((copy = malloc(len + 1)) == NULL)
		bail("out of memory");
	memcpy(copy, text, len);
	copy[len] = '\n';
	memset(line, 0, sizeof(*line));
	kind = line_scan(&sc, copy, copy + len + 1, 0, line, &next);
	if (next != copy + len + 1)
		diag("the next line is not where it should be");
	return next == copy + len + 1 ? kind : (enum line_kind)99;
}

static enum line_kind
scan(const char *text, enum ntdb_unit unit, struct line *line)
{
	return scan_len(text, strlen(text), unit, line);
}

/* Whether a line is a sample of this target, integer and time (-1: none). */
static bool
is_int_line(const char *text, const char *target, int64_t m, int64_t t)
{
	struct line l;

	return scan(text, NTDB_UNIT_DEFAULT, &l) == LINE_SAMPLE &&
	    l.target_len == strlen(target) &&
	    memcmp(l.target, target, l.target_len) == 0 &&
	    l.value.kind == NUMBER_INT && l.value.d.m == m &&
	    l.has_time == (t != -1) && (t == -1 || l.t_ns == t);
}

static void
test_words(void)
{
	struct line l;

	ok(is_int_line("db/m 1", "db/m", 1, -1), "two words");
	ok(is_int_line("db/m 1 1709209815000000000", "db/m", 1, T1),
	    "three words");
	ok(is_int_line(" \t db/m\t\t-7 \t", "db/m", -7, -1),
	    "blanks and tabs around them");
	ok(is_int_line("db/m 1\r", "db/m", 1, -1), "CRLF");
	ok(is_int_line("db/m 1 \r", "db/m", 1, -1), "CRLF behind a blank");
	ok(is_int_line("db/m 1 1709209815000000000\r", "db/m", 1, T1),
	    "CRLF behind a time");
	ok(is_int_line("db/m 1 2024-02-29 12:30:15\r", "db/m", 1, T1),
	    "CRLF behind a date and a time");
	ok(is_int_line("db/m 1 2024-02-29 12:30:15 \r", "db/m", 1, T1),
	    "the same behind a blank");
	ok(is_int_line("db/a/b{c=\"d,e\"}\xc3\xbc 1", "db/a/b{c=\"d,e\"}\xc3\xbc",
	    1, -1), "a target is any word");
	ok(is_int_line("x 1", "x", 1, -1), "also one without a database");

	scan("db/m 1 \t\r", NTDB_UNIT_DEFAULT, &l);
	is_mem(l.text, l.len, "db/m 1 \t", 8,
	    "the line's text is without its end");
	scan("db/m 1 ", NTDB_UNIT_DEFAULT, &l);
	is_mem(l.text, l.len, "db/m 1 ", 7, "but with its blanks");
}

static void
test_blank(void)
{
	struct line l;

	is_int(scan("", NTDB_UNIT_DEFAULT, &l), LINE_BLANK, "empty");
	is_int(scan("\r", NTDB_UNIT_DEFAULT, &l), LINE_BLANK, "CRLF alone");
	is_int(scan(" \t ", NTDB_UNIT_DEFAULT, &l), LINE_BLANK, "blanks");
	is_int(scan(" \r", NTDB_UNIT_DEFAULT, &l), LINE_BLANK, "with CRLF");
	is_int(scan("# x y z 1 2 3", NTDB_UNIT_DEFAULT, &l), LINE_BLANK,
	    "comment");
	is_int(scan("#", NTDB_UNIT_DEFAULT, &l), LINE_BLANK, "short one");
}

static bool
is_bad(const char *text, enum ntdb_unit unit, enum ntdb_refusal why)
{
	struct line l;

	if (scan(text, unit, &l) != LINE_BAD || l.reason == NULL ||
	    l.reason[0] == '\0')
		return false;
	if (l.why != why)
		diag("%s: %s", text, l.reason);
	return l.why == why && l.len == strlen(text) &&
	    memcmp(l.text, text, l.len) == 0;
}

static void
test_bad(void)
{
	static const struct {
		const char *text;
		enum ntdb_refusal why;
	} t[] = {
		{ "db/m", NTDB_REFUSE_SYNTAX },
		{ "db/m 1 2 3", NTDB_REFUSE_SYNTAX },
		{ "db/m 1 1709209815000000000 x", NTDB_REFUSE_SYNTAX },
		{ "db/m 1 2024-02-29T12:30 12:30", NTDB_REFUSE_SYNTAX },
		{ "db/m 1 2024-02-29 12:30 x", NTDB_REFUSE_SYNTAX },
		{ "db/m 1 2024-02-29 12:30 x y z", NTDB_REFUSE_SYNTAX },
		{ "db/m x", NTDB_REFUSE_VALUE },
		{ "db/m 1x", NTDB_REFUSE_VALUE },
		{ "db/m 0x10", NTDB_REFUSE_VALUE },
		{ "db/m true", NTDB_REFUSE_VALUE },
		{ "db/m \"1\"", NTDB_REFUSE_VALUE },
		{ "db/m 1e999", NTDB_REFUSE_VALUE },
		{ "db/m 1e-999", NTDB_REFUSE_VALUE },
		{ "db/m 3.5i", NTDB_REFUSE_VALUE },
		{ "db/m 9223372036854775808", NTDB_REFUSE_VALUE },
		{ "db/m 1\r2", NTDB_REFUSE_VALUE },
		{ "db/m 1 x", NTDB_REFUSE_TIME },
		{ "db/m 1 1709209815000000000x", NTDB_REFUSE_TIME },
		{ "db/m 1 1709209815000000000.5", NTDB_REFUSE_TIME },
		{ "db/m 1 99999999999999999999", NTDB_REFUSE_TIME },
		{ "db/m 1 2023-02-29", NTDB_REFUSE_TIME },
		{ "db/m 1 2024-02-29 24:00", NTDB_REFUSE_TIME },
		{ "db/m 1 2024-02-29 12:30:60", NTDB_REFUSE_TIME },
		{ "db/m 1 2024-02-29 x", NTDB_REFUSE_TIME },
		{ "db/m 1 2024-02-29T12:30:15.0123456789",
		    NTDB_REFUSE_TIME },
		{ "db/m 1 1500-01-01", NTDB_REFUSE_TIME },
		{ "db/m 1 2500-01-01", NTDB_REFUSE_TIME },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ok(is_bad(t[i].text, NTDB_UNIT_DEFAULT, t[i].why), "%s",
		    t[i].text);
}

static void
test_values(void)
{
	struct line l;

	scan("db/m 21.50", NTDB_UNIT_DEFAULT, &l);
	ok(l.value.kind == NUMBER_FLOAT && l.value.d.m == 215 &&
	    l.value.d.scale == 1, "a decimal");
	scan("db/m 3.0i", NTDB_UNIT_DEFAULT, &l);
	ok(l.value.kind == NUMBER_INT && l.value.d.m == 3 &&
	    l.value.suffixed, "an integer with its suffix");
	scan("db/m -9223372036854775808", NTDB_UNIT_DEFAULT, &l);
	ok(l.value.kind == NUMBER_INT && l.value.d.m == INT64_MIN,
	    "the least integer");
	scan("db/m nan", NTDB_UNIT_DEFAULT, &l);
	ok(l.value.kind == NUMBER_FLOAT && l.value.d.scale == DEC_RAW,
	    "not a number");
}

/* Bare numbers mean what the unit says, from 1980 to 2200. */
static void
test_units(void)
{
	static const struct {
		const char *time;
		enum ntdb_unit unit;
		int64_t	t;		/* -1: refused */
	} t[] = {
		{ "1709209815", NTDB_UNIT_S, T1 },
		{ "1709209815.25", NTDB_UNIT_S, T1 + 250000000 },
		{ "1709209815.000000001", NTDB_UNIT_S, T1 + 1 },
		{ "1709209815.0000000001", NTDB_UNIT_S, -1 },
		{ "1709209815000", NTDB_UNIT_MS, T1 },
		{ "1709209815000.5", NTDB_UNIT_MS, T1 + 500000 },
		{ "1709209815000000", NTDB_UNIT_US, T1 },
		{ "1709209815000000.001", NTDB_UNIT_US, T1 + 1 },
		{ "1709209815000000000", NTDB_UNIT_NS, T1 },
		{ "1709209815000000000", NTDB_UNIT_DEFAULT, T1 },
		/* seconds where another unit is expected, and back */
		{ "1709209815", NTDB_UNIT_DEFAULT, -1 },
		{ "1709209815000", NTDB_UNIT_DEFAULT, -1 },
		{ "1709209815000000", NTDB_UNIT_DEFAULT, -1 },
		{ "1709209815", NTDB_UNIT_MS, -1 },
		{ "1709209815", NTDB_UNIT_US, -1 },
		{ "1709209815000", NTDB_UNIT_S, -1 },
		{ "1709209815000000000", NTDB_UNIT_S, -1 },
		{ "1709209815000000000", NTDB_UNIT_US, -1 },
		/* the first and last instant that is plausible */
		{ "315532800000000000", NTDB_UNIT_DEFAULT,
		    315532800000000000 },
		{ "315532799999999999", NTDB_UNIT_DEFAULT, -1 },
		{ "7289654399999999999", NTDB_UNIT_DEFAULT,
		    7289654399999999999 },
		{ "7289654400000000000", NTDB_UNIT_DEFAULT, -1 },
		{ "315532800", NTDB_UNIT_S, 315532800000000000 },
		{ "315532799.999", NTDB_UNIT_S, -1 },
		{ "7289654400", NTDB_UNIT_S, -1 },
		/* nanoseconds that were asked for may be any */
		{ "1709209815", NTDB_UNIT_NS, 1709209815 },
		{ "0", NTDB_UNIT_NS, 0 },
		{ "-5", NTDB_UNIT_NS, -5 },
		{ "9223372036854775807", NTDB_UNIT_NS, INT64_MAX },
		{ "-9223372036854775808", NTDB_UNIT_NS, INT64_MIN },
		{ "9223372036854775808", NTDB_UNIT_NS, -1 },
		/* dates are dates in any unit, plausible or not */
		{ "2024-02-29", NTDB_UNIT_S, 1709164800000000000 },
		{ "2024-02-29 12:30:15", NTDB_UNIT_MS, T1 },
		{ "2024-02-29T12:30:15Z", NTDB_UNIT_DEFAULT, T1 },
		{ "2024-02-29T13:30:15.5+01:00", NTDB_UNIT_NS,
		    T1 + 500000000 },
		{ "1970-01-01", NTDB_UNIT_DEFAULT, 0 },
		{ "2250-01-01", NTDB_UNIT_DEFAULT, 8835955200000000000 },
	};
	char text[100];
	struct line l;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text), "db/m 1 %s", t[i].time);
		if (t[i].t == -1)
			ok(is_bad(text, t[i].unit, NTDB_REFUSE_TIME),
			    "unit %d: %s is refused", t[i].unit, t[i].time);
		else
			ok(scan(text, t[i].unit, &l) == LINE_SAMPLE &&
			    l.has_time && l.t_ns == t[i].t,
			    "unit %d: %s", t[i].unit, t[i].time);
	}
}

static void
test_long(void)
{
	static char text[LINE_MAX_LEN + 10];
	const size_t max = LINE_MAX_LEN;
	struct line l;

	memset(text, 'm', sizeof(text));
	memcpy(text, "db/", 3);
	memcpy(text + max - 2, " 1\r", 3);
	is_int(scan_len(text, max, NTDB_UNIT_DEFAULT, &l), LINE_SAMPLE,
	    "a line of 64 KiB");
	is_int(l.target_len, (int64_t)max - 2, "its target");
	is_int(scan_len(text, max + 1, NTDB_UNIT_DEFAULT, &l), LINE_SAMPLE,
	    "its end does not count");
	memcpy(text + max - 2, "m 1", 3);
	is_int(scan_len(text, max + 1, NTDB_UNIT_DEFAULT, &l), LINE_BAD,
	    "one byte more");
	is_int(l.why, NTDB_REFUSE_SYNTAX, "is refused");
	memset(text, '#', sizeof(text));
	is_int(scan_len(text, max + 5, NTDB_UNIT_DEFAULT, &l), LINE_BLANK,
	    "a long comment is a comment");
}

/* Lines of random bytes, of which sanitizers see what is read behind. */
static void
test_garbage(void)
{
	static const char bytes[] = "db/m 1 2024-02-29T12:30:15Z.+#\t\r\0\xff";
	struct line l;
	char text[64];
	bool good = true;
	int i;

	for (i = 0; i < 100000; i++) {
		size_t len = random_below(sizeof(text)), j;

		for (j = 0; j < len; j++)
			text[j] = bytes[random_below(sizeof(bytes))];
		good = good && scan_len(text, len, random_below(5), &l) <=
		    LINE_BAD;
	}
	ok(good, "rubbish ends where its line ends");
}

/* Append one of n words. */
static char *
put_one_of(char *p, const char *const *words, uint32_t n)
{
	const char *word = words[random_below(n)];

	return p + sprintf(p, "%s", word);
}

/* A time as exports have it, or nearly so, of a few minutes. */
static char *
put_exported(char *p)
{
	static const char *const minutes[] = { "2024-02-29 12:30:",
	    "2024-02-29 12:30:", "2024-02-29 12:31:", "2262-04-11 23:47:",
	    "1677-09-21 00:12:", "2023-02-29 12:30:", "2024-02-28 24:00:",
	    "1979-12-31 23:59:", "2199-12-31 23:59:" };
	int n = sprintf(p, "%s%02u.%09u", minutes[random_below(9)],
	    random_below(62), random_below(1000000000));

	if (random_below(16) == 0)
		p[random_below((uint32_t)n)] = "x:-. 9"[random_below(6)];
	return p + n;
}

static bool
same_line(const struct line *a, const struct line *b, enum line_kind kind)
{
	if (a->text != b->text || a->len != b->len)
		return false;
	if (kind == LINE_BAD)
		return a->why == b->why && a->reason == b->reason;
	return kind == LINE_BLANK || (a->target == b->target &&
	    a->target_len == b->target_len && a->value.d.m == b->value.d.m &&
	    a->value.d.scale == b->value.d.scale &&
	    a->value.kind == b->value.kind &&
	    a->value.suffixed == b->value.suffixed &&
	    a->has_time == b->has_time && (!a->has_time || a->t_ns == b->t_ns));
}

/*
 * Lines one behind the other, many with the time of the one before: they mean
 * what they mean by themselves to a caller who does not know the first word.
 */
static void
test_sequence(void)
{
	static const char *const blanks[] = { " ", " ", " ", " ", "\t", "  ",
	    "\r", "" };
	static const char *const values[] = { "1", "-2", "21.5", "123456789",
	    "0.202394", "-1.7624831358803779", "1e3", "7i", "1.5i", "x",
	    "12\r", "", "nan", "99999999999999999999" };
	static const char *const times[] = { "1709209815000000000",
	    "1709209815000000000", "1709209815000000001", "2024-02-29",
	    "2024-02-29 12:30:15", "2024-02-29T12:30:15.25Z", "1709209815", "",
	    "17092098150000000001234", "0", "1709209815000000000 x" };
	static const char *const ends[] = { "\n", "\n", "\n", "\r\n", " \n",
	    " \r\n" };
	static const char *const behind[] = { "", "2", "2 2 2\n",
	    "1709209815000000000\n", " 1709209815000000000\n" };
	struct line_scanner warm = { .unit = NTDB_UNIT_DEFAULT };
	struct line a, b;
	const char *next_a, *next_b, *end;
	enum line_kind kind_a, kind_b;
	int i, wrong = 0, good = 0;

	for (i = 0; i < 200000; i++) {
		struct line_scanner cold = { .unit = NTDB_UNIT_DEFAULT };
		char text[160], *p = text;

		p += sprintf(p, "db/m%u", random_below(20));
		end = p;
		p = put_one_of(p, blanks, 6);
		p = put_one_of(p, values, 14);
		p = put_one_of(p, blanks, 8);
		p = random_below(2) == 0 ? put_exported(p) :
		    put_one_of(p, times, 11);
		p = put_one_of(p, ends, 6);
		p = put_one_of(p, behind, 5);
		if (random_below(8) == 0)
			warm = cold;
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		kind_a = line_scan(&cold, text, p, 0, &a, &next_a);
		kind_b = line_scan(&warm, text, p, (uint32_t)(end - text), &b,
		    &next_b);
		good += kind_a == LINE_SAMPLE;
		if (kind_a != kind_b || next_a != next_b ||
		    !same_line(&a, &b, kind_a)) {
			if (wrong++ < 3)
				diag("%.*s", (int)(p - text), text);
		}
	}
	ok(wrong == 0, "lines mean the same one behind the other");
	ok(good > 20000, "%d of them are samples", good);
}

/* The first and the last time there is, as exports have them. */
static void
test_ends_of_time(void)
{
	static const char first[] = "db/m 1 1677-09-21 00:12:43.145224192\n";
	static const char last[] = "db/m 1 2262-04-11 23:47:16.854775807\n";
	struct line_scanner sc = { .unit = NTDB_UNIT_DEFAULT };
	const char *next;
	struct line l;

	is_int(line_scan(&sc, first, first + sizeof(first) - 1, 4, &l, &next),
	    LINE_SAMPLE, "the first time");
	ok(l.t_ns == INT64_MIN, "is the least number");
	is_int(line_scan(&sc, last, last + sizeof(last) - 1, 4, &l, &next),
	    LINE_SAMPLE, "the last time");
	ok(l.t_ns == INT64_MAX, "is the greatest number");
}

int
main(void)
{
	plan_later();
	random_start();
	test_words();
	test_blank();
	test_bad();
	test_values();
	test_units();
	test_long();
	test_garbage();
	test_sequence();
	test_ends_of_time();
	return done_testing();
}
