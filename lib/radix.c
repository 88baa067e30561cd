#include <assert.h>
#include <stdbool.h>

#include "pow10.h"
#include "radix.h"

#define F64_HIDDEN (UINT64_C(1) << 52)
#define F32_HIDDEN (UINT32_C(1) << 23)

/* Beyond these powers of ten every double is infinite, or 0. */
#define EXP_OVER 308
#define POINT_OVER 310
#define POINT_UNDER (-324)

/*
 * No number half way between two doubles has more significant digits than
 * 768; one more digit says whether anything but zeros follows.
 */
#define DIGITS_MAX 768

/*
 * A natural number, least limb first, without zeros on top.  The largest one
 * that a comparison makes is below 2^54 * 5^1093 < 2^2592.
 */
#define BIG_LIMBS 96

struct big {
	unsigned n;
	uint32_t limb[BIG_LIMBS];
};

static void
big_mul_add(struct big *b, uint32_t factor, uint32_t addend)
{
	uint64_t carry = addend;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		carry += (uint64_t)b->limb[i] * factor;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry != 0) {
		assert(b->n < BIG_LIMBS);
		b->limb[b->n++] = (uint32_t)carry;
	}
}

static void
big_set(struct big *b, uint64_t v)
{
	b->n = 0;
	if (v == 0)
		return;
	b->limb[b->n++] = (uint32_t)v;
	if (v >> 32 != 0)
		b->limb[b->n++] = (uint32_t)(v >> 32);
}

static void
big_mul_pow5(struct big *b, int exp)
{
	for (; exp >= 13; exp -= 13)
		big_mul_add(b, 1220703125, 0);
	for (; exp > 0; exp--)
		big_mul_add(b, 5, 0);
}

static void
big_mul_pow2(struct big *b, int exp)
{
	unsigned limbs = (unsigned)exp / 32, i;

	big_mul_add(b, UINT32_C(1) << exp % 32, 0);
	if (limbs == 0 || b->n == 0)
		return;
	assert(b->n + limbs <= BIG_LIMBS);
	for (i = b->n; i-- > 0;)
		b->limb[i + limbs] = b->limb[i];
	for (i = 0; i < limbs; i++)
		b->limb[i] = 0;
	b->n += limbs;
}

static int
big_compare(const struct big *a, const struct big *b)
{
	unsigned i;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (i = a->n; i-- > 0;)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

/*
 * Of the double `lower' and the next one above, the nearer to d * 10^exp,
 * which lies between them: compare it with the point half way.  Takes d.
 */
static uint64_t
round_exactly(struct big *d, int exp, uint64_t lower)
{
	struct big half;
	uint64_t c = lower & (F64_HIDDEN - 1);
	int q = (int)(lower >> 52), order;

	if (q != 0)
		c |= F64_HIDDEN;
	else
		q = 1;

	/* d * 10^exp against (2c + 1) * 2^q2, both free of fractions. */
	big_set(&half, 2 * c + 1);
	q -= 1023 + 52 + 1;
	if (exp >= 0)
		big_mul_pow5(d, exp);
	else
		big_mul_pow5(&half, -exp);
	if (q >= exp)
		big_mul_pow2(&half, q - exp);
	else
		big_mul_pow2(d, exp - q);
	order = big_compare(d, &half);
	if (order == 0)
		return lower + (lower & 1);
	return lower + (order > 0);
}

/*
 * Eisel-Lemire (Lemire, "Number parsing at a gigabyte per second", 2021) with
 * all 192 bits of the product: w times the power is in [product, product + w)
 * at the product's scale, and only if a point half way between two doubles
 * lies within does that not suffice.  Then the result is false, and *bits is
 * the double below.
 */
static bool
round_product(uint64_t w, int exp, uint64_t *bits)
{
	bool exact = exp >= POW10_EXACT_MIN && exp <= POW10_EXACT_MAX;
	struct wide t, top, low;
	uint64_t mid, kept, rest, half, field;
	int lead, up, e2, drop;

	*bits = exp < POW10_MIN ? 0 : RADIX_INF_BITS;
	if (exp < POW10_MIN || exp > EXP_OVER)
		return true;
	lead = wide_clz(w);
	w <<= lead;
	t = pow10_wide[exp - POW10_MIN];
	top = wide_mul(w, t.hi);
	low = wide_mul(w, t.lo);
	mid = top.lo + low.hi;
	top.hi += mid < low.hi;

	/* The leading bit has the value 2^e2; 53 bits are kept, or fewer. */
	up = (int)(top.hi >> 63);
	e2 = 63 + up - lead + pow10_log2(exp);
	drop = 10 + up;
	field = 0;
	if (e2 > 1023)
		return true;
	if (e2 < -1022)
		drop += -1022 - e2;
	else
		field = (uint64_t)(e2 + 1022) << 52;
	*bits = 0;
	if (drop > 64)
		return true;
	kept = drop == 64 ? 0 : top.hi >> drop;
	rest = drop == 64 ? top.hi : top.hi - (kept << drop);
	half = UINT64_C(1) << (drop - 1);

	/* The hidden bit of `kept' adds 1 to the exponent's field. */
	*bits = field + kept;
	if (!exact && rest == half - 1 && mid == UINT64_MAX &&
	    low.lo + w < w)
		return false;
	if (exact && rest == half && (mid | low.lo) == 0)
		*bits += kept & 1;
	else
		*bits += rest >= half;
	return true;
}

uint64_t
radix_to_f64(uint64_t sig, int exp)
{
	struct big d;
	uint64_t bits;

	if (sig == 0)
		return 0;
	if (round_product(sig, exp, &bits))
		return bits;
	big_set(&d, sig);
	return round_exactly(&d, exp, bits);
}

/*
 * Read at most DIGITS_MAX digits and a last one for what is left out; returns
 * how many digits were taken.
 */
static int
big_scan(struct big *d, const char *s, const char *end)
{
	bool more = false;
	int n = 0;

	big_set(d, 0);
	for (; s < end && n < DIGITS_MAX; s++) {
		if (*s == '.')
			continue;
		big_mul_add(d, 10, (uint32_t)(*s - '0'));
		n++;
	}
	for (; s < end && !more; s++)
		more = *s != '.' && *s != '0';
	if (more) {
		big_mul_add(d, 10, 1);
		n++;
	}
	return n;
}

uint64_t
radix_text_to_f64(const char *s, const char *end, int64_t point)
{
	struct big d;
	const char *p;
	uint64_t w = 0, bits, above;
	int n, exp;
	bool sure;

	if (point > POINT_OVER)
		return RADIX_INF_BITS;
	if (point < POINT_UNDER)
		return 0;

	/* If the first 19 digits and their successor agree, so do all between. */
	for (p = s, n = 0; p < end && n < 19; p++) {
		if (*p == '.')
			continue;
		w = w * 10 + (uint64_t)(*p - '0');
		n++;
	}
	exp = (int)point - n;
	sure = round_product(w, exp, &bits);
	if (sure && round_product(w + 1, exp, &above) && bits == above)
		return bits;
	n = big_scan(&d, s, end);
	return round_exactly(&d, (int)point - n, bits);
}

/*
 * g * v / 2^128 for Schubfach: the whole part, its last bit set if there is a
 * fraction ("round to odd").  g is rounded up, so what is hardly a fraction
 * is none.
 */
static uint64_t
round_to_odd(struct wide g, uint64_t v)
{
	uint64_t low = wide_mul(g.lo, v).hi;
	struct wide top = wide_mul(g.hi, v);

	top.lo += low;
	top.hi += top.lo < low;
	return top.hi | (top.lo > 1);
}

static struct radix
strip_zeros(uint64_t sig, int exp)
{
	struct radix r;

	if (sig % 10 == 0) {
		if (sig % 100000000 == 0) {
			sig /= 100000000;
			exp += 8;
		}
		if (sig % 10000 == 0) {
			sig /= 10000;
			exp += 4;
		}
		while (sig % 10 == 0) {
			sig /= 10;
			exp++;
		}
	}
	r.sig = sig;
	r.exp = exp;
	return r;
}

/*
 * Schubfach (Giulietti, "The Schubfach way to render doubles", 2020) of
 * c * 2^q.  `uneven': the float below is half as far away as the one above.
 */
static struct radix
schubfach(uint64_t c, int q, bool uneven)
{
	struct wide g;
	uint64_t v, lower, upper, s;
	int k, h;
	bool below, above;

	/* k = floor(log10 of the distance between neighbours) */
	k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;
	h = q + pow10_log2(-k) + 1;
	g = pow10_wide[-k - POW10_MIN];
	/* Rounded up; no entry's lower half is all ones. */
	if (-k < POW10_EXACT_MIN || -k > POW10_EXACT_MAX)
		g.lo++;

	/* The float and the ends of its interval, in quarters of 10^k. */
	v = round_to_odd(g, (4 * c) << h);
	lower = round_to_odd(g, (4 * c - (uneven ? 1 : 2)) << h) + (c & 1);
	upper = round_to_odd(g, (4 * c + 2) << h) - (c & 1);

	/* One digit fewer, if exactly one such number is within. */
	s = v / 40;
	if (v >= 40) {
		below = lower <= 40 * s;
		above = 40 * s + 40 <= upper;
		if (below != above)
			return strip_zeros(s + above, k + 1);
	}
	s = v / 4;
	below = lower <= 4 * s;
	above = 4 * s + 4 <= upper;
	if (below == above)
		above = v > 4 * s + 2 || (v == 4 * s + 2 && (s & 1) != 0);
	return strip_zeros(s + above, k);
}

struct radix
radix_shortest_f64(uint64_t bits)
{
	uint64_t c = bits & (F64_HIDDEN - 1);
	int e = (int)(bits >> 52 & 0x7ff);

	if (e == 0)
		return schubfach(c, 1 - 1075, false);
	return schubfach(c | F64_HIDDEN, e - 1075, c == 0 && e > 1);
}

struct radix
radix_shortest_f32(uint32_t bits)
{
	uint32_t c = bits & (F32_HIDDEN - 1);
	int e = (int)(bits >> 23 & 0xff);

	if (e == 0)
		return schubfach(c, 1 - 150, false);
	return schubfach(c | F32_HIDDEN, e - 150, c == 0 && e > 1);
}
