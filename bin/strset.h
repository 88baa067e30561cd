/*
 * A set of strings, sorted at the end.
 */
#ifndef NTDB_BIN_STRSET_H
#define NTDB_BIN_STRSET_H

#include <stdint.h>

#include "strbuf.h"

struct strset {
	struct strbuf text;	/* owned: the strings, with their NULs */
	uint32_t *table;	/* owned: place in text + 1; 0: free */
	size_t	size, n;	/* of the table, a power of two; of the set */
	const char **sorted;	/* owned; NULL until strset_sort */
	bool	failed;		/* out of memory */
};

#define STRSET_INIT { STRBUF_INIT, NULL, 0, 0, NULL, false }

/* Add a string, if it is not there. */
void strset_add(struct strset *s, const char *string);

/* Sort by bytes: sorted[0 .. n) is valid then.  -1: out of memory. */
int strset_sort(struct strset *s);
void strset_release(struct strset *s);

#endif
