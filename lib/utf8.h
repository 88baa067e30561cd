/*
 * Floor 0.  UTF-8: validity, and making foreign bytes printable.
 */
#ifndef NTDB_UTF8_H
#define NTDB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode the character at s (len > 0 bytes).  Returns its length, or 0 if
 * no valid, shortest-form, non-surrogate character starts there.
 */
size_t utf8_decode(const char *s, size_t len, uint32_t *c);

/*
 * Whether len bytes may name a metric: valid UTF-8 without white space and
 * control characters (C0, DEL, C1, and the Unicode spaces and separators).
 * The empty string may; its length is the caller's business.
 */
bool utf8_name_ok(const char *s, size_t len);

/*
 * Take one character from s (len > 0) and put its printable form into piece
 * (room for 8, no NUL), *n bytes: itself, or \n \t \r \\, or \xHH for a
 * control character or a byte that is no UTF-8.  Returns the bytes taken.
 */
size_t utf8_escape(const char *s, size_t len, char *piece, size_t *n);

#endif
