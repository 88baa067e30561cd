#include <zlib.h>

#include "bytes.h"
#include "checksum.h"

/*
 * Where the processor multiplies without carries, 64 bytes at a time are
 * folded (Gopal and others, Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction, 2009): moving 128 bits of the message by D bits is
 * the same, modulo the polynomial, as multiplying their halves by x^(D+32)
 * and x^(D-32).  zlib takes what is left.
 */
#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_FOLD 1

#include <emmintrin.h>
#include <wmmintrin.h>

#define FOLD_MIN 128

/* x^544, x^480, x^160 and x^96, reflected and shifted by one. */
#define X544 0x154442bd4
#define X480 0x1c6e41596
#define X160 0x1751997d0
#define X96 0x0ccaa009e

__attribute__((target("pclmul"))) static inline __m128i
move(__m128i a, __m128i by, __m128i next)
{
	__m128i lo = _mm_clmulepi64_si128(a, by, 0x00);
	__m128i hi = _mm_clmulepi64_si128(a, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(lo, hi), next);
}

static inline __m128i
load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Of n bytes, FOLD_MIN or more, fold all but the last up to 15. */
__attribute__((target("pclmul"))) static uint32_t
fold(uint32_t crc, const uint8_t *p, size_t n)
{
	const __m128i by_4 = _mm_set_epi64x(X480, X544);
	const __m128i by_1 = _mm_set_epi64x(X96, X160);
	__m128i a, b, c, d;
	uint8_t rest[16];

	a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)~crc));
	b = load(p + 16);
	c = load(p + 32);
	d = load(p + 48);
	for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
		a = move(a, by_4, load(p));
		b = move(b, by_4, load(p + 16));
		c = move(c, by_4, load(p + 32));
		d = move(d, by_4, load(p + 48));
	}
	a = move(move(move(a, by_1, b), by_1, c), by_1, d);
	for (; n >= 16; p += 16, n -= 16)
		a = move(a, by_1, load(p));
	/* As if the message had been these 16 bytes alone, from zero on. */
	_mm_storeu_si128((__m128i *)(void *)rest, a);
	return (uint32_t)crc32_z(UINT32_MAX, rest, sizeof(rest));
}
#endif

uint32_t
checksum_add(uint32_t crc, const void *p, size_t n)
{
	/* zlib takes a null pointer as a question for the initial value. */
	if (n == 0)
		return crc;
#ifdef HAVE_FOLD
	if (n >= FOLD_MIN && __builtin_cpu_supports("pclmul")) {
		crc = fold(crc, p, n);
		p = (const uint8_t *)p + (n & ~(size_t)15);
		n &= 15;
	}
#endif
	return n == 0 ? crc : (uint32_t)crc32_z(crc, p, n);
}

uint32_t
checksum(const void *p, size_t n)
{
	return checksum_add(0, p, n);
}

int64_t
checksum_wrong_bit(uint32_t crc, uint32_t stored, size_t n)
{
	const uint32_t wrong = crc ^ stored;
	uint32_t effect = CHECKSUM_POLYNOMIAL;	/* of the bit at hand on the CRC */
	int64_t i;
	int bit;

	for (bit = 0; bit < 32; bit++)
		if (wrong == UINT32_C(1) << bit)
			return (int64_t)n * 8 + bit;
	/* From the last bit backwards: each is one step further away. */
	for (i = (int64_t)n * 8 - 1; i >= 0; i--) {
		if (wrong == effect)
			return i;
		effect = effect >> 1 ^ ((effect & 1) != 0 ? CHECKSUM_POLYNOMIAL : 0);
	}
	return -1;
}

bool
checksum_mend(uint8_t *p, size_t n)
{
	int64_t i = checksum_wrong_bit(checksum(p, n), get_u32(p + n), n);

	if (i < 0)
		return false;
	p[i / 8] ^= (uint8_t)(1u << (i % 8));
	return true;
}
