/*
 * Packing pages.  Input: a byte of flags, then runs: their kind, times and
 * values are made from a few bytes each, or are the bytes themselves.
 *
 *   - What was packed unpacks, sample by sample and bit by bit.
 *   - Statistics are those of the samples.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fuzz.h"
#include "number.h"
#include "page.h"
#include "verify.h"

#define RUNS_MAX 8
#define SAMPLES_MAX 9000	/* of a run: more than page_pack puts in one */

struct series {
	uint32_t n;
	int64_t	t[SAMPLES_MAX], m[SAMPLES_MAX];
	uint8_t	scale[SAMPLES_MAX];
};

static uint64_t seed;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Times: even, or with steps that differ, by as much as the input says. */
static void
make_times(struct input *in, struct series *s)
{
	uint64_t step = in_u8(in), unit = in_u8(in), jitter = in_u16(in);
	int64_t t = as_i64(in_u64(in));
	uint32_t i;

	step <<= unit % 56;
	for (i = 0; i < s->n; i++) {
		s->t[i] = t;
		t = as_i64((uint64_t)t + step +
		    (jitter > 0 ? rnd() % jitter : 0));
		if (t < s->t[i])
			t = INT64_MAX;
	}
}

/* Integers of one of several shapes. */
static void
make_ints(struct input *in, struct series *s, unsigned shape)
{
	uint64_t base = in_u64(in), width = in_u8(in) % 65, k = in_u16(in);
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		uint64_t r = width == 0 ? 0 : rnd() >> (64 - width);

		switch (shape) {
		case 0:			/* around a base, multiples of k */
			s->m[i] = as_i64(base + r * (k + 1));
			break;
		case 1:			/* walking */
			base += r * (k + 1) - (r / 2) * (k + 1);
			s->m[i] = as_i64(base);
			break;
		case 2:			/* a few values */
			r %= k % 300 + 1;
			s->m[i] = as_i64(base + r * r * r * 7919);
			break;
		case 3:			/* rounded multiples: a lattice */
			r %= 5000;
			s->m[i] = as_i64(r * 100 / (k % 90 + 2) +
			    (base & 0xffff));
			break;
		default:		/* bytes of the input */
			s->m[i] = as_i64(in_u64(in));
		}
	}
}

/* Turn integers into decimals: of one scale, of several, or raw ones. */
static void
make_decimals(struct input *in, struct series *s)
{
	uint8_t how = in_u8(in), scale = in_u8(in) % (DEC_SCALE_MAX + 1);
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		int64_t m = s->m[i];

		if (m > DEC_M_MAX || m < -DEC_M_MAX)
			m %= DEC_M_MAX;
		s->scale[i] = scale;
		if (how % 4 == 1 && rnd() % 60 == 0)
			s->scale[i] = DEC_RAW;
		if (how % 4 == 2)
			s->scale[i] = (uint8_t)(rnd() % (scale + 1u));
		if (how % 4 == 3)
			s->scale[i] = DEC_RAW;
		if (s->scale[i] == DEC_RAW)
			m = how & 4 ? as_i64(f64_bits((double)m / 3)) :
			    s->m[i];
		s->m[i] = m;
	}
}

/* One run more; false: the input has ended. */
static bool
make_run(struct input *in, struct series *s, struct page_run_in *r,
    const struct page_run_in *before)
{
	uint8_t kind = in_u8(in), id = in_u8(in);
	uint32_t i, most;

	if (in->n == 0)
		return false;
	seed = 0x9e3779b97f4a7c15 ^ in_u8(in);
	r->id = before == NULL ? id : before->id + id;
	r->type = (uint8_t)(NTDB_INT32 + kind % 4);
	/* A long run is slow: at most one, the first. */
	most = before == NULL && (kind & 8) ? SAMPLES_MAX : 300;
	s->n = 1 + in_u16(in) % most;
	if (before != NULL && (kind & 4) && s->n <= before->n &&
	    before->id != r->id)
		memcpy(s->t, before->t, s->n * sizeof(s->t[0]));
	else
		make_times(in, s);
	/* Runs of a metric are in order of time. */
	if (before != NULL && before->id == r->id &&
	    s->t[0] < before->t[before->n - 1])
		r->id++;
	make_ints(in, s, kind >> 4 & 7);
	if (r->type == NTDB_INT32)
		for (i = 0; i < s->n; i++)
			s->m[i] = (int32_t)s->m[i];
	if (!ntdb_type_is_int(r->type))
		make_decimals(in, s);
	r->n = s->n;
	r->t = s->t;
	r->m = s->m;
	r->scale = ntdb_type_is_int(r->type) ? NULL : s->scale;
	return true;
}

static bool
same_value(int type, int64_t m, uint8_t scale, int64_t want, uint8_t want_s)
{
	if (ntdb_type_is_int(type))
		return m == want;
	return f64_bits(dec_to_f64(m, scale)) ==
	    f64_bits(dec_to_f64(want, want_s));
}

/* The unpacked group, kept in cache until the page is done with. */
static const uint8_t *
group(const struct page_dir *d, const uint8_t *page, uint8_t **cache,
    uint32_t i)
{
	if (i == UINT32_MAX)
		return NULL;
	must(i < d->n_groups);
	if (cache[i] == NULL) {
		cache[i] = fuzz_alloc(d->groups[i].raw_len);
		must(page_group_unpack(&d->groups[i],
		    page + d->groups[i].offset, cache[i], NULL) == 0);
	}
	return cache[i];
}

/* All samples of a page are those of the runs, in this order. */
static void
compare(const struct page_dir *d, const uint8_t *page,
    const struct page_run_in *in)
{
	static int64_t t[PAGE_RUN_MAX], m[PAGE_RUN_MAX];
	static uint8_t scale[PAGE_RUN_MAX];
	static struct verify v;
	uint8_t **cache = calloc(d->n_groups + 1, sizeof(cache[0]));
	uint32_t i, k, gt, gv;
	size_t at = 0;

	must(cache != NULL);
	for (i = 0; i < d->n_runs; i++) {
		const struct page_run *r = &d->runs[i];
		const uint8_t *times, *values;

		page_run_groups(d, r, &gt, &gv);
		times = group(d, page, cache, gt);
		values = group(d, page, cache, gv);
		must(r->n <= PAGE_RUN_MAX && at + r->n <= in->n);
		must(r->id == in->id && r->type == in->type);
		page_times(d, r, times, 0, r->n, t);
		must(page_values(d, r, values, 0, r->n, m,
		    in->scale == NULL ? NULL : scale, NULL) == 0);
		for (k = 0; k < r->n; k++) {
			must(t[k] == in->t[at + k]);
			must(same_value(r->type, m[k],
			    in->scale == NULL ? 0 : scale[k], in->m[at + k],
			    in->scale == NULL ? 0 : in->scale[at + k]));
		}
		must(verify_run(&v, d, r, times, values, NULL) == 0);
		if ((at += r->n) == in->n) {
			in++;
			at = 0;
		}
	}
	for (i = 0; i < d->n_groups; i++)
		free(cache[i]);
	free(cache);
}

static void
check(struct page_packer *pk, const struct page_run_in *in, size_t n,
    bool sealed, enum page_codec codec)
{
	struct buf out = BUF_INIT;
	struct page_head h;
	struct page_dir d;
	uint32_t i;
	size_t samples = 0;

	buf_add(&out, "before", 6);
	must(page_pack(pk, in, n, 77, sealed, codec, &out, NULL) == 0);
	must(page_head_unpack(out.data + 6, out.len - 6, &h, NULL) == 0);
	must(h.len == out.len - 6 && h.epoch == 77 && h.sealed == sealed);
	must(h.codec == codec && h.max_id == in[n - 1].id);
	for (i = 0; i < n; i++)
		samples += in[i].n;
	must(h.n_samples == samples);
	must(page_dir_unpack(&h, out.data + 6 + h.head_len, &d, NULL) == 0);
	compare(&d, out.data + 6, in);
	page_dir_release(&d);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct series series[RUNS_MAX];
	static struct page_packer *pk;
	struct page_run_in in[RUNS_MAX];
	struct input rest = { data, size };
	uint8_t flags = in_u8(&rest);
	size_t n = 0;

	if (pk == NULL)
		must(page_packer_new(&pk, NULL) == 0);
	while (n < RUNS_MAX && make_run(&rest, &series[n], &in[n],
	    n == 0 ? NULL : &in[n - 1]))
		n++;
	if (n == 0)
		return 0;
	check(pk, in, n, flags & 1, PAGE_DEFLATE);
	check(pk, in, n, flags & 2, PAGE_SNAPPY);
	return 0;
}
