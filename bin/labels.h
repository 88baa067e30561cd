/*
 * Names of metrics as Prometheus sees them: a name and labels.
 *
 * A metric NAME{a="x",b="y"} is kept under just that text: labels sorted by
 * name; in values `\', `"' and new line escaped as in the text exposition
 * format, and white space and control characters, which no name of a metric
 * may have, as \xHH.  A metric that is not of this form is a name without
 * labels.
 */
#ifndef NTDB_BIN_LABELS_H
#define NTDB_BIN_LABELS_H

#include "strbuf.h"

#define LABELS_MAX 128		/* of one metric */

struct label {
	const char *name, *value;	/* plain text; in labels.text */
};

/*
 * Invariant: sorted by name, none twice, none empty.  `__name__' is not among
 * them.
 */
struct labels {
	const char *name;		/* of the metric; in text */
	struct label at[LABELS_MAX];
	size_t	n;
	struct strbuf text;		/* owned: what all these point into */
};

#define LABELS_INIT { NULL, { { NULL, NULL } }, 0, STRBUF_INIT }

/* Take a metric's stored name apart.  -1: out of memory. */
int labels_scan(struct labels *l, const char *metric);

/* The stored form of name and labels, at the end of out. */
void labels_format(const struct labels *l, struct strbuf *out);

/* The value of a label, or NULL; `__name__' is the metric's name. */
const char *labels_find(const struct labels *l, const char *name);

void labels_release(struct labels *l);

#endif
