/*
 * Floor 5.  What a query's targets mean: databases and metrics.
 */
#ifndef NTDB_SELECT_H
#define NTDB_SELECT_H

#include "snapshot.h"

struct selected {
	char	db[DB_NAME_MAX + 1];
	uint32_t *ids;		/* owned; sorted by name */
	size_t	n;
	struct snapshot *snap;	/* lent: that in which they were found, of the
				 * first database; whoever takes it sets NULL */
};

/* Sorted by the bytes of DB/METRIC. */
struct selection {
	struct selected *dbs;	/* owned */
	size_t	n;
};

/*
 * Find what the targets mean (see ntdb_query_open).  Databases of which no
 * metric is selected are left out.
 */
int select_targets(struct ntdb *root, const struct ntdb_query_options *opt,
    const char *const *targets, size_t n, struct selection *sel,
    struct ntdb_error *err);
void selection_release(struct selection *sel);

#endif
