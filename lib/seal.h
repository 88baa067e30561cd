/*
 * Floor 5.  Sealing: the pages of a data file are written anew, few and
 * large, into a file that takes the old one's place.
 *
 * Who seals holds maint.lock, so that there is one such process.  Readers and
 * writers go on meanwhile; the lock is taken only to look at the log, and for
 * the last step:
 *
 *   1. the pages that count are read, and written as sealed pages to a
 *      temporary file, which is synced
 *   2. under the lock: pages that a flush has appended since are copied
 *      behind them, as they are; the header is written, the file synced
 *   3. it is renamed over the old one; the directory is synced
 */
#ifndef NTDB_SEAL_H
#define NTDB_SEAL_H

#include "rewrite.h"
#include "writer.h"

/*
 * Take maint.lock of a database that is there: *fd is closed to let go of it.
 * NTDB_EBUSY: another process has it, for longer than wait_ns.
 */
int maint_lock(const struct dbdir *d, int64_t wait_ns, int *fd,
    struct ntdb_error *err);

struct seal_order {
	bool	over;		/* the partition is over: this is remembered */
	bool	(*stop)(void *arg);	/* asked between slices; may be NULL */
	void	*stop_arg;
	/*
	 * Samples of this partition, sorted by id and time: they take the
	 * place of all that are stored of that metric and time.  Then the
	 * pages with them are of this epoch, and the file is written anew
	 * even if all of it is sealed.  NULL: none.
	 */
	const struct rewrite_sample *edits;
	size_t	n_edits;
	uint64_t edits_epoch;
};

/*
 * Seal everything that is committed in the data file of a partition, if there
 * is anything that is not sealed yet.  maint.lock is held, the lock is not.
 * Adds to res.  A file that has vanished, or has been replaced meanwhile, is
 * left alone.  NTDB_ECORRUPT: the file was damaged; what could be read is
 * sealed, and the old file kept under another name, which err tells.
 * NTDB_EVERSION: parts are of a newer format; nothing was changed.
 */
int seal_partition(struct writer *w, struct partition part,
    const struct seal_order *order, struct ntdb_seal_result *res,
    struct ntdb_error *err);

#endif
