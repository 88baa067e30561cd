#include <string.h>

#include "planes.h"
#include "residuals.h"
#include "tap.h"

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

	plan(4);
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
	return done_testing();
}
