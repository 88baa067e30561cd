#include <string.h>

#include "planes.h"
#include "residuals.h"
#include "scratch.h"
#include "tap.h"

#define N 1100

/*
 * Sums of signed numbers from the first one on, of all widths and many
 * lengths: held against those of the numbers, which are written as zigzag
 * says.
 */
static unsigned
wrong_sums(unsigned bytes, bool bits)
{
	static uint64_t r[N + PLANES_STEP];
	static uint8_t planes[8 * (N + PLANES_STEP)];
	struct residuals in = { planes, N, 3, 0, 0 };
	uint64_t want = 0, v, most = UINT64_MAX >> (64 - 8 * bytes);
	unsigned wrong = 0;
	uint32_t i;

	for (i = 0; i < N; i++)
		r[i] = random_below(4) == 0 ? most - random_below(2) :
		    random_u64() & most;
	if (bits) {
		in.bits = (uint8_t)(8 * bytes);
		planes_pack(r, N, 8 * bytes, planes);
	} else {
		in.bytes = (uint8_t)bytes;
		byte_planes_pack(r, N, bytes, planes);
	}
	for (i = 3; i < N; i++) {
		wrong += residuals_sum(&in, i - 3) != want;
		v = r[i] / 2;
		want = r[i] % 2 == 0 ? want + v : want - v - 1;
	}
	return wrong;
}

int
main(void)
{
	static const uint64_t v[] = { 0x010203, 0, 0xfffefd, 5, 0x10000 };
	/* By hand: low bytes, then middle ones, then high ones. */
	static const uint8_t want[] = {
		0x03, 0, 0xfd, 5, 0, 0x02, 0, 0xfe, 0, 0, 0x01, 0, 0xff, 0, 1
	};
	struct residuals in = { NULL, 5, 1, 0, 3 };
	uint64_t padded[PLANES_STEP], r[5];
	uint8_t planes[24];
	unsigned bytes;

	random_start();
	plan(20);
	byte_planes_pack(v, 5, 3, planes);
	is_mem(planes, 15, want, sizeof(want), "byte planes");
	in.planes = planes;
	residuals_read(&in, 0, 4, r);
	is_mem(r, 4 * sizeof(*r), v + 1, 4 * sizeof(*v), "are read");
	residuals_read(&in, 2, 2, r);
	is_mem(r, 2 * sizeof(*r), v + 3, 2 * sizeof(*v),
	    "from the middle");
	memcpy(padded, v, sizeof(v));
	planes_pack(padded, 5, 24, planes);
	in.bytes = 0;
	in.bits = 24;
	residuals_read(&in, 1, 3, r);
	is_mem(r, 3 * sizeof(*r), v + 2, 3 * sizeof(*v),
	    "and so are bit planes");
	for (bytes = 1; bytes <= 8; bytes++) {
		is_int(wrong_sums(bytes, false), 0, "sums of %u bytes", bytes);
		is_int(wrong_sums(bytes, true), 0, "and of %u bits",
		    8 * bytes);
	}
	return done_testing();
}
