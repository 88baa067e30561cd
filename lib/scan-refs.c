/*
 * References to runs, and the memory that they live in.
 *
 * The arena is a list of blocks, in the order in which they were filled;
 * references stand there as they arrived, and so they do in plan.refs.
 */
#include <stdlib.h>

#include "column.h"
#include "error.h"
#include "planes.h"
#include "scan.h"

#define ARENA_BLOCK (64u << 10)
#define ARENA_HEAD 16
#define ARENA_ROUND 15		/* what stands there is aligned to 16 */

/*
 * A column is short if it has at most so many residuals, in so many bytes, and
 * no statistics that may save reading it.
 */
#define SHORT_LEN 128
#define SHORT_BYTES 128

enum { TIMES, VALUES };

struct arena_block {
	struct arena_block *next;
	uint32_t size;		/* with the head, of ARENA_HEAD bytes */
};

static uint8_t *
arena_at(struct arena_block *b, size_t at)
{
	return (uint8_t *)b + at;
}

/* Memory for a reference, of a rounded length; NULL when memory is out. */
static void *
arena_alloc(struct refs_arena *a, size_t len)
{
	struct arena_block *b = a->last;
	size_t size = ARENA_BLOCK;

	if (b == NULL || len > b->size - a->used) {
		if (len > size - ARENA_HEAD)
			size = len + ARENA_HEAD;
		if (size > UINT32_MAX || (b = malloc(size)) == NULL)
			return NULL;
		b->next = NULL;
		b->size = (uint32_t)size;
		if (a->last != NULL)
			a->last->next = b;
		else
			a->first = b;
		a->last = b;
		a->used = ARENA_HEAD;
	}
	a->used += len;
	a->bytes += len;
	return arena_at(b, a->used - len);
}

/* Free the blocks behind one, or all (NULL). */
static void
arena_cut(struct refs_arena *a, struct arena_block *last)
{
	struct arena_block **end = last != NULL ? &last->next : &a->first, *b;

	while ((b = *end) != NULL) {
		*end = b->next;
		free(b);
	}
	a->last = last;
}

void
refs_clear(struct plan *p)
{
	arena_cut(&p->arena, NULL);
	p->arena.used = p->arena.bytes = 0;
	p->n_refs = 0;
	p->next_seq = 0;
}

static size_t
round_up(size_t len)
{
	return (len + ARENA_ROUND) & ~(size_t)ARENA_ROUND;
}

/* Residuals of the two columns of a reference. */
static uint32_t
column_len(const struct page_run *run, int which)
{
	return which == TIMES ? run->n - 1 : page_run_residuals(run);
}

/* What a column takes behind the reference. */
static size_t
column_bytes(const struct run_ref *ref, int which)
{
	const uint8_t width = which == TIMES ? ref->time_width :
	    ref->run.width;

	if (width == 0)
		return 0;
	if (!(which == TIMES ? ref->time_planes : ref->value_planes))
		return sizeof(struct ref_column);
	return round_up((size_t)planes_len(column_len(&ref->run, which),
	    width));
}

static size_t
ref_len(const struct run_ref *ref)
{
	return round_up(sizeof(*ref) + column_bytes(ref, TIMES) +
	    column_bytes(ref, VALUES) +
	    (ref->run.has_stats ? sizeof(struct page_stats) : 0) +
	    ref->run.n_exc * sizeof(struct page_exception));
}

/* A run that is about to get a reference. */
struct add {
	struct scan *sc;
	const struct datafile *f;
	uint64_t page;
	const struct page_dir *dir;
	uint8_t	planes[2][SHORT_BYTES];
};

/*
 * Take a short column out of its group, into bit planes of *width bits.
 * false: it is not short, or cannot be read; what is damaged is told when the
 * run is decoded.
 */
static bool
take_planes(struct add *add, const struct page_run *run, uint32_t column,
    int which, uint8_t *width)
{
	const uint32_t n = column_len(run, which);
	uint64_t r[SHORT_LEN + PLANES_STEP];
	const struct page_column *c;
	const struct page_group *g;
	struct residuals in;
	const uint8_t *raw;
	uint64_t all = 1;
	uint32_t i;

	if (column == PAGE_NO_COLUMN || n > SHORT_LEN || run->has_stats)
		return false;
	c = &add->dir->columns[column];
	g = &add->dir->groups[c->group];
	pagecache_unpin(add->sc->cache);
	if (pagecache_group(add->sc->cache, add->f, add->page, g, &raw,
	    NULL) != 0)
		return false;
	page_residuals(add->dir, column, raw, &in);
	residuals_read(&in, 0, n, r);
	for (i = 0; i < n; i++)
		all |= r[i];
	if (planes_len(n, column_width(all)) > SHORT_BYTES)
		return false;
	*width = (uint8_t)column_width(all);
	planes_pack(r, n, *width, add->planes[which]);
	return true;
}

/* Write a column behind a reference. */
static uint8_t *
put_column(const struct add *add, const struct run_ref *ref, uint32_t column,
    int which, uint8_t *to)
{
	const size_t len = column_bytes(ref, which);
	const struct page_column *c;
	struct ref_column *full;

	if (len == 0)
		return to;
	c = &add->dir->columns[column];
	if (which == TIMES ? ref->time_planes : ref->value_planes) {
		memcpy(to, add->planes[which],
		    (size_t)planes_len(column_len(&ref->run, which),
		    which == TIMES ? ref->time_width : ref->run.width));
		return to + len;
	}
	full = (struct ref_column *)(void *)to;
	full->column = *c;
	full->group = add->dir->groups[c->group];
	return to + len;
}

/* Copy what it takes to decode a run out of its directory. */
static struct run_ref *
ref_copy(struct add *add, const struct page_run *run)
{
	const struct page_dir *dir = add->dir;
	const struct page_timeline *tl = &dir->timelines[run->timeline];
	struct run_ref ref, *copy;
	uint8_t *more;

	memset(&ref, 0, sizeof(ref));
	ref.run = *run;
	ref.page = add->page;
	ref.t_first = run->t_first;
	ref.end = run->n;
	ref.step = tl->step;
	ref.usual = tl->usual;
	ref.time_width = tl->width;
	ref.time_planes = take_planes(add, run, tl->column, TIMES,
	    &ref.time_width);
	ref.value_planes = take_planes(add, run, run->column, VALUES,
	    &ref.run.width);
	copy = arena_alloc(&add->sc->plan.arena, ref_len(&ref));
	if (copy == NULL)
		return NULL;
	*copy = ref;
	more = (uint8_t *)(copy + 1);
	more = put_column(add, copy, tl->column, TIMES, more);
	more = put_column(add, copy, run->column, VALUES, more);
	if (run->has_stats) {
		memcpy(more, &dir->stats[run->stats],
		    sizeof(struct page_stats));
		more += sizeof(struct page_stats);
	}
	if (run->n_exc > 0)
		memcpy(more, dir->exceptions + run->exc_at,
		    run->n_exc * sizeof(struct page_exception));
	return copy;
}

const struct page_stats *
ref_stats(const struct run_ref *ref)
{
	const uint8_t *more = (const uint8_t *)(ref + 1);

	if (!ref->run.has_stats)
		return NULL;
	more += column_bytes(ref, TIMES) + column_bytes(ref, VALUES);
	return (const struct page_stats *)(const void *)more;
}

/* Fill in one column of a view; its bytes are given.  Its number. */
static uint32_t
view_column(struct ref_view *v, const struct run_ref *ref, int which,
    const uint8_t *at)
{
	const bool is_short = which == TIMES ? ref->time_planes :
	    ref->value_planes;
	struct page_column *c = &v->columns[which];

	if (column_bytes(ref, which) == 0)
		return PAGE_NO_COLUMN;
	if (is_short) {
		c->width = which == TIMES ? ref->time_width : ref->run.width;
		c->n = v->groups[which].n = column_len(&ref->run, which);
		v->planes[which] = at;
	} else {
		const struct ref_column *full =
		    (const struct ref_column *)(const void *)at;

		*c = full->column;
		v->groups[which] = full->group;
	}
	c->group = (uint32_t)which;
	return (uint32_t)which;
}

void
ref_view(struct run_ref *ref, struct ref_view *v)
{
	uint8_t *more = (uint8_t *)(ref + 1);

	memset(v, 0, sizeof(*v));
	v->run = ref->run;
	v->timeline.n = ref->run.n;
	v->timeline.first = ref->run.t_first;
	v->timeline.last = ref->run.t_last;
	v->timeline.step = ref->step;
	v->timeline.usual = ref->usual;
	v->timeline.width = ref->time_width;
	v->timeline.column = view_column(v, ref, TIMES, more);
	more += column_bytes(ref, TIMES);
	v->run.column = view_column(v, ref, VALUES, more);
	more += column_bytes(ref, VALUES);
	if (ref->run.has_stats)
		more += sizeof(struct page_stats);
	v->run.timeline = 0;
	v->run.exc_at = 0;
	v->dir.timelines = &v->timeline;
	v->dir.columns = v->columns;
	v->dir.groups = v->groups;
	v->dir.exceptions = (struct page_exception *)(void *)more;
}

int
refs_add(struct scan *sc, const struct datafile *f, uint64_t page,
    const struct page_dir *dir, const struct page_run *run,
    struct run_ref **out, struct ntdb_error *err)
{
	struct add add;
	struct plan *p = &sc->plan;
	struct run_ref **refs;
	size_t cap;

	if (p->n_refs == p->cap_refs) {
		cap = p->cap_refs == 0 ? 64 : p->cap_refs * 2;
		refs = realloc(p->refs, cap * sizeof(struct run_ref *));
		if (refs == NULL)
			return err_nomem(err);
		p->refs = refs;
		p->cap_refs = cap;
	}
	add.sc = sc;
	add.f = f;
	add.page = page;
	add.dir = dir;
	if ((*out = ref_copy(&add, run)) == NULL)
		return err_nomem(err);
	(*out)->seq = p->next_seq++;
	p->refs[p->n_refs++] = *out;
	return 0;
}

/*
 * What is kept moves towards the first block, where there is room for it
 * before it comes to the place where it was.
 */
void
refs_keep(struct plan *p, uint32_t n_metrics)
{
	struct refs_arena *a = &p->arena;
	struct arena_block *b = a->first;
	size_t i, n = 0, used = ARENA_HEAD, len;
	struct run_ref *ref;

	a->bytes = 0;
	for (i = 0; i < p->n_refs; i++) {
		ref = p->refs[i];
		if (ref->metric >= n_metrics)
			continue;
		len = ref_len(ref);
		while (len > b->size - used) {
			b = b->next;
			used = ARENA_HEAD;
		}
		p->refs[n++] = memmove(arena_at(b, used), ref, len);
		used += len;
		a->bytes += len;
	}
	p->n_refs = n;
	if (b != NULL) {
		arena_cut(a, b);
		a->used = used;
	}
}
