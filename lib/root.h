/*
 * Floor 4.  The root directory and the handle on it.
 */
#ifndef NTDB_ROOT_H
#define NTDB_ROOT_H

#include <sys/stat.h>
#include <sys/types.h>

#include "buf.h"
#include "config.h"
#include "io.h"
#include "ntdb.h"
#include "stamp.h"

#define INTERNAL_DB "internal"
#define DB_NAME_MAX 64

struct kept;
struct pagecache;

/* The root's entries, but for files. */
struct root_entries {
	struct buf names;		/* owned; one after the other, each
					 * with its NUL */
	struct stamp stamp;		/* as long as it holds these are all */
};

struct ntdb {
	char	*path;			/* owned */
	int	fd;			/* the root directory, -1: not open */
	dev_t	dev;			/* of fd; ino 0: not known yet */
	ino_t	ino;
	struct kept *kept;		/* snapshots between queries, or
					 * NULL: see snapshot.h */
	struct pagecache *pages;	/* not lent, or NULL: see
					 * pagecache.h */
	struct root_entries entries;
	struct ntdb_options opt;	/* opt.root is not used */
	bool	has_engine;
	struct engine_config engine;	/* owned, if has_engine */
};

/*
 * Open the root directory; with create make it, and engine.ini in it, if
 * they are missing.  Nothing happens if it is open already (but for
 * engine.ini), unless another directory has taken its place.  NTDB_ENOENT,
 * NTDB_EPERM, NTDB_ECREATE.
 */
int root_open(struct ntdb *db, bool create, struct ntdb_error *err);

/* Sync the directory that the root itself stands in, if that may be read. */
int root_sync_parent(const struct ntdb *db, struct ntdb_error *err);

/*
 * What may be databases: valid names, and no files.  Sorted; freed as those of
 * ntdb_databases.
 */
int root_names(struct ntdb *db, char ***names, size_t *n,
    struct ntdb_error *err);

/* 1 or 0: whether a directory of that valid name in the root is a database. */
int root_has_database(const struct ntdb *db, const char *name,
    struct ntdb_error *err);

/* Read engine.ini, once. */
int root_engine(struct ntdb *db, const struct engine_config **engine,
    struct ntdb_error *err);

/* Tell the caller what is worth knowing. */
void root_note(const struct ntdb *db, const struct ntdb_error *what);

#endif
