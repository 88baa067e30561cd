/*
 * Floor 5.  A set of samples and of the places (metric, time) where a sample
 * may turn out to be stored already.
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
		uint32_t id;	/* 0: free */
		bool	place;	/* a place, not a sample: bits is 0 */
	} *at;			/* owned; open addressing */
	size_t	n, size;
};

void dupset_release(struct dupset *s);
void dupset_clear(struct dupset *s);

/* false: out of memory. */
bool dupset_add_place(struct dupset *s, uint32_t id, int64_t t);
bool dupset_add(struct dupset *s, uint32_t id, int64_t t, uint64_t bits);

bool dupset_has_place(const struct dupset *s, uint32_t id, int64_t t);
bool dupset_has(const struct dupset *s, uint32_t id, int64_t t,
    uint64_t bits);

#endif
