/*
 * Floor 3.  Values of configuration keys: the parts of key_set.
 */
#ifndef NTDB_CONFIG_VALUE_H
#define NTDB_CONFIG_VALUE_H

#include "config-keys.h"
#include "error.h"

/* What key_set works on. */
struct setting {
	const struct key *key;
	void	*member;
	const char *value;
	const struct place *at;
	struct ntdb_error *err;
};

/* Refuse it: NTDB_ECONFIG at its place. */
int value_bad(const struct setting *s, const char *fmt, ...)
    ERR_PRINTF(2, 3);

/* Strings of all kinds, and lists of words; what was there is freed. */
int setting_string(const struct setting *s);
int setting_list(const struct setting *s);

void list_release(struct str_list *l);

#endif
