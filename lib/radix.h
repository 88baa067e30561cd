/*
 * Floor 0.  Between binary floating point and decimal digits, exactly: the
 * nearest double to sig * 10^exp, and the shortest sig * 10^exp that is
 * nearest to a double or a float.  Integer arithmetic only, so neither the
 * rounding mode nor the width of the machine's registers matters.
 */
#ifndef NTDB_RADIX_H
#define NTDB_RADIX_H

#include <stddef.h>
#include <stdint.h>

#include "number.h"

#define RADIX_INF_BITS (UINT64_C(0x7ff) << 52)

/* sig * 10^exp; sig has no zeros at its end. */
struct radix {
	uint64_t sig;
	int	exp;
};

/*
 * The shortest decimal that is nearer to this float than to any other (ties
 * go to even, as they do on the way back); of several the nearest one.  The
 * bits are those of a finite number other than 0; the sign is passed over.
 */
struct radix radix_shortest_f64(uint64_t bits);
struct radix radix_shortest_f32(uint32_t bits);

/* The canonical decimal of the double `bits', whose shortest decimal is r. */
struct dec radix_to_dec(struct radix r, uint64_t bits);

/*
 * The bits of the double nearest to sig * 10^exp, ties to even; 0 below the
 * range, RADIX_INF_BITS above it.
 */
uint64_t radix_to_f64(uint64_t sig, int exp);

/*
 * The same for more digits than a uint64_t holds, at least 20.  The text
 * [s, end) consists of digits and at most one point, which is passed over,
 * and begins with a digit other than 0; it means 0.DIGITS * 10^point.
 */
uint64_t radix_text_to_f64(const char *s, const char *end, int64_t point);

#endif
