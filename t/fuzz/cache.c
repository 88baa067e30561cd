/*
 * The state cache.  Input: its bytes; log, catalog, boot and checksums are
 * made those of now.
 *
 *   - A cache that loads has names and types within bounds, takes what the
 *     log has behind it, and is the same when it was saved and loaded again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "fuzz.h"
#include "number.h"
#include "state.h"

#define HEAD_LEN 104
#define COUNTS_LEN (8 * COUNT_N + 4)
#define NAME "db.cache"

static struct io_owner owner;
static uint8_t head[HEAD_LEN];	/* of a cache that is valid now */

/* A database with a log and a catalog, and a cache to take its head from. */
static int
make_database(const char *dir, struct wal *w)
{
	struct log_head h = { .epoch = 3, .nonce = 5 };
	struct buf log = BUF_INIT, cache = BUF_INIT;
	struct state s;
	struct batch b;
	int dirfd;

	must(log_head_pack(&h, &log, NULL) == 0);
	batch_init(&b);
	batch_begin(&b, 1000);
	batch_add_metric(&b, 9, NTDB_INT32, "in.log", 6);
	batch_add_int(&b, 9, 1000, 42);
	batch_add_int(&b, 1, 1001, 43);
	must(batch_end(&b, &(struct log_key){ 3, 5 }, log.len, NULL) == 0);
	buf_add(&log, b.out.data, b.out.len);
	fuzz_write(dir, "db.wal", log.data, log.len);
	fuzz_write(dir, "catalog.json", "{\"metrics\":[\n]}\n", 16);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	must(dirfd != -1 && io_owner_of(dirfd, &owner, dir, NULL) == 0);
	must(wal_open(w, dirfd, "db.wal", false, "db.wal", NULL) == 0);
	state_init(&s);
	s.epoch = 3;
	s.nonce = 5;
	state_save_cache(&s, dirfd, NAME, &owner);
	must(fuzz_read(dir, NAME, &cache) && cache.len > HEAD_LEN);
	memcpy(head, cache.data, HEAD_LEN);
	state_release(&s);
	batch_release(&b);
	buf_release(&log);
	buf_release(&cache);
	return dirfd;
}

/* Log, boot and catalog are those of now, and the checksums right. */
static void
mend(uint8_t *p, size_t n)
{
	if (n < HEAD_LEN + 4 + COUNTS_LEN)
		return;
	memcpy(p, head, 10);
	memcpy(p + 24, head + 24, 16);
	memcpy(p + 64, head + 64, HEAD_LEN - 64);
	put_u32(p + n - 4, checksum(p + n - COUNTS_LEN, 8 * COUNT_N));
	n -= COUNTS_LEN;
	put_u32(p + n - 4, checksum(p, n - 4));
}

static void
check(const struct state *s)
{
	const struct metric *m;
	uint32_t id, named = 0;

	for (id = 1; id < s->n_slots; id++) {
		if ((m = state_metric(s, id)) == NULL)
			continue;
		named++;
		must(m->name <= s->names_len &&
		    m->name_len <= s->names_len - m->name);
		must(m->name_len >= 1 && m->name_len <= METRIC_NAME_MAX);
		must(m->type >= NTDB_INT32 && m->type <= NTDB_FLOAT64);
		must(m->last_scale <= DEC_SCALE_MAX ||
		    m->last_scale == DEC_RAW);
		must(state_find(s, state_name(s, m), m->name_len) < s->n_slots);
	}
	must(named == s->n_named);
}

static void
same(const struct state *a, const struct state *b)
{
	const struct metric *m, *w;
	uint32_t id;

	must(a->n_slots == b->n_slots && a->n_named == b->n_named &&
	    a->max_id == b->max_id && a->complete == b->complete &&
	    a->log_pos == b->log_pos && a->log_samples == b->log_samples);
	must(memcmp(a->counters, b->counters, sizeof(a->counters)) == 0);
	for (id = 1; id < a->n_slots; id++) {
		m = state_metric(a, id);
		w = state_metric(b, id);
		must((m == NULL) == (w == NULL));
		if (m == NULL)
			continue;
		must(m->name_len == w->name_len && memcmp(state_name(a, m),
		    state_name(b, w), m->name_len) == 0);
		must(m->type == w->type && m->last_t == w->last_t &&
		    m->last_m == w->last_m && m->flags == w->flags);
	}
}

static void
try_cache(int dirfd, const struct wal *w)
{
	struct state s, again;
	uint64_t tail;
	int r;

	r = state_load_cache(&s, dirfd, NAME, w, NULL);
	must(r == 0 || r == NTDB_END);
	if (r != 0)
		return;
	check(&s);
	state_count(&s, COUNT_FLUSHES, 1);
	state_took(&s, COUNT_SEAL_NS, 5);
	state_save_counts(&s, dirfd, NAME);
	must(s.log_pos <= 1000);
	if (s.log_pos < w->head.len)
		s.log_pos = w->head.len;
	r = state_replay(&s, w, &tail, "db.wal", NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	check(&s);
	state_save_cache(&s, dirfd, NAME, &owner);
	must(state_load_cache(&again, dirfd, NAME, w, NULL) == 0);
	same(&s, &again);
	state_release(&again);
	state_release(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dirfd = -1;
	static const char *dir;
	static struct wal w;
	uint8_t *copy;

	if (dirfd == -1) {
		dir = fuzz_dir();
		dirfd = make_database(dir, &w);
	}
	copy = fuzz_copy(data, size);
	mend(copy, size);
	unlinkat(dirfd, NAME, 0);
	fuzz_write(dir, NAME, copy, size);
	try_cache(dirfd, &w);
	free(copy);
	return 0;
}
