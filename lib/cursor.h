/*
 * Floor 5.  The samples of metrics in a time range, metric by metric, in
 * order of time.
 *
 * A scan reads the page directories of the range once for a whole group of
 * metrics (as many as its memory budget allows) and collects where their runs
 * are; each metric's runs, from pages and log, are sorted sequences that are
 * merged by time, ties by arrival (pages in file order, then the log).  A run
 * is decoded only when the merge reaches it, in slices, and unpacked groups
 * are cached, so that memory does not grow with the result, and metrics that
 * share a group unpack it once.
 *
 * What is damaged is left out and told to the root's note function, once.  If
 * files change too much underneath, the scan opens the snapshot anew and goes
 * on after the last sample it gave: pointers into its state do not stay.
 */
#ifndef NTDB_CURSOR_H
#define NTDB_CURSOR_H

#include "snapshot.h"

struct pagecache;
struct scan;

struct scan_options {
	struct pagecache *cache;	/* borrowed; NULL: one of its own */
	size_t	budget;			/* bytes for plans; 0: as usual */
	bool	by_day;
};

/*
 * Samples of the metrics ids[0 .. n) (borrowed until the end, in the order
 * wanted) of a snapshot (borrowed) with first <= time <= last.
 */
int scan_open(struct scan **sc, struct snapshot *s, const uint32_t *ids,
    size_t n, int64_t first, int64_t last, struct ntdb_error *err);
int scan_open_with(struct scan **sc, struct snapshot *s, const uint32_t *ids,
    size_t n, int64_t first, int64_t last, const struct scan_options *opt,
    struct ntdb_error *err);
void scan_close(struct scan *sc);

/* Go on to the next metric; *id is set.  NTDB_END after the last. */
int scan_next_metric(struct scan *sc, uint32_t *id, struct ntdb_error *err);

/* Consecutive samples of a metric, in order of time; integers have scale 0. */
struct block {
	const int64_t *t, *m;		/* borrowed until the next call */
	const uint8_t *scale;		/* floats: see number.h; NULL: ints */
	size_t	n;
};

/*
 * The next samples of the current metric, as its present class (integers of
 * a metric that has become a float one are decimals of scale 0).  NTDB_END
 * after the last.
 */
int scan_next_block(struct scan *sc, struct block *b, struct ntdb_error *err);

/*
 * A run that lies wholly in the range and, if window is not 0, in one bucket
 * of it, comes next and overlaps no other run: then *n, *first_t and *last_t
 * tell its samples, *stats (borrowed until the next call, or NULL: none) its
 * statistics, and the run is passed over; but not if usable (may be NULL)
 * says no to that.  NTDB_END: there is none here, use scan_next_block.
 */
typedef bool scan_usable_fn(const void *arg, const struct page_stats *stats,
    uint32_t n);
int scan_skip_run(struct scan *sc, int64_t window, scan_usable_fn *usable,
    const void *arg, const struct page_stats **stats, uint32_t *n,
    int64_t *first_t, int64_t *last_t);

/* Begin the current metric again. */
int scan_rewind(struct scan *sc, struct ntdb_error *err);

/*
 * Day by day (opt->by_day): scan_next_day tells the UTC day of the next
 * sample of any metric, by its first nanosecond (NTDB_END: there is none);
 * the day may turn out empty.  scan_begin_day then lets scan_next_metric and
 * scan_next_block give the samples of a day, which must not be before it nor
 * before a day that was begun already.
 */
int scan_next_day(struct scan *sc, int64_t *day, struct ntdb_error *err);
void scan_begin_day(struct scan *sc, int64_t day);

/*
 * First and last nanosecond of the bucket that a time lies in.  Buckets are
 * aligned to the epoch, but those of whole weeks begin on a Monday.
 */
void bucket_span(int64_t t, int64_t window, int64_t *first, int64_t *last);

struct last_sample {
	bool	found;
	uint8_t	scale;		/* floats: see number.h */
	int64_t	t, m;
};

/*
 * The newest samples from first to last of n metrics (of equal times the ones
 * that arrived last), found from the log and then the newest partition
 * backwards, without a state that is complete.  out has n elements.  cache
 * may be NULL.
 */
int scan_find_lasts(struct snapshot *s, struct pagecache *cache,
    const uint32_t *ids, size_t n, int64_t first, int64_t last,
    struct last_sample *out, struct ntdb_error *err);

#endif
