#include <stdint.h>
#include <string.h>

#include "escape.h"

static const char hex_digits[] = "0123456789abcdef";

/* Bytes of the UTF-8 character that begins with lead; 0: none does. */
static size_t
lead_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

size_t
escape_char_len(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	uint8_t low = 0x80, high = 0xbf;
	size_t n = lead_len(p[0]), i;

	if (n == 0 || n > len)
		return 0;
	/* The second byte rules out long forms, surrogates, > U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

/* Whether a character of n bytes is of C0 or C1, or is DEL. */
static int
is_control(const uint8_t *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	return n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

size_t
escape_plain(const char *s, size_t len, char *piece, size_t *n)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t used = escape_char_len(s, len);

	if (used > 0 && !is_control(p, used)) {
		memcpy(piece, s, used);
		*n = used;
		return used;
	}
	piece[0] = '\\';
	piece[1] = 'x';
	piece[2] = hex_digits[p[0] >> 4];
	piece[3] = hex_digits[p[0] & 15];
	*n = 4;
	return 1;
}

size_t
escape_json(const char *s, size_t len, char *piece, size_t *n)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const uint8_t *p = (const uint8_t *)s;
	size_t used = escape_char_len(s, len), i;

	if (used == 0) {
		memcpy(piece, "\xef\xbf\xbd", 3);
		*n = 3;
		return 1;
	}
	for (i = 0; i + 1 < sizeof(letters); i += 2) {
		if (*s == letters[i]) {
			piece[0] = '\\';
			piece[1] = letters[i + 1];
			*n = 2;
			return 1;
		}
	}
	if (is_control(p, used) && used == 1) {
		memcpy(piece, "\\u00", 4);
		piece[4] = hex_digits[p[0] >> 4];
		piece[5] = hex_digits[p[0] & 15];
		*n = 6;
		return 1;
	}
	memcpy(piece, s, used);
	*n = used;
	return used;
}
