/*
 * Floor 5.  What the files of the query share, and nobody else.
 */
#ifndef NTDB_QUERY_H
#define NTDB_QUERY_H

#include "aggregate.h"
#include "logrec.h"
#include "pagecache.h"
#include "select.h"

/* A database of the selection that is being read. */
struct query_db {
	struct selected *sel;		/* borrowed from the selection */
	struct snapshot *snap;		/* NULL unless open; to be given back */
	bool	open;			/* snap, and scan if it is not NULL */
	struct scan *scan;
	uint64_t used;			/* when; the oldest make room */

	/* By day. */
	int64_t	day;			/* the next one with samples */
	bool	known, over;		/* day is set; there is none */
	uint64_t *seen;			/* by metric: samples passed; owned */
	uint64_t *skip;			/* samples not to be given; owned */
};

/* The newest sample of a metric, as a row to be. */
struct query_last {
	int64_t	t, m;
	uint32_t db, id;
	uint32_t at;			/* in the order of the selection */
	uint8_t	scale;
};

struct ntdb_query {
	struct ntdb *root;
	struct ntdb_query_options opt;
	int64_t	first, last;		/* the range, ends given or not */
	uint64_t stride;
	uint64_t samples_left;		/* that may be read */
	struct selection sel;
	struct pagecache *cache;
	struct query_db *dbs;		/* one per selected database; owned */
	size_t	n_open;
	uint64_t clock;
	int	(*next)(struct ntdb_query *q, struct ntdb_row *row,
		    struct ntdb_error *err);
	bool	over;

	/* The metric at hand. */
	size_t	db_at;
	bool	in_db, in_metric;
	uint32_t id;
	size_t	metric_at;		/* in the database's ids; by day */
	int	type;
	char	name[METRIC_NAME_MAX + 1];

	/* Its samples and rows. */
	struct block block;
	size_t	at;			/* in the block */
	uint64_t index;			/* of the next sample */
	uint64_t wanted;		/* index of the next one to give */
	uint64_t rows_left;

	/* Steps. */
	int64_t	step;			/* the next one's time */
	bool	has_sample;		/* the newest one not after it, if that
					 * is not in the block any more: */
	int64_t	sample_t, sample_m;
	uint8_t	sample_scale;

	/* Buckets. */
	struct agg agg;
	bool	in_bucket;		/* samples have been added */
	bool	counting;		/* buckets, for their number only */
	int64_t	bucket, bucket_end;	/* its first and last ns, unclipped */
	int64_t	seen_first, seen_last;	/* times of its samples */
	const struct page_stats *run_stats;	/* a run not added yet */
	uint32_t run_n;			/* 0: none */
	int64_t	run_first, run_last;
	size_t	row_at;			/* next aggregate; n: another bucket */
	uint64_t skip_rows;

	/* By day. */
	int64_t	day;
	bool	in_day;

	/* Newest samples. */
	struct query_last *lasts;	/* owned */
	size_t	n_lasts, last_at;
};

/* Open a database's snapshot; too many that are open make room. */
int query_open_db(struct ntdb_query *q, size_t i, struct ntdb_error *err);
void query_close_db(struct ntdb_query *q, size_t i);

/* Take over name and type of a metric of the database. */
void query_metric(struct ntdb_query *q, const struct snapshot *s,
    uint32_t id);

/* Fill a row with a sample of the metric at hand. */
void query_row(const struct ntdb_query *q, int64_t t, int64_t m,
    const uint8_t *scale, struct ntdb_row *row);

/* How many rows -limit leaves out at the start, of all there are. */
uint64_t query_skipped(const struct ntdb_query *q, uint64_t rows);

/* The kinds of rows, but for samples by metric. */
int query_next_of_step(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err);
int query_next_row_of_bucket(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err);
int query_next_of_day(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err);
int query_next_last(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err);

/* The next metric, by DB/METRIC.  NTDB_END. */
int query_next_metric(struct ntdb_query *q, struct ntdb_error *err);

/*
 * The next samples of the current metric of a scan.  NTDB_END.  They count as
 * read: NTDB_ELIMIT, NTDB_ESTOPPED.
 */
int query_block(struct ntdb_query *q, struct scan *sc, struct block *b,
    struct ntdb_error *err);

/* Whether to give up. */
int query_check(const struct ntdb_query *q, struct ntdb_error *err);

/* Account for n samples that are read. */
int query_account(struct ntdb_query *q, size_t n, struct ntdb_error *err);

/* Count the samples of the current metric of a scan; it begins again. */
int query_count(struct ntdb_query *q, struct scan *sc, uint64_t *n,
    struct ntdb_error *err);

#endif
