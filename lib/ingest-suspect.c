/*
 * Samples that may be stored already: those not newer than their metric's
 * last one.  All such places of a batch are looked up in one pass.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "ingest.h"
#include "order.h"

void
suspects_release(struct suspects *s)
{
	free(s->metrics);
	free(s->keys);
	pagecache_give_back(s->told);
	memset(s, 0, sizeof(*s));
}

void
suspects_done(struct ntdb_ingest *in)
{
	struct suspects *s = &in->suspects;

	free(s->keys);
	s->keys = NULL;
	s->n = s->cap = s->n_metrics = 0;
	dupset_release(&in->seen);
}

/* The metric of a target, or NULL if it does not exist yet. */
static const struct metric *
metric_of(const struct judging *j, struct target *t)
{
	uint32_t id = target_id(t, j->w);

	return id != 0 ? &j->w->state.metrics[id] : NULL;
}

/* The entry of a target, which is made. */
static struct suspect_metric *
entry_of(struct suspects *s, struct target *t, uint32_t target)
{
	struct suspect_metric *m;

	if (t->suspect == 0) {
		if (s->n_metrics == s->cap_metrics) {
			size_t cap = s->cap_metrics > 0 ?
			    2 * s->cap_metrics : 64;

			m = realloc(s->metrics, cap * sizeof(*m));
			if (m == NULL)
				return NULL;
			s->metrics = m;
			s->cap_metrics = cap;
		}
		m = &s->metrics[s->n_metrics++];
		memset(m, 0, sizeof(*m));
		m->target = target;
		t->suspect = (uint32_t)s->n_metrics;
	}
	return &s->metrics[t->suspect - 1];
}

/*
 * The newest time of a metric behind a sample, if that is stored; it may
 * come out too late where samples are refused, which does no harm.
 */
static void
advance(const struct judging *j, struct target *t, const struct pending *p)
{
	int64_t at = p->t;

	if (!(p->flags & PENDING_HAS_TIME)) {
		at = j->stamp_ns;
		if (t->sim_any && t->sim_t >= at)
			at = t->sim_t < INT64_MAX ? t->sim_t + 1 : INT64_MAX;
	}
	if (!t->sim_any || at > t->sim_t)
		t->sim_t = at;
	t->sim_any = true;
}

/* Mark the suspects from sample i on, and count those of each metric. */
static int
mark(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	struct suspects *s = &in->suspects;
	const struct metric *mt;
	struct suspect_metric *m;
	struct target *t;

	for (; i < j->to; i++) {
		struct pending *p = &in->pending[i];

		if (!ingest_is_of(in, p, j->db))
			continue;
		p->flags &= (uint8_t)~PENDING_SUSPECT;
		t = &in->targets.at[p->target];
		if (t->sim_commit != in->commit_no) {
			mt = metric_of(j, t);
			t->sim_commit = in->commit_no;
			t->suspect = 0;
			t->sim_any = mt != NULL &&
			    (mt->flags & METRIC_HAS_LAST);
			t->sim_t = t->sim_any ? mt->last_t : 0;
		}
		if ((p->flags & PENDING_HAS_TIME) && t->sim_any &&
		    p->t <= t->sim_t) {
			if ((m = entry_of(s, t, p->target)) == NULL)
				return err_nomem(err);
			m->n++;
			s->n++;
			p->flags |= PENDING_SUSPECT;
		}
		advance(j, t, p);
	}
	return 0;
}

/* The times of the suspects, each metric's together and sorted. */
static int
take_times(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	struct suspects *s = &in->suspects;
	struct suspect_metric *m;
	uint32_t at = 0, k;

	if (s->n > s->cap) {
		free(s->keys);
		s->cap = 0;
		s->keys = malloc(s->n * sizeof(s->keys[0]));
		if (s->keys == NULL)
			return err_nomem(err);
		s->cap = s->n;
	}
	for (m = s->metrics; m < s->metrics + s->n_metrics; m++) {
		m->at = at;
		at += m->n;
		m->n = 0;
	}
	for (; i < j->to; i++) {
		const struct pending *p = &in->pending[i];

		if (!ingest_is_of(in, p, j->db) ||
		    !(p->flags & PENDING_SUSPECT))
			continue;
		m = &s->metrics[in->targets.at[p->target].suspect - 1];
		s->keys[m->at + m->n++] = order_key_i64(p->t);
	}
	for (m = s->metrics; m < s->metrics + s->n_metrics; m++) {
		order_sort(s->keys + m->at, m->n);
		for (k = 1; k < m->n; k++)
			s->repeated |= s->keys[m->at + k] ==
			    s->keys[m->at + k - 1];
	}
	return 0;
}

uint32_t
suspects_before(const struct suspects *s, const struct suspect_metric *m,
    uint64_t key)
{
	const uint64_t *keys = s->keys + m->at;
	uint32_t lo = 0, hi = m->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (keys[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
suspects_want(const struct suspects *s, const struct suspect_metric *m,
    int64_t t)
{
	uint64_t key = order_key_i64(t);
	uint32_t i = suspects_before(s, m, key);

	return i < m->n && s->keys[m->at + i] == key;
}

int
suspects_note(struct judging *j, const struct pending *p,
    struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	const struct suspects *s = &in->suspects;
	const struct target *t = &in->targets.at[p->target];
	const struct metric *mt = &j->w->state.metrics[t->id];

	if (t->sim_commit != in->commit_no || t->suspect == 0 ||
	    ((p->flags & PENDING_SUSPECT) && !s->repeated) ||
	    !suspects_want(s, &s->metrics[t->suspect - 1], p->t))
		return 0;
	if (!dupset_add(&in->seen, dup_key(p->target, mt), p->t,
	    pending_bits(j, p, mt)))
		return err_nomem(err);
	return 0;
}

/* What this batch has stored before sample i. */
static int
take_batch(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	uint32_t k;
	int r;

	for (k = j->from; k < i; k++) {
		struct pending *p = &in->pending[k];

		if (p->verdict != VERDICT_STORED ||
		    !ingest_is_of(in, p, j->db))
			continue;
		p->flags &= (uint8_t)~PENDING_SUSPECT;
		if ((r = suspects_note(j, p, err)) != 0)
			return r;
	}
	return 0;
}

int
collect_suspects(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct suspects *s = &j->in->suspects;
	int r;

	dupset_clear(&j->in->seen);
	s->n_metrics = 0;
	s->n = 0;
	s->repeated = false;
	j->in->commit_no++;
	if ((r = mark(j, i, err)) == 0 && (r = take_times(j, i, err)) == 0 &&
	    (r = take_batch(j, i, err)) == 0 && !j->rehearsal)
		r = lookup_suspects(j, err);
	return r;
}
