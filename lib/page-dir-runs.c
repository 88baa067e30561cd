#include <stdlib.h>

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

uint32_t
page_dir_count(const struct dir_walk *w, uint32_t a, uint32_t b,
    unsigned has)
{
	uint32_t n = 0;

	for (; a < b; a++)
		n += (w->has[a] & has) != 0;
	return n;
}

/*
 * The column of a timeline or run with n residuals of width bits: the next
 * one, or one that was there before and has the same n and width.
 */
static inline bool
take_column(struct dir_walk *w, uint32_t n, uint8_t width, uint32_t *column)
{
	uint32_t back = take_u32(&w->in);
	struct page_column *c;

	if (w->in.bad || n == 0 || width > 64 || back > w->next)
		return false;
	*column = w->next - back;
	if (back == 0 && w->next++ == w->dir->n_columns)
		return false;
	c = &w->dir->columns[*column];
	if (back > 0)
		return c->n == n && c->width == width;
	c->n = n;
	c->width = width;
	return true;
}

/* Whether all n - 1 steps of a regular timeline fill its span. */
static inline bool
regular(uint64_t span, uint64_t by, uint32_t n)
{
	if (by < (uint64_t)1 << 39)
		return by * (n - 1) == span;
	return span / (n - 1) == by && span % (n - 1) == 0;
}

/* Derive the last time, and check that the times can be in order. */
static bool
timeline_ok(struct page_timeline *t)
{
	struct column_times f = { t->first, t->step, t->usual, t->rest, 0 };
	uint64_t span;

	if (t->n == 0 || t->n > PAGE_SAMPLES_MAX || t->step == 0)
		return false;
	t->last = column_times_last(&f, t->n);
	if (t->last < t->first)
		return false;
	span = (uint64_t)t->last - (uint64_t)t->first;
	if (t->n == 1)
		return span == 0 && t->width == 0;
	return t->width > 0 || regular(span, t->step * t->usual, t->n);
}

int
page_dir_timelines(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_timeline *t, *end;
	struct reader *in = &w->in;

	end = w->dir->timelines + w->dir->n_timelines;
	for (t = w->dir->timelines; t < end; t++)
		t->n = take_u32(in);
	for (t = w->dir->timelines; t < end; t++)
		t->first = sum_mod(w->t_base, as_i64(take_span(in)));
	for (t = w->dir->timelines; t < end; t++)
		t->step = take_span(in);
	for (t = w->dir->timelines; t < end; t++)
		t->usual = take_varint(in);
	for (t = w->dir->timelines; t < end; t++)
		t->rest = take_signed(in);
	for (t = w->dir->timelines; t < end; t++)
		t->width = take_u8(in);
	for (t = w->dir->timelines; t < end; t++) {
		t->column = PAGE_NO_COLUMN;
		if (in->bad || !timeline_ok(t))
			return page_dir_bad(err, "times");
		if (t->width > 0 && !take_column(w, t->n - 1, t->width,
		    &t->column))
			return page_dir_bad(err, "columns of times");
	}
	return 0;
}

/* Room for the runs that are wanted, and their ids. */
static int
make_runs(struct dir_walk *w, const uint32_t *picked_ids,
    struct ntdb_error *err)
{
	struct page_dir *dir = w->dir;
	uint32_t k;

	if (dir->n_runs == 0)
		return NTDB_END;
	if ((dir->runs = calloc(dir->n_runs, sizeof(*dir->runs))) == NULL)
		return err_nomem(err);
	for (k = 0; k < dir->n_runs; k++)
		dir->runs[k].id = picked_ids[k];
	return 0;
}

/* Read the ids, and see which runs are wanted. */
static int
pick_runs(struct dir_walk *w, struct ntdb_error *err)
{
	const uint32_t *want = w->ids;
	const bool all = want == NULL;
	const uint32_t *end = all ? NULL : want + w->n_ids;
	uint32_t *picked_ids = w->n;	/* not used yet */
	uint32_t i, k = 0, id = 0, delta, n = w->n_runs, *pick = w->pick;
	struct reader in = w->in;
	uint16_t *has = w->has;

	for (i = 0; i < n; i++) {
		delta = take_u32(&in);
		if (delta > UINT32_MAX - id)
			return page_dir_bad(err, "ids");
		id += delta;
		has[i] = delta == 0 && i > 0 ? RUN_SAME_ID : 0;
		while (want != end && *want < id)
			want++;
		if (all || (want != end && *want == id)) {
			pick[k] = i;
			picked_ids[k++] = id;
		}
	}
	w->in = in;
	if (in.bad)
		return page_dir_bad(err, "ids");
	w->max_id = id;
	w->dir->n_runs = k;
	return make_runs(w, picked_ids, err);
}

static void
set_times(struct page_run *r, const struct page_timeline *t, uint32_t tl)
{
	r->timeline = tl;
	r->n = t->n;
	r->t_first = t->first;
	r->t_last = t->last;
}

/* Which timeline each run has, and what follows from it. */
static int
run_times(struct dir_walk *w, struct ntdb_error *err)
{
	const struct page_timeline *t = w->dir->timelines;
	const int64_t n_timelines = w->dir->n_timelines;
	uint32_t i, k = 0, n = w->n_runs, *samples = w->n;
	struct page_run *r = w->dir->runs;
	struct reader in = w->in;
	uint16_t *has = w->has, stats = 0;
	int64_t tl = 0, before = 0, delta;

	w->t_min = INT64_MAX;
	w->t_max = INT64_MIN;
	for (i = 0; i < n; i++) {
		delta = take_signed(&in);
		if (delta != 0 || i == 0) {
			tl = sum_mod(tl, delta);
			if (tl < 0 || tl >= n_timelines)
				return page_dir_bad(err,
				    "reference to times");
			t = &w->dir->timelines[tl];
			w->t_min = t->first < w->t_min ? t->first : w->t_min;
			w->t_max = t->last > w->t_max ? t->last : w->t_max;
			stats = t->n >= PAGE_STATS_MIN ? RUN_HAS_STATS : 0;
		}
		if ((has[i] & RUN_SAME_ID) != 0 && t->first < before)
			return page_dir_bad(err, "order of runs");
		before = t->first;
		has[i] |= stats;
		samples[i] = t->n;
		w->n_samples += t->n;
		if (k < w->dir->n_runs && w->pick[k] == i)
			set_times(&r[k++], t, (uint32_t)tl);
	}
	w->in = in;
	return in.bad ? page_dir_bad(err, "reference to times") : 0;
}

/* What a form byte says of a run; 0 is none that is known. */
static unsigned
form_has(uint8_t form)
{
	unsigned has = 0;

	if ((form & PAGE_FORM_EXCEPTIONS) != 0)
		has |= RUN_HAS_EXCEPTIONS | RUN_IS_FAR;
	if ((form & PAGE_FORM_DICTIONARY) != 0)
		has |= RUN_HAS_DICTIONARY;
	if ((form & PAGE_FORM_ORDER_1) != 0)
		has |= RUN_ORDER_1;
	if ((form & PAGE_FORM_LATTICE) != 0)
		has |= RUN_HAS_LATTICE;
	return has;
}

/* Whether a form is one that is known here. */
static bool
form_known(uint8_t form)
{
	return (form & PAGE_FORM_TYPE) <= NTDB_FLOAT64 && form < 128 &&
	    ((form & PAGE_FORM_DICTIONARY) == 0 ||
	    (form & (PAGE_FORM_EXCEPTIONS | PAGE_FORM_LATTICE)) == 0);
}

/* The form bytes, and what follows from them. */
static int
run_forms(struct dir_walk *w, struct ntdb_error *err)
{
	const uint8_t *form = take(&w->in, w->n_runs);
	struct page_run *r = w->dir->runs;
	uint32_t i, k, n = w->n_runs;
	uint16_t *has = w->has;

	if (form == NULL)
		return page_dir_bad(err, "form of a run");
	for (i = 0; i < n; i++) {
		unsigned type = form[i] & PAGE_FORM_TYPE, more;

		if (type == 0)
			return page_dir_bad(err, "form of a run");
		if (!form_known(form[i]))
			return page_dir_newer(err, "form of a run");
		more = has[i] | form_has(form[i]);
		if (!ntdb_type_is_int((int)type))
			more |= RUN_IS_FLOAT;
		else if ((more & RUN_HAS_EXCEPTIONS) != 0)
			return page_dir_bad(err, "form of a run");
		has[i] = (uint16_t)more;
	}
	for (k = 0; k < w->dir->n_runs; k++, r++) {
		r->type = form[w->pick[k]] & PAGE_FORM_TYPE;
		r->order = (form[w->pick[k]] & PAGE_FORM_ORDER_1) != 0;
	}
	return 0;
}

/* Widths and scales, and which runs have statistics. */
static int
run_widths(struct dir_walk *w, struct ntdb_error *err)
{
	const uint8_t *width = take(&w->in, w->n_runs);
	struct page_run *r = w->dir->runs;
	uint32_t i, k, n = w->n_runs;
	struct reader in = w->in;
	uint16_t *has = w->has;
	uint8_t scale;

	if (width == NULL)
		return page_dir_bad(err, "width");
	memcpy(w->width, width, n);
	for (k = 0; k < w->dir->n_runs; k++)
		r[k].width = width[w->pick[k]];
	for (i = k = 0; i < n; i++) {
		if (width[i] > 0)
			has[i] |= RUN_HAS_COLUMN;
		else if ((has[i] & (RUN_HAS_DICTIONARY |
		    RUN_HAS_LATTICE)) != 0)
			return page_dir_bad(err, "width");
		scale = 0;
		if ((has[i] & RUN_IS_FLOAT) != 0)
			scale = take_u8(&in);
		if (scale == DEC_RAW && (has[i] & RUN_HAS_EXCEPTIONS) == 0)
			has[i] |= RUN_IS_FAR;
		else if (scale > DEC_SCALE_MAX)
			return page_dir_bad(err, "scale");
		if ((has[i] & RUN_IS_FAR) != 0 &&
		    w->n[i] < PAGE_STATS_FAR_MIN)
			has[i] &= (uint16_t)~RUN_HAS_STATS;
		if (k < w->dir->n_runs && w->pick[k] == i) {
			r[k].has_stats = (has[i] & RUN_HAS_STATS) != 0;
			r[k++].scale = scale;
		}
	}
	w->in = in;
	return in.bad ? page_dir_bad(err, "scale") : 0;
}

/* Bases and divisors of the runs that are wanted. */
static int
run_values(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_run *r = w->dir->runs;
	const uint32_t n = w->dir->n_runs;
	uint32_t k;

	for (k = 0; k < n; k++) {
		page_dir_pass(w, k, 0);
		r[k].base = take_signed(&w->in);
	}
	page_dir_pass(w, n, 0);
	for (k = 0; k < n; k++) {
		page_dir_pass(w, k, RUN_HAS_COLUMN);
		r[k].gcd = r[k].width > 0 ? take_varint(&w->in) : 0;
		if (r[k].gcd++ == UINT64_MAX)
			return page_dir_bad(err, "divisor");
	}
	page_dir_pass(w, n, RUN_HAS_COLUMN);
	return 0;
}

/* How many values the dictionaries have. */
static int
run_dictionaries(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_run *r = w->dir->runs;
	uint32_t i, k = 0, n;

	for (i = 0; i < w->n_runs; i++) {
		n = 0;
		if ((w->has[i] & RUN_HAS_DICTIONARY) != 0) {
			w->n_exc[i] = n = take_u32(&w->in);
			if (n < 2 || n > w->n[i])
				return page_dir_bad(err, "dictionary");
		}
		if (k < w->dir->n_runs && w->pick[k] == i)
			r[k++].n_dict = n;
	}
	return 0;
}

/* A modulus, and its residues as bits. */
static bool
take_lattice(struct reader *in, struct lattice *l)
{
	const uint8_t *p;
	unsigned i, len;

	l->modulus = take_u8(in);
	l->set[0] = l->set[1] = 0;
	len = (l->modulus + 7u) / 8;
	if (l->modulus < 2 || l->modulus > LATTICE_MODULUS_MAX ||
	    (p = take(in, len)) == NULL)
		return false;
	for (i = 0; i < len; i++)
		l->set[i / 8] |= (uint64_t)p[i] << i % 8 * 8;
	/* There is a residue, and none above the modulus. */
	return (l->set[0] | l->set[1]) != 0 &&
	    (l->modulus % 8 == 0 || p[len - 1] >> l->modulus % 8 == 0);
}

static int
run_lattices(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_run *r = w->dir->runs;
	struct lattice l = { 0, { 0, 0 } };
	uint32_t i, k = 0;

	for (i = 0; i < w->n_runs; i++) {
		bool has = (w->has[i] & RUN_HAS_LATTICE) != 0;

		if (has && !take_lattice(&w->in, &l))
			return page_dir_bad(err, "lattice");
		if (k < w->dir->n_runs && w->pick[k] == i) {
			if (has)
				r[k].lattice = l;
			k++;
		}
	}
	return 0;
}

/* The columns of all runs: only together they tell where each one is. */
static int
run_columns(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_run *r = w->dir->runs;
	uint32_t i, k = 0, column, n;

	for (i = 0; i < w->n_runs; i++) {
		column = PAGE_NO_COLUMN;
		if (w->width[i] > 0) {
			n = page_count_residuals(w->n[i],
			    (w->has[i] & RUN_ORDER_1) != 0, w->width[i],
			    (w->has[i] & RUN_HAS_DICTIONARY) != 0 ?
			    w->n_exc[i] : 0);
			if (!take_column(w, n, w->width[i], &column))
				return page_dir_bad(err, "columns of values");
		}
		if (k < w->dir->n_runs && w->pick[k] == i)
			r[k++].column = column;
	}
	return 0;
}

static uint8_t
coding_of(const struct page_run *r)
{
	if (r->n_exc > 0)
		return COLUMN_MIXED;
	if (r->width == 0)
		return COLUMN_CONST;
	if (r->n_dict > 0)
		return COLUMN_DICTIONARY;
	if (r->lattice.modulus > 0)
		return COLUMN_LATTICE;
	if (ntdb_type_is_int(r->type))
		return COLUMN_INT;
	return r->scale == DEC_RAW ? COLUMN_RAW : COLUMN_DECIMAL;
}

/* The number of exceptions of each run, and where they will be. */
static int
run_counts(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_dir *dir = w->dir;
	struct page_run *r = dir->runs;
	uint64_t total = 0;
	uint32_t i, k = 0;

	for (i = 0; i < w->n_runs; i++) {
		uint32_t n = 0;

		if ((w->has[i] & RUN_HAS_EXCEPTIONS) != 0) {
			w->n_exc[i] = n = take_u32(&w->in);
			total += n;
			if (w->in.bad || n == 0 || n > w->n[i])
				return page_dir_bad(err,
				    "count of exceptions");
		}
		if (k == dir->n_runs || w->pick[k] != i)
			continue;
		r[k].exc_at = dir->n_exceptions;
		r[k].n_exc = n;
		dir->n_exceptions += n;
		if (r[k].has_stats)
			r[k].stats = dir->n_stats++;
		r[k].coding = coding_of(&r[k]);
		k++;
	}
	if (total > (size_t)(w->in.end - w->in.p) / EXCEPTION_LEN_MIN)
		return page_dir_bad(err, "count of exceptions");
	w->n_exceptions = (uint32_t)total;
	return 0;
}

int
page_dir_runs(struct dir_walk *w, struct ntdb_error *err)
{
	int e;

	if ((e = pick_runs(w, err)) != 0 || (e = run_times(w, err)) != 0 ||
	    (e = run_forms(w, err)) != 0 || (e = run_widths(w, err)) != 0 ||
	    (e = run_values(w, err)) != 0 ||
	    (e = run_dictionaries(w, err)) != 0 ||
	    (e = run_lattices(w, err)) != 0 ||
	    (e = run_columns(w, err)) != 0)
		return e;
	return run_counts(w, err);
}
