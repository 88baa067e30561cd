/*
 * The log is flushed first, so that what is to be replaced is in files; then
 * each file with such samples is sealed anew.  The pages get the epoch of
 * that flush, so that they are seen to be new.
 */
#include <stdlib.h>

#include "datafile.h"
#include "error.h"
#include "flush-chunk.h"
#include "flush.h"
#include "number.h"
#include "scan.h"
#include "rewrite.h"
#include "seal.h"

/* A sample, and the file of a partition that has it or is to have it. */
struct placed {
	struct partition part;
	uint32_t at;		/* the sample's index, as it was given */
	bool	absent;		/* there is no such file, or nothing to be
				 * replaced: it is added */
	bool	elsewhere;	/* not where the manifest puts samples now */
};

struct rewriting {
	struct writer *w;
	const struct rewrite_sample *s;
	size_t	n;
	struct placed *placed;	/* owned: up to one of each kind, of each */
	size_t	n_placed;
	struct seal_edit *edits;	/* owned, room for all of one file */
	bool	*found;		/* owned, by sample: it is where it was */
	uint64_t epoch;		/* of the log that was flushed */
	struct ntdb_error damage;	/* the first; code 0: none */
};

/* Those that are elsewhere first, then by file. */
static int
compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int c = partition_compare(x->part, y->part);

	if (x->elsewhere != y->elsewhere)
		return x->elsewhere ? -1 : 1;
	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

static int
compare_edits(const void *a, const void *b)
{
	const struct seal_edit *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->t > y->t) - (x->t < y->t);
}

/* How many from `from' on are of one file. */
static size_t
of_one_file(const struct rewriting *rw, size_t from)
{
	const struct placed *p = rw->placed + from;
	size_t n = 1;

	while (from + n < rw->n_placed &&
	    partition_compare(p->part, p[n].part) == 0)
		n++;
	return n;
}

/* ---- types */

/* Let a metric's type hold a sample, as that of one that is ingested. */
static void
widen(struct metric *m, const struct rewrite_sample *s)
{
	const struct dec d = { s->m, s->scale };
	uint8_t type = m->type;

	if (s->is_int && ntdb_type_is_int(type)) {
		if (s->m < INT32_MIN || s->m > INT32_MAX)
			type = NTDB_INT64;
	} else if (s->is_int || ntdb_type_is_int(type) || !dec_fits_f32(d)) {
		type = NTDB_FLOAT64;
	}
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

	for (i = 0; i < rw->n; i++) {
		m = state_metric(&rw->w->state, rw->s[i].id);
		if (m != NULL)
			widen(m, &rw->s[i]);
	}
}

/* ---- where the samples are */

/* Whether a partition has a file of which anything counts. */
static bool
has_file(const struct writer *w, struct partition part)
{
	struct datafile f;
	bool counts;
	int r;

	f.torn = false;
	r = datafile_open(&f, w->dir.fd, part, false, NULL);
	if (r != 0)
		return r != NTDB_ENOENT && !(r == NTDB_ECORRUPT && f.torn);
	counts = datafile_committed(&f, &w->wal.head) > DATA_HEAD_LEN;
	datafile_close(&f);
	return counts;
}

/* The kinds of files that there are, as bits, and the one that is made now. */
static int
list_kinds(const struct writer *w, unsigned *kinds, struct ntdb_error *err)
{
	struct partition *parts;
	size_t n, i;
	int r;

	*kinds = 1u << w->manifest.partition;
	r = dbdir_partitions(&w->dir, INT64_MIN, INT64_MAX, &parts, &n, err);
	for (i = 0; r == 0 && i < n; i++)
		*kinds |= 1u << parts[i].kind;
	free(parts);
	return r;
}

/*
 * A sample belongs to the partition that the manifest says; files of other
 * kinds, from when it said so, may have the one that is to be replaced.
 */
static void
place_one(struct rewriting *rw, uint32_t at, unsigned kinds)
{
	const struct rewrite_sample *s = &rw->s[at];
	const uint32_t now = rw->w->manifest.partition;
	uint32_t kind;

	for (kind = PART_DAY; kind <= PART_FOREVER; kind++) {
		struct placed *p = &rw->placed[rw->n_placed];

		if (!(kinds & 1u << kind) || (s->fresh && kind != now))
			continue;
		p->part = partition_of((enum partition_kind)kind, s->t);
		p->at = at;
		p->absent = s->fresh;
		p->elsewhere = kind != now;
		rw->n_placed++;
	}
}

static int
place(struct rewriting *rw, struct ntdb_error *err)
{
	unsigned kinds;
	size_t i;
	int r;

	if ((r = list_kinds(rw->w, &kinds, err)) != 0)
		return r;
	rw->placed = calloc(rw->n, (size_t)__builtin_popcount(kinds) *
	    sizeof(*rw->placed));
	if (rw->placed == NULL)
		return err_nomem(err);
	for (i = 0; i < rw->n; i++)
		place_one(rw, (uint32_t)i, kinds);
	qsort(rw->placed, rw->n_placed, sizeof(*rw->placed), compare);
	return 0;
}

/* What is to be added because there is no file of it. */
static void
mark_absent(struct rewriting *rw)
{
	size_t i, k, n;
	bool there;

	for (i = 0; i < rw->n_placed; i += n) {
		n = of_one_file(rw, i);
		there = has_file(rw->w, rw->placed[i].part);
		for (k = i; !there && k < i + n; k++)
			rw->placed[k].absent = true;
	}
}

/* ---- the flush */

/* What a run that was killed has left where samples are to be added. */
static int
cut_leftovers(struct rewriting *rw, struct ntdb_error *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < rw->n_placed; i += of_one_file(rw, i))
		if (!rw->placed[i].elsewhere)
			r = flush_cut_leftover(rw->w, rw->placed[i].part,
			    err);
	return r;
}

static int
flush_first(struct rewriting *rw, struct ntdb_error *err)
{
	int r;

	if ((r = writer_lock(rw->w, err)) != 0)
		return r;
	widen_all(rw);
	if ((r = place(rw, err)) == 0 && (r = cut_leftovers(rw, err)) == 0 &&
	    (r = flush_log(rw->w, NULL, err)) == 0) {
		rw->epoch = rw->w->wal.key.epoch - 1;
		/* It makes files: which there are is seen after it. */
		mark_absent(rw);
	}
	writer_unlock(rw->w);
	return r;
}

/* ---- samples that take no other's place */

/* Whether a placed sample is simply to be added. */
static bool
is_added(const struct rewriting *rw, const struct placed *p)
{
	return p->absent && !p->elsewhere && !rw->found[p->at];
}

/* Add a sample, in the form of its metric's class. */
static void
add_sample(struct chunk *c, struct state *state,
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

/* Up to a chunk of them, from *i on, which moves on. */
static int
add_some(struct rewriting *rw, size_t *i, struct ntdb_error *err)
{
	struct chunk *c;
	int r;

	if ((r = flusher_direct(rw->w, CHUNK_SAMPLES, &c, err)) != 0)
		return r;
	for (; *i < rw->n_placed && c->n < CHUNK_SAMPLES; ++*i)
		if (is_added(rw, &rw->placed[*i]))
			add_sample(c, &rw->w->state,
			    &rw->s[rw->placed[*i].at]);
	return flush_direct(rw->w, err);
}

static int
add_all(struct rewriting *rw, struct ntdb_error *err)
{
	size_t i = 0;
	int r = 0;

	while (r == 0) {
		while (i < rw->n_placed && !is_added(rw, &rw->placed[i]))
			i++;
		if (i == rw->n_placed)
			return 0;
		if ((r = writer_lock(rw->w, err)) != 0)
			return r;
		r = add_some(rw, &i, err);
		writer_unlock(rw->w);
	}
	return r;
}

/* ---- the files */

/* What is to be done in one file with n placed samples. */
static void
make_edits(struct rewriting *rw, const struct placed *p, size_t n,
    struct seal_order *order)
{
	struct seal_edit *e = rw->edits;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct rewrite_sample *s = &rw->s[p[i].at];

		if (p[i].absent)
			continue;
		*e++ = (struct seal_edit){ .id = s->id, .t = s->t, .m = s->m,
		    .scale = s->scale, .is_int = s->is_int, .at = p[i].at,
		    .how = rw->found[p[i].at] ? EDIT_DROP :
		    p[i].elsewhere ? EDIT_IF_FOUND : EDIT_PUT };
	}
	order->edits = rw->edits;
	order->n_edits = (size_t)(e - rw->edits);
	order->edits_epoch = rw->epoch;
	if (order->n_edits > 0)
		qsort(rw->edits, order->n_edits, sizeof(*rw->edits),
		    compare_edits);
}

static int
seal_with(struct rewriting *rw, const struct placed *p, size_t n,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct ntdb_seal_result res;
	struct seal_order order;
	size_t i;
	int r;

	memset(&order, 0, sizeof(order));
	memset(&res, 0, sizeof(res));
	make_edits(rw, p, n, &order);
	if (order.n_edits == 0)
		return 0;
	r = seal_partition(rw->w, p->part, &order, &res, &why);
	/* What could be read of a damaged file is written, and the edits. */
	if (r == NTDB_ECORRUPT && res.files > 0)
		rw->damage = rw->damage.code != 0 ? rw->damage : why;
	else if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	for (i = 0; i < order.n_edits; i++)
		if (rw->edits[i].how == EDIT_IF_FOUND && rw->edits[i].found)
			rw->found[rw->edits[i].at] = true;
	return 0;
}

static int
seal_files(struct rewriting *rw, struct ntdb_error *err)
{
	size_t i, n;
	int r = 0;

	for (i = 0; r == 0 && i < rw->n_placed; i += n) {
		n = of_one_file(rw, i);
		r = seal_with(rw, rw->placed + i, n, err);
	}
	return r;
}

static int
rewrite_all(struct rewriting *rw, struct ntdb_error *err)
{
	int r;

	if ((r = flush_first(rw, err)) != 0 ||
	    (r = seal_files(rw, err)) != 0 || (r = add_all(rw, err)) != 0)
		return r;
	return rw->damage.code == 0 ? 0 : err_at(err, rw->damage.code,
	    rw->damage.path, rw->damage.offset, "%s", rw->damage.text);
}

int
rewrite_samples(struct writer *w, const struct rewrite_sample *s, size_t n,
    struct ntdb_error *err)
{
	struct rewriting rw = { .w = w, .s = s, .n = n };
	int r;

	if (n == 0)
		return 0;
	if (n > UINT32_MAX)
		return err_set(err, NTDB_EBUG, "too many samples to replace");
	rw.edits = calloc(n, sizeof(*rw.edits));
	rw.found = calloc(n, sizeof(*rw.found));
	w->flusher = NULL;
	if (rw.found == NULL || rw.edits == NULL)
		r = err_nomem(err);
	else if ((r = flusher_new(&w->flusher, err)) == 0)
		r = rewrite_all(&rw, err);
	flusher_free(w->flusher);
	w->flusher = NULL;
	free(rw.placed);
	free(rw.edits);
	free(rw.found);
	return r;
}
