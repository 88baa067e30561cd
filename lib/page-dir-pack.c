#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "page-impl.h"

/*
 * The directory is written in columns as well: each of the loops below adds
 * one field of all timelines, runs and so on, so that like stands by like.
 * What is said of it in ntdb-format(5) is the reference.
 */

static void
add_varint(struct buf *out, uint64_t v)
{
	uint8_t *p = buf_reserve(out, VARINT_MAX);

	if (p != NULL)
		out->len += (size_t)(put_varint(p, v) - p);
}

static void
add_span(struct buf *out, uint64_t ns)
{
	uint8_t *p = buf_reserve(out, SPAN_MAX);

	if (p != NULL)
		out->len += (size_t)(page_put_span(p, ns) - p);
}

static void
add_signed(struct buf *out, int64_t v)
{
	add_varint(out, zigzag(v));
}

/* a - b, modulo 2^64. */
static int64_t
difference(int64_t a, int64_t b)
{
	return as_i64((uint64_t)a - (uint64_t)b);
}

/* The next new column is 0, an earlier one its distance from there. */
static void
add_column(struct buf *out, uint32_t column, uint32_t *next)
{
	if (column == *next) {
		add_varint(out, 0);
		++*next;
	} else {
		add_varint(out, *next - column);
	}
}

static void
pack_timelines(const struct page_dir *dir, int64_t t_min, uint32_t *next,
    struct buf *out)
{
	const struct page_timeline *t = dir->timelines;
	const struct page_timeline *end = t + dir->n_timelines;

	for (t = dir->timelines; t < end; t++)
		add_varint(out, t->n);
	for (t = dir->timelines; t < end; t++)
		add_span(out, (uint64_t)t->first - (uint64_t)t_min);
	for (t = dir->timelines; t < end; t++)
		add_span(out, t->step);
	for (t = dir->timelines; t < end; t++)
		add_varint(out, t->usual);
	for (t = dir->timelines; t < end; t++)
		add_signed(out, t->rest);
	for (t = dir->timelines; t < end; t++)
		buf_add_u8(out, t->width);
	for (t = dir->timelines; t < end; t++)
		if (t->width > 0)
			add_column(out, t->column, next);
}

static uint8_t
form_of(const struct page_run *r)
{
	return (uint8_t)(r->type |
	    (r->n_exc > 0 ? PAGE_FORM_EXCEPTIONS : 0) |
	    (r->n_dict > 0 ? PAGE_FORM_DICTIONARY : 0) |
	    (r->order == 1 ? PAGE_FORM_ORDER_1 : 0) |
	    (r->lattice.modulus > 0 ? PAGE_FORM_LATTICE : 0));
}

/* A modulus, and its residues as bits. */
static void
add_lattice(struct buf *out, const struct lattice *l)
{
	unsigned i;

	buf_add_u8(out, l->modulus);
	for (i = 0; i < l->modulus; i += 8)
		buf_add_u8(out, (uint8_t)(l->set[i / 64] >> i % 64));
}

static void
pack_runs(const struct page_dir *dir, uint32_t *next, struct buf *out)
{
	const struct page_run *r, *end = dir->runs + dir->n_runs;
	uint32_t last = 0;

	for (r = dir->runs; r < end; r++) {
		add_varint(out, r->id - last);
		last = r->id;
	}
	for (last = 0, r = dir->runs; r < end; r++) {
		add_signed(out, (int64_t)r->timeline - (int64_t)last);
		last = r->timeline;
	}
	for (r = dir->runs; r < end; r++)
		buf_add_u8(out, form_of(r));
	for (r = dir->runs; r < end; r++)
		buf_add_u8(out, r->width);
	for (r = dir->runs; r < end; r++)
		if (!ntdb_type_is_int(r->type))
			buf_add_u8(out, r->scale);
	for (r = dir->runs; r < end; r++)
		add_signed(out, r->base);
	for (r = dir->runs; r < end; r++)
		if (r->width > 0)
			add_varint(out, r->gcd - 1);
	for (r = dir->runs; r < end; r++)
		if (r->n_dict > 0)
			add_varint(out, r->n_dict);
	for (r = dir->runs; r < end; r++)
		if (r->lattice.modulus > 0)
			add_lattice(out, &r->lattice);
	for (r = dir->runs; r < end; r++)
		if (r->width > 0)
			add_column(out, r->column, next);
	for (r = dir->runs; r < end; r++)
		if (r->n_exc > 0)
			add_varint(out, r->n_exc);
}

static void
pack_exceptions(const struct page_dir *dir, struct buf *out)
{
	const struct page_exception *e, *end;
	const struct page_run *r;
	uint32_t i, after;

	if (dir->n_exceptions == 0)
		return;
	end = dir->exceptions + dir->n_exceptions;
	for (r = dir->runs; r < dir->runs + dir->n_runs; r++)
		for (after = 0, i = 0; i < r->n_exc; i++) {
			e = &dir->exceptions[r->exc_at + i];
			add_varint(out, e->index - after);
			after = e->index + 1;
		}
	for (e = dir->exceptions; e < end; e++)
		buf_add_u8(out, e->scale);
	for (e = dir->exceptions; e < end; e++)
		if (e->scale == DEC_RAW)
			buf_add_u64(out, (uint64_t)e->m);
		else
			add_signed(out, e->m);
}

/* One of the four statistics that are values of samples. */
static union ntdb_value
stats_value(const struct page_stats *st, int which)
{
	switch (which) {
	case 0:
		return st->min;
	case 1:
		return st->max;
	case 2:
		return st->first;
	default:
		return st->last;
	}
}

/* A double whose significant bits are few and high. */
static void
add_short_double(struct buf *out, double f)
{
	uint64_t u = f64_bits(f), v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v |= (u >> 8 * i & 0xff) << (56 - 8 * i);
	add_varint(out, v);
}

static void
pack_sum(const struct page_run *r, const struct page_stats *st,
    struct buf *out)
{
	if (ntdb_type_is_int(r->type))
		buf_add_u8(out, st->sum_exact ? 0 : 1);
	if (st->sum_exact) {
		add_signed(out, st->sum.i);
	} else {
		buf_add_u64(out, f64_bits(st->sum.f));
		add_short_double(out, st->sum_lo);
	}
}

/*
 * Statistics of a run whose values are all multiples of one power of ten were
 * kept as such multiples (in .i) by the packer.
 */
static void
pack_stats(const struct page_dir *dir, struct buf *out)
{
	const struct page_run *r, *end = dir->runs + dir->n_runs;
	union ntdb_value v;
	int which;

	for (which = 0; which < 4; which++)
		for (r = dir->runs; r < end; r++) {
			if (!r->has_stats)
				continue;
			v = stats_value(&dir->stats[r->stats], which);
			if (page_stats_near(r))
				add_signed(out, difference(v.i, r->base));
			else
				buf_add_u64(out, f64_bits(v.f));
		}
	for (r = dir->runs; r < end; r++)
		if (r->has_stats && !page_stats_near(r))
			add_varint(out, dir->stats[r->stats].n_nan);
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			pack_sum(r, &dir->stats[r->stats], out);
}

/* The codec and the layout of a group. */
static uint8_t
layout_of(const struct page_group *g)
{
	return (uint8_t)(g->codec +
	    4 * (g->precision * PAGE_LAYOUT_BYTES + g->bytes));
}

static void
pack_groups(const struct page_dir *dir, struct buf *out)
{
	const struct page_group *g, *end = dir->groups + dir->n_groups;

	for (g = dir->groups; g < end; g++)
		add_varint(out, g->n_columns);
	for (g = dir->groups; g < end; g++)
		add_varint(out, g->len);
	for (g = dir->groups; g < end; g++)
		buf_add_u8(out, layout_of(g));
	for (g = dir->groups; g < end; g++)
		buf_add_u32(out, g->crc);
}

static void
pack_dir(const struct page_dir *dir, int64_t t_min, struct buf *out)
{
	uint32_t next = 0;

	add_varint(out, 0);
	add_varint(out, dir->n_timelines);
	add_varint(out, dir->n_columns);
	pack_timelines(dir, t_min, &next, out);
	pack_runs(dir, &next, out);
	pack_exceptions(dir, out);
	pack_stats(dir, out);
	pack_groups(dir, out);
}

int
page_write(const struct page_dir *dir, struct page_head *h,
    const struct buf *groups, struct compressor *z, struct buf *plain,
    struct buf *out, struct ntdb_error *err)
{
	size_t start = out->len;
	uint8_t head[PAGE_HEAD_MAX], *packed;
	int e;

	buf_clear(plain);
	pack_dir(dir, h->t_min, plain);
	if (!buf_ok(plain))
		return err_nomem(err);
	/* The header goes before it when the length of both is known. */
	if (buf_extend(out, PAGE_HEAD_MAX) == NULL)
		return err_nomem(err);
	if ((e = compress_pack(z, (enum compress_codec)h->codec, plain->data,
	    plain->len, out, err)) != 0)
		goto undo;
	packed = out->data + start + PAGE_HEAD_MAX;
	h->n_runs = dir->n_runs;
	h->n_groups = dir->n_groups;
	h->dir_raw_len = (uint32_t)plain->len;
	h->dir_len = (uint32_t)(out->len - start - PAGE_HEAD_MAX);
	h->dir_crc = checksum(packed, h->dir_len);
	page_head_pack(h, groups->len, head);
	memcpy(out->data + start, head, h->head_len);
	memmove(out->data + start + h->head_len, packed, h->dir_len);
	out->len = start + h->head_len + h->dir_len;
	buf_add(out, groups->data, groups->len);
	if (buf_ok(out))
		return 0;
	e = err_nomem(err);
undo:
	out->len = start;
	return e;
}
