#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "page-impl.h"
#include "planes.h"

/*
 * Bytes that a group of many columns has: the more, the better deflate gets,
 * and the more has to be read for one metric of a page.
 */
#define GROUP_RAW_SNAPPY 6144
#define GROUP_RAW_DEFLATE 16384
#define GROUP_VALUES 32768	/* and values */
#define GROUP_PADDING 2048	/* and bits that narrower columns do not need */

#define EXCEPTION_BITS 88	/* what an exception costs, about */

/*
 * Finds what is in the page already: chains of indices, newest first, by a
 * hash.  Only the first few of a chain are looked at.
 */
#define SLOTS 4096
#define LOOKS 8
#define NONE UINT32_MAX
#define RESIDUALS_KEPT ((size_t)32 << 10)

struct finder {
	uint32_t head[SLOTS];
	uint32_t *next;		/* owned, one for each that can be found */
};

/*
 * dir is the directory of the page at hand, its arrays of room for n_room
 * runs, 2 * n_room columns and groups, and exc_room exceptions.
 * Column i has residuals r[start[i]] and on.
 */
struct page_packer {
	struct page_dir dir;
	size_t	n_room, exc_room;
	const int64_t **times;	/* of each timeline, borrowed for the call */
	struct finder timelines, columns;
	size_t	*start;
	uint32_t *sorted;
	uint64_t *r;
	size_t	n_r, r_room;
	struct compressor z;
	struct buf plain, groups;
	int64_t	v[PAGE_RUN_MAX], bits[PAGE_RUN_MAX];
	uint64_t bits_r[PAGE_RUN_MAX];
	uint32_t except[PAGE_RUN_MAX];
	uint64_t values[GROUP_VALUES + PLANES_STEP];
};

int
page_packer_new(struct page_packer **pk, struct ntdb_error *err)
{
	*pk = calloc(1, sizeof(**pk));
	return *pk == NULL ? err_nomem(err) : 0;
}

void
page_packer_free(struct page_packer *pk)
{
	if (pk == NULL)
		return;
	free(pk->dir.columns);
	free(pk->dir.groups);
	free(pk->dir.exceptions);
	page_dir_release(&pk->dir);
	compressor_release(&pk->z);
	buf_release(&pk->plain);
	buf_release(&pk->groups);
	free(pk->times);
	free(pk->timelines.next);
	free(pk->columns.next);
	free(pk->start);
	free(pk->sorted);
	free(pk->r);
	free(pk);
}

/* Make *array, a pointer, point to n elements; what it held may be lost. */
static int
resize(void *array, size_t n, size_t size, struct ntdb_error *err)
{
	void *p;

	memcpy(&p, array, sizeof(p));
	if (n > SIZE_MAX / size || (p = realloc(p, n * size)) == NULL)
		return err_nomem(err);
	memcpy(array, &p, sizeof(p));
	return 0;
}

/* Begin an empty page of up to n runs. */
static int
begin(struct page_packer *pk, size_t n, struct ntdb_error *err)
{
	struct page_dir *d = &pk->dir;
	int e;

	d->n_runs = d->n_timelines = d->n_columns = d->n_groups = 0;
	d->n_stats = d->n_exceptions = 0;
	pk->n_r = 0;
	buf_clear(&pk->plain);
	buf_clear(&pk->groups);
	memset(pk->timelines.head, 0xff, sizeof(pk->timelines.head));
	memset(pk->columns.head, 0xff, sizeof(pk->columns.head));
	if (n <= pk->n_room)
		return 0;
	pk->n_room = 0;
	if ((e = resize(&d->runs, n, sizeof(*d->runs), err)) != 0 ||
	    (e = resize(&d->timelines, n, sizeof(*d->timelines), err)) != 0 ||
	    (e = resize(&d->stats, n, sizeof(*d->stats), err)) != 0 ||
	    (e = resize(&d->columns, 2 * n, sizeof(*d->columns), err)) != 0 ||
	    (e = resize(&d->groups, 2 * n, sizeof(*d->groups), err)) != 0 ||
	    (e = resize(&pk->times, n, sizeof(*pk->times), err)) != 0 ||
	    (e = resize(&pk->timelines.next, n, sizeof(uint32_t), err)) != 0 ||
	    (e = resize(&pk->columns.next, 2 * n, sizeof(uint32_t),
	    err)) != 0 ||
	    (e = resize(&pk->start, 2 * n, sizeof(*pk->start), err)) != 0 ||
	    (e = resize(&pk->sorted, 2 * n, sizeof(uint32_t), err)) != 0)
		return e;
	pk->n_room = n;
	return 0;
}

/* Where residuals of the next column go: room for n. */
static uint64_t *
residual_room(struct page_packer *pk, size_t n, struct ntdb_error *err)
{
	size_t room = pk->r_room;

	if (room - pk->n_r < n) {
		while (room - pk->n_r < n)
			room = room == 0 ? 2 * PAGE_RUN_MAX : 2 * room;
		if (resize(&pk->r, room, sizeof(*pk->r), err) != 0)
			return NULL;
		pk->r_room = room;
	}
	return pk->r + pk->n_r;
}

/* Residuals that take much room are not worth keeping it between pages. */
static void
drop_residuals(struct page_packer *pk)
{
	if (pk->r_room <= RESIDUALS_KEPT)
		return;
	free(pk->r);
	pk->r = NULL;
	pk->r_room = pk->n_r = 0;
}

/* A slot from the number of values and a few of them (multiplicative). */
static uint32_t
slot_of(const uint64_t *v, uint32_t n)
{
	uint64_t h = n;
	uint32_t i;

	for (i = 0; i < 8; i++)
		h = (h ^ v[(uint64_t)(n - 1) * i / 7]) * 0x9e3779b97f4a7c15;
	return (uint32_t)(h >> 32) % SLOTS;
}

static void
remember(struct finder *f, uint32_t slot, uint32_t i)
{
	f->next[i] = f->head[slot];
	f->head[slot] = i;
}

/*
 * The column of the n residuals that stand behind those of the others: a new
 * one, or an earlier one that holds the same.
 */
static uint32_t
add_column(struct page_packer *pk, uint32_t n, uint8_t width)
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

/* The timeline of t[0 .. n), shared if there is one. */
static int
add_timeline(struct page_packer *pk, const int64_t *t, uint32_t n,
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
	if ((r = residual_room(pk, n, err)) == NULL)
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
	tl->column = add_column(pk, n - 1, f.width);
	*index = i;
	return 0;
}

static int
add_exceptions(struct page_packer *pk, struct page_run *run,
    const int64_t *m, const uint8_t *scale, uint32_t n,
    struct ntdb_error *err)
{
	struct page_dir *d = &pk->dir;
	size_t room = d->n_exceptions + (size_t)n;
	uint32_t i;
	int e;

	if (room > pk->exc_room) {
		room += room / 2;
		if ((e = resize(&d->exceptions, room, sizeof(*d->exceptions),
		    err)) != 0)
			return e;
		pk->exc_room = room;
	}
	run->exc_at = d->n_exceptions;
	run->n_exc = n;
	for (i = 0; i < n; i++) {
		struct page_exception *x =
		    &d->exceptions[d->n_exceptions++];

		x->index = pk->except[i];
		x->m = m[x->index];
		x->scale = scale[x->index];
	}
	return 0;
}

/*
 * Decide how the decimals of a run are stored, and leave the integers that
 * make the column in pk->v, its form in f, its residuals in r.
 */
static int
fit_floats(struct page_packer *pk, struct page_run *run, const int64_t *m,
    const uint8_t *scale, struct column_form *f, uint64_t *r,
    struct ntdb_error *err)
{
	uint64_t bits, raw_bits;
	struct column_form raw;
	uint32_t i, n_exc = 0, n = run->n;

	run->scale = DEC_RAW;
	if (column_scale_fit(m, scale, n, &run->scale) > 0) {
		n_exc = column_scale_to(m, scale, n, run->scale, pk->v,
		    pk->except);
		column_fit(pk->v, n, f, r, &bits);
		if (n_exc == 0)
			return 0;
	}
	/* Not all are decimals of one scale: their bits may be cheaper. */
	for (i = 0; i < n; i++)
		pk->bits[i] = as_i64(f64_bits(dec_to_f64(m[i], scale[i])));
	column_fit(pk->bits, n, &raw, pk->bits_r, &raw_bits);
	if (run->scale != DEC_RAW &&
	    bits + (uint64_t)n_exc * EXCEPTION_BITS < raw_bits)
		return add_exceptions(pk, run, m, scale, n_exc, err);
	run->scale = DEC_RAW;
	*f = raw;
	memcpy(r, pk->bits_r, n * sizeof(*r));
	return 0;
}

static void
add_stats(struct page_packer *pk, struct page_run *run, const int64_t *m,
    const uint8_t *scale)
{
	struct page_stats *st = &pk->dir.stats[pk->dir.n_stats];

	run->has_stats = true;
	run->stats = pk->dir.n_stats++;
	if (ntdb_type_is_int(run->type))
		page_stats_of_ints(m, run->n, st);
	else if (page_stats_near(run))
		page_stats_of_decimals(pk->v, run->scale, run->n, st);
	else
		page_stats_of_floats(m, scale, run->n, st);
}

/* Fill a run with the values of in, from sample `from' on. */
static int
add_values(struct page_packer *pk, struct page_run *run,
    const struct page_run_in *in, size_t from, struct ntdb_error *err)
{
	const int64_t *m = in->m + from;
	const uint8_t *scale = NULL;
	struct column_form f;
	uint64_t *r, bits;
	int e;

	if ((r = residual_room(pk, run->n, err)) == NULL)
		return NTDB_ESYS;
	if (ntdb_type_is_int(in->type)) {
		column_fit(m, run->n, &f, r, &bits);
	} else {
		scale = in->scale + from;
		if ((e = fit_floats(pk, run, m, scale, &f, r, err)) != 0)
			return e;
	}
	run->base = f.base;
	run->gcd = f.gcd;
	run->order = f.order;
	run->width = f.width;
	run->column = add_column(pk,
	    column_residuals(run->n, f.order, f.width), f.width);
	if (run->n >= PAGE_STATS_MIN)
		add_stats(pk, run, m, scale);
	return 0;
}

/* Add runs for the samples of in, of like length if there are many. */
static int
add_runs(struct page_packer *pk, const struct page_run_in *in,
    struct ntdb_error *err)
{
	size_t n_runs = (in->n + PAGE_RUN_MAX - 1) / PAGE_RUN_MAX, from, n;
	struct page_run *run;
	int e;

	for (from = 0; from < in->n; from += n, n_runs--) {
		n = (in->n - from + n_runs - 1) / n_runs;
		run = &pk->dir.runs[pk->dir.n_runs++];
		memset(run, 0, sizeof(*run));
		run->id = in->id;
		run->type = in->type;
		run->n = (uint32_t)n;
		if ((e = add_timeline(pk, in->t + from, run->n,
		    &run->timeline, err)) != 0)
			return e;
	}
	return 0;
}

/* All runs: the columns of times are numbered before those of values. */
static int
add_all(struct page_packer *pk, const struct page_run_in *in, size_t n,
    struct ntdb_error *err)
{
	struct page_run *run = pk->dir.runs;
	size_t i, from;
	int e;

	for (i = 0; i < n; i++)
		if ((e = add_runs(pk, &in[i], err)) != 0)
			return e;
	for (i = 0; i < n; i++)
		for (from = 0; from < in[i].n; from += run++->n)
			if ((e = add_values(pk, run, &in[i], from, err)) != 0)
				return e;
	return 0;
}

/* Pack the values of a group, whose n and width are known. */
static int
write_group(struct page_packer *pk, struct page_group *g,
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
	g->len = (uint32_t)(pk->groups.len - start);
	g->crc = checksum(pk->groups.data + start, g->len);
	return 0;
}

/*
 * Whether a column, not narrower than those in it, can go to group g of at
 * most most_raw bytes too.
 */
static bool
group_takes(const struct page_group *g, const struct page_column *c,
    size_t most_raw, uint64_t *padding)
{
	*padding += (uint64_t)g->n * (c->width - g->width);
	return g->n + c->n <= GROUP_VALUES && *padding <= GROUP_PADDING &&
	    planes_len(g->n + c->n, c->width) <= most_raw;
}

/* Distribute the columns over groups, and pack those. */
static int
write_groups(struct page_packer *pk, enum compress_codec codec,
    struct ntdb_error *err)
{
	struct page_dir *d = &pk->dir;
	struct page_group *g = NULL;
	const struct page_column *c;
	size_t most_raw = codec == COMPRESS_DEFLATE ? GROUP_RAW_DEFLATE :
	    GROUP_RAW_SNAPPY;
	uint64_t padding = 0;
	uint32_t i;
	int e;

	page_sort_columns(d->columns, d->n_columns, pk->sorted);
	for (i = 0; i < d->n_columns; i++) {
		c = &d->columns[pk->sorted[i]];
		if (g != NULL && !group_takes(g, c, most_raw, &padding)) {
			if ((e = write_group(pk, g, codec, err)) != 0)
				return e;
			g = NULL;
		}
		if (g == NULL) {
			g = &d->groups[d->n_groups++];
			memset(g, 0, sizeof(*g));
			padding = 0;
		}
		memcpy(pk->values + g->n, pk->r + pk->start[pk->sorted[i]],
		    c->n * sizeof(*pk->values));
		g->n += c->n;
		g->width = c->width;
		g->n_columns++;
	}
	return g == NULL ? 0 : write_group(pk, g, codec, err);
}

int
page_pack(struct page_packer *pk, const struct page_run_in *runs,
    size_t n_runs, uint64_t epoch, bool sealed, enum page_codec codec,
    struct buf *out, struct ntdb_error *err)
{
	struct page_head h = { 0 };
	size_t i, n_pieces = 0;
	int e;

	h.t_min = INT64_MAX;
	h.t_max = INT64_MIN;
	h.epoch = epoch;
	h.sealed = sealed;
	h.codec = (uint8_t)codec;
	for (i = 0; i < n_runs; i++) {
		const struct page_run_in *in = &runs[i];

		if (in->n == 0 || in->n > PAGE_SAMPLES_MAX - h.n_samples)
			return err_set(err, NTDB_EBUG,
			    "a page of too few or too many samples");
		n_pieces += (in->n + PAGE_RUN_MAX - 1) / PAGE_RUN_MAX;
		h.n_samples += (uint32_t)in->n;
		h.t_min = in->t[0] < h.t_min ? in->t[0] : h.t_min;
		h.t_max = in->t[in->n - 1] > h.t_max ? in->t[in->n - 1] :
		    h.t_max;
	}
	if (n_runs == 0)
		return err_set(err, NTDB_EBUG, "a page of no samples");
	h.max_id = runs[n_runs - 1].id;
	if ((e = begin(pk, n_pieces, err)) != 0 ||
	    (e = add_all(pk, runs, n_runs, err)) != 0 ||
	    (e = write_groups(pk, (enum compress_codec)codec, err)) != 0)
		return e;
	drop_residuals(pk);
	return page_write(&pk->dir, &h, &pk->groups, &pk->z, &pk->plain, out,
	    err);
}
