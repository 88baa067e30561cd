#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "scratch.h"
#include "state.h"
#include "tap.h"

#define NAME "db.cache"
#define COUNTS (21 * 8 + 4)	/* bytes of the counters */
#define WAL "db.wal"

static int dirfd = -1;
static struct io_owner self;
static struct wal wal;

static void
open_wal(uint64_t epoch, uint64_t nonce)
{
	struct buf rest = BUF_INIT;
	struct log_head h;
	bool renamed;

	memset(&h, 0, sizeof(h));
	h.epoch = epoch;
	h.nonce = nonce;
	memset(buf_extend(&rest, 1000), 0, 1000);
	wal_release(&wal);
	if (wal_replace(dirfd, WAL, &h, &rest, &self, &renamed, WAL, NULL)
	    != 0 || wal_open(&wal, dirfd, WAL, false, WAL, NULL) != 0)
		bail("no log");
	buf_release(&rest);
}

static void
make_state(struct state *s)
{
	int i;

	state_init(s);
	state_define(s, 1, NTDB_INT64, "one", 3, METRIC_DIRTY, NULL);
	state_define(s, 4, NTDB_FLOAT64, "four/\xc3\xbc", 7,
	    METRIC_UNSYNCED, NULL);
	state_define(s, 5, NTDB_INT32, "five", 4, METRIC_SAID, NULL);
	state_sample(s, 1, INT64_MIN, INT64_MAX, 0);
	state_sample(s, 4, 1700000000000000000, -830, 2);
	state_see_id(s, 9);
	s->complete = true;
	s->epoch = 6;
	s->nonce = UINT64_C(0xfedcba9876543210);
	s->log_pos = 500;
	s->log_samples = UINT64_C(1) << 40;
	s->log_clock_ns = 123456789;
	for (i = 0; i < COUNT_N; i++)
		s->counters[i] = (uint64_t)i * 1000000007u;
}

static bool
same_metric(const struct state *a, const struct state *b, uint32_t id)
{
	const struct metric *m = state_metric(a, id);
	const struct metric *n = state_metric(b, id);

	if (m == NULL || n == NULL)
		return m == n;
	return m->type == n->type && n->flags == (m->flags & METRIC_SAVED) &&
	    m->name_len == n->name_len && memcmp(state_name(a, m),
	    state_name(b, n), m->name_len) == 0 && m->last_t == n->last_t &&
	    m->last_m == n->last_m && m->last_scale == n->last_scale &&
	    state_find(b, state_name(a, m), m->name_len) == id;
}

static void
test_round_trip(void)
{
	struct state s, got;
	bool same = true;
	uint32_t id;
	int i;

	is_int(state_load_cache(&got, dirfd, NAME, &wal, NULL), NTDB_END,
	    "no cache");
	ok(got.n_slots == 0 && got.index_size == 0, "an empty state");
	make_state(&s);
	state_save_cache(&s, dirfd, NAME, &self);
	is_u64(s.saved_pos, 500, "a cache is saved");
	is_int(state_load_cache(&got, dirfd, NAME, &wal, NULL), 0,
	    "and loaded");
	for (id = 0; id < 12; id++)
		same = same && same_metric(&s, &got, id);
	ok(same, "its metrics are the same, found by id and name");
	ok(got.n_named == 3 && got.max_id == 9 && got.complete, "its ids");
	ok(got.epoch == 6 && got.nonce == s.nonce && got.log_pos == 500 &&
	    got.saved_pos == 500 && got.log_samples == s.log_samples &&
	    got.log_clock_ns == 123456789, "its place in the log");
	for (i = 0, same = true; i < COUNT_N; i++)
		same = same && got.counters[i] == s.counters[i];
	ok(same, "its counters");
	is_int(state_define(&got, 6, NTDB_INT32, "six", 3, 0, NULL), 0,
	    "metrics may be added");
	is_int(state_find(&got, "six", 3), 6, "and are found");
	state_release(&got);

	s.complete = false;
	state_save_cache(&s, dirfd, NAME, &self);
	state_load_cache(&got, dirfd, NAME, &wal, NULL);
	ok(!got.complete && !got.damaged && got.n_named == 3,
	    "one that is not complete");
	state_release(&got);
	s.damaged = true;
	state_save_cache(&s, dirfd, NAME, &self);
	state_load_cache(&got, dirfd, NAME, &wal, NULL);
	ok(!got.complete && got.damaged && got.n_named == 3,
	    "one of a damaged log");
	state_release(&got);
	state_release(&s);

	state_init(&s);
	state_reserve_slots(&s, 1, NULL);
	s.epoch = 6;
	s.nonce = UINT64_C(0xfedcba9876543210);
	state_save_cache(&s, dirfd, NAME, &self);
	is_int(state_load_cache(&got, dirfd, NAME, &wal, NULL), 0,
	    "one without metrics");
	state_release(&got);
	state_release(&s);
}

static uint8_t *bytes;
static size_t len;

/* What becomes of the cache with these bytes at `at'; the CRC is right. */
static int
load_with(size_t at, const void *p, size_t n)
{
	uint8_t *copy = malloc(len);
	struct state s;
	int r;

	if (copy == NULL)
		bail("out of memory");
	memcpy(copy, bytes, len);
	memcpy(copy + at, p, n);
	put_u32(copy + len - COUNTS - 4, checksum(copy, len - COUNTS - 4));
	scratch_write(dirfd, NAME, copy, len);
	free(copy);
	r = state_load_cache(&s, dirfd, NAME, &wal, NULL);
	if (r == NTDB_END && (s.metrics != NULL || s.n_slots != 0))
		diag("the state is not empty");
	state_release(&s);
	return r;
}

static void
test_layout(void)
{
	ok(memcmp(bytes, "NTDBCCH\n\1\0\1\0\6\0\0\0\16\0\0\0\11\0\0\0", 24)
	    == 0, "header: magic, version, flags, slots, names, max_id");
	ok(get_u64(bytes + 24) == 6 &&
	    get_u64(bytes + 32) == UINT64_C(0xfedcba9876543210) &&
	    get_u64(bytes + 40) == 500 && get_u64(bytes + 48) ==
	    UINT64_C(1) << 40 && get_u64(bytes + 56) == 123456789,
	    "place in the log");
	is_int((int64_t)len, 104 + 6 * 32 + 14 + 4 + COUNTS, "the length");
	is_u64(get_u64(bytes + 104 + 4 * 32), 1700000000000000000,
	    "the last time of metric 4");
	is_mem(bytes + 104 + 6 * 32, 14, "onefour/\xc3\xbc""five", 14,
	    "the names");
	is_u64(get_u64(bytes + len - 4 - 8), UINT64_C(20000000140),
	    "the last counter");
	is_u64(get_u32(bytes + len - 4), checksum(bytes + len - COUNTS, 168),
	    "their CRC");
}

static bool
all_zero(const uint64_t counters[COUNT_N])
{
	int i;

	for (i = 0; i < COUNT_N; i++)
		if (counters[i] != 0)
			return false;
	return true;
}

static void
test_reject(void)
{
	uint8_t slots[4] = { 0xff, 0xff, 0xff, 0x7f }, far[8];
	struct state s;
	bool none = true, zero = true;
	size_t i;
	int r;

	is_int(load_with(0, "N", 1), 0, "unchanged it is valid");
	is_int(load_with(0, "M", 1), NTDB_END, "another magic");
	is_int(load_with(8, "\2", 1), NTDB_END, "another version");
	is_int(load_with(10, "\4", 1), NTDB_END, "an unknown flag");
	is_int(load_with(12, slots, 4), NTDB_END, "too many slots");
	is_int(load_with(16, slots, 4), NTDB_END, "too many bytes of names");
	is_int(load_with(24, "\7", 1), NTDB_END, "another epoch");
	is_int(load_with(32, "\7", 1), NTDB_END, "another log");
	is_int(load_with(64, "Z", 1), NTDB_END, "another boot");
	is_int(load_with(80, "\xff\xff\xff", 3), NTDB_END,
	    "another catalog's inode");
	is_int(load_with(88, "\xff", 1), NTDB_END, "another size of it");
	is_int(load_with(96, "\xff\xff", 2), NTDB_END, "another time");
	put_u64(far, 2000);
	is_int(load_with(40, far, 8), NTDB_END, "a place behind the log");
	is_int(load_with(104 + 32 + 16, slots, 4), NTDB_END,
	    "a name behind the names");
	is_int(load_with(104 + 32 + 24, "\0\0", 2), NTDB_END, "no name");
	is_int(load_with(104 + 32 + 26, "\0", 1), NTDB_END, "no type");
	is_int(load_with(104 + 32 + 26, "\5", 1), NTDB_END, "another type");
	is_int(load_with(104 + 32 + 27, "\27", 1), NTDB_END,
	    "another scale");
	is_int(load_with(104 + 32 + 28, "\21", 1), NTDB_END,
	    "a flag that is not saved");
	is_int(load_with(104 + 32 + 24, "\x0f", 1), NTDB_END,
	    "one that goes on behind them");

	for (i = 0; i < 8 * len; i++) {
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1u << i % 8);
		scratch_write(dirfd, NAME, bytes, len);
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1u << i % 8);
		r = state_load_cache(&s, dirfd, NAME, &wal, NULL);
		if (i < 8 * (len - COUNTS))
			none = none && r == NTDB_END;
		else
			zero = zero && r == 0 && s.n_named == 3 &&
			    all_zero(s.counters);
		state_release(&s);
	}
	ok(none, "any flipped bit makes it none");
	ok(zero, "one in the counters makes them 0");
	for (i = 0, none = true; i < len; i++) {
		scratch_write(dirfd, NAME, bytes, i);
		none = none && state_load_cache(&s, dirfd, NAME, &wal, NULL)
		    == NTDB_END;
		state_release(&s);
	}
	ok(none, "so does any cut");
}

static int
load(void)
{
	struct state s;
	int r = state_load_cache(&s, dirfd, NAME, &wal, NULL);

	state_release(&s);
	return r;
}

static void
test_surroundings(void)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 1700000000, 1 } };

	scratch_write(dirfd, NAME, bytes, len);
	is_int(load(), 0, "in its surroundings it is valid");
	utimensat(dirfd, "catalog.json", times, 0);
	is_int(load(), NTDB_END, "not with a catalog of another time");

	scratch_write(dirfd, NAME, bytes, len);
	open_wal(7, UINT64_C(0xfedcba9876543210));
	is_int(load(), NTDB_END, "not with the next log");
	open_wal(6, UINT64_C(0xfedcba9876543211));
	is_int(load(), NTDB_END, "nor with another of the same epoch");
}

/* Saved and loaded beside a catalog, and after it has changed. */
static void
test_catalog(void)
{
	struct state s;

	make_state(&s);
	unlinkat(dirfd, "catalog.json", 0);
	open_wal(6, UINT64_C(0xfedcba9876543210));
	state_save_cache(&s, dirfd, NAME, &self);
	is_int(load(), 0, "without a catalog");
	scratch_write(dirfd, "catalog.json", "{}", 2);
	is_int(load(), NTDB_END, "not when there is one");
	state_save_cache(&s, dirfd, NAME, &self);
	is_int(load(), 0, "saved again it is valid");
	scratch_write(dirfd, "catalog.json", "{} ", 3);
	is_int(load(), NTDB_END, "not when the catalog grows");

	s.saved_pos = 3;
	state_save_cache(&s, dirfd, "none/cache", &self);
	is_u64(s.saved_pos, 3, "a cache that cannot be saved is no failure");
	state_release(&s);
}

/* Two processes that hold the same state count. */
static void
test_counting(void)
{
	struct state a, b, got;

	make_state(&a);
	open_wal(6, UINT64_C(0xfedcba9876543210));
	state_count(&a, COUNT_DUPLICATES, 5);
	state_save_counts(&a, dirfd, NAME);
	ok(a.has_added, "without a cache of its own nothing is changed");
	state_save_cache(&a, dirfd, NAME, &self);
	is_u64(a.counters[COUNT_DUPLICATES], 3 * UINT64_C(1000000007) + 5,
	    "a new cache takes it in");
	state_load_cache(&b, dirfd, NAME, &wal, NULL);

	state_count(&a, COUNT_REFUSED + NTDB_REFUSE_LATE, 1);
	state_took(&a, COUNT_SEAL_NS, 77);
	state_save_counts(&a, dirfd, NAME);
	ok(!a.has_added, "one counts in place");
	/* The other's log goes on, and it has counted something, too. */
	b.counters[COUNT_SAMPLES] += 1000;
	state_count(&b, COUNT_REFUSED + NTDB_REFUSE_LATE, 10);
	state_save_counts(&b, dirfd, NAME);
	state_load_cache(&got, dirfd, NAME, &wal, NULL);
	is_u64(got.counters[COUNT_REFUSED + NTDB_REFUSE_LATE],
	    (4 + 5) * UINT64_C(1000000007) + 11, "the other on top of it");
	is_u64(got.counters[COUNT_SEAL_NS], 77, "what one took stays");
	is_u64(got.counters[COUNT_SAMPLES], 0,
	    "what the log tells is as of the place in the cache");
	state_release(&got);

	state_count(&b, COUNT_REFUSED + NTDB_REFUSE_FULL, 2);
	state_save_cache(&b, dirfd, NAME, &self);
	state_load_cache(&got, dirfd, NAME, &wal, NULL);
	is_u64(got.counters[COUNT_REFUSED + NTDB_REFUSE_FULL],
	    (4 + 8) * UINT64_C(1000000007) + 2, "a whole cache likewise");
	is_u64(got.counters[COUNT_SAMPLES], 1000, "with its own samples");
	state_release(&got);
	state_release(&b);
	state_release(&a);
}

int
main(void)
{
	struct state s;

	plan_later();
	dirfd = scratch_dir();
	io_owner_of(dirfd, &self, "scratch", NULL);
	wal_init(&wal);
	open_wal(6, UINT64_C(0xfedcba9876543210));
	scratch_write(dirfd, "catalog.json", "{\"metrics\":[]}", 14);
	test_round_trip();

	make_state(&s);
	state_save_cache(&s, dirfd, NAME, &self);
	state_release(&s);
	if ((bytes = scratch_read(dirfd, NAME, &len)) == NULL)
		bail("no cache");
	test_layout();
	test_reject();
	test_surroundings();
	test_catalog();
	test_counting();
	free(bytes);
	wal_release(&wal);
	return done_testing();
}
