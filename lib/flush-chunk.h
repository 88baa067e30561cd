/*
 * Floor 5.  Samples on their way from the log into pages: a chunk of them is
 * gathered by arrival, sorted by metric, and given out partition by partition.
 */
#ifndef NTDB_FLUSH_CHUNK_H
#define NTDB_FLUSH_CHUNK_H

#include "page.h"
#include "partition.h"
#include "state.h"

#define CHUNK_SAMPLES 77824u	/* those that make a flush due, and a batch */
#define CHUNK_INT 254		/* in scale: the sample is an integer */

/*
 * Invariant: the first n elements of id, t, m and scale are samples; all four
 * have room for CHUNK_SAMPLES.  Once sorted, the samples of the
 * metric active[i] that are still to be given out are [next[i], end[i]), and
 * id is no longer valid.
 */
struct chunk {
	int64_t	*t, *m;			/* all owned */
	uint32_t *id;
	uint8_t	*scale;
	int64_t	*scratch;		/* of chunk_sort; may be NULL */
	uint32_t *count;		/* by id */
	uint32_t n_count;		/* its room */
	uint32_t *active, *next, *end;
	uint32_t n_active, active_cap;
	struct page_run_in *runs;
	size_t	runs_cap;
	uint32_t n;
};

int chunk_init(struct chunk *c, struct ntdb_error *err);
void chunk_release(struct chunk *c);

static inline void
chunk_add(struct chunk *c, uint32_t id, int64_t t, int64_t m, uint8_t scale)
{
	uint32_t i = c->n++;

	c->id[i] = id;
	c->t[i] = t;
	c->m[i] = m;
	c->scale[i] = scale;
}

/* Sort by metric, time and arrival; ids are below n_slots. */
int chunk_sort(struct chunk *c, uint64_t n_slots, struct ntdb_error *err);

/*
 * The runs, by id, of the earliest partition of a sorted chunk that has not
 * been given out: n_runs of them in c->runs.  NTDB_END: that was all.  Types
 * come from the state; a metric that turns out to hold what its type cannot
 * is given one that can.
 */
int chunk_runs(struct chunk *c, struct state *s, enum partition_kind kind,
    struct partition *part, size_t *n_runs, struct ntdb_error *err);

#endif
