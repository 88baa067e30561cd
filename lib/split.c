#include "bytes.h"
#include "split.h"

size_t
split_pack(const uint64_t *v, uint32_t n, unsigned p, uint8_t *symbols,
    uint8_t *extra)
{
	uint64_t held = 0;		/* bits not yet written, */
	unsigned n_held = 0, x;		/* less than 8 */
	uint8_t *to = extra;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t low;

		symbols[i] = (uint8_t)split_symbol(v[i], p, &x);
		low = v[i] & (((uint64_t)1 << x) - 1);
		if (x > 32) {
			held |= (low & UINT32_MAX) << n_held;
			put_u32(to, (uint32_t)held);
			to += 4;
			held >>= 32;
			low >>= 32;
			x -= 32;
		}
		held |= low << n_held;
		n_held += x;
		put_u64(to, held);
		to += n_held / 8;
		held >>= n_held / 8 * 8;
		n_held %= 8;
	}
	return (size_t)(to - extra) + (n_held > 0);
}

/* Extra bits on their way in. */
struct bits {
	const uint8_t *p, *end;
	uint64_t held;
	unsigned n;		/* bits in held */
};

/* Have at least 32 bits at hand, or all that are left. */
static inline void
fill(struct bits *b)
{
	if (b->end - b->p >= 8) {
		b->held |= get_u64(b->p) << b->n;
		b->p += (63 - b->n) / 8;
		b->n |= 56;
		return;
	}
	while (b->n <= 56 && b->p < b->end) {
		b->held |= (uint64_t)*b->p++ << b->n;
		b->n += 8;
	}
}

/* Take x bits, x <= 32; without them *bad is set. */
static inline uint64_t
take(struct bits *b, unsigned x, bool *bad)
{
	uint64_t v;

	if (b->n < x)
		fill(b);
	*bad |= b->n < x;
	v = b->held & (((uint64_t)1 << x) - 1);
	b->held >>= x;
	b->n = b->n < x ? 0 : b->n - x;
	return v;
}

bool
split_unpack(uint8_t *planes, uint32_t n, unsigned bytes, unsigned p,
    const uint8_t *extra, size_t len)
{
	struct bits b = { extra, extra + len, 0, 0 };
	unsigned half = 1u << (p - 1), k, x;
	bool bad = false;
	uint32_t i;

	for (i = 0; i < n; i++) {
		unsigned symbol = planes[i];
		uint64_t v = symbol;

		if (symbol >= 2 * half) {
			x = symbol / half - 1;
			if (p + x > 8 * bytes)
				return false;
			v = (uint64_t)(half + symbol % half) << x;
			if (x > 32) {
				v |= take(&b, 32, &bad);
				v |= take(&b, x - 32, &bad) << 32;
			} else {
				v |= take(&b, x, &bad);
			}
		}
		for (k = 0; k < bytes; k++)
			planes[(size_t)k * n + i] = (uint8_t)(v >> 8 * k);
	}
	return !bad && b.p == b.end && b.n < 8;
}
