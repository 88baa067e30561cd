#include "bytes.h"
#include "number.h"
#include "pow10.h"
#include "radix.h"

#define F64_SIGN (UINT64_C(1) << 63)
#define NAN_BITS UINT64_C(0x7ff8000000000000)

/* What an exponent is cut to: more than any text has digits. */
#define EXP_MAX (INT64_C(1) << 61)

/* So many digits always fit in a uint64_t. */
#define W_DIGITS 19

/* Every decimal of at most 15 digits is the shortest text of its double. */
#define W_SHORTEST UINT64_C(1000000000000000)

#define ZEROS UINT64_C(0x3030303030303030)

/*
 * A literal: w * 10^exp, or, if n > W_DIGITS, the text [first, end) of n
 * digits and perhaps a point, whose last digit stands for 10^exp; it has no
 * zeros at its ends then.
 */
struct literal {
	uint64_t w;
	int64_t	exp;
	size_t	n;
	const char *first, *end;
	bool	negative;
	bool	suffixed;
};

/* The number of up to 8 digits, one a byte, the first one lowest. */
static inline uint32_t
join_digits(uint64_t y)
{
	y = y * 10 + (y >> 8);
	y &= UINT64_C(0x00ff00ff00ff00ff);
	y = y * 100 + (y >> 16);
	y &= UINT64_C(0x0000ffff0000ffff);
	y = y * 10000 + (y >> 32);
	return (uint32_t)y;
}

/* The top bit of each byte of y that is not 0 to 9. */
static inline uint64_t
not_digits(uint64_t y)
{
	uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

	return (((y & low) + UINT64_C(0x7676767676767676)) | y) & ~low;
}

/* Read digits at p on into *w, which may wrap; returns the end. */
static inline const char *
scan_digits(const char *p, const char *end, uint64_t *w)
{
	uint64_t y, v = *w;

	while (end - p >= 8) {
		y = get_u64((const uint8_t *)p) ^ ZEROS;
		if (not_digits(y) != 0)
			break;
		v = v * 100000000 + join_digits(y);
		p += 8;
	}
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	*w = v;
	return p;
}

/* `e' and what follows; NULL if it is no exponent. */
static const char *
scan_exponent(const char *p, const char *end, int64_t *exp)
{
	bool negative = false;
	const char *start;
	int64_t e = 0;

	p++;
	if (p < end && (*p == '+' || *p == '-'))
		negative = *p++ == '-';
	for (start = p; p < end && *p >= '0' && *p <= '9'; p++)
		if (e < EXP_MAX / 16)
			e = e * 10 + (*p - '0');
	*exp = negative ? -e : e;
	return p == start ? NULL : p;
}

static bool
is_word(const char *s, const char *end, const char *word)
{
	for (; *word != '\0'; s++, word++)
		if (s == end || (*s | 0x20) != *word)
			return false;
	return s == end;
}

static enum number_status
scan_special(const char *s, const char *end, bool negative, struct number *n)
{
	uint64_t bits;

	if (is_word(s, end, "nan"))
		bits = NAN_BITS;
	else if (is_word(s, end, "inf") || is_word(s, end, "infinity"))
		bits = RADIX_INF_BITS | (negative ? F64_SIGN : 0);
	else
		return NUMBER_SYNTAX;
	n->d.m = as_i64(bits);
	n->d.scale = DEC_RAW;
	n->kind = NUMBER_FLOAT;
	return NUMBER_OK;
}

static enum number_status
finish_int(const struct literal *l, struct number *n)
{
	uint64_t w = l->w, limit = (uint64_t)INT64_MAX + l->negative;
	int64_t exp = l->exp;

	if (l->n > W_DIGITS)
		return exp < 0 ? NUMBER_NOT_INT : NUMBER_INT_RANGE;
	for (; w != 0 && exp < 0; exp++, w /= 10)
		if (w % 10 != 0)
			return NUMBER_NOT_INT;
	if (w != 0 && exp > 0) {
		if (exp > 18 || w > limit / (uint64_t)dec_pow10_i64[exp])
			return NUMBER_INT_RANGE;
		w *= (uint64_t)dec_pow10_i64[exp];
	}
	if (w > limit)
		return NUMBER_INT_RANGE;
	n->d.m = as_i64(l->negative ? 0 - w : w);
	n->d.scale = 0;
	n->kind = NUMBER_INT;
	n->suffixed = l->suffixed;
	return NUMBER_OK;
}

/* Whether a literal that is not 0 is another number than the decimal r. */
static bool
differs(const struct literal *l, struct radix r)
{
	uint64_t w = l->w;
	int64_t exp = l->exp;

	if (l->n > W_DIGITS)
		return true;
	for (; w % 10 == 0; w /= 10)
		exp++;
	return w != r.sig || exp != r.exp;
}

/* By way of the nearest double. */
static enum number_status
finish_rounded(const struct literal *l, struct number *n)
{
	struct radix r;
	uint64_t bits;
	int64_t exp = l->exp;

	/* Far outside the range of doubles, and inside that of an int. */
	if (exp > 1000)
		exp = 1000;
	if (l->n > W_DIGITS)
		bits = radix_text_to_f64(l->first, l->end,
		    l->exp + (int64_t)l->n);
	else
		bits = radix_to_f64(l->w, exp < -1000 ? -1000 : (int)exp);
	if (bits == 0)
		return NUMBER_UNDERFLOW;
	if (bits == RADIX_INF_BITS)
		return NUMBER_FLOAT_RANGE;
	r = radix_shortest_f64(bits);
	n->rounded = differs(l, r);
	n->d = radix_to_dec(r, bits | (l->negative ? F64_SIGN : 0));
	return NUMBER_OK;
}

static enum number_status
finish_float(const struct literal *l, struct number *n)
{
	uint64_t w = l->w;
	int64_t exp = l->exp;

	n->kind = NUMBER_FLOAT;
	if (l->n > W_DIGITS)
		return finish_rounded(l, n);
	for (; exp < 0 && w % 10 == 0 && w != 0; exp++)
		w /= 10;
	if (w == 0) {
		n->d.m = l->negative ? INT64_MIN : 0;
		n->d.scale = l->negative ? DEC_RAW : 0;
		return NUMBER_OK;
	}

	/* Whole numbers up to 2^53, and up to 15 digits, are decimals as is. */
	if (exp > 0 && exp <= 15 &&
	    w <= (uint64_t)(DEC_M_MAX / dec_pow10_i64[exp])) {
		w *= (uint64_t)dec_pow10_i64[exp];
		exp = 0;
	}
	if ((exp == 0 && w <= (uint64_t)DEC_M_MAX) ||
	    (w < W_SHORTEST && exp < 0 && exp >= -DEC_SCALE_MAX)) {
		n->d.m = l->negative ? -(int64_t)w : (int64_t)w;
		n->d.scale = (uint8_t)-exp;
		return NUMBER_OK;
	}
	return finish_rounded(l, n);
}

/*
 * Of a literal with more than W_DIGITS digits drop the zeros at both ends;
 * if few digits are left, read them.  The units are just before `point'.
 */
static void
trim_zeros(struct literal *l, const char *point)
{
	const char *p = l->first, *end = l->end;

	while (p < end && (*p == '0' || *p == '.'))
		p++;
	while (p < end && (end[-1] == '0' || end[-1] == '.'))
		end--;
	l->first = p;
	l->end = end;
	l->exp += end <= point ? point - end : point + 1 - end;
	l->n = (size_t)(end - p) - (p < point && point < end);
	l->w = 0;
	if (l->n > W_DIGITS)
		return;
	for (; p < end; p++)
		if (*p != '.')
			l->w = l->w * 10 + (uint64_t)(*p - '0');
}

/* Any literal.  Kept out of the way of the short ones. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static enum number_status
scan_any(const char *s, const char *end, struct number *n)
{
	struct literal l = { .negative = false, .suffixed = false };
	const char *p = s, *point;
	bool is_float = false;

	if (p < end && (*p == '-' || *p == '+'))
		l.negative = *p++ == '-';
	l.first = p;
	p = scan_digits(p, end, &l.w);
	point = p;
	l.n = (size_t)(p - l.first);
	if (p < end && *p == '.') {
		is_float = true;
		p = scan_digits(p + 1, end, &l.w);
		l.n = (size_t)(p - l.first) - 1;
	}
	if (l.n == 0)
		return is_float ? NUMBER_SYNTAX :
		    scan_special(p, end, l.negative, n);
	l.end = p;
	if (p < end && (*p == 'e' || *p == 'E')) {
		is_float = true;
		p = scan_exponent(p, end, &l.exp);
		if (p == NULL)
			return NUMBER_SYNTAX;
	}
	if (p < end && *p == 'i') {
		l.suffixed = true;
		p++;
	}
	if (p != end)
		return NUMBER_SYNTAX;
	if (l.n > W_DIGITS)
		trim_zeros(&l, point);
	else if (point < l.end)
		l.exp -= l.end - point - 1;
	return is_float && !l.suffixed ? finish_float(&l, n) :
	    finish_int(&l, n);
}

/* Up to 8 bytes, the first one lowest, in at most two loads; len > 0. */
static inline uint64_t
load_short(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;

	if (len >= 4)
		return get_u32(p) |
		    (uint64_t)get_u32(p + len - 4) << 8 * (len - 4);
	return p[0] | (uint64_t)p[len / 2] << 8 * (len / 2) |
	    (uint64_t)p[len - 1] << 8 * (len - 1);
}

/* How many of the last bytes in memory order are 0; 7 if all are. */
static inline unsigned
zero_bytes_on_top(uint64_t y)
{
#if defined(__GNUC__)
	/* Faster than counting from the top where that is microcode. */
	return (unsigned)wide_ctz(__builtin_bswap64(y | 1)) / 8;
#else
	return (unsigned)wide_clz(y | 1) / 8;
#endif
}

/*
 * Up to 8 digits and point, all at once and without a branch on where the
 * point is.  false: it is something else, *n is as it was.
 */
static inline bool
scan_short(const char *s, size_t len, bool negative, struct number *n)
{
	uint64_t y = load_short(s, len) ^ (ZEROS >> 8 * (8 - len));
	uint64_t odd = not_digits(y), low;
	unsigned at, fraction, zeros;
	int64_t m;

	if (odd == 0) {
		m = join_digits(y << 8 * (8 - len));
		n->d.m = negative ? -m : m;
		return true;
	}

	/* Close the gap where the point is, the only byte that is no digit. */
	at = (unsigned)wide_ctz(odd) & 56;
	if ((odd & (odd - 1)) != 0 || (y >> at & 0xff) != ('.' ^ '0') ||
	    len < 2)
		return false;
	low = (UINT64_C(1) << at) - 1;
	y = (y & low) | (y >> 8 & ~low);
	fraction = (unsigned)len - 1 - at / 8;

	/* Zeros at the end of the fraction go; 0 becomes one with no scale. */
	y <<= 8 * (9 - len);
	zeros = zero_bytes_on_top(y);
	if (zeros > fraction)
		zeros = fraction;
	m = join_digits(y << 8 * zeros);
	if (negative && m == 0)
		return false;
	n->d.m = negative ? -m : m;
	n->d.scale = (uint8_t)(fraction - zeros);
	n->kind = NUMBER_FLOAT;
	return true;
}

enum number_status
number_scan(const char *s, size_t len, struct number *n)
{
	size_t sign, digits;

	n->d.m = 0;
	n->d.scale = 0;
	n->kind = NUMBER_INT;
	n->suffixed = false;
	n->rounded = false;
	if (len == 0)
		return NUMBER_SYNTAX;
	sign = *s == '-';
	digits = len - sign;
	if (digits - 1 < 8 && scan_short(s + sign, digits, sign != 0, n))
		return NUMBER_OK;
	return scan_any(s, s + len, n);
}
