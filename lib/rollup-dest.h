/*
 * Floor 5.  The destination of a rollup job, inside: rollup-dest.c opens it and
 * appends to it, rollup-dest-compare.c compares with what it has, and replaces
 * what differs.
 */
#ifndef NTDB_ROLLUP_DEST_H
#define NTDB_ROLLUP_DEST_H

#include "ingest.h"
#include "rollup.h"

#define REPLACE_MAX 131072u	/* values that are replaced at a time */
#define DOUBTS_MAX 65536u	/* values that are compared at a time */

/* What is known of a metric of results. */
struct dest_metric {
	bool	known;		/* it has been looked up */
	bool	has_last;
	bool	is_int;
	uint32_t id;		/* 0: it is new */
	int64_t	last_t;
	uint64_t last_bits;	/* as value_bits */
	bool	noted;		/* a dry run has taken note of it: */
	uint32_t foreseen;	/* see rollup_foresee_metric */
};

struct rollup_dest {
	const char *name;		/* borrowed */
	struct snapshot snap;		/* if it exists */
	bool	exists;
	struct dest_metric *metrics;	/* owned: item * aggregates + a */
	struct ntdb_ingest *in;		/* NULL: nothing was appended */
	struct rollup_value *doubts;	/* owned */
	size_t	n_doubts;
	struct buf replace;		/* struct rewrite_sample */
	int64_t	source_from;		/* the oldest data file begins then */
	struct rollup_refused refused;
	struct buf metric;		/* a name with its NUL */
};

/* A value as it is stored. */
struct stored {
	bool	is_int;
	uint8_t	scale;
	int64_t	m;
};

struct stored rollup_stored(const struct rollup_value *v);

/* Whether a value is what a metric of that class has, as value_bits. */
bool rollup_is_same(const struct rollup_value *v, bool is_int, uint64_t bits);

static inline struct dest_metric *
dest_metric_of(const struct rollup_work *w, const struct rollup_value *v)
{
	return &w->dest->metrics[v->item * w->def->n_aggregates + v->a];
}

/* A dry run would write this value: let later jobs know. */
int rollup_dest_note(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err);

/*
 * Put a value aside whose metric has samples as late as it.  The values of a
 * bucket are compared together, since its count may say that all of them are
 * to be left.
 */
int rollup_dest_doubt(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err);

/*
 * Compare all that were put aside with what is stored, and replace what
 * differs: nothing if the run has been stopped.
 */
int rollup_dest_settle(struct rollup_work *w, struct ntdb_error *err);

#endif

