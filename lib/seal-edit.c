/*
 * Samples that take the place of others while a file is sealed.
 */
#include "error.h"
#include "number.h"
#include "scan.h"
#include "seal-impl.h"

int
seal_list_edits(struct sealer *s, struct ntdb_error *err)
{
	const struct seal_order *o = s->order;
	struct seal_page p = { .offset = UINT64_MAX, .t_min = INT64_MAX,
	    .t_max = INT64_MIN, .epoch = o->edits_epoch, .edits = true };
	size_t i;

	if (o->n_edits == 0)
		return 0;
	for (i = 0; i < o->n_edits; i++) {
		p.t_min = o->edits[i].t < p.t_min ? o->edits[i].t : p.t_min;
		p.t_max = o->edits[i].t > p.t_max ? o->edits[i].t : p.t_max;
	}
	p.n = o->n_edits < SLICE_SAMPLES ? (uint32_t)o->n_edits :
	    SLICE_SAMPLES;
	return seal_add_page(s, &p, err);
}

/* The first edit that is not before (id, t). */
static size_t
find_edit(const struct seal_order *o, uint32_t id, int64_t t)
{
	size_t lo = 0, hi = o->n_edits, mid;

	while (lo < hi) {
		const struct seal_edit *e;

		mid = lo + (hi - lo) / 2;
		e = &o->edits[mid];
		if (e->id < id || (e->id == id && e->t < t))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t
seal_drop_edited(struct sealer *s, uint32_t id, uint32_t n)
{
	const struct seal_order *o = s->order;
	struct seal_slice *sl = &s->slice;
	uint32_t i, at, to = sl->n;
	size_t e = find_edit(o, id, sl->t[sl->n]);

	for (i = 0; i < n; i++) {
		at = sl->n + i;
		while (e < o->n_edits && o->edits[e].id == id &&
		    o->edits[e].t < sl->t[at])
			e++;
		if (e < o->n_edits && o->edits[e].id == id &&
		    o->edits[e].t == sl->t[at]) {
			o->edits[e].found = true;
			continue;
		}
		sl->t[to] = sl->t[at];
		sl->m[to] = sl->m[at];
		sl->scale[to++] = sl->scale[at];
	}
	return to - sl->n;
}

/*
 * Whether an edit is in the file in the end.  Samples that are there are read
 * before edits are, so that it is known by now if one was found.
 */
static bool
is_stored(const struct seal_edit *e)
{
	return e->how == EDIT_PUT || (e->how == EDIT_IF_FOUND && e->found);
}

bool
seal_edits_matter(const struct sealer *s)
{
	const struct seal_order *o = s->order;
	size_t i;

	for (i = 0; i < o->n_edits; i++)
		if (o->edits[i].how == EDIT_PUT || o->edits[i].found)
			return true;
	return false;
}

bool
seal_edits_drop(const struct sealer *s)
{
	const struct seal_order *o = s->order;
	size_t i;

	for (i = 0; i < o->n_edits; i++)
		if (o->edits[i].how == EDIT_DROP)
			return true;
	return false;
}

bool
seal_edits_last(const struct sealer *s)
{
	const struct seal_order *o = s->order;
	const struct metric *m;
	size_t i;

	for (i = 0; i < o->n_edits; i++) {
		m = state_metric(&s->w->state, o->edits[i].id);
		if (m != NULL && (m->flags & METRIC_HAS_LAST) &&
		    o->edits[i].t >= m->last_t)
			return true;
	}
	return false;
}

void
seal_edits_account(struct sealer *s)
{
	const struct seal_order *o = s->order;
	size_t i;

	for (i = 0; i < o->n_edits; i++) {
		const struct seal_edit *e = &o->edits[i];
		const struct metric *m = state_metric(&s->w->state, e->id);
		uint8_t scale = e->scale;
		int64_t value = e->m;

		if (m == NULL || !is_stored(e))
			continue;
		if (e->is_int && !ntdb_type_is_int(m->type))
			int_to_decimal(&value, &scale);
		state_sample(&s->w->state, e->id, e->t, value, scale);
	}
}

static int
add_edit(struct sealer *s, const struct seal_edit *e,
    struct ntdb_error *err)
{
	const struct metric *m = state_metric(&s->w->state, e->id);
	struct seal_slice *sl = &s->slice;
	const uint8_t type = m != NULL ? m->type :
	    e->is_int ? NTDB_INT64 : NTDB_FLOAT64;
	const bool is_float = !ntdb_type_is_int(type);

	sl->t[sl->n] = e->t;
	sl->m[sl->n] = e->m;
	sl->scale[sl->n] = e->scale;
	if (is_float && e->is_int)
		int_to_decimal(&sl->m[sl->n], &sl->scale[sl->n]);
	if (s->order->edits_epoch > sl->epoch)
		sl->epoch = s->order->edits_epoch;
	return seal_add_piece(sl, e->id, type, 1, is_float, err);
}

int
seal_read_edits(struct sealer *s, const struct seal_span *span, bool go_on,
    struct ntdb_error *err)
{
	const struct seal_order *o = s->order;
	size_t i;
	int r;

	for (i = find_edit(o, span->id_first, INT64_MIN); i < o->n_edits &&
	    o->edits[i].id <= span->id_last; i++) {
		if (!is_stored(&o->edits[i]) || o->edits[i].t < span->first ||
		    o->edits[i].t > span->last)
			continue;
		if (s->slice.n == SLICE_SAMPLES) {
			if (!go_on)
				return SLICE_FULL;
			if ((r = seal_slice_write(s, err)) != 0)
				return r;
		}
		if ((r = add_edit(s, &o->edits[i], err)) != 0)
			return r;
	}
	return 0;
}
