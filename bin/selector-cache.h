/*
 * Selectors that were read lately: dashboards ask with the same ones again and
 * again.
 *
 * What regular expressions take, which nothing limits once they are used, is
 * not kept: they are compiled again when they are needed, and what they chose
 * is mostly known (ntdb_query_options.match_key).
 */
#ifndef NTDB_BIN_SELECTOR_CACHE_H
#define NTDB_BIN_SELECTOR_CACHE_H

#include "selector.h"

#define SELECTORS_KEPT 16

struct kept_selector {
	char	*db, *text;	/* owned; text NULL: free, db may be NULL */
	struct selector s;
};

/* The one that was used last comes first.  All zeros: empty. */
struct selector_cache {
	struct kept_selector at[SELECTORS_KEPT];
};

/*
 * As selector_scan, of a text that may go; *s is borrowed until the next call
 * with this cache.
 */
int selector_cache_get(struct selector_cache *c, const char *db,
    const char *text, struct selector **s, struct ntdb_error *err);

/* The one that was got last is not used for now. */
void selector_cache_rest(struct selector_cache *c);

void selector_cache_release(struct selector_cache *c);

#endif
