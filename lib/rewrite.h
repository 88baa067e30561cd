/*
 * Floor 5.  Putting samples in the place of others.
 *
 * For results of rollups that have changed: the data file of a partition is
 * written anew, as sealing does it, with the samples given in place of those
 * that the same metrics have at the same times.
 */
#ifndef NTDB_REWRITE_H
#define NTDB_REWRITE_H

#include "writer.h"

struct rewrite_sample {
	uint32_t id;		/* of a metric that has a name */
	bool	is_int;
	bool	fresh;		/* nothing is stored of that metric and time */
	uint8_t	scale;		/* a decimal's; 0 for integers */
	int64_t	t, m;
};

/*
 * Replace samples.  For each of s[0 .. n), which need not be sorted and of
 * which no two have the same metric and time, all stored samples of that
 * metric and time are gone afterwards, and this one is there; those that are
 * fresh are added only, which spares writing their files anew.  Types of
 * metrics grow as they do for samples that are ingested.  maint.lock is held,
 * the lock is not.  Each file changes at once; after a failure some have
 * changed.  NTDB_ECORRUPT: a file was damaged; all was done all the same, with
 * what could be read of it, and it is kept under another name.
 */
int rewrite_samples(struct writer *w, const struct rewrite_sample *s,
    size_t n, struct ntdb_error *err);

#endif
