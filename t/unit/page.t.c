#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "column.h"
#include "number.h"
#include "page.h"
#include "tap.h"

static uint64_t seed = 0xd1342543de82ef95;
static struct page_packer *packer;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void *
need(size_t n)
{
	void *p = malloc(n + 1);

	if (p == NULL)
		bail("out of memory");
	return p;
}

/* A page with all that is needed to read it. */
struct opened {
	struct buf page;
	struct page_head h;
	struct page_dir dir;
	uint8_t	**raw;
};

static bool
open_page(struct opened *o)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	uint32_t i;

	if (page_head_unpack(o->page.data, o->page.len, &o->h, &err) != 0 ||
	    o->h.len != o->page.len || page_dir_unpack(&o->h,
	    o->page.data + o->h.head_len, &o->dir, &err) != 0) {
		diag("%s", err.text);
		return false;
	}
	o->raw = need(o->dir.n_groups * sizeof(*o->raw));
	for (i = 0; i < o->dir.n_groups; i++) {
		const struct page_group *g = &o->dir.groups[i];

		o->raw[i] = need(g->raw_len);
		if (g->raw_len > 98304 || page_group_unpack(g,
		    o->page.data + g->offset, o->raw[i], &err) != 0)
			return false;
	}
	return true;
}

static void
close_page(struct opened *o)
{
	uint32_t i;

	for (i = 0; o->raw != NULL && i < o->dir.n_groups; i++)
		free(o->raw[i]);
	free(o->raw);
	page_dir_release(&o->dir);
	buf_release(&o->page);
}

static bool
same(const struct page_run_in *in, size_t at, int64_t m, uint8_t scale)
{
	if (in->scale == NULL)
		return m == in->m[at];
	return f64_bits(dec_to_f64(m, scale)) ==
	    f64_bits(dec_to_f64(in->m[at], in->scale[at]));
}

/* Whether samples [from, from + n) of a run are those of in at `at'. */
static bool
part_ok(struct opened *o, const struct page_run *run,
    const struct page_run_in *in, size_t at, uint32_t from, uint32_t n)
{
	static int64_t t[PAGE_RUN_MAX], m[PAGE_RUN_MAX];
	static uint8_t s[PAGE_RUN_MAX];
	uint32_t gt, gv, i;

	page_run_groups(&o->dir, run, &gt, &gv);
	page_times(&o->dir, run, gt == UINT32_MAX ? NULL : o->raw[gt], from,
	    n, t);
	if (page_values(&o->dir, run, gv == UINT32_MAX ? NULL : o->raw[gv],
	    from, n, m, s, NULL) != 0)
		return false;
	for (i = 0; i < n; i++)
		if (t[i] != in->t[at + from + i] ||
		    !same(in, at + from + i, m[i], s[i]))
			return false;
	return true;
}

static double
value_of(const struct page_run_in *in, size_t i)
{
	return in->scale == NULL ? (double)in->m[i] :
	    dec_to_f64(in->m[i], in->scale[i]);
}

/* Statistics but for the sum, the plain way. */
static bool
stats_ok(const struct page_stats *st, const struct page_run_in *in,
    size_t at, uint32_t n)
{
	bool ints = in->scale == NULL;
	size_t i, min = at, max = at;
	uint32_t n_nan = 0;

	for (i = at; i < at + n; i++) {
		double f = value_of(in, i);

		n_nan += isnan(f) != 0;
		if (ints ? in->m[i] < in->m[min] : f < value_of(in, min) ||
		    isnan(value_of(in, min)))
			min = i;
		if (ints ? in->m[i] > in->m[max] : f > value_of(in, max) ||
		    isnan(value_of(in, max)))
			max = i;
	}
	if (st->n_nan != n_nan)
		return false;
	if (ints)
		return st->min.i == in->m[min] && st->max.i == in->m[max] &&
		    st->first.i == in->m[at] && st->last.i == in->m[at + n - 1];
	if (n_nan == n ? !isnan(st->min.f) || !isnan(st->max.f) :
	    !(st->min.f == value_of(in, min)) ||
	    !(st->max.f == value_of(in, max)))
		return false;
	return f64_bits(st->first.f) == f64_bits(value_of(in, at)) &&
	    f64_bits(st->last.f) == f64_bits(value_of(in, at + n - 1));
}

static int met[COLUMN_DICTIONARY + 1];	/* runs by coding */

/* Pack, unpack and compare, whole and in parts. */
static bool
round_trip(const struct page_run_in *in, size_t n_in, enum page_codec codec)
{
	struct opened o;
	const struct page_run *run;
	size_t at = 0;
	uint32_t i, k;
	bool good;

	memset(&o, 0, sizeof(o));
	good = page_pack(packer, in, n_in, 7, false, codec, &o.page,
	    NULL) == 0 && open_page(&o);
	for (i = 0; good && i < o.dir.n_runs; i++) {
		run = &o.dir.runs[i];
		met[run->coding]++;
		good = run->id == in->id && run->type == in->type &&
		    at + run->n <= in->n && run->t_first == in->t[at] &&
		    run->t_last == in->t[at + run->n - 1] &&
		    run->has_stats == (run->n >= (run->n_exc > 0 ||
		    run->scale == DEC_RAW ? 1024 : 128)) &&
		    part_ok(&o, run, in, at, 0, run->n);
		for (k = 0; good && k < 3; k++) {
			uint32_t from = (uint32_t)(rnd() % run->n);

			good = part_ok(&o, run, in, at, from,
			    (uint32_t)(rnd() % (run->n - from + 1)));
		}
		if (good && run->has_stats)
			good = stats_ok(&o.dir.stats[run->stats], in, at,
			    run->n);
		at += run->n;
		if (at == in->n) {
			in++;
			n_in--;
			at = 0;
		}
	}
	good = good && n_in == 0;
	close_page(&o);
	return good;
}

enum kind {
	WALK, MIXED, BITS, ODD, EXTREME, SAME, INTS, FEW, FEW_ODD, THIRDS,
	THIRDS_WALK, KINDS
};

/* A float without a decimal, of those that go wrong most easily. */
static uint64_t
odd_bits(void)
{
	static const uint64_t odd[] = {
		0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000,
		0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
		0x0000000000000001, 0x7fefffffffffffff, 0xffffffffffffffff,
		0x3fd5555555555555
	};

	return odd[rnd() % 10];
}

/* Sample i, after one with m, of a kind. */
static void
make_value(enum kind kind, size_t i, int64_t *m, uint8_t *s, int64_t before)
{
	*s = 0;
	switch (kind) {
	case WALK:
		*s = 2;
		*m = before + (int64_t)(rnd() % 21) - 10;
		break;
	case MIXED:
		*s = (uint8_t)(rnd() % 23);
		*m = as_i64(rnd()) >> (11 + rnd() % 53);
		break;
	case BITS:
		*s = DEC_RAW;
		*m = as_i64(rnd());
		break;
	case ODD:
		*s = rnd() % 16 == 0 ? DEC_RAW : 1;
		*m = *s == DEC_RAW ? as_i64(odd_bits()) :
		    (int64_t)(rnd() % 1000);
		break;
	case EXTREME:
		*m = rnd() % 2 == 0 ? INT64_MIN + (int64_t)(rnd() % 3) :
		    INT64_MAX - (int64_t)(rnd() % 3);
		break;
	case FEW:
		*m = as_i64((rnd() % 20 + 1) * 0x9e3779b97f4a7c15) >> 12;
		break;
	case FEW_ODD:
		*s = DEC_RAW;
		*m = as_i64(rnd() % 2 == 0 ? odd_bits() :
		    (rnd() % 9 + 1) * 0x9e3779b97f4a7c15);
		break;
	case THIRDS:
		*s = 2;
		*m = (int64_t)(rnd() % 30000) * 10 / 3 - 50000;
		break;
	case THIRDS_WALK:
		*s = 2;
		*m = (before * 3 / 10 + (int64_t)(rnd() % 41)) * 10 / 3 - 67;
		break;
	case SAME:
		*m = i == 0 ? as_i64(rnd()) >> 11 : before;
		break;
	default:
		*m = as_i64(rnd()) >> (rnd() % 64);
	}
}

static void
make_run(struct page_run_in *in, uint32_t id, enum kind kind, size_t n,
    int64_t *t_next)
{
	int64_t *t = need(n * sizeof(*t)), *m = need(n * sizeof(*m));
	uint8_t *s = need(n), shift = (uint8_t)(rnd() % 30);
	bool ints = kind == EXTREME || kind == INTS ||
	    (kind == SAME && rnd() % 2 == 0);
	size_t i;

	for (i = 0; i < n; i++) {
		t[i] = *t_next;
		*t_next += rnd() % 3 == 0 ? (int64_t)(rnd() >> 34 >> shift) :
		    1000;
		make_value(kind, i, &m[i], &s[i], i > 0 ? m[i - 1] : 0);
	}
	in->id = id;
	in->type = ints ? NTDB_INT64 : NTDB_FLOAT64;
	in->n = n;
	in->t = t;
	in->m = m;
	in->scale = ints ? NULL : s;
	if (ints)
		free(s);
}

static void
free_runs(struct page_run_in *in, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free((void *)(uintptr_t)in[i].t);
		free((void *)(uintptr_t)in[i].m);
		free((void *)(uintptr_t)in[i].scale);
	}
}

static void
test_random(void)
{
	struct page_run_in in[20];
	int64_t t;
	size_t i, n;
	int k, bad = 0;

	for (k = 0; k < 400; k++) {
		n = (size_t)(rnd() % 20 + 1);
		for (i = 0; i < n; i++) {
			t = as_i64(rnd()) >> 1;
			make_run(&in[i], (uint32_t)(10 * i + 1),
			    (enum kind)(rnd() % KINDS),
			    (size_t)(rnd() % 400 + 1), &t);
			/* Some runs have the times of another. */
			if (i > 0 && rnd() % 2 == 0 && in[i].n <= in[0].n)
				memcpy((void *)(uintptr_t)in[i].t, in[0].t,
				    in[i].n * sizeof(int64_t));
		}
		bad += !round_trip(in, n, rnd() % 2 == 0 ? PAGE_DEFLATE :
		    PAGE_SNAPPY);
		free_runs(in, n);
	}
	is_int(bad, 0, "random pages");
	for (k = 0; k <= COLUMN_DICTIONARY; k++)
		ok(met[k] > 9, "some runs are %s", page_coding_name(k));
}

static void
test_sizes(void)
{
	static struct page_run_in in[10000];
	int64_t t = 0;
	int kind, bad = 0;
	size_t i;

	for (kind = 0; kind < KINDS; kind++) {
		t = INT64_MIN / 2;
		make_run(&in[0], 1, (enum kind)kind, 65536, &t);
		bad += !round_trip(in, 1, PAGE_SNAPPY) +
		    !round_trip(in, 1, PAGE_DEFLATE);
		free_runs(in, 1);
		make_run(&in[0], UINT32_MAX, (enum kind)kind, 1, &t);
		bad += !round_trip(in, 1, PAGE_SNAPPY) +
		    !round_trip(in, 1, PAGE_DEFLATE);
		free_runs(in, 1);
	}
	is_int(bad, 0, "runs of 65536 and of 1");
	for (i = 0; i < 10000; i++)
		make_run(&in[i], (uint32_t)(i / 2), (enum kind)(i % KINDS),
		    i % 5 + 1, &t);
	ok(round_trip(in, 10000, PAGE_SNAPPY), "10,000 runs");
	ok(round_trip(in, 10000, PAGE_DEFLATE), "10,000 runs, sealed");
	free_runs(in, 10000);
}

static void
test_times(void)
{
	static const int64_t ends[] = { INT64_MIN, INT64_MIN, 0, INT64_MAX,
	    INT64_MAX };
	static const int64_t equal[] = { 9, 9, 9, 9, 9 };
	static const int64_t m[] = { 1, 2, 3, 4, 5 };
	struct page_run_in in[2] = {
		{ 1, NTDB_INT32, 5, ends, m, NULL },
		{ 2, NTDB_INT32, 5, equal, m, NULL }
	};
	struct opened o;

	memset(&o, 0, sizeof(o));
	ok(round_trip(in, 2, PAGE_SNAPPY), "extreme and equal times");
	in[0].t = equal;
	ok(page_pack(packer, in, 2, 1, true, PAGE_SNAPPY, &o.page,
	    NULL) == 0 && open_page(&o), "two of the same times and values");
	is_int(o.dir.n_timelines, 1, "share the times");
	is_int(o.dir.n_columns, 1, "and the values");
	ok(o.h.sealed && o.h.epoch == 1 && o.h.max_id == 2, "the header");
	is_int(page_dir_find(&o.dir, 2), 1, "a metric is found");
	is_int(page_dir_find(&o.dir, 3), 2, "one that is not there is not");
	close_page(&o);
}

/* Expected values are from Python's fractions and integers. */
static void
test_sums(void)
{
	static int64_t t[200], m[200], k[130];
	static uint8_t s[200];
	struct page_run_in in[2] = {
		{ 1, NTDB_FLOAT32, 200, t, m, s },
		{ 2, NTDB_INT64, 130, t, k, NULL }
	};
	struct opened o;
	const struct page_stats *st;
	int i;

	memset(&o, 0, sizeof(o));
	for (i = 0; i < 200; i++) {
		t[i] = i;
		m[i] = i * i * 37 % 1001 - 500;
		s[i] = 2;
	}
	for (i = 0; i < 130; i++)
		k[i] = ((int64_t)1 << 62) - 12345 * i;
	if (page_pack(packer, in, 2, 1, false, PAGE_SNAPPY, &o.page,
	    NULL) != 0 || !open_page(&o))
		bail("cannot pack");
	st = &o.dir.stats[o.dir.runs[0].stats];
	ok(st->sum.f == 0x1.b333333333338p+0 && st->sum_lo == -0x1.8p-57 &&
	    !st->sum_exact, "a sum of decimals");
	ok(st->min.f == -5.0 && st->max.f == 4.95 && st->first.f == -5.0 &&
	    st->last.f == 2.74, "the other statistics");
	st = &o.dir.stats[o.dir.runs[1].stats];
	ok(st->sum.f == 0x1.03ffffffffceap+69 && st->sum_lo == 34055 &&
	    !st->sum_exact, "a sum beyond int64");
	close_page(&o);
	memset(&o, 0, sizeof(o));
	for (i = 0; i < 130; i++)
		k[i] = i % 2 == 0 ? INT64_MIN : INT64_MAX;
	if (page_pack(packer, in + 1, 1, 1, false, PAGE_SNAPPY, &o.page,
	    NULL) != 0 || !open_page(&o))
		bail("cannot pack");
	st = &o.dir.stats[0];
	ok(st->sum_exact && st->sum.i == -65, "a sum that comes back");
	close_page(&o);
}

int
main(void)
{
	plan(22);
	diag("seed %llx", (unsigned long long)seed);
	if (page_packer_new(&packer, NULL) != 0)
		bail("out of memory");
	test_times();
	test_sums();
	test_random();
	test_sizes();
	page_packer_free(packer);
	return done_testing();
}
