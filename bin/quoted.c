#include <stdint.h>
#include <string.h>

#include "quoted.h"

/* A digit's value, or -1 if it is none of that base. */
static int
digit(char c, int base)
{
	int v = -1;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		v = c - 'A' + 10;
	return v < base ? v : -1;
}

/* A number of exactly so many digits; -1: it is not that. */
static int64_t
number(const char **at, int base, int digits)
{
	int64_t v = 0;
	int d;

	for (; digits > 0; digits--, (*at)++) {
		if ((d = digit(**at, base)) < 0)
			return -1;
		v = v * base + d;
	}
	return v;
}

static void
put_utf8(struct strbuf *out, uint32_t c)
{
	if (c < 0x80) {
		strbuf_putc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		strbuf_putc(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			strbuf_putc(out, (char)(0xe0 | c >> 12));
		} else {
			strbuf_putc(out, (char)(0xf0 | c >> 18));
			strbuf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		strbuf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	strbuf_putc(out, (char)(0x80 | (c & 0x3f)));
}

/* A character given by its number. */
static const char *
scan_number(const char **at, char kind, struct strbuf *out)
{
	bool byte = kind == 'x' || (kind >= '0' && kind <= '7');
	int64_t v;

	if (!byte)
		v = number(at, 16, kind == 'u' ? 4 : 8);
	else if (kind == 'x')
		v = number(at, 16, 2);
	else
		v = (--*at, number(at, 8, 3));
	if (v < 0 || (byte && v > 255) || v > 0x10ffff ||
	    (!byte && v >= 0xd800 && v < 0xe000))
		return "invalid escape in a string";
	if (v == 0)
		return "a string must not contain NUL";
	if (byte)
		strbuf_putc(out, (char)v);
	else
		put_utf8(out, (uint32_t)v);
	return NULL;
}

static const char *
scan_escape(const char **at, char quote, struct strbuf *out)
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	const char kind = *(*at)++, *p;

	if (kind == '\0')
		return "a string is not closed";
	if (kind == quote) {
		strbuf_putc(out, kind);
		return NULL;
	}
	if ((p = strchr(names, kind)) != NULL) {
		strbuf_putc(out, values[p - names]);
		return NULL;
	}
	if (strchr("xuU01234567", kind) != NULL)
		return scan_number(at, kind, out);
	return "invalid escape in a string";
}

const char *
quoted_scan(const char **at, struct strbuf *out)
{
	const char quote = *(*at)++, *why;
	size_t n;

	strbuf_clear(out);
	for (;;) {
		n = strcspn(*at, quote == '`' ? "`" : quote == '"' ?
		    "\\\"\n" : "\\'\n");
		strbuf_add(out, *at, n);
		*at += n;
		if (**at == '\0' || **at == '\n')
			return "a string is not closed";
		if (*(*at)++ == quote)
			return NULL;
		if ((why = scan_escape(at, quote, out)) != NULL)
			return why;
	}
}
