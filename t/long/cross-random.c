/*
 * getrandom for t/long/cross-arch, put before the C library's with
 * LD_PRELOAD: a known sequence, the same numbers in either byte order, that
 * begins where the environment's CROSS_RANDOM says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

ssize_t getrandom(void *buf, size_t len, unsigned flags);

ssize_t
getrandom(void *buf, size_t len, unsigned flags)
{
	static uint64_t calls;
	const char *begin = getenv("CROSS_RANDOM");
	uint64_t u = begin != NULL ? strtoull(begin, NULL, 10) : 0;

	u = (u << 32 | ++calls) * UINT64_C(0x9e3779b97f4a7c15);
	u ^= u >> 29;
	if (flags > 3 || len != sizeof(u))
		abort();
	memcpy(buf, &u, sizeof(u));
	return (ssize_t)len;
}
