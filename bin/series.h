/*
 * A metric as the API shows it: with all its labels, `__name__' and `db'
 * among them.
 */
#ifndef NTDB_BIN_SERIES_H
#define NTDB_BIN_SERIES_H

#include "labels.h"

/*
 * Invariant: sorted by the bytes of the names, none twice, none empty.  A
 * label `db' that the metric has in its name is called `exported_db' here
 * (and `exported_exported_db', if it has one of that name, too).
 */
struct series {
	struct label at[LABELS_MAX + 2];
	size_t	n;
	struct labels labels;	/* owned: what these point into, but for db */
	struct strbuf renamed;	/* owned */
};

#define SERIES_INIT { { { NULL, NULL } }, 0, LABELS_INIT, STRBUF_INIT }

/* Take a metric apart; db is borrowed.  -1: out of memory. */
int series_scan(struct series *s, const char *db, const char *metric);

/* The value of a label; "" if it has none of that name. */
const char *series_label(const struct series *s, const char *name);

void series_release(struct series *s);

#endif
