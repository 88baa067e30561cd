/*
 * What only some runs have in a directory: exceptions and statistics.
 */
#include <stdlib.h>

#include "error.h"
#include "page-reader.h"

/* Room for what follows, in one piece. */
static int
make_room(struct page_dir *dir, struct ntdb_error *err)
{
	size_t len = (size_t)dir->n_stats * sizeof(*dir->stats);
	uint8_t *p;

	p = malloc(len + (size_t)dir->n_exceptions *
	    sizeof(*dir->exceptions) + 1);
	if (p == NULL)
		return err_nomem(err);
	memset(p, 0, len);
	dir->stats = (struct page_stats *)(void *)p;
	dir->exceptions = (struct page_exception *)(void *)(p + len);
	return 0;
}

/* Where the samples of a run are that are exceptions. */
static bool
take_indices(const struct page_dir *dir, const struct page_run *r,
    struct reader *in)
{
	struct page_exception *e = dir->exceptions + r->exc_at;
	uint32_t i, after, delta;

	for (after = 0, i = 0; i < r->n_exc; i++, e++) {
		delta = take_u32(in);
		if (in->bad || delta >= r->n - after)
			return false;
		e->index = after + delta;
		after = e->index + 1;
	}
	return true;
}

/* Their values, whose scales are given. */
static bool
take_mantissas(const struct page_dir *dir, const struct page_run *r,
    const uint8_t *scale, struct reader *in)
{
	struct page_exception *e = dir->exceptions + r->exc_at;
	const uint8_t *p;
	uint32_t i;

	for (i = 0; i < r->n_exc; i++, e++) {
		e->scale = scale[i];
		if (e->scale == DEC_RAW) {
			p = take(in, 8);
			e->m = p == NULL ? 0 : as_i64(get_u64(p));
			continue;
		}
		e->m = take_signed(in);
		if (e->scale > DEC_SCALE_MAX || e->m > DEC_M_MAX ||
		    e->m < -DEC_M_MAX)
			return false;
	}
	return true;
}

/* The exceptions of the runs [a, b) of the page. */
static uint32_t
count_exceptions(const struct dir_walk *w, uint32_t a, uint32_t b)
{
	uint32_t n = 0;

	for (; a < b; a++)
		if ((w->has[a] & RUN_HAS_EXCEPTIONS) != 0)
			n += w->n_exc[a];
	return n;
}

/* Pass over n values, whose scales are given. */
static void
pass_mantissas(struct reader *in, const uint8_t *scale, uint32_t n)
{
	for (; n > 0; n--, scale++)
		if (*scale == DEC_RAW)
			take(in, 8);
		else
			pass_varints(in, 1);
}

int
page_dir_exceptions(struct dir_walk *w, struct ntdb_error *err)
{
	struct page_dir *dir = w->dir;
	struct reader *in = &w->in;
	uint32_t a, b, k, n;
	const uint8_t *scale;
	int r;

	if ((r = make_room(dir, err)) != 0 || w->n_exceptions == 0)
		return r;
	for (k = 0; k <= dir->n_runs; k++) {
		page_dir_gap(w, k, &a, &b);
		pass_varints(in, count_exceptions(w, a, b));
		if (k < dir->n_runs && !take_indices(dir, &dir->runs[k], in))
			return page_dir_bad(err, "exceptions");
	}
	if ((scale = take(in, w->n_exceptions)) == NULL)
		return page_dir_bad(err, "exceptions");
	for (k = 0; k <= dir->n_runs; k++) {
		page_dir_gap(w, k, &a, &b);
		n = count_exceptions(w, a, b);
		pass_mantissas(in, scale, n);
		scale += n;
		if (k == dir->n_runs)
			break;
		if (!take_mantissas(dir, &dir->runs[k], scale, in))
			return page_dir_bad(err, "exceptions");
		scale += dir->runs[k].n_exc;
	}
	return in->bad ? page_dir_bad(err, "exceptions") : 0;
}

/* A statistic that is the value of a sample. */
static inline union ntdb_value
take_value(const struct page_run *r, struct reader *in)
{
	union ntdb_value v;
	int64_t m;

	if (!page_stats_near(r)) {
		v.f = take_double(in);
		return v;
	}
	m = sum_mod(r->base, take_signed(in));
	if (ntdb_type_is_int(r->type))
		v.i = m;
	else
		v.f = dec_to_f64(m, r->scale);
	return v;
}

/* Pass over such a statistic of each run before wanted run k. */
static void
pass_values(struct dir_walk *w, uint32_t k)
{
	uint32_t a, b, near = 0;

	for (page_dir_gap(w, k, &a, &b); a < b; a++) {
		if ((w->has[a] & RUN_HAS_STATS) == 0)
			continue;
		if ((w->has[a] & RUN_IS_FAR) == 0) {
			near++;
			continue;
		}
		pass_varints(&w->in, near);
		near = 0;
		take(&w->in, 8);
	}
	pass_varints(&w->in, near);
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

static void
pass_sums(struct dir_walk *w, uint32_t k)
{
	struct reader *in = &w->in;
	uint32_t a, b;

	for (page_dir_gap(w, k, &a, &b); a < b; a++) {
		if ((w->has[a] & RUN_HAS_STATS) == 0)
			continue;
		if ((w->has[a] & RUN_IS_FLOAT) != 0 || take_u8(in) != 0)
			take(in, 8);
		pass_varints(in, 1);
	}
}

/* One of the statistics that are values of samples, of all runs. */
static void
take_values(struct dir_walk *w, size_t member)
{
	const struct page_run *r = w->dir->runs;
	union ntdb_value *v;
	uint32_t k;

	for (k = 0; k < w->dir->n_runs; k++, r++) {
		pass_values(w, k);
		if (!r->has_stats)
			continue;
		v = (union ntdb_value *)(void *)
		    ((uint8_t *)&w->dir->stats[r->stats] + member);
		*v = take_value(r, &w->in);
	}
	pass_values(w, k);
}

int
page_dir_stats(struct dir_walk *w, struct ntdb_error *err)
{
	const struct page_run *r, *end = w->dir->runs + w->dir->n_runs;
	struct page_stats *st = w->dir->stats;
	uint32_t i, k = 0;

	take_values(w, offsetof(struct page_stats, min));
	take_values(w, offsetof(struct page_stats, max));
	take_values(w, offsetof(struct page_stats, first));
	take_values(w, offsetof(struct page_stats, last));
	for (i = 0; i < w->n_runs; i++) {
		bool wanted = k < w->dir->n_runs && w->pick[k] == i;
		uint32_t n_nan;

		r = &w->dir->runs[k];
		k += wanted;
		if ((w->has[i] & RUN_HAS_STATS) == 0 ||
		    (w->has[i] & RUN_IS_FAR) == 0)
			continue;
		if ((n_nan = take_u32(&w->in)) > w->n[i])
			return page_dir_bad(err, "count of NaNs");
		if (wanted)
			st[r->stats].n_nan = n_nan;
	}
	for (r = w->dir->runs, k = 0; r < end; r++, k++) {
		pass_sums(w, k);
		if (r->has_stats)
			take_sum(r, &w->in, &st[r->stats]);
	}
	pass_sums(w, k);
	return w->in.bad ? page_dir_bad(err, "statistics") : 0;
}
