#include <string.h>

#include "match.h"
#include "tap.h"

static const struct {
	const char *glob, *text;
	bool	match;
} cases[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "a", "", false },
	{ "abc", "abc", true },
	{ "abc", "abd", false },
	{ "abc", "abcd", false },
	{ "abcd", "abc", false },
	{ "*", "", true },
	{ "*", "anything/at all", true },
	{ "*", ".hidden", true },
	{ "**", "x", true },
	{ "a*", "a", true },
	{ "a*", "abc", true },
	{ "a*", "ba", false },
	{ "*a", "aaa", true },
	{ "*a", "aab", false },
	{ "a*c", "abcbc", true },
	{ "a*c", "abcbd", false },
	{ "a*b*c", "a-b-b-c", true },
	{ "a*b*c", "a-c-b", false },
	{ "*.temp", "sensors/room.temp", true },
	{ "sensors/room.*", "sensors/room.temp/max", true },
	{ "*ab*ab*", "xabyabz", true },
	{ "*ab*ab*", "xabyz", false },
	{ "?", "a", true },
	{ "?", "", false },
	{ "?", "/", true },
	{ "?", "ab", false },
	{ "a?c", "abc", true },
	{ "?*", "", false },
	{ "*?", "x", true },
	{ "??*", "x", false },
	{ "?", "\xc3\xa9", true },
	{ "??", "\xc3\xa9", false },
	{ "*??", "\xc3\xa9", false },
	{ "*??", "\xe2\x82\xac", false },
	{ "caf?", "caf\xc3\xa9", true },
	{ "?", "\xf0\x9f\x8c\xa1", true },
	{ "?", "\xff", true },
	{ "[abc]", "b", true },
	{ "[abc]", "d", false },
	{ "[abc]", "", false },
	{ "[a-c]x", "bx", true },
	{ "[a-c]x", "dx", false },
	{ "[c-a]", "b", false },
	{ "[!a-c]", "d", true },
	{ "[!a-c]", "b", false },
	{ "[^a-c]", "d", true },
	{ "[^a-c]", "b", false },
	{ "[a^]", "^", true },
	{ "[a!]", "!", true },
	{ "[]a]", "]", true },
	{ "[]a]", "a", true },
	{ "[!]a]", "]", false },
	{ "[!]a]", "b", true },
	{ "[a-]", "-", true },
	{ "[-a]", "-", true },
	{ "[a-]", "b", false },
	{ "[\\]]", "]", true },
	{ "[\\]]", "\\", false },
	{ "[a\\-c]", "b", false },
	{ "[a\\-c]", "-", true },
	{ "[0-9]*", "7up", true },
	{ "room[0-9].t", "room5.t", true },
	{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true },
	{ "[\xc3\xa0-\xc3\xa8]", "\xc3\xa9", false },
	{ "[!a]", "\xc3\xa9", true },
	{ "*[0-9]", "a1b2", true },
	{ "*[0-9]", "a1b", false },
	{ "[abc", "[abc", true },
	{ "[abc", "a", false },
	{ "x[", "x[", true },
	{ "[]", "[]", true },
	{ "[!]", "[!]", true },
	{ "*[", "ab[", true },
	{ "\\*", "*", true },
	{ "\\*", "a", false },
	{ "\\?", "?", true },
	{ "\\[a]", "[a]", true },
	{ "\\[a]", "a", false },
	{ "\\\\", "\\", true },
	{ "\\a", "a", true },
	{ "a\\", "a\\", true },
	{ "a\\", "a", false },
	{ "*\\*", "ab*", true },
	{ "m{a=\"?\"}", "m{a=\"1\"}", true },
	{ "A", "a", false },
};

static const struct {
	const char *s;
	bool	pattern;
} patterns[] = {
	{ "", false }, { "plain/name{a=\"b\"}.x-y!]^", false },
	{ "a*", true }, { "a?", true }, { "a[", true }, { "\\a", true },
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

int
main(void)
{
	static char text[20000], glob[64];
	size_t i;

	plan_later();
	for (i = 0; i < N(cases); i++)
		ok(glob_match(cases[i].glob, strlen(cases[i].glob),
		    cases[i].text, strlen(cases[i].text)) == cases[i].match,
		    "`%s' %s `%s'", cases[i].glob,
		    cases[i].match ? "matches" : "does not match",
		    cases[i].text);
	for (i = 0; i < N(patterns); i++)
		ok(glob_is_pattern(patterns[i].s, strlen(patterns[i].s)) ==
		    patterns[i].pattern, "`%s' %s a pattern", patterns[i].s,
		    patterns[i].pattern ? "is" : "is not");
	ok(glob_match("a\0*", 3, "a\0b", 3), "NUL is a byte like others");
	ok(!glob_match("a\0c", 3, "a\0b", 3), "and what follows it counts");

	/* Twenty stars would take ages if each tried all that it could. */
	memset(text, 'a', sizeof(text));
	for (i = 0; i < 40; i += 2)
		memcpy(glob + i, "*a", 2);
	glob[40] = 'b';
	ok(!glob_match(glob, 41, text, sizeof(text)), "many stars end soon");
	return done_testing();
}
