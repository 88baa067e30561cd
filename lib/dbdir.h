/*
 * Floor 4.  A database's directory.
 *
 * It is made complete under a temporary name and renamed, so that any number
 * of first writers make one.  lock is held exclusively for one commit or one
 * flush; both lock files are empty, and never renamed or removed.
 */
#ifndef NTDB_DBDIR_H
#define NTDB_DBDIR_H

#include <sys/types.h>

#include "partition.h"
#include "root.h"

#define DBDIR_CATALOG "catalog.json"
#define DBDIR_MANIFEST "manifest.ini"
#define DBDIR_LOCK "lock"
#define DBDIR_MAINT_LOCK "maint.lock"

struct dbdir {
	struct ntdb *root;		/* borrowed */
	char	name[DB_NAME_MAX + 1];
	char	wal[DB_NAME_MAX + 8];	/* NAME.wal */
	char	cache[DB_NAME_MAX + 8];	/* NAME.cache */
	int	fd;
	struct stat st;			/* of fd, when it was last looked at */
	char	*wal_path, *lock_path;	/* for messages: NAME/NAME.wal ... */
	char	*catalog_path, *manifest_path;
	struct io_owner owner;		/* of new files */
	const char *defaults;		/* borrowed, may be NULL: sections of
					 * a manifest that a new one states */
};

/* Open for reading.  NTDB_ENOENT: no such database (or root). */
int dbdir_open(struct dbdir *d, struct ntdb *root, const char *name,
    struct ntdb_error *err);

/* That making a directory takes: manifest, catalog, log (two), root. */
#define DBDIR_CREATE_SYNCS 5

/*
 * Open for writing, making root and directory (complete: manifest, catalog,
 * log, locks) if they are missing.  defaults is NULL, or sections that a new
 * manifest is to state.
 */
int dbdir_create(struct dbdir *d, struct ntdb *root, const char *name,
    const char *defaults, struct ntdb_error *err);
void dbdir_close(struct dbdir *d);

/*
 * Add the locks and the manifest to a directory that somebody has made by
 * hand, if they are missing.
 */
int dbdir_complete(const struct dbdir *d, struct ntdb_error *err);

/*
 * Give a file of the database another name beside its own, under which it is
 * kept, and tell of it: `WHAT, kept as NAME'.  One that was killed may have
 * done so.  Where the file system has no links only that is told.
 */
int dbdir_keep(const struct dbdir *d, const char *file, const char *name,
    const char *display, const char *what, struct ntdb_error *err);

/* The manifest in force; m is to be released. */
int dbdir_manifest(const struct dbdir *d, struct manifest *m,
    struct ntdb_error *err);

/*
 * The partitions that have a data file and overlap [first, last], in order
 * of (first nanosecond, kind).  *parts is owned by the caller (free).
 */
int dbdir_partitions(const struct dbdir *d, int64_t first, int64_t last,
    struct partition **parts, size_t *n, struct ntdb_error *err);

#endif
