/*
 * Floor 5.  Samples on their way from the log into pages: a chunk of them is
 * gathered by arrival, then put in order of partition, metric and arrival.
 */
#ifndef NTDB_FLUSH_CHUNK_H
#define NTDB_FLUSH_CHUNK_H

#include "page.h"
#include "partition.h"
#include "state.h"

#define CHUNK_SAMPLES 65536u
#define CHUNK_INT 254		/* in scale: the sample is an integer */

/*
 * Invariant: the first n elements of the four arrays are samples; all arrays
 * have room for CHUNK_SAMPLES.
 */
struct chunk {
	int64_t	*t, *m;			/* all owned */
	uint32_t *id;
	uint8_t	*scale;
	uint32_t *order, *order2;	/* scratch: permutations */
	uint32_t *count;		/* scratch: per metric */
	uint32_t n_count;
	struct page_run_in *runs;	/* scratch: of one partition */
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

/* Sort; ids are below n_slots. */
int chunk_sort(struct chunk *c, enum partition_kind kind, uint32_t n_slots,
    struct ntdb_error *err);

/*
 * The runs of the partition that sample *from of a sorted chunk belongs to;
 * *from moves behind them.  Each run is in order of time.  Types come from
 * the state; a metric that turns out to hold what its type cannot is given
 * one that can.
 */
int chunk_runs(struct chunk *c, struct state *s, enum partition_kind kind,
    uint32_t *from, struct partition *part, size_t *n_runs,
    struct ntdb_error *err);

#endif
