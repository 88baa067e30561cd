#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "unpacked.h"

static bool
same_key(const struct unpacked_key *a, const struct unpacked_key *b)
{
	return a->at == b->at && a->file_id == b->file_id &&
	    a->ino == b->ino && a->dev == b->dev && a->crc == b->crc &&
	    a->len == b->len && a->raw_len == b->raw_len &&
	    a->form == b->form;
}

struct unpacked *
unpacked_find(struct unpacked_set *set, const struct unpacked_key *key)
{
	struct unpacked *u;
	size_t i;

	for (i = 0; i < UNPACKED_MAX; i++) {
		if (set->crc[i] != key->crc)
			continue;
		u = &set->at[i];
		if (u->used != 0 && same_key(&u->key, key)) {
			u->used = ++set->clock;
			return u;
		}
	}
	return NULL;
}

void
unpacked_drop(struct unpacked_set *set, struct unpacked *u)
{
	if (u->raw != NULL)
		set->bytes -= u->key.raw_len;
	free(u->raw);
	memset(u, 0, sizeof(*u));
}

/* A vacant place, with room for so many bytes; NULL: all are pinned. */
static struct unpacked *
vacate(struct unpacked_set *set, size_t len)
{
	struct unpacked *old, *u, *vacant, *end = set->at + UNPACKED_MAX;

	for (;;) {
		old = vacant = NULL;
		for (u = set->at; u < end; u++)
			if (u->used == 0)
				vacant = u;
			else if (u->used <= set->pinned &&
			    (old == NULL || u->used < old->used))
				old = u;
		if (vacant != NULL &&
		    (old == NULL || set->bytes + len <= set->limit))
			return vacant;
		if (old == NULL)
			return NULL;
		unpacked_drop(set, old);
	}
}

int
unpacked_add(struct unpacked_set *set, const struct unpacked_key *key,
    struct unpacked **out, struct ntdb_error *err)
{
	struct unpacked *u = vacate(set, key->raw_len);

	if (u == NULL)
		return err_set(err, NTDB_EBUG, "all plain bytes are in use");
	if ((u->raw = malloc(key->raw_len > 0 ? key->raw_len : 1)) == NULL)
		return err_nomem(err);
	u->key = *key;
	set->crc[u - set->at] = key->crc;
	u->used = ++set->clock;
	u->round = set->round;
	set->bytes += key->raw_len;
	*out = u;
	return 0;
}

void
unpacked_spoil(struct unpacked_set *set, struct unpacked *u)
{
	set->bytes -= u->key.raw_len;
	free(u->raw);
	u->raw = NULL;
	set->spoiled = true;
}

void
unpacked_unpin(struct unpacked_set *set)
{
	set->pinned = set->clock;
}

void
unpacked_begin(struct unpacked_set *set)
{
	struct unpacked *u, *end = set->at + UNPACKED_MAX;

	for (u = set->at; u < end && set->spoiled; u++)
		if (u->used != 0 && u->raw == NULL)
			unpacked_drop(set, u);
	set->spoiled = false;
	set->round++;
	unpacked_unpin(set);
}

void
unpacked_release(struct unpacked_set *set)
{
	struct unpacked *u;

	for (u = set->at; u < set->at + UNPACKED_MAX; u++)
		free(u->raw);
	memset(set, 0, sizeof(*set));
}
