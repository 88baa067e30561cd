#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "tap.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

/* Bit by bit, as the polynomial says. */
static uint32_t
slow(uint32_t crc, const uint8_t *p, size_t n)
{
	int k;

	for (crc = ~crc; n > 0; n--)
		for (crc ^= *p++, k = 0; k < 8; k++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
	return ~crc;
}

/* All lengths, from all offsets, after different beginnings. */
static void
test_lengths(void)
{
	uint8_t bytes[1040];
	size_t i, n;
	uint32_t crc = 0;
	int bad = 0;

	for (i = 0; i < sizeof(bytes); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		bytes[i] = (uint8_t)(seed >> 32);
	}
	for (n = 0; n <= 1024; n++) {
		const uint8_t *p = bytes + n % 16;

		bad += checksum_add(crc, p, n) != slow(crc, p, n);
		crc = slow(crc, p, n);
	}
	is_int(bad, 0, "lengths from 0 to 1024");
}

/* Every single bit is found, wherever it is; two are not taken for one. */
static void
test_wrong_bit(void)
{
	uint8_t p[40], was[40];
	int one = 0, two = 0, i, k;

	for (i = 0; i < 36; i++)
		p[i] = (uint8_t)(i * 37);
	put_u32(p + 36, slow(0, p, 36));
	memcpy(was, p, sizeof(p));
	is_int(checksum_wrong_bit(1, 1, 36), -1, "nothing is wrong");
	for (i = 0; i < 8 * 40; i++) {
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
		one += checksum_wrong_bit(slow(0, p, 36), get_u32(p + 36),
		    36) == i && checksum_mend(p, 36) &&
		    memcmp(p, was, sizeof(p)) == 0;
		memcpy(p, was, sizeof(p));
		for (k = 0; k < i; k++) {
			p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
			p[k / 8] = (uint8_t)(p[k / 8] ^ 1u << k % 8);
			two += checksum_mend(p, 36);
			memcpy(p, was, sizeof(p));
		}
	}
	is_int(one, 8 * 40, "any one bit is told and set right");
	is_int(two, 0, "of two none is");
}

/* From Python's zlib.crc32. */
int
main(void)
{
	const char *s = "123456789";

	plan(10);
	diag("seed %llx", (unsigned long long)seed);
	is_int(checksum("", 0), 0, "nothing");
	is_int(checksum(NULL, 0), 0, "no bytes at a null pointer");
	is_int(checksum(s, 9), 0xcbf43926, "the check value of CRC-32");
	is_int(checksum("\0\0\0\0", 4), 0x2144df1c, "four zeros");
	is_int(checksum_add(checksum(s, 4), s + 4, 5), 0xcbf43926,
	    "in two parts");
	is_int(checksum_add(checksum(s, 4), NULL, 0), checksum(s, 4),
	    "an empty part changes nothing");
	test_lengths();
	test_wrong_bit();
	return done_testing();
}
