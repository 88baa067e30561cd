#include <stdlib.h>
#include <string.h>

#include "dupset.h"

#define SIZE_MIN 256

void
dupset_release(struct dupset *s)
{
	free(s->at);
	memset(s, 0, sizeof(*s));
}

void
dupset_clear(struct dupset *s)
{
	if (s->n > 0)
		memset(s->at, 0, s->size * sizeof(s->at[0]));
	s->n = 0;
}

static size_t
slot_of(const struct dupset *s, uint32_t id, int64_t t, uint64_t bits,
    bool place)
{
	uint64_t h = (uint64_t)t * UINT64_C(0x9e3779b97f4a7c15);
	size_t i;

	h ^= h >> 32;
	h = (h ^ id ^ bits ^ place) * UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 29;
	for (i = (size_t)h & (s->size - 1); s->at[i].id != 0;
	    i = (i + 1) & (s->size - 1))
		if (s->at[i].t == t && s->at[i].id == id &&
		    s->at[i].bits == bits && s->at[i].place == place)
			break;
	return i;
}

static bool
grow(struct dupset *s)
{
	struct dupset old = *s;
	size_t i;

	s->size = old.size > 0 ? 2 * old.size : SIZE_MIN;
	if ((s->at = calloc(s->size, sizeof(s->at[0]))) == NULL) {
		*s = old;
		return false;
	}
	for (i = 0; i < old.size; i++) {
		const struct dup_entry *e = &old.at[i];

		if (e->id != 0)
			s->at[slot_of(s, e->id, e->t, e->bits, e->place)] =
			    *e;
	}
	free(old.at);
	return true;
}

static bool
add(struct dupset *s, uint32_t id, int64_t t, uint64_t bits, bool place)
{
	struct dup_entry e = { t, bits, id, place };
	size_t i;

	if (2 * s->n >= s->size && !grow(s))
		return false;
	i = slot_of(s, id, t, bits, place);
	if (s->at[i].id == 0) {
		s->at[i] = e;
		s->n++;
	}
	return true;
}

static bool
has(const struct dupset *s, uint32_t id, int64_t t, uint64_t bits,
    bool place)
{
	return s->n > 0 && s->at[slot_of(s, id, t, bits, place)].id != 0;
}

bool
dupset_add_place(struct dupset *s, uint32_t id, int64_t t)
{
	return add(s, id, t, 0, true);
}

bool
dupset_add(struct dupset *s, uint32_t id, int64_t t, uint64_t bits)
{
	return add(s, id, t, bits, false);
}

bool
dupset_has_place(const struct dupset *s, uint32_t id, int64_t t)
{
	return has(s, id, t, 0, true);
}

bool
dupset_has(const struct dupset *s, uint32_t id, int64_t t, uint64_t bits)
{
	return has(s, id, t, bits, false);
}
