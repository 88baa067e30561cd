#include <string.h>

#include "../bin/url.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* By hand, from RFC 3986, section 2.1. */
static const struct {
	const char *s, *want;	/* NULL: refused */
} decoded[] = {
	{ "", "" },
	{ "/health", "/health" },
	{ "/a%20b", "/a b" },
	{ "%41%5a%7e", "AZ~" },
	{ "%C3%A9%c3%a9", "\xc3\xa9\xc3\xa9" },
	{ "a+b", "a+b" },
	{ "%2541", "%41" },
	{ "%ff%01", "\xff\x01" },
	{ "%00", NULL },
	{ "a%00b", NULL },
	{ "%", NULL },
	{ "%4", NULL },
	{ "a%", NULL },
	{ "%4g", NULL },
	{ "%g4", NULL },
	{ "%-1", NULL },
	{ "% 1", NULL },
	{ "%+1", NULL },
	{ "%0x", NULL },
};

static const struct {
	const char *path;
	bool	good;
} paths[] = {
	{ "/", true },
	{ "/health", true },
	{ "/api/v1/label/__name__/values", true },
	{ "/a//b/", true },
	{ "/...", true },
	{ "/..a", true },
	{ "/a.", true },
	{ "/.a", true },
	{ "/\xc3\xa9 x", true },
	{ "", false },
	{ "health", false },
	{ "..", false },
	{ "/.", false },
	{ "/..", false },
	{ "/./a", false },
	{ "/../a", false },
	{ "/a/../b", false },
	{ "/a/..", false },
	{ "/a/.", false },
	{ "/a\\b", false },
	{ "/a\nb", false },
	{ "/a\tb", false },
	{ "/a\x7f", false },
	{ "/\x01", false },
};

/* What `NAME=VALUE;' of each is; NULL: refused. */
static const struct {
	const char *s, *want;
} queries[] = {
	{ "", "" },
	{ "&", "" },
	{ "&&a=1&", "a=1;" },
	{ "a=1&b=2", "a=1;b=2;" },
	{ "b=2&a=1&b=3", "b=2;a=1;b=3;" },
	{ "a", "a=;" },
	{ "a=", "a=;" },
	{ "=a", "=a;" },
	{ "a=b=c", "a=b=c;" },
	{ "a=1+2%2B3%20", "a=1 2+3 ;" },
	{ "a+b=c", "a b=c;" },
	{ "m%5B%5D=x&m[]=y", "m[]=x;m[]=y;" },
	{ "q=up%7Ba%3D%22b%26c%22%7D", "q=up{a=\"b&c\"};" },
	{ "a=%26&b=%3D", "a=&;b==;" },
	{ "a=1;b=2", "a=1;b=2;" },
	{ "a=%00", NULL },
	{ "%00=a", NULL },
	{ "a=1&b=%zz", NULL },
	{ "a=1&b=%1", NULL },
};

static void
test_decode(void)
{
	struct strbuf out = STRBUF_INIT;
	size_t i;
	bool r;

	for (i = 0; i < N(decoded); i++) {
		strbuf_clear(&out);
		r = url_decode(decoded[i].s, strlen(decoded[i].s), &out);
		ok(r == (decoded[i].want != NULL), "`%s' is %s", decoded[i].s,
		    decoded[i].want != NULL ? "decoded" : "refused");
		if (decoded[i].want != NULL)
			is_str(strbuf_str(&out), decoded[i].want, "to that");
	}
	ok(!url_decode("a\0b", 3, &out), "a NUL as it is is refused");
	/* What is behind the end does not count. */
	ok(!url_decode("%41", 2, &out), "an escape is cut short");
	strbuf_release(&out);
}

static void
test_queries(void)
{
	struct url_params p = URL_PARAMS_INIT;
	struct strbuf got = STRBUF_INIT;
	size_t i, j;
	bool r;

	for (i = 0; i < N(queries); i++) {
		url_params_clear(&p);
		strbuf_clear(&got);
		r = url_params_scan(&p, queries[i].s, strlen(queries[i].s));
		ok(r == (queries[i].want != NULL), "`%s' is %s", queries[i].s,
		    queries[i].want != NULL ? "taken apart" : "refused");
		if (queries[i].want == NULL)
			continue;
		for (j = 0; j < p.n; j++) {
			strbuf_puts(&got, p.text.s + p.at[j].name);
			strbuf_putc(&got, '=');
			strbuf_puts(&got, p.text.s + p.at[j].value);
			strbuf_putc(&got, ';');
		}
		is_str(strbuf_str(&got), queries[i].want, "into that");
	}
	strbuf_release(&got);
	url_params_release(&p);
}

static void
test_next(void)
{
	static const char s[] = "b=2&a=1&b=3&c=";
	struct url_params p = URL_PARAMS_INIT;
	size_t at = 0;

	ok(url_params_scan(&p, s, strlen(s)), "some parameters");
	is_str(url_params_next(&p, "b", &at), "2", "the first of a name");
	is_str(url_params_next(&p, "b", &at), "3", "the second");
	ok(url_params_next(&p, "b", &at) == NULL, "no third");
	at = 0;
	is_str(url_params_next(&p, "c", &at), "", "an empty one");
	at = 0;
	ok(url_params_next(&p, "d", &at) == NULL, "none");
	ok(url_params_scan(&p, "b=4", 3), "one more is added");
	at = 0;
	is_str(url_params_next(&p, "a", &at), "1", "behind those before");
	is_str(url_params_next(&p, "b", &at), "3", "each");
	is_str(url_params_next(&p, "b", &at), "4", "is there");
	url_params_release(&p);
}

static void
test_many(void)
{
	struct url_params p = URL_PARAMS_INIT;
	struct strbuf s = STRBUF_INIT;
	size_t i;

	for (i = 0; i < URL_PARAMS_MAX; i++)
		strbuf_puts(&s, "a=b&");
	ok(url_params_scan(&p, s.s, s.len), "as many as are allowed");
	is_u64(p.n, URL_PARAMS_MAX, "are all there");
	ok(!url_params_scan(&p, "a=b", 3), "one more is refused");
	strbuf_release(&s);
	url_params_release(&p);
}

int
main(void)
{
	size_t i;

	plan_later();
	test_decode();
	for (i = 0; i < N(paths); i++)
		ok(url_path_ok(paths[i].path, strlen(paths[i].path)) ==
		    paths[i].good, "path %zu is %s", i,
		    paths[i].good ? "good" : "refused");
	test_queries();
	test_next();
	test_many();
	return done_testing();
}
