/*
 * References to runs, and the memory that they live in.
 *
 * The arena is a list of blocks, in the order in which they were filled;
 * references stand there as they arrived, and so they do in plan.refs.
 */
#include <stdlib.h>

#include "error.h"
#include "scan.h"

#define ARENA_BLOCK (64u << 10)
#define ARENA_HEAD 16
#define ARENA_ROUND 15		/* what stands there is aligned to 16 */

struct arena_block {
	struct arena_block *next;
	uint32_t size;		/* with the head, of ARENA_HEAD bytes */
};

static uint8_t *
arena_at(struct arena_block *b, size_t at)
{
	return (uint8_t *)b + at;
}

/* Memory for a reference; NULL when memory is out. */
static void *
arena_alloc(struct refs_arena *a, size_t len)
{
	struct arena_block *b = a->last;
	size_t size = ARENA_BLOCK;

	len = (len + ARENA_ROUND) & ~(size_t)ARENA_ROUND;
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

/* What follows a reference: two columns, statistics, exceptions. */
static size_t
ref_len(const struct page_run *run, unsigned n_columns)
{
	return sizeof(struct run_ref) +
	    n_columns * sizeof(struct ref_column) +
	    (run->has_stats ? sizeof(struct page_stats) : 0) +
	    run->n_exc * sizeof(struct page_exception);
}

static uint8_t *
add_column(const struct page_dir *dir, uint32_t column, uint8_t *to)
{
	struct ref_column *c = (struct ref_column *)(void *)to;

	c->column = dir->columns[column];
	c->group = dir->groups[c->column.group];
	return to + sizeof(*c);
}

/* Copy what it takes to decode a run out of its directory. */
static struct run_ref *
ref_copy(struct plan *p, const struct page_dir *dir,
    const struct page_run *run)
{
	const struct page_timeline *tl = &dir->timelines[run->timeline];
	unsigned n = (tl->column != PAGE_NO_COLUMN ? 1u : 0) +
	    (run->column != PAGE_NO_COLUMN ? 1u : 0);
	struct run_ref *ref = arena_alloc(&p->arena, ref_len(run, n));
	uint8_t *more;

	if (ref == NULL)
		return NULL;
	memset(ref, 0, sizeof(*ref));
	ref->run = *run;
	ref->t_first = run->t_first;
	ref->end = run->n;
	ref->step = tl->step;
	ref->usual = tl->usual;
	ref->time_width = tl->width;
	ref->n_columns = (uint8_t)n;
	more = (uint8_t *)(ref + 1);
	if (tl->column != PAGE_NO_COLUMN)
		more = add_column(dir, tl->column, more);
	if (run->column != PAGE_NO_COLUMN)
		more = add_column(dir, run->column, more);
	if (run->has_stats) {
		memcpy(more, &dir->stats[run->stats],
		    sizeof(struct page_stats));
		more += sizeof(struct page_stats);
	}
	if (run->n_exc > 0)
		memcpy(more, dir->exceptions + run->exc_at,
		    run->n_exc * sizeof(struct page_exception));
	return ref;
}

const struct page_stats *
ref_stats(const struct run_ref *ref)
{
	const uint8_t *more = (const uint8_t *)(ref + 1);

	if (!ref->run.has_stats)
		return NULL;
	more += ref->n_columns * sizeof(struct ref_column);
	return (const struct page_stats *)(const void *)more;
}

void
ref_view(struct run_ref *ref, struct ref_view *v)
{
	struct ref_column *c = (struct ref_column *)(void *)(ref + 1);
	uint8_t *more = (uint8_t *)(c + ref->n_columns);

	memset(v, 0, sizeof(*v));
	v->run = ref->run;
	v->timeline.n = ref->run.n;
	v->timeline.first = ref->run.t_first;
	v->timeline.last = ref->run.t_last;
	v->timeline.step = ref->step;
	v->timeline.usual = ref->usual;
	v->timeline.width = ref->time_width;
	v->timeline.column = PAGE_NO_COLUMN;
	if (ref->time_width > 0) {
		v->columns[0] = c->column;
		v->columns[0].group = 0;
		v->groups[0] = (c++)->group;
		v->timeline.column = 0;
	}
	if (ref->run.column != PAGE_NO_COLUMN) {
		v->columns[1] = c->column;
		v->columns[1].group = 1;
		v->groups[1] = c->group;
		v->run.column = 1;
	}
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
refs_add(struct plan *p, const struct page_dir *dir,
    const struct page_run *run, struct run_ref **out, struct ntdb_error *err)
{
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
	if ((*out = ref_copy(p, dir, run)) == NULL)
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
		len = ref_len(&ref->run, ref->n_columns);
		len = (len + ARENA_ROUND) & ~(size_t)ARENA_ROUND;
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
