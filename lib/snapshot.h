/*
 * Floor 4.  What one reader sees: a consistent state of a database.
 *
 * The log is opened first; its header gives the epoch and the committed
 * lengths of all data files, its batches up to log_end the newest samples.
 * All of that stays readable whatever writers and flushes do, because nothing
 * that counts is changed in place and a replaced log lives on in its
 * descriptor; data files are opened when they are needed, and whatever has
 * been appended to them since then does not count.  No lock is taken.
 *
 * Names and types come from the state cache or from catalog.json and the log,
 * and are a superset of what the pages hold.
 */
#ifndef NTDB_SNAPSHOT_H
#define NTDB_SNAPSHOT_H

#include "chosen.h"
#include "datafile.h"
#include "dbdir.h"
#include "state.h"

struct snapshot {
	struct dbdir dir;	/* owned */
	struct wal wal;		/* wal.fd == -1: there is no log */
	uint64_t log_end;	/* end of the last valid batch */
	struct state state;	/* names and types; last samples only if
				 * state.complete */
	struct stat cache;	/* of the cache before the state was made; all
				 * zeros: there was none */
	struct chosen_list chosen;	/* owned; from the state */
	bool	all_pages;	/* there is no log, or it is older than the
				 * pages: every complete page counts */
	bool	owned;		/* made by snapshot_open: it can be refreshed */
	struct ntdb_error damage; /* code 0: none.  The log's header, which
				 * is read as if there were no log, or the
				 * catalog, of which a part can be read */
	struct stamp log;	/* of the log, since it is known that what was
				 * read of it stands there */
	struct partition there_part;	/* this data file is in the directory */
	struct stamp there;		/* as long as this holds of it */
	bool	log_known;	/* of the samples in the log: */
	int64_t	log_first, log_last; /* earliest and latest time */
};

/*
 * Open.  NTDB_ENOENT: no such database.  A directory without log and catalog
 * (a manifest made by hand) is an empty database.  release also after a
 * failure.
 */
int snapshot_open(struct snapshot *s, struct ntdb *root, const char *name,
    struct ntdb_error *err);
void snapshot_release(struct snapshot *s);

/*
 * Open again, to see what is there now: ids stay what they were, pointers
 * into the state do not.  If that fails only snapshot_release may follow.
 */
int snapshot_refresh(struct snapshot *s, struct ntdb_error *err);

/*
 * The same for queries, which come one after another: the handle keeps a few
 * snapshots, and lends one that shows what is there now.  *s is to be given
 * back, also if it has been refreshed, with or without success.  NTDB_ENOENT:
 * there is no such database.
 */
int snapshot_borrow(struct snapshot **s, struct ntdb *root, const char *name,
    struct ntdb_error *err);
void snapshot_give_back(struct snapshot *s);

/* Release all that are kept. */
void snapshot_forget_kept(struct ntdb *root);

/*
 * Open a data file and tell up to where it counts.  NTDB_ENOENT: it has
 * vanished (removed by its owner): nothing of it is there to be read.
 * NTDB_EBUSY: the snapshot is too old, because the file has been sealed with
 * samples that are still in this snapshot's log: refresh it, and read anew
 * what has not been used yet.
 */
int snapshot_file(struct snapshot *s, struct partition part,
    struct datafile *f, uint64_t *limit, struct ntdb_error *err);

/* Whether a page within the limit counts: its epoch is below the log's. */
bool snapshot_counts(const struct snapshot *s, const struct page_ref *ref);

#endif
