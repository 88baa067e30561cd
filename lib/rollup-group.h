/*
 * Floor 5.  A run of rollups: all its jobs (rollup.c), and those of one
 * database that come one after the other (rollup-group.c).
 */
#ifndef NTDB_ROLLUP_GROUP_H
#define NTDB_ROLLUP_GROUP_H

#include "rollup.h"

/* What a run knows of a source, over all groups of its jobs. */
struct rollup_progress {
	bool	begun;			/* since and seen are set */
	bool	failed;			/* a job has, or was not run */
	struct rollup_since since;	/* up to where the run before has seen */
	struct rollup_since seen;	/* and this one, when it began */
	int64_t	due;			/* when the clock makes buckets due */
};

/* A run over all jobs. */
struct rollup_run {
	struct ntdb *root;
	const struct ntdb_rollup_options *opt;
	struct ntdb_rollup_result *res;
	struct rollup_plan plan;
	struct rollup_progress *progress;	/* owned, by database */
	struct rollup_foresight foresight;
};

static inline bool
rollup_run_is_stopped(const struct rollup_run *run)
{
	return run->opt->stop != NULL && run->opt->stop(run->opt->arg);
}

/*
 * Run n jobs of one database, under the locks that they need.  last tells that
 * the database has none behind these.
 */
int rollup_run_group(struct rollup_run *run, const uint32_t *defs, size_t n,
    bool last, struct ntdb_error *err);

#endif
