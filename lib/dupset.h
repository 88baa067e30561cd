/*
 * Floor 5.  A set of samples that are stored where suspects want to go.
 */
#ifndef NTDB_DUPSET_H
#define NTDB_DUPSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dupset {
	struct dup_entry {
		int64_t	t;
		uint64_t bits;
		uint32_t key;	/* a metric and its class; 0: free */
	} *at;			/* owned; open addressing */
	size_t	n, size;
};

void dupset_release(struct dupset *s);
void dupset_clear(struct dupset *s);

/* false: out of memory.  Keys are above 0. */
bool dupset_add(struct dupset *s, uint32_t key, int64_t t, uint64_t bits);
bool dupset_has(const struct dupset *s, uint32_t key, int64_t t,
    uint64_t bits);

/*
 * Add, for each entry of key from, one of another key: the same integer as
 * the bits of a double.  false: out of memory.
 */
bool dupset_add_doubles(struct dupset *s, uint32_t from, uint32_t to);

#endif
