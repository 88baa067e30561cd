/*
 * What answers that read have in common: series and values in JSON, and how
 * a query ends.
 */
#ifndef NTDB_BIN_API_ANSWER_H
#define NTDB_BIN_API_ANSWER_H

#include "api.h"
#include "series.h"

/* {"NAME":"VALUE",...} */
void answer_put_series(struct exchange *x, const struct series *s);

/*
 * Write [TIME,"VALUE"] at p, where ANSWER_VALUE_MAX bytes are, and return its
 * length: whole seconds, else with three decimals, rounded down; the shortest
 * decimal that reads back the same.
 */
#define ANSWER_VALUE_MAX (2 * NTDB_TEXT_MAX + 16)
size_t answer_format_value(const struct ntdb_row *row, char *p);

/*
 * Reply that a query has failed: 422 for its limit, 503 for its time, else as
 * api_fail.  If nobody waits any more, that is all.
 */
void answer_failed(struct exchange *x, const struct ntdb_error *err);

/* ,"warnings":[...] if there was damage; NULL: none. */
void answer_put_warning(struct exchange *x, const struct ntdb_error *damage);

/* The `stop' of a query, whose argument is the exchange. */
bool answer_stop(void *x);

#endif
