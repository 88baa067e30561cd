#include "planes.h"
#include "residuals.h"

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
