/*
 * The state cache: a state as a file, and back.  Its layout is in state.h.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "dbdir.h"
#include "error.h"
#include "number.h"
#include "state.h"

#define CACHE_VERSION 1
#define CACHE_COMPLETE 1	/* flag: last samples can be relied on */
#define CACHE_DAMAGED 2		/* flag: the log was read around damage */
#define CACHE_FLAGS (CACHE_COMPLETE | CACHE_DAMAGED)
#define CACHE_HEAD_LEN 104
#define SLOT_LEN 32
#define CACHE_MAX ((size_t)1 << 31)
#define COUNTS_LEN (8 * COUNT_N + 4)
#define COUNTS_TRIES 5		/* to read them while they are written */

static const uint8_t cache_magic[8] = { 'N', 'T', 'D', 'B', 'C', 'C', 'H',
	'\n' };

/* Sixteen characters of the id that the kernel gives each boot. */
static bool
boot_id(uint8_t id[16])
{
	uint8_t text[36];
	size_t i, n = 0;
	ssize_t got;
	int fd;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	got = read(fd, text, sizeof(text));
	close(fd);
	for (i = 0; i < (size_t)(got > 0 ? got : 0) && n < 16; i++)
		if (text[i] != '-')
			id[n++] = text[i];
	return n == 16;
}

/* Tells one catalog.json from another; zeros if there is none. */
static void
catalog_stamp(int dirfd, uint8_t stamp[24])
{
	struct stat st;

	memset(stamp, 0, 24);
	if (fstatat(dirfd, DBDIR_CATALOG, &st, 0) != 0)
		return;
	put_u64(stamp, (uint64_t)st.st_ino);
	put_u64(stamp + 8, (uint64_t)st.st_size);
	put_u64(stamp + 16, (uint64_t)st.st_mtim.tv_sec * 1000000000u +
	    (uint64_t)st.st_mtim.tv_nsec);
}

static void
pack_slot(uint8_t *p, const struct metric *m)
{
	put_u64(p, (uint64_t)m->last_t);
	put_u64(p + 8, (uint64_t)m->last_m);
	put_u32(p + 16, m->name);
	put_u32(p + 20, m->hash);
	put_u16(p + 24, m->name_len);
	p[26] = m->type;
	p[27] = m->last_scale;
	p[28] = m->flags & METRIC_SAVED;
	p[29] = p[30] = p[31] = 0;
}

static void
unpack_slot(const uint8_t *p, struct metric *m)
{
	m->last_t = as_i64(get_u64(p));
	m->last_m = as_i64(get_u64(p + 8));
	m->name = get_u32(p + 16);
	m->hash = get_u32(p + 20);
	m->name_len = get_u16(p + 24);
	m->type = p[26];
	m->last_scale = p[27];
	m->flags = p[28];
}

static void
pack_head(const struct state *s, int dirfd, uint8_t *p)
{
	memcpy(p, cache_magic, 8);
	put_u16(p + 8, CACHE_VERSION);
	put_u16(p + 10, (uint16_t)((s->complete ? CACHE_COMPLETE : 0) |
	    (s->damaged ? CACHE_DAMAGED : 0)));
	put_u32(p + 12, s->n_slots);
	put_u32(p + 16, (uint32_t)s->names_len);
	put_u32(p + 20, s->max_id);
	put_u64(p + 24, s->epoch);
	put_u64(p + 32, s->nonce);
	put_u64(p + 40, s->log_pos);
	put_u64(p + 48, s->log_samples);
	put_u64(p + 56, (uint64_t)s->log_clock_ns);
	catalog_stamp(dirfd, p + 80);
}

/* -------------------------------------------------------------- counters */

static void
pack_counts(const uint64_t counters[COUNT_N], uint8_t *p)
{
	size_t i;

	for (i = 0; i < COUNT_N; i++)
		put_u64(p + 8 * i, counters[i]);
	put_u32(p + 8 * COUNT_N, checksum(p, 8 * COUNT_N));
}

static bool
unpack_counts(const uint8_t *p, uint64_t counters[COUNT_N])
{
	size_t i;

	if (checksum(p, 8 * COUNT_N) != get_u32(p + 8 * COUNT_N))
		return false;
	for (i = 0; i < COUNT_N; i++)
		counters[i] = get_u64(p + 8 * i);
	return true;
}

/* Open the cache and read its counters; *at is where they stand. */
static int
open_counts(int dirfd, const char *name, int flags, uint64_t *at,
    uint64_t counters[COUNT_N])
{
	uint8_t p[COUNTS_LEN];
	struct stat st;
	size_t got;
	int fd;

	if ((fd = io_open(dirfd, name, flags, 0, name, NULL)) < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size >= COUNTS_LEN) {
		*at = (uint64_t)st.st_size - COUNTS_LEN;
		if (io_pread(fd, p, sizeof(p), *at, &got, name, NULL) == 0 &&
		    got == sizeof(p) && unpack_counts(p, counters))
			return fd;
	}
	close(fd);
	return -1;
}

/* What was counted here goes on top of what others have counted. */
static void
take_in(struct state *s, const uint64_t base[COUNT_N])
{
	unsigned i;

	for (i = COUNT_UNLOGGED; i < COUNT_FLUSH_NS; i++)
		s->counters[i] = base[i] + s->added[i];
	for (; i < COUNT_N; i++)
		s->counters[i] = s->added[i] != 0 ? s->added[i] : base[i];
	memset(s->added, 0, sizeof(s->added));
	s->has_added = false;
}

void
state_save_counts(struct state *s, int dirfd, const char *name)
{
	uint64_t base[COUNT_N], at = 0;
	uint8_t p[COUNTS_LEN];
	int fd;

	if (!s->has_added || !s->cached)
		return;
	if ((fd = open_counts(dirfd, name, O_RDWR, &at, base)) == -1)
		return;
	take_in(s, base);
	/* Those that the log tells stay as of the place in this file. */
	memcpy(base + COUNT_UNLOGGED, s->counters + COUNT_UNLOGGED,
	    sizeof(base) - COUNT_UNLOGGED * sizeof(base[0]));
	pack_counts(base, p);
	io_pwrite(fd, p, sizeof(p), at, name, NULL);
	close(fd);
}

/* The counters for a cache that is to replace the one that is there. */
static void
merge_counts(struct state *s, int dirfd, const char *name)
{
	uint64_t base[COUNT_N], at = 0;
	int fd = -1;

	if (s->cached)
		fd = open_counts(dirfd, name, O_RDONLY, &at, base);
	take_in(s, fd != -1 ? base : s->counters);
	io_close(&fd);
}

/* ------------------------------------------------------------- the cache */

void
state_save_cache(struct state *s, int dirfd, const char *name,
    const struct io_owner *owner)
{
	struct buf b = BUF_INIT;
	uint8_t *p;
	uint32_t id;

	p = buf_extend(&b, CACHE_HEAD_LEN + (size_t)s->n_slots * SLOT_LEN);
	if (p == NULL)
		goto done;
	pack_head(s, dirfd, p);
	if (!boot_id(p + 64))
		goto done;
	for (id = 0; id < s->n_slots; id++)
		pack_slot(p + CACHE_HEAD_LEN + (size_t)id * SLOT_LEN,
		    &s->metrics[id]);
	buf_add(&b, s->names, s->names_len);
	if (!buf_ok(&b))
		goto done;
	buf_add_u32(&b, checksum(b.data, b.len));
	if ((p = buf_extend(&b, COUNTS_LEN)) == NULL)
		goto done;
	merge_counts(s, dirfd, name);
	pack_counts(s->counters, p);
	if (io_publish(dirfd, name, b.data, b.len, false, owner, name,
	    NULL) == 0) {
		s->saved_pos = s->log_pos;
		s->cached = true;
	}
done:
	buf_release(&b);
}

/* Whether a cache belongs to this boot, catalog and log. */
static bool
belongs(const uint8_t *p, int dirfd, const struct wal *w)
{
	uint8_t boot[16], stamp[24];

	catalog_stamp(dirfd, stamp);
	return boot_id(boot) && memcmp(p + 64, boot, 16) == 0 &&
	    memcmp(p + 80, stamp, 24) == 0 &&
	    get_u64(p + 24) == w->key.epoch &&
	    get_u64(p + 32) == w->key.nonce;
}

static bool
head_ok(const uint8_t *p, size_t n)
{
	if (n < CACHE_HEAD_LEN + 4 + COUNTS_LEN)
		return false;
	n -= COUNTS_LEN;
	return memcmp(p, cache_magic, 8) == 0 &&
	    get_u16(p + 8) == CACHE_VERSION &&
	    (get_u16(p + 10) & ~CACHE_FLAGS) == 0 &&
	    n == CACHE_HEAD_LEN + (uint64_t)get_u32(p + 12) * SLOT_LEN +
	    get_u32(p + 16) + 4 &&
	    checksum(p, n - 4) == get_u32(p + n - 4);
}

/* Whether a slot is what a metric with a name may have. */
static bool
slot_ok(const struct metric *m, size_t names_len)
{
	return m->name <= names_len && m->name_len <= names_len - m->name &&
	    m->name_len >= 1 && m->name_len <= METRIC_NAME_MAX &&
	    m->type >= NTDB_INT32 && m->type <= NTDB_FLOAT64 &&
	    (m->last_scale <= DEC_SCALE_MAX || m->last_scale == DEC_RAW) &&
	    (m->flags & ~METRIC_SAVED) == 0;
}

static int
unpack_slots(struct state *s, const uint8_t *p, struct ntdb_error *err)
{
	uint32_t n = get_u32(p + 12), id;
	int r;

	if ((r = state_reserve_slots(s, n, err)) != 0)
		return r;
	s->names_len = s->names_cap = get_u32(p + 16);
	if ((s->names = malloc(s->names_len + 1)) == NULL)
		return err_nomem(err);
	memcpy(s->names, p + CACHE_HEAD_LEN + (size_t)n * SLOT_LEN,
	    s->names_len);
	for (id = 1; id < n; id++) {
		struct metric *m = &s->metrics[id];

		unpack_slot(p + CACHE_HEAD_LEN + (size_t)id * SLOT_LEN, m);
		if (!(m->flags & METRIC_NAMED))
			continue;
		if (!slot_ok(m, s->names_len))
			return NTDB_END;
		s->n_named++;
	}
	return state_reserve_index(s, s->n_named + 1, err);
}

/* The counters in the bytes of a cache that were read, or in the file now. */
static void
load_counts(struct state *s, int dirfd, const char *name, const struct buf *b)
{
	bool got = unpack_counts(b->data + b->len - COUNTS_LEN, s->counters);
	uint64_t at;
	int tries, fd;

	for (tries = 1; !got && tries < COUNTS_TRIES; tries++) {
		fd = open_counts(dirfd, name, O_RDONLY, &at, s->counters);
		got = fd != -1;
		io_close(&fd);
	}
}

int
state_load_cache(struct state *s, int dirfd, const char *name,
    const struct wal *w, struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	const uint8_t *p;
	uint64_t size = 0;
	int r;

	state_init(s);
	r = io_read_file(dirfd, name, CACHE_MAX, &b, name, NULL);
	p = b.data;
	if (r != 0 || !head_ok(p, b.len) || !belongs(p, dirfd, w) ||
	    wal_size(w, &size, name, NULL) != 0 || get_u64(p + 40) > size) {
		buf_release(&b);
		return NTDB_END;
	}
	r = unpack_slots(s, p, err);
	s->complete = (get_u16(p + 10) & CACHE_COMPLETE) != 0;
	s->damaged = (get_u16(p + 10) & CACHE_DAMAGED) != 0;
	s->max_id = get_u32(p + 20);
	s->epoch = w->key.epoch;
	s->nonce = w->key.nonce;
	s->log_pos = s->saved_pos = get_u64(p + 40);
	s->log_samples = get_u64(p + 48);
	s->log_clock_ns = as_i64(get_u64(p + 56));
	load_counts(s, dirfd, name, &b);
	s->cached = true;
	buf_release(&b);
	if (r != 0)
		state_release(s);
	return r;
}

/* Whether two states tell the same of all metrics that both know. */
static bool
agree(const struct state *a, const struct state *b, uint32_t *n_common)
{
	uint32_t id;

	*n_common = 0;
	for (id = 1; id < b->n_slots; id++) {
		const struct metric *m = state_metric(a, id);
		const struct metric *k = state_metric(b, id);

		if (m == NULL || k == NULL)
			continue;
		if (m->name_len != k->name_len || memcmp(state_name(a, m),
		    state_name(b, k), m->name_len) != 0)
			return false;
		(*n_common)++;
	}
	return true;
}

void
state_find_names(struct state *s, int dirfd, const char *name,
    const struct wal *w)
{
	struct buf b = BUF_INIT;
	struct state old;
	uint32_t id, n_common;
	bool same_log;

	state_init(&old);
	if (io_read_file(dirfd, name, CACHE_MAX, &b, name, NULL) != 0 ||
	    !head_ok(b.data, b.len) || unpack_slots(&old, b.data, NULL) != 0)
		goto done;
	same_log = w->fd != -1 && get_u64(b.data + 32) == w->key.nonce;
	if (!agree(s, &old, &n_common) || (n_common == 0 && !same_log))
		goto done;
	for (id = 1; id < old.n_slots; id++) {
		const struct metric *m = state_metric(&old, id);

		if (m != NULL && state_metric(s, id) == NULL)
			state_define(s, id, m->type, state_name(&old, m),
			    m->name_len, 0, NULL);
	}
done:
	state_release(&old);
	buf_release(&b);
}
