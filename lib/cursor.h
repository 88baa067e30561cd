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
 */
#ifndef NTDB_CURSOR_H
#define NTDB_CURSOR_H

#include "snapshot.h"

struct scan;

/*
 * Samples of the metrics ids[0 .. n) (borrowed until the end, in the order
 * wanted) of a snapshot (borrowed) with first <= time <= last.
 */
int scan_open(struct scan **sc, struct snapshot *s, const uint32_t *ids,
    size_t n, int64_t first, int64_t last, struct ntdb_error *err);
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
 * A run that lies wholly within [first, last] (as given to scan_open and
 * here), comes next, overlaps no other run, and has statistics: then *stats
 * is set (borrowed until the next call), *n, *first_t and *last_t tell its
 * samples, and the run is passed over.  NTDB_END: there is none here, use scan_next_block.
 */
int scan_skip_run(struct scan *sc, int64_t first, int64_t last,
    const struct page_stats **stats, uint32_t *n, int64_t *first_t,
    int64_t *last_t, struct ntdb_error *err);

/*
 * The newest sample at or before last, and at or after first, of one metric
 * (of equal times the one that arrived last), found from the log and then the
 * newest partition backwards, without a state that is complete.  NTDB_END:
 * there is none.
 */
int scan_find_last(struct snapshot *s, uint32_t id, int64_t first,
    int64_t last, int64_t *t, int64_t *m, uint8_t *scale,
    struct ntdb_error *err);

#endif
