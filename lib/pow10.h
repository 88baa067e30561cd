/*
 * Floor 0.  Powers of ten to 128 bits, and the wide product that goes with
 * them.
 */
#ifndef NTDB_POW10_H
#define NTDB_POW10_H

#include <stdint.h>

/* hi * 2^64 + lo */
struct wide {
	uint64_t hi, lo;
};

#define POW10_MIN (-342)
#define POW10_MAX 324

/* From 10^0 to 10^55 the 128 bits are the whole power. */
#define POW10_EXACT_MIN 0
#define POW10_EXACT_MAX 55

/*
 * pow10_wide[q - POW10_MIN] is T with 2^127 <= T < 2^128 and
 * T <= 10^q * 2^(127 - pow10_log2(q)) < T + 1.
 */
extern const struct wide pow10_wide[POW10_MAX - POW10_MIN + 1];

/* floor(log2(10^q)), for |q| <= 345. */
static inline int
pow10_log2(int q)
{
	return (q * 1741647) >> 19;
}

/* a * b in 128 bits, from four products of 32 bits. */
static inline struct wide
wide_mul_portable(uint64_t a, uint64_t b)
{
	uint64_t al = a & UINT32_MAX, ah = a >> 32;
	uint64_t bl = b & UINT32_MAX, bh = b >> 32;
	uint64_t ll = al * bl, lh = al * bh, hl = ah * bl;
	uint64_t mid = (ll >> 32) + (lh & UINT32_MAX) + (hl & UINT32_MAX);
	struct wide r;

	r.hi = ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32);
	r.lo = (mid << 32) | (ll & UINT32_MAX);
	return r;
}

static inline struct wide
wide_mul(uint64_t a, uint64_t b)
{
#if defined(__SIZEOF_INT128__) && !defined(NTDB_NO_INT128)
	__extension__ typedef unsigned __int128 u128;
	u128 p = (u128)a * b;
	struct wide r;

	r.hi = (uint64_t)(p >> 64);
	r.lo = (uint64_t)p;
	return r;
#else
	return wide_mul_portable(a, b);
#endif
}

/* Leading zero bits of x, which is not 0. */
static inline int
wide_clz(uint64_t x)
{
#if defined(__GNUC__)
	return __builtin_clzll(x);
#else
	int n = 0;

	for (; x < UINT64_C(1) << 63; x <<= 1)
		n++;
	return n;
#endif
}

/* Zero bits of x, which is not 0, below its lowest one. */
static inline int
wide_ctz(uint64_t x)
{
#if defined(__GNUC__)
	return __builtin_ctzll(x);
#else
	return 63 - wide_clz(x & (0 - x));
#endif
}

#endif
