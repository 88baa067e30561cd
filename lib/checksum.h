/*
 * Floor 2.  The checksum of everything on disk: CRC-32 as in zlib and gzip
 * (polynomial 0xedb88320, reflected, pre- and postconditioned with ones).
 */
#ifndef NTDB_CHECKSUM_H
#define NTDB_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_POLYNOMIAL 0xedb88320u

/* The CRC-32 of n bytes. */
uint32_t checksum(const void *p, size_t n);

/* Go on after a first part whose checksum is crc (0 before any byte). */
uint32_t checksum_add(uint32_t crc, const void *p, size_t n);

/*
 * Which single bit, flipped, makes n bytes match the checksum that is stored
 * of them, if crc is theirs: bit i % 8 of byte i / 8 for i < 8 n, and one of
 * the stored checksum itself for 8 n <= i < 8 n + 32.  -1: none.  There is
 * never more than one.  Of bytes that are wrong otherwise one in 2^32 / 8 n
 * passes for such: only small headers, which are checked further, may be
 * believed.
 */
int64_t checksum_wrong_bit(uint32_t crc, uint32_t stored, size_t n);

/*
 * Set right the one wrong bit of n bytes that are followed by their checksum,
 * little-endian.  False: it is not one bit that is wrong.
 */
bool checksum_mend(uint8_t *p, size_t n);

#endif
