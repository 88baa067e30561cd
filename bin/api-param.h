/*
 * Parameters of requests that read: times, durations, selectors.
 *
 * Each function returns false after it has replied 400, which names the
 * parameter.
 */
#ifndef NTDB_BIN_API_PARAM_H
#define NTDB_BIN_API_PARAM_H

#include "exchange.h"
#include "selector-cache.h"

/*
 * A time: decimal seconds, or RFC 3339.  Seconds beyond what ntdb can hold are
 * the earliest or latest time.  *there (may be NULL) tells whether the
 * parameter was given; if not, *t_ns stays as it is.
 */
bool param_time(struct exchange *x, const char *name, int64_t *t_ns,
    bool *there);

/* A duration above 0: decimal seconds, or `1h30m'. */
bool param_duration(struct exchange *x, const char *name, int64_t *ns,
    bool *there);

/* A whole number; not given: *n stays as it is. */
bool param_count(struct exchange *x, const char *name, uint64_t *n);

/* Whether a parameter is `true' or `1'. */
bool param_flag(const struct exchange *x, const char *name);

/* A parameter that must be there. */
bool param_text(struct exchange *x, const char *name, const char **text);

/* A database's name, if it is there; NULL: it is not. */
bool param_database(struct exchange *x, const char *name, const char **db);

/* `query', with `db'; borrowed from the cache. */
bool param_selector(struct exchange *x, struct selector_cache *c,
    struct selector **s);

/* All of `match[]', owned by the caller: param_selectors_free. */
bool param_selectors(struct exchange *x, struct selector **s, size_t *n);
void param_selectors_free(struct selector *s, size_t n);

/*
 * Aggregates, by name, separated by commas; *list has room for
 * NTDB_AGGREGATE_N, and each is in it once.
 */
bool param_aggregates(struct exchange *x, const char *text, uint8_t *list,
    size_t *n);

#endif
