/*
 * Floor 5.  The suite's own metrics: what each database's state cache counts,
 * and a few sizes.
 *
 * stats.c tells their present values, stats-write.c keeps their history in
 * the database `internal', whose own are not kept: each write would be a
 * reason for the next.
 */
#ifndef NTDB_STATS_H
#define NTDB_STATS_H

#include "state.h"

enum { STATS_N = 26 };

/* One of them: its name is what follows ntdb/DB/. */
struct stats_name {
	const char *name, *help;
	bool	counter;	/* else it goes up and down */
};

extern const struct stats_name stats_names[STATS_N];

/* The present values for a database, in the order of stats_names. */
int stats_read(struct ntdb *root, const char *name, uint64_t values[STATS_N],
    struct ntdb_error *err);

#endif
