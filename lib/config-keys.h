/*
 * Floor 3.  The keys of engine.ini and manifest.ini, as tables that drive
 * reading, checking, templates and listings.
 */
#ifndef NTDB_CONFIG_KEYS_H
#define NTDB_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"

enum key_kind {
	KEY_SWITCH,		/* bool: yes or no */
	KEY_EITHER,		/* bool: the first or the second choice */
	KEY_CHOICE,		/* an enum: one of the choices */
	KEY_DURATION,		/* int64_t nanoseconds */
	KEY_DAYS,		/* int64_t */
	KEY_COUNT,		/* uint64_t */
	KEY_SIZE,		/* uint64_t bytes */
	KEY_STRING,		/* char *, not empty */
	KEY_OPTIONAL,		/* char *, NULL if empty */
	KEY_METRIC,		/* the same, of what a metric's name may hold */
	KEY_FILE,		/* char *, a name in the database's directory */
	KEY_ADDRESS,		/* char *, HOST:PORT */
	KEY_PATTERNS,		/* struct str_list of globs */
	KEY_AGGREGATES,		/* struct str_list of aggregates */
	KEY_FSYNC		/* struct engine_config's fsync_... */
};

/* A key, and the member of its structure (at offset) that holds it. */
struct key {
	const char *section, *name;
	enum key_kind kind;
	size_t	offset;
	const char *value;	/* the default; NULL: left to the reader */
	uint64_t min, max;	/* of numbers, inclusive */
	const char *const *choices;	/* ends with NULL */
	const char *comment;	/* for the template; `|' ends a line */
};

struct key_table {
	const struct key *keys;
	size_t	n;
};

extern const struct key_table engine_keys;	/* of struct engine_config */
extern const struct key_table manifest_keys;	/* of struct manifest */
extern const struct key_table rollup_keys;	/* of struct rollup_job */

/* Where a value was found. */
struct place {
	const char *display;
	int64_t	line;
};

/* Index of a key, or -1. */
long key_find(const struct key_table *t, const char *section,
    const char *name);

/* Whether the table has that section. */
bool key_has_section(const struct key_table *t, const char *section);

/*
 * The known name nearest to what was written, if it is one or two edits
 * away, else NULL: of the keys in a section, or of the sections.
 */
const char *key_guess(const struct key_table *t, const char *section,
    const char *name);
const char *key_guess_section(const struct key_table *t, const char *name);

/* Read a value into the structure at base.  NTDB_ECONFIG if it is bad. */
int key_set(const struct key *k, void *base, const char *value,
    const struct place *at, struct ntdb_error *err);

/* Add the value as text that key_set reads as the same. */
void key_format(const struct key *k, const void *base, struct buf *out);

/* Set all keys to their defaults in a structure that is all zero. */
int key_set_defaults(const struct key_table *t, void *base,
    struct ntdb_error *err);

/*
 * The defaults for a manifest, over which those of engine (may be NULL) are
 * read; stated[i] (may be NULL) is set for each key that the engine states.
 */
int manifest_init(struct manifest *m, const struct engine_config *engine,
    bool *stated, struct ntdb_error *err);

/* Free what the keys of a structure own. */
void key_release_all(const struct key_table *t, void *base);

#endif
