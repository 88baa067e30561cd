/*
 * Floor 0.  Little-endian integers, varints and bit patterns in byte arrays.
 *
 * Nothing on disk is ever a C structure.  Nothing here needs alignment;
 * compilers turn these into single loads and stores where they may.
 */
#ifndef NTDB_BYTES_H
#define NTDB_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void
put_u16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t
get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t
get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* Equality of short strings, without a call. */
static inline bool
bytes_equal(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;
	size_t i;

	if (len < 8) {
		while (len > 0 && p[len - 1] == q[len - 1])
			len--;
		return len == 0;
	}
	for (i = 0; i + 8 <= len; i += 8)
		if (get_u64(p + i) != get_u64(q + i))
			return false;
	return get_u64(p + len - 8) == get_u64(q + len - 8);
}

/* Small magnitudes of either sign to small unsigned numbers. */
static inline uint64_t
zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t
unzigzag(uint64_t v)
{
	uint64_t u = (v >> 1) ^ (0 - (v & 1));
	int64_t i;

	memcpy(&i, &u, sizeof(i));
	return i;
}

/* A signed 64-bit value from its two's complement pattern. */
static inline int64_t
as_i64(uint64_t u)
{
	int64_t i;

	memcpy(&i, &u, sizeof(i));
	return i;
}

static inline uint64_t
f64_bits(double f)
{
	uint64_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static inline double
f64_from_bits(uint64_t u)
{
	double f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

static inline uint32_t
f32_bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static inline float
f32_from_bits(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

/* A LEB128 number takes at most this many bytes. */
#define VARINT_MAX 10

/* Write v at p (VARINT_MAX bytes of room); returns the end. */
static inline uint8_t *
put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/*
 * Read a number from p, which ends at end.  Returns the byte after it, or
 * NULL if it does not end there or exceeds 64 bits.
 */
static inline const uint8_t *
get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t r = 0;
	unsigned shift;

	for (shift = 0; p < end && shift < 64; shift += 7) {
		/* NOLINTNEXTLINE(*NullDereference): there is a byte at p */
		uint8_t b = *p++;

		if (shift == 63 && b > 1)
			return NULL;
		r |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*v = r;
			return p;
		}
	}
	return NULL;
}

#endif
