/*
 * What a query asks for: one metric by its name, or a selector as Prometheus
 * writes it.
 *
 *   DB/METRIC                   if DB is a valid name of a database
 *   NAME   NAME{MATCHERS}   {MATCHERS}   {"NAME",MATCHERS}
 *
 * A matcher is LABEL OP STRING, where OP is one of = != =~ !~, and LABEL may
 * be in quotes, too.  Matchers are separated by commas, of which one more may
 * follow the last.  Strings are those of Prometheus: in double or single
 * quotes with the escapes of Go, or in backticks without any.  Regular
 * expressions are POSIX extended ones, of bytes, and must match the whole
 * value.  A label that a series has not is an empty one.  At least one matcher
 * must not match that.
 */
#ifndef NTDB_BIN_SELECTOR_H
#define NTDB_BIN_SELECTOR_H

#include <regex.h>

#include "ntdb.h"
#include "series.h"

enum matcher_op {
	MATCH_EQUAL,		/* = */
	MATCH_NOT_EQUAL,	/* != */
	MATCH_REGEX,		/* =~ */
	MATCH_NOT_REGEX		/* !~ */
};

struct matcher {
	char	*name, *value;	/* owned */
	enum matcher_op op;
	char	*needle;	/* owned; what is in the text of a metric that
				 * it matches and that has no escapes; or NULL */
	bool	is_regex;	/* value is a regular expression; false: it is
				 * matched as it is, as an empty one is, too */
	bool	compiled;	/* a regex is, unless the selector rests */
	regex_t	regex;		/* owned, if compiled */
};

struct selector {
	bool	named;		/* db and metric are what is wanted, without
				 * any matcher */
	char	*db, *metric;	/* owned */
	struct matcher *matchers;	/* owned */
	size_t	n;
	const char *text;	/* borrowed: what it was read from; NULL if it
				 * is named */
};

#define SELECTOR_INIT { false, NULL, NULL, NULL, 0, NULL }

/*
 * Read a selector.  db is NULL, or the database whose metric `text' is the
 * name of.  NTDB_EUSAGE: err says what is wrong; NTDB_ESYS: out of memory.
 * Release it in any case.
 */
int selector_scan(struct selector *s, const char *db, const char *text,
    struct ntdb_error *err);
void selector_release(struct selector *s);

/*
 * Free what its regular expressions take, until it is made ready again (-1:
 * out of memory).  Before that selector_matches is not to be called.
 */
void selector_rest(struct selector *s);
int selector_ready(struct selector *s);

/* Whether the matchers match a series. */
bool selector_matches(const struct selector *s, const struct series *series);

/*
 * A quick look: 0 if they can match no metric of that database, else 1; -1:
 * out of memory.  The selector may rest.
 */
int selector_may_match_db(struct selector *s, const char *db);

/* Another one: false if they cannot match this metric.  It may rest, too. */
bool selector_may_match_metric(const struct selector *s, const char *metric);

#endif
