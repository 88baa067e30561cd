#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "residuals.h"
#include "split.h"
#include "tap.h"

#define N_MAX 300

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* By hand: with precision 2, 13 is 1101: symbol 2 * 2 + 3, extra 01. */
static void
test_by_hand(void)
{
	static const uint64_t v[] = { 0, 1, 2, 3, 4, 7, 13, 255 };
	static const uint8_t want[] = { 0, 1, 2, 3, 4, 5, 7, 15 };
	/* 0, 1 of one bit; 01 of two; 111111 of six; the lowest first. */
	static const uint8_t want_extra[] = { 0xf6, 0x03 };
	uint8_t planes[8], extra[80];
	size_t len = split_pack(v, 8, 2, planes, extra);
	int i, bad = 0;

	is_mem(planes, 8, want, 8, "symbols");
	is_mem(extra, len, want_extra, 2, "extra bits");
	ok(split_unpack(planes, 8, 1, 2, extra, len), "they are read");
	for (i = 0; i < 8; i++)
		bad += planes[i] != v[i];
	is_int(bad, 0, "as what they were");
}

static void
test_reach(void)
{
	unsigned width, p, extra, most;
	int bad = 0;

	for (p = 1; p <= SPLIT_P_MAX; p++)
		for (width = 0; width <= 64; width++) {
			uint64_t v = width == 0 ? 0 :
			    UINT64_MAX >> (64 - width);

			most = split_symbol(v, p, &extra);
			bad += split_reaches(width, p) != (most < 256);
			bad += extra != (width > p ? width - p : 0);
		}
	is_int(bad, 0, "which widths symbols reach");
}

/* One round: random widths, precision and number. */
static int
round_trip(void)
{
	uint64_t v[N_MAX], back[N_MAX];
	uint8_t symbols[N_MAX * 8], *extra, *exact;
	unsigned width = (unsigned)(rnd() % 64) + 1, bytes = (width + 7) / 8;
	unsigned p = (unsigned)(rnd() % SPLIT_P_MAX) + 1;
	uint32_t n = (uint32_t)(rnd() % N_MAX) + 1, i;
	struct residuals in = { symbols, n, 0, 0, (uint8_t)bytes };
	size_t len;
	int bad = 0;

	while (!split_reaches(width, p))
		p--;
	for (i = 0; i < n; i++)
		v[i] = rnd() >> (64 - width) >> rnd() % width;
	if ((extra = malloc(8 * N_MAX + 8)) == NULL)
		bail("out of memory");
	len = split_pack(v, n, p, symbols, extra);
	/* Of just this size, so that a sanitizer sees reads behind. */
	if ((exact = malloc(len + 1)) == NULL)
		bail("out of memory");
	memcpy(exact + 1, extra, len);
	memcpy(extra, symbols, n);
	bad += !split_unpack(symbols, n, bytes, p, exact + 1, len);
	residuals_read(&in, 0, n, back);
	bad += memcmp(v, back, n * sizeof(*v)) != 0;
	/* A byte more or less is noticed. */
	memcpy(symbols, extra, n);
	bad += len > 0 &&
	    split_unpack(symbols, n, bytes, p, exact + 2, len - 1);
	memcpy(symbols, extra, n);
	extra[n] = 0;
	memmove(extra + n, exact + 1, len);
	extra[n + len] = 0;
	bad += split_unpack(symbols, n, bytes, p, extra + n, len + 1);
	free(extra);
	free(exact);
	return bad != 0;
}

static void
test_bounds(void)
{
	/* With precision 1, symbol 9 is of nine bits. */
	uint8_t planes[8] = { 9 }, extra[16] = { 0 };

	ok(!split_unpack(planes, 1, 1, 1, extra, 1), "too long for a byte");
	planes[0] = 9;
	ok(split_unpack(planes, 1, 2, 1, extra, 1), "but not for two");
	planes[0] = 200;
	ok(!split_unpack(planes, 1, 8, 1, extra, 16), "too long at all");
}

int
main(void)
{
	int i, bad = 0;

	plan(9);
	diag("seed %llx", (unsigned long long)seed);
	test_by_hand();
	test_reach();
	for (i = 0; i < 5000; i++)
		bad += round_trip();
	is_int(bad, 0, "random numbers come back");
	test_bounds();
	return done_testing();
}
