/*
 * Columns and timelines of a page, each stored once.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "page-packer.h"

#define LOOKS 8			/* elements of a chain that are looked at */
#define NONE UINT32_MAX

int
page_resize(void *array, size_t n, size_t size, struct ntdb_error *err)
{
	void *old, *p;

	memcpy(&old, array, sizeof(old));
	if (n > SIZE_MAX / size || (p = realloc(old, n * size)) == NULL)
		return err_nomem(err);
	memcpy(array, &p, sizeof(p));
	return 0;
}

void
page_forget_all(struct page_packer *pk)
{
	memset(pk->timelines.head, 0xff, sizeof(pk->timelines.head));
	memset(pk->columns.head, 0xff, sizeof(pk->columns.head));
}

uint64_t *
page_residual_room(struct page_packer *pk, size_t n,
    struct ntdb_error *err)
{
	size_t room = pk->r_room;

	if (room - pk->n_r < n) {
		while (room - pk->n_r < n)
			room = room == 0 ? 2 * PAGE_RUN_MAX : 2 * room;
		if (page_resize(&pk->r, room, sizeof(*pk->r), err) != 0)
			return NULL;
		pk->r_room = room;
	}
	return pk->r + pk->n_r;
}

/* A slot from the number of values and a few of them (multiplicative). */
static uint32_t
slot_of(const uint64_t *v, uint32_t n)
{
	uint64_t h = n;
	uint32_t i;

	for (i = 0; i < 8; i++)
		h = (h ^ v[(uint64_t)(n - 1) * i / 7]) * 0x9e3779b97f4a7c15;
	return (uint32_t)(h >> 32) % FINDER_SLOTS;
}

static void
remember(struct finder *f, uint32_t slot, uint32_t i)
{
	f->next[i] = f->head[slot];
	f->head[slot] = i;
}

uint32_t
page_add_column(struct page_packer *pk, uint32_t n, uint8_t width)
{
	const uint64_t *r = pk->r + pk->n_r;
	struct page_dir *d = &pk->dir;
	uint32_t slot, i, looks;

	if (width == 0)
		return PAGE_NO_COLUMN;
	slot = slot_of(r, n);
	i = pk->columns.head[slot];
	for (looks = 0; i != NONE && looks < LOOKS; looks++) {
		if (d->columns[i].n == n && d->columns[i].width == width &&
		    memcmp(pk->r + pk->start[i], r, n * sizeof(*r)) == 0)
			return i;
		i = pk->columns.next[i];
	}
	i = d->n_columns++;
	d->columns[i].n = n;
	d->columns[i].width = width;
	pk->start[i] = pk->n_r;
	pk->n_r += n;
	remember(&pk->columns, slot, i);
	return i;
}

int
page_add_timeline(struct page_packer *pk, const int64_t *t, uint32_t n,
    uint32_t *index, struct ntdb_error *err)
{
	struct page_dir *d = &pk->dir;
	struct page_timeline *tl;
	struct column_times f;
	uint32_t slot = slot_of((const uint64_t *)t, n), i, looks;
	uint64_t *r;

	i = pk->timelines.head[slot];
	for (looks = 0; i != NONE && looks < LOOKS; looks++) {
		if (d->timelines[i].n == n && (pk->times[i] == t ||
		    memcmp(pk->times[i], t, n * sizeof(*t)) == 0)) {
			*index = i;
			return 0;
		}
		i = pk->timelines.next[i];
	}
	if ((r = page_residual_room(pk, n, err)) == NULL)
		return NTDB_ESYS;
	column_times_fit(t, n, &f, r);
	i = d->n_timelines++;
	pk->times[i] = t;
	remember(&pk->timelines, slot, i);
	tl = &d->timelines[i];
	tl->n = n;
	tl->first = f.first;
	tl->last = t[n - 1];
	tl->step = f.step;
	tl->usual = f.usual;
	tl->rest = f.rest;
	tl->width = f.width;
	if (pk->sealed && f.width > 0)
		tl->width = page_rank(r, n - 1);
	tl->column = page_add_column(pk, n - 1, tl->width);
	*index = i;
	return 0;
}
