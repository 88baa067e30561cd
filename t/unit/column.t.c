#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "column.h"
#include "number.h"
#include "planes.h"
#include "tap.h"

#define N_MAX 1000

static uint64_t seed = 0x2545f4914f6cdd1d;
static uint64_t r[N_MAX + PLANES_STEP];

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint8_t *
pack(uint32_t n, unsigned width)
{
	uint8_t *planes = malloc((size_t)planes_len(n, width) + 1);

	if (planes == NULL)
		bail("out of memory");
	planes_pack(r, n, width, planes);
	return planes;
}

static bool
round_trip(const int64_t *v, uint32_t n, struct column_form *f)
{
	struct residuals in = { NULL, 0, 0, 0, 0 };
	int64_t w[N_MAX];
	uint64_t bits;
	uint32_t n_r, i, from, k;
	uint8_t *planes;
	bool good = true;

	column_fit(v, n, f, r, &bits);
	n_r = column_residuals(n, f->order, f->width);
	planes = pack(n_r, f->width);
	in.planes = planes;
	in.n = n_r;
	in.bits = f->width;
	for (i = 0; i < 8 && good; i++) {
		from = i == 0 ? 0 : (uint32_t)(rnd() % n);
		k = i == 0 ? n : (uint32_t)(rnd() % (n - from + 1));
		column_read(f, &in, from, k, w);
		good = memcmp(w, v + from, k * sizeof(*w)) == 0;
	}
	free(planes);
	return good;
}

static bool
times_round_trip(const int64_t *t, uint32_t n, struct column_times *f)
{
	struct residuals in = { NULL, 0, 0, 0, 0 };
	int64_t w[N_MAX];
	uint32_t i, from, k;
	uint8_t *planes;
	bool good;

	column_times_fit(t, n, f, r);
	planes = pack(f->width > 0 ? n - 1 : 0, f->width);
	in.planes = planes;
	in.n = n - 1;
	in.bits = f->width;
	good = column_times_last(f, n) == t[n - 1];
	for (i = 0; i < 8 && good; i++) {
		from = i == 0 ? 0 : (uint32_t)(rnd() % n);
		k = i == 0 ? n : (uint32_t)(rnd() % (n - from + 1));
		column_times_read(f, &in, from, k, w);
		good = memcmp(w, t + from, k * sizeof(*w)) == 0;
	}
	free(planes);
	return good;
}

static void
test_forms(void)
{
	static const int64_t same[] = { -7, -7, -7 };
	static const int64_t lattice[] = { 100, 400, 250, 100, 400 };
	static const int64_t wide[] = { INT64_MIN, INT64_MAX, 0, -1 };
	static const int64_t one[] = { INT64_MIN };
	int64_t ramp[100];
	struct column_form f;
	int i;

	ok(round_trip(same, 3, &f) && f.width == 0 && f.base == -7,
	    "a constant has no residuals");
	ok(round_trip(one, 1, &f) && f.width == 0, "a single value");
	ok(round_trip(lattice, 5, &f), "multiples");
	is_int((int64_t)f.gcd, 150, "multiples: the divisor");
	is_int(f.width, 2, "multiples: the width");
	ok(round_trip(wide, 4, &f), "the whole range");
	for (i = 0; i < 100; i++)
		ramp[i] = i < 50 ? INT64_MIN + 3 * i : INT64_MAX - 3 * i;
	ok(round_trip(ramp, 100, &f), "the whole range in two ramps");
	is_int((int64_t)f.gcd, 3, "the divisor of its differences");
	for (i = 0; i < 100; i++)
		ramp[i] = i < 50 ? INT64_MIN + 3 * i : INT64_MAX - 2 * i;
	ok(round_trip(ramp, 100, &f) && f.gcd == 1 && f.order == 1,
	    "the whole range, delta-coded modulo 2^64");
	for (i = 0; i < 100; i++)
		ramp[i] = 5000 - 3000000 * i + (i % 2) * 6;
	ok(round_trip(ramp, 100, &f), "a ramp");
	is_int(f.order, 1, "a ramp is delta-coded");
	is_int((int64_t)f.gcd, 6, "a ramp: the divisor");
}

static void
test_random(void)
{
	int64_t v[N_MAX];
	struct column_form f;
	uint32_t i, n;
	int k, bad = 0;

	for (k = 0; k < 2000; k++) {
		unsigned shift = (unsigned)(rnd() % 64);
		uint64_t g = rnd() % 4 == 0 ? rnd() % 1000 + 1 : 1;
		bool walk = rnd() % 2 == 0;

		n = (uint32_t)(rnd() % N_MAX) + 1;
		for (i = 0; i < n; i++) {
			uint64_t x = (rnd() >> shift) * g;

			if (walk && i > 0)
				x += (uint64_t)v[i - 1];
			v[i] = as_i64(x);
		}
		bad += !round_trip(v, n, &f);
	}
	is_int(bad, 0, "random columns and walks of all widths");
}

static void
test_times(void)
{
	static const int64_t span[] = { INT64_MIN, -1, INT64_MAX };
	static const int64_t equal[] = { 5, 5, 5, 5 };
	int64_t t[N_MAX];
	struct column_times f;
	uint32_t i, n;
	int k, bad = 0;

	ok(times_round_trip(span, 3, &f), "times from end to end");
	ok(times_round_trip(equal, 4, &f) && f.width == 0, "equal times");
	ok(times_round_trip(equal, 1, &f) && f.width == 0, "one time");
	for (i = 0; i < 100; i++)
		t[i] = 1000000000 * (int64_t)i + (i >= 50 ? 3000000000 : 0);
	ok(times_round_trip(t, 100, &f), "times with a gap");
	is_int((int64_t)f.step, 1000000000, "the step");
	is_int((int64_t)f.usual, 1, "the usual delta");
	is_int(f.rest, 3, "the rest");
	for (k = 0; k < 2000; k++) {
		unsigned shift = 10 + (unsigned)(rnd() % 54);

		n = (uint32_t)(rnd() % N_MAX) + 1;
		t[0] = as_i64(rnd());
		for (i = 1; i < n; i++) {
			uint64_t room = (uint64_t)INT64_MAX -
			    (uint64_t)t[i - 1], x = rnd() >> shift;

			t[i] = as_i64((uint64_t)t[i - 1] +
			    (x < room ? x : room));
		}
		bad += !times_round_trip(t, n, &f);
	}
	is_int(bad, 0, "random times");
}

static void
test_scales(void)
{
	/* 1.5, 2, -0.25, NaN, 0 */
	static const int64_t m[] = { 15, 2, -25, 0x7ff8000000000000, 0 };
	static const uint8_t s[] = { 1, 0, 2, DEC_RAW, 0 };
	static const int64_t want[] = { 150, 200, -25, -25, 0 };
	/* 2^53 is not to be multiplied, but 1e-15 is a decimal too. */
	static const int64_t far[] = { DEC_M_MAX, 1, 3 };
	static const uint8_t far_s[] = { 0, 15, 16 };
	/* 2^53 is 9007199254740992. */
	static const int64_t edge[] = { 900719925474099, 5,
	    -900719925474100 };
	static const uint8_t edge_s[] = { 0, 1, 0 };
	int64_t v[5];
	uint32_t except[5];
	uint8_t common = 99;

	is_int(column_scale_fit(m, s, 3, &common), 3, "all have a scale");
	is_int(common, 2, "the finest");
	is_int(column_scale_fit(m, s, 5, &common), 4, "all but one");
	is_int(column_scale_to(m, s, 5, 2, v, except), 1, "one exception");
	is_int(except[0], 3, "which one");
	is_mem(v, sizeof(v), want, sizeof(want), "brought to it");
	is_int(column_scale_fit(m + 3, s + 3, 1, &common), 0, "none");
	is_int(column_scale_fit(far, far_s, 3, &common), 2, "too far apart");
	is_int(common, 16, "the scale of most");
	is_int(column_scale_to(far, far_s, 3, 16, v, except), 1,
	    "the other is an exception");
	is_int(column_scale_fit(edge, edge_s, 2, &common), 2, "just in reach");
	is_int(column_scale_fit(edge, edge_s, 3, &common), 2,
	    "just out of reach");
	is_int(column_scale_to(edge, edge_s, 3, 1, v, except), 1,
	    "and an exception");
	column_scale_to(far, far_s, 3, 16, v, except);
	ok(v[0] == 10 && v[1] == 10 && v[2] == 3,
	    "which takes its neighbour's value");
}

int
main(void)
{
	plan(35);
	diag("seed %llx", (unsigned long long)seed);
	test_forms();
	test_random();
	test_times();
	test_scales();
	return done_testing();
}
