#include <string.h>

#include "../bin/regex-cost.h"
#include "../bin/selector.h"
#include "tap.h"

/* What each text is read as: `NAME OP VALUE' of every matcher, or an error. */
static const struct {
	const char *text, *want;
} texts[] = {
	{ "up", "__name__ = up;" },
	{ " up\t\n", "__name__ = up;" },
	{ "a:b_C9", "__name__ = a:b_C9;" },
	{ "up{}", "__name__ = up;" },
	{ "up { }", "__name__ = up;" },
	{ "up{job=\"x\"}", "__name__ = up;job = x;" },
	{ "up{job=\"x\",}", "__name__ = up;job = x;" },
	{ "up{job=\"x\" , a != 'y'}", "__name__ = up;job = x;a != y;" },
	{ "{job=~\"x|y\",a!~\"z.*\"}", "job =~ x|y;a !~ z.*;" },
	{ "{a=\"1\",a=\"2\"}", "a = 1;a = 2;" },
	{ "{__name__=\"a b\"}", "__name__ = a b;" },
	{ "{__name__=~\"a.*\", __name__!=\"ab\"}",
	  "__name__ =~ a.*;__name__ != ab;" },
	{ "{\"my.metric\", l=\"v\"}", "__name__ = my.metric;l = v;" },
	{ "{l=\"v\", \"my.metric\"}", "l = v;__name__ = my.metric;" },
	{ "{\"my.label\"=\"v\"}", "my.label = v;" },
	{ "{'my.label'=~`v+`}", "my.label =~ v+;" },
	{ "{\"\\u00fc\", `x y`=\"v\"}", "__name__ = \xc3\xbc;x y = v;" },
	{ "# why\nup # this\n{ # one\n}", "__name__ = up;" },
	{ "{by=\"x\",on=\"y\"}", "by = x;on = y;" },
	/* Strings. */
	{ "{a=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"}",
	  "a = \a\b\f\n\r\t\v\\\";" },
	{ "{a='\\'\"'}", "a = '\";" },
	{ "{a=\"'\"}", "a = ';" },
	{ "{a=`\\n\"'`}", "a = \\n\"';" },
	{ "{a=\"\\x41\\101\\u0041\\U00000041\"}", "a = AAAA;" },
	{ "{a=\"\\u20ac\\U0001F600\"}",
	  "a = \xe2\x82\xac\xf0\x9f\x98\x80;" },
	{ "{a=\"\\xe2\\x82\\xac\"}", "a = \xe2\x82\xac;" },
	{ "{a=\"\xe2\x82\xac\"}", "a = \xe2\x82\xac;" },
	{ "{a=\"x\", b=\"\"}", "a = x;b = ;" },
	{ "{a=\"x\", b!=\"\"}", "a = x;b != ;" },
	{ "{a!=\"\"}", "a != ;" },
	{ "{a=~\".+\"}", "a =~ .+;" },
	{ "{a!~\".*x|\"}", "a !~ .*x|;" },
	/* Errors, by what they say. */
	{ "", "a selector or DB/METRIC is expected" },
	{ "{", "a label's name is expected" },
	{ "}", "a selector or DB/METRIC is expected" },
	{ "{}", "a selector must contain" },
	{ "{,}", "a label's name is expected" },
	{ "{a=\"x\",,}", "a label's name is expected" },
	{ "{a=\"\"}", "a selector must contain" },
	{ "{a=~\".*\"}", "a selector must contain" },
	{ "{a!=\"x\"}", "a selector must contain" },
	{ "{a!~\"x\",b=\"\"}", "a selector must contain" },
	{ "{a=~\"\"}", "a selector must contain" },
	{ "{a}", "one of = != =~ !~ is expected" },
	{ "{a==\"x\"}", "a string in quotes is expected" },
	{ "{a=x}", "a string in quotes is expected" },
	{ "{a=\"x}", "a string is not closed" },
	{ "{a=\"x\n\"}", "a string is not closed" },
	{ "{a=`x", "a string is not closed" },
	{ "{a=\"\\", "a string is not closed" },
	{ "{a=\"\\z\"}", "invalid escape" },
	{ "{a=\"\\'\"}", "invalid escape" },
	{ "{a=\"\\x4\"}", "invalid escape" },
	{ "{a=\"\\400\"}", "invalid escape" },
	{ "{a=\"\\ud800\"}", "invalid escape" },
	{ "{a=\"\\U00110000\"}", "invalid escape" },
	{ "{a=\"\\x00\"}", "NUL" },
	{ "{a=\"x\" b=\"y\"}", "`,' or `}' is expected" },
	{ "{a=\"x\"", "`,' or `}' is expected" },
	{ "{1a=\"x\"}", "a label's name is expected" },
	{ "{a:b=\"x\"}", "one of = != =~ !~ is expected" },
	{ "1up", "a selector or DB/METRIC is expected" },
	{ "up{} up", "only a selector" },
	{ "up[5m]", "only a selector" },
	{ "up + up", "only a selector" },
	{ "sum(up)", "only a selector" },
	{ "up{__name__=\"x\"}", "set twice" },
	{ "{\"up\",__name__=\"x\"}", "set twice" },
	{ "up{\"up\"}", "set twice" },
	{ "{a=~\"x(\"}", "regular expression" },
	{ "{a=~\"x)(y\"}", "regular expression" },
	{ "{a=~\"[x\"}", "regular expression" },
	{ "{a=~\"(x)\\\\1\"}", "references back" },
	{ "{a=~\"((((x{99}){99}){99}){99})\"}", "too large" },
};

static void
describe(const struct selector *s, struct strbuf *out)
{
	static const char *const ops[] = { " = ", " != ", " =~ ", " !~ " };
	size_t i;

	for (i = 0; i < s->n; i++) {
		strbuf_puts(out, s->matchers[i].name);
		strbuf_puts(out, ops[s->matchers[i].op]);
		strbuf_puts(out, s->matchers[i].value);
		strbuf_puts(out, ";");
	}
}

static void
check_text(const char *text, const char *want)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selector s = SELECTOR_INIT;
	struct strbuf got = STRBUF_INIT;
	int r = selector_scan(&s, NULL, text, &err);

	if (strchr(want, ';') != NULL) {
		describe(&s, &got);
		is_str(r == 0 ? strbuf_str(&got) : err.text, want, "%s",
		    text);
	} else {
		if (!ok(r == NTDB_EUSAGE && strstr(err.text, want) != NULL,
		    "refused: %s", text))
			diag("%d, %s", r, err.text);
	}
	strbuf_release(&got);
	selector_release(&s);
}

static const struct {
	const char *text, *db, *metric;	/* db NULL: a selector */
} names[] = {
	{ "sensors/room.temp", "sensors", "room.temp" },
	{ "a/b/c", "a", "b/c" },
	{ "a/{b=\"c\"}", "a", "{b=\"c\"}" },
	{ "a.b-c_9/*", "a.b-c_9", "*" },
	{ "up{path=\"/\"}", NULL, NULL },
	{ "{path=\"/\"}", NULL, NULL },
};

static void
check_names(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selector s = SELECTOR_INIT;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ok(selector_scan(&s, NULL, names[i].text, &err) == 0 &&
		    s.named == (names[i].db != NULL) && (!s.named ||
		    (strcmp(s.db, names[i].db) == 0 &&
		    strcmp(s.metric, names[i].metric) == 0)),
		    "%s names %s", names[i].text, names[i].db != NULL ?
		    "a metric" : "none");
		selector_release(&s);
	}
	ok(selector_scan(&s, "b", "a/m", &err) == 0 && s.named &&
	    strcmp(s.db, "b") == 0 && strcmp(s.metric, "a/m") == 0,
	    "with a database given, all is the metric's name");
	selector_release(&s);
}

/* Which selectors match this series. */
#define METRIC "http{code=\"200\",db=\"own\",path=\"/a\\\"b\"}"

static const struct {
	const char *text;
	bool	match;
} matches[] = {
	{ "http", true },
	{ "htt", false },
	{ "{__name__=~\"h.*\"}", true },
	{ "{__name__=~\"h\"}", false },
	{ "{__name__=~\"tt\"}", false },
	{ "{__name__=~\"x|http\"}", true },
	{ "{__name__=~\"http|x\"}", true },
	{ "{__name__=~\"htt|p\"}", false },
	{ "http{code=\"200\"}", true },
	{ "http{code!=\"200\"}", false },
	{ "http{code=~\"2..\"}", true },
	{ "http{code=~\"20\"}", false },
	{ "http{code=~\"[0-9]{3}\"}", true },
	{ "http{code!~\"5..\"}", true },
	{ "http{code!~\"2..\"}", false },
	{ "http{db=\"web\"}", true },
	{ "http{db=\"own\"}", false },
	{ "http{exported_db=\"own\"}", true },
	{ "http{none=\"\"}", true },
	{ "http{none=~\"\"}", true },
	{ "http{none!~\"\"}", false },
	{ "http{none!=\"x\"}", true },
	{ "http{none=\"x\"}", false },
	{ "http{none=~\"x*\"}", true },
	{ "http{none!~\"x\"}", true },
	{ "http{code=\"\"}", false },
	{ "http{path='/a\"b'}", true },
	{ "{db=\"web\",code=\"200\"}", true },
	{ "{db=\"web\",code=\"201\"}", false },
	{ "{db=~\"w.*\"}", true },
	{ "{db!~\"w.*\",code=\"200\"}", false },
};

static void
check_matches(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct series series = SERIES_INIT;
	struct selector s = SELECTOR_INIT;
	bool match, may;
	size_t i;

	if (series_scan(&series, "web", METRIC) != 0)
		bail("out of memory");
	for (i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		if (selector_scan(&s, NULL, matches[i].text, &err) != 0)
			bail("%s: %s", matches[i].text, err.text);
		match = selector_matches(&s, &series);
		may = selector_may_match_db(&s, "web") &&
		    selector_may_match_metric(&s, METRIC);
		ok(match == matches[i].match && (may || !match), "%s %s",
		    matches[i].text, matches[i].match ? "matches" :
		    "does not match");
		selector_release(&s);
	}
	series_release(&series);

	if (selector_scan(&s, NULL, "{\"a b\"}", &err) != 0)
		bail("%s", err.text);
	ok(selector_may_match_metric(&s, "a\\x20b{c=\"d\"}") &&
	    !selector_may_match_metric(&s, "ab"),
	    "names are stored with escapes");
	selector_release(&s);
	if (selector_scan(&s, NULL, "{c=\"d e\",f=~\"g\"}", &err) != 0)
		bail("%s", err.text);
	ok(selector_may_match_metric(&s, "ab{c=\"d\\x20e\",f=\"g\"}") &&
	    !selector_may_match_metric(&s, "ab{c=\"de\",f=\"g\"}") &&
	    selector_may_match_metric(&s, "ab{c=\"d e\",f=\"\"}"),
	    "and so are values");
	selector_release(&s);
}

static void
check_series(void)
{
	struct series s = SERIES_INIT;
	struct strbuf text = STRBUF_INIT;
	size_t i;

	if (series_scan(&s, "web", "m{Z=\"0\",a=\"1\",db=\"2\","
	    "exported_db=\"3\",z=\"4\"}") != 0)
		bail("out of memory");
	for (i = 0; i < s.n; i++) {
		strbuf_puts(&text, s.at[i].name);
		strbuf_puts(&text, "=");
		strbuf_puts(&text, s.at[i].value);
		strbuf_puts(&text, " ");
	}
	is_str(strbuf_str(&text), "Z=0 __name__=m a=1 db=web exported_db=3 "
	    "exported_exported_db=2 z=4 ", "labels are sorted and unique");
	strbuf_release(&text);
	series_release(&s);
}

static void
check_regexes(void)
{
	static const char *const fit[] = { "", "a|b", "[[:digit:]{9}]{1,3}",
		"[]{999}]", "[^]x]*", "(([0-9]{1,3}\\.){3})[0-9]{1,3}",
		"a{0,}", "x{1000}", "\\(\\{9999\\}", "{", "a\\",
		"host1:9100|host2:9100", "(a+b*c?)+" };
	static const char *const unfit[] = { "x{2001}", "(ab){1001}",
		"a**", "a{99}*", "((((((((((a+)+)+)+)+)+)+)+)+)+)+",
		"(a{50}){50}", "(a{50}(b{50}(c{50}){50})){3}", "\\1",
		"((((((((((((((((((((((((((((((((((((" };
	size_t i;

	for (i = 0; i < sizeof(fit) / sizeof(fit[0]); i++)
		ok(regex_unfit(fit[i]) == NULL, "%s is fit", fit[i]);
	for (i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		ok(regex_unfit(unfit[i]) != NULL, "%s is not", unfit[i]);
}

int
main(void)
{
	size_t i;

	plan_later();
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_text(texts[i].text, texts[i].want);
	check_names();
	check_matches();
	check_series();
	check_regexes();
	return done_testing();
}
