#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "number.h"
#include "tap.h"
#include "verify.h"

/*
 * What checksums cannot show: a run whose directory says something else than
 * its samples do.  Pages are packed, then their directories are changed.
 */

#define N 9000			/* more than one slice, and than one run */

static struct verify v;
static int64_t times[N], mantissas[N];
static uint8_t scales[N];

static uint64_t seed = 0xa0761d6478bd642f;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A page with one metric, and what it takes to look at its runs. */
struct opened {
	struct buf out;
	struct page_head head;
	struct page_dir dir;
};

static void
open_page(struct opened *o, uint8_t type, size_t n)
{
	struct page_run_in in = { 7, type, n, times, mantissas, scales };
	struct page_packer *pk;

	buf_init(&o->out);
	if (page_packer_new(&pk, NULL) != 0 ||
	    page_pack(pk, &in, 1, 1, false, PAGE_DEFLATE, &o->out,
	    NULL) != 0 ||
	    page_head_unpack(o->out.data, o->out.len, &o->head, NULL) != 0 ||
	    page_dir_unpack(&o->head, o->out.data + o->head.head_len, &o->dir,
	    NULL) != 0)
		bail("cannot make a page");
	page_packer_free(pk);
}

static void
close_page(struct opened *o)
{
	page_dir_release(&o->dir);
	buf_release(&o->out);
}

static uint8_t *
group(struct opened *o, uint32_t i)
{
	struct page_group *g;
	uint8_t *raw;

	if (i == UINT32_MAX)
		return NULL;
	g = &o->dir.groups[i];
	if ((raw = malloc(g->raw_len + 1)) == NULL ||
	    page_group_unpack(g, o->out.data + g->offset, raw, NULL) != 0)
		bail("cannot unpack a group");
	return raw;
}

/* What verify_run says of run i; its reason goes to text. */
static int
check(struct opened *o, uint32_t i, struct ntdb_error *why)
{
	const struct ntdb_error none = NTDB_ERROR_INIT;
	uint8_t *t, *m;
	uint32_t ti, mi;
	int r;

	*why = none;
	page_run_groups(&o->dir, &o->dir.runs[i], &ti, &mi);
	t = group(o, ti);
	m = group(o, mi);
	r = verify_run(&v, &o->dir, &o->dir.runs[i], t, m, why);
	free(t);
	free(m);
	return r;
}

static void
put_time(size_t n)
{
	int64_t t = 1700000000000000000;
	size_t i;

	for (i = 0; i < n; i++) {
		t += (int64_t)(rnd() % 1000000007);
		times[i] = t;
	}
}

static void
put_floats(size_t n, int kind)
{
	static const double rare[] = { NAN, INFINITY, -INFINITY, -0.0, 1e308,
		-1e308, 5e-324, 0.1, 1.5, 123456.789 };
	struct dec d;
	size_t i;

	for (i = 0; i < n; i++) {
		if (kind == 0)
			d = dec_from_f64((double)(int64_t)(rnd() % 2000) / 10);
		else if (kind == 1)
			d = dec_from_f64(f64_from_bits(rnd()));
		else if (kind == 2)
			d = dec_from_f64(rare[rnd() % 10]);
		else if (kind == 3)
			d = dec_from_f64(rare[3 + rnd() % 7]);
		else
			d = dec_from_f64(rare[rnd() % 2]);
		mantissas[i] = d.m;
		scales[i] = d.scale;
	}
}

static void
put_ints(size_t n, int kind)
{
	size_t i;

	for (i = 0; i < n; i++) {
		mantissas[i] = kind == 0 ? (int64_t)(rnd() % 2001) - 1000 :
		    kind == 1 ? as_i64(rnd()) : INT64_MAX - (int64_t)i;
		scales[i] = 0;
	}
}

/* Whatever page_pack makes is right. */
static void
test_sound(void)
{
	struct ntdb_error why;
	struct opened o;
	uint32_t i;
	int round, bad = 0, runs = 0;

	for (round = 0; round < 80; round++) {
		size_t n = (size_t)(1 + rnd() % N);
		bool ints = round % 2 == 0;

		put_time(n);
		if (ints)
			put_ints(n, round / 2 % 3);
		else
			put_floats(n, round / 2 % 5);
		open_page(&o, ints ? NTDB_INT64 : NTDB_FLOAT64, n);
		for (i = 0; i < o.dir.n_runs; i++, runs++)
			if (check(&o, i, &why) != 0) {
				diag("round %d: %s", round, why.text);
				bad++;
			}
		close_page(&o);
	}
	is_int(bad, 0, "sound runs are found to be sound");
	ok(runs > 80, "there were long ones among them");
}

/* Whether the run is refused with this reason. */
static void
is_refused(struct opened *o, const char *reason, const char *what)
{
	struct ntdb_error why;
	int r = check(o, 0, &why);

	ok(r == NTDB_ECORRUPT && strstr(why.text, reason) != NULL, "%s: %s",
	    what, reason);
	if (r != NTDB_ECORRUPT)
		diag("returned %d", r);
}

#define WRONG "statistics are not those of its samples"

static void
test_stats(bool ints)
{
	struct page_stats *st, kept;
	struct opened o;
	const char *name = ints ? "integers" : "floats";

	put_time(500);
	if (ints)
		put_ints(500, 0);
	else
		put_floats(500, 0);
	open_page(&o, ints ? NTDB_INT32 : NTDB_FLOAT32, 500);
	st = &o.dir.stats[o.dir.runs[0].stats];
	kept = *st;
#define WITH(member) do { \
	if (ints) \
		st->member.i++; \
	else \
		st->member.f += 0.1; \
	is_refused(&o, WRONG, name); \
	*st = kept; \
} while (0)
	WITH(min);
	WITH(max);
	WITH(first);
	WITH(last);
	WITH(sum);
#undef WITH
	if (!ints) {
		st->n_nan++;
		is_refused(&o, WRONG, "count of NaNs");
		*st = kept;
		st->sum.f = NAN;
		is_refused(&o, WRONG, "sum that is no number");
	}
	close_page(&o);
}

static void
test_times(void)
{
	struct opened o;

	put_time(500);
	put_ints(500, 0);
	open_page(&o, NTDB_INT32, 500);
	o.dir.runs[0].t_last++;
	is_refused(&o, "not those of its directory", "last time");
	o.dir.runs[0].t_last--;
	o.dir.runs[0].t_first--;
	is_refused(&o, "not those of its directory", "first time");
	o.dir.runs[0].t_first++;
	o.dir.timelines[o.dir.runs[0].timeline].usual = 0;
	is_refused(&o, "not in order", "deltas below zero");
	close_page(&o);
}

static void
test_width(void)
{
	struct opened o;

	put_time(3);
	mantissas[0] = mantissas[1] = 1;
	mantissas[2] = (int64_t)INT32_MAX + 1;
	open_page(&o, NTDB_INT64, 3);
	o.dir.runs[0].type = NTDB_INT32;
	is_refused(&o, "no int32", "2^31");
	close_page(&o);
}

int
main(void)
{
	plan(18);
	diag("seed %llx", (unsigned long long)seed);
	test_sound();
	test_stats(true);
	test_stats(false);
	test_times();
	test_width();
	return done_testing();
}
