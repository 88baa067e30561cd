#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "error.h"
#include "page-reader.h"
#include "planes.h"

/* The fewest bytes that a timeline and a run take in a directory. */
#define TIMELINE_LEN_MIN 6
#define RUN_LEN_MIN 5

/* An array of n elements, counted in dir->bytes. */
static int
make(struct page_dir *dir, void *array, size_t n, size_t size,
    struct ntdb_error *err)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		return err_nomem(err);
	memcpy(array, &p, sizeof(p));
	dir->bytes += n * size;
	return 0;
}

/* A statistic that is the value of a sample. */
static union ntdb_value
take_value(const struct page_run *r, struct reader *in)
{
	union ntdb_value v;

	if (!page_stats_near(r)) {
		v.f = take_double(in);
		return v;
	}
	v.i = sum_mod(r->base, take_signed(in));
	if (!ntdb_type_is_int(r->type))
		v.f = dec_to_f64(v.i, r->scale);
	return v;
}

static void
take_sum(const struct page_run *r, struct reader *in, struct page_stats *st)
{
	if (ntdb_type_is_int(r->type)) {
		uint8_t wide = take_u8(in);

		in->bad |= wide > 1;
		st->sum_exact = wide == 0;
	}
	if (st->sum_exact) {
		st->sum.i = take_signed(in);
	} else {
		st->sum.f = take_double(in);
		st->sum_lo = take_short_double(in);
	}
}

static int
unpack_stats(struct page_dir *dir, struct reader *in, struct ntdb_error *err)
{
	struct page_run *r, *end = dir->runs + dir->n_runs;
	struct page_stats *st;

	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			dir->stats[r->stats].min = take_value(r, in);
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			dir->stats[r->stats].max = take_value(r, in);
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			dir->stats[r->stats].first = take_value(r, in);
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			dir->stats[r->stats].last = take_value(r, in);
	for (r = dir->runs; r < end; r++) {
		if (!r->has_stats || page_stats_near(r))
			continue;
		st = &dir->stats[r->stats];
		if ((st->n_nan = take_u32(in)) > r->n)
			return page_dir_bad(err, "count of NaNs");
	}
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			take_sum(r, in, &dir->stats[r->stats]);
	return in->bad ? page_dir_bad(err, "statistics") : 0;
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
			if (planes_len(g->n, g->width) > PAGE_GROUP_MAX)
				return false;
		}
		g->raw_len = (uint32_t)planes_len(g->n, g->width);
	}
	return next == dir->n_columns;
}

/* Sizes and places of the groups, once n_columns is known of each. */
static int
check_groups(const struct page_head *h, struct page_dir *dir,
    struct ntdb_error *err)
{
	uint64_t offset = (uint64_t)PAGE_HEAD_LEN + h->dir_len;
	struct page_group *g, *end = dir->groups + dir->n_groups;
	uint32_t *sorted = calloc((size_t)dir->n_columns + 1, sizeof(*sorted));
	bool placed;

	if (sorted == NULL)
		return err_nomem(err);
	page_sort_columns(dir->columns, dir->n_columns, sorted);
	placed = place_columns(dir, sorted);
	free(sorted);
	if (!placed)
		return page_dir_bad(err, "groups");
	for (g = dir->groups; g < end; g++) {
		if (g->codec > COMPRESS_DEFLATE)
			return page_dir_newer(err, "compression");
		if (!compress_plausible((enum compress_codec)g->codec, g->len,
		    g->raw_len))
			return page_dir_bad(err, "length of a group");
		g->offset = offset;
		offset += g->len;
	}
	return offset == h->len ? 0 : page_dir_bad(err, "length of a page");
}

static int
unpack_groups(const struct page_head *h, struct page_dir *dir,
    struct reader *in, struct ntdb_error *err)
{
	struct page_group *g, *end = dir->groups + dir->n_groups;
	const uint8_t *p;

	for (g = dir->groups; g < end; g++)
		g->n_columns = take_u32(in);
	for (g = dir->groups; g < end; g++)
		g->len = take_u32(in);
	for (g = dir->groups; g < end; g++)
		g->codec = take_u8(in);
	for (g = dir->groups; g < end; g++) {
		p = take(in, 4);
		g->crc = p == NULL ? 0 : get_u32(p);
	}
	if (in->bad || in->p != in->end)
		return page_dir_bad(err, "length");
	return check_groups(h, dir, err);
}

/* Whether the header says of the runs what they are. */
static bool
head_agrees(const struct page_head *h, const struct page_dir *dir)
{
	int64_t t_min = INT64_MAX, t_max = INT64_MIN;
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < dir->n_runs; i++) {
		const struct page_run *r = &dir->runs[i];

		n += r->n;
		t_min = r->t_first < t_min ? r->t_first : t_min;
		t_max = r->t_last > t_max ? r->t_last : t_max;
	}
	return n == h->n_samples && t_min == h->t_min && t_max == h->t_max &&
	    dir->runs[dir->n_runs - 1].id == h->max_id;
}

/* The counts at the beginning, held against the bytes that are there. */
static int
unpack_sizes(const struct page_head *h, struct page_dir *dir,
    struct reader *in, struct ntdb_error *err)
{
	uint64_t features = take_varint(in);
	size_t left = (size_t)(in->end - in->p);

	if (features != 0)
		return page_dir_newer(err, "features");
	dir->n_timelines = take_u32(in);
	dir->n_columns = take_u32(in);
	dir->n_runs = h->n_runs;
	dir->n_groups = h->n_groups;
	if (in->bad || dir->n_runs > left / RUN_LEN_MIN ||
	    dir->n_timelines > left / TIMELINE_LEN_MIN ||
	    dir->n_timelines > dir->n_runs || dir->n_groups > left ||
	    dir->n_columns > dir->n_timelines + dir->n_runs)
		return page_dir_bad(err, "counts");
	return 0;
}

static int
unpack_plain(const struct page_head *h, struct page_dir *dir,
    struct reader *in, struct ntdb_error *err)
{
	uint32_t next = 0;
	int e;

	if ((e = unpack_sizes(h, dir, in, err)) != 0 ||
	    (e = make(dir, &dir->timelines, dir->n_timelines,
	    sizeof(*dir->timelines), err)) != 0 ||
	    (e = make(dir, &dir->runs, dir->n_runs, sizeof(*dir->runs),
	    err)) != 0 ||
	    (e = make(dir, &dir->columns, dir->n_columns,
	    sizeof(*dir->columns), err)) != 0 ||
	    (e = make(dir, &dir->groups, dir->n_groups, sizeof(*dir->groups),
	    err)) != 0 ||
	    (e = page_dir_timelines(dir, in, &next, err)) != 0 ||
	    (e = page_dir_runs(dir, in, &next, err)) != 0)
		return e;
	if (next != dir->n_columns)
		return page_dir_bad(err, "number of columns");
	if ((e = make(dir, &dir->exceptions, dir->n_exceptions,
	    sizeof(*dir->exceptions), err)) != 0 ||
	    (e = make(dir, &dir->stats, dir->n_stats, sizeof(*dir->stats),
	    err)) != 0 ||
	    (e = page_dir_exceptions(dir, in, err)) != 0 ||
	    (e = unpack_stats(dir, in, err)) != 0 ||
	    (e = unpack_groups(h, dir, in, err)) != 0)
		return e;
	return head_agrees(h, dir) ? 0 :
	    page_dir_bad(err, "agreement with the header");
}

int
page_dir_unpack(const struct page_head *h, const uint8_t *packed,
    struct page_dir *dir, struct ntdb_error *err)
{
	enum compress_codec codec = (enum compress_codec)h->codec;
	struct reader in;
	uint8_t *plain;
	int e;

	memset(dir, 0, sizeof(*dir));
	if (checksum(packed, h->dir_len) != h->dir_crc)
		return page_dir_bad(err, "checksum");
	if (!compress_plausible(codec, h->dir_len, h->dir_raw_len))
		return page_dir_bad(err, "length");
	if ((plain = malloc((size_t)h->dir_raw_len + 1)) == NULL)
		return err_nomem(err);
	e = compress_unpack(codec, packed, h->dir_len, plain, h->dir_raw_len,
	    err);
	in.p = plain;
	in.end = plain + h->dir_raw_len;
	in.bad = false;
	if (e == 0)
		e = unpack_plain(h, dir, &in, err);
	free(plain);
	return e;
}

void
page_dir_release(struct page_dir *dir)
{
	free(dir->runs);
	free(dir->timelines);
	free(dir->columns);
	free(dir->groups);
	free(dir->stats);
	free(dir->exceptions);
	memset(dir, 0, sizeof(*dir));
}
