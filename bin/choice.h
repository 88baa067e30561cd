/*
 * Which metrics some selectors choose: the `match' function of a query.
 */
#ifndef NTDB_BIN_CHOICE_H
#define NTDB_BIN_CHOICE_H

#include "selector.h"

struct choice {
	struct selector *selectors;	/* borrowed, and made ready */
	size_t	n;		/* 0: all metrics, but those of `internal' */
	struct series series;	/* owned; of the metric at hand */
};

void choice_init(struct choice *c, struct selector *selectors, size_t n);
void choice_release(struct choice *c);

/* Set a query's options so that it gives what is chosen, of target "*". */
void choice_apply(struct choice *c, struct ntdb_query_options *opt);

#endif
