#include <string.h>

#include "bytes.h"
#include "number.h"
#include "pow10.h"
#include "radix.h"

#define F64_SIGN (UINT64_C(1) << 63)
#define F64_QUIET (UINT64_C(1) << 51)

/* The part of a double's fraction that a float has no room for. */
#define F32_LOST (((uint64_t)1 << 29) - 1)

/* The least decimal with so many places, 1e-06, has no exponent as text. */
#define SCALE_PLAIN 6

/* Every decimal of at most 15 digits is the shortest text of its double. */
#define M_SHORTEST INT64_C(1000000000000000)

const double dec_pow10_f64[DEC_SCALE_MAX + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

const int64_t dec_pow10_i64[19] = {
	INT64_C(1), INT64_C(10), INT64_C(100), INT64_C(1000),
	INT64_C(10000), INT64_C(100000), INT64_C(1000000),
	INT64_C(10000000), INT64_C(100000000), INT64_C(1000000000),
	INT64_C(10000000000), INT64_C(100000000000),
	INT64_C(1000000000000), INT64_C(10000000000000),
	INT64_C(100000000000000), INT64_C(1000000000000000),
	INT64_C(10000000000000000), INT64_C(100000000000000000),
	INT64_C(1000000000000000000)
};

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/* A double is an exact integer up to 2^53; only -0.0 is not a decimal then. */
static bool
whole_number(double f, int64_t *m)
{
	if (!(f >= -(double)DEC_M_MAX && f <= (double)DEC_M_MAX))
		return false;
	*m = (int64_t)f;
	return (double)*m == f && (*m != 0 || f64_bits(f) == 0);
}

struct dec
radix_to_dec(struct radix r, uint64_t bits)
{
	struct dec d = { as_i64(bits), DEC_RAW };

	if (r.exp >= 0 && r.exp <= 15 &&
	    r.sig <= (uint64_t)(DEC_M_MAX / dec_pow10_i64[r.exp])) {
		r.sig *= (uint64_t)dec_pow10_i64[r.exp];
		r.exp = 0;
	}
	if (r.exp > 0 || r.exp < -DEC_SCALE_MAX || r.sig > (uint64_t)DEC_M_MAX)
		return d;
	d.m = bits >> 63 != 0 ? -(int64_t)r.sig : (int64_t)r.sig;
	d.scale = (uint8_t)-r.exp;
	return d;
}

void
int_to_decimal(int64_t *m, uint8_t *scale)
{
	*scale = 0;
	if (*m > DEC_M_MAX || *m < -DEC_M_MAX) {
		*m = as_i64(f64_bits((double)*m));
		*scale = DEC_RAW;
	}
}

struct dec
dec_from_f64(double f)
{
	struct dec d;
	uint64_t bits = f64_bits(f);

	d.scale = 0;
	if (whole_number(f, &d.m))
		return d;
	if (bits << 1 == 0 || (bits & RADIX_INF_BITS) == RADIX_INF_BITS) {
		d.m = as_i64(bits);
		d.scale = DEC_RAW;
		return d;
	}
	return radix_to_dec(radix_shortest_f64(bits), bits);
}

/* A finite float's bits without sign, and the double of its shortest text. */
static uint64_t
widen_magnitude(uint32_t bits)
{
	struct radix r;

	if (bits == 0)
		return 0;
	r = radix_shortest_f32(bits);
	return radix_to_f64(r.sig, r.exp);
}

double
f32_widen(float f)
{
	uint32_t bits = f32_bits(f), magnitude = bits & ~(UINT32_C(1) << 31);
	uint64_t wide;

	if (magnitude < UINT32_C(0x7f800000))
		wide = widen_magnitude(magnitude);
	else
		wide = RADIX_INF_BITS | (uint64_t)(magnitude & 0x7fffff) << 29;
	return f64_from_bits(wide | (uint64_t)(bits >> 31) << 63);
}

/*
 * The float nearest to a double.  The conversion alone would be undefined
 * where it overflows, and would lose what a NaN is.
 */
static float
nearest_f32(uint64_t bits)
{
	uint64_t magnitude = bits & ~F64_SIGN;
	uint32_t sign = (uint32_t)(bits >> 63) << 31;

	if (magnitude > RADIX_INF_BITS)
		return f32_from_bits(sign | UINT32_C(0x7fc00000) |
		    (uint32_t)(magnitude >> 29 & 0x3fffff));
	/* Half way from the greatest float to 2^128. */
	if (magnitude >= UINT64_C(0x47effffff0000000))
		return f32_from_bits(sign | UINT32_C(0x7f800000));
	return (float)f64_from_bits(bits);
}

/*
 * It is enough to look at the float nearest to the double: it is the one that
 * the double was widened from, for all 2^32 floats but two.  The double
 * nearest to 7.038531e-26 is half way between floats, and goes to the other.
 */
static bool
bits_fit_f32(uint64_t bits)
{
	uint64_t magnitude = bits & ~F64_SIGN;

	if (magnitude > RADIX_INF_BITS)
		return (bits & F64_QUIET) != 0 && (bits & F32_LOST) == 0;
	if (magnitude == 0 || magnitude == RADIX_INF_BITS)
		return true;
	return f64_bits(f32_widen(nearest_f32(bits))) == bits;
}

bool
dec_fits_f32_long(struct dec d)
{
	uint64_t m = d.m < 0 ? 0 - (uint64_t)d.m : (uint64_t)d.m;

	if (d.scale == DEC_RAW)
		return bits_fit_f32((uint64_t)d.m);
	/* More than nine digits never do. */
	if (d.scale > 0 && m >= 1000000000)
		return false;
	return bits_fit_f32(f64_bits(dec_to_f64(d.m, d.scale)));
}

struct dec
dec_round_f32(struct dec d)
{
	double f = dec_to_f64(d.m, d.scale);

	/* The second time settles the two floats above that do not fit. */
	f = f32_widen(nearest_f32(f64_bits(f)));
	if (!bits_fit_f32(f64_bits(f)))
		f = f32_widen(nearest_f32(f64_bits(f)));
	return dec_from_f64(f);
}

static unsigned
count_digits(uint64_t v)
{
	unsigned n;

	/* 1233 / 4096 is log10(2), near enough for 64 bits. */
	n = (unsigned)(64 - wide_clz(v | 1)) * 1233 >> 12;
	if (n == 19)
		return v >= UINT64_C(10000000000000000000) ? 20 : 19;
	return n + ((v | 1) >= (uint64_t)dec_pow10_i64[n]);
}

/* The last n digits of v, which has no more, up to end. */
static void
put_digits(char *end, uint64_t v, unsigned n)
{
	uint32_t w;

	while (v > UINT32_MAX) {
		end -= 2;
		memcpy(end, digit_pairs + v % 100 * 2, 2);
		v /= 100;
		n -= 2;
	}
	for (w = (uint32_t)v; n >= 2; n -= 2) {
		end -= 2;
		memcpy(end, digit_pairs + w % 100 * 2, 2);
		w /= 100;
	}
	if (n > 0)
		end[-1] = (char)('0' + w);
}

/* sig * 10^exp as d.ddde+XX */
static char *
put_scientific(char *p, uint64_t sig, unsigned n, int exp)
{
	unsigned e;

	exp += (int)n - 1;
	put_digits(p + n + 1, sig, n);
	p[0] = p[1];
	p[1] = '.';
	p += n == 1 ? 1 : n + 1;
	*p++ = 'e';
	*p++ = exp < 0 ? '-' : '+';
	e = (unsigned)(exp < 0 ? -exp : exp);
	n = e < 100 ? 2 : 3;
	put_digits(p + n, e, n);
	return p + n;
}

/* sig * 10^exp; unless exp is 0, sig is not and does not end with a 0. */
static size_t
format_radix(bool negative, struct radix r, char *buf)
{
	char *p = buf;
	unsigned n = count_digits(r.sig);
	int point = (int)n + r.exp, i;

	if (negative)
		*p++ = '-';
	if (point > 21 || point < -5) {
		p = put_scientific(p, r.sig, n, r.exp);
	} else if (r.exp >= 0) {
		put_digits(p + n, r.sig, n);
		memset(p + n, '0', (size_t)r.exp);
		p += point;
	} else if (point > 0) {
		put_digits(p + n + 1, r.sig, n);
		for (i = 0; i < point; i++)
			p[i] = p[i + 1];
		p[point] = '.';
		p += n + 1;
	} else {
		memcpy(p, "0.00000", 7);
		p += 2 - point;
		put_digits(p + n, r.sig, n);
		p += n;
	}
	return (size_t)(p - buf);
}

static size_t
put_word(char *buf, const char *word, size_t len)
{
	memcpy(buf, word, len);
	return len;
}

size_t
number_format_f64(double f, char *buf)
{
	uint64_t bits = f64_bits(f);
	int64_t m;

	if (whole_number(f, &m))
		return number_format_i64(m, buf);
	if ((bits & ~F64_SIGN) > RADIX_INF_BITS)
		return put_word(buf, "NaN", 3);
	if ((bits & ~F64_SIGN) == RADIX_INF_BITS)
		return put_word(buf, bits >> 63 != 0 ? "-Inf" : "+Inf", 4);
	if (bits << 1 == 0)
		return put_word(buf, "-0", 2);
	return format_radix(bits >> 63 != 0, radix_shortest_f64(bits), buf);
}

/* w / 10^scale in n digits, of which some stand before the point. */
static inline char *
put_plain(char *p, uint32_t w, unsigned n, unsigned scale)
{
	char *end = p + n + (scale > 0), *at = end;

	if (scale > 0) {
		n -= scale;
		for (; scale >= 2; scale -= 2) {
			at -= 2;
			memcpy(at, digit_pairs + w % 100 * 2, 2);
			w /= 100;
		}
		if (scale > 0) {
			*--at = (char)('0' + w % 10);
			w /= 10;
		}
		*--at = '.';
	}
	for (; n > 2; n -= 2) {
		at -= 2;
		memcpy(at, digit_pairs + w % 100 * 2, 2);
		w /= 100;
	}
	if (n == 2)
		memcpy(p, digit_pairs + w * 2, 2);
	else
		*p = (char)('0' + w);
	return end;
}

/* Any decimal; apart, so that the short ones need save no registers. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static size_t
format_dec(int64_t m, uint8_t scale, char *buf)
{
	struct radix r;

	if (scale > DEC_SCALE_MAX || m >= M_SHORTEST || m <= -M_SHORTEST)
		return number_format_f64(dec_to_f64(m, scale), buf);
	r.sig = (uint64_t)(m < 0 ? -m : m);
	r.exp = -(int)scale;
	while (r.exp < 0 && r.sig % 10 == 0) {
		r.sig /= 10;
		r.exp++;
	}
	return format_radix(m < 0, r, buf);
}

size_t
dec_format(int64_t m, uint8_t scale, char *buf)
{
	uint64_t u = m < 0 ? 0 - (uint64_t)m : (uint64_t)m;
	uint32_t w = (uint32_t)u;
	unsigned n;
	char *p = buf;

	/* What sensors say is short. */
	if (w != u || scale > SCALE_PLAIN)
		return format_dec(m, scale, buf);
	for (; scale > 0 && w % 10 == 0; scale--)
		w /= 10;
	*p = '-';
	p += m < 0;
	n = count_digits(w);
	if (n <= scale)
		n = scale + 1u;
	return (size_t)(put_plain(p, w, n, scale) - buf);
}

size_t
number_format_u64(uint64_t u, char *buf)
{
	unsigned n = count_digits(u);

	if (u <= UINT32_MAX)
		put_plain(buf, (uint32_t)u, n, 0);
	else
		put_digits(buf + n, u, n);
	return n;
}

size_t
number_format_i64(int64_t i, char *buf)
{
	if (i >= 0)
		return number_format_u64((uint64_t)i, buf);
	*buf = '-';
	return 1 + number_format_u64(0 - (uint64_t)i, buf + 1);
}
