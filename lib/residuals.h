/*
 * Floor 2.  Residuals in memory: unsigned numbers, side by side with those of
 * other columns, in bit planes (planes.h) or in byte planes.
 *
 * n values in byte planes of b bytes are b planes of n bytes each, that of
 * the lowest byte first: byte i of plane k is byte k of value i.
 */
#ifndef NTDB_RESIDUALS_H
#define NTDB_RESIDUALS_H

#include <stddef.h>
#include <stdint.h>

/* Residual i is value at + i of the n in planes (borrowed). */
struct residuals {
	const uint8_t *planes;
	uint32_t n, at;
	uint8_t	bits;		/* of bit planes, 0: all residuals are 0 */
	uint8_t	bytes;		/* of byte planes; 0: they are bit planes */
};

/* Read residuals [from, from + n). */
void residuals_read(const struct residuals *in, uint32_t from, uint32_t n,
    uint64_t *r);

/* The sum of residuals [0, n), modulo 2^64, as zigzag writes signed numbers. */
uint64_t residuals_sum(const struct residuals *in, uint32_t n);

/* Write n values of up to `bytes' bytes as byte planes. */
void byte_planes_pack(const uint64_t *v, uint32_t n, unsigned bytes,
    uint8_t *planes);

#endif
