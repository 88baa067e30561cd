/*
 * Distributing the columns of a page over groups, and packing those.
 *
 * Groups are small, so that one metric costs little, and hold columns that
 * are alike, so that they compress well: their sizes are between these aims.
 */
#include <string.h>

#include "checksum.h"
#include "entropy.h"
#include "error.h"
#include "page-packer.h"

#define HOT_RAW 6144		/* bytes of a group in bit planes, */
#define HOT_PADDING 2048	/* and bits that narrower columns do not need */
#define SEALED_VALUES 1536	/* values of a group in bytes, about */

#define REPEATS_SHARE 30	/* bits that repeats save, at least: one of */
#define PART_BITS 64		/* what a part takes beside its code table */

/* Pack the values of a group, whose n and width are known, in bit planes. */
static int
write_hot(struct page_packer *pk, struct page_group *g,
    enum compress_codec codec, struct ntdb_error *err)
{
	size_t start = pk->groups.len;
	uint8_t *plain;
	int e;

	g->raw_len = (uint32_t)planes_len(g->n, g->width);
	g->codec = (uint8_t)codec;
	buf_clear(&pk->plain);
	if ((plain = buf_extend(&pk->plain, g->raw_len)) == NULL)
		return err_nomem(err);
	planes_pack(pk->values, g->n, g->width, plain);
	if ((e = compress_pack(&pk->z, codec, plain, g->raw_len, &pk->groups,
	    err)) != 0)
		return e;
	if (pk->groups.len - start >= g->raw_len) {
		pk->groups.len = start;
		g->codec = COMPRESS_NONE;
		buf_add(&pk->groups, plain, g->raw_len);
	}
	return 0;
}

/*
 * A way to write a group in bytes: what is to be deflated, in parts, and what
 * follows as it is.
 */
struct plan {
	uint8_t	precision;	/* 0: byte planes, else symbols */
	const uint8_t *plain, *extra;
	size_t	n_plain, n_extra;
	struct compress_part parts[8];
	unsigned n_parts;
	uint64_t bits;		/* an estimate without looking for repeats, */
	uint64_t least;		/* and with it, at best */
};

/* See whether there are repeats, and what it takes to leave them alone. */
static void
plan_parts(struct plan *plan, unsigned n_parts, size_t n)
{
	uint64_t bits, least;
	size_t i;

	plan->n_parts = n_parts;
	plan->n_plain = n * n_parts;
	plan->bits = plan->n_extra * 8;
	plan->least = plan->bits;
	for (i = 0; i < n_parts; i++) {
		bits = entropy_of_bytes(plan->plain + i * n, n, &least);
		plan->bits += PART_BITS + bits;
		plan->least += least;
		plan->parts[i].len = n;
		plan->parts[i].repeats = least < bits - bits / REPEATS_SHARE;
	}
}

/* Byte planes. */
static int
plan_planes(struct page_packer *pk, const struct page_group *g,
    struct plan *plan, struct ntdb_error *err)
{
	uint8_t *p;

	buf_clear(&pk->plain);
	p = buf_extend(&pk->plain, (size_t)g->n * g->bytes);
	if (p == NULL)
		return err_nomem(err);
	byte_planes_pack(pk->values, g->n, g->bytes, p);
	plan->precision = 0;
	plan->plain = p;
	plan->n_extra = 0;
	plan_parts(plan, g->bytes, g->n);
	return 0;
}

/* Symbols and extra bits. */
static int
plan_split(struct page_packer *pk, const struct page_group *g,
    struct plan *plan, struct ntdb_error *err)
{
	unsigned precision;
	uint8_t *p;

	buf_clear(&pk->split);
	p = buf_extend(&pk->split, 9 * (size_t)g->n + 8);
	if (p == NULL)
		return err_nomem(err);
	entropy_of_split(pk->values, g->n, &precision);
	plan->precision = (uint8_t)precision;
	plan->plain = p;
	plan->extra = p + g->n;
	plan->n_extra = split_pack(pk->values, g->n, precision, p,
	    p + g->n);
	plan_parts(plan, 1, g->n);
	return 0;
}

/* Write a group at `start' in place of what is there, if that is longer. */
static int
try_plan(struct page_packer *pk, struct page_group *g, size_t start,
    const struct plan *plan, struct ntdb_error *err)
{
	struct buf *out = &pk->groups;
	size_t before = out->len, len;
	int e;

	if ((e = compress_parts(&pk->z, plan->plain, plan->parts,
	    plan->n_parts, out, err)) != 0)
		return e;
	len = out->len - before;
	if (len >= plan->n_plain) {
		out->len = before;
		buf_add(out, plan->plain, plan->n_plain);
	}
	if (plan->n_extra > 0)
		buf_add(out, plan->extra, plan->n_extra);
	if (!buf_ok(out))
		return err_nomem(err);
	if (before > start && out->len - before >= before - start) {
		out->len = before;
		return 0;
	}
	memmove(out->data + start, out->data + before, out->len - before);
	out->len -= before - start;
	g->precision = plan->precision;
	g->codec = len >= plan->n_plain ? COMPRESS_NONE : COMPRESS_DEFLATE;
	return 0;
}

/*
 * Try a plan with its repeats, where there are any that may pay, and then
 * without, if that may be less than what there is.
 */
static int
try_both(struct page_packer *pk, struct page_group *g, size_t start,
    struct plan *plan, struct ntdb_error *err)
{
	size_t len = pk->groups.len - start;
	bool repeats = false;
	unsigned i;
	int e;

	for (i = 0; i < plan->n_parts; i++)
		repeats |= plan->parts[i].repeats;
	if (repeats && (len == 0 || plan->least / 8 < len) &&
	    (e = try_plan(pk, g, start, plan, err)) != 0)
		return e;
	len = pk->groups.len - start;
	if (len > 0 && plan->bits / 8 > len + len / 32)
		return 0;
	for (i = 0; i < plan->n_parts; i++)
		plan->parts[i].repeats = false;
	return try_plan(pk, g, start, plan, err);
}

/* Pack the values of a group whose n is known, in the layout that is best. */
static int
write_sealed(struct page_packer *pk, struct page_group *g,
    struct ntdb_error *err)
{
	size_t start = pk->groups.len;
	struct plan planes, split, *first;
	uint64_t all = 0;
	uint32_t i;
	int e;

	for (i = 0; i < g->n; i++)
		all |= pk->values[i];
	g->bytes = (uint8_t)((column_width(all) + 7) / 8);
	if ((e = plan_planes(pk, g, &planes, err)) != 0 ||
	    (e = plan_split(pk, g, &split, err)) != 0)
		return e;
	/* The better one first often leaves nothing to try. */
	first = split.least < planes.least ? &split : &planes;
	if ((e = try_both(pk, g, start, first, err)) != 0)
		return e;
	return try_both(pk, g, start, first == &split ? &planes : &split,
	    err);
}

static int
write_group(struct page_packer *pk, struct page_group *g,
    enum compress_codec codec, struct ntdb_error *err)
{
	size_t start = pk->groups.len;
	int e;

	e = codec == COMPRESS_DEFLATE ? write_sealed(pk, g, err) :
	    write_hot(pk, g, codec, err);
	if (e != 0)
		return e;
	if (!buf_ok(&pk->groups))
		return err_nomem(err);
	g->len = (uint32_t)(pk->groups.len - start);
	g->crc = checksum(pk->groups.data + start, g->len);
	return 0;
}

/*
 * Whether a column, not narrower than those in it, can go to group g in bit
 * planes too.
 */
static bool
hot_takes(const struct page_group *g, const struct page_column *c,
    uint64_t *padding)
{
	*padding += (uint64_t)g->n * (c->width - g->width);
	return g->n + c->n <= GROUP_VALUES && *padding <= HOT_PADDING &&
	    planes_len(g->n + c->n, c->width) <= HOT_RAW;
}

/*
 * Say how late a column comes by nothing but its group, as far as there are
 * numbers for groups: what then are few different widths takes less.
 */
static void
rank_by_group(struct page_dir *d, const uint32_t *sorted)
{
	const struct page_group *g;
	uint8_t rank = 0;
	uint32_t i;

	if (d->n_groups > 64)
		return;
	for (g = d->groups; g < d->groups + d->n_groups; g++)
		for (rank++, i = 0; i < g->n_columns; i++)
			d->columns[*sorted++].width = rank;
	for (i = 0; i < d->n_timelines; i++)
		if (d->timelines[i].width > 0)
			d->timelines[i].width =
			    d->columns[d->timelines[i].column].width;
	for (i = 0; i < d->n_runs; i++)
		if (d->runs[i].width > 0)
			d->runs[i].width =
			    d->columns[d->runs[i].column].width;
}

/*
 * How many values groups in bytes are to have, so that they are of like size:
 * a small one that is left over does not pay for its code table.
 */
static uint32_t
fair_share(const struct page_dir *d)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < d->n_columns; i++)
		n += d->columns[i].n;
	return (uint32_t)(n / (n / SEALED_VALUES + 1)) + 1;
}

/* Distribute the columns, sorted, over groups. */
static void
make_groups(struct page_dir *d, const uint32_t *sorted, bool sealed)
{
	const uint32_t share = fair_share(d);
	struct page_group *g = NULL;
	const struct page_column *c;
	uint64_t padding = 0;
	uint32_t i;

	for (i = 0; i < d->n_columns; i++) {
		c = &d->columns[sorted[i]];
		if (g == NULL || !(sealed ? g->n + c->n / 2 <= share :
		    hot_takes(g, c, &padding))) {
			g = &d->groups[d->n_groups++];
			memset(g, 0, sizeof(*g));
			padding = 0;
		}
		g->n += c->n;
		g->width = c->width;
		g->n_columns++;
	}
}

int
page_write_groups(struct page_packer *pk, enum compress_codec codec,
    struct ntdb_error *err)
{
	struct page_dir *d = &pk->dir;
	const uint32_t *sorted = pk->sorted;
	struct page_group *g;
	const struct page_column *c;
	uint32_t i, n;
	int e;

	page_sort_columns(d->columns, d->n_columns, pk->sorted);
	make_groups(d, sorted, codec == COMPRESS_DEFLATE);
	if (codec == COMPRESS_DEFLATE) {
		rank_by_group(d, sorted);
		page_sort_columns(d->columns, d->n_columns, pk->sorted);
	}
	for (g = d->groups; g < d->groups + d->n_groups; g++) {
		for (n = 0, i = 0; i < g->n_columns; i++, n += c->n) {
			c = &d->columns[*sorted];
			memcpy(pk->values + n, pk->r + pk->start[*sorted++],
			    c->n * sizeof(*pk->values));
		}
		if ((e = write_group(pk, g, codec, err)) != 0)
			return e;
	}
	return 0;
}
