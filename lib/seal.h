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

#include "writer.h"

/*
 * Take maint.lock of a database that is there: *fd is closed to let go of it.
 * NTDB_EBUSY: another process has it, for longer than wait_ns.
 */
int maint_lock(const struct dbdir *d, int64_t wait_ns, int *fd,
    struct ntdb_error *err);

/* A sample that takes the place of all of its metric and time in a file. */
struct seal_edit {
	uint32_t id;
	uint32_t at;		/* the caller's */
	uint8_t	how;		/* enum seal_edit_how */
	bool	is_int;
	uint8_t	scale;		/* a decimal's; 0 for integers */
	bool	found;		/* set: the file had such a sample */
	int64_t	t, m;
};

enum seal_edit_how {
	EDIT_PUT,
	EDIT_IF_FOUND,		/* only where there is one in the file */
	EDIT_DROP		/* the others go, and nothing comes */
};

struct seal_order {
	bool	over;		/* the partition is over: this is remembered */
	bool	(*stop)(void *arg);	/* asked between slices; may be NULL */
	void	*stop_arg;
	/*
	 * Samples of this partition, sorted by id and time, no two of the
	 * same.  The pages with them are of this epoch, and the file is
	 * written anew even if all of it is sealed; but not if there turns
	 * out to be nothing to be changed in it.  NULL: none.
	 */
	struct seal_edit *edits;
	size_t	n_edits;
	uint64_t edits_epoch;
};

/*
 * Seal everything that is committed in the data file of a partition, if there
 * is anything that is not sealed yet.  maint.lock is held, the lock is not.
 * Adds to res.  A file that has vanished, or has been replaced meanwhile, is
 * left alone; NTDB_EBUSY if there were edits for it.  NTDB_ECORRUPT: the file
 * was damaged; what could be read is sealed, and the old file kept under
 * another name, which err tells.  NTDB_EVERSION: parts are of a newer format;
 * nothing was changed.
 */
int seal_partition(struct writer *w, struct partition part,
    const struct seal_order *order, struct ntdb_seal_result *res,
    struct ntdb_error *err);

#endif
