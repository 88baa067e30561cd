/*
 * Floor 4.  Which metrics of a state were chosen by a test that has a key, for
 * whoever asks with the same key again.
 *
 * Names are only added to a state, never changed or taken away.  So what was
 * chosen holds as long as the state is the same one and has as many names.
 */
#ifndef NTDB_CHOSEN_H
#define NTDB_CHOSEN_H

#include "state.h"

#define CHOSEN_MAX 8		/* keys kept */

struct chosen {
	char	*key;		/* owned; NULL: free */
	uint32_t *ids;		/* owned */
	size_t	n;
	uint32_t n_named;	/* the names that there were */
};

/* Invariant: the one that was added last comes first.  All zeros: empty. */
struct chosen_list {
	struct chosen at[CHOSEN_MAX];
};

/* What is kept for a key, borrowed until the next chosen_add; or NULL. */
const struct chosen *chosen_find(const struct chosen_list *list,
    const struct state *s, const char *key);

/* Keep it, unless it takes too much memory. */
void chosen_add(struct chosen_list *list, const struct state *s,
    const char *key, const uint32_t *ids, size_t n);

void chosen_release(struct chosen_list *list);

#endif
