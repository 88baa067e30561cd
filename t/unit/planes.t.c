#include <stdlib.h>
#include <string.h>

#include "planes.h"
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

/* The definition, bit by bit. */
static void
naive(const uint64_t *v, uint32_t n, unsigned width, uint8_t *planes)
{
	size_t len = (n + 7) / 8;
	uint32_t i;
	unsigned k;

	memset(planes, 0, len * width);
	for (i = 0; i < n; i++)
		for (k = 0; k < width; k++)
			planes[k * len + i / 8] |=
			    (uint8_t)((v[i] >> k & 1) << i % 8);
}

/* Whether packing and every kind of extract work for n values. */
static bool
round_trip(uint32_t n, unsigned width)
{
	uint64_t v[N_MAX + PLANES_STEP], w[N_MAX], mask;
	size_t len = (size_t)planes_len(n, width);
	uint8_t *got = malloc(len + 1), *want = malloc(len + 1);
	bool good;
	uint32_t i, at, k;

	if (got == NULL || want == NULL)
		bail("out of memory");
	mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	for (i = 0; i < n; i++)
		v[i] = rnd() & mask;
	naive(v, n, width, want);
	memset(got, 0xff, len);
	planes_pack(v, n, width, got);
	good = memcmp(got, want, len) == 0;
	for (i = 0; i < 20 && good; i++) {
		at = (uint32_t)(rnd() % n);
		k = (uint32_t)(rnd() % (n - at + 1));
		if (i == 0) {
			at = 0;
			k = n;
		}
		planes_unpack(want, n, width, at, k, w);
		good = memcmp(w, v + at, k * sizeof(*w)) == 0;
	}
	free(got);
	free(want);
	return good;
}

int
main(void)
{
	uint64_t v[16] = { 5, 2, 7, 0, 1, 1, 1, 1, 4, 3 }, w[2];
	/* Plane 0: 1 0 1 0 1 1 1 1 | 0 1; plane 1: 0 1 1 ... */
	static const uint8_t planes[] = { 0xf5, 2, 6, 2, 5, 1 };
	uint8_t p[6];
	unsigned width;
	uint32_t n;
	int bad = 0;

	plan(4);
	diag("seed %llx", (unsigned long long)seed);
	planes_pack(v, 10, 3, p);
	is_mem(p, 6, planes, 6, "by hand");
	planes_unpack(planes, 10, 2, 8, 2, w);
	ok(w[0] == 0 && w[1] == 3, "the low planes only");
	for (width = 1; width <= 64; width++)
		for (n = 1; n < 40; n++)
			bad += !round_trip(n, width);
	is_int(bad, 0, "all widths, few values");
	for (bad = 0, width = 1; width <= 64; width++)
		for (n = 250; n < N_MAX; n += 7)
			bad += !round_trip(n, width);
	is_int(bad, 0, "all widths, many values");
	return done_testing();
}
