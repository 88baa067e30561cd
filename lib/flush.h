/*
 * Floor 5.  Moving samples into pages.
 *
 * Pages are written with the log's epoch E, synced, and count only when a new
 * log of epoch E + 1 that lists the files' new lengths has replaced the old
 * one: that rename is the commit point.  Order of steps, under the lock:
 *
 *   1. each data file is cut back to its committed length; pages are appended
 *   2. data files are synced, then the directory if one is new
 *   3. with strict, catalog.json is replaced if it has grown, and synced
 *   4. the new log is written, synced, renamed; the directory is synced
 *   5. without strict, catalog.json is replaced now: the log has all names
 *   6. the state cache is written
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

/*
 * All samples of the log, in its order, for who looks into it again and
 * again: what is not kept yet is read, if there is room for all of it, and is
 * kept for the next flush.  *c is NULL if not; it is borrowed until the next
 * call of any of these.  The lock is held.
 */
int flusher_kept(struct flusher *f, const struct writer *w,
    const struct chunk **c, struct ntdb_error *err);

/*
 * A chunk for n samples that are to go to pages without the log, up to
 * CHUNK_SAMPLES, behind all samples of the log: that is flushed if need be.
 * The next call must be flush_direct.
 */
int flusher_direct(struct writer *w, uint32_t n, struct chunk **chunk,
    struct ntdb_error *err);

/*
 * Move the log into pages, and with flush_direct also what has been put into
 * the chunk of w->flusher behind it, for which the state has accounted.  The
 * lock is held.  res may be NULL.  After a failure
 * the samples of the log are still there, and w is no longer valid: unlock it.
 */
int flush_log(struct writer *w, struct ntdb_flush_result *res,
    struct ntdb_error *err);
int flush_direct(struct writer *w, struct ntdb_error *err);

/*
 * The same for a log without samples, and only if its header has entries of
 * data files that are void: the new one has none of these.
 */
int flush_renew_log(struct writer *w, struct ntdb_error *err);

/*
 * Cut what a flush that was killed has left in the file of a partition.  Each
 * flush does so where it writes; this is for who wants to write there later,
 * with another epoch, when it could not be told from good pages any more.
 */
int flush_cut_leftover(struct writer *w, struct partition part,
    struct ntdb_error *err);

#endif
