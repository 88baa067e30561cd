/*
 * What a destination has already of what is put: values are compared with it,
 * many at once, and take its place where they differ.
 */
#include <stdlib.h>

#include "cursor.h"
#include "error.h"
#include "rewrite.h"
#include "rollup-dest.h"
#include "scan.h"

/* Values by metric in the destination, then time. */
struct doubt {
	const struct rollup_value *v;
	uint32_t id;
};

static int
compare_two(const void *a, const void *b)
{
	const struct doubt *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->v->t > y->v->t) - (x->v->t < y->v->t);
}

/* A bucket of an item. */
struct place {
	uint32_t item;
	int64_t	t;
};

/* What is to take the place of what is stored. */
struct replacement {
	struct rewrite_sample sample;
	struct place place;
	uint32_t a;		/* the aggregate, of the job's */
};

/* Values of one metric, while what is stored of it goes by. */
struct comparing {
	struct rollup_work *w;
	const struct doubt *next, *end;
	unsigned same, other;	/* samples at the time of next */
	bool	more;		/* one of them is a higher count */
	struct buf replace;	/* struct replacement */
	struct buf keep;	/* struct place: what is stored stays */
};

/* No more samples at the time of the value at hand. */
static void
settle(struct comparing *c)
{
	const struct rollup_value *v = c->next->v;
	struct stored s = rollup_stored(v);
	struct replacement x = { { .id = c->next->id, .is_int = s.is_int,
	    .fresh = c->same + c->other == 0, .scale = s.scale, .t = v->t,
	    .m = s.m }, { v->item, v->t }, v->a };

	/* Samples are not deleted one by one: their data file is gone. */
	if (c->more || (c->other > 0 && v->t < c->w->dest->source_from))
		buf_add(&c->keep, &x.place, sizeof(x.place));
	else if (c->same != 1 || c->other != 0)
		buf_add(&c->replace, &x, sizeof(x));
	c->same = c->other = 0;
	c->more = false;
	c->next++;
}

/* Whether the value at hand is a count below the stored one. */
static bool
is_less(const struct comparing *c, const struct block *b, size_t i)
{
	const struct rollup_value *v = c->next->v;

	return c->w->def->aggregates[v->a] == NTDB_COUNT && v->is_int &&
	    b->scale == NULL && v->value.i < b->m[i];
}

static void
compare_block(struct comparing *c, const struct block *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		while (c->next < c->end && c->next->v->t < b->t[i])
			settle(c);
		if (c->next == c->end)
			return;
		if (c->next->v->t != b->t[i])
			continue;
		if (rollup_is_same(c->next->v, b->scale == NULL,
		    value_bits(b->scale == NULL, b->m[i],
		    b->scale == NULL ? 0 : b->scale[i])))
			c->same++;
		else
			c->other++;
		c->more |= is_less(c, b, i);
	}
}

/* All values in doubt, against what is stored. */
static int
compare_all(struct comparing *c, const struct doubt *doubts, size_t n,
    const uint32_t *ids, size_t n_ids, int64_t first, int64_t last,
    struct ntdb_error *err)
{
	const struct doubt *end = doubts + n;
	struct scan *sc;
	struct block b;
	uint32_t id;
	int r;

	r = scan_open(&sc, &c->w->dest->snap, ids, n_ids, first, last, err);
	if (r != 0)
		return r;
	while ((r = scan_next_metric(sc, &id, err)) == 0) {
		c->next = doubts;
		while (doubts < end && doubts->id == id)
			doubts++;
		c->end = doubts;
		while (c->next < c->end &&
		    (r = scan_next_block(sc, &b, err)) == 0)
			compare_block(c, &b);
		if (r != 0 && r != NTDB_END)
			break;
		while (c->next < c->end)
			settle(c);
	}
	scan_close(sc);
	return r == NTDB_END ? 0 : r;
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->t > y->t) - (x->t < y->t);
}

/* Put those replacements that are not of buckets to be kept to the others. */
static int
pick(struct comparing *c, struct ntdb_error *err)
{
	struct place *keep = (struct place *)(void *)c->keep.data;
	struct replacement *x =
	    (struct replacement *)(void *)c->replace.data;
	size_t n = c->replace.len / sizeof(*x), i;
	size_t n_keep = c->keep.len / sizeof(*keep);
	struct buf *out = &c->w->dest->replace;
	int r;

	if (!buf_ok(&c->replace) || !buf_ok(&c->keep))
		return err_nomem(err);
	if (n_keep > 0)
		qsort(keep, n_keep, sizeof(*keep), compare_places);
	for (i = 0; i < n; i++) {
		const struct rollup_value v = { .item = x[i].place.item,
		    .a = x[i].a, .t = x[i].place.t };

		if (n_keep > 0 && bsearch(&x[i].place, keep, n_keep,
		    sizeof(*keep), compare_places) != NULL)
			continue;
		buf_add(out, &x[i].sample, sizeof(x[i].sample));
		if (c->w->foresight != NULL &&
		    (r = rollup_dest_note(c->w, &v, err)) != 0)
			return r;
	}
	return buf_ok(out) ? 0 : err_nomem(err);
}

/*
 * Replace what was found to be another one.  Files are written anew for that,
 * and so it is done for many at once.
 */
static int
replace(struct rollup_work *w, struct ntdb_error *err)
{
	struct buf *b = &w->dest->replace;
	const size_t n = b->len / sizeof(struct rewrite_sample);
	struct writer dest;
	int r = 0;

	w->res->replaced += n;
	if (n > 0 && !w->opt->dry_run) {
		r = writer_open(&dest, w->root, w->dest->name, false, err);
		if (r != 0)
			return r;
		r = rewrite_samples(&dest, (const struct rewrite_sample *)
		    (const void *)b->data, n, err);
		writer_close(&dest);
	}
	buf_clear(b);
	return r;
}

static int
compare_doubts(struct rollup_work *w, struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	struct comparing c = { .w = w };
	struct doubt *doubts = malloc((d->n_doubts + 1) * sizeof(*doubts));
	uint32_t *ids = malloc((d->n_doubts + 1) * sizeof(*ids));
	int64_t first = INT64_MAX, last = INT64_MIN;
	size_t i, n_ids = 0;
	int r = 0;

	if (doubts == NULL || ids == NULL) {
		r = err_nomem(err);
		goto done;
	}
	for (i = 0; i < d->n_doubts; i++) {
		const struct rollup_value *v = &d->doubts[i];

		doubts[i].v = v;
		doubts[i].id = dest_metric_of(w, v)->id;
		first = v->t < first ? v->t : first;
		last = v->t > last ? v->t : last;
	}
	qsort(doubts, d->n_doubts, sizeof(*doubts), compare_two);
	for (i = 0; i < d->n_doubts; i++)
		if (i == 0 || doubts[i].id != doubts[i - 1].id)
			ids[n_ids++] = doubts[i].id;
	if (n_ids > 0)
		r = compare_all(&c, doubts, d->n_doubts, ids, n_ids, first,
		    last, err);
	if (r == 0)
		r = pick(&c, err);
	d->n_doubts = 0;
	if (r == 0 && d->replace.len >= REPLACE_MAX *
	    sizeof(struct rewrite_sample))
		r = replace(w, err);
done:
	free(doubts);
	free(ids);
	buf_release(&c.replace);
	buf_release(&c.keep);
	return r;
}

int
rollup_dest_doubt(struct rollup_work *w, const struct rollup_value *v,
    struct ntdb_error *err)
{
	struct rollup_dest *d = w->dest;
	const struct rollup_value *last = d->doubts + d->n_doubts - 1;
	int r;

	if (d->n_doubts >= DOUBTS_MAX && (last->item != v->item ||
	    last->t != v->t) && (r = compare_doubts(w, err)) != 0)
		return r;
	d->doubts[d->n_doubts++] = *v;
	w->items[v->item].in_doubt = true;
	return 0;
}

int
rollup_dest_settle(struct rollup_work *w, struct ntdb_error *err)
{
	int r;

	if (rollup_is_stopped(w))
		return 0;
	r = compare_doubts(w, err);
	return r != 0 ? r : replace(w, err);
}
