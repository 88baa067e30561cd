/*
 * Floor 5.  Retention: which data files have expired, and where they go.
 *
 * Whoever removes data files holds maint.lock, and for each removal lock.
 * Between two removals anything may be written, so each is decided anew.
 */
#ifndef NTDB_RETAIN_H
#define NTDB_RETAIN_H

#include "writer.h"

/* One data file, and what becomes of it. */
struct retain_file {
	struct partition part;
	int64_t	first, last;	/* its span */
	uint64_t bytes;
	bool	has_samples;	/* known of files that may hold the newest */
	bool	unreadable;
	int64_t	t_max;		/* of its samples */
	bool	newest;		/* it holds the newest sample, or may */
	bool	expired;
};

/* Invariant: files are in order of the end of their spans. */
struct retain_plan {
	struct retain_file *files;	/* owned */
	size_t	n;
};

/* Whether anything can expire: settings, and a clock that is set. */
bool retain_is_wanted(const struct ntdb *db, const struct manifest *m);

/*
 * Decide, by the manifest and the clock of the root, for what s sees (s is
 * not changed but for all_pages).  NTDB_EBUSY: s is too old, refresh it.
 * release also after a failure.
 */
int retain_plan_make(struct retain_plan *p, struct snapshot *s,
    const struct manifest *m, struct ntdb_error *err);
void retain_plan_release(struct retain_plan *p);

/* The plan's entry for a partition if it has expired, or NULL. */
struct retain_file *retain_plan_find(const struct retain_plan *p,
    struct partition part);

/* What a removal needs.  Invariant: maint.lock is held. */
struct retainer {
	struct writer w;
	struct retain_plan plan;
	uint64_t epoch, nonce, log_pos;	/* of the log when it was made */
	bool	planned;
	bool	lasts_lost;	/* a metric's last sample has been removed */
};

/* Make the plan anew unless nothing was committed since.  lock is held. */
int retain_replan(struct retainer *rt, struct ntdb_error *err);

/*
 * Remove a file for good: unlink it, sync the directory.  lock is held.
 */
int retain_remove(struct retainer *rt, struct partition part,
    struct ntdb_error *err);

/*
 * Append a file that has expired to its archive, then remove it.  lock is
 * held, at the beginning and at the end, but not all the time; after a
 * failure it may not be held.  *changed: the file has grown, or does not
 * expire any more: it is left.
 */
int retain_archive(struct retainer *rt, struct partition part, bool *changed,
    struct ntdb_error *err);

#endif
