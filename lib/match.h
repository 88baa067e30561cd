/*
 * Floor 0.  Shell globs over bytes.
 */
#ifndef NTDB_MATCH_H
#define NTDB_MATCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the glob matches all of text.  `*' matches any bytes, `/' and a
 * leading dot too; `?' one UTF-8 character; `[a-z]', `[!a-z]', `[^a-z]' one
 * character of a set; `\' takes the next character literally.  An unclosed
 * `[' is literal.  Linear in text for one star, never exponential.
 */
bool glob_match(const char *glob, size_t glob_len, const char *text,
    size_t text_len);

/* Whether the text has a wildcard (`*', `?', `[' or `\') at all. */
bool glob_is_pattern(const char *s, size_t len);

#endif
