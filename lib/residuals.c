#include "bytes.h"
#include "planes.h"
#include "residuals.h"

#define CHUNK 256		/* values that are decoded at a time */
#define BLOCK 64

void
byte_planes_pack(const uint64_t *v, uint32_t n, unsigned bytes,
    uint8_t *planes)
{
	unsigned k;
	uint32_t i;

	for (k = 0; k < bytes; k++)
		for (i = 0; i < n; i++)
			*planes++ = (uint8_t)(v[i] >> 8 * k);
}

void
residuals_read(const struct residuals *in, uint32_t from, uint32_t n,
    uint64_t *r)
{
	const uint8_t *p;
	uint32_t i;
	unsigned k;

	if (in->bytes == 0) {
		planes_unpack(in->planes, in->n, in->bits, in->at + from, n,
		    r);
		return;
	}
	p = in->planes + in->at + from;
	for (i = 0; i < n; i++)
		r[i] = p[i];
	for (k = 1; k < in->bytes; k++) {
		p += in->n;
		for (i = 0; i < n; i++)
			r[i] |= (uint64_t)p[i] << 8 * k;
	}
}

/*
 * The sum of bytes as zigzag writes signed numbers.  A fixed number of them at
 * a time is what compilers make vectors of.
 */
static uint64_t
sum_of_bytes(const uint8_t *p, uint32_t n)
{
	int64_t sum = 0;
	unsigned i;
	int part;

	for (; n >= BLOCK; n -= BLOCK, p += BLOCK) {
		for (part = 0, i = 0; i < BLOCK; i++)
			part += (p[i] >> 1) ^ -(p[i] & 1);
		sum += part;
	}
	for (i = 0; i < n; i++)
		sum += unzigzag(p[i]);
	return (uint64_t)sum;
}

uint64_t
residuals_sum(const struct residuals *in, uint32_t n)
{
	uint64_t r[CHUNK], sum = 0;
	uint32_t i, k, from;

	if (in->bytes == 1)
		return sum_of_bytes(in->planes + in->at, n);
	for (from = 0; from < n; from += k) {
		k = n - from < CHUNK ? n - from : CHUNK;
		residuals_read(in, from, k, r);
		for (i = 0; i < k; i++)
			sum += (uint64_t)unzigzag(r[i]);
	}
	return sum;
}
