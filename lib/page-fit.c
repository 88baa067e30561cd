/*
 * Choosing how the values of a run are stored in a sealed page.
 */
#include <string.h>

#include "bytes.h"
#include "entropy.h"
#include "page-packer.h"

/*
 * Residuals of so few bits each are not worth looking for something better:
 * lattice and dictionary take room too.
 */
#define LATTICE_WORTH 3
#define DICTIONARY_WORTH 2
#define DICTIONARY_SHARE 2	/* one value in so many is distinct, at most */
#define DICTIONARY_BITS 48	/* what one takes beside its values */

uint8_t
page_rank(const uint64_t *r, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += column_width(r[i]);
	/* NOLINTNEXTLINE(*DivideZero): nothing is divided if n is 0 */
	sum = n == 0 ? 0 : 2 * sum / n;
	/* Half bits count as long as there are ranks for them. */
	return (uint8_t)(sum < 48 ? 1 + sum : 49 + (sum - 48) / 6);
}

/*
 * The better of n quotients q as they are and their deltas goes to r; returns
 * its order.
 */
static uint8_t
fit_order(struct page_fitter *pf, const uint64_t *q, uint32_t n, uint64_t *r,
    uint64_t *bits)
{
	uint64_t bits_1;

	*bits = entropy_of_numbers(q, n);
	column_deltas(q, n, pf->deltas);
	bits_1 = entropy_of_numbers(pf->deltas, n - 1);
	if (bits_1 >= *bits) {
		memcpy(r, q, n * sizeof(*r));
		return 0;
	}
	*bits = bits_1;
	memcpy(r, pf->deltas, (n - 1) * sizeof(*r));
	return 1;
}

/* Try indices of a lattice.  base is the least of v. */
static void
try_lattice(struct page_fitter *pf, const int64_t *v, uint32_t n,
    int64_t base, struct page_fit *fit, uint64_t *r)
{
	uint64_t bits, bits_1, step = fit->form.gcd;
	uint64_t *q = pf->q;
	struct lattice l;

	if (!lattice_find(v, n, base, step, &l))
		return;
	lattice_indices(&l, v, n, base, step, pf->x);
	memcpy(q, pf->x, n * sizeof(*q));
	bits = entropy_of_numbers(q, n);
	column_deltas(q, n, pf->deltas);
	bits_1 = entropy_of_numbers(pf->deltas, n - 1);
	if ((bits < bits_1 ? bits : bits_1) + l.modulus + 8 >= fit->bits)
		return;
	fit->bits = (bits < bits_1 ? bits : bits_1) + l.modulus + 8;
	fit->form.order = bits_1 < bits;
	fit->form.base = base;
	if (fit->form.order == 1) {
		lattice_rotate(&l, ((uint64_t)v[0] - (uint64_t)base) / step);
		fit->form.base = v[0];
	}
	fit->lattice = l;
	memcpy(r, fit->form.order == 1 ? pf->deltas : q,
	    (n - fit->form.order) * sizeof(*r));
}

/* Try indices of a dictionary. */
static void
try_dictionary(struct page_fitter *pf, const int64_t *v, uint32_t n,
    struct page_fit *fit, uint64_t *r)
{
	struct dictionary *d = &pf->d;
	uint64_t bits, bits_1, *q = pf->q, last;
	uint8_t order;
	uint32_t i;

	if (!dictionary_make(d, v, n, n / DICTIONARY_SHARE))
		return;
	for (i = 1; i < d->n; i++)
		pf->entries[i - 1] = ((uint64_t)d->sorted[i] -
		    (uint64_t)d->sorted[i - 1]) / fit->form.gcd - 1;
	dictionary_indices(d, v, n, q);
	bits = entropy_of_numbers(q, n);
	/* The first delta is from 0. */
	for (last = 0, i = 0; i < n; i++) {
		pf->deltas[i] = zigzag((int64_t)q[i] - (int64_t)last);
		last = q[i];
	}
	bits_1 = entropy_of_numbers(pf->deltas, n);
	order = bits_1 < bits;
	if (order == 1)
		bits = bits_1;
	bits += entropy_of_numbers(pf->entries, d->n - 1) + DICTIONARY_BITS;
	if (bits >= fit->bits)
		return;
	fit->bits = bits;
	fit->n_dict = d->n;
	fit->lattice.modulus = 0;
	fit->form.base = d->sorted[0];
	fit->form.order = order;
	memcpy(r, order == 1 ? pf->deltas : q, n * sizeof(*r));
	memcpy(r + n, pf->entries, (d->n - 1) * sizeof(*r));
}

/* Whether differences of the values stay well within 64 bits. */
static bool
spans_little(const int64_t *v, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (v[i] > INT64_MAX / 4 || v[i] < INT64_MIN / 4)
			return false;
	return true;
}

void
page_fit_best(struct page_fitter *pf, const int64_t *v, uint32_t n,
    bool dictionary, struct page_fit *fit, uint64_t *r)
{
	int64_t base;

	memset(fit, 0, sizeof(*fit));
	column_quotients(v, n, &fit->form, pf->q);
	if (fit->form.width == 0)
		return;
	base = fit->form.base;
	fit->form.order = fit_order(pf, pf->q, n, r, &fit->bits);
	if (fit->form.order == 1)
		fit->form.base = v[0];
	/* A lattice is searched in signed numbers. */
	if (fit->bits > (uint64_t)n * LATTICE_WORTH && spans_little(v, n))
		try_lattice(pf, v, n, base, fit, r);
	if (dictionary && fit->bits > (uint64_t)n * DICTIONARY_WORTH)
		try_dictionary(pf, v, n, fit, r);
	fit->form.width = page_rank(r, n - (fit->n_dict > 0 ? 0 :
	    fit->form.order));
}
