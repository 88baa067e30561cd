/*
 * A metric as the API shows it: with all its labels, `__name__' and `db'
 * among them.
 */
#ifndef NTDB_BIN_SERIES_H
#define NTDB_BIN_SERIES_H

#include "labels.h"

#define SERIES_ADDED 3		/* labels that are not in the metric's name */

/*
 * Invariant: sorted by the bytes of the names, none twice, none empty.  A
 * label `db' that the metric has in its name is called `exported_db' here
 * (and `exported_exported_db', if it has one of that name, too).
 */
struct series {
	struct label at[LABELS_MAX + 1 + SERIES_ADDED];
	size_t	n;
	struct labels labels;	/* owned: what these point into */
	struct strbuf renamed[SERIES_ADDED];	/* owned: new names */
	size_t	n_added;
};

#define SERIES_INIT { { { NULL, NULL } }, 0, LABELS_INIT, \
	{ STRBUF_INIT, STRBUF_INIT, STRBUF_INIT }, 0 }

/* The same as SERIES_INIT; what n says is not there is not touched. */
void series_init(struct series *s);

/* Take a metric apart; db is borrowed.  -1: out of memory. */
int series_scan(struct series *s, const char *db, const char *metric);

/*
 * Add a label (borrowed); one of that name gives way, as above.  At most
 * SERIES_ADDED, of which db is one.
 */
int series_add(struct series *s, const char *name, const char *value);

/* The value of a label; "" if it has none of that name. */
const char *series_label(const struct series *s, const char *name);

void series_release(struct series *s);

#endif
