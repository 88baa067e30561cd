#include <string.h>

#include "bytes.h"
#include "lattice.h"
#include "tap.h"

#define N 400

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Thirds of ten, rounded down: 0, 3, 6, 10, 13 ... */
static void
test_by_hand(void)
{
	static const int64_t x[] = { 0, 1, 2, 3, 5, -1, -4 };
	static const int64_t want[] = { 7, 13, 19, 27, 39, -1, -21 };
	struct lattice l = { 10, { 1u << 0 | 1u << 3 | 1u << 6, 0 } };
	int64_t v[7], back[7];

	lattice_values(&l, x, 7, 7, 2, v);
	is_mem(v, sizeof(v), want, sizeof(want), "values");
	lattice_indices(&l, want, 7, 7, 2, back);
	is_mem(back, sizeof(back), x, sizeof(x), "indices");
	/* Seen from 3 they are 0, 3, 7. */
	lattice_rotate(&l, 13);
	is_int((int64_t)l.set[0], 1 << 0 | 1 << 3 | 1 << 7, "rotated");
}

static void
test_find(void)
{
	struct lattice l;
	int64_t v[N], x[N], back[N];
	int i;

	for (i = 0; i < N; i++)
		v[i] = (int64_t)(rnd() % 3000) * 10 / 3 - 100;
	ok(lattice_find(v, N, -100, 1, &l), "thirds are a lattice");
	is_int(l.modulus, 10, "modulo 10");
	is_int((int64_t)l.set[0], 1 << 0 | 1 << 3 | 1 << 6, "of 0, 3 and 6");
	lattice_indices(&l, v, N, -100, 1, x);
	for (i = 0; i < N; i++)
		if (x[i] != (v[i] + 100) * 3 / 10 + ((v[i] + 100) % 10 != 0))
			break;
	is_int(i, N, "whose indices are k");
	lattice_values(&l, x, N, -100, 1, back);
	is_mem(back, sizeof(back), v, sizeof(v), "and lead back");
	/* Fahrenheit in tenths of a degree Celsius: 9 of 50. */
	for (i = 0; i < N; i++)
		v[i] = (int64_t)(rnd() % 200) * 50 / 9 * 4;
	ok(lattice_find(v, N, 0, 4, &l), "ninths are one");
	is_int(l.modulus, 50, "modulo 50");
	for (i = 0; i < N; i++)
		v[i] = (int64_t)(rnd() % 1000);
	ok(!lattice_find(v, N, 0, 1, &l), "random numbers are none");
	ok(!lattice_find(v, 5, 0, 1, &l), "five numbers neither");
}

/* Whatever is read, nothing overflows. */
static void
test_extremes(void)
{
	static const int64_t x[] = { INT64_MIN, INT64_MAX, -1, 0, 1 };
	struct lattice l = { 128, { 0, (uint64_t)1 << 63 } };
	int64_t v[5];

	lattice_values(&l, x, 5, INT64_MIN, UINT64_MAX, v);
	/* base - (128 * x + 127) modulo 2^64 */
	is_int(v[3], as_i64(0x8000000000000000u - 127), "extreme values");
	is_int(v[1], as_i64(0x8000000000000000u - 127 + 128), "of all kinds");
}

int
main(void)
{
	plan(14);
	diag("seed %llx", (unsigned long long)seed);
	test_by_hand();
	test_find();
	test_extremes();
	return done_testing();
}
