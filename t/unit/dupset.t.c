#include <stdlib.h>

#include "dupset.h"
#include "scratch.h"
#include "tap.h"

static void
test_few(void)
{
	struct dupset s = { NULL, 0, 0 };

	ok(!dupset_has(&s, 1, 0, 0) && !dupset_has_place(&s, 1, 0),
	    "nothing is in an empty set");
	dupset_clear(&s);
	ok(dupset_add(&s, 1, 100, 7), "a sample is added");
	ok(dupset_has(&s, 1, 100, 7), "and found");
	ok(!dupset_has(&s, 2, 100, 7), "not for another metric");
	ok(!dupset_has(&s, 1, 101, 7), "nor at another time");
	ok(!dupset_has(&s, 1, 100, 8), "nor with another value");
	ok(!dupset_has_place(&s, 1, 100), "a sample is no place");
	ok(dupset_add_place(&s, 1, 200), "a place is added");
	ok(dupset_has_place(&s, 1, 200), "and found");
	ok(!dupset_has(&s, 1, 200, 0), "a place is no sample of value 0");
	is_int((int64_t)s.n, 2, "two entries");
	dupset_add(&s, 1, 100, 7);
	dupset_add_place(&s, 1, 200);
	is_int((int64_t)s.n, 2, "adding them again adds none");
	ok(dupset_add(&s, 1, 200, 0) && dupset_has(&s, 1, 200, 0) &&
	    dupset_has_place(&s, 1, 200), "both at one place");
	dupset_clear(&s);
	ok(s.n == 0 && !dupset_has(&s, 1, 100, 7) &&
	    !dupset_has_place(&s, 1, 200), "cleared, it is empty");
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
	uint32_t id, place;
};

static struct sample
any_sample(void)
{
	struct sample x;

	x.id = 1 + random_below(20);
	x.t = (int64_t)random_below(100) * 1000000000 - 50000000000;
	x.place = random_below(4) == 0;
	x.bits = x.place ? 0 : random_below(10);
	return x;
}

static size_t
number_of(struct sample x)
{
	return ((size_t)(x.t / 1000000000 + 50) * 21 + x.id) * 11 +
	    (x.place ? 10 : (size_t)x.bits);
}

static void
test_many(void)
{
	static bool there[100 * 21 * 11];
	struct dupset s = { NULL, 0, 0 };
	bool added = true, found = true, load = true;
	size_t n = 0;
	int i;

	for (i = 0; i < 8000; i++) {
		struct sample x = any_sample();

		n += !there[number_of(x)];
		there[number_of(x)] = true;
		added = added && (x.place ?
		    dupset_add_place(&s, x.id, x.t) :
		    dupset_add(&s, x.id, x.t, x.bits));
		load = load && s.n <= s.size;
	}
	for (i = 0; i < 100000; i++) {
		struct sample x = any_sample();

		found = found && there[number_of(x)] == (x.place ?
		    dupset_has_place(&s, x.id, x.t) :
		    dupset_has(&s, x.id, x.t, x.bits));
	}
	ok(added && load, "thousands are added");
	ok(found, "exactly those are found");
	is_int((int64_t)s.n, (int64_t)n, "and counted once each");
	dupset_release(&s);
}

/* Full as it gets, neighbours are compared: they must not be taken for it. */
static void
test_places(void)
{
	struct dupset s = { NULL, 0, 0 };
	bool apart = true;
	int round;
	uint32_t id;
	int64_t t;

	for (round = 0; round < 500; round++) {
		dupset_clear(&s);
		t = (int64_t)random_u64();
		for (id = 1; id <= 120; id++)
			dupset_add_place(&s, id, t);
		for (id = 1; id <= 120; id++)
			apart = apart && !dupset_has(&s, id, t, 0) &&
			    dupset_has_place(&s, id, t);
	}
	ok(apart, "places are never taken for samples");
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
	plan(22);
	random_start();
	test_few();
	test_many();
	test_places();
	test_regular();
	return done_testing();
}
