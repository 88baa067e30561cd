#include <string.h>

#include "choice.h"

#define INTERNAL_DB "internal"

void
choice_init(struct choice *c, struct selector *selectors, size_t n)
{
	c->selectors = selectors;
	c->n = n;
	series_init(&c->series);
}

void
choice_release(struct choice *c)
{
	series_release(&c->series);
}

/* The suite's own metrics are there only for those who name the database. */
static bool
names_internal(const struct selector *s)
{
	size_t i;

	if (s->named)
		return strcmp(s->db, INTERNAL_DB) == 0;
	for (i = 0; i < s->n; i++)
		if (s->matchers[i].op == MATCH_EQUAL &&
		    strcmp(s->matchers[i].name, "db") == 0 &&
		    strcmp(s->matchers[i].value, INTERNAL_DB) == 0)
			return true;
	return false;
}

/* Whether a selector may choose something of a database.  -1. */
static int
chooses_db(struct selector *s, const char *db)
{
	if (strcmp(db, INTERNAL_DB) == 0 && !names_internal(s))
		return 0;
	return s->named ? strcmp(s->db, db) == 0 :
	    selector_may_match_db(s, db);
}

/* Whether a selector chooses a metric, which is taken apart once.  -1. */
static int
chooses(struct choice *c, struct selector *s, const char *db,
    const char *metric, bool *scanned)
{
	int r = chooses_db(s, db);

	if (r <= 0)
		return r;
	if (s->named)
		return strcmp(s->metric, metric) == 0;
	if (!selector_may_match_metric(s, metric))
		return 0;
	if ((!*scanned && series_scan(&c->series, db, metric) != 0) ||
	    selector_ready(s) != 0)
		return -1;
	*scanned = true;
	return selector_matches(s, &c->series);
}

static int
match(void *arg, const char *db, const char *metric)
{
	struct choice *c = arg;
	bool scanned = false;
	size_t i;
	int r = 0;

	for (i = 0; i < c->n && r == 0; i++)
		r = metric == NULL ? chooses_db(&c->selectors[i], db) :
		    chooses(c, &c->selectors[i], db, metric, &scanned);
	return r;
}

void
choice_apply(struct choice *c, struct ntdb_query_options *opt)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		opt->internal |= names_internal(&c->selectors[i]);
	if (c->n > 0) {
		opt->match = match;
		opt->match_arg = c;
		opt->match_key = c->n == 1 ? c->selectors[0].text : NULL;
	}
}
