/*
 * Floor 5.  Moving samples into pages.
 *
 * Pages are written with the log's epoch E, synced, and count only when a new
 * log of epoch E + 1 that lists the files' new lengths has replaced the old
 * one: that rename is the commit point.  Order of steps, under the lock:
 *
 *   1. each data file is cut back to its committed length; pages are appended
 *   2. data files are synced, then the directory if one is new
 *   3. catalog.json is replaced if it has grown (and synced, with strict)
 *   4. the new log is written, synced, renamed; the directory is synced
 *   5. the state cache is written
 */
#ifndef NTDB_FLUSH_H
#define NTDB_FLUSH_H

#include "writer.h"

/*
 * Memory that flushes need, for those who flush again and again; a writer
 * borrows it.  It serves one flush at a time, of any database.
 */
struct flusher;
struct chunk;

int flusher_new(struct flusher **f, struct ntdb_error *err);
void flusher_free(struct flusher *f);

/*
 * A flush need not read from the log what this process has just logged.  If
 * there is room, n samples that are about to be logged may be put into the
 * chunk which this returns (else NULL), all of them in the log's order.
 * They count from flusher_logged on, when their batch is in the log; without
 * that the next call drops them.  The lock is held all the while.
 */
struct chunk *flusher_chunk(struct flusher *f, const struct writer *w,
    uint32_t n);
void flusher_logged(struct flusher *f, const struct writer *w);

/* Samples that go to pages without having been in the log, by arrival. */
struct flush_extra {
	const uint32_t *id;
	const int64_t *t, *m;
	const uint8_t *scale;	/* 0 for integers */
	size_t	n;
};

/*
 * Move the log, and extra (NULL: none) behind it, into pages.  The lock is
 * held, the state has accounted for extra.  res may be NULL.  After a failure
 * the samples of the log are still there, and w is no longer valid: unlock it.
 */
int flush_log(struct writer *w, const struct flush_extra *extra,
    struct ntdb_flush_result *res, struct ntdb_error *err);

/*
 * The same for a log without samples, and only if its header has entries of
 * data files that are void: the new one has none of these.
 */
int flush_renew_log(struct writer *w, struct ntdb_error *err);

#endif
