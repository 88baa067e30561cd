/*
 * Floor 5.  Rollups, inside.
 *
 * rollup-plan.c says which jobs there are and what they read and write,
 * rollup-clash.c whether two write the same, rollup-order.c in which order
 * they run.  rollup.c and rollup-group.c run them: rollup-changes.c finds
 * what has come since, rollup-items.c the metrics of a job that have something
 * due, rollup-compute.c their buckets; rollup-dest.c brings the results into
 * the destination, and rollup-dest-compare.c replaces what differs there.
 * rollup-foresee.c tells later jobs of a dry run what those before would do.
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

/* NTDB_ECONFIG if two jobs write the same metric (rollup-clash.c). */
int rollup_plan_clash(const struct rollup_plan *p, struct ntdb *root,
    struct ntdb_error *err);

/*
 * A name that a job may read, without NUL, in out, which is cleared first:
 * wildcards become an x, or the first of a set.  Check buf_ok.
 */
void rollup_example(const struct rollup_def *d, struct buf *out);

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

/* FNV-1a, which begins with ROLLUP_HASH. */
#define ROLLUP_HASH UINT64_C(14695981039346656037)

static inline uint64_t
rollup_hash(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len-- > 0)
		h = (h ^ *p++) * UINT64_C(1099511628211);
	return h;
}

/* ---- whether there is anything to do */

/* The configuration that jobs depend on, as a hash of its files' stamps. */
uint64_t rollup_config_hash(const struct dbdir *d);

/* Whether all of these databases are certain to have nothing to do. */
int rollup_all_idle(struct ntdb *root, char *const *names, size_t n,
    bool *idle, struct ntdb_error *err);

/* ---- what is due */

/* Find the last samples of a snapshot, where its state does not know them. */
int rollup_complete_lasts(struct snapshot *s, struct ntdb_error *err);

/* A metric that a job reads. */
struct rollup_item {
	uint32_t id;
	int64_t	next;		/* buckets before it are written; INT64_MIN:
				 * none is */
	int64_t	due;		/* buckets that begin before it are due */
	int64_t	last_t;		/* its last sample */
	int64_t	done;		/* next, once this run is over */
	bool	computed;	/* some of it was */
	bool	behind;		/* some of it was not: the run was stopped */
	bool	in_doubt;	/* results of it were put aside */
};

/* Buckets of an item that are to be computed: those that begin in
 * [from, to). */
struct rollup_task {
	uint32_t item;
	int64_t	from, to;
	bool	computed;
};

/* A time range in which a metric has got samples; see rollup_changes. */
struct rollup_change {
	uint32_t id;
	int64_t	first, last;
};

/* Up to where a run before had seen the source. */
struct rollup_since {
	bool	known;
	uint64_t epoch;		/* of the log */
	uint64_t pos;		/* in the log */
};

/*
 * Where samples have arrived since then, in log or pages, as sorted ranges
 * that do not overlap; they may be wider than needed.  Not known: all of
 * time, for every metric.  *out is owned by the caller (free).
 */
int rollup_changes(struct snapshot *s, const struct rollup_since *since,
    struct rollup_change **out, size_t *n, struct ntdb_error *err);

/* Sort changes, and join those that overlap; how many are left. */
size_t rollup_join_changes(struct rollup_change *c, size_t n);

/* The earliest time in a snapshot's log; INT64_MAX: it has no samples. */
int rollup_log_first(struct snapshot *s, int64_t *first,
    struct ntdb_error *err);

/* ---- a run */

struct rollup_dest;
struct rollup_foreseen;

/* What a dry run would have written up to now. */
struct rollup_foresight {
	struct rollup_foreseen *at;	/* owned */
	size_t	n;
	size_t	n_sorted;	/* of them, by id: those of the source */
	uint32_t new_from;	/* ids from it on the source does not have */
};

/* A job that is being run. */
struct rollup_work {
	struct ntdb *root;
	const struct rollup_plan *plan;
	const struct rollup_def *def;
	struct snapshot *source;	/* borrowed */
	const struct ntdb_rollup_options *opt;
	struct ntdb_rollup_result *res;
	struct rollup_item *items;	/* owned */
	size_t	n_items, items_cap;
	struct rollup_task *tasks;	/* owned; sorted by from, to, item */
	size_t	n_tasks, tasks_cap;
	struct rollup_dest *dest;	/* owned */
	struct rollup_foresight *foresight;	/* borrowed; NULL: this is no
						 * dry run */
	bool	anew;			/* of some metric all that there is is
					 * computed */
	bool	stopped;		/* the caller has had enough */
	struct ntdb_error refused;	/* of results that were not taken */
};

/*
 * Find the job's metrics and what is to be computed of them.  With rebuild
 * all there is, else what is due and what has changed.  release also after a
 * failure.
 */
int rollup_find_work(struct rollup_work *w, const struct checkpoints *c,
    const struct rollup_change *changes, size_t n, struct ntdb_error *err);
void rollup_work_release(struct rollup_work *w);

/* Whether the run is to stop: once it is, it stays so. */
bool rollup_is_stopped(struct rollup_work *w);

/*
 * Compute the tasks, and bring the results into the destination.  If the run
 * is stopped, items of which something was not computed are behind.
 */
int rollup_compute(struct rollup_work *w, struct ntdb_error *err);

/* ---- the destination */

/* One result: aggregate a of an item's bucket that begins at t. */
struct rollup_value {
	uint32_t item;
	uint32_t a;		/* index in the job's aggregates */
	int64_t	t;
	bool	is_int;
	union ntdb_value value;
};

/* Open the destination of a job; it is made with the first value. */
int rollup_dest_open(struct rollup_work *w, struct ntdb_error *err);
void rollup_dest_close(struct rollup_work *w);

/* Take a value: it is appended, passed over, or put aside to be compared. */
int rollup_dest_put(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err);

/*
 * All values have been put: store and sync them; what was put aside is dropped
 * if the run has been stopped.  If some are refused that is
 * told in w->refused, and items that they came of have done = next.
 */
int rollup_dest_finish(struct rollup_work *w, struct ntdb_error *err);

/* A dry run would put a value that is not known. */
int rollup_dest_foresee(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err);

/* ---- dry runs */

/*
 * A metric that the job at hand would write results of: *index is for
 * rollup_foresee_result, or UINT32_MAX if no job reads it.
 */
int rollup_foresee_metric(struct rollup_work *w, const char *name, size_t len,
    uint32_t *index, struct ntdb_error *err);
void rollup_foresee_result(struct rollup_foresight *f, uint32_t index,
    int64_t t);

/*
 * Put what would have been written to database db of the plan into its
 * snapshot and its list of n changes, which may move.
 */
int rollup_foresee_source(struct rollup_foresight *f, uint32_t db,
    struct snapshot *snap, struct rollup_change **changes, size_t *n,
    struct ntdb_error *err);

/* Whether anything would have been written to a metric of the source. */
bool rollup_is_foreseen(const struct rollup_foresight *f, uint32_t id,
    int64_t first, int64_t last);

/* Put the results of a task that rest on what would have been written. */
int rollup_foresee_task(struct rollup_work *w, const struct rollup_task *task,
    struct ntdb_error *err);
void rollup_foresight_release(struct rollup_foresight *f);

/* ---- results that are refused */

struct rollup_refused {
	struct ntdb_error first;	/* code 0: none is */
	struct buf hashes;		/* of DB/METRIC, each a uint64_t */
};

void rollup_refuse(struct rollup_refused *f, const char *text, size_t len,
    const char *reason);
int rollup_settle_refused(struct rollup_work *w, struct rollup_refused *f,
    struct ntdb_error *err);

#endif
