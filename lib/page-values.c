/*
 * Decoding the times and values of a run.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "page-impl.h"

#define CHUNK 256		/* values that are decoded at a time */

uint32_t
page_run_residuals(const struct page_run *run)
{
	return page_count_residuals(run->n, run->order, run->width,
	    run->n_dict);
}

void
page_residuals(const struct page_dir *dir, uint32_t column,
    const uint8_t *raw, struct residuals *in)
{
	const struct page_column *c;
	const struct page_group *g;

	memset(in, 0, sizeof(*in));
	if (column == PAGE_NO_COLUMN)
		return;
	c = &dir->columns[column];
	g = &dir->groups[c->group];
	in->planes = raw;
	in->n = g->n;
	in->at = c->at;
	in->bits = c->width;
	in->bytes = g->bytes;
}

void
page_times(const struct page_dir *dir, const struct page_run *run,
    const uint8_t *raw, uint32_t from, uint32_t n, int64_t *t)
{
	const struct page_timeline *tl = &dir->timelines[run->timeline];
	struct column_times f;
	struct residuals in;

	f.first = tl->first;
	f.step = tl->step;
	f.usual = tl->usual;
	f.rest = tl->rest;
	f.width = tl->width;
	page_residuals(dir, tl->column, raw, &in);
	column_times_read(&f, &in, from, n, t);
}

/* The values of a dictionary, which stand behind the indices. */
static void
read_entries(const struct page_run *run, const struct residuals *in,
    int64_t *entries)
{
	uint64_t r[CHUNK], v = (uint64_t)run->base;
	uint32_t done, i, k, n = run->n_dict - 1;

	*entries++ = as_i64(v);
	for (done = 0; done < n; done += k) {
		k = n - done < CHUNK ? n - done : CHUNK;
		residuals_read(in, run->n + done, k, r);
		for (i = 0; i < k; i++) {
			v += run->gcd * (r[i] + 1);
			*entries++ = as_i64(v);
		}
	}
}

/* Values by way of their indices in the run's dictionary. */
static int
read_dictionary(const struct page_run *run, const struct residuals *in,
    uint32_t from, uint32_t n, int64_t *m, struct ntdb_error *err)
{
	struct column_form f = { 0, 1, run->order, run->width };
	int64_t *entries;
	uint64_t worst = 0;
	uint32_t i;

	if ((entries = malloc(run->n_dict * sizeof(*entries))) == NULL)
		return err_nomem(err);
	read_entries(run, in, entries);
	/* The first delta is from 0, as if a value stood before. */
	column_read(&f, in, run->order == 1 ? from + 1 : from, n, m);
	for (i = 0; i < n; i++)
		worst = (uint64_t)m[i] > worst ? (uint64_t)m[i] : worst;
	if (worst < run->n_dict)
		for (i = 0; i < n; i++)
			m[i] = entries[m[i]];
	free(entries);
	return worst < run->n_dict ? 0 : err_set(err, NTDB_ECORRUPT,
	    "columns of a page: not in the dictionary");
}

/* The integers of a run, or its mantissas. */
static int
read_integers(const struct page_dir *dir, const struct page_run *run,
    const uint8_t *raw, uint32_t from, uint32_t n, int64_t *m,
    struct ntdb_error *err)
{
	struct column_form f = { run->base, run->gcd, run->order, run->width };
	struct residuals in;

	page_residuals(dir, run->column, raw, &in);
	if (run->n_dict > 0)
		return read_dictionary(run, &in, from, n, m, err);
	if (run->lattice.modulus == 0) {
		column_read(&f, &in, from, n, m);
		return 0;
	}
	f.base = 0;
	f.gcd = 1;
	column_read(&f, &in, from, n, m);
	lattice_values(&run->lattice, m, n, run->base, run->gcd, m);
	return 0;
}

/* Put the exceptions among samples [from, from + n) in their places. */
static void
add_exceptions(const struct page_dir *dir, const struct page_run *run,
    uint32_t from, uint32_t n, int64_t *m, uint8_t *scale)
{
	const struct page_exception *e = dir->exceptions + run->exc_at;
	uint32_t i;

	for (i = 0; i < run->n_exc; i++, e++)
		if (e->index >= from && e->index - from < n) {
			m[e->index - from] = e->m;
			scale[e->index - from] = e->scale;
		}
}

/* Whether all are within the bounds of decimals. */
static bool
decimals_ok(const int64_t *m, uint32_t n)
{
	uint64_t most = (uint64_t)DEC_M_MAX;
	uint32_t i;
	unsigned bad = 0;

	for (i = 0; i < n; i++)
		bad |= (uint64_t)m[i] + most > 2 * most;
	return bad == 0;
}

int
page_values(const struct page_dir *dir, const struct page_run *run,
    const uint8_t *raw, uint32_t from, uint32_t n, int64_t *m,
    uint8_t *scale, struct ntdb_error *err)
{
	int e;

	if ((e = read_integers(dir, run, raw, from, n, m, err)) != 0)
		return e;
	if (ntdb_type_is_int(run->type)) {
		if (scale != NULL)
			memset(scale, 0, n);
		return 0;
	}
	if (run->scale <= DEC_SCALE_MAX && !decimals_ok(m, n))
		return err_set(err, NTDB_ECORRUPT,
		    "columns of a page: impossible value");
	memset(scale, run->scale, n);
	add_exceptions(dir, run, from, n, m, scale);
	return 0;
}
