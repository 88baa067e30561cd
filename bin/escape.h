/*
 * Foreign bytes made safe: for a terminal, and for JSON.
 *
 * Each function takes one character from s (len > 0), puts its printable form
 * into piece (ESCAPE_PIECE bytes, no NUL), sets *n to that form's length, and
 * returns the bytes taken.
 */
#ifndef NTDB_BIN_ESCAPE_H
#define NTDB_BIN_ESCAPE_H

#include <stddef.h>

#define ESCAPE_PIECE 8

/* Control characters and bytes that are no UTF-8 become \xHH. */
size_t escape_plain(const char *s, size_t len, char *piece, size_t *n);

/* As inside a JSON string; a byte that is no UTF-8 becomes U+FFFD. */
size_t escape_json(const char *s, size_t len, char *piece, size_t *n);

/*
 * The length of the valid UTF-8 character that begins s (len > 0), or 0
 * (RFC 3629, section 4).
 */
size_t escape_char_len(const char *s, size_t len);

#endif
