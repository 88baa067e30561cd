#include "bytes.h"
#include "column.h"

/* Values that are decoded at a time. */
#define CHUNK 256

/*
 * A divisor as an odd number times a power of two.  A multiple of it is
 * divided exactly by a shift and a product with the inverse of the odd part
 * modulo 2^64; a number is a multiple of the odd part if and only if that
 * product is not above the greatest possible quotient (Granlund and
 * Montgomery 1994, section 9).
 */
struct divisor {
	uint64_t g, mask, inverse, most;
	unsigned shift;
};

static void
divisor_init(struct divisor *d, uint64_t g)
{
	uint64_t odd = g, x;
	int i;

	d->g = g;
	for (d->shift = 0; (odd & 1) == 0; d->shift++)
		odd >>= 1;
	d->mask = ((uint64_t)1 << d->shift) - 1;
	d->most = UINT64_MAX / odd;
	/* Newton's iteration doubles the correct low bits, 3 at first. */
	for (x = odd, i = 0; i < 5; i++)
		x *= 2 - odd * x;
	d->inverse = x;
}

static inline uint64_t
divisor_quotient(const struct divisor *d, uint64_t v)
{
	return (v >> d->shift) * d->inverse;
}

static inline bool
divisor_divides(const struct divisor *d, uint64_t v)
{
	return (v & d->mask) == 0 && divisor_quotient(d, v) <= d->most;
}

static uint64_t
gcd_of(uint64_t a, uint64_t b)
{
	uint64_t t;

	for (; b != 0; b = t) {
		t = a % b;
		a = b;
	}
	return a;
}

/* The distance between two integers. */
static inline uint64_t
distance(int64_t a, int64_t b)
{
	return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

/* The common divisor of the differences of neighbours; 1 if all are 0. */
static void
common_divisor(const int64_t *v, uint32_t n, struct divisor *d)
{
	uint32_t i = 1;
	uint64_t delta;

	while (i < n && v[i] == v[i - 1])
		i++;
	divisor_init(d, i < n ? distance(v[i], v[i - 1]) : 1);
	for (; i < n && d->g > 1; i++) {
		delta = distance(v[i], v[i - 1]);
		if (!divisor_divides(d, delta))
			divisor_init(d, gcd_of(d->g, delta));
	}
}

/*
 * What the planes of a column take after compression, in bits.  A plane costs
 * where it changes: for each few values, the highest bit in which one of them
 * differs from the one before it tells how many planes do.
 */
#define STRETCH 16

static uint64_t
order_bits_0(const uint64_t *q, uint32_t n)
{
	uint64_t bits = 0, change;
	uint32_t i, len;

	for (i = 1; i < n; i += len) {
		uint32_t k;

		len = n - i < STRETCH ? n - i : STRETCH;
		for (change = 0, k = i; k < i + len; k++)
			change |= q[k] ^ q[k - 1];
		bits += (uint64_t)len * column_width(change);
	}
	return bits;
}

/* The same for the deltas; *all has all bits that one of them has. */
static uint64_t
order_bits_1(const uint64_t *q, uint32_t n, uint64_t *all)
{
	uint64_t bits = 0, last = 0, change, r;
	uint32_t i, len;

	*all = 0;
	for (i = 1; i < n; i += len) {
		uint32_t k;

		len = n - i < STRETCH ? n - i : STRETCH;
		for (change = 0, k = i; k < i + len; k++) {
			r = zigzag(as_i64(q[k] - q[k - 1]));
			*all |= r;
			change |= r ^ last;
			last = r;
		}
		bits += (uint64_t)len * column_width(change);
	}
	return bits;
}

void
column_quotients(const int64_t *v, uint32_t n, struct column_form *f,
    uint64_t *r)
{
	int64_t min = v[0], max = v[0];
	struct divisor d;
	uint32_t i;

	for (i = 1; i < n; i++) {
		min = v[i] < min ? v[i] : min;
		max = v[i] > max ? v[i] : max;
	}
	f->base = min;
	f->gcd = 1;
	f->order = 0;
	f->width = 0;
	if (min == max)
		return;
	common_divisor(v, n, &d);
	f->gcd = d.g;
	f->width = (uint8_t)column_width(((uint64_t)max - (uint64_t)min) /
	    d.g);
	for (i = 0; i < n; i++)
		r[i] = divisor_quotient(&d, (uint64_t)v[i] - (uint64_t)min);
}

/*
 * Where a delta leaves 64 bits it is right modulo 2^64, which is all that
 * reading asks for if the divisor is 1; if not, the quotients are below 2^63
 * and no delta leaves 64 bits.
 */
uint8_t
column_deltas(const uint64_t *q, uint32_t n, uint64_t *r)
{
	uint64_t all = 0, last = q[0], v;
	uint32_t i;

	for (i = 1; i < n; i++) {
		v = q[i];
		all |= r[i - 1] = zigzag(as_i64(v - last));
		last = v;
	}
	return (uint8_t)column_width(all);
}

void
column_fit(const int64_t *v, uint32_t n, struct column_form *f, uint64_t *r,
    uint64_t *bits)
{
	uint64_t bits_1, all;

	*bits = 0;
	column_quotients(v, n, f, r);
	if (f->width == 0)
		return;
	*bits = order_bits_0(r, n);
	bits_1 = order_bits_1(r, n, &all);
	if (bits_1 >= *bits)
		return;
	*bits = bits_1;
	f->order = 1;
	f->base = v[0];
	f->width = column_deltas(r, n, r);
}

/*
 * Read the sums: v[i] = base + step * (usual * k + the first k residuals),
 * k = from + i.
 */
static void
read_sums(uint64_t base, uint64_t step, uint64_t usual,
    const struct residuals *in, uint32_t from, uint32_t n, int64_t *v)
{
	uint64_t r[CHUNK], sum;
	uint32_t i, k;

	if (n == 0)
		return;
	sum = usual * from + residuals_sum(in, from);
	*v++ = as_i64(base + step * sum);
	for (n--; n > 0; n -= k, from += k, v += k) {
		k = n < CHUNK ? n : CHUNK;
		residuals_read(in, from, k, r);
		for (i = 0; i < k; i++) {
			sum += usual + (uint64_t)unzigzag(r[i]);
			v[i] = as_i64(base + step * sum);
		}
	}
}

void
column_read(const struct column_form *f, const struct residuals *in,
    uint32_t from, uint32_t n, int64_t *v)
{
	uint64_t r[CHUNK], base = (uint64_t)f->base;
	uint32_t i, k;

	if (f->width == 0) {
		for (i = 0; i < n; i++)
			v[i] = f->base;
		return;
	}
	if (f->order == 1) {
		read_sums(base, f->gcd, 0, in, from, n, v);
		return;
	}
	for (; n > 0; n -= k, from += k, v += k) {
		k = n < CHUNK ? n : CHUNK;
		residuals_read(in, from, k, r);
		for (i = 0; i < k; i++)
			v[i] = as_i64(base + f->gcd * r[i]);
	}
}

/* The middle of a sample of the deltas. */
#define MEDIAN_OF 31

static uint64_t
usual_delta(const int64_t *t, uint32_t n, const struct divisor *d)
{
	uint64_t v[MEDIAN_OF], x;
	uint32_t k = n - 1 < MEDIAN_OF ? n - 1 : MEDIAN_OF, i, j, at;

	for (i = 0; i < k; i++) {
		at = 1 + (uint32_t)((uint64_t)i * (n - 1) / k);
		x = (uint64_t)t[at] - (uint64_t)t[at - 1];
		for (j = i; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
	return divisor_quotient(d, v[k / 2]);
}

void
column_times_fit(const int64_t *t, uint32_t n, struct column_times *f,
    uint64_t *r)
{
	uint64_t all = 0, delta;
	struct divisor d;
	uint32_t i;

	f->first = t[0];
	f->step = 1;
	f->usual = 0;
	f->rest = 0;
	f->width = 0;
	if (n == 1)
		return;
	common_divisor(t, n, &d);
	f->step = d.g;
	f->usual = usual_delta(t, n, &d);
	for (i = 1; i < n; i++) {
		delta = divisor_quotient(&d,
		    (uint64_t)t[i] - (uint64_t)t[i - 1]) - f->usual;
		f->rest = as_i64((uint64_t)f->rest + delta);
		r[i - 1] = zigzag(as_i64(delta));
		all |= r[i - 1];
	}
	f->width = (uint8_t)column_width(all);
}

void
column_times_read(const struct column_times *f, const struct residuals *in,
    uint32_t from, uint32_t n, int64_t *t)
{
	uint64_t v = (uint64_t)f->first, by = f->step * f->usual;
	uint32_t i;

	if (f->width > 0) {
		read_sums((uint64_t)f->first, f->step, f->usual, in, from,
		    n, t);
		return;
	}
	for (v += by * from, i = 0; i < n; i++, v += by)
		t[i] = as_i64(v);
}
