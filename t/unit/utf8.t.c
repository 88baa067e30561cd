#include <string.h>

#include "tap.h"
#include "utf8.h"

/* From the tables of RFC 3629 and the Unicode standard, by hand. */
static const struct {
	const char *s;
	size_t	used;		/* 0: no character */
	uint32_t c;
	const char *escaped;	/* its first character or byte */
} chars[] = {
	{ "A", 1, 0x41, "A" },
	{ " ", 1, 0x20, " " },
	{ "\n", 1, 0x0a, "\\n" },
	{ "\t", 1, 0x09, "\\t" },
	{ "\r", 1, 0x0d, "\\r" },
	{ "\\", 1, 0x5c, "\\\\" },
	{ "\x01", 1, 0x01, "\\x01" },
	{ "\x1b[0m", 1, 0x1b, "\\x1b" },
	{ "\x7f", 1, 0x7f, "\\x7f" },
	{ "\xc2\x80", 2, 0x80, "\\xc2\\x80" },
	{ "\xc2\x9f", 2, 0x9f, "\\xc2\\x9f" },
	{ "\xc2\xa1", 2, 0xa1, "\xc2\xa1" },
	{ "\xc3\xa9x", 2, 0xe9, "\xc3\xa9" },
	{ "\xdf\xbf", 2, 0x7ff, "\xdf\xbf" },
	{ "\xe0\xa0\x80", 3, 0x800, "\xe0\xa0\x80" },
	{ "\xe2\x82\xac", 3, 0x20ac, "\xe2\x82\xac" },
	{ "\xed\x9f\xbf", 3, 0xd7ff, "\xed\x9f\xbf" },
	{ "\xee\x80\x80", 3, 0xe000, "\xee\x80\x80" },
	{ "\xef\xbf\xbf", 3, 0xffff, "\xef\xbf\xbf" },
	{ "\xf0\x90\x80\x80", 4, 0x10000, "\xf0\x90\x80\x80" },
	{ "\xf0\x9f\x8c\xa1", 4, 0x1f321, "\xf0\x9f\x8c\xa1" },
	{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff, "\xf4\x8f\xbf\xbf" },
	/* Continuation bytes alone. */
	{ "\x80", 0, 0, "\\x80" },
	{ "\xbf\xbf", 0, 0, "\\xbf" },
	/* Longer than need be. */
	{ "\xc0\x80", 0, 0, "\\xc0" },
	{ "\xc1\xbf", 0, 0, "\\xc1" },
	{ "\xe0\x80\xaf", 0, 0, "\\xe0" },
	{ "\xe0\x9f\xbf", 0, 0, "\\xe0" },
	{ "\xf0\x80\x80\xaf", 0, 0, "\\xf0" },
	{ "\xf0\x8f\xbf\xbf", 0, 0, "\\xf0" },
	/* Surrogates. */
	{ "\xed\xa0\x80", 0, 0, "\\xed" },
	{ "\xed\xbf\xbf", 0, 0, "\\xed" },
	/* Above U+10FFFF. */
	{ "\xf4\x90\x80\x80", 0, 0, "\\xf4" },
	{ "\xf5\x80\x80\x80", 0, 0, "\\xf5" },
	{ "\xff", 0, 0, "\\xff" },
	/* Cut short, by the end and by another character. */
	{ "\xc3", 0, 0, "\\xc3" },
	{ "\xe2\x82", 0, 0, "\\xe2" },
	{ "\xf0\x9f\x8c", 0, 0, "\\xf0" },
	{ "\xc3" "A", 0, 0, "\\xc3" },
	{ "\xe2\x82" "A", 0, 0, "\\xe2" },
	{ "\xe2" "A\xac", 0, 0, "\\xe2" },
};

static const struct {
	const char *s;
	bool	good;
} names[] = {
	{ "", true },
	{ "a", true },
	{ "sensors/room.temp", true },
	{ "http_requests_total{code=\"200\",path=\"/x\"}", true },
	{ "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true },
	{ "temp\xc3\xa9rature.\xf0\x9f\x8c\xa1", true },
	{ "abcdefgh\xc3\xa9" "abcdefghij", true },
	{ "zero\xe2\x80\x8bwidth", true },
	{ "a b", false },
	{ " ", false },
	{ "abcdefg ", false },
	{ " bcdefgh", false },
	{ "abcdefghabcdefg\x7f", false },
	{ "abc\x1f" "defghijk", false },
	{ "a\tb", false },
	{ "a\nb", false },
	{ "a\xc2\x85" "b", false },
	{ "a\xc2\xa0" "b", false },
	{ "a\xe1\x9a\x80" "b", false },
	{ "a\xe2\x80\x80" "b", false },
	{ "a\xe2\x80\x8a" "b", false },
	{ "a\xe2\x80\xa8" "b", false },
	{ "a\xe2\x80\xa9" "b", false },
	{ "a\xe2\x80\xaf" "b", false },
	{ "a\xe2\x81\x9f" "b", false },
	{ "a\xe3\x80\x80" "b", false },
	{ "abcdefgh\xc3", false },
	{ "abcdefg\xc3", false },
	{ "\xed\xa0\x80", false },
	{ "\xff" "abcdefgh", false },
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
test_chars(void)
{
	char piece[8];
	uint32_t c;
	size_t i, n, len, used;

	for (i = 0; i < N(chars); i++) {
		len = strlen(chars[i].s);
		c = 0;
		is_int((int64_t)utf8_decode(chars[i].s, len, &c),
		    (int64_t)chars[i].used, "char %zu: length", i);
		if (chars[i].used > 0)
			is_int(c, chars[i].c, "char %zu: value", i);
		used = utf8_escape(chars[i].s, len, piece, &n);
		is_int((int64_t)used,
		    chars[i].used > 0 ? (int64_t)chars[i].used : 1,
		    "char %zu: escaping takes it", i);
		is_mem(piece, n, chars[i].escaped, strlen(chars[i].escaped),
		    "char %zu: escaped", i);
	}
	is_int((int64_t)utf8_escape("", 1, piece, &n), 1, "NUL is taken");
	is_mem(piece, n, "\\x00", 4, "and escaped");
}

/* Each ASCII byte at each place of a word of eight. */
static void
test_bytes(void)
{
	char word[16];
	bool right = true;
	size_t at;
	int b;

	for (b = 0; b < 128; b++) {
		for (at = 0; at < sizeof(word); at++) {
			memset(word, 'x', sizeof(word));
			word[at] = (char)b;
			if (utf8_name_ok(word, sizeof(word)) !=
			    (b > 0x20 && b < 0x7f))
				right = false;
		}
	}
	ok(right, "every ASCII byte, everywhere");
}

int
main(void)
{
	size_t i;

	plan_later();
	test_chars();
	for (i = 0; i < N(names); i++)
		ok(utf8_name_ok(names[i].s, strlen(names[i].s)) ==
		    names[i].good, "name %zu is %s", i,
		    names[i].good ? "good" : "refused");
	ok(!utf8_name_ok("a\0b", 3), "a NUL is refused");
	test_bytes();
	return done_testing();
}
