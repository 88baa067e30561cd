#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "error.h"
#include "page-reader.h"
#include "planes.h"

/* The fewest bytes that a timeline and a run take in a directory. */
#define TIMELINE_LEN_MIN 6
#define RUN_LEN_MIN 5

/* Bytes of a group, unpacked. */
static uint64_t
group_raw_len(const struct page_group *g)
{
	return g->bytes > 0 ? (uint64_t)g->n * g->bytes :
	    planes_len(g->n, g->width);
}

/* Give the columns their places: group g holds the next n_columns of them. */
static bool
place_columns(struct page_dir *dir, const uint32_t *sorted)
{
	struct page_group *g;
	struct page_column *c;
	uint32_t next = 0, i, k;

	for (i = 0; i < dir->n_groups; i++) {
		g = &dir->groups[i];
		if (g->n_columns == 0 || g->n_columns > dir->n_columns - next)
			return false;
		for (k = 0; k < g->n_columns; k++) {
			c = &dir->columns[sorted[next++]];
			c->group = i;
			c->at = g->n;
			g->n += c->n;
			g->width = c->width;
			if (group_raw_len(g) > PAGE_GROUP_MAX)
				return false;
		}
		g->raw_len = (uint32_t)group_raw_len(g);
	}
	return next == dir->n_columns;
}

/* Whether the length of a group can be that of what it holds. */
static bool
group_plausible(const struct page_group *g)
{
	enum compress_codec codec = (enum compress_codec)g->codec;

	if (g->precision == 0)
		return compress_plausible(codec, g->len, g->raw_len);
	/* Extra bits may follow the symbols. */
	if (codec == COMPRESS_NONE)
		return g->len >= g->n;
	return codec == COMPRESS_DEFLATE &&
	    compress_plausible(codec, g->len, g->n);
}

/* Codec and layout of a group. */
static bool
unpack_layout(struct page_group *g, uint8_t byte)
{
	unsigned layout = byte / 4;

	g->codec = byte % 4;
	g->bytes = 0;
	g->precision = 0;
	if (layout > 0) {
		g->bytes = (uint8_t)((layout - 1) % PAGE_LAYOUT_BYTES + 1);
		g->precision = (uint8_t)((layout - 1) / PAGE_LAYOUT_BYTES);
	}
	return g->codec <= COMPRESS_DEFLATE && layout <= PAGE_LAYOUT_MAX;
}

/* Sizes and places of the groups, once n_columns is known of each. */
static int
check_groups(const struct page_head *h, struct dir_walk *w,
    struct ntdb_error *err)
{
	uint64_t offset = (uint64_t)h->head_len + h->dir_len;
	struct page_dir *dir = w->dir;
	struct page_group *g, *end = dir->groups + dir->n_groups;

	page_sort_columns(dir->columns, dir->n_columns, w->sorted);
	if (!place_columns(dir, w->sorted))
		return page_dir_bad(err, "groups");
	for (g = dir->groups; g < end; g++) {
		if (!group_plausible(g))
			return page_dir_bad(err, "length of a group");
		g->offset = offset;
		offset += g->len;
	}
	return offset == h->len ? 0 : page_dir_bad(err, "length of a page");
}

static int
unpack_groups(const struct page_head *h, struct dir_walk *w,
    struct ntdb_error *err)
{
	struct page_group *g, *first = w->dir->groups;
	struct page_group *end = first + w->dir->n_groups;
	struct reader *in = &w->in;
	bool known = true;
	const uint8_t *p;

	for (g = first; g < end; g++)
		g->n_columns = take_u32(in);
	for (g = first; g < end; g++)
		g->len = take_u32(in);
	for (g = first; g < end; g++)
		known &= unpack_layout(g, take_u8(in));
	for (g = first; g < end; g++) {
		p = take(in, 4);
		g->crc = p == NULL ? 0 : get_u32(p);
	}
	if (in->bad || in->p != in->end)
		return page_dir_bad(err, "length");
	if (!known)
		return page_dir_newer(err, "compression");
	return check_groups(h, w, err);
}

/* The counts at the beginning, held against the bytes that are there. */
static int
unpack_sizes(const struct page_head *h, struct dir_walk *w,
    struct ntdb_error *err)
{
	struct page_dir *dir = w->dir;
	struct reader *in = &w->in;
	uint64_t features = take_varint(in);
	size_t left = (size_t)(in->end - in->p);

	if (features != 0)
		return page_dir_newer(err, "features");
	dir->n_timelines = take_u32(in);
	dir->n_columns = take_u32(in);
	w->n_runs = h->n_runs;
	dir->n_groups = h->n_groups;
	if (in->bad || w->n_runs > left / RUN_LEN_MIN ||
	    dir->n_timelines > left / TIMELINE_LEN_MIN ||
	    dir->n_timelines > w->n_runs || dir->n_groups > left ||
	    dir->n_columns > dir->n_timelines + w->n_runs)
		return page_dir_bad(err, "counts");
	return 0;
}

/* Room for all but what runs have, in one piece. */
static int
make_room(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_dir *dir = w->dir;
	const size_t n = w->n_runs;
	size_t len;
	uint8_t *p;

	len = dir->n_timelines * sizeof(*dir->timelines) +
	    dir->n_groups * sizeof(*dir->groups) +
	    dir->n_columns * sizeof(*dir->columns);
	/* NOLINTNEXTLINE(*UnixAPI): a page has a run, so this is not 0 */
	p = malloc(len + dir->n_columns * sizeof(*w->sorted) +
	    n * (sizeof(*w->pick) + sizeof(*w->n) + sizeof(*w->n_exc) +
	    sizeof(*w->has) + sizeof(*w->width)));
	if (p == NULL)
		return err_nomem(err);
	memset(p, 0, len);
	dir->timelines = (struct page_timeline *)(void *)p;
	dir->groups = (struct page_group *)(dir->timelines +
	    dir->n_timelines);
	dir->columns = (struct page_column *)(dir->groups + dir->n_groups);
	w->sorted = (uint32_t *)(dir->columns + dir->n_columns);
	w->pick = w->sorted + dir->n_columns;
	w->n = w->pick + n;
	w->n_exc = w->n + n;
	w->has = (uint16_t *)(w->n_exc + n);
	w->width = (uint8_t *)(w->has + n);
	return 0;
}

static int
unpack_plain(const struct page_head *h, struct dir_walk *w,
    struct ntdb_error *err)
{
	int e;

	if ((e = unpack_sizes(h, w, err)) != 0 ||
	    (e = make_room(w, err)) != 0 ||
	    (e = page_dir_timelines(w, err)) != 0 ||
	    (e = page_dir_runs(w, err)) != 0)
		return e == NTDB_END ? 0 : e;
	if (w->next != w->dir->n_columns)
		return page_dir_bad(err, "number of columns");
	if ((e = page_dir_exceptions(w, err)) != 0 ||
	    (e = page_dir_stats(w, err)) != 0 ||
	    (e = unpack_groups(h, w, err)) != 0)
		return e;
	return w->n_samples == h->n_samples && w->t_min == h->t_min &&
	    w->t_max == h->t_max && w->max_id == h->max_id ? 0 :
	    page_dir_bad(err, "agreement with the header");
}

int
page_dir_unpack(const struct page_head *h, const uint8_t *packed,
    struct page_dir *dir, struct ntdb_error *err)
{
	return page_dir_unpack_some(h, packed, NULL, 0, dir, err);
}

bool
page_dir_plausible(const struct page_head *h)
{
	return compress_plausible((enum compress_codec)h->codec, h->dir_len,
	    h->dir_raw_len);
}

int
page_dir_plain(const struct page_head *h, const uint8_t *packed,
    uint8_t *plain, struct ntdb_error *err)
{
	enum compress_codec codec = (enum compress_codec)h->codec;

	if (checksum(packed, h->dir_len) != h->dir_crc) {
		page_dir_bad(err, "checksum");
		return NTDB_ECORRUPT;
	}
	return compress_unpack(codec, packed, h->dir_len, plain,
	    h->dir_raw_len, err);
}

int
page_dir_walk(const struct page_head *h, const uint8_t *plain,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err)
{
	struct dir_walk w;

	memset(dir, 0, sizeof(*dir));
	memset(&w, 0, sizeof(w));
	w.in.p = plain;
	w.in.end = plain + h->dir_raw_len;
	w.dir = dir;
	w.ids = ids;
	w.n_ids = n_ids;
	w.t_base = h->t_min;
	return unpack_plain(h, &w, err);
}

int
page_dir_unpack_some(const struct page_head *h, const uint8_t *packed,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err)
{
	uint8_t *plain;
	int e;

	memset(dir, 0, sizeof(*dir));
	if (!page_dir_plausible(h))
		return page_dir_bad(err, "length");
	plain = malloc(h->dir_raw_len > 0 ? h->dir_raw_len : 1);
	if (plain == NULL)
		return err_nomem(err);
	if ((e = page_dir_plain(h, packed, plain, err)) == 0)
		e = page_dir_walk(h, plain, ids, n_ids, dir, err);
	free(plain);
	return e;
}

void
page_dir_release(struct page_dir *dir)
{
	free(dir->timelines);
	free(dir->runs);
	free(dir->stats);
	memset(dir, 0, sizeof(*dir));
}
