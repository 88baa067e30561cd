/*
 * The samples of a commit, one after the other.  About most of them nothing
 * has to be decided: those are dealt with here, the others by judge().
 */
#include "flush-chunk.h"
#include "ingest.h"

uint32_t
target_find_id(struct target *t, const struct writer *w)
{
	t->id = state_find(&w->state, target_name(t), t->name_len);
	t->generation = w->generation;
	return t->id;
}

void
judging_add(struct judging *j, uint32_t id, bool is_int, int64_t t, int64_t m,
    uint8_t scale)
{
	struct batch *b = &j->in->batch;

	if (!j->to_pages) {
		if (j->w->state.log_clock_ns == 0) {
			batch_add_clock(b, j->now_ns);
			j->w->state.log_clock_ns = j->now_ns;
		}
		if (is_int)
			batch_add_int(b, id, t, m);
		else
			batch_add_dec(b, id, t, m, scale);
	}
	if (j->keep != NULL)
		chunk_add(j->keep, id, t, m, is_int ? CHUNK_INT : scale);
}

/*
 * Whether nothing has to be decided about a sample: it is newer than its
 * metric's last one, not too far ahead, and of that very type.
 */
static inline bool
is_plain(const struct judging *j, const struct pending *p,
    const struct metric *mt)
{
	const uint8_t now = mt->flags;
	struct dec d = { p->m, p->scale };

	if (!(now & METRIC_HAS_LAST) || j->collected ||
	    (now & (METRIC_UNSYNCED | METRIC_SAID)) == METRIC_UNSYNCED)
		return false;
	if (!(p->flags & PENDING_HAS_TIME) || p->t <= mt->last_t ||
	    p->t > j->latest_ns)
		return false;
	switch (mt->type) {
	case NTDB_INT32:
		return p->kind == PENDING_INT && fits_int32(p->m);
	case NTDB_FLOAT32:
		return p->kind == PENDING_FLOAT && dec_fits_f32(d);
	case NTDB_FLOAT64:
		return p->kind == PENDING_FLOAT;
	default:
		return p->kind == PENDING_INT;
	}
}

/* Store a sample that is plain. */
static inline void
store_plain(struct judging *j, struct pending *p, uint32_t id,
    struct metric *mt)
{
	judging_add(j, id, p->kind == PENDING_INT, p->t, p->m, p->scale);
	metric_set_last(mt, p->t, p->m, p->scale);
	p->verdict = VERDICT_STORED;
	j->stored++;
}

int
judge_all(struct judging *j, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	struct target *t;
	struct metric *mt;
	uint32_t i, id;
	int r;

	for (i = j->from; i < j->to; i++) {
		struct pending *p = &in->pending[i];

		if (!ingest_is_of(in, p, j->db))
			continue;
		t = &in->targets.at[p->target];
		if ((id = target_id(t, j->w)) != 0) {
			mt = &j->w->state.metrics[id];
			if (is_plain(j, p, mt)) {
				store_plain(j, p, id, mt);
				continue;
			}
		}
		p->verdict = VERDICT_NONE;
		if ((r = judge(j, i, err)) != 0)
			return r;
		if (in->opt.strict && p->verdict == VERDICT_REFUSED)
			break;
	}
	return 0;
}
