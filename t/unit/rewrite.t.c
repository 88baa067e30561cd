#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datafile.h"
#include "number.h"
#include "rewrite.h"
#include "scratch.h"
#include "seal.h"
#include "tap.h"

/*
 * Samples are stored, moved, sealed and replaced at random, and so they are in
 * a plain list, in which what must be stored is looked up.
 */

#define HOUR INT64_C(3600000000000)
#define T0 (INT64_C(1893456000) * 1000000000)	/* 2030-01-01 */
#define METRICS 3u		/* the last one is of floats */
#define MOST 40000u
#define ROUNDS 60

struct sample {
	uint32_t metric;
	int64_t	t;
	double	value;
};

static struct sample model[MOST];
static size_t n_model;
static uint32_t ids[METRICS];
static struct ntdb *db;
static struct ntdb_ingest *in;	/* open all the time: it remembers */
static unsigned n_notes;

static const char *const kinds[] = { "day", "month", "year", "forever" };

static void
must(int r, const struct ntdb_error *err, const char *what)
{
	if (r != 0)
		bail("%s: %d %s: %s", what, r, err->path, err->text);
}

static void
take_note(void *arg, const struct ntdb_error *what)
{
	(void)arg;
	diag("%s: %s", what->path, what->text);
	n_notes++;
}

/* Another inode, as an editor makes it. */
static void
set_kind(const char *kind)
{
	int fd = openat(AT_FDCWD, scratch_path, O_DIRECTORY | O_RDONLY);
	char text[160];
	int sub;

	snprintf(text, sizeof(text), "[metrics]\nlate = accept\n"
	    "max_future = 0\n[retention]\npartition = %s\n", kind);
	mkdirat(fd, "d", 0700);
	if ((sub = openat(fd, "d", O_DIRECTORY | O_RDONLY)) == -1)
		bail("cannot make a database");
	scratch_write(sub, "new", text, strlen(text));
	if (renameat(sub, "new", sub, "manifest.ini") == -1)
		bail("cannot rename");
	close(sub);
	close(fd);
}

/* ---- the model */

static int
compare(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

static bool
model_has(uint32_t metric, int64_t t)
{
	size_t i;

	for (i = 0; i < n_model; i++)
		if (model[i].metric == metric && model[i].t == t)
			return true;
	return false;
}

static void
model_add(uint32_t metric, int64_t t, double value)
{
	size_t i;

	for (i = 0; i < n_model; i++)
		if (model[i].metric == metric && model[i].t == t &&
		    !(model[i].value < value) && !(model[i].value > value))
			return;
	if (n_model == MOST)
		bail("too many samples");
	model[n_model++] = (struct sample){ metric, t, value };
}

static void
model_replace(uint32_t metric, int64_t t, double value)
{
	size_t i, k = 0;

	for (i = 0; i < n_model; i++)
		if (model[i].metric != metric || model[i].t != t)
			model[k++] = model[i];
	n_model = k;
	model_add(metric, t, value);
}

/* ---- what is stored */

static const char *
name_of(uint32_t metric)
{
	static const char *const names[METRICS] = { "a", "b", "f" };

	return names[metric];
}

static int64_t
some_time(void)
{
	return T0 + (int64_t)random_below(40 * 24) * HOUR;
}

static void
put(uint32_t metric, int64_t t, int32_t value)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	must(metric == METRICS - 1 ?
	    ntdb_ingest_float(in, "d", name_of(metric), value / 4.0, true, t,
	    &err) : ntdb_ingest_int(in, "d", name_of(metric), value, true, t,
	    &err), &err, "ingest");
	model_add(metric, t, metric == METRICS - 1 ? value / 4.0 : value);
}

static void
put_some(uint32_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	while (n-- > 0)
		put(random_below(METRICS), some_time(),
		    (int32_t)random_below(50));
	must(ntdb_ingest_commit(in, &err), &err, "commit");
}

static void
move(void)
{
	const struct ntdb_flush_options force = { .force = true };
	const struct ntdb_seal_options seal = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (random_below(2) == 0)
		must(ntdb_flush(db, "d", &force, NULL, &err), &err, "flush");
	if (random_below(3) == 0)
		must(ntdb_seal(db, "d", &seal, NULL, &err), &err, "seal");
}

/* The rows of a query as the model has them, sorted; how many. */
static size_t
read_all(struct sample *rows, bool last)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *target = "d";
	struct ntdb_query *q;
	struct ntdb_row row;
	size_t n = 0;
	int r;

	opt.last = last;
	opt.has_start = opt.has_end = !last;
	opt.start_ns = INT64_MIN;
	opt.end_ns = INT64_MAX;
	must(ntdb_query_open(db, &opt, &target, 1, &q, &err), &err, "query");
	while ((r = ntdb_query_next(q, &row, &err)) == 0 && n < MOST) {
		rows[n].metric = row.metric[0] == 'f' ? 2 :
		    row.metric[0] == 'b';
		rows[n].t = row.t_ns;
		rows[n++].value = ntdb_type_is_int(row.type) ?
		    (double)row.value.i : row.value.f;
	}
	must(r == NTDB_END ? 0 : r, &err, "rows");
	ntdb_query_close(q);
	qsort(rows, n, sizeof(*rows), compare);
	return n;
}

static bool
is_stored(void)
{
	static struct sample rows[MOST];
	size_t n = read_all(rows, false), i;

	qsort(model, n_model, sizeof(*model), compare);
	for (i = 0; i < n && i < n_model; i++)
		if (compare(&rows[i], &model[i]) != 0) {
			diag("%s at %lld is %g, not %s at %lld %g",
			    name_of(rows[i].metric), (long long)rows[i].t,
			    rows[i].value, name_of(model[i].metric),
			    (long long)model[i].t, model[i].value);
			return false;
		}
	if (n != n_model)
		diag("%zu samples, not %zu", n, n_model);
	return n == n_model;
}

/* The last value of a metric is one of those that the model has there. */
static bool
lasts_are_right(void)
{
	struct sample rows[METRICS];
	size_t n = read_all(rows, true), i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < n_model && (compare(&model[k], &rows[i]) != 0 ||
		    (k + 1 < n_model && model[k + 1].metric ==
		    model[k].metric && model[k + 1].t > model[k].t)); k++)
			;
		if (k == n_model) {
			diag("the last of %s is not %g at %lld",
			    name_of(rows[i].metric), rows[i].value,
			    (long long)rows[i].t);
			return false;
		}
	}
	return true;
}

/* ---- replacing */

static struct rewrite_sample replacements[4096];
static size_t n_replacements;

static bool
is_given(uint32_t metric, int64_t t)
{
	size_t i;

	for (i = 0; i < n_replacements; i++)
		if (replacements[i].id == ids[metric] &&
		    replacements[i].t == t)
			return true;
	return false;
}

static void
give(uint32_t metric, int64_t t, int32_t value)
{
	struct dec d = dec_from_f64(value / 4.0);
	struct rewrite_sample *x = &replacements[n_replacements];

	if (is_given(metric, t))
		return;
	n_replacements++;
	*x = (struct rewrite_sample){ .id = ids[metric], .t = t,
	    .is_int = metric != METRICS - 1, .m = value };
	x->fresh = !model_has(metric, t) && random_below(2) == 0;
	if (!x->is_int) {
		x->m = d.m;
		x->scale = d.scale;
	}
	model_replace(metric, t, x->is_int ? value : value / 4.0);
}

static void
replace(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct writer w;
	int fd;

	must(writer_open(&w, db, "d", false, &err), &err, "open");
	must(maint_lock(&w.dir, 0, &fd, &err), &err, "lock");
	must(rewrite_samples(&w, replacements, n_replacements, &err), &err,
	    "rewrite");
	writer_close(&w);
	io_close(&fd);
	n_replacements = 0;
}

static void
find_ids(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct snapshot s;
	uint32_t i;

	must(snapshot_open(&s, db, "d", &err), &err, "snapshot");
	for (i = 0; i < METRICS; i++)
		ids[i] = state_find(&s.state, name_of(i), 1);
	snapshot_release(&s);
}

static void
test_random(void)
{
	bool all = true, lasts = true;
	uint32_t i, n;

	for (i = 0; all && lasts && i < ROUNDS; i++) {
		if (random_below(3) == 0)
			set_kind(kinds[random_below(4)]);
		put_some(random_below(60));
		move();
		for (n = random_below(40); n > 0; n--)
			give(random_below(METRICS), some_time(),
			    (int32_t)random_below(50));
		/* And the last ones that there are. */
		qsort(model, n_model, sizeof(*model), compare);
		if (random_below(2) == 0)
			give(model[n_model - 1].metric, model[n_model - 1].t,
			    (int32_t)random_below(50));
		replace();
		all = is_stored();
		/* Whoever goes on writing has not kept what was before. */
		if (random_below(2) == 0) {
			put(1, T0, 7);
			put_some(1);
		}
		qsort(model, n_model, sizeof(*model), compare);
		lasts = lasts_are_right();
	}
	ok(all, "%u times: what is given is in the place of what was", i);
	ok(lasts, "and last values are those that are stored");
}

/* A page that a flush has written, which was killed then. */
static void
leave_page(int dirfd, int64_t t)
{
	const struct io_owner self = { .mode = 0600 };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct page_run_in run = { ids[0], NTDB_INT32, 1, &t, &t, NULL };
	struct buf page = BUF_INIT;
	struct page_packer *pk;
	struct datafile f;
	struct snapshot s;
	bool created;

	must(snapshot_open(&s, db, "d", &err), &err, "snapshot");
	must(page_packer_new(&pk, &err), &err, "packer");
	must(page_pack(pk, &run, 1, s.wal.head.epoch, false, PAGE_SNAPPY,
	    &page, &err), &err, "page");
	must(datafile_create(&f, dirfd, partition_of(PART_DAY, t), &self,
	    &created, &err), &err, "create");
	must(io_pwrite(f.fd, page.data, page.len, DATA_HEAD_LEN, f.name,
	    &err), &err, "write");
	datafile_close(&f);
	page_packer_free(pk);
	buf_release(&page);
	snapshot_release(&s);
}

static void
test_residue(void)
{
	int fd = openat(AT_FDCWD, scratch_path, O_DIRECTORY | O_RDONLY);
	int sub = openat(fd, "d", O_DIRECTORY | O_RDONLY);

	set_kind("day");
	/* One that was killed has made them, and no more. */
	scratch_write(sub, "data-2031-01-01.dat", "", 0);
	leave_page(sub, T0 + 367 * 24 * HOUR);
	give(0, T0 + 365 * 24 * HOUR, 5);
	give(0, T0 + 366 * 24 * HOUR, 6);
	give(0, T0 + 367 * 24 * HOUR, 7);
	replace();
	ok(is_stored(), "files with nothing, and none, are made anew");
	ok(scratch_exists(sub, "data-2031-01-02.dat"), "as days");
	is_u64(n_notes, 0, "and what was left is nothing to speak of");
	close(sub);
	close(fd);
}

int
main(void)
{
	struct ntdb_ingest_options opt = NTDB_INGEST_OPTIONS_INIT;
	struct ntdb_options options = NTDB_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	uint32_t i;

	plan(5);
	random_start();
	close(scratch_dir());
	set_kind("day");
	options.root = scratch_path;
	options.note = take_note;
	must(ntdb_open(&options, &db, &err), &err, "open");
	must(ntdb_ingest_open(db, &opt, &in, &err), &err, "ingest");
	for (i = 0; i < METRICS; i++)
		put(i, T0 + 100 * HOUR, 1);
	must(ntdb_ingest_commit(in, &err), &err, "commit");
	find_ids();
	test_random();
	test_residue();
	ntdb_ingest_close(in);
	ntdb_close(db);
	return done_testing();
}
