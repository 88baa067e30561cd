/*
 * Floor 5.  What the files of the look-up of suspects share.
 */
#ifndef NTDB_INGEST_IMPL_H
#define NTDB_INGEST_IMPL_H

#include "ingest.h"

#define LOOKUP_SLICE 8192	/* samples decoded at a time */
#define LOOKUP_PARTS 1024	/* of the time that all suspects span */
#define LOOKUP_BITS 17		/* 2^17 bits tell most other places apart */

/* A run that may hold some of them. */
struct hit {
	uint32_t run, times;	/* indices; its group, or UINT32_MAX */
	uint32_t from, to;	/* suspects of its metric */
};

struct lookup {
	struct judging *j;
	struct suspects *s;
	struct snapshot *view;
	uint32_t *entries;	/* by id: index in s->metrics + 1; owned */
	int64_t	first, last;	/* times of all suspects */
	uint64_t part;		/* nanoseconds */
	uint32_t upto[LOOKUP_PARTS + 1]; /* suspects in the parts before */
	uint64_t places[1 << (LOOKUP_BITS - 6)]; /* by hash: may be one */

	/* The page at hand. */
	const struct datafile *f;
	const struct page_ref *ref;
	const struct page_dir *dir;
	struct hit *hits;	/* owned */
	uint64_t *order;	/* owned: group and index of each hit */
	size_t	n_hits, cap_hits;
	uint8_t	*times;		/* owned: the group times_group */
	uint32_t times_group;	/* UINT32_MAX: none */
	uint8_t	**values;	/* owned, by group; NULL: not at hand */
	size_t	values_bytes;
	int64_t	*t;		/* owned, LOOKUP_SLICE, as the next two, which
				 * are NULL until a time is met */
	int64_t	*m;
	uint8_t	*scale;
};

/* The suspects of a metric, or NULL. */
static inline const struct suspect_metric *
lookup_entry(const struct lookup *l, uint32_t id)
{
	if (id >= l->view->state.n_slots || l->entries[id] == 0)
		return NULL;
	return &l->s->metrics[l->entries[id] - 1];
}

/* Note that a sample is stored at a suspect's place. */
int lookup_found(struct lookup *l, const struct suspect_metric *e,
    const struct metric *mt, bool was_int, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err);

/* Note what a run of the page at hand holds at places of suspects. */
int lookup_run(struct lookup *l, const struct hit *h,
    struct ntdb_error *why);

/* Leave a page. */
void lookup_drop_groups(struct lookup *l);

#endif
