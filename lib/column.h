/*
 * Floor 2.  Columns: what a series of integers becomes before it is packed.
 *
 * All arithmetic is modulo 2^64, so that nothing overflows whatever bytes are
 * read.  A form of order 0 means  v[i] = base + gcd * r[i];  one of order 1
 * means  v[0] = base,  v[i] = v[i - 1] + gcd * unzigzag(r[i - 1]).  The r are
 * the residuals, of width bits each; with width 0 there are none and they all
 * count as zero.
 */
#ifndef NTDB_COLUMN_H
#define NTDB_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "residuals.h"

/* How a run's values are stored, as told to people. */
enum column_coding {
	COLUMN_CONST,		/* all the same */
	COLUMN_INT,		/* integers */
	COLUMN_DECIMAL,		/* decimals of one common scale */
	COLUMN_MIXED,		/* such decimals, and exceptions */
	COLUMN_RAW,		/* the bits of doubles, as integers */
	COLUMN_LATTICE,		/* indices of a lattice (lattice.h) */
	COLUMN_DICTIONARY	/* indices of a dictionary */
};

struct column_form {
	int64_t	base;
	uint64_t gcd;		/* 1 or more */
	uint8_t	order;		/* 0 or 1 */
	uint8_t	width;
};

/* Residuals that a column of n values has. */
static inline uint32_t
column_residuals(uint32_t n, unsigned order, unsigned width)
{
	return width == 0 ? 0 : n - order;
}

/* Bits that v needs. */
static inline unsigned
column_width(uint64_t v)
{
#if defined(__GNUC__)
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
#else
	unsigned w = 0;

	for (; v != 0; v >>= 1)
		w++;
	return w;
#endif
}

/*
 * Choose the form of v[0 .. n), n >= 1, and write its residuals to r (room
 * for n).  *bits is set to an estimate of what they take when packed.
 */
void column_fit(const int64_t *v, uint32_t n, struct column_form *f,
    uint64_t *r, uint64_t *bits);

/*
 * The form of order 0 of v[0 .. n), n >= 1, and its residuals.  If its width
 * is 0, they are not set.
 */
void column_quotients(const int64_t *v, uint32_t n, struct column_form *f,
    uint64_t *r);

/* The residuals of order 1 of n quotients; returns their width. */
uint8_t column_deltas(const uint64_t *q, uint32_t n, uint64_t *r);

/*
 * Values [from, from + n) of a column; in is not looked at if its width is 0.
 * v may not overlap the planes.
 */
void column_read(const struct column_form *f, const struct residuals *in,
    uint32_t from, uint32_t n, int64_t *v);

/*
 * Times: t[0] = first and t[i] = t[i - 1] + step * (usual + unzigzag(r[i - 1])).
 * rest is the sum of those unzigzag(r), so that the last time is
 * first + step * (usual * (n - 1) + rest).
 */
struct column_times {
	int64_t	first;
	uint64_t step;		/* common divisor of the deltas, 1 or more */
	uint64_t usual;		/* delta, in steps */
	int64_t	rest;
	uint8_t	width;
};

/* Choose the form of t[0 .. n), not decreasing; r has room for n. */
void column_times_fit(const int64_t *t, uint32_t n, struct column_times *f,
    uint64_t *r);

/* The last of n times. */
static inline int64_t
column_times_last(const struct column_times *f, uint32_t n)
{
	return (int64_t)((uint64_t)f->first +
	    f->step * (f->usual * (n - 1) + (uint64_t)f->rest));
}

/* As column_read. */
void column_times_read(const struct column_times *f,
    const struct residuals *in, uint32_t from, uint32_t n, int64_t *t);

/*
 * Choose the scale that most of the decimals (m[i], scale[i]) can be brought
 * to without leaving the bounds of number.h.  Returns how many can; 0: they
 * all are raw, and *common is not set.
 */
uint32_t column_scale_fit(const int64_t *m, const uint8_t *scale, uint32_t n,
    uint8_t *common);

/*
 * Bring decimals to a common scale.  One that cannot be gets the value of its
 * neighbour in v, and its index in except (room for all of them).
 * Returns the number of those.
 */
uint32_t column_scale_to(const int64_t *m, const uint8_t *scale, uint32_t n,
    uint8_t common, int64_t *v, uint32_t *except);

#endif
