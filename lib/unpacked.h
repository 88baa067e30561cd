/*
 * Floor 4.  Plain bytes of pages: directories and groups, unpacked, and held
 * so that they need not be unpacked again.
 *
 * A key says which packed bytes they come from and what else decides what
 * becomes of these.  Rounds tell when those packed bytes were seen last: in
 * another round they have to be seen again before the plain ones are used.
 */
#ifndef NTDB_UNPACKED_H
#define NTDB_UNPACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntdb.h"

#define UNPACKED_MAX 256	/* held at once */

struct unpacked_key {
	uint64_t file_id;	/* the file: ... */
	uint64_t dev, ino;	/* ... copies of one have its id */
	uint64_t at;		/* their place in it */
	uint32_t len, crc;	/* of the packed bytes */
	uint32_t raw_len;	/* of the plain ones */
	uint32_t form;		/* codec and layout */
};

struct unpacked {
	struct unpacked_key key;
	uint64_t used;		/* when, by the clock; 0: vacant */
	uint64_t round;		/* in which the packed bytes were seen */
	uint8_t	*raw;		/* owned; NULL: damaged */
};

/*
 * Invariant: bytes is what all raw take together.  It is at most limit once
 * something was added, but for what is pinned and for a single one that is
 * larger.  All zeros but for limit: empty.
 */
struct unpacked_set {
	uint64_t clock, pinned;	/* what was used after pinned stays */
	uint64_t round;
	size_t	bytes, limit;
	bool	spoiled;	/* some may be damaged */
	uint32_t crc[UNPACKED_MAX];	/* those of the keys, close together */
	struct unpacked at[UNPACKED_MAX];
};

/* What is held under a key, now used again; or NULL. */
struct unpacked *unpacked_find(struct unpacked_set *set,
    const struct unpacked_key *key);

/*
 * Room for key->raw_len bytes, of this round; what has not been used for
 * longest makes room.
 */
int unpacked_add(struct unpacked_set *set, const struct unpacked_key *key,
    struct unpacked **u, struct ntdb_error *err);

/* Remember for this round that there is nothing to be had. */
void unpacked_spoil(struct unpacked_set *set, struct unpacked *u);

void unpacked_drop(struct unpacked_set *set, struct unpacked *u);

/* What has been found or added until now may go. */
void unpacked_unpin(struct unpacked_set *set);

/* Begin another round, in which nothing is pinned, seen or damaged yet. */
void unpacked_begin(struct unpacked_set *set);

void unpacked_release(struct unpacked_set *set);

#endif
