/*
 * What is written in URLs: percent-encoding, query strings and forms.
 */
#ifndef NTDB_BIN_URL_H
#define NTDB_BIN_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "strbuf.h"

#define URL_PARAMS_MAX 1000	/* in one URL or form */

/* Names and values, decoded, in their order. */
struct url_params {
	struct strbuf text;		/* owned: each NUL-terminated */
	struct url_param {
		size_t	name, value;	/* in text */
	} *at;				/* owned */
	size_t	n, cap;
};

#define URL_PARAMS_INIT { STRBUF_INIT, NULL, 0, 0 }

/*
 * Decode %HH once, at the end of out.  false: what follows a `%' is not two
 * hexadecimal digits, or they are 00.
 */
bool url_decode(const char *s, size_t len, struct strbuf *out);

/*
 * Whether a decoded path is one that could be meant: it begins with `/', has
 * no segment `.' or `..', no backslash and no control character.
 */
bool url_path_ok(const char *path, size_t len);

/*
 * Add what `a=b&c=d' says; `+' is a blank.  false: not decoded as above, or
 * more than URL_PARAMS_MAX, or out of memory.
 */
bool url_params_scan(struct url_params *p, const char *s, size_t len);

/* The next parameter of that name from *at on, or NULL. */
const char *url_params_next(const struct url_params *p, const char *name,
    size_t *at);

/* Remove all; the memory is kept. */
void url_params_clear(struct url_params *p);
void url_params_release(struct url_params *p);

#endif
