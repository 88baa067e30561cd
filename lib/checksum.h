/*
 * Floor 2.  The checksum of everything on disk: CRC-32 as in zlib and gzip
 * (polynomial 0xedb88320, reflected, pre- and postconditioned with ones).
 */
#ifndef NTDB_CHECKSUM_H
#define NTDB_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The CRC-32 of n bytes. */
uint32_t checksum(const void *p, size_t n);

/* Go on after a first part whose checksum is crc (0 before any byte). */
uint32_t checksum_add(uint32_t crc, const void *p, size_t n);

#endif
