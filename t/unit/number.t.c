/* Numbers as text: lib/number.c, and the formats in lib/decimal.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "number.h"
#include "pow10.h"
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

/* From a copy without anything around it, for the address sanitizer. */
static enum number_status
scan(const char *text, size_t len, struct number *n)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum number_status st;

	if (copy == NULL)
		bail("out of memory");
	memcpy(copy, text, len);
	memset(n, 0x5a, sizeof(*n));
	st = number_scan(copy, len, n);
	free(copy);
	return st;
}

static uint64_t
dec_bits(struct dec d)
{
	return f64_bits(dec_to_f64(d.m, d.scale));
}

/* Bits and `rounded' as Python's float() and repr() have them. */
static const struct {
	const char *text;
	bool	rounded;
	uint64_t bits;
} floats[] = {
	{ "21.53", false, UINT64_C(0x403587ae147ae148) },
	{ "8.30", false, UINT64_C(0x402099999999999a) },
	{ "-3.5", false, UINT64_C(0xc00c000000000000) },
	{ "+1.5", false, UINT64_C(0x3ff8000000000000) },
	{ ".5", false, UINT64_C(0x3fe0000000000000) },
	{ "5.", false, UINT64_C(0x4014000000000000) },
	{ "-.5", false, UINT64_C(0xbfe0000000000000) },
	{ "00.50", false, UINT64_C(0x3fe0000000000000) },
	{ "0.0", false, UINT64_C(0x0000000000000000) },
	{ "-0.0", false, UINT64_C(0x8000000000000000) },
	{ "1e3", false, UINT64_C(0x408f400000000000) },
	{ "1.5E-3", false, UINT64_C(0x3f589374bc6a7efa) },
	{ "1e+3", false, UINT64_C(0x408f400000000000) },
	{ "-1e0", false, UINT64_C(0xbff0000000000000) },
	{ "0e99999999999999999999", false, UINT64_C(0x0000000000000000) },
	{ "0.000e-99999999999999999999", false,
	    UINT64_C(0x0000000000000000) },
	{ "4503599627370496.5", true, UINT64_C(0x4330000000000000) },
	{ "4503599627370497.5", true, UINT64_C(0x4330000000000002) },
	{ "4503599627370496.50000000000000000000001", true,
	    UINT64_C(0x4330000000000001) },
	{ "4503599627370497.49999999999999999999999", true,
	    UINT64_C(0x4330000000000001) },
	{ "9007199254740991.0", false, UINT64_C(0x433fffffffffffff) },
	{ "9007199254740992.0", false, UINT64_C(0x4340000000000000) },
	{ "9007199254740993.0", true, UINT64_C(0x4340000000000000) },
	{ "9007199254740993.00000000000000000001", true,
	    UINT64_C(0x4340000000000001) },
	{ "9007199254740994.0", false, UINT64_C(0x4340000000000001) },
	{ "9007199254740995.0", true, UINT64_C(0x4340000000000002) },
	{ "900719925474099.25", true, UINT64_C(0x430999999999999a) },
	{ "900719925474099.3", true, UINT64_C(0x430999999999999a) },
	{ "1e15", false, UINT64_C(0x430c6bf526340000) },
	{ "1e16", false, UINT64_C(0x4341c37937e08000) },
	{ "1e17", false, UINT64_C(0x4376345785d8a000) },
	{ "1e22", false, UINT64_C(0x4480f0cf064dd592) },
	{ "1e23", false, UINT64_C(0x44b52d02c7e14af6) },
	{ "1e-22", false, UINT64_C(0x3b5e392010175ee6) },
	{ "1e-23", false, UINT64_C(0x3b282db34012b251) },
	{ "8.5e22", false, UINT64_C(0x44b1ffdbf6b2b2eb) },
	{ "1e21", false, UINT64_C(0x444b1ae4d6e2ef50) },
	{ "123456789012345680000.0", false, UINT64_C(0x441ac53a7e04bcda) },
	{ "5e-324", false, UINT64_C(0x0000000000000001) },
	{ "4.9406564584124654e-324", true, UINT64_C(0x0000000000000001) },
	{ "2.4703282292062328e-324", true, UINT64_C(0x0000000000000001) },
	{ "7.4109846876186981e-324", true, UINT64_C(0x0000000000000001) },
	{ "2.2250738585072014e-308", false, UINT64_C(0x0010000000000000) },
	{ "2.2250738585072011e-308", true, UINT64_C(0x000fffffffffffff) },
	{ "2.2250738585072012e-308", true, UINT64_C(0x0010000000000000) },
	{ "1.7976931348623157e308", false, UINT64_C(0x7fefffffffffffff) },
	{ "1.797693134862315807e308", true, UINT64_C(0x7fefffffffffffff) },
	{ "-1.7976931348623157e308", false, UINT64_C(0xffefffffffffffff) },
	{ "0.1", false, UINT64_C(0x3fb999999999999a) },
	{ "0.2", false, UINT64_C(0x3fc999999999999a) },
	{ "0.3", false, UINT64_C(0x3fd3333333333333) },
	{ "0.30000000000000004", false, UINT64_C(0x3fd3333333333334) },
	{ "1.7624831358803779", false, UINT64_C(0x3ffc33218445b955) },
	{ "0.1234567890123456", false, UINT64_C(0x3fbf9add3746f659) },
	{ "3.141592653589793238462643383279", true,
	    UINT64_C(0x400921fb54442d18) },
	{ "123456789.125", false, UINT64_C(0x419d6f3454800000) },
	{ "99999999.5", false, UINT64_C(0x4197d783fe000000) },
	{ "9999999.99", false, UINT64_C(0x416312cfffae147b) },
	{ "999999999999999.9", false, UINT64_C(0x430c6bf52633ffff) },
	{ "6.02214076e23", false, UINT64_C(0x44dfe185ca57c517) },
	{ "1.0e10", false, UINT64_C(0x4202a05f20000000) },
	{ "72057594037927936.0", true, UINT64_C(0x4370000000000000) },
	{ "18446744073709551616.0", true, UINT64_C(0x43f0000000000000) },
	{ "2.4e-322", false, UINT64_C(0x0000000000000031) },
	{ "1.0000000000000000000000000000", false,
	    UINT64_C(0x3ff0000000000000) },
	{ "10000000000000000000000000000.0", false,
	    UINT64_C(0x45c027e72f1f1281) },
	{ "9214843084008499.0", true, UINT64_C(0x43405e6cec57761a) },
	{ "0.500000000000000166533453693773481063544750213623046875", true,
	    UINT64_C(0x3fe0000000000002) },
	{ "3.518437208883201171875e13", true,
	    UINT64_C(0x42c0000000000002) },
	{ "1.00000000000000011102230246251565404236316680908203125", true,
	    UINT64_C(0x3ff0000000000000) },
	{ "1.00000000000000011102230246251565404236316680908203124", true,
	    UINT64_C(0x3ff0000000000000) },
	{ "1.00000000000000011102230246251565404236316680908203126", true,
	    UINT64_C(0x3ff0000000000001) },
	/* Just above half of the least double. */
	{ "2.4703282292062327208828439643411068618252990130716238221279284"
	  "1250337753635104376e-324", true, UINT64_C(1) },
	{ "7.038531e-26", false, UINT64_C(0x3ab5c87fb0000000) }
};

static void
test_floats(void)
{
	struct number n;
	struct dec again;
	size_t i;

	for (i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		const char *t = floats[i].text;
		enum number_status st = scan(t, strlen(t), &n);

		again = dec_from_f64(f64_from_bits(floats[i].bits));
		if (!ok(st == NUMBER_OK && n.kind == NUMBER_FLOAT &&
		    !n.suffixed && dec_bits(n.d) == floats[i].bits &&
		    n.rounded == floats[i].rounded && n.d.m == again.m &&
		    n.d.scale == again.scale, "%s", t))
			diag("status %u bits %016llx rounded %d scale %d", st,
			    (unsigned long long)dec_bits(n.d), n.rounded,
			    n.d.scale);
	}
}

static const struct {
	const char *text;
	bool	suffixed;
	int64_t	value;
} ints[] = {
	{ "0", false, 0 }, { "-0", false, 0 }, { "+7", false, 7 },
	{ "1762", false, 1762 }, { "-1", false, -1 }, { "007", false, 7 },
	{ "12345678", false, 12345678 }, { "-12345678", false, -12345678 },
	{ "123456789", false, 123456789 },
	{ "9223372036854775807", false, INT64_MAX },
	{ "-9223372036854775808", false, INT64_MIN },
	{ "00000000000000000000000000000000000042", false, 42 },
	{ "0000000000000000000000000000", false, 0 },
	{ "5i", true, 5 }, { "-12i", true, -12 }, { "1762i", true, 1762 },
	{ "3.0i", true, 3 }, { "3.i", true, 3 }, { "1e3i", true, 1000 },
	{ "-2.5e1i", true, -25 }, { "9e18i", true, INT64_C(9000000000000000000) },
	{ "0e999i", true, 0 }, { "-0.0i", true, 0 }, { "120e-1i", true, 12 },
	{ "9223372036854775807.0i", true, INT64_MAX },
	{ "9223372036854775.807e3i", true, INT64_MAX },
	{ "3.000000000000000000000000000000i", true, 3 },
	{ "100000000000000000000000000e-26i", true, 1 },
	{ "0.000000000000000000000000000004e30i", true, 4 }
};

static void
test_ints(void)
{
	struct number n;
	size_t i;

	for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		const char *t = ints[i].text;
		enum number_status st = scan(t, strlen(t), &n);

		ok(st == NUMBER_OK && n.kind == NUMBER_INT &&
		    n.d.scale == 0 && n.d.m == ints[i].value &&
		    n.suffixed == ints[i].suffixed && !n.rounded, "%s", t);
	}
}

static const struct {
	const char *text;
	int	status;
} refused[] = {
	{ "", NUMBER_SYNTAX }, { ".", NUMBER_SYNTAX }, { "+", NUMBER_SYNTAX },
	{ "-", NUMBER_SYNTAX }, { "-.", NUMBER_SYNTAX },
	{ "1e", NUMBER_SYNTAX }, { "1e+", NUMBER_SYNTAX },
	{ "1e-", NUMBER_SYNTAX }, { ".e5", NUMBER_SYNTAX },
	{ "e5", NUMBER_SYNTAX }, { "1e5.0", NUMBER_SYNTAX },
	{ "0x10", NUMBER_SYNTAX }, { "1_000", NUMBER_SYNTAX },
	{ "1.2.3", NUMBER_SYNTAX }, { "1..2", NUMBER_SYNTAX },
	{ "--1", NUMBER_SYNTAX }, { "+-1", NUMBER_SYNTAX },
	{ "1-", NUMBER_SYNTAX }, { "1 ", NUMBER_SYNTAX },
	{ " 1", NUMBER_SYNTAX }, { "1,5", NUMBER_SYNTAX },
	{ "1/5", NUMBER_SYNTAX }, { "1:5", NUMBER_SYNTAX },
	{ "12a", NUMBER_SYNTAX }, { "i", NUMBER_SYNTAX },
	{ "1ii", NUMBER_SYNTAX }, { "1I", NUMBER_SYNTAX },
	{ ".i", NUMBER_SYNTAX }, { "nani", NUMBER_SYNTAX },
	{ "true", NUMBER_SYNTAX }, { "\"1\"", NUMBER_SYNTAX },
	{ "na", NUMBER_SYNTAX }, { "nan1", NUMBER_SYNTAX },
	{ "infi", NUMBER_SYNTAX }, { "infinit", NUMBER_SYNTAX },
	{ "infinityy", NUMBER_SYNTAX }, { "1nan", NUMBER_SYNTAX },
	{ "\261\262", NUMBER_SYNTAX }, { "1\2562", NUMBER_SYNTAX },
	{ "9223372036854775808", NUMBER_INT_RANGE },
	{ "-9223372036854775809", NUMBER_INT_RANGE },
	{ "18446744073709551616", NUMBER_INT_RANGE },
	{ "18446744073709551621i", NUMBER_INT_RANGE },
	{ "99999999999999999999999999", NUMBER_INT_RANGE },
	{ "100000000000000000000", NUMBER_INT_RANGE },
	{ "1e19i", NUMBER_INT_RANGE }, { "99e18i", NUMBER_INT_RANGE },
	{ "9.3e18i", NUMBER_INT_RANGE },
	{ "1e99999999999999999999i", NUMBER_INT_RANGE },
	{ "3.5i", NUMBER_NOT_INT }, { "1e-1i", NUMBER_NOT_INT },
	{ "0.000000000000000000000000000001i", NUMBER_NOT_INT },
	{ "12345678901234567890123.5i", NUMBER_NOT_INT },
	{ "1e999", NUMBER_FLOAT_RANGE }, { "-1e309", NUMBER_FLOAT_RANGE },
	{ "1.7976931348623159e308", NUMBER_FLOAT_RANGE },
	{ "1.797693134862315808e308", NUMBER_FLOAT_RANGE },
	{ "1.797693134862315808e+308", NUMBER_FLOAT_RANGE },
	{ "1e99999999999999999999", NUMBER_FLOAT_RANGE },
	{ "2.4703282292062327e-324", NUMBER_UNDERFLOW },
	{ "-1e-400", NUMBER_UNDERFLOW }, { "1e-324", NUMBER_UNDERFLOW },
	{ "1e-99999999999999999999", NUMBER_UNDERFLOW },
	/* Just below half of the least double. */
	{ "2.4703282292062327208828439643411068618252990130716238221279284"
	  "1250337753635104375e-324", NUMBER_UNDERFLOW }
};

static void
test_refused(void)
{
	struct number n;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *t = refused[i].text;

		is_int(scan(t, strlen(t), &n), refused[i].status,
		    "\"%s\" is refused", t);
	}
}

static void
test_special(void)
{
	static const struct {
		const char *text;
		uint64_t bits;
	} words[] = {
		{ "nan", UINT64_C(0x7ff8000000000000) },
		{ "NaN", UINT64_C(0x7ff8000000000000) },
		{ "-NAN", UINT64_C(0x7ff8000000000000) },
		{ "inf", UINT64_C(0x7ff0000000000000) },
		{ "+Inf", UINT64_C(0x7ff0000000000000) },
		{ "-inf", UINT64_C(0xfff0000000000000) },
		{ "Infinity", UINT64_C(0x7ff0000000000000) },
		{ "-INFINITY", UINT64_C(0xfff0000000000000) }
	};
	struct number n;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		enum number_status st = scan(words[i].text,
		    strlen(words[i].text), &n);

		ok(st == NUMBER_OK && n.kind == NUMBER_FLOAT &&
		    n.d.scale == DEC_RAW &&
		    (uint64_t)n.d.m == words[i].bits, "%s", words[i].text);
	}
}

/* A thousand digits and more; the last one decides. */
static void
test_long(void)
{
	char t[3000];
	struct number n;
	int len;

	memset(t, '0', sizeof(t));
	memcpy(t, "9007199254740993.", 17);
	t[2000] = '1';
	is_int(scan(t, 2001, &n), NUMBER_OK, "2000 digits");
	ok(dec_to_f64(n.d.m, n.d.scale) == 9007199254740994.0 && n.rounded,
	    "a last digit beyond the tie rounds up");
	is_int(scan(t, 2000, &n), NUMBER_OK, "and without it");
	ok(dec_to_f64(n.d.m, n.d.scale) == 9007199254740992.0 && n.rounded,
	    "the tie goes to even");

	memset(t, '0', sizeof(t));
	t[1] = '.';
	t[1200] = '7';
	len = snprintf(t + 1201, 100, "e1199");
	is_int(scan(t, 1201 + (size_t)len, &n), NUMBER_OK, "1198 zeros first");
	ok(n.d.m == 7 && n.d.scale == 0 && !n.rounded, "is 7");
	t[0] = '1';
	memset(t + 1, '0', 1500);
	len = snprintf(t + 1501, 100, "e-1500");
	is_int(scan(t, 1501 + (size_t)len, &n), NUMBER_OK, "1500 zeros last");
	ok(n.d.m == 1 && n.d.scale == 0 && !n.rounded, "is 1");
	memset(t, '9', 1000);
	is_int(scan(t, 1000, &n), NUMBER_INT_RANGE, "1000 nines");
	t[308] = '.';
	is_int(scan(t, 308, &n), NUMBER_INT_RANGE, "308 nines");
	is_int(scan(t, 1000, &n), NUMBER_OK, "308 nines and a fraction");
	ok(dec_bits(n.d) == f64_bits(1e308), "is 1e308");
}

static void
test_formats(void)
{
	static const struct {
		double	f;
		const char *text;
	} cases[] = {
		{ 0.0, "0" }, { -0.0, "-0" }, { 1.0, "1" }, { -1.0, "-1" },
		{ 21.53, "21.53" }, { 8.30, "8.3" }, { -0.5, "-0.5" },
		{ 0.1, "0.1" }, { 1e-5, "0.00001" }, { 1e-6, "0.000001" },
		{ 1.5e-6, "0.0000015" }, { 9.99e-7, "9.99e-07" },
		{ 1e-7, "1e-07" }, { 1e20, "100000000000000000000" },
		{ 123456789012345680000.0, "123456789012345680000" },
		{ 999999999999999900000.0, "999999999999999900000" },
		{ 1e21, "1e+21" }, { 1.5e21, "1.5e+21" }, { 1e23, "1e+23" },
		{ 1e100, "1e+100" }, { -1.25e-100, "-1.25e-100" },
		{ 5e-324, "5e-324" }, { 1e-323, "1e-323" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ -2.2250738585072014e-308, "-2.2250738585072014e-308" },
		{ 9007199254740992.0, "9007199254740992" },
		{ 9007199254740994.0, "9007199254740994" },
		{ 18014398509481984.0, "18014398509481984" },
		{ 0.30000000000000004, "0.30000000000000004" },
		{ 0.000001234567890123456, "0.000001234567890123456" },
		{ 9.5367431640625e-07, "9.5367431640625e-07" },
		/* The shortest is at the very end of what reads back. */
		{ 72057594037928192.0, "72057594037928200" },
		{ 72057594037928608.0, "72057594037928600" },
		{ 73786976294937591808.0, "73786976294937600000" },
		{ 295147905179545632768.0, "295147905179545600000" },
		{ 2e-44, "2e-44" }, { 1234567.0, "1234567" },
		{ INFINITY, "+Inf" }, { -INFINITY, "-Inf" }, { NAN, "NaN" }
	};
	char buf[64];
	size_t i, len;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dec d = dec_from_f64(cases[i].f);

		len = number_format_f64(cases[i].f, buf);
		is_mem(buf, len, cases[i].text, strlen(cases[i].text),
		    "%s", cases[i].text);
		len = dec_format(d.m, d.scale, buf);
		is_mem(buf, len, cases[i].text, strlen(cases[i].text),
		    "%s as a decimal", cases[i].text);
	}
}

/* Integers as printf has them, around the powers of two and ten. */
static void
test_integer_formats(void)
{
	char buf[64], want[64];
	uint64_t p, u;
	int64_t s;
	int d, bad = 0;

	for (p = 1, u = 0; u < 84; u++) {
		p = u < 64 ? UINT64_C(1) << u : u == 64 ? 1 : p * 10;
		for (d = -2; d <= 2; d++) {
			uint64_t v = p + (uint64_t)d;

			buf[number_format_u64(v, buf)] = '\0';
			snprintf(want, sizeof(want), "%llu",
			    (unsigned long long)v);
			bad += strcmp(buf, want) != 0;
			s = as_i64(v);
			buf[number_format_i64(s, buf)] = '\0';
			snprintf(want, sizeof(want), "%lld", (long long)s);
			bad += strcmp(buf, want) != 0;
		}
	}
	is_int(bad, 0, "integers print as printf prints them");
}

/* Bit patterns of all kinds: any, near powers of two, subnormal, short. */
static double
random_f64(void)
{
	uint64_t u = rng();

	switch (rng() % 5) {
	case 0:
		u = ((u % 2047) << 52) + rng() % 5 - 2;
		break;
	case 1:
		u = (u >> 12) >> rng() % 52;
		break;
	case 2:
		u = f64_bits((double)(u % 100000000) / 1000.0) + rng() % 3 - 1;
		break;
	case 3:
		u = f64_bits((double)(u >> rng() % 60));
		break;
	default:
		break;
	}
	return f64_from_bits(u);
}

/* The fewest digits of printf that read back. */
static int
digits_needed(double f, char *text, size_t size)
{
	int n;

	for (n = 1; n < 17; n++) {
		snprintf(text, size, "%.*e", n - 1, f);
		if (strtod(text, NULL) == f)
			return n;
	}
	snprintf(text, size, "%.16e", f);
	return 17;
}

/* The significant digits of a text. */
static void
significant(const char *t, char *digits)
{
	char *p = digits;

	for (; *t != '\0' && *t != 'e'; t++)
		if (*t >= '0' && *t <= '9' && (p > digits || *t != '0'))
			*p++ = *t;
	while (p > digits && p[-1] == '0')
		p--;
	*p = '\0';
}

static void
test_random_format(void)
{
	char got[64], want[64], a[64], b[64];
	int i, bad = 0;
	struct number n;

	for (i = 0; i < N_RANDOM; i++) {
		double f = random_f64();
		int needed;
		size_t len;

		if (!isfinite(f) || f == 0)
			continue;
		needed = digits_needed(f, want, sizeof(want));
		len = number_format_f64(f, got);
		got[len] = '\0';
		significant(got, a);
		significant(want, b);
		/* Below a power of two the floats are closer than above. */
		if (f64_bits(f) << 12 == 0 ? (int)strlen(a) > needed :
		    strcmp(a, b) != 0)
			bad++;
		else if (f64_bits(strtod(got, NULL)) != f64_bits(f))
			bad++;
		else if (number_scan(got, len, &n) == NUMBER_OK &&
		    (n.rounded || (n.kind == NUMBER_FLOAT &&
		    dec_bits(n.d) != f64_bits(f))))
			bad++;
		else
			continue;
		if (bad < 5)
			diag("%016llx: %s, not %s",
			    (unsigned long long)f64_bits(f), got, want);
	}
	is_int(bad, 0, "random doubles print shortest and read back");
}

/* A decimal of some shape; returns its length. */
static size_t
random_text(char *t)
{
	char *p = t;
	uint64_t whole = rng() % 20, fraction = rng() % 24;

	if (rng() % 3 == 0)
		whole = rng() % 5, fraction = rng() % 4;
	if (rng() % 2 == 0)
		*p++ = '-';
	for (whole++; whole > 0; whole--)
		*p++ = (char)('0' + rng() % 10);
	*p++ = '.';
	for (; fraction > 0; fraction--)
		*p++ = (char)('0' + rng() % 10 * (rng() % 4 != 0));
	if (rng() % 3 == 0)
		p += sprintf(p, "e%d", (int)(rng() % 680) - 345);
	*p = '\0';
	return (size_t)(p - t);
}

static void
test_random_scan(void)
{
	char t[128];
	struct number n;
	int i, bad = 0;

	for (i = 0; i < N_RANDOM; i++) {
		size_t len = random_text(t);
		enum number_status st = scan(t, len, &n);
		enum number_status want = NUMBER_OK;
		double f = strtod(t, NULL);

		if (isinf(f))
			want = NUMBER_FLOAT_RANGE;
		else if (f == 0 && t[strspn(t, "-.0")] >= '1' &&
		    t[strspn(t, "-.0")] <= '9')
			want = NUMBER_UNDERFLOW;
		if (st == want &&
		    (st != NUMBER_OK || dec_bits(n.d) == f64_bits(f)))
			continue;
		if (bad++ < 5)
			diag("%s: status %u, not %u", t, st, want);
	}
	is_int(bad, 0, "random decimals are what strtod makes of them");
}

/* a += b, both written with "%.*f" and as long; no carry out. */
static void
add_text(char *a, const char *b, size_t len)
{
	int carry = 0, d;

	while (len-- > 0) {
		if (a[len] == '.')
			continue;
		d = a[len] - '0' + b[len] - '0' + carry;
		carry = d > 9;
		a[len] = (char)('0' + d % 10);
	}
}

/* The point half way between two doubles, in full, and 1e-1150 above it. */
static void
test_random_halfway(void)
{
	char t[1300], half[1300];
	struct number n;
	enum number_status st;
	int i, k, bad = 0;

	for (i = 0; i < 2000; i++) {
		uint64_t u = (1 + rng() % 1080) << 52 | rng() >> 12;
		uint64_t want;
		double f = f64_from_bits(u);
		double ulp = f64_from_bits(u + 1) - f;
		size_t len;

		if (ulp / 2 == 0)
			continue;
		len = (size_t)snprintf(t, sizeof(t), "%01150.1100f", f);
		snprintf(half, sizeof(half), "%01150.1100f", ulp / 2);
		add_text(t, half, len);
		memset(t + len, '0', 50);
		for (k = 0; k < 2; k++) {
			t[len + 49] = (char)('0' + k);
			t[len + 50] = '\0';
			st = scan(t, len + 50, &n);
			want = u + ((u & 1) | (uint64_t)k);
			if (st == NUMBER_OK && dec_bits(n.d) == want &&
			    f64_bits(strtod(t, NULL)) == want)
				continue;
			if (bad++ < 5)
				diag("above %.17g", f);
		}
	}
	is_int(bad, 0, "half way between doubles goes to even");
}

static void
test_wide_mul(void)
{
	int i, bad = 0;

	for (i = 0; i < N_RANDOM; i++) {
		uint64_t a = rng() >> rng() % 64, b = rng() >> rng() % 64;
		struct wide p = wide_mul(a, b), q = wide_mul_portable(a, b);

		bad += p.hi != q.hi || p.lo != q.lo || q.lo != a * b;
	}
	is_int(bad, 0, "both ways to multiply agree");
	/* (2^64 - 1)^2 = 2^128 - 2^65 + 1 */
	ok(wide_mul_portable(UINT64_MAX, UINT64_MAX).hi == UINT64_MAX - 1 &&
	    wide_mul_portable(UINT64_MAX, UINT64_MAX).lo == 1,
	    "the largest product");
}

int
main(void)
{
	plan_later();
	seed_rng();
	test_floats();
	test_ints();
	test_refused();
	test_special();
	test_long();
	test_formats();
	test_integer_formats();
	test_random_format();
	test_random_scan();
	test_random_halfway();
	test_wide_mul();
	return done_testing();
}
