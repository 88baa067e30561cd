#include <math.h>
#include <stdlib.h>

#include "order.h"
#include "tap.h"

#define N 5000

static uint64_t values[N], sorted[N];
static int passes;

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state ^ *state >> 29;
}

static int
again(void *arg, order_feed_fn *feed, void *feed_arg, struct ntdb_error *err)
{
	size_t at, n;

	(void)arg;
	(void)err;
	passes++;
	for (at = 0; at < N; at += n) {
		n = N - at < 700 ? N - at : 700;
		feed(feed_arg, values + at, n);
	}
	return 0;
}

/* All ranks that matter, with so few values kept. */
static bool
finds(size_t keep)
{
	static const uint64_t ranks[ORDER_RANKS] = { 0, 1, N / 20, N / 2,
		N / 2 + 1, N - N / 20, N - 2, N - 1 };
	struct ntdb_error err = NTDB_ERROR_INIT;
	uint64_t keys[ORDER_RANKS];
	struct order o;
	bool good = true;
	size_t i;

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, N, sizeof(sorted[0]), compare);
	order_init(&o, keep);
	passes = 0;
	for (i = 0; i < N; i += 500)
		order_add(&o, values + i, 500, &err);
	if (order_find(&o, ranks, keys, ORDER_RANKS, again, NULL, &err) != 0)
		good = false;
	for (i = 0; i < ORDER_RANKS && good; i++)
		if (keys[i] != sorted[ranks[i]]) {
			diag("rank %llu differs",
			    (unsigned long long)ranks[i]);
			good = false;
		}
	order_release(&o);
	return good;
}

static bool
sorts(size_t n)
{
	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	order_sort(values, n);
	return memcmp(values, sorted, n * sizeof(sorted[0])) == 0;
}

static void
test_keys(void)
{
	static const double f[] = { -INFINITY, -1e300, -1.5, -1e-310, -0.0,
		0.0, 1e-310, 1.5, 1e300, INFINITY };
	static const int64_t v[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
	bool good = true, back = true;
	size_t i;

	for (i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		if (i > 0 && order_key_f64(f[i - 1]) >= order_key_f64(f[i]))
			good = false;
		if (f64_bits(order_f64(order_key_f64(f[i]))) != f64_bits(f[i]))
			back = false;
	}
	ok(good, "keys of doubles are in order");
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		if (i > 0 && order_key_i64(v[i - 1]) >= order_key_i64(v[i]))
			good = false;
		if (order_i64(order_key_i64(v[i])) != v[i])
			back = false;
	}
	ok(good, "keys of integers are in order");
	ok(back, "and lead back to the values");
}

int
main(void)
{
	uint64_t state = 20260501;
	size_t i;

	plan(15);
	test_keys();
	for (i = 0; i < N; i++)
		values[i] = next_random(&state);
	ok(finds(N), "all kept");
	is_int(passes, 0, "no pass");
	ok(finds(300), "few kept");
	ok(passes >= 2, "passes");
	ok(finds(8), "hardly any kept");
	for (i = 0; i < N; i++)
		values[i] = 1000 + next_random(&state) % 3;
	ok(finds(100), "few distinct values");
	for (i = 0; i < N; i++)
		values[i] = i % 100 == 0 ? next_random(&state) : 77;
	ok(finds(100), "mostly one value");
	for (i = 0; i < N; i++)
		values[i] = i % 2 == 0 ? UINT64_MAX - i % 7 : i % 5;
	ok(finds(64), "both ends");
	ok(sorts(N), "sort");
	for (i = 0; i < N; i++)
		values[i] = next_random(&state);
	ok(sorts(N), "sort random values");
	ok(sorts(17), "sort few");
	ok(sorts(1) && sorts(0), "sort one, and nothing");
	return done_testing();
}
