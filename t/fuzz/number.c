/*
 * Numbers.  Input: a byte that says what, then text; or eight bytes, the
 * bits of a double.
 *
 *   - A float is the double that strtod reads from the same text.
 *   - Every number reads back from its text; what a double is written as is
 *     what strtod reads as that double.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fuzz.h"
#include "number.h"
#include "pow10.h"

static bool
same(double a, double b)
{
	return f64_bits(a) == f64_bits(b) || (isnan(a) && isnan(b));
}

static void
check_decimal(struct dec d)
{
	char a[NTDB_TEXT_MAX], b[NTDB_TEXT_MAX];
	double f = dec_to_f64(d.m, d.scale);
	struct dec narrow = dec_round_f32(d);
	size_t n;

	must(d.scale == DEC_RAW || (d.scale <= DEC_SCALE_MAX &&
	    d.m <= DEC_M_MAX && d.m >= -DEC_M_MAX));
	/* Canonical: no smaller scale would do. */
	must(d.scale == DEC_RAW || d.scale == 0 || d.m % 10 != 0);
	n = dec_format(d.m, d.scale, a);
	must(n == number_format_f64(f, b) && memcmp(a, b, n) == 0);
	must(dec_fits_f32(narrow));
	if (dec_fits_f32(d) && !isnan(f))
		must(same(f32_widen((float)f), f));
}

/* A double as text, read by both. */
static void
check_double(double f)
{
	char text[NTDB_TEXT_MAX + 1];
	struct number x;
	struct dec d = dec_from_f64(f);
	size_t n = fuzz_float(f, text);

	text[n] = '\0';
	must(n < NTDB_TEXT_MAX);
	must(same(dec_to_f64(d.m, d.scale), f));
	must(same(strtod(text, NULL), f));
	must(number_scan(text, n, &x) == NUMBER_OK);
	must(x.kind == NUMBER_FLOAT && !x.rounded);
	must(same(dec_to_f64(x.d.m, x.d.scale), f));
	must(isnan(f) || (x.d.m == d.m && x.d.scale == d.scale));
	check_decimal(d);
}

static void
check_int(int64_t i)
{
	char text[NTDB_TEXT_MAX], want[NTDB_TEXT_MAX];
	struct number x;
	size_t n = number_format_i64(i, text);

	must(n == (size_t)snprintf(want, sizeof(want), "%lld",
	    (long long)i));
	must(memcmp(text, want, n) == 0);
	must(number_scan(text, n, &x) == NUMBER_OK);
	must(x.kind == NUMBER_INT && x.d.m == i && !x.suffixed);
}

static void
scan(const char *text, size_t len)
{
	struct number x;
	char *end;
	double want;

	switch (number_scan(text, len, &x)) {
	case NUMBER_OK:
		break;
	case NUMBER_FLOAT_RANGE:
		must(isinf(strtod(text, &end)) && end == text + len);
		return;
	case NUMBER_UNDERFLOW:
		must(!(strtod(text, &end) < 0 || strtod(text, &end) > 0));
		must(end == text + len);
		return;
	default:
		return;
	}
	want = strtod(text, &end);
	must(end == text + len - x.suffixed);
	if (x.kind == NUMBER_INT) {
		must(x.d.scale == 0);
		must(same((double)x.d.m + 0.0, want + 0.0));
		check_int(x.d.m);
		return;
	}
	must(same(dec_to_f64(x.d.m, x.d.scale), want));
	check_double(want);
	check_decimal(x.d);
}

static void
check_wide(uint64_t a, uint64_t b)
{
	struct wide x = wide_mul(a, b), y = wide_mul_portable(a, b);

	must(x.hi == y.hi && x.lo == y.lo);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size - 1;
	uint64_t bits;
	char *text;

	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		/* strtod wants an end; number_scan gets a block without. */
		text = fuzz_alloc(size);
		memcpy(text, data + 1, len);
		text[len] = '\0';
		if (strlen(text) == len)
			scan(text, len);
		free(text);
		return 0;
	}
	if (len < 8)
		return 0;
	bits = get_u64(data + 1);
	check_double(f64_from_bits(bits));
	check_double(f32_widen(f32_from_bits((uint32_t)bits)));
	check_int(as_i64(bits));
	check_wide(bits, bits * UINT64_C(0x9e3779b97f4a7c15));
	return 0;
}
