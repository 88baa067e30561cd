/*
 * Selectors that are kept: those of the same text and database are found
 * again, a few of them, and choose what they did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bin/selector-cache.h"
#include "tap.h"

static struct selector_cache cache;

/* What has been got, or NULL after a failure. */
static struct selector *
get(const char *db, const char *text)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selector *s;
	char copy[4096];
	int r;

	/* The caller's text goes. */
	snprintf(copy, sizeof(copy), "%s", text);
	r = selector_cache_get(&cache, db, copy, &s, &err);
	memset(copy, 'x', sizeof(copy) - 1);
	if (r != 0 && (s != NULL || err.code != r || err.text[0] == '\0'))
		bail("a failure without a reason");
	return s;
}

static bool
is_kept(const char *db, const char *text)
{
	size_t i;

	for (i = 0; i < SELECTORS_KEPT; i++)
		if (cache.at[i].text != NULL &&
		    strcmp(cache.at[i].text, text) == 0 &&
		    (db == NULL) == (cache.at[i].db == NULL) &&
		    (db == NULL || strcmp(cache.at[i].db, db) == 0))
			return true;
	return false;
}

static bool
chooses(struct selector *s, const char *metric)
{
	struct series series = SERIES_INIT;
	bool match;

	if (series_scan(&series, "d", metric) != 0 || selector_ready(s) != 0)
		bail("out of memory");
	match = selector_matches(s, &series);
	series_release(&series);
	return match;
}

static void
check_names(void)
{
	struct selector *s = get(NULL, "d/m");

	ok(s != NULL && s->named && strcmp(s->metric, "m") == 0, "a name");
	s = get("d", "d/m");
	ok(s != NULL && s->named && strcmp(s->metric, "d/m") == 0,
	    "the same text in a database");
	s = get("e", "d/m");
	ok(s != NULL && strcmp(s->db, "e") == 0, "and in another one");
	s = get(NULL, "d/m");
	ok(s != NULL && strcmp(s->db, "d") == 0 && is_kept("d", "d/m") &&
	    is_kept("e", "d/m"), "each is kept");
}

static void
check_regex(void)
{
	static const char text[] = "{a=~\"x|y\",b!~\"z+\",db=~\"d|e\"}";
	struct selector *s = get(NULL, text), *again;
	struct matcher *m = s->matchers;

	ok(strcmp(s->text, text) == 0, "its text is its own");
	ok(chooses(s, "m{a=\"x\"}") && !chooses(s, "m{a=\"xy\"}") &&
	    !chooses(s, "m{a=\"y\",b=\"zz\"}"), "a new one");
	selector_cache_rest(&cache);
	get(NULL, "other");
	again = get(NULL, text);
	ok(again->matchers == m && !m[0].compiled && !m[1].compiled &&
	    !m[2].compiled,
	    "it was kept without what regular expressions take");
	ok(selector_may_match_db(again, "e") == 1 &&
	    selector_may_match_db(again, "f") == 0,
	    "of the database it is compiled when it is needed");
	ok(chooses(again, "m{a=\"x\"}") && !chooses(again, "m{a=\"xy\"}") &&
	    !chooses(again, "m{a=\"y\",b=\"zz\"}"), "and chooses the same");
}

static void
check_refused(void)
{
	int i;

	ok(get(NULL, "{a=~\"(\"}") == NULL, "what is wrong is refused");
	selector_cache_rest(&cache);
	ok(!is_kept(NULL, "{a=~\"(\"}"), "and not kept");
	ok(get(NULL, "{a=~\"(\"}") == NULL, "refused again");
	get(NULL, "good");
	for (i = 0; i < 2 * SELECTORS_KEPT; i++) {
		get(NULL, "{");
		selector_cache_rest(&cache);
	}
	ok(is_kept(NULL, "good"), "and those that are kept stay");
}

static void
check_limits(void)
{
	char text[4000];
	unsigned i, n = 0;

	get(NULL, "first");
	get(NULL, "second");
	for (i = 0; i < SELECTORS_KEPT - 1; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		get(NULL, text);
		get(NULL, "first");
	}
	for (i = 0; i < SELECTORS_KEPT - 1; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		n += is_kept(NULL, text);
	}
	is_int(n, SELECTORS_KEPT - 1, "as many as there is room for");
	ok(is_kept(NULL, "first"), "among them the one that is used");
	ok(!is_kept(NULL, "second"), "not the one used longest ago");

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ok(get(NULL, text) != NULL && is_kept(NULL, text), "a long one");
	selector_cache_rest(&cache);
	ok(!is_kept(NULL, text), "is not kept for later");
	ok(is_kept(NULL, "first"), "others are");
}

int
main(void)
{
	plan_later();
	selector_cache_rest(&cache);
	check_names();
	check_regex();
	check_refused();
	check_limits();
	selector_cache_release(&cache);
	ok(!is_kept(NULL, "first"), "released");
	return done_testing();
}
