/* Decimals and floats: lib/decimal.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "number.h"
#include "tap.h"

#define N_RANDOM 200000

static uint64_t rng_state;

/* xorshift64* (Vigna 2014) */
static uint64_t
rng(void)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * UINT64_C(2685821657736338717);
}

static void
seed_rng(void)
{
	const char *s = getenv("NTDB_SEED");

	rng_state = s != NULL ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
	if (rng_state == 0)
		rng_state = 1;
	diag("NTDB_SEED=%llu", (unsigned long long)rng_state);
}

static struct dec
make(int64_t m, uint8_t scale)
{
	struct dec d = { m, scale };

	return d;
}

static struct dec
raw(double f)
{
	return make(as_i64(f64_bits(f)), DEC_RAW);
}

static bool
same(struct dec a, struct dec b)
{
	return a.m == b.m && a.scale == b.scale;
}

static void
test_from_f64(void)
{
	static const struct {
		double	f;
		int64_t	m;
		uint8_t	scale;
	} cases[] = {
		{ 0.0, 0, 0 }, { 1.0, 1, 0 }, { -1.0, -1, 0 }, { 8.30, 83, 1 },
		{ 21.0, 21, 0 }, { -21.53, -2153, 2 }, { 0.1, 1, 1 },
		{ 100.0, 100, 0 }, { 1e15, INT64_C(1000000000000000), 0 },
		{ 9007199254740992.0, INT64_C(9007199254740992), 0 },
		{ -9007199254740992.0, -INT64_C(9007199254740992), 0 },
		{ 2251799813685248.5, INT64_MIN, 0 },
		{ 450359962737049.5, INT64_C(4503599627370495), 1 },
		{ 900719925474099.2, INT64_C(9007199254740992), 1 },
		{ 900719925474099.4, INT64_MIN, 0 },
		{ 9007199254740994.0, INT64_MIN, 0 },
		{ 1e16, INT64_MIN, 0 }, { 1e23, INT64_MIN, 0 },
		{ 1e-22, 1, 22 }, { 1e-23, INT64_MIN, 0 },
		{ 1.23e-20, 123, 22 }, { 1.23e-21, INT64_MIN, 0 },
		{ 0.30000000000000004, INT64_MIN, 0 },
		{ 0.1234567890123456, INT64_C(1234567890123456), 16 },
		{ 1.7624831358803779, INT64_MIN, 0 },
		{ -0.0, INT64_MIN, DEC_RAW }, { 5e-324, INT64_MIN, 0 },
		{ INFINITY, INT64_MIN, 0 }, { -INFINITY, INT64_MIN, 0 }
	};
	size_t i;

	/* INT64_MIN stands for `no decimal'. */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(same(dec_from_f64(cases[i].f), cases[i].m == INT64_MIN ?
		    raw(cases[i].f) : make(cases[i].m, cases[i].scale)),
		    "the decimal of %.17g", cases[i].f);
	ok(dec_from_f64(f64_from_bits(UINT64_C(0xfff8000000000123))).m ==
	    as_i64(UINT64_C(0xfff8000000000123)), "a NaN keeps its payload");
}

/* What the definition says, with printf and strtod as the judges. */
static void
test_random(void)
{
	char t[64];
	int i, p, scale, bad = 0;

	for (i = 0; i < N_RANDOM; i++) {
		uint64_t u = rng();
		struct dec d, want;
		double f;
		long long m;

		/* A decimal of 1 to 15 digits is found as it was made. */
		scale = (int)(rng() % 23);
		m = (long long)(u % (uint64_t)dec_pow10_i64[1 + rng() % 15]);
		if (m % 10 == 0)
			m++;
		snprintf(t, sizeof(t), "%llde-%d", m, scale);
		d = dec_from_f64(strtod(t, NULL));
		bad += d.m != m || d.scale != scale;

		/* Of any double, it is the shortest if that is bounded. */
		f = f64_from_bits((u & ~(UINT64_C(0x7ff) << 52)) |
		    (1023 - 60 + u % 120) << 52);
		d = dec_from_f64(f);
		for (p = 1; p < 17; p++) {
			snprintf(t, sizeof(t), "%.*e", p - 1, f);
			if (strtod(t, NULL) == f)
				break;
		}
		want = raw(f);
		if (p <= 16 && fabs(f) < 1 && d.scale == DEC_RAW) {
			scale = p - 1 - atoi(strchr(t, 'e') + 1);
			bad += scale <= DEC_SCALE_MAX && p < 16;
		} else if (d.scale != DEC_RAW) {
			snprintf(t, sizeof(t), "%llde-%d", (long long)d.m,
			    d.scale);
			bad += strtod(t, NULL) != f ||
			    dec_to_f64(d.m, d.scale) != f ||
			    d.m > DEC_M_MAX || d.m < -DEC_M_MAX ||
			    (d.scale > 0 && d.m % 10 == 0);
		} else {
			bad += !same(d, want);
		}
	}
	is_int(bad, 0, "random decimals and doubles");
}

/* Decimals that are no shortest text of any float, and some that are. */
static void
test_fits_f32(void)
{
	static const struct {
		int64_t	m;
		uint8_t	scale;
		bool	fits;
	} cases[] = {
		{ 0, 0, true }, { 83, 1, true }, { -2153, 2, true },
		{ 999999, 22, true }, { 16777215, 0, true },
		{ 16777216, 0, true }, { 16777217, 0, false },
		{ 16777218, 0, true }, { -16777217, 0, false },
		/* 9 digits: 2^27 is 134217730 shortest; 2^30 1073741800 */
		{ 134217728, 0, false }, { 134217730, 0, true },
		{ 1073741824, 0, false }, { 1073741800, 0, true },
		{ INT64_C(1000000000000000), 0, true },
		{ INT64_C(1234567890123), 0, false },
		{ 1000001, 1, true }, { 12345677, 1, false },
		{ 12345678, 1, true },
		{ 10000001, 1, true }, { 99999999, 2, false },
		{ 1234567891, 9, false }, { 33554431, 0, false },
		{ INT64_C(9007199254740992), 0, false },
		{ INT64_C(3141592653589793), 15, false },
		{ 31415927, 7, true }, { 31415926, 7, false },
		{ 31415925, 7, true }
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(dec_fits_f32(make(cases[i].m, cases[i].scale)),
		    cases[i].fits, "%lld / 10^%d", (long long)cases[i].m,
		    cases[i].scale);
}

static void
test_fits_f32_raw(void)
{
	ok(dec_fits_f32(raw(-0.0)), "-0.0 fits");
	ok(dec_fits_f32(raw(INFINITY)), "inf fits");
	ok(dec_fits_f32(raw(-INFINITY)), "-inf fits");
	ok(dec_fits_f32(raw(1e30)), "1e30 fits");
	ok(dec_fits_f32(raw(1e-45)), "1e-45 fits");
	ok(dec_fits_f32(raw(-1e-30)), "-1e-30 fits");
	ok(dec_fits_f32(raw(3.4028235e38)), "the greatest float fits");
	ok(!dec_fits_f32(raw(3.4028236e38)), "the next decimal does not");
	ok(!dec_fits_f32(raw(3.4028234663852886e38)), "nor its exact value");
	ok(!dec_fits_f32(raw(1e39)), "1e39 does not fit");
	ok(!dec_fits_f32(raw(2e-45)), "2e-45 does not fit");
	ok(!dec_fits_f32(raw(1e-46)), "1e-46 does not fit");
	ok(!dec_fits_f32(raw(0.30000000000000004)), "17 digits do not fit");
	ok(dec_fits_f32(make(as_i64(UINT64_C(0x7ff8000000000000)), DEC_RAW)),
	    "NaN fits");
	ok(dec_fits_f32(make(as_i64(UINT64_C(0xfff8000020000000)), DEC_RAW)),
	    "a payload on top fits");
	ok(!dec_fits_f32(make(as_i64(UINT64_C(0x7ff8000010000000)), DEC_RAW)),
	    "a payload below does not");
	ok(!dec_fits_f32(make(as_i64(UINT64_C(0x7ff4000000000000)), DEC_RAW)),
	    "a signalling NaN does not");
}

static void
test_round_f32(void)
{
	static const double pairs[][2] = {
		{ 21.53, 21.53 }, { 16777217, 16777216 }, { 1.23456789,
		1.2345679 }, { 3.141592653589793, 3.1415927 },
		{ 0.30000000000000004, 0.3 }, { 1e39, INFINITY },
		{ -1e39, -INFINITY }, { 3.4028235677973366e38, INFINITY },
		{ 3.4028235677973362e38, 3.4028235e38 }, { 1e-46, 0.0 },
		{ -1e-46, -0.0 }, { 2e-45, 1e-45 }, { 134217728, 134217730 },
		{ -0.0, -0.0 }, { INFINITY, INFINITY }
	};
	struct dec d;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ok(same(dec_round_f32(dec_from_f64(pairs[i][0])),
		    dec_from_f64(pairs[i][1])), "%.17g becomes %.17g",
		    pairs[i][0], pairs[i][1]);
	d = dec_round_f32(make(as_i64(UINT64_C(0xfff0000000000001)), DEC_RAW));
	ok((uint64_t)d.m == UINT64_C(0xfff8000000000000) &&
	    d.scale == DEC_RAW, "a NaN stays one, and quiet");
}

/* 21.1f is the double that strtod makes of the shortest text of 21.1f. */
static double
widen_by_printf(float f)
{
	char t[64];
	int p;

	for (p = 1; p < 9; p++) {
		snprintf(t, sizeof(t), "%.*e", p - 1, (double)f);
		if (strtof(t, NULL) == f)
			break;
	}
	snprintf(t, sizeof(t), "%.*e", p - 1, (double)f);
	return strtod(t, NULL);
}

static void
test_widen(void)
{
	float below = f32_from_bits(UINT32_C(0x15ae43fd));
	struct dec d;
	double f;
	int i, bad = 0, unfit = 0;

	ok(f64_bits(f32_widen(21.1f)) == f64_bits(21.1), "21.1f is 21.1");
	ok(f64_bits(f32_widen(-0.0f)) == f64_bits(-0.0), "-0.0f");
	ok(f32_widen(-INFINITY) == (double)-INFINITY, "-inf");
	ok(isnan(f32_widen(NAN)), "NaN");
	ok(f32_widen(1e-45f) == 1e-45, "the least float");
	ok(f32_widen(9.8607613e-32f) == 9.8607613e-32, "2^-103");

	/* The one decimal which its double does not lead back to. */
	ok(f32_widen(below) == 7.038531e-26, "7.038531e-26f");
	ok(!dec_fits_f32(raw(7.038531e-26)), "7.038531e-26 does not fit");
	d = dec_round_f32(raw(7.038531e-26));
	ok(dec_fits_f32(d) && same(d, dec_round_f32(d)), "its float does");
	d = dec_round_f32(raw((double)below));
	ok(dec_fits_f32(d) && same(d, dec_round_f32(d)), "from below too");

	for (i = 0; i < N_RANDOM; i++) {
		uint32_t u = (uint32_t)rng();
		float g = f32_from_bits(u);

		if (!isfinite(g) || g == 0)
			continue;
		f = f32_widen(g);
		/* Below a power of two the nearest text can be another. */
		bad += (u << 9 != 0 && f != widen_by_printf(g)) ||
		    (float)f != g;
		unfit += !dec_fits_f32(dec_from_f64(f)) ||
		    !same(dec_round_f32(dec_from_f64(f)), dec_from_f64(f));
	}
	is_int(bad, 0, "random floats widen to their shortest text");
	is_int(unfit, 0, "and fit, and stay what they are");
}

/* A decimal prints as its double does, canonical or not. */
static void
test_format(void)
{
	char got[64], want[64];
	int i, bad = 0;

	for (i = 0; i < N_RANDOM; i++) {
		int64_t m = (int64_t)(rng() >> 10 >> rng() % 54);
		uint8_t scale = (uint8_t)(rng() % 23);
		size_t n;

		if (rng() % 4 == 0 && m < 1000000)
			m *= 1000;
		if (rng() % 2 == 0 && m != 0)
			m = -m;
		n = dec_format(m, scale, got);
		got[n] = '\0';
		n = number_format_f64(dec_to_f64(m, scale), want);
		want[n] = '\0';
		if (strcmp(got, want) != 0 && bad++ < 5)
			diag("%lld, %d: %s, not %s", (long long)m, scale, got,
			    want);
	}
	is_int(bad, 0, "decimals print as their doubles");
	got[dec_format(830, 2, got)] = '\0';
	is_str(got, "8.3", "830 / 100");
	got[dec_format(-5, 3, got)] = '\0';
	is_str(got, "-0.005", "-5 / 1000");
	got[dec_format(0, 22, got)] = '\0';
	is_str(got, "0", "0 / 10^22");
	got[dec_format(100, 22, got)] = '\0';
	is_str(got, "1e-20", "100 / 10^22");
	got[dec_format(123456, 22, got)] = '\0';
	is_str(got, "1.23456e-17", "123456 / 10^22");
}

int
main(void)
{
	plan_later();
	seed_rng();
	test_from_f64();
	test_random();
	test_fits_f32();
	test_fits_f32_raw();
	test_round_f32();
	test_widen();
	test_format();
	return done_testing();
}
