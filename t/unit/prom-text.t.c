#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../bin/prom-text.h"
#include "tap.h"

static struct prom_line line = PROM_LINE_INIT;

/* The metric of a line as it is stored; the reason if it is bad. */
static const char *
scanned(const char *text, struct strbuf *out)
{
	strbuf_clear(out);
	switch (prom_scan(&line, text, strlen(text), NULL, 0)) {
	case PROM_SAMPLE:
		labels_format(&line.labels, out);
		return strbuf_str(out);
	case PROM_BLANK:
		return "blank";
	case PROM_BAD:
		return line.reason;
	default:
		return "out of memory";
	}
}

/* Lines, what they are stored as, value and time (-1: none). */
static const struct {
	const char *text, *metric;
	double value;
	int64_t t_ms;
} good[] = {
	{ "up 1", "up", 1, -1 },
	{ "up 1\r", "up", 1, -1 },
	{ " \tup\t 1.5e3 \t", "up", 1500, -1 },
	{ "a:b_c9 -0.25 1715000000123", "a:b_c9", -0.25, 1715000000123 },
	{ "up{} 0", "up", 0, -1 },
	{ "up{a=\"1\"}3", "up{a=\"1\"}", 3, -1 },
	{ "up { b = \"2\" , a = \"1\" , } 3 7", "up{a=\"1\",b=\"2\"}", 3, 7 },
	{ "up{a=\"\",b=\"x y\"} 3", "up{b=\"x\\x20y\"}", 3, -1 },
	{ "up{a=\"\\\\ \\\" \\n\"} 1", "up{a=\"\\\\\\x20\\\"\\x20\\n\"}", 1,
	  -1 },
	{ "{\"my.metric\",\"a b\"=\"1\"} 2", "my.metric{a\\x20b=\"1\"}", 2,
	  -1 },
	{ "{l=\"1\",\"up\"} 2", "up{l=\"1\"}", 2, -1 },
	{ "up +Inf", "up", INFINITY, -1 },
	{ "up -Inf", "up", -INFINITY, -1 },
	{ "up infinity", "up", INFINITY, -1 },
	{ "up 0.1", "up", 0.1, -1 },
	{ "up 5e-324", "up", 5e-324, -1 },
	{ "up 9007199254740993.0", "up", 9007199254740992, -1 },
	{ "up 1 -5", "up", 1, -5 },
	{ "up 1 -9223372036854775808", "up", 1, INT64_MIN },
	{ "up 1 9223372036854775807", "up", 1, INT64_MAX },
	{ "up 123456789012345678901234567890", "up",
	  123456789012345678901234567890.0, -1 },
};

static const struct {
	const char *text, *reason;
} other[] = {
	{ "", "blank" },
	{ " \t", "blank" },
	{ "# HELP up it is", "blank" },
	{ "#", "blank" },
	{ "9up 1", "not a name of a metric" },
	{ "room.temp 1", "the value is not a number, or out of range" },
	{ "up", "no value" },
	{ "up{a=\"1\"}", "no value" },
	{ "up{a=\"1\" 2", "labels do not end in }" },
	{ "up{a=\"1\"", "labels do not end in }" },
	{ "up{a=\"1", "a quote is not closed" },
	{ "up{a=\"1\"b=\"2\"} 1", "labels do not end in }" },
	{ "up{a=1} 2", "a label's value is not in quotes" },
	{ "up{a} 2", "no = behind the name of a label" },
	{ "up{1=\"1\"} 2", "not a name of a label" },
	{ "up{\"\"=\"1\"} 2", "not a name of a label" },
	{ "up{a=\"1\",a=\"2\"} 2", "two labels of one name" },
	{ "up{__name__=\"x\"} 2",
	  "the label __name__ is the metric's name" },
	{ "up{\"x\"} 2", "no = behind the name of a label" },
	{ "{a=\"1\"} 2", "no name of a metric" },
	{ "{\"\"} 2", "no name of a metric" },
	{ "up{a=\"\\t\"} 2",
	  "not an escape: only \\\\, \\\" and \\n are" },
	{ "up{a=\"\xff\"} 2", "not valid UTF-8" },
	{ "up 0x10", "the value is not a number, or out of range" },
	{ "up 1_0", "the value is not a number, or out of range" },
	{ "up 1.2.3", "the value is not a number, or out of range" },
	{ "up 1i", "the value is not a number, or out of range" },
	{ "up 1 -", "the time is not in milliseconds" },
	{ "up 1 9223372036854775808", "the time is not in milliseconds" },
	{ "up nan(1)", "the value is not a number, or out of range" },
	{ "up 1e999", "the value is not a number, or out of range" },
	{ "up 1e-999", "the value is not a number, or out of range" },
	{ "up 1 1.5", "the time is not in milliseconds" },
	{ "up 1 99999999999999999999", "the time is not in milliseconds" },
	{ "up 1 2 3", "a word too many" },
	{ "up 1 2 # {a=\"1\"} 3", "a word too many" },
};

static void
test_bytes(void)
{
	static char text[PROM_LINE_MAX + 8];
	size_t len;

	is_int(prom_scan(&line, "up{a=\"\0\"} 1", 11, NULL, 0), PROM_BAD,
	    "a NUL in a label");
	is_int(prom_scan(&line, "up nan\0", 7, NULL, 0), PROM_BAD,
	    "a NUL behind the value");
	is_int(prom_scan(&line, "up{a=\"\\\0\"} 1", 12, NULL, 0), PROM_BAD,
	    "an escaped NUL");
	memset(text, '0', sizeof(text));
	memcpy(text, "up 1", 4);
	memcpy(text + PROM_LINE_MAX - 4, "e0 7", 4);
	len = PROM_LINE_MAX;
	is_int(prom_scan(&line, text, len, NULL, 0), PROM_BAD,
	    "a number of 64 KiB that is out of range");
	is_int(prom_scan(&line, text, len + 1, NULL, 0), PROM_BAD,
	    "a longer line");
	is_str(line.reason, "line is longer than 64 KiB", "and why");
}

static void
test_extra(void)
{
	static const struct prom_extra extra[] = {
		{ "job", "node" }, { "a", "" }, { "z", "9" },
	};
	struct strbuf out = STRBUF_INIT;
	const char *text = "up{z=\"1\",a=\"2\",b=\"3\"} 1";

	is_int(prom_scan(&line, text, strlen(text), extra, 3), PROM_SAMPLE,
	    "labels from outside");
	labels_format(&line.labels, &out);
	is_str(strbuf_str(&out), "up{b=\"3\",job=\"node\",z=\"9\"}",
	    "take the place of those of their names");
	strbuf_release(&out);
}

int
main(void)
{
	struct strbuf out = STRBUF_INIT;
	size_t i;

	plan_later();
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		is_str(scanned(good[i].text, &out), good[i].metric, "%s",
		    good[i].text);
		ok(line.value == good[i].value && line.has_time ==
		    (good[i].t_ms != -1) && (!line.has_time ||
		    line.t_ms == good[i].t_ms), "%s: value and time",
		    good[i].text);
	}
	scanned("up NaN", &out);
	ok(isnan(line.value), "NaN");
	scanned("up -0", &out);
	ok(line.value == 0 && signbit(line.value), "minus 0");
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		is_str(scanned(other[i].text, &out), other[i].reason, "%s",
		    other[i].text);
	strbuf_release(&out);
	test_bytes();
	test_extra();
	prom_line_release(&line);
	return done_testing();
}
