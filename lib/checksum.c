#include <zlib.h>

#include "checksum.h"

uint32_t
checksum_add(uint32_t crc, const void *p, size_t n)
{
	/* zlib takes a null pointer as a question for the initial value. */
	if (n == 0)
		return crc;
	return (uint32_t)crc32_z(crc, p, n);
}

uint32_t
checksum(const void *p, size_t n)
{
	return checksum_add(0, p, n);
}
