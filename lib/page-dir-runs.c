#include "error.h"
#include "page-reader.h"

int
page_dir_bad(struct ntdb_error *err, const char *what)
{
	return err_set(err, NTDB_ECORRUPT, "directory of a page: bad %s",
	    what);
}

int
page_dir_newer(struct ntdb_error *err, const char *what)
{
	return err_set(err, NTDB_EVERSION,
	    "directory of a page: unknown %s", what);
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

int
page_dir_timelines(struct page_dir *dir, struct reader *in, uint32_t *next,
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
			return page_dir_bad(err, "times");
		if (t->width > 0 && !take_column(in, dir, next, t->n - 1,
		    t->width, &t->column))
			return page_dir_bad(err, "columns of times");
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
		return page_dir_bad(err, "form of a run");
	if (r->type > NTDB_FLOAT64 || r->order > 1 ||
	    PAGE_FORM_KIND(form) > PAGE_KIND_EXCEPT)
		return page_dir_newer(err, "form of a run");
	/* Until the counts are read it only tells that there is one. */
	r->n_exc = PAGE_FORM_KIND(form) == PAGE_KIND_EXCEPT;
	if (r->n_exc > 0 && ntdb_type_is_int(r->type))
		return page_dir_bad(err, "form of a run");
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
			return page_dir_bad(err, "ids");
		id = r->id = id + delta;
	}
	for (r = dir->runs; r < end; r++) {
		tl = sum_mod(tl, take_signed(in));
		if (in->bad || tl < 0 || tl >= (int64_t)dir->n_timelines)
			return page_dir_bad(err, "reference to times");
		r->timeline = (uint32_t)tl;
		r->n = dir->timelines[tl].n;
		r->t_first = dir->timelines[tl].first;
		r->t_last = dir->timelines[tl].last;
		r->has_stats = r->n >= PAGE_STATS_MIN;
		if (r > dir->runs && r->id == r[-1].id &&
		    r->t_first < r[-1].t_first)
			return page_dir_bad(err, "order of runs");
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
				return page_dir_bad(err, "count of exceptions");
			dir->n_exceptions += r->n_exc;
		}
		if (r->has_stats)
			r->stats = dir->n_stats++;
		r->coding = coding_of(r);
	}
	if (dir->n_exceptions > (size_t)(in->end - in->p) / EXCEPTION_LEN_MIN)
		return page_dir_bad(err, "count of exceptions");
	return 0;
}

int
page_dir_runs(struct page_dir *dir, struct reader *in, uint32_t *next,
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
			return page_dir_bad(err, "scale");
	}
	for (r = dir->runs; r < end; r++)
		r->base = take_signed(in);
	for (r = dir->runs; r < end; r++) {
		r->gcd = r->width > 0 ? take_varint(in) : 0;
		if (r->gcd++ == UINT64_MAX)
			return page_dir_bad(err, "divisor");
	}
	for (r = dir->runs; r < end; r++) {
		r->column = PAGE_NO_COLUMN;
		if (r->width > 0 && !take_column(in, dir, next,
		    column_residuals(r->n, r->order, r->width), r->width,
		    &r->column))
			return page_dir_bad(err, "columns of values");
	}
	return unpack_counts(dir, in, err);
}

int
page_dir_exceptions(struct page_dir *dir, struct reader *in,
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
				return page_dir_bad(err, "exceptions");
			e = &dir->exceptions[r->exc_at + i];
			e->index = after + delta;
			after = e->index + 1;
		}
	for (e = dir->exceptions; e < end; e++) {
		e->scale = take_u8(in);
		if (e->scale > DEC_SCALE_MAX && e->scale != DEC_RAW)
			return page_dir_bad(err, "exceptions");
	}
	for (e = dir->exceptions; e < end; e++) {
		if (e->scale == DEC_RAW) {
			p = take(in, 8);
			e->m = p == NULL ? 0 : as_i64(get_u64(p));
			continue;
		}
		e->m = take_signed(in);
		if (e->m > DEC_M_MAX || e->m < -DEC_M_MAX)
			return page_dir_bad(err, "exceptions");
	}
	return in->bad ? page_dir_bad(err, "exceptions") : 0;
}
