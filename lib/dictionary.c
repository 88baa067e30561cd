#include <stdlib.h>
#include <string.h>

#include "dictionary.h"

/* The slot that has v, or the free one where it belongs. */
static inline uint32_t
slot_of(const struct dictionary *d, int64_t v)
{
	uint64_t h = (uint64_t)v * 0x9e3779b97f4a7c15;
	uint32_t i = (uint32_t)(h >> 40) & d->mask;

	while (d->slots[i].used && d->slots[i].v != v)
		i = (i + 1) & d->mask;
	return i;
}

static int
compare(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

bool
dictionary_make(struct dictionary *d, const int64_t *v, uint32_t n,
    uint32_t most)
{
	uint32_t i, slot;

	if (most > DICTIONARY_MAX)
		most = DICTIONARY_MAX;
	for (d->mask = 16; d->mask < 2 * most; d->mask *= 2)
		;
	d->mask--;
	for (i = 0; i <= d->mask; i++)
		d->slots[i].used = false;
	d->n = 0;
	for (i = 0; i < n; i++) {
		slot = slot_of(d, v[i]);
		if (d->slots[slot].used)
			continue;
		if (d->n == most)
			return false;
		d->slots[slot].used = true;
		d->slots[slot].v = v[i];
		d->sorted[d->n++] = v[i];
	}
	qsort(d->sorted, d->n, sizeof(d->sorted[0]), compare);
	for (i = 0; i < d->n; i++)
		d->slots[slot_of(d, d->sorted[i])].rank = (uint16_t)i;
	return true;
}

void
dictionary_indices(const struct dictionary *d, const int64_t *v, uint32_t n,
    uint64_t *index)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		index[i] = d->slots[slot_of(d, v[i])].rank;
}
