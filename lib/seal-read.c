/*
 * Reading the samples that are to be sealed out of their pages.
 */
#include <stdlib.h>

#include "error.h"
#include "number.h"
#include "scan.h"
#include "seal-impl.h"

int
seal_damaged(struct sealer *s, const struct ntdb_error *why,
    struct ntdb_error *err)
{
	if (why->code != NTDB_ECORRUPT)
		return err_at(err, why->code, why->path, why->offset, "%s",
		    why->text);
	if (s->damage.code == 0)
		s->damage = *why;
	return 0;
}

/* A page whose directory is open, with the groups unpacked so far. */
struct open_page {
	struct page_ref ref;
	struct page_dir dir;
	uint8_t	**groups;	/* owned, dir.n_groups; NULL: not yet */
};

static void
close_page(struct open_page *pg)
{
	uint32_t i;

	for (i = 0; pg->groups != NULL && i < pg->dir.n_groups; i++)
		free(pg->groups[i]);
	free(pg->groups);
	page_dir_release(&pg->dir);
}

static int
open_page(const struct datafile *f, uint64_t offset, struct open_page *pg,
    struct ntdb_error *err)
{
	uint64_t pos = offset;
	int r;

	memset(pg, 0, sizeof(*pg));
	if ((r = datafile_next(f, &pos, f->size, &pg->ref, err)) != 0 ||
	    (r = datafile_dir(f, &pg->ref, &pg->dir, err)) != 0)
		return r;
	pg->groups = calloc((size_t)pg->dir.n_groups + 1,
	    sizeof(pg->groups[0]));
	return pg->groups == NULL ? err_nomem(err) : 0;
}

/* A group, unpacked; NULL if the index is that of none. */
static int
group(const struct datafile *f, struct open_page *pg, uint32_t i,
    const uint8_t **raw, struct ntdb_error *err)
{
	const struct page_group *g;
	uint8_t *room;
	int r;

	*raw = NULL;
	if (i == UINT32_MAX)
		return 0;
	if (pg->groups[i] == NULL) {
		g = &pg->dir.groups[i];
		if ((room = malloc((size_t)g->raw_len + 1)) == NULL)
			return err_nomem(err);
		if ((r = datafile_group(f, &pg->ref, g, room, err)) != 0) {
			free(room);
			return r;
		}
		pg->groups[i] = room;
	}
	*raw = pg->groups[i];
	return 0;
}

/* The class of a metric's samples: what it is now, if that can hold them. */
static bool
becomes_float(const struct sealer *s, const struct page_run *run)
{
	const struct metric *m = state_metric(&s->w->state, run->id);

	return !ntdb_type_is_int(run->type) ||
	    (m != NULL && !ntdb_type_is_int(m->type));
}

int
seal_add_piece(struct seal_slice *sl, uint32_t id, uint8_t type, uint32_t n,
    bool is_float, struct ntdb_error *err)
{
	struct seal_piece *p;
	size_t cap;

	if (sl->n_pieces == sl->pieces_cap) {
		cap = sl->pieces_cap == 0 ? 1024 : 2 * sl->pieces_cap;
		p = realloc(sl->pieces, cap * sizeof(*p));
		if (p == NULL)
			return err_nomem(err);
		sl->pieces = p;
		sl->pieces_cap = cap;
	}
	p = &sl->pieces[sl->n_pieces++];
	p->id = id;
	p->at = sl->n;
	p->n = n;
	p->type = type;
	p->is_float = is_float;
	sl->n += n;
	return 0;
}

/* Where among t[0 .. n) the times of the span begin and end. */
static uint32_t
clip(const int64_t *t, uint32_t n, const struct seal_span *span,
    uint32_t *from)
{
	*from = t[0] < span->first ?
	    times_before(t, n, span->first, false) : 0;
	if (t[n - 1] > span->last)
		n = times_before(t, n, span->last, true);
	return n > *from ? n - *from : 0;
}

/*
 * Samples [at, at + n) of a run, without those outside the span.  A run that
 * cannot be decoded is damage.
 */
static int
take_samples(struct sealer *s, struct open_page *pg,
    const struct page_run *run, uint32_t at, uint32_t n,
    const struct seal_span *span, struct ntdb_error *err)
{
	struct seal_slice *sl = &s->slice;
	struct ntdb_error why = NTDB_ERROR_INIT;
	const bool is_float = becomes_float(s, run);
	const uint8_t *times, *values;
	uint32_t tg, vg, from, i;
	int64_t t[PAGE_RUN_MAX];
	int r;

	page_run_groups(&pg->dir, run, &tg, &vg);
	if (group(&s->f, pg, tg, &times, &why) != 0 ||
	    group(&s->f, pg, vg, &values, &why) != 0)
		return seal_damaged(s, &why, err);
	page_times(&pg->dir, run, times, at, n, t);
	if ((n = clip(t, n, span, &from)) == 0)
		return 0;
	if (n > SLICE_SAMPLES - sl->n)
		return SLICE_FULL;
	memcpy(sl->t + sl->n, t + from, n * sizeof(*t));
	memset(sl->scale + sl->n, 0, n);
	r = page_values(&pg->dir, run, values, at + from, n, sl->m + sl->n,
	    ntdb_type_is_int(run->type) ? NULL : sl->scale + sl->n, &why);
	if (r != 0) {
		err_at(&why, r, s->f.name, (int64_t)pg->ref.offset, "%s",
		    why.text);
		return seal_damaged(s, &why, err);
	}
	if (is_float && ntdb_type_is_int(run->type))
		for (i = sl->n; i < sl->n + n; i++)
			int_to_decimal(&sl->m[i], &sl->scale[i]);
	if (pg->ref.head.epoch > sl->epoch)
		sl->epoch = pg->ref.head.epoch;
	if (s->order->n_edits > 0 &&
	    (n = seal_drop_edited(s, run->id, n)) == 0)
		return 0;
	return seal_add_piece(sl, run->id, run->type, n, is_float, err);
}

/* A run, in parts that are not larger than writers make them. */
static int
take_run(struct sealer *s, struct open_page *pg, const struct page_run *run,
    const struct seal_span *span, bool go_on, struct ntdb_error *err)
{
	uint32_t at, n;
	int r;

	for (at = 0; at < run->n; at += n) {
		n = run->n - at;
		if (n > PAGE_RUN_MAX)
			n = PAGE_RUN_MAX;
		r = take_samples(s, pg, run, at, n, span, err);
		if (r == SLICE_FULL && go_on &&
		    (r = seal_slice_write(s, err)) == 0)
			r = take_samples(s, pg, run, at, n, span, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int
seal_read_page(struct sealer *s, const struct seal_page *page,
    const struct seal_span *span, bool go_on, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct open_page pg;
	uint32_t i;
	int r;

	if (page->edits)
		return seal_read_edits(s, span, go_on, err);
	if ((r = open_page(&s->f, page->offset, &pg, &why)) != 0) {
		r = seal_damaged(s, &why, err);
	} else {
		for (i = 0; r == 0 && i < pg.dir.n_runs; i++) {
			const struct page_run *run = &pg.dir.runs[i];

			if (run->id < span->id_first ||
			    run->id > span->id_last ||
			    run->t_first > span->last ||
			    run->t_last < span->first)
				continue;
			r = take_run(s, &pg, run, span, go_on, err);
		}
	}
	close_page(&pg);
	return r;
}
