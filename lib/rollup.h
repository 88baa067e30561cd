/*
 * Floor 5.  Rollups, inside.
 *
 * rollup-plan.c says which jobs there are and in which order they run,
 * rollup-name.c what they write, rollup.c runs them database by database,
 * rollup-items.c finds the metrics of a job that have something due,
 * rollup-compute.c their buckets, rollup-write.c brings the results into the
 * destination.
 *
 * A bucket's results are compared with what the destination has.  So a run
 * that was killed, a run that comes twice, and buckets that are computed
 * again are nothing special: what is there already is not written again, and
 * what differs is replaced.
 */
#ifndef NTDB_ROLLUP_H
#define NTDB_ROLLUP_H

#include "checkpoint.h"
#include "query.h"

/* A job, with all defaults filled in. */
struct rollup_def {
	const struct rollup_job *job;		/* borrowed from the manifest */
	uint32_t source, dest;			/* indices in the plan's dbs */
	int64_t	interval_ns, grace_ns;
	uint8_t	aggregates[NTDB_AGGREGATE_N];
	size_t	n_aggregates;
	uint64_t hash;				/* of all that results depend on */
};

/* A database that is source or destination of a job. */
struct rollup_db {
	char	name[DB_NAME_MAX + 1];
	bool	has_manifest;			/* it exists */
	struct manifest manifest;		/* owned, if has_manifest */
	char	*display;			/* its path, for messages; owned */
	bool	wanted;				/* its jobs are to be run */
};

/*
 * Invariant: defs[order[i]] depends on none of defs[order[j]], j > i.
 */
struct rollup_plan {
	struct rollup_db *dbs;			/* owned */
	size_t	n_dbs;
	struct rollup_def *defs;		/* owned */
	size_t	n_defs;
	uint32_t *order;			/* owned */
};

/*
 * The jobs of all databases.  NTDB_ECONFIG, with file and line: a job is
 * wrong, or jobs feed each other in a circle.  release also after a failure.
 */
int rollup_plan_make(struct rollup_plan *p, struct ntdb *root,
    char *const *names, size_t n, struct ntdb_error *err);
void rollup_plan_release(struct rollup_plan *p);

/* Put the jobs in order (rollup-order.c). */
int rollup_plan_order(struct rollup_plan *p, struct ntdb *root,
    struct ntdb_error *err);

/* Whether a job reads a metric. */
bool rollup_reads(const struct rollup_plan *p, const struct rollup_def *d,
    const char *name, size_t len);

/*
 * The name of a result, in out (without NUL), which is cleared first.  Check
 * buf_ok.
 */
void rollup_name(const struct rollup_def *d, const char *source, size_t len,
    int aggregate, struct buf *out);

#endif
