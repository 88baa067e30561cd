#include "checksum.h"
#include "tap.h"

/* From Python's zlib.crc32. */
int
main(void)
{
	const char *s = "123456789";

	plan(6);
	is_int(checksum("", 0), 0, "nothing");
	is_int(checksum(NULL, 0), 0, "no bytes at a null pointer");
	is_int(checksum(s, 9), 0xcbf43926, "the check value of CRC-32");
	is_int(checksum("\0\0\0\0", 4), 0x2144df1c, "four zeros");
	is_int(checksum_add(checksum(s, 4), s + 4, 5), 0xcbf43926,
	    "in two parts");
	is_int(checksum_add(checksum(s, 4), NULL, 0), checksum(s, 4),
	    "an empty part changes nothing");
	return done_testing();
}
