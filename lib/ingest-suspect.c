/*
 * Samples that may be stored already: those not newer than their metric's
 * last one.  All such places of a batch are looked up in one pass.
 */
#include <stdlib.h>

#include "bytes.h"
#include "cursor.h"
#include "error.h"
#include "ingest.h"

struct suspects {
	uint32_t *ids;		/* owned: metrics that have any */
	size_t	n, cap;
	int64_t	first, last;	/* times of all of them */
};

static int
add_metric(struct suspects *s, uint32_t id, struct ntdb_error *err)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? 2 * s->cap : 64;
		uint32_t *ids = realloc(s->ids, cap * sizeof(ids[0]));

		if (ids == NULL)
			return err_nomem(err);
		s->ids = ids;
		s->cap = cap;
	}
	s->ids[s->n++] = id;
	return 0;
}

/* Mark the places, from sample i on, that are not newer than what is there
 * by then. */
static int
find_places(struct judging *j, uint32_t i, struct suspects *s,
    struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	int r;

	for (; i < j->to; i++) {
		const struct pending *p = &in->pending[i];
		struct target *t = &in->targets.at[p->target];
		struct metric *mt;
		uint32_t id;

		if (t->db != j->db || p->kind == PENDING_BAD ||
		    !(p->flags & PENDING_HAS_TIME))
			continue;
		id = target_id(t, j->w);
		mt = id != 0 ? &j->w->state.metrics[id] : NULL;
		if (t->sim_commit != in->commit_no) {
			t->sim_commit = in->commit_no;
			t->sim_t = mt != NULL &&
			    (mt->flags & METRIC_HAS_LAST) ? mt->last_t :
			    INT64_MIN;
		}
		/* For a metric that does not exist yet see judge_order. */
		if (mt == NULL || p->t > t->sim_t) {
			if (p->t > t->sim_t)
				t->sim_t = p->t;
			continue;
		}
		if (!dupset_add_place(&in->seen, id, p->t))
			return err_nomem(err);
		if (!(mt->flags & METRIC_SUSPECT)) {
			mt->flags |= METRIC_SUSPECT;
			if ((r = add_metric(s, id, err)) != 0)
				return r;
		}
		if (p->t < s->first)
			s->first = p->t;
		if (p->t > s->last)
			s->last = p->t;
	}
	return 0;
}

/* What this batch has stored at those places so far. */
static int
take_batch(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	uint32_t k;

	for (k = j->from; k < i; k++) {
		const struct pending *p = &in->pending[k];
		struct target *t = &in->targets.at[p->target];
		struct metric *mt;

		if (p->verdict != VERDICT_STORED || t->db != j->db)
			continue;
		mt = &j->w->state.metrics[t->id];
		if (!(mt->flags & METRIC_SUSPECT) ||
		    !dupset_has_place(&in->seen, t->id, p->t))
			continue;
		if (!dupset_add(&in->seen, t->id, p->t,
		    pending_bits(j, p, mt)))
			return err_nomem(err);
	}
	return 0;
}

/* What log and pages hold at those places. */
static int
take_stored(struct judging *j, const struct suspects *s,
    struct ntdb_error *err)
{
	struct dupset *seen = &j->in->seen;
	struct snapshot view;
	struct block b;
	struct scan *sc;
	uint32_t id;
	size_t k;
	int r;

	writer_view(j->w, &view);
	r = scan_open(&sc, &view, s->ids, s->n, s->first, s->last, err);
	if (r != 0)
		return r;
	while ((r = scan_next_metric(sc, &id, err)) == 0) {
		while ((r = scan_next_block(sc, &b, err)) == 0) {
			for (k = 0; k < b.n; k++) {
				if (!dupset_has_place(seen, id, b.t[k]))
					continue;
				if (!dupset_add(seen, id, b.t[k],
				    value_bits(b.scale == NULL, b.m[k],
				    b.scale != NULL ? b.scale[k] : 0))) {
					r = err_nomem(err);
					goto done;
				}
			}
		}
		if (r != NTDB_END)
			break;
	}
done:
	scan_close(sc);
	/* Damage has been reported; what is lost cannot be a duplicate. */
	return r == NTDB_END || r == NTDB_ECORRUPT ? 0 : r;
}

int
collect_suspects(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct suspects s = { NULL, 0, 0, INT64_MAX, INT64_MIN };
	size_t k;
	int r;

	dupset_clear(&j->in->seen);
	for (k = 1; k < j->w->state.n_slots; k++)
		j->w->state.metrics[k].flags &= (uint8_t)~METRIC_SUSPECT;
	j->in->commit_no++;
	if ((r = find_places(j, i, &s, err)) == 0 &&
	    (r = take_batch(j, i, err)) == 0 && s.n > 0 && !j->rehearsal)
		r = take_stored(j, &s, err);
	free(s.ids);
	return r;
}
