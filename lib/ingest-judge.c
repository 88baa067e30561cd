/*
 * What becomes of a sample: stored, a duplicate, or refused, and why.
 */
#include <math.h>

#include "bytes.h"
#include "cursor.h"
#include "error.h"
#include "ingest.h"

#define INT64_SPAN 9223372036854775808.0	/* 2^63 */

/* A sample in the class of its metric. */
struct candidate {
	int64_t	m;
	uint8_t	scale;
	uint8_t	type;		/* that the metric has, or is to have */
};

static int
refuse(struct pending *p, enum ntdb_refusal why, const char *reason)
{
	p->verdict = VERDICT_REFUSED;
	p->why = (uint8_t)why;
	p->u.reason = reason;
	return 0;
}

/* ----------------------------------------------------------------- type */

static const char *
type_mismatch(int type)
{
	switch (type) {
	case NTDB_INT32:
		return "type mismatch: metric is int32 "
		    "(see integers = float in manifest.ini)";
	case NTDB_INT64:
		return "type mismatch: metric is int64 "
		    "(see integers = float in manifest.ini)";
	case NTDB_FLOAT32:
		return "type mismatch: metric is float32";
	default:
		return "type mismatch: metric is float64";
	}
}

/*
 * An integer as a decimal, of the nearest double; false if that is not exactly
 * that integer.
 */
static bool
integer_to_dec(int64_t v, struct dec *d)
{
	double f = (double)v;

	d->m = v;
	d->scale = 0;
	if (v <= DEC_M_MAX && v >= -DEC_M_MAX)
		return true;
	*d = dec_from_f64(f);
	return f < INT64_SPAN && (int64_t)f == v;
}

/*
 * The float type that holds d.  A metric that must not widen rounds it; NULL
 * or what is wrong with that.
 */
static const char *
float_type(const struct manifest *mf, uint8_t *type, struct dec *d)
{
	struct dec rounded;
	double f;

	if (*type == NTDB_FLOAT64 || dec_fits_f32(*d))
		return NULL;
	if (mf->widen) {
		*type = NTDB_FLOAT64;
		return NULL;
	}
	rounded = dec_round_f32(*d);
	f = dec_to_f64(rounded.m, rounded.scale);
	if (f == HUGE_VAL || f == -HUGE_VAL || f == 0.0)
		return "number does not fit float32 "
		    "(see widen in manifest.ini)";
	*d = rounded;
	return NULL;
}

static const char *
judge_integer(const struct manifest *mf, const struct pending *p,
    uint8_t type, struct candidate *c)
{
	c->m = p->m;
	c->scale = 0;
	c->type = type;
	if (type == NTDB_INT64 || fits_int32(p->m))
		return NULL;
	if (!mf->widen)
		return "integer does not fit int32 "
		    "(see widen in manifest.ini)";
	c->type = NTDB_INT64;
	return NULL;
}

static const char *
judge_float(const struct manifest *mf, const struct pending *p, uint8_t type,
    struct candidate *c)
{
	struct dec d = { p->m, p->scale };
	const char *reason;

	if (p->kind == PENDING_INT) {
		if ((p->flags & (PENDING_SUFFIXED | PENDING_TYPED)) &&
		    !(p->flags & PENDING_DERIVED))
			return type_mismatch(type);
		if (!integer_to_dec(p->m, &d) &&
		    !(p->flags & PENDING_DERIVED))
			return "integer is not exact as a float";
	}
	c->type = type;
	if ((reason = float_type(mf, &c->type, &d)) != NULL)
		return reason;
	c->m = d.m;
	c->scale = d.scale;
	return NULL;
}

/* The type that a metric's first sample gives it. */
static const char *
judge_first(const struct manifest *mf, const struct pending *p,
    struct candidate *c)
{
	if (p->kind == PENDING_INT && (!mf->integers_float ||
	    (p->flags & (PENDING_SUFFIXED | PENDING_TYPED))))
		return judge_integer(mf, p, NTDB_INT32, c);
	return judge_float(mf, p, NTDB_FLOAT32, c);
}

/* ----------------------------------------------- from integers to floats */

static bool
beyond_double(int64_t m)
{
	return m > DEC_M_MAX || m < -DEC_M_MAX;
}

/* Whether an integer of a metric is beyond what a double holds exactly. */
static int
has_large_integer(const struct judging *j, uint32_t id, bool *large,
    struct ntdb_error *err)
{
	struct snapshot view;
	struct block b;
	struct scan *sc;
	uint32_t i;
	size_t k;
	int r;

	*large = false;
	for (i = j->from; i < j->to; i++) {
		const struct pending *p = &j->in->pending[i];

		if (p->verdict == VERDICT_STORED && p->kind == PENDING_INT &&
		    beyond_double(p->m))
			*large = true;
	}
	if (*large || j->rehearsal)
		return 0;
	writer_view(j->w, &view);
	r = scan_open(&sc, &view, &id, 1, INT64_MIN, INT64_MAX, err);
	if (r != 0)
		return r;
	if ((r = scan_next_metric(sc, &id, err)) == 0)
		while (!*large && (r = scan_next_block(sc, &b, err)) == 0)
			for (k = 0; k < b.n; k++)
				*large |= beyond_double(b.m[k]);
	scan_close(sc);
	return r == NTDB_END ? 0 : r;
}

/* A float for a metric of integers. */
static int
judge_conversion(struct judging *j, struct pending *p, uint32_t id,
    uint8_t type, struct candidate *c, const char **reason,
    struct ntdb_error *err)
{
	bool large = false;
	int r = 0;

	*reason = type_mismatch(type);
	if (!j->w->manifest.integers_float && !(p->flags & PENDING_DERIVED))
		return 0;
	if (type == NTDB_INT64 && !(p->flags & PENDING_DERIVED))
		r = has_large_integer(j, id, &large, err);
	if (r != 0)
		return r;
	if (large) {
		*reason = "type mismatch: metric is int64 and has integers "
		    "that no float holds";
		return 0;
	}
	*reason = judge_float(&j->w->manifest, p, NTDB_FLOAT64, c);
	return 0;
}

static int
judge_type(struct judging *j, struct pending *p, uint32_t id,
    const struct metric *mt, struct candidate *c, const char **reason,
    struct ntdb_error *err)
{
	const struct manifest *mf = &j->w->manifest;

	if (mt == NULL)
		*reason = judge_first(mf, p, c);
	else if (!ntdb_type_is_int(mt->type))
		*reason = judge_float(mf, p, mt->type, c);
	else if (p->kind == PENDING_INT)
		*reason = judge_integer(mf, p, mt->type, c);
	else
		return judge_conversion(j, p, id, mt->type, c, reason, err);
	return 0;
}

/* ----------------------------------------------------------------- time */

/* What is wrong with the sample's time by the clock, or NULL. */
static const char *
judge_clock(const struct judging *j, const struct pending *p,
    enum ntdb_refusal *why)
{
	if (!(p->flags & PENDING_HAS_TIME)) {
		*why = NTDB_REFUSE_CLOCK;
		return j->clock_set ? NULL :
		    "no time given, and the clock is not set";
	}
	*why = NTDB_REFUSE_FUTURE;
	if (p->t <= j->latest_ns)
		return NULL;
	return "sample is too far ahead of the clock "
	    "(see max_future in manifest.ini)";
}

uint64_t
value_bits(bool is_int, int64_t m, uint8_t scale)
{
	double f;

	if (is_int)
		return (uint64_t)m;
	f = dec_to_f64(m, scale);
	return f != f ? UINT64_C(0x7ff8000000000000) : f64_bits(f);
}

uint64_t
pending_bits(const struct judging *j, const struct pending *p,
    const struct metric *mt)
{
	bool is_int = ntdb_type_is_int(mt->type);
	struct candidate c = { p->m, p->scale, mt->type };

	if (!is_int)
		judge_float(&j->w->manifest, p, mt->type, &c);
	return value_bits(is_int, c.m, c.scale);
}

/*
 * A candidate's value in the class that its metric has now, as bits to
 * compare.  false: it has none, being a fraction in a metric of integers.
 */
static bool
candidate_bits(const struct candidate *c, const struct metric *mt,
    uint64_t *bits)
{
	bool is_int = ntdb_type_is_int(mt->type);
	double f;

	if (!is_int || ntdb_type_is_int(c->type)) {
		*bits = value_bits(is_int, c->m, c->scale);
		return true;
	}
	f = dec_to_f64(c->m, c->scale);
	if (!(f >= -INT64_SPAN && f < INT64_SPAN) || (f == 0 && signbit(f)))
		return false;
	*bits = (uint64_t)(int64_t)f;
	return !(f < (double)(int64_t)f) && !(f > (double)(int64_t)f);
}

/*
 * A sample that is not newer than its metric's last one: stored already,
 * at the same time as the last, or late.  That it equals the last one does
 * not say that it is stored: the file that it was in may have been removed.
 */
static int
judge_order(struct judging *j, uint32_t i, const struct metric *mt,
    const struct candidate *c, struct ntdb_error *err)
{
	struct pending *p = &j->in->pending[i];
	bool same_class;
	uint64_t bits;
	int r;

	same_class = candidate_bits(c, mt, &bits);
	if (!j->collected) {
		if ((r = collect_suspects(j, i, err)) != 0)
			return r;
		j->collected = true;
	}
	if (same_class && dupset_has(&j->in->seen, dup_key(p->target, mt),
	    p->t, bits)) {
		p->verdict = VERDICT_DUPLICATE;
	} else if (p->t < mt->last_t && !j->w->manifest.late_accept) {
		refuse(p, NTDB_REFUSE_LATE, NULL);
		p->u.last_t = mt->last_t;
	}
	return 0;
}

/* ---------------------------------------------------------------- store */

/* Give a new metric its id, name and type. */
static int
define(struct judging *j, struct target *t, uint8_t type, uint32_t *id,
    struct ntdb_error *err)
{
	const uint8_t fresh = METRIC_UNSYNCED | METRIC_DIRTY;
	struct state *s = &j->w->state;
	int r;

	r = state_define(s, s->max_id + 1, type, target_name(t), t->name_len,
	    fresh, err);
	if (r != 0)
		return r;
	*id = t->id = s->max_id;
	t->generation = j->w->generation;
	return 0;
}

/* Give a metric another type. */
static int
change_type(struct judging *j, uint32_t target, struct metric *mt,
    uint8_t type, struct ntdb_error *err)
{
	uint32_t key = dup_key(target, mt);

	mt->type = type;
	mt->flags |= METRIC_UNSYNCED | METRIC_DIRTY;
	if (j->collected && dup_key(target, mt) != key &&
	    !dupset_add_doubles(&j->in->seen, key, dup_key(target, mt)))
		return err_nomem(err);
	return 0;
}

/* Write what the log must say of a metric before a sample of it. */
static int
announce(struct judging *j, uint32_t target, uint32_t id, struct metric *mt,
    uint8_t type, struct ntdb_error *err)
{
	struct batch *b = &j->in->batch;
	bool changed = mt->type != type;
	int r;

	if (changed && (r = change_type(j, target, mt, type, err)) != 0)
		return r;
	if (j->to_pages)
		return 0;
	if ((mt->flags & METRIC_UNSYNCED) && !(mt->flags & METRIC_SAID)) {
		batch_add_metric(b, id, type, state_name(&j->w->state, mt),
		    mt->name_len);
		mt->flags |= METRIC_SAID;
	} else if (changed) {
		batch_add_type(b, id, type);
	}
	return 0;
}

static int
store(struct judging *j, struct pending *p, uint32_t id, struct metric *mt,
    const struct candidate *c, struct ntdb_error *err)
{
	int r;

	if ((mt->type != c->type || (mt->flags & METRIC_UNSYNCED)) &&
	    (r = announce(j, p->target, id, mt, c->type, err)) != 0)
		return r;
	judging_add(j, id, ntdb_type_is_int(c->type), p->t, c->m, c->scale);
	if (!(mt->flags & METRIC_HAS_LAST) || p->t >= mt->last_t)
		metric_set_last(mt, p->t, c->m, c->scale);
	if (j->collected && (r = suspects_note(j, p, err)) != 0)
		return r;
	p->verdict = VERDICT_STORED;
	j->stored++;
	return 0;
}

/*
 * Samples without a time: when they came in, but behind the metric's last
 * one.
 */
static bool
stamp(const struct judging *j, struct pending *p, const struct metric *mt)
{
	p->t = j->stamp_ns;
	if (mt == NULL || !(mt->flags & METRIC_HAS_LAST) ||
	    mt->last_t < j->stamp_ns)
		return true;
	if (mt->last_t == INT64_MAX)
		return false;
	p->t = mt->last_t + 1;
	return true;
}

int
judge(struct judging *j, uint32_t i, struct ntdb_error *err)
{
	struct pending *p = &j->in->pending[i];
	struct target *t = &j->in->targets.at[p->target];
	uint32_t id = target_id(t, j->w);
	struct metric *mt = id != 0 ? &j->w->state.metrics[id] : NULL;
	struct candidate c = { 0, 0, 0 };
	enum ntdb_refusal why = NTDB_REFUSE_TIME;
	const char *reason = judge_clock(j, p, &why);
	int r;

	if (reason != NULL)
		return refuse(p, why, reason);
	if ((r = judge_type(j, p, id, mt, &c, &reason, err)) != 0)
		return r;
	if (reason != NULL)
		return refuse(p, NTDB_REFUSE_TYPE, reason);
	if (!(p->flags & PENDING_HAS_TIME)) {
		if (!stamp(j, p, mt))
			return refuse(p, NTDB_REFUSE_TIME,
			    "no time is left behind the metric's last one");
	} else if (mt != NULL && (mt->flags & METRIC_HAS_LAST) &&
	    p->t <= mt->last_t) {
		r = judge_order(j, i, mt, &c, err);
		if (r != 0 || p->verdict != VERDICT_NONE)
			return r;
	}
	if (mt == NULL) {
		if (j->w->state.n_named >= j->w->manifest.max_metrics)
			return refuse(p, NTDB_REFUSE_FULL,
			    "database has max_metrics metrics");
		if (!state_has_id(&j->w->state))
			return refuse(p, NTDB_REFUSE_FULL,
			    "no id is left for another metric");
		if ((r = define(j, t, c.type, &id, err)) != 0)
			return r;
		mt = &j->w->state.metrics[id];
	}
	return store(j, p, id, mt, &c, err);
}
