/*
 * Floor 5.  What the files that look inside a database share.
 *
 * A database is looked at through a snapshot.  What is damaged is passed
 * over: the first such failure is what the call returns in the end, further
 * ones are told to the root's note function.
 */
#ifndef NTDB_INSPECT_H
#define NTDB_INSPECT_H

#include "snapshot.h"

struct inspection {
	struct snapshot s;
	struct ntdb_error damage;	/* the first; code 0: none so far */
	unsigned refreshed;		/* how often s was opened anew */
};

/* Open; close in any case. */
int inspect_open(struct inspection *in, struct ntdb *db, const char *name,
    struct ntdb_error *err);

/* Release, and return r, or, if that is 0, what was damaged. */
int inspect_close(struct inspection *in, int r, struct ntdb_error *err);

/*
 * A failure to read something.  Damage and newer versions are taken note of:
 * 0, go on without it.  Any other failure is copied to err and returned.
 */
int inspect_failed(struct inspection *in, struct ntdb_error *why,
    struct ntdb_error *err);

/*
 * Open a data file, and the snapshot anew if it has become too old.
 * NTDB_END: the file has vanished or cannot be read, pass over it.
 */
int inspect_file(struct inspection *in, struct partition part,
    struct datafile *f, uint64_t *limit, struct ntdb_error *err);

/* Put the database's name before that of a data file. */
void inspect_qualify(const struct dbdir *d, struct ntdb_error *why);

/* Hand a failure to the caller, as err_set would. */
int inspect_copy(struct ntdb_error *err, const struct ntdb_error *why);

/* The value of a sample of this type from its mantissa and scale. */
union ntdb_value inspect_sample(int type, int64_t m, uint8_t scale);

/* A metric's name with a NUL in buf, or NULL if the id has none. */
const char *inspect_name(const struct state *s, uint32_t id,
    char buf[METRIC_NAME_MAX + 1]);

#endif
