/*
 * Floor 2.  Dictionaries: the distinct values of a column in order, and the
 * index of each value among them.
 */
#ifndef NTDB_DICTIONARY_H
#define NTDB_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

#define DICTIONARY_SLOTS 8192
#define DICTIONARY_MAX 4096	/* distinct values that are found */

/* Memory for finding them; n values are in sorted, of which some in slots. */
struct dictionary {
	uint32_t n, mask;	/* slots in use, a power of two, minus 1 */
	int64_t	sorted[DICTIONARY_MAX];
	struct {
		int64_t	v;
		uint16_t rank;
		bool	used;
	} slots[DICTIONARY_SLOTS];
};

/* Find the distinct values; false if there are more than most of them. */
bool dictionary_make(struct dictionary *d, const int64_t *v, uint32_t n,
    uint32_t most);

/* The indices of values that are in it. */
void dictionary_indices(const struct dictionary *d, const int64_t *v,
    uint32_t n, uint64_t *index);

#endif
