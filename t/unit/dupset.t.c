#include <stdlib.h>
#include <string.h>

#include "dupset.h"
#include "scratch.h"
#include "tap.h"

static uint64_t
bits_of(double f)
{
	uint64_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static void
test_few(void)
{
	struct dupset s = { NULL, 0, 0 };

	ok(!dupset_has(&s, 1, 0, 0), "nothing is in an empty set");
	dupset_clear(&s);
	ok(dupset_add(&s, 1, 100, 7), "a sample is added");
	ok(dupset_has(&s, 1, 100, 7), "and found");
	ok(!dupset_has(&s, 2, 100, 7), "not for another metric");
	ok(!dupset_has(&s, 1, 101, 7), "nor at another time");
	ok(!dupset_has(&s, 1, 100, 8), "nor with another value");
	dupset_add(&s, 1, 100, 7);
	is_int((int64_t)s.n, 1, "adding it again adds none");
	dupset_clear(&s);
	ok(s.n == 0 && !dupset_has(&s, 1, 100, 7), "cleared, it is empty");
	dupset_add(&s, UINT32_MAX, INT64_MIN, UINT64_MAX);
	ok(dupset_has(&s, UINT32_MAX, INT64_MIN, UINT64_MAX) &&
	    !dupset_has(&s, UINT32_MAX, INT64_MIN, 0), "extremes");
	dupset_release(&s);
	ok(s.at == NULL && s.n == 0 && s.size == 0, "released");
	dupset_release(&s);
}

/* From a small world, so that a third of what is asked for is there. */
struct sample {
	int64_t	t;
	uint64_t bits;
	uint32_t key;
};

static struct sample
any_sample(void)
{
	struct sample x;

	x.key = 1 + random_below(20);
	x.t = (int64_t)random_below(100) * 1000000000 - 50000000000;
	x.bits = random_below(10);
	return x;
}

static size_t
number_of(struct sample x)
{
	return ((size_t)(x.t / 1000000000 + 50) * 21 + x.key) * 10 +
	    (size_t)x.bits;
}

static void
test_many(void)
{
	static bool there[100 * 21 * 10];
	struct dupset s = { NULL, 0, 0 };
	bool added = true, found = true, load = true;
	size_t n = 0;
	int i;

	for (i = 0; i < 8000; i++) {
		struct sample x = any_sample();

		n += !there[number_of(x)];
		there[number_of(x)] = true;
		added = added && dupset_add(&s, x.key, x.t, x.bits);
		load = load && s.n < s.size;
	}
	for (i = 0; i < 100000; i++) {
		struct sample x = any_sample();

		found = found && there[number_of(x)] ==
		    dupset_has(&s, x.key, x.t, x.bits);
	}
	ok(added && load, "thousands are added");
	ok(found, "exactly those are found");
	is_int((int64_t)s.n, (int64_t)n, "and counted once each");
	dupset_release(&s);
}

/* Integers of a metric that becomes one of floats. */
static void
test_doubles(uint32_t n)
{
	const int64_t big = INT64_C(1) << 53;
	struct dupset s = { NULL, 0, 0 };
	bool found = true, foreign = false;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!dupset_add(&s, 4, i, i + 1) ||
		    !dupset_add(&s, 8, i, i + 1))
			bail("out of memory");
	dupset_add(&s, 4, -5, (uint64_t)INT64_C(-1));
	dupset_add(&s, 4, -6, (uint64_t)big);
	ok(dupset_add_doubles(&s, 4, 5), "%u integers as doubles", n);
	for (i = 0; i < n; i++) {
		found = found && dupset_has(&s, 5, i, bits_of(i + 1.0)) &&
		    dupset_has(&s, 4, i, i + 1);
		foreign = foreign || dupset_has(&s, 5, i, i + 1) ||
		    dupset_has(&s, 9, i, bits_of(i + 1.0)) ||
		    dupset_has(&s, 4, i, bits_of(i + 1.0));
	}
	ok(found && dupset_has(&s, 5, -5, bits_of(-1.0)) &&
	    dupset_has(&s, 5, -6, bits_of(0x1p53)), "all are there");
	ok(!foreign, "and nothing else is");
	is_int((int64_t)s.n, 3 * (int64_t)n + 4, "counted");
	dupset_release(&s);
}

/* Regular times, ids and values must not pile up in one place. */
static void
test_regular(void)
{
	struct dupset s = { NULL, 0, 0 };
	bool found = true, foreign = false;
	uint32_t i;

	for (i = 0; i < 200000; i++)
		if (!dupset_add(&s, 1 + i % 100,
		    INT64_C(1700000000000000000) + i / 100 *
		    INT64_C(10000000000), (uint64_t)(i % 7) << 52))
			bail("out of memory");
	for (i = 0; i < 200000; i++) {
		int64_t t = INT64_C(1700000000000000000) + i / 100 *
		    INT64_C(10000000000);

		found = found && dupset_has(&s, 1 + i % 100, t,
		    (uint64_t)(i % 7) << 52);
		foreign = foreign || dupset_has(&s, 1 + i % 100, t + 1,
		    (uint64_t)(i % 7) << 52);
	}
	ok(found && !foreign, "a large regular set");
	is_int((int64_t)s.n, 200000, "of as many entries");
	dupset_release(&s);
}

int
main(void)
{
	plan(23);
	random_start();
	test_few();
	test_many();
	test_doubles(3);
	test_doubles(10000);
	test_regular();
	return done_testing();
}
