/*
 * Floor 2.  Numbers split in two: a symbol, worth compressing, and the bits
 * below, which are noise.
 *
 * With a precision p of 1 to SPLIT_P_MAX, a number of up to p bits is its own
 * symbol and has no extra bits.  Of a longer one, of p + x bits, the x lowest
 * are extra, and the symbol is (x << (p - 1)) + the p highest: the symbols of
 * greater numbers are greater.  Extra bits follow each other, the lowest
 * first, from the least significant bit of each byte on.
 */
#ifndef NTDB_SPLIT_H
#define NTDB_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "column.h"

#define SPLIT_P_MAX 6

/* The symbol of a number, and how many bits it leaves. */
static inline unsigned
split_symbol(uint64_t v, unsigned p, unsigned *extra)
{
	unsigned width = column_width(v);

	*extra = width <= p ? 0 : width - p;
	return (*extra << (p - 1)) + (unsigned)(v >> *extra);
}

/* Whether all numbers of a width have symbols of one byte. */
static inline bool
split_reaches(unsigned width, unsigned p)
{
	return width <= p || (width - p + 2) << (p - 1) <= 256;
}

/*
 * Write n symbols, and the extra bits to extra, which has room for them and
 * for 8 bytes more.  Returns the bytes of extra bits.
 */
size_t split_pack(const uint64_t *v, uint32_t n, unsigned p,
    uint8_t *symbols, uint8_t *extra);

/*
 * Make byte planes (residuals.h) of n symbols, which stand where the first
 * plane will, and their extra bits, len bytes.  False if a number is longer
 * than `bytes' bytes, or len is not what the symbols call for.
 */
bool split_unpack(uint8_t *planes, uint32_t n, unsigned bytes, unsigned p,
    const uint8_t *extra, size_t len);

#endif
