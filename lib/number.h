/*
 * Floor 0.  Numbers as text and as decimals, without the locale and without
 * strtod or printf.
 *
 * Inside ntdb a float is a `decimal': an integer m and a scale s that mean
 * the double nearest to m / 10^s, with |m| <= 2^53 and s <= DEC_SCALE_MAX.
 * Under these bounds m and 10^s are exact doubles, so that one division gives
 * that double (Clinger 1990).  A float that is no such decimal (-0.0, NaN,
 * infinities, most with sixteen and more digits, far exponents) has scale
 * DEC_RAW and m holds its IEEE 754 bits.  A decimal is *canonical* if s is as small as it can be:
 * 8.30 is {83, 1}, 21.0 is {21, 0}, 0.0 is {0, 0}.
 */
#ifndef NTDB_NUMBER_H
#define NTDB_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEC_SCALE_MAX 22	/* 10^22 is the last exact power of ten */
#define DEC_RAW 255		/* m holds the bits of a double */
#define DEC_M_MAX ((int64_t)1 << 53)

/* 10^0 ... 10^22, as doubles, and 10^0 ... 10^18 as integers. */
extern const double dec_pow10_f64[DEC_SCALE_MAX + 1];
extern const int64_t dec_pow10_i64[19];

struct dec {
	int64_t	m;
	uint8_t	scale;
};

/* The double that a decimal means. */
static inline double
dec_to_f64(int64_t m, uint8_t scale)
{
	union { int64_t i; double f; } bits;

	if (scale <= DEC_SCALE_MAX)
		return (double)m / dec_pow10_f64[scale];
	bits.i = m;
	return bits.f;
}

/*
 * The canonical decimal of a double, raw where there is none: the shortest
 * decimal of f if it keeps the bounds above (it then divides back to
 * exactly f).
 */
struct dec dec_from_f64(double f);

/* The decimal of the double nearest to an integer, in its place. */
void int_to_decimal(int64_t *m, uint8_t *scale);

/*
 * Whether a *canonical* decimal is a float32: some float has it as its
 * shortest text.  Raw: infinities, -0.0, quiet NaNs whose payload fits, and
 * doubles which are the nearest double to the shortest decimal of some float.
 * Then f32_widen((float)dec_to_f64(...)) gives back the same double.  (That
 * conversion rounds 7.038531e-26 to the wrong float; it counts as no float32.)
 */
bool dec_fits_f32_long(struct dec d);

static inline bool
dec_fits_f32(struct dec d)
{
	/* Six digits always fit. */
	return (d.m < 1000000 && d.m > -1000000 && d.scale != DEC_RAW) ||
	    dec_fits_f32_long(d);
}

/*
 * What a float32 metric that must not widen stores for d: the double nearest
 * to the shortest decimal of the float nearest to d (as a decimal).  Beyond the
 * floats this is an infinity.  The result fits, in the sense of dec_fits_f32.
 */
struct dec dec_round_f32(struct dec d);

/* The double nearest to the shortest decimal of a float: 21.1f is 21.1. */
double f32_widen(float f);

/*
 * A decimal as text, shortest that reads back: as number_format_f64 of its
 * double.  No NUL.  Returns the length (below NTDB_TEXT_MAX).
 */
size_t dec_format(int64_t m, uint8_t scale, char *buf);

/*
 * Format of doubles: plain notation for 1e-6 <= |v| < 1e21, otherwise
 * d.ddde-07, d.ddde+21 (at least two exponent digits); whole numbers without
 * `.0'; NaN, +Inf, -Inf, -0.  Shortest text that reads back; of several that
 * are equally short the nearest one.
 */
size_t number_format_f64(double f, char *buf);
size_t number_format_i64(int64_t i, char *buf);
size_t number_format_u64(uint64_t u, char *buf);

enum number_kind {
	NUMBER_INT,		/* integer literal: m */
	NUMBER_FLOAT		/* float literal: the canonical decimal d */
};

struct number {
	struct dec d;		/* NUMBER_INT: m, scale 0 */
	uint8_t	kind;
	bool	suffixed;	/* the integer had the suffix i */
	bool	rounded;	/* a float literal that is not the number which
				 * is stored: longer than a double holds */
};

enum number_status {
	NUMBER_OK = 0,
	NUMBER_SYNTAX,		/* not a number */
	NUMBER_INT_RANGE,	/* integer beyond int64 */
	NUMBER_FLOAT_RANGE,	/* overflows to infinity */
	NUMBER_UNDERFLOW,	/* not zero, but its nearest double is */
	NUMBER_NOT_INT		/* suffix i on what is no integer (3.5i) */
};

/*
 * Read the whole word [s, s + len):
 *   [+-]digits            integer
 *   NUMBERi               integer, also 3.0i and 1e3i (but not 3.5i)
 *   decimal or exponent   float: 1.5  .5  5.  1e3  1.5E-3
 *   nan inf infinity      float, any case, [+-] allowed (NaN is always the
 *                         quiet NaN 0x7ff8000000000000)
 * Correctly rounded (nearest, ties to even) for any number of digits.
 */
enum number_status number_scan(const char *s, size_t len, struct number *n);

#endif
