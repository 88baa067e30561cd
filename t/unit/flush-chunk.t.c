#include <stdlib.h>
#include <string.h>

#include "flush-chunk.h"
#include "number.h"
#include "scratch.h"
#include "tap.h"

#define DAY INT64_C(86400000000000)

static struct chunk c;

/* What went in, with its number by arrival. */
struct sample {
	int64_t	t, m;
	uint32_t id, at;
	uint8_t	scale;
	struct partition part;
};

static struct sample in[CHUNK_SAMPLES];

static int
by_metric(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int64_t xf, yf, last;

	partition_span(x->part, &xf, &last);
	partition_span(y->part, &yf, &last);
	if (xf != yf)
		return xf < yf ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

static int
by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

static void
fill(uint32_t n, uint32_t n_ids, int64_t days, bool late,
    enum partition_kind kind)
{
	int64_t step = days * DAY / (n > 0 ? n : 1), t;
	uint32_t i;

	c.n = 0;
	for (i = 0; i < n; i++) {
		t = late ? (int64_t)(random_u64() % (uint64_t)(days * DAY)) :
		    (int64_t)i * step;
		/* Around 1970, so that starts are negative, too. */
		in[i].t = t / 1000 * 1000 - days / 2 * DAY;
		in[i].m = (int64_t)random_below(1000000);
		in[i].id = 1 + random_below(n_ids);
		in[i].scale = (uint8_t)(in[i].id % 2 ? CHUNK_INT :
		    random_below(4));
		in[i].at = i;
		in[i].part = partition_of(kind, in[i].t);
		chunk_add(&c, in[i].id, in[i].t, in[i].m, in[i].scale);
	}
}

/* Odd metrics are integers, even ones floats. */
static void
make_state(struct state *s, uint32_t n_ids)
{
	uint32_t id;
	char name[8];

	state_init(s);
	for (id = 1; id <= n_ids; id++) {
		memcpy(name, &id, sizeof(id));
		state_define(s, id, id % 2 ? NTDB_INT64 : NTDB_FLOAT32, name,
		    sizeof(id), 0, NULL);
	}
}

/* Whether the chunk's runs are those of in[], which is sorted by metric. */
static bool
runs_ok(struct state *s, enum partition_kind kind)
{
	struct partition part;
	size_t n_runs, i, k, at = 0;
	int r;

	while ((r = chunk_runs(&c, s, kind, &part, &n_runs, NULL)) == 0) {
		if (n_runs == 0)
			return false;
		for (k = 0; k < n_runs; k++) {
			const struct page_run_in *run = &c.runs[k];

			if (run->n < 1 || at + run->n > c.n)
				return false;
			qsort(in + at, run->n, sizeof(in[0]), by_time);
			for (i = 0; i < run->n; i++) {
				const struct sample *x = &in[at + i];

				if (x->id != run->id || x->t != run->t[i] ||
				    x->m != run->m[i] ||
				    partition_compare(x->part, part) != 0 ||
				    (run->scale != NULL) != (x->id % 2 == 0) ||
				    (run->scale != NULL && run->scale[i] !=
				    x->scale))
					return false;
			}
			at += run->n;
			/* A run is all of a metric in its partition. */
			if (at < c.n && in[at].id == run->id &&
			    partition_compare(in[at].part, part) == 0)
				return false;
		}
	}
	return r == NTDB_END && at == c.n;
}

static void
test_sort(uint32_t n, uint32_t n_ids, int64_t days, bool late,
    enum partition_kind kind, const char *what)
{
	struct state s;

	fill(n, n_ids, days, late, kind);
	is_int(chunk_sort(&c, n_ids + 1, NULL), 0, "sorted: %s", what);
	qsort(in, n, sizeof(in[0]), by_metric);
	make_state(&s, n_ids);
	ok(runs_ok(&s, kind), "runs by partition and metric, in order of time");
	state_release(&s);
}

/* The type of the only run of what is in the chunk. */
static int
type_of(struct state *s)
{
	struct partition part;
	size_t n, none;

	if (chunk_sort(&c, 10, NULL) != 0 ||
	    chunk_runs(&c, s, PART_FOREVER, &part, &n, NULL) != 0 || n != 1 ||
	    chunk_runs(&c, s, PART_FOREVER, &part, &none, NULL) != NTDB_END)
		return -1;
	return c.runs[0].type;
}

static void
test_types(void)
{
	const int64_t large = (INT64_C(1) << 53) + 2;
	struct state s;

	state_init(&s);
	state_define(&s, 1, NTDB_INT32, "i", 1, 0, NULL);
	state_define(&s, 2, NTDB_FLOAT32, "f", 1, 0, NULL);
	c.n = 0;
	chunk_add(&c, 1, 5, 7, CHUNK_INT);
	ok(type_of(&s) == NTDB_INT32 && c.runs[0].scale == NULL &&
	    c.runs[0].m[0] == 7, "integers of an integer metric");

	c.n = 0;
	chunk_add(&c, 2, 5, 21, CHUNK_INT);
	chunk_add(&c, 2, 6, 215, 1);
	chunk_add(&c, 2, 7, -large, CHUNK_INT);
	ok(type_of(&s) == NTDB_FLOAT32 && c.runs[0].scale != NULL,
	    "integers of a float metric");
	ok(c.runs[0].m[0] == 21 && c.runs[0].scale[0] == 0 &&
	    c.runs[0].m[1] == 215 && c.runs[0].scale[1] == 1,
	    "become decimals");
	/* -(2^53 + 2) has the exponent 53 and the fraction 1. */
	is_u64((uint64_t)c.runs[0].m[2], UINT64_C(0xc340000000000001),
	    "or doubles");
	is_int(c.runs[0].scale[2], DEC_RAW, "as bits");

	c.n = 0;
	chunk_add(&c, 1, 5, 7, CHUNK_INT);
	chunk_add(&c, 1, 6, 75, 1);
	ok(type_of(&s) == NTDB_FLOAT64 && c.runs[0].scale != NULL &&
	    c.runs[0].m[0] == 7 && c.runs[0].scale[0] == 0,
	    "an integer metric that holds floats is given another type");
	ok(state_metric(&s, 1)->type == NTDB_FLOAT64 &&
	    state_metric(&s, 1)->flags == (METRIC_NAMED | METRIC_DIRTY |
	    METRIC_UNSYNCED), "which the catalog does not know yet");

	c.n = 0;
	chunk_add(&c, 9, 5, INT64_MIN, CHUNK_INT);
	ok(type_of(&s) == NTDB_INT64 && c.runs[0].m[0] == INT64_MIN,
	    "integers without a name");
	c.n = 0;
	chunk_add(&c, 9, 5, 5, 1);
	is_int(type_of(&s), NTDB_FLOAT64, "floats without a name");
	state_release(&s);
}

static void
test_equal_times(void)
{
	struct state s;

	make_state(&s, 1);
	c.n = 0;
	chunk_add(&c, 1, 9, 1, CHUNK_INT);
	chunk_add(&c, 1, 5, 2, CHUNK_INT);
	chunk_add(&c, 1, 9, 3, CHUNK_INT);
	chunk_add(&c, 1, 5, 4, CHUNK_INT);
	ok(type_of(&s) == NTDB_INT64 && c.runs[0].n == 4 &&
	    c.runs[0].m[0] == 2 && c.runs[0].m[1] == 4 &&
	    c.runs[0].m[2] == 1 && c.runs[0].m[3] == 3,
	    "equal times stay in order of arrival");
	state_release(&s);
}

/* The highest ids there are, and few: no table of all ids is made. */
static void
test_far_ids(void)
{
	static const uint32_t ids[] = { UINT32_MAX, 7, UINT32_MAX, 7,
	    3000000000 };
	static const int64_t want[] = { 1, 3, 4, 0, 2 };
	uint32_t i;

	c.n = 0;
	for (i = 0; i < 5; i++)
		chunk_add(&c, ids[i], i, i, CHUNK_INT);
	is_int(chunk_sort(&c, (uint64_t)1 << 32, NULL), 0, "far ids");
	is_int(c.n_active, 3, "three metrics");
	ok(c.active[0] == 7 && c.active[1] == 3000000000 &&
	    c.active[2] == UINT32_MAX, "by id");
	is_mem(c.m, sizeof(want), want, sizeof(want), "and as they came");
}

int
main(void)
{
	plan_later();
	random_start();
	if (chunk_init(&c, NULL) != 0)
		bail("out of memory");
	ok(c.n == 0, "a new chunk is empty");
	test_sort(1, 1, 1, false, PART_DAY, "one sample");
	test_sort(1000, 20, 1, false, PART_DAY, "one day");
	test_sort(1000, 1, 1, false, PART_FOREVER, "one metric");
	test_sort(5000, 300, 40, false, PART_DAY, "forty days in turn");
	test_sort(5000, 50, 40, true, PART_DAY, "forty days at random");
	test_sort(5000, 5, 1000, true, PART_MONTH, "months");
	test_sort(5000, 1000, 20000, true, PART_YEAR, "years");
	test_sort(5000, 10, 5000, true, PART_FOREVER, "all time");
	test_sort(20000, 10, 20000, true, PART_DAY, "thousands of days");
	test_sort(CHUNK_SAMPLES, 60000, 3, true, PART_DAY, "a full chunk");
	test_types();
	test_equal_times();
	test_far_ids();
	chunk_release(&c);
	ok(c.t == NULL && c.n == 0, "released");
	chunk_release(&c);
	return done_testing();
}
