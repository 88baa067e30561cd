/*
 * Floor 0.  Sums that do not lose what single doubles would.
 *
 * A double-double is an unevaluated sum hi + lo.  The error-free
 * transformations are Knuth's TwoSum and the product by fused multiply-add
 * (Ogita, Rump, Oishi: Accurate sum and dot product, 2005).
 */
#ifndef NTDB_SUMS_H
#define NTDB_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dd {
	double	hi, lo;
};

static inline struct dd
dd_two_sum(double a, double b)
{
	struct dd r;
	double t;

	r.hi = a + b;
	t = r.hi - a;
	r.lo = (a - (r.hi - t)) + (b - t);
	return r;
}

struct dd dd_add(struct dd a, struct dd b);
struct dd dd_mul(struct dd a, struct dd b);
struct dd dd_div(struct dd a, double b);

/* An integer, exactly. */
struct dd dd_from_i64(int64_t i);

/*
 * A sum of doubles.  Values of 2^960 and more are kept apart, scaled down, so
 * that only a sum which really is too large overflows; infinities and NaNs
 * are added as IEEE 754 does.
 */
struct fsum {
	struct dd sum, big;	/* big * 2^FSUM_SCALE + sum */
	double	special;
	bool	has_big, has_special;
};

#define FSUM_BIG 0x1p960
#define FSUM_SCALE 128

/* What fsum_add leaves to it: large values, infinities and NaNs. */
void fsum_add_rare(struct fsum *s, double x);

static inline void
fsum_add(struct fsum *s, double x)
{
	struct dd r;

	if (!(x < FSUM_BIG && x > -FSUM_BIG)) {
		fsum_add_rare(s, x);
		return;
	}
	r = dd_two_sum(s->sum.hi, x);
	s->sum = dd_two_sum(r.hi, s->sum.lo + r.lo);
}

/*
 * Add up to FSUM_MANY values, all of magnitudes below FSUM_PLAIN, at once: the
 * errors of their plain sum are summed beside it, and the errors of that.
 */
#define FSUM_PLAIN 0x1p950
#define FSUM_MANY 256
void fsum_add_plain(struct fsum *s, const double *x, size_t n);

double fsum_value(const struct fsum *s);
double fsum_mean(const struct fsum *s, uint64_t n);

/* An exact sum of integers: hi * 2^64 + lo. */
struct isum {
	int64_t	hi;
	uint64_t lo;
};

static inline void
isum_add(struct isum *s, int64_t x)
{
	uint64_t lo = s->lo + (uint64_t)x;

	s->hi += (lo < s->lo) - (x < 0);
	s->lo = lo;
}

/* Whether it fits int64, and then that. */
bool isum_fits(const struct isum *s, int64_t *value);
double isum_value(const struct isum *s);
double isum_mean(const struct isum *s, uint64_t n);

/*
 * The population's standard deviation: sums of the differences from the first
 * value and of their squares, in three ranges of magnitude so that no square
 * overflows or vanishes (after Blue, A portable Fortran program to find the
 * Euclidean norm of a vector, 1978).
 */
struct deviation {
	struct dd first;
	int64_t	first_i;
	bool	any, special;
	struct deviation_range {
		bool	any;
		struct dd sum, squares;
	} range[3];
};

void deviation_add_f64(struct deviation *d, double x);
void deviation_add_i64(struct deviation *d, int64_t x);
double deviation_value(const struct deviation *d, uint64_t n);

#endif
