#include <string.h>

#include "bytes.h"
#include "planes.h"

/*
 * Transpose an 8 x 8 matrix of bits, row i in byte i: blocks of 1, 2 and 4
 * bits change places across the diagonal (Warren, Hacker's Delight, 7-3).
 */
static inline uint64_t
transpose(uint64_t x)
{
	uint64_t t;

	t = (x ^ x >> 7) & 0x00aa00aa00aa00aa;
	x ^= t ^ t << 7;
	t = (x ^ x >> 14) & 0x0000cccc0000cccc;
	x ^= t ^ t << 14;
	t = (x ^ x >> 28) & 0x00000000f0f0f0f0;
	x ^= t ^ t << 28;
	return x;
}

/* Up to eight planes, from the eight bits of the values at shift. */
static void
pack_byte(const uint64_t *v, size_t len, unsigned shift, unsigned n_planes,
    uint8_t *planes)
{
	size_t i;
	unsigned k;

	for (i = 0; i < len; i++, v += PLANES_STEP) {
		uint64_t x = 0;

		for (k = 0; k < 8; k++)
			x |= (v[k] >> shift & 0xff) << 8 * k;
		x = transpose(x);
		for (k = 0; k < n_planes; k++)
			planes[k * len + i] = (uint8_t)(x >> 8 * k);
	}
}

void
planes_pack(uint64_t *v, uint32_t n, unsigned width, uint8_t *planes)
{
	size_t len = ((size_t)n + 7) / 8;
	unsigned shift;

	if (n % 8 != 0)
		memset(v + n, 0, (8 - n % 8) * sizeof(*v));
	for (shift = 0; shift < width; shift += 8) {
		unsigned k = width - shift < 8 ? width - shift : 8;

		pack_byte(v, len, shift, k, planes + shift * len);
	}
}

/* Eight values from byte i of each of the planes. */
static inline void
unpack_step(const uint8_t *planes, size_t len, unsigned width, size_t i,
    uint64_t *v)
{
	const uint8_t *p = planes + i;
	unsigned shift, j, k;

	for (shift = 0; shift < width; shift += 8) {
		uint64_t x = 0;

		k = width - shift < 8 ? width - shift : 8;
		for (j = 0; j < k; j++, p += len)
			x |= (uint64_t)*p << 8 * j;
		x = transpose(x);
		if (shift == 0)
			for (j = 0; j < 8; j++)
				v[j] = x >> 8 * j & 0xff;
		else
			for (j = 0; j < 8; j++)
				v[j] |= (x >> 8 * j & 0xff) << shift;
	}
}

void
planes_unpack(const uint8_t *planes, uint32_t n_all, unsigned width,
    uint32_t at, uint32_t n, uint64_t *v)
{
	size_t len = ((size_t)n_all + 7) / 8, i = at / 8;
	uint32_t skip = at % 8, k;
	uint64_t part[8];

	if (width == 0) {
		memset(v, 0, n * sizeof(*v));
		return;
	}
	/* What does not begin or end with a byte goes by way of part. */
	if (skip > 0 && n > 0) {
		k = 8 - skip < n ? 8 - skip : n;
		unpack_step(planes, len, width, i++, part);
		memcpy(v, part + skip, k * sizeof(*v));
		v += k;
		n -= k;
	}
	for (; n >= 8; n -= 8, v += 8)
		unpack_step(planes, len, width, i++, v);
	if (n > 0) {
		unpack_step(planes, len, width, i, part);
		memcpy(v, part, n * sizeof(*v));
	}
}
