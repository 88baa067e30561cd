#include <string.h>

#include "bytes.h"
#include "utf8.h"

/* Number of continuation bytes at s that belong to one character. */
static size_t
count_tail(const uint8_t *s, size_t len, size_t want)
{
	size_t n;

	for (n = 0; n < want && n < len && (s[n] & 0xc0) == 0x80; n++)
		;
	return n;
}

size_t
utf8_decode(const char *text, size_t len, uint32_t *c)
{
	const uint8_t *s = (const uint8_t *)text;
	uint32_t min, v;
	size_t tail, i;

	if (s[0] < 0x80) {
		*c = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		tail = 1;
		min = 0x80;
	} else if ((s[0] & 0xf0) == 0xe0) {
		tail = 2;
		min = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		tail = 3;
		min = 0x10000;
	} else {
		return 0;
	}
	if (count_tail(s + 1, len - 1, tail) != tail)
		return 0;
	v = s[0] & (0x3fu >> tail);
	for (i = 1; i <= tail; i++)
		v = v << 6 | (s[i] & 0x3fu);
	if (v < min || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*c = v;
	return tail + 1;
}

/* Unicode's White_Space above C1: categories Zs, Zl and Zp. */
static bool
is_wide_space(uint32_t c)
{
	return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	    c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	    c == 0x3000;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* Whether all eight bytes are printable ASCII other than the space. */
static bool
plain_eight(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones << 7;

	/* The sums below cannot carry where no byte has its top bit. */
	if ((v & high) != 0)
		return false;
	return ((v + ones * (0x80 - 0x21)) & ~(v + ones) & high) == high;
}

bool
utf8_name_ok(const char *s, size_t len)
{
	uint32_t c;
	size_t n;

	while (len > 0) {
		if (len >= 8 && plain_eight(get_u64((const uint8_t *)s))) {
			s += 8;
			len -= 8;
			continue;
		}
		n = utf8_decode(s, len, &c);
		if (n == 0 || c == ' ' || is_control(c) || is_wide_space(c))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static void
put_hex(char *piece, size_t *n, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	piece[(*n)++] = '\\';
	piece[(*n)++] = 'x';
	piece[(*n)++] = digits[byte >> 4];
	piece[(*n)++] = digits[byte & 15];
}

size_t
utf8_escape(const char *s, size_t len, char *piece, size_t *n)
{
	static const char plain[] = "\n\t\r\\", letter[] = "ntr\\";
	uint32_t c = 0;
	size_t used = utf8_decode(s, len, &c), i;
	const char *at;

	*n = 0;
	if (used == 1 && c != 0 && (at = strchr(plain, (int)c)) != NULL) {
		piece[(*n)++] = '\\';
		piece[(*n)++] = letter[at - plain];
		return 1;
	}

	/* A C1 control is two bytes, and all of it is made visible. */
	if (used == 0 || is_control(c)) {
		if (used == 0)
			used = 1;
		for (i = 0; i < used; i++)
			put_hex(piece, n, (uint8_t)s[i]);
		return used;
	}
	memcpy(piece, s, used);
	*n = used;
	return used;
}
