#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "page-packer.h"

#define EXCEPTION_BITS 88	/* what an exception costs, about */

#define RESIDUALS_KEPT ((size_t)32 << 10)

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
	buf_release(&pk->split);
	buf_release(&pk->groups);
	free(pk->times);
	free(pk->timelines.next);
	free(pk->columns.next);
	free(pk->start);
	free(pk->sorted);
	free(pk->r);
	free(pk->fitter);
	free(pk);
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
	page_forget_all(pk);
	if (pk->sealed && pk->fitter == NULL &&
	    (pk->fitter = malloc(sizeof(*pk->fitter))) == NULL)
		return err_nomem(err);
	if (n <= pk->n_room)
		return 0;
	pk->n_room = 0;
	if ((e = page_resize(&d->runs, n, sizeof(*d->runs), err)) != 0 ||
	    (e = page_resize(&d->timelines, n, sizeof(*d->timelines), err)) != 0 ||
	    (e = page_resize(&d->stats, n, sizeof(*d->stats), err)) != 0 ||
	    (e = page_resize(&d->columns, 2 * n, sizeof(*d->columns), err)) != 0 ||
	    (e = page_resize(&d->groups, 2 * n, sizeof(*d->groups), err)) != 0 ||
	    (e = page_resize(&pk->times, n, sizeof(*pk->times), err)) != 0 ||
	    (e = page_resize(&pk->timelines.next, n, sizeof(uint32_t), err)) != 0 ||
	    (e = page_resize(&pk->columns.next, 2 * n, sizeof(uint32_t),
	    err)) != 0 ||
	    (e = page_resize(&pk->start, 2 * n, sizeof(*pk->start), err)) != 0 ||
	    (e = page_resize(&pk->sorted, 2 * n, sizeof(uint32_t), err)) != 0)
		return e;
	pk->n_room = n;
	return 0;
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
		if ((e = page_resize(&d->exceptions, room,
		    sizeof(*d->exceptions), err)) != 0)
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

/* Choose how integers are stored; their residuals go to r. */
static void
fit_integers(struct page_packer *pk, const int64_t *v, uint32_t n,
    bool dictionary, struct page_fit *fit, uint64_t *r)
{
	if (pk->sealed) {
		page_fit_best(pk->fitter, v, n, dictionary, fit, r);
		return;
	}
	memset(fit, 0, sizeof(*fit));
	column_fit(v, n, &fit->form, r, &fit->bits);
}

/*
 * Decide how the decimals of a run are stored, and leave the integers that
 * make the column in pk->v, its form in fit, its residuals in r.
 */
static int
fit_floats(struct page_packer *pk, struct page_run *run, const int64_t *m,
    const uint8_t *scale, struct page_fit *fit, uint64_t *r,
    struct ntdb_error *err)
{
	uint32_t i, n_exc = 0, n = run->n;
	struct page_fit raw;
	bool some;

	some = column_scale_fit(m, scale, n, &run->scale) > 0;
	if (some) {
		n_exc = column_scale_to(m, scale, n, run->scale, pk->v,
		    pk->except);
		fit_integers(pk, pk->v, n, n_exc == 0, fit, r);
		if (n_exc == 0)
			return 0;
	}
	/* Not all are decimals of one scale: their bits may be cheaper. */
	for (i = 0; i < n; i++)
		pk->bits[i] = as_i64(f64_bits(dec_to_f64(m[i], scale[i])));
	fit_integers(pk, pk->bits, n, true, &raw, pk->bits_r);
	if (some && fit->bits + (uint64_t)n_exc * EXCEPTION_BITS < raw.bits)
		return add_exceptions(pk, run, m, scale, n_exc, err);
	run->scale = DEC_RAW;
	*fit = raw;
	memcpy(r, pk->bits_r, (n + raw.n_dict) * sizeof(*r));
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
	struct page_fit fit;
	uint64_t *r;
	int e;

	if ((r = page_residual_room(pk, run->n +
	    (pk->sealed ? DICTIONARY_MAX : 0), err)) == NULL)
		return NTDB_ESYS;
	if (ntdb_type_is_int(in->type)) {
		fit_integers(pk, m, run->n, true, &fit, r);
	} else {
		scale = in->scale + from;
		if ((e = fit_floats(pk, run, m, scale, &fit, r, err)) != 0)
			return e;
	}
	run->base = fit.form.base;
	run->gcd = fit.form.gcd;
	run->order = fit.form.order;
	run->width = fit.form.width;
	run->n_dict = fit.n_dict;
	run->lattice = fit.lattice;
	run->column = page_add_column(pk, page_run_residuals(run), run->width);
	if (run->n >= (page_stats_near(run) ? PAGE_STATS_MIN :
	    PAGE_STATS_FAR_MIN))
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
		if ((e = page_add_timeline(pk, in->t + from, run->n,
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
	pk->sealed = codec == PAGE_DEFLATE;
	if ((e = begin(pk, n_pieces, err)) != 0 ||
	    (e = add_all(pk, runs, n_runs, err)) != 0 ||
	    (e = page_write_groups(pk, (enum compress_codec)codec, err)) != 0)
		return e;
	drop_residuals(pk);
	return page_write(&pk->dir, &h, &pk->groups, &pk->z, &pk->plain, out,
	    err);
}
