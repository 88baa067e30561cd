/*
 * Floor 2.  Bit planes.
 *
 * n values of width bits become width planes of (n + 7) / 8 bytes each, the
 * plane of bit 0 first.  Bit i % 8 (least significant first) of byte i / 8 of
 * plane k is bit k of value i; the bits after the last value are zero.
 */
#ifndef NTDB_PLANES_H
#define NTDB_PLANES_H

#include <stddef.h>
#include <stdint.h>

/* Values are packed and unpacked in eights. */
#define PLANES_STEP 8

/* Bytes that the planes of n values take. */
static inline uint64_t
planes_len(uint32_t n, unsigned width)
{
	return ((uint64_t)n + 7) / 8 * width;
}

/*
 * Write the planes of v[0 .. n), planes_len bytes.  v has room for a multiple
 * of PLANES_STEP values; those behind n are overwritten.  No value has more
 * than width bits.
 */
void planes_pack(uint64_t *v, uint32_t n, unsigned width, uint8_t *planes);

/*
 * Read the low width bits of values [at, at + n) from the planes of n_all
 * values, at + n <= n_all.
 */
void planes_unpack(const uint8_t *planes, uint32_t n_all, unsigned width,
    uint32_t at, uint32_t n, uint64_t *v);

#endif
