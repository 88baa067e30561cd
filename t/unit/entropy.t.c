#include "entropy.h"
#include "tap.h"

#define N 4096

static uint64_t seed = 0x853c49e6748fea9b;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Whether v is want within 2 percent. */
static bool
about(uint64_t v, uint64_t want)
{
	return v > want - want / 50 && v < want + want / 50;
}

int
main(void)
{
	static const uint32_t even[] = { 1000, 1000, 0, 1000, 1000 };
	static const uint32_t skew[] = { 7000, 1000 };
	static const uint32_t one[] = { 0, 9 };
	static uint8_t p[N];
	static uint64_t v[N];
	unsigned precision = 0;
	uint64_t bits, least;
	int i;

	plan(10);
	diag("seed %llx", (unsigned long long)seed);
	/* Shannon's formula, by hand; 4 bits are for each symbol's code. */
	ok(about(entropy_of_counts(even, 5), 8000 + 16), "2 bits each");
	ok(about(entropy_of_counts(skew, 2), 4349 + 8), "0.5436 bits each");
	is_int((int64_t)entropy_of_counts(one, 2), 0, "nothing to tell");
	for (i = 0; i < N; i++)
		p[i] = (uint8_t)rnd();
	bits = entropy_of_bytes(p, N, &least);
	ok(about(bits, N * 8 + 1024 - 180), "random bytes");
	ok(least > bits - bits / 50, "do not repeat");
	for (i = 64; i < N; i++)
		p[i] = p[i - 64];
	bits = entropy_of_bytes(p, N, &least);
	ok(least < bits / 32, "these do");
	/* 20 random bits: a symbol for each p-bit start. */
	for (i = 0; i < N; i++)
		v[i] = rnd() >> 44 | 1 << 19;
	ok(about(entropy_of_split(v, N, &precision), N * 19),
	    "random numbers of 19 bits");
	is_int(precision, 1, "of which only the length is a symbol");
	ok(about(entropy_of_numbers(v, N), N * 19 + 32),
	    "estimated alike");
	for (i = 0; i < N; i++)
		v[i] = rnd() % 2 == 0 ? 40 : 50;
	entropy_of_split(v, N, &precision);
	is_int(precision, 6, "two numbers are two symbols");
	return done_testing();
}
