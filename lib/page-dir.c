#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "page-impl.h"
#include "planes.h"

/* The fewest bytes that a timeline and a run take in a directory. */
#define TIMELINE_LEN_MIN 6
#define RUN_LEN_MIN 5
#define EXCEPTION_LEN_MIN 3

/* What is left of a plain directory; bad: it ended early. */
struct reader {
	const uint8_t *p, *end;
	bool	bad;
};

static uint64_t
take_varint(struct reader *in)
{
	uint64_t v;
	const uint8_t *p = get_varint(in->p, in->end, &v);

	if (p == NULL) {
		in->bad = true;
		in->p = in->end;
		return 0;
	}
	in->p = p;
	return v;
}

static int64_t
take_signed(struct reader *in)
{
	return unzigzag(take_varint(in));
}

/* A number of 32 bits; a greater one is bad. */
static uint32_t
take_u32(struct reader *in)
{
	uint64_t v = take_varint(in);

	if (v > UINT32_MAX) {
		in->bad = true;
		return 0;
	}
	return (uint32_t)v;
}

/* Fixed-width bytes, or NULL. */
static const uint8_t *
take(struct reader *in, size_t n)
{
	const uint8_t *p = in->p;

	if ((size_t)(in->end - p) < n) {
		in->bad = true;
		in->p = in->end;
		return NULL;
	}
	in->p += n;
	return p;
}

static uint8_t
take_u8(struct reader *in)
{
	const uint8_t *p = take(in, 1);

	return p == NULL ? 0 : *p;
}

static double
take_double(struct reader *in)
{
	const uint8_t *p = take(in, 8);

	return p == NULL ? 0 : f64_from_bits(get_u64(p));
}

/* Its bytes the other way round, as a varint. */
static double
take_short_double(struct reader *in)
{
	uint8_t p[8];
	uint64_t v = take_varint(in);
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
	return f64_from_bits(get_u64(p));
}

static int64_t
sum_mod(int64_t a, int64_t b)
{
	return as_i64((uint64_t)a + (uint64_t)b);
}

static int
bad_dir(struct ntdb_error *err, const char *what)
{
	return err_set(err, NTDB_ECORRUPT, "directory of a page: bad %s",
	    what);
}

static int
newer(struct ntdb_error *err, const char *what)
{
	return err_set(err, NTDB_EVERSION,
	    "directory of a page: unknown %s", what);
}

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

/*
 * The column of a timeline or run with n residuals of width bits: the next
 * one, or one that was there before and has the same n and width.
 */
static bool
take_column(struct reader *in, struct page_dir *dir, uint32_t *next,
    uint32_t n, uint8_t width, uint32_t *column)
{
	uint32_t back = take_u32(in);

	if (in->bad || n == 0 || width > 64 || back > *next)
		return false;
	*column = *next - back;
	if (back > 0)
		return dir->columns[*column].n == n &&
		    dir->columns[*column].width == width;
	if (*next == dir->n_columns)
		return false;
	dir->columns[*next].n = n;
	dir->columns[(*next)++].width = width;
	return true;
}

/* Derive the last time, and check that the times can be in order. */
static bool
timeline_ok(struct page_timeline *t)
{
	struct column_times f = { t->first, t->step, t->usual, t->rest, 0 };
	uint64_t span, by = t->step * t->usual;

	if (t->n == 0 || t->n > PAGE_SAMPLES_MAX || t->step == 0)
		return false;
	t->last = column_times_last(&f, t->n);
	if (t->last < t->first)
		return false;
	span = (uint64_t)t->last - (uint64_t)t->first;
	if (t->n == 1)
		return span == 0 && t->width == 0;
	return t->width > 0 ||
	    (span / (t->n - 1) == by && span % (t->n - 1) == 0);
}

static int
unpack_timelines(struct page_dir *dir, struct reader *in, uint32_t *next,
    struct ntdb_error *err)
{
	struct page_timeline *t, *end = dir->timelines + dir->n_timelines;
	int64_t last = 0;

	for (t = dir->timelines; t < end; t++)
		t->n = take_u32(in);
	for (t = dir->timelines; t < end; t++)
		last = t->first = sum_mod(last, take_signed(in));
	for (t = dir->timelines; t < end; t++)
		t->step = take_varint(in);
	for (t = dir->timelines; t < end; t++)
		t->usual = take_varint(in);
	for (t = dir->timelines; t < end; t++)
		t->rest = take_signed(in);
	for (t = dir->timelines; t < end; t++)
		t->width = take_u8(in);
	for (t = dir->timelines; t < end; t++) {
		t->column = PAGE_NO_COLUMN;
		if (in->bad || !timeline_ok(t))
			return bad_dir(err, "times");
		if (t->width > 0 && !take_column(in, dir, next, t->n - 1,
		    t->width, &t->column))
			return bad_dir(err, "columns of times");
	}
	return 0;
}

/* The form byte, and what follows from it. */
static int
unpack_form(struct page_run *r, struct reader *in, struct ntdb_error *err)
{
	uint8_t form = take_u8(in);

	r->type = PAGE_FORM_TYPE(form);
	r->order = PAGE_FORM_ORDER(form);
	if (in->bad || r->type == 0)
		return bad_dir(err, "form of a run");
	if (r->type > NTDB_FLOAT64 || r->order > 1 ||
	    PAGE_FORM_KIND(form) > PAGE_KIND_EXCEPT)
		return newer(err, "form of a run");
	/* Until the counts are read it only tells that there is one. */
	r->n_exc = PAGE_FORM_KIND(form) == PAGE_KIND_EXCEPT;
	if (r->n_exc > 0 && ntdb_type_is_int(r->type))
		return bad_dir(err, "form of a run");
	return 0;
}

/* Ids, timelines and forms. */
static int
unpack_heads(struct page_dir *dir, struct reader *in, struct ntdb_error *err)
{
	struct page_run *r, *end = dir->runs + dir->n_runs;
	uint32_t id = 0, delta;
	int64_t tl = 0;
	int e;

	for (r = dir->runs; r < end; r++) {
		delta = take_u32(in);
		if (delta > UINT32_MAX - id)
			return bad_dir(err, "ids");
		id = r->id = id + delta;
	}
	for (r = dir->runs; r < end; r++) {
		tl = sum_mod(tl, take_signed(in));
		if (in->bad || tl < 0 || tl >= (int64_t)dir->n_timelines)
			return bad_dir(err, "reference to times");
		r->timeline = (uint32_t)tl;
		r->n = dir->timelines[tl].n;
		r->t_first = dir->timelines[tl].first;
		r->t_last = dir->timelines[tl].last;
		r->has_stats = r->n >= PAGE_STATS_MIN;
		if (r > dir->runs && r->id == r[-1].id &&
		    r->t_first < r[-1].t_first)
			return bad_dir(err, "order of runs");
	}
	for (r = dir->runs; r < end; r++)
		if ((e = unpack_form(r, in, err)) != 0)
			return e;
	return 0;
}

static uint8_t
coding_of(const struct page_run *r)
{
	if (r->n_exc > 0)
		return COLUMN_MIXED;
	if (r->width == 0)
		return COLUMN_CONST;
	if (ntdb_type_is_int(r->type))
		return COLUMN_INT;
	return r->scale == DEC_RAW ? COLUMN_RAW : COLUMN_DECIMAL;
}

/* The number of exceptions of each run, and where they will be. */
static int
unpack_counts(struct page_dir *dir, struct reader *in,
    struct ntdb_error *err)
{
	struct page_run *r, *end = dir->runs + dir->n_runs;

	for (r = dir->runs; r < end; r++) {
		if (r->n_exc > 0) {
			r->exc_at = dir->n_exceptions;
			r->n_exc = take_u32(in);
			if (in->bad || r->n_exc == 0 || r->n_exc > r->n ||
			    r->n_exc > (size_t)(in->end - in->p) /
			    EXCEPTION_LEN_MIN)
				return bad_dir(err, "count of exceptions");
			dir->n_exceptions += r->n_exc;
		}
		if (r->has_stats)
			r->stats = dir->n_stats++;
		r->coding = coding_of(r);
	}
	if (dir->n_exceptions > (size_t)(in->end - in->p) / EXCEPTION_LEN_MIN)
		return bad_dir(err, "count of exceptions");
	return 0;
}

static int
unpack_runs(struct page_dir *dir, struct reader *in, uint32_t *next,
    struct ntdb_error *err)
{
	struct page_run *r, *end = dir->runs + dir->n_runs;
	int e;

	if ((e = unpack_heads(dir, in, err)) != 0)
		return e;
	for (r = dir->runs; r < end; r++)
		r->width = take_u8(in);
	for (r = dir->runs; r < end; r++) {
		if (!ntdb_type_is_int(r->type))
			r->scale = take_u8(in);
		if (r->scale > DEC_SCALE_MAX &&
		    (r->scale != DEC_RAW || r->n_exc > 0))
			return bad_dir(err, "scale");
	}
	for (r = dir->runs; r < end; r++)
		r->base = take_signed(in);
	for (r = dir->runs; r < end; r++) {
		r->gcd = r->width > 0 ? take_varint(in) : 0;
		if (r->gcd++ == UINT64_MAX)
			return bad_dir(err, "divisor");
	}
	for (r = dir->runs; r < end; r++) {
		r->column = PAGE_NO_COLUMN;
		if (r->width > 0 && !take_column(in, dir, next,
		    column_residuals(r->n, r->order, r->width), r->width,
		    &r->column))
			return bad_dir(err, "columns of values");
	}
	return unpack_counts(dir, in, err);
}

static int
unpack_exceptions(struct page_dir *dir, struct reader *in,
    struct ntdb_error *err)
{
	struct page_exception *e, *end = dir->exceptions + dir->n_exceptions;
	struct page_run *r;
	uint32_t i, after, delta;
	const uint8_t *p;

	for (r = dir->runs; r < dir->runs + dir->n_runs; r++)
		for (after = 0, i = 0; i < r->n_exc; i++) {
			delta = take_u32(in);
			if (in->bad || delta >= r->n - after)
				return bad_dir(err, "exceptions");
			e = &dir->exceptions[r->exc_at + i];
			e->index = after + delta;
			after = e->index + 1;
		}
	for (e = dir->exceptions; e < end; e++) {
		e->scale = take_u8(in);
		if (e->scale > DEC_SCALE_MAX && e->scale != DEC_RAW)
			return bad_dir(err, "exceptions");
	}
	for (e = dir->exceptions; e < end; e++) {
		if (e->scale == DEC_RAW) {
			p = take(in, 8);
			e->m = p == NULL ? 0 : as_i64(get_u64(p));
			continue;
		}
		e->m = take_signed(in);
		if (e->m > DEC_M_MAX || e->m < -DEC_M_MAX)
			return bad_dir(err, "exceptions");
	}
	return in->bad ? bad_dir(err, "exceptions") : 0;
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
			return bad_dir(err, "count of NaNs");
	}
	for (r = dir->runs; r < end; r++)
		if (r->has_stats)
			take_sum(r, in, &dir->stats[r->stats]);
	return in->bad ? bad_dir(err, "statistics") : 0;
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
		return bad_dir(err, "groups");
	for (g = dir->groups; g < end; g++) {
		if (g->codec > COMPRESS_DEFLATE)
			return newer(err, "compression");
		if (g->len > h->len - offset || !compress_plausible(
		    (enum compress_codec)g->codec, g->len, g->raw_len))
			return bad_dir(err, "length of a group");
		g->offset = offset;
		offset += g->len;
	}
	return offset == h->len ? 0 : bad_dir(err, "length of a page");
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
		return bad_dir(err, "length");
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
		return newer(err, "features");
	dir->n_timelines = take_u32(in);
	dir->n_columns = take_u32(in);
	dir->n_runs = h->n_runs;
	dir->n_groups = h->n_groups;
	if (in->bad || dir->n_runs > left / RUN_LEN_MIN ||
	    dir->n_timelines > left / TIMELINE_LEN_MIN ||
	    dir->n_timelines > dir->n_runs || dir->n_groups > left ||
	    dir->n_columns > dir->n_timelines + dir->n_runs)
		return bad_dir(err, "counts");
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
	    (e = unpack_timelines(dir, in, &next, err)) != 0 ||
	    (e = unpack_runs(dir, in, &next, err)) != 0)
		return e;
	if (next != dir->n_columns)
		return bad_dir(err, "number of columns");
	if ((e = make(dir, &dir->exceptions, dir->n_exceptions,
	    sizeof(*dir->exceptions), err)) != 0 ||
	    (e = make(dir, &dir->stats, dir->n_stats, sizeof(*dir->stats),
	    err)) != 0 ||
	    (e = unpack_exceptions(dir, in, err)) != 0 ||
	    (e = unpack_stats(dir, in, err)) != 0 ||
	    (e = unpack_groups(h, dir, in, err)) != 0)
		return e;
	return head_agrees(h, dir) ? 0 :
	    bad_dir(err, "agreement with the header");
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
		return bad_dir(err, "checksum");
	if (!compress_plausible(codec, h->dir_len, h->dir_raw_len))
		return bad_dir(err, "length");
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
