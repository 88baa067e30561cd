#include <stdio.h>
#include <stdlib.h>

#include "scratch.h"
#include "state.h"
#include "tap.h"

#define NAME "db.wal"

static int dirfd = -1;
static struct io_owner self;

static bool
defines(struct state *s, uint32_t id, int type, const char *name)
{
	return state_define(s, id, type, name, strlen(name), 0, NULL) == 0;
}

static uint32_t
find(const struct state *s, const char *name)
{
	return state_find(s, name, strlen(name));
}

static bool
has_last(const struct state *s, uint32_t id, int64_t t, int64_t m,
    uint8_t scale)
{
	const struct metric *mt = state_metric(s, id);

	return mt != NULL && (mt->flags & METRIC_HAS_LAST) != 0 &&
	    mt->last_t == t && mt->last_m == m && mt->last_scale == scale;
}

static void
test_define(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	const struct metric *m;
	struct state s;

	state_init(&s);
	ok(find(&s, "a") == 0 && state_metric(&s, 0) == NULL &&
	    state_metric(&s, 1) == NULL, "an empty state has no metrics");
	is_int(state_define(&s, 5, NTDB_INT32, "room.temp", 9,
	    METRIC_DIRTY, &err), 0, "a metric is defined");
	is_int(find(&s, "room.temp"), 5, "and found by its name");
	m = state_metric(&s, 5);
	ok(m != NULL && m->type == NTDB_INT32 && m->name_len == 9 &&
	    memcmp(state_name(&s, m), "room.temp", 9) == 0 &&
	    m->flags == (METRIC_NAMED | METRIC_DIRTY), "and by its id");
	ok(find(&s, "room.tem") == 0 && find(&s, "room.temp2") == 0 &&
	    find(&s, "") == 0, "but not by another name");
	ok(state_metric(&s, 4) == NULL && state_metric(&s, 6) == NULL &&
	    state_metric(&s, UINT32_MAX) == NULL, "nor by another id");
	ok(s.n_named == 1 && s.max_id == 5, "the highest id is known");

	ok(defines(&s, 5, NTDB_INT32, "room.temp") && s.n_named == 1,
	    "the same again changes nothing");
	ok(defines(&s, 5, NTDB_FLOAT64, "room.temp") &&
	    state_metric(&s, 5)->type == NTDB_FLOAT64,
	    "another type is taken over");
	is_int(state_define(&s, 5, NTDB_INT32, "other", 5, 0, &err),
	    NTDB_ECORRUPT, "an id with another name");
	is_int(err.code, NTDB_ECORRUPT, "the record says so");
	is_int(state_define(&s, 6, NTDB_INT32, "room.temp", 9, 0, NULL),
	    NTDB_ECORRUPT, "a name with another id");
	ok(find(&s, "other") == 0 && find(&s, "room.temp") == 5 &&
	    state_metric(&s, 6) == NULL && s.n_named == 1,
	    "neither leaves a trace");
	is_int(state_define(&s, 0, NTDB_INT32, "zero", 4, 0, NULL),
	    NTDB_ECORRUPT, "id 0");
	is_int(state_define(&s, UINT32_MAX, NTDB_INT32, "last", 4, 0, NULL),
	    NTDB_ECORRUPT, "an id far beyond the others");
	state_see_id(&s, 40);
	state_see_id(&s, 30);
	is_int(s.max_id, 40, "an id may be in use without a name");
	state_release(&s);
	ok(s.metrics == NULL && find(&s, "room.temp") == 0, "released");
}

static void
test_many(void)
{
	char name[32];
	struct state s;
	bool good = true, none = true;
	uint32_t i;

	state_init(&s);
	for (i = 1; i <= 30000; i++) {
		snprintf(name, sizeof(name), "host%u/metric.%u", i % 97, i);
		good = good && defines(&s, i * 3, NTDB_INT32, name);
	}
	for (i = 1; i <= 30000; i++) {
		snprintf(name, sizeof(name), "host%u/metric.%u", i % 97, i);
		good = good && find(&s, name) == i * 3;
		none = none && state_metric(&s, i * 3 - 1) == NULL;
		snprintf(name, sizeof(name), "host%u/metric.%u", i % 96, i);
		none = none && (i % 96 == i % 97 || find(&s, name) == 0);
	}
	ok(good, "30000 names are found");
	ok(none, "and nothing between them");
	is_int(s.n_named, 30000, "as many are counted");
	state_release(&s);
}

static void
test_sample(void)
{
	struct state s;

	state_init(&s);
	defines(&s, 1, NTDB_FLOAT32, "m");
	ok(!(state_metric(&s, 1)->flags & METRIC_HAS_LAST),
	    "without samples there is no last one");
	state_sample(&s, 1, -100, 215, 1);
	ok(has_last(&s, 1, -100, 215, 1), "the first sample is the last");
	state_sample(&s, 1, -101, 1, 0);
	ok(has_last(&s, 1, -100, 215, 1), "an older one is not");
	state_sample(&s, 1, -100, 3, 0);
	ok(has_last(&s, 1, -100, 3, 0),
	    "of equal times the later arrival is");
	state_sample(&s, 1, INT64_MAX, 7, 255);
	ok(has_last(&s, 1, INT64_MAX, 7, 255), "and a newer one");
	state_sample(&s, 9, 5, 5, 0);
	ok(state_metric(&s, 9) == NULL && s.max_id == 9,
	    "of an id without a name only the id is kept");
	state_release(&s);
}

static const struct log_key key = { 3, 77 };

/* A log of these batches, each made by one function. */
static void
make_log(struct wal *w, void (*const *makers)(struct batch *), size_t n)
{
	struct buf all = BUF_INIT;
	struct log_head h;
	struct batch b;
	bool renamed;
	size_t i;

	memset(&h, 0, sizeof(h));
	h.epoch = key.epoch;
	h.nonce = key.nonce;
	batch_init(&b);
	for (i = 0; i < n; i++) {
		batch_begin(&b, 1000);
		makers[i](&b);
		batch_end(&b, &key, LOG_HEAD_MIN + all.len, NULL);
		buf_add(&all, b.out.data, b.out.len);
	}
	batch_release(&b);
	if (wal_replace(dirfd, NAME, &h, &all, &self, &renamed, NAME, NULL)
	    != 0 || wal_open(w, dirfd, NAME, true, NAME, NULL) != 0)
		bail("no log");
	buf_release(&all);
}

static void
first_batch(struct batch *b)
{
	batch_add_clock(b, 555);
	batch_add_metric(b, 1, NTDB_INT32, "one", 3);
	batch_add_int(b, 1, 1000, 10);
	batch_add_metric(b, 2, NTDB_FLOAT32, "two", 3);
	batch_add_dec(b, 2, 1000, 215, 1);
	batch_add_dec(b, 2, 1000, 216, 1);
}

static void
second_batch(struct batch *b)
{
	batch_add_clock(b, 666);
	batch_add_type(b, 1, NTDB_INT64);
	batch_add_int(b, 1, 2000, INT64_MAX);
	batch_add_int(b, 1, 1500, 4);
	batch_add_int(b, 12, 2000, 1);
}

static void
third_batch(struct batch *b)
{
	batch_add_metric(b, 2, NTDB_FLOAT32, "two", 3);
	batch_add_dec(b, 2, 3000, 5, 0);
}

static void
conflicting_batch(struct batch *b)
{
	batch_add_metric(b, 2, NTDB_FLOAT32, "three", 5);
}

static void (*const batches[])(struct batch *) = {
	first_batch, second_batch, third_batch, conflicting_batch,
};

static int
replay(struct state *s, const struct wal *w, uint64_t *tail)
{
	if (s->log_pos == 0)
		s->log_pos = w->head.len;
	return state_replay(s, w, tail, NAME, NULL);
}

static void
test_replay(void)
{
	const uint8_t fresh = METRIC_NAMED | METRIC_HAS_LAST |
	    METRIC_UNSYNCED | METRIC_DIRTY;
	uint64_t tail = 99, size;
	struct state s;
	struct wal w;

	state_init(&s);
	make_log(&w, batches, 3);
	defines(&s, 2, NTDB_FLOAT32, "two");
	is_int(replay(&s, &w, &tail), 0, "a log is replayed");
	wal_size(&w, &size, NAME, NULL);
	ok(s.log_pos == size && tail == 0 && !s.damaged, "to its end");
	is_u64(s.log_samples, 7, "seven samples");
	is_int(s.log_clock_ns, 555, "the first clock counts");
	ok(has_last(&s, 1, 2000, INT64_MAX, 0), "last sample of the one");
	ok(has_last(&s, 2, 3000, 5, 0), "and of the other");
	ok(find(&s, "one") == 1 && state_metric(&s, 1)->flags == fresh,
	    "a metric that the log defines is not in the catalog");
	is_int(state_metric(&s, 1)->type, NTDB_INT64, "its type has changed");
	is_int(state_metric(&s, 2)->flags,
	    METRIC_NAMED | METRIC_HAS_LAST | METRIC_UNSYNCED,
	    "the same definition again: the catalog may not be synced");
	is_int(s.max_id, 12, "an id without a name is seen");
	is_int(replay(&s, &w, &tail), 0, "there is no more");
	is_u64(s.log_samples, 7, "so nothing is counted twice");
	state_release(&s);
	wal_release(&w);

	make_log(&w, batches, 1);
	state_init(&s);
	replay(&s, &w, &tail);
	ok(has_last(&s, 2, 1000, 216, 1),
	    "of equal times in the log the later arrival is the last");
	state_metric(&s, 1)->flags = METRIC_NAMED;
	state_release(&s);
	wal_release(&w);

	make_log(&w, batches, 2);
	state_init(&s);
	defines(&s, 1, NTDB_INT32, "one");
	replay(&s, &w, &tail);
	is_int(state_metric(&s, 1)->flags, fresh,
	    "a change of type is not in the catalog either");
	state_release(&s);
	wal_release(&w);

	make_log(&w, batches, 4);
	state_init(&s);
	is_int(replay(&s, &w, &tail), NTDB_ECORRUPT,
	    "an id of two names is refused");
	state_release(&s);
	wal_release(&w);
}

static void
test_replay_damage(void)
{
	uint64_t tail, size;
	struct state s;
	struct wal w;
	uint8_t byte;
	size_t got;

	make_log(&w, batches, 3);
	wal_size(&w, &size, NAME, NULL);
	io_pwrite(w.fd, "tail", 4, size, NAME, NULL);
	state_init(&s);
	is_int(replay(&s, &w, &tail), 0, "a log with a torn tail");
	ok(s.log_pos == size && tail == 4 && !s.damaged,
	    "is read up to it, which is no damage");
	state_release(&s);

	io_pread(w.fd, &byte, 1, LOG_HEAD_MIN + 20, &got, NAME, NULL);
	byte ^= 4;
	io_pwrite(w.fd, &byte, 1, LOG_HEAD_MIN + 20, NAME, NULL);
	state_init(&s);
	is_int(replay(&s, &w, &tail), 0, "damage is passed over");
	ok(s.damaged && s.log_pos == size && tail == 4, "and told");
	ok(find(&s, "one") == 0 && has_last(&s, 2, 3000, 5, 0) &&
	    s.max_id == 12, "what is behind it counts");
	is_u64(s.log_samples, 4, "and that alone");
	state_release(&s);
	wal_release(&w);
}

static int
read_catalog(struct state *s, const char *text)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int r;

	state_release(s);
	scratch_write(dirfd, "catalog.json", text, strlen(text));
	r = state_read_catalog(s, dirfd, "db/catalog.json", &err);
	if (r != 0 && err.code != r)
		diag("the record says %d", err.code);
	return r;
}

#define LINE_A "{\"name\":\"a\",\"id\":1,\"type\":\"int32\"}"
#define LINE_B "{\"name\":\"b\",\"id\":7,\"type\":\"float64\"}"

static void
test_catalog(void)
{
	struct state s;

	state_init(&s);
	is_int(state_read_catalog(&s, dirfd, "c", NULL), 0,
	    "no catalog is an empty one");
	is_int(read_catalog(&s, "{\"metrics\":[\n" LINE_A ",\n" LINE_B
	    "\n]}\n"), 0, "a catalog is read");
	ok(find(&s, "a") == 1 && find(&s, "b") == 7 && s.max_id == 7 &&
	    state_metric(&s, 7)->type == NTDB_FLOAT64, "its metrics");
	is_int(state_metric(&s, 1)->flags, METRIC_NAMED, "without flags");
	is_int(read_catalog(&s, "{\"metrics\":[\n" LINE_A ",\n"
	    "{\"name\":\"b\",\"id\":1,\"type\":\"int32\"}\n]}\n"),
	    NTDB_ECORRUPT, "an id twice");
	is_int(read_catalog(&s, "{\"metrics\":[\n" LINE_A ",\n"
	    "{\"name\":\"a\",\"id\":2,\"type\":\"int32\"}\n]}\n"),
	    NTDB_ECORRUPT, "a name twice");
	is_int(read_catalog(&s, "{\"metrics\":[\n" LINE_A ",\n" LINE_B "\n"),
	    NTDB_ECORRUPT, "a catalog without its end");
	state_release(&s);
	is_int(read_catalog(&s, "{\"metrics\":[\n" LINE_A ",\n" LINE_A
	    "\n]}\n"), NTDB_ECORRUPT, "id and name twice");
	ok(find(&s, "a") == 1, "which can be read all the same");
	state_release(&s);
}

/* 2^31 metrics take more bytes than 32 bits can say. */
static void
test_too_many(void)
{
	struct state s;

	if (sizeof(size_t) > 4)
		return;
	state_init(&s);
	is_int(state_reserve_slots(&s, UINT32_C(1) << 31, NULL), NTDB_ESYS,
	    "no room for 2^31 metrics");
	is_int(s.n_slots, 0, "nor for any of them");
	state_release(&s);
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	io_owner_of(dirfd, &self, "scratch", NULL);
	test_define();
	test_many();
	test_too_many();
	test_sample();
	test_replay();
	test_replay_damage();
	test_catalog();
	return done_testing();
}
