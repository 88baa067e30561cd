#include <string.h>

#include "bytes.h"
#include "lattice.h"

/* The moduli that are looked at, and how much a set must leave out. */
static const uint8_t moduli[] = { 10, 20, 25, 50, 100 };
#define FULL_PERCENT 65
#define BETTER_PERCENT 97	/* of what a smaller modulus leaves */
#define OFTEN 6			/* samples that a residue needs */

static inline bool
has(const uint64_t set[2], unsigned i)
{
	return (set[i / 64] >> i % 64 & 1) != 0;
}

/* What is a multiple of the modulus at or below x, and the rest. */
static inline int64_t
floor_of(int64_t x, int64_t by, unsigned *rest)
{
	/* NOLINTNEXTLINE(*DivideZero): a modulus, or the residues it has */
	int64_t q = x / by, r = x % by;

	if (r < 0) {
		q--;
		r += by;
	}
	*rest = (unsigned)r;
	return q;
}

static inline int64_t
steps_from(int64_t v, int64_t v0, uint64_t step)
{
	int64_t d = as_i64((uint64_t)v - (uint64_t)v0);

	return step == 1 ? d : d / as_i64(step);
}

/* The residues modulo `by'; 0 when there are more than most. */
static unsigned
residues(const int64_t *v, uint32_t n, int64_t v0, uint64_t step,
    unsigned by, unsigned most, uint64_t set[2])
{
	unsigned k = 0, rest;
	uint32_t i;

	set[0] = set[1] = 0;
	for (i = 0; i < n; i++) {
		floor_of(steps_from(v[i], v0, step), by, &rest);
		if (has(set, rest))
			continue;
		set[rest / 64] |= (uint64_t)1 << rest % 64;
		if (++k > most)
			return 0;
	}
	return k;
}

bool
lattice_find(const int64_t *v, uint32_t n, int64_t v0, uint64_t step,
    struct lattice *l)
{
	unsigned full = FULL_PERCENT, most, k;
	uint64_t set[2];
	size_t i;

	l->modulus = 0;
	for (i = 0; i < sizeof(moduli); i++) {
		most = moduli[i] * full / 100;
		if (most > n / OFTEN)
			most = n / OFTEN;
		k = most < 1 ? 0 :
		    residues(v, n, v0, step, moduli[i], most, set);
		if (k == 0)
			continue;
		l->modulus = moduli[i];
		memcpy(l->set, set, sizeof(set));
		full = 100 * k / moduli[i] * BETTER_PERCENT / 100;
	}
	return l->modulus != 0;
}

void
lattice_rotate(struct lattice *l, uint64_t steps)
{
	unsigned by = (unsigned)(steps % l->modulus), i, to;
	uint64_t set[2] = { 0, 0 };

	for (i = 0; i < l->modulus; i++)
		if (has(l->set, i)) {
			to = (i + l->modulus - by) % l->modulus;
			set[to / 64] |= (uint64_t)1 << to % 64;
		}
	memcpy(l->set, set, sizeof(set));
}

void
lattice_indices(const struct lattice *l, const int64_t *v, uint32_t n,
    int64_t v0, uint64_t step, int64_t *x)
{
	uint8_t rank[LATTICE_MODULUS_MAX] = { 0 };
	unsigned k = 0, i, rest;
	uint32_t at;

	for (i = 0; i < l->modulus; i++) {
		rank[i] = (uint8_t)k;
		k += has(l->set, i);
	}
	for (at = 0; at < n; at++) {
		int64_t q = floor_of(steps_from(v[at], v0, step), l->modulus,
		    &rest);

		x[at] = q * (int64_t)k + rank[rest];
	}
}

void
lattice_values(const struct lattice *l, const int64_t *x, uint32_t n,
    int64_t v0, uint64_t step, int64_t *v)
{
	uint8_t residue[LATTICE_MODULUS_MAX] = { 0 };
	unsigned k = 0, i, rest;
	uint32_t at;

	for (i = 0; i < l->modulus; i++)
		if (has(l->set, i))
			residue[k++] = (uint8_t)i;
	for (at = 0; at < n; at++) {
		uint64_t q = (uint64_t)floor_of(x[at], k, &rest);

		v[at] = as_i64((uint64_t)v0 +
		    step * (q * l->modulus + residue[rest]));
	}
}
