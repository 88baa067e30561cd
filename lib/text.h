/*
 * Floor 0.  Taking a text apart from its front.  Each function takes what it
 * is named for and says whether it was there.
 */
#ifndef NTDB_TEXT_H
#define NTDB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of a text. */
struct text {
	const char *at, *end;
};

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
take_char(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* Digits as long as there are some; *too_large if they exceed 64 bits. */
static inline uint64_t
take_whole(struct text *t, bool *too_large)
{
	uint64_t v = 0, digit;

	for (; t->at < t->end && is_digit(*t->at); t->at++) {
		digit = (uint64_t)(*t->at - '0');
		if (v > (UINT64_MAX - digit) / 10)
			*too_large = true;
		else
			v = v * 10 + digit;
	}
	return v;
}

#endif
