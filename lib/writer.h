/*
 * Floor 5.  A database as a writer holds it: directory, lock, log, state.
 *
 * Between writer_lock and writer_unlock the exclusive lock is held, the log
 * that is open is the one at its path, its torn tail is cut, and the state
 * accounts for all of it.  Outside nothing may be assumed: another process
 * may have committed or flushed.
 */
#ifndef NTDB_WRITER_H
#define NTDB_WRITER_H

#include "dbdir.h"
#include "snapshot.h"
#include "state.h"

struct writer {
	struct dbdir dir;		/* owned */
	int	lock_fd;
	struct manifest manifest;	/* owned; read anew when it changes */
	int64_t	manifest_mtime_ns;
	bool	has_manifest;
	const struct engine_config *engine;	/* borrowed from the root */
	struct wal wal;			/* owned */
	struct state state;		/* owned; valid if wal is open */
	bool	locked;
	bool	valid;			/* wal and state agree with the disk */
	uint32_t generation;		/* another one: ids may have changed */
	struct flusher *flusher;	/* borrowed; NULL: flushes have their own */
	uint32_t n_recoveries;		/* not counted yet */
	uint32_t n_syncs;		/* the same */
	bool	swept;			/* of temporary files, by a flush */
	uint64_t flush_failed_at;	/* log's size when a flush failed; 0 */
};

/* Open, making the database if create; otherwise it may be NTDB_ENOENT. */
int writer_open(struct writer *w, struct ntdb *root, const char *name,
    bool create, struct ntdb_error *err);
void writer_close(struct writer *w);

/* Take the lock and catch up with what others have done. */
int writer_lock(struct writer *w, struct ntdb_error *err);
void writer_unlock(struct writer *w);

/*
 * Append a batch to the log and account for `samples' in it; the state
 * already does.  sync: as wal.fsync_policy = always.  On failure nothing was
 * stored, and the state is dropped (writer_lock loads it anew).
 */
int writer_append(struct writer *w, struct batch *b, uint64_t samples,
    bool sync, struct ntdb_error *err);

/* Whether the log has passed a limit of [page] or its maximum size. */
bool writer_flush_is_due(const struct writer *w);

/* What a writer that holds the lock sees, for reading: borrows all. */
void writer_view(const struct writer *w, struct snapshot *view);

/*
 * Make the last samples and max_id of w->state from log and pages
 * (rebuild.c).  *newer is set to the highest epoch of a page if the log is
 * older than that, else 0.
 */
int writer_rebuild(struct writer *w, uint64_t *newer,
    struct ntdb_error *err);

/*
 * Put a new log in the place of one that is missing or unreadable: all
 * complete pages count, the epoch is above all of them (adopt.c).  The log is
 * not opened.
 */
int writer_adopt_pages(struct writer *w, struct ntdb_error *err);

/*
 * The same for a log that is older than the pages, in steps, so that it is
 * there with all its samples until the new one has them: make one at `temp';
 * append, when that is open and its state is made, those records of the old
 * one that are not in the pages; sync it, and put it in the old one's place.
 */
int writer_begin_log(struct writer *w, const struct wal *old,
    const char *temp, struct ntdb_error *err);
int writer_carry_over(struct writer *w, const struct wal *old,
    struct ntdb_error *err);
int writer_put_log(struct writer *w, const char *temp,
    struct ntdb_error *err);

#endif
