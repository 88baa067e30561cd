/*
 * The log is flushed first, with the samples that no file has to take yet;
 * then each file with samples to be replaced is sealed anew.  Its pages get
 * the epoch of that flush, so that they are seen to be new; and in the end
 * another log takes the place of the one at hand, so that no process goes on
 * with last samples that are others now.
 */
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "flush-chunk.h"
#include "flush.h"
#include "number.h"
#include "scan.h"
#include "seal.h"

/* A sample, and a partition that has it or is to have it. */
struct placed {
	struct partition part;
	bool	absent;		/* the partition has no file */
	size_t	at;		/* the sample's index, as it was given */
};

struct rewriting {
	struct writer *w;
	const struct rewrite_sample *s;
	size_t	n;
	struct placed *placed;	/* owned: up to one of each kind, of each */
	size_t	n_placed;
	struct rewrite_sample *edits;	/* owned, sorted as placed are */
	uint64_t epoch;		/* of the log that was flushed */
};

static int
compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int c = partition_compare(x->part, y->part);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

static int
compare_edits(const void *a, const void *b)
{
	const struct rewrite_sample *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->t > y->t) - (x->t < y->t);
}

/* ---- types */

/* Let a metric's type hold a sample, as that of one that is ingested. */
static void
widen(struct metric *m, const struct rewrite_sample *s)
{
	const struct dec d = { s->m, s->scale };
	uint8_t type = m->type;

	if (s->is_int && !ntdb_type_is_int(type))
		type = NTDB_FLOAT64;
	else if (s->is_int && (s->m < INT32_MIN || s->m > INT32_MAX))
		type = NTDB_INT64;
	else if (!s->is_int && (ntdb_type_is_int(type) || !dec_fits_f32(d)))
		type = NTDB_FLOAT64;
	if (type == m->type)
		return;
	m->type = type;
	m->flags |= METRIC_DIRTY | METRIC_UNSYNCED;
}

static void
widen_all(struct rewriting *rw)
{
	struct metric *m;
	size_t i;

	for (i = 0; i < rw->n; i++)
		if (!rw->s[i].drop &&
		    (m = state_metric(&rw->w->state, rw->s[i].id)) != NULL)
			widen(m, &rw->s[i]);
}

/* ---- where the samples are */

static bool
has_file(const struct writer *w, struct partition part)
{
	char name[PARTITION_NAME_MAX];

	partition_name(part, name);
	return faccessat(w->dir.fd, name, F_OK, 0) == 0;
}

/*
 * A sample belongs to the partition that the manifest says; files of other
 * kinds, from when it said so, may hold one that is to go.
 */
static void
place(struct rewriting *rw)
{
	size_t i;
	int kind;

	for (i = 0; i < rw->n; i++) {
		for (kind = PART_DAY; kind <= PART_FOREVER; kind++) {
			struct placed *p = &rw->placed[rw->n_placed];

			p->part = partition_of((enum partition_kind)kind,
			    rw->s[i].t);
			p->absent = !has_file(rw->w, p->part);
			p->at = i;
			rw->n_placed += !p->absent ||
			    kind == (int)rw->w->manifest.partition;
		}
	}
	qsort(rw->placed, rw->n_placed, sizeof(*rw->placed), compare);
}

/* ---- the flush */

/* Add a sample, in the form of its metric's class. */
static void
add_extra(struct chunk *c, struct state *state,
    const struct rewrite_sample *s)
{
	const struct metric *metric = state_metric(state, s->id);
	const bool is_int = metric != NULL && ntdb_type_is_int(metric->type);
	uint8_t scale = s->scale;
	int64_t m = s->m;

	if (s->is_int && !is_int)
		int_to_decimal(&m, &scale);
	chunk_add(c, s->id, s->t, m, is_int ? CHUNK_INT : scale);
	state_sample(state, s->id, s->t, m, scale);
}

/* Samples of partitions without a file: they are added like any others. */
static int
add_absent(struct rewriting *rw, struct ntdb_error *err)
{
	struct chunk *c;
	size_t i = 0;
	int r;

	for (;;) {
		while (i < rw->n_placed && (!rw->placed[i].absent ||
		    rw->s[rw->placed[i].at].drop))
			i++;
		if (i == rw->n_placed)
			return 0;
		if ((r = flusher_direct(rw->w, CHUNK_SAMPLES, &c, err)) != 0)
			return r;
		for (; i < rw->n_placed && c->n < CHUNK_SAMPLES; i++)
			if (rw->placed[i].absent &&
			    !rw->s[rw->placed[i].at].drop)
				add_extra(c, &rw->w->state,
				    &rw->s[rw->placed[i].at]);
		if ((r = flush_direct(rw->w, err)) != 0)
			return r;
	}
}

static int
flush_first(struct rewriting *rw, struct ntdb_error *err)
{
	int r;

	if ((r = writer_lock(rw->w, err)) != 0)
		return r;
	/* The flush makes files: where samples are is seen after it. */
	widen_all(rw);
	if ((r = flush_log(rw->w, NULL, err)) == 0) {
		place(rw);
		rw->epoch = rw->w->wal.key.epoch - 1;
		r = add_absent(rw, err);
	}
	writer_unlock(rw->w);
	return r;
}

/* ---- the files */

/* The n placed samples of one partition, which has a file. */
static int
seal_with(struct rewriting *rw, const struct placed *p, size_t n,
    struct ntdb_error *err)
{
	struct seal_order order = { .edits = rw->edits, .n_edits = n,
	    .edits_epoch = rw->epoch };
	struct ntdb_seal_result res;
	size_t i;

	for (i = 0; i < n; i++) {
		rw->edits[i] = rw->s[p[i].at];
		if (p[i].part.kind != rw->w->manifest.partition)
			rw->edits[i].drop = true;
	}
	qsort(rw->edits, n, sizeof(*rw->edits), compare_edits);
	memset(&res, 0, sizeof(res));
	return seal_partition(rw->w, p->part, &order, &res, err);
}

static int
seal_files(struct rewriting *rw, struct ntdb_error *err)
{
	const struct placed *p = rw->placed;
	size_t i, n;
	int r;

	for (i = 0; i < rw->n_placed; i += n) {
		for (n = 1; i + n < rw->n_placed &&
		    partition_compare(p[i].part, p[i + n].part) == 0; n++)
			;
		if (!p[i].absent && (r = seal_with(rw, p + i, n, err)) != 0)
			return r;
	}
	return 0;
}

/* What is last now. */
static int
renew_state(struct rewriting *rw, struct ntdb_error *err)
{
	size_t i;
	int r;

	if ((r = writer_lock(rw->w, err)) != 0)
		return r;
	for (i = 0; i < rw->n; i++)
		if (!rw->s[i].drop)
			state_sample(&rw->w->state, rw->s[i].id, rw->s[i].t,
			    rw->s[i].m, rw->s[i].scale);
	r = flush_log(rw->w, NULL, err);
	writer_unlock(rw->w);
	return r;
}

int
rewrite_samples(struct writer *w, const struct rewrite_sample *s, size_t n,
    struct ntdb_error *err)
{
	struct rewriting rw = { .w = w, .s = s, .n = n };
	int r;

	if (n == 0)
		return 0;
	rw.placed = calloc(n, 4 * sizeof(*rw.placed));
	rw.edits = calloc(n, sizeof(*rw.edits));
	w->flusher = NULL;
	if (rw.placed == NULL || rw.edits == NULL)
		r = err_nomem(err);
	else if ((r = flusher_new(&w->flusher, err)) == 0 &&
	    (r = flush_first(&rw, err)) == 0 &&
	    (r = seal_files(&rw, err)) == 0)
		r = renew_state(&rw, err);
	flusher_free(w->flusher);
	w->flusher = NULL;
	free(rw.placed);
	free(rw.edits);
	return r;
}
