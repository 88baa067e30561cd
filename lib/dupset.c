#include <stdlib.h>
#include <string.h>

#include "bytes.h"
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
slot_of(const struct dupset *s, uint32_t key, int64_t t, uint64_t bits)
{
	uint64_t h = (uint64_t)t * UINT64_C(0x9e3779b97f4a7c15);
	size_t i;

	h ^= h >> 32;
	h = (h ^ key ^ bits) * UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 29;
	for (i = (size_t)h & (s->size - 1); s->at[i].key != 0;
	    i = (i + 1) & (s->size - 1))
		if (s->at[i].t == t && s->at[i].key == key &&
		    s->at[i].bits == bits)
			break;
	return i;
}

/* Room for n entries, with a quarter of the slots free. */
static bool
reserve(struct dupset *s, size_t n)
{
	struct dupset old = *s;
	size_t i;

	if (n <= s->size / 4 * 3)
		return true;
	if (s->size == 0)
		s->size = SIZE_MIN;
	while (n > s->size / 4 * 3)
		s->size *= 2;
	if ((s->at = calloc(s->size, sizeof(s->at[0]))) == NULL) {
		*s = old;
		return false;
	}
	for (i = 0; i < old.size; i++) {
		const struct dup_entry *e = &old.at[i];

		if (e->key != 0)
			s->at[slot_of(s, e->key, e->t, e->bits)] = *e;
	}
	free(old.at);
	return true;
}

bool
dupset_add(struct dupset *s, uint32_t key, int64_t t, uint64_t bits)
{
	struct dup_entry e = { t, bits, key };
	size_t i;

	if (!reserve(s, s->n + 1))
		return false;
	i = slot_of(s, key, t, bits);
	if (s->at[i].key == 0) {
		s->at[i] = e;
		s->n++;
	}
	return true;
}

bool
dupset_has(const struct dupset *s, uint32_t key, int64_t t, uint64_t bits)
{
	return s->n > 0 && s->at[slot_of(s, key, t, bits)].key != 0;
}

bool
dupset_add_doubles(struct dupset *s, uint32_t from, uint32_t to)
{
	size_t i, n = 0;

	for (i = 0; i < s->size; i++)
		n += s->at[i].key == from;
	/* Slots must not move while they are gone through. */
	if (!reserve(s, s->n + n))
		return false;
	for (i = 0; n > 0 && i < s->size; i++) {
		const struct dup_entry e = s->at[i];

		if (e.key == from && !dupset_add(s, to, e.t,
		    f64_bits((double)as_i64(e.bits))))
			return false;
	}
	return true;
}
