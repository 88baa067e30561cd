#include <string.h>

#include "bytes.h"
#include "entropy.h"
#include "split.h"

#define TABLE_BITS 4		/* what a symbol takes in a code table */
#define MATCH_MIN 4		/* bytes of one that is looked for */
#define CHANGE_BITS 12		/* what the end of a repetition takes */

/* Logarithm to base 2, in 1/256; x >= 1.  It is wrong by 1 % of a bit. */
static uint64_t
log2_256(uint32_t x)
{
	unsigned whole = column_width(x) - 1;
	/* NOLINTNEXTLINE(*UndefinedBinaryOperatorResult): whole <= 31 */
	uint64_t f = ((uint64_t)x << 16 >> whole) - 65536;

	return (uint64_t)whole << 8 |
	    (f + (f * (65536 - f) >> 16) * 22700 / 65536) >> 8;
}

uint64_t
entropy_of_counts(const uint32_t *count, size_t n_counts)
{
	uint64_t n = 0, known = 0, distinct = 0, all;
	size_t i;

	for (i = 0; i < n_counts; i++) {
		if (count[i] == 0)
			continue;
		n += count[i];
		known += count[i] * log2_256(count[i]);
		distinct++;
	}
	if (distinct <= 1)
		return 0;
	all = n * log2_256((uint32_t)n);
	return (all > known ? (all - known) >> 8 : 0) + distinct * TABLE_BITS;
}

/* Slots of a table of where strings were seen. */
#define SEEN 4096

/* Bytes of p that repeat earlier ones. */
static size_t
count_repeats(const uint8_t *p, size_t n)
{
	uint32_t seen[SEEN] = { 0 }, slot;
	size_t i, at, len, total = 0;

	for (i = 0; i + MATCH_MIN <= n; i += len) {
		uint32_t word = get_u32(p + i);

		slot = word * 0x9e3779b1u >> 20;
		at = seen[slot];
		seen[slot] = (uint32_t)i + 1;
		len = 1;
		if (at == 0 || get_u32(p + at - 1) != word)
			continue;
		for (len = MATCH_MIN; i + len < n && len < 258 &&
		    p[at - 1 + len] == p[i + len]; len++)
			;
		total += len;
	}
	return total;
}

uint64_t
entropy_of_bytes(const uint8_t *p, size_t n, uint64_t *least)
{
	uint32_t count[256] = { 0 };
	uint64_t plain;
	size_t i;

	*least = 0;
	for (i = 0; i < n; i++)
		count[p[i]]++;
	plain = entropy_of_counts(count, 256);
	if (n == 0 || plain == 0)
		return 0;
	/* At best, repeated strings take nothing. */
	*least = plain - plain * count_repeats(p, n) / n;
	return plain;
}

/* Symbols of precision 4, with which the kinds of columns are compared. */
#define NUMBER_P 4
#define NUMBER_SYMBOLS 496

uint64_t
entropy_of_numbers(const uint64_t *v, uint32_t n)
{
	uint32_t count[NUMBER_SYMBOLS] = { 0 }, changes = 0, i;
	uint64_t extra = 0, all = 0, last = 0, split, repeats;
	unsigned x;

	for (i = 0; i < n; i++) {
		count[split_symbol(v[i], NUMBER_P, &x)]++;
		extra += x;
		changes += v[i] != last;
		all |= last = v[i];
	}
	split = entropy_of_counts(count, split_symbol(all, NUMBER_P, &x) +
	    (size_t)1) + extra;
	repeats = (uint64_t)changes * (CHANGE_BITS + column_width(all));
	return split < repeats ? split : repeats;
}

/* The finest symbols, from which those of less precision follow. */
#define FINEST SPLIT_P_MAX
#define FINEST_SYMBOLS ((64 - FINEST + 2) << (FINEST - 1))

/*
 * Halve the precision: a symbol of p + 1 becomes one of p.  Returns the
 * extra bits that this makes.
 */
static uint64_t
coarsen(uint32_t *count, size_t n, unsigned p)
{
	size_t i, to;
	uint64_t more = 0;

	/* Up to 2^p - 1 they stay; pairs of the others become one. */
	for (i = (size_t)1 << p; i < n; i++) {
		to = (i >> 1) + ((size_t)1 << (p - 1));
		more += count[i];
		if (to != i) {
			count[to] += count[i];
			count[i] = 0;
		}
	}
	return more;
}

uint64_t
entropy_of_split(const uint64_t *v, uint32_t n, unsigned *p)
{
	uint32_t count[FINEST_SYMBOLS] = { 0 }, i;
	uint64_t extra = 0, all = 0, cost, best = UINT64_MAX;
	unsigned k, x, width;
	size_t n_counts;

	for (i = 0; i < n; i++) {
		count[split_symbol(v[i], FINEST, &x)]++;
		extra += x;
		all |= v[i];
	}
	width = column_width(all);
	/* No symbol is above the one of all bits, in no precision. */
	n_counts = split_symbol(all, FINEST, &x) + (size_t)1;
	for (k = FINEST; k >= 1; k--) {
		if (k < FINEST)
			extra += coarsen(count, n_counts, k);
		if (!split_reaches(width, k))
			continue;
		cost = entropy_of_counts(count, n_counts) + extra;
		if (cost < best) {
			best = cost;
			*p = k;
		}
	}
	return best;
}
