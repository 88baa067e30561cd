/*
 * Who may do what: tokens, and the header that shows one.
 *
 * A file of tokens has lines `read TOKEN' and `write TOKEN', blank lines and
 * comments (#).  Who shows a token for writing may read, too.
 */
#ifndef NTDB_BIN_AUTH_H
#define NTDB_BIN_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "ntdb.h"
#include "strbuf.h"

struct auth_token {
	size_t	at, len;	/* in text */
	bool	write;
};

struct auth {
	struct strbuf text;		/* owned: all tokens */
	struct auth_token *tokens;	/* owned */
	size_t	n;
};

#define AUTH_INIT { STRBUF_INIT, NULL, 0 }

/* Add the tokens of a file's text.  NTDB_ECONFIG with the line, NTDB_ESYS. */
int auth_scan(struct auth *a, const char *text, size_t len,
    struct ntdb_error *err);

/*
 * The same of the file itself.  NTDB_ECONFIG also if it is missing, or if
 * others than its owner can read it.
 */
int auth_load(struct auth *a, const char *path, struct ntdb_error *err);

/*
 * What the value of a header Authorization (NULL: there is none) allows:
 * `Bearer TOKEN', `Token TOKEN', or `Basic' with the token as the password.
 * How long it takes does not depend on how much of a token is right.
 */
void auth_check(const struct auth *a, const char *authorization,
    bool *may_read, bool *may_write);

void auth_release(struct auth *a);

#endif
