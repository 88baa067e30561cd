#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "scratch.h"
#include "tap.h"
#include "wal.h"

#define NAME "db.wal"

static int dirfd = -1;
static struct io_owner self;

/* The log as bytes: a header of no files, then batches at[0 .. n). */
static struct buf log_bytes;
static size_t at[64], n_batches;

static void
begin_log(void)
{
	struct log_head h;

	memset(&h, 0, sizeof(h));
	h.epoch = 5;
	h.nonce = UINT64_C(0xfeedfacecafebeef);
	buf_clear(&log_bytes);
	log_head_pack(&h, &log_bytes, NULL);
	n_batches = 0;
	at[0] = log_bytes.len;
}

/* Put a batch of `payload' records as they are behind the log. */
static void
add_raw(const void *payload, size_t len, uint32_t n)
{
	size_t from = log_bytes.len;
	uint8_t place[24];
	uint32_t crc;

	buf_add(&log_bytes, "NTB\n", 4);
	buf_add_u32(&log_bytes, (uint32_t)len + 8);
	buf_add_u32(&log_bytes, n);
	buf_add_u32(&log_bytes, 0);
	buf_add_u64(&log_bytes, 1000);
	buf_add(&log_bytes, payload, len);
	put_u64(place, 5);
	put_u64(place + 8, UINT64_C(0xfeedfacecafebeef));
	put_u64(place + 16, from);
	crc = checksum(place, sizeof(place));
	crc = checksum_add(crc, log_bytes.data + from + 4, 8);
	crc = checksum_add(crc, log_bytes.data + from + 16, len + 8);
	put_u32(log_bytes.data + from + 12, crc);
	at[++n_batches] = log_bytes.len;
}

/* n samples of value 3: tag, a step of 1 ns in the first, the value. */
static void
add_batch(uint32_t n)
{
	struct buf b = BUF_INIT;
	uint32_t i;

	buf_add(&b, "\x09\x02\x06", 3);
	for (i = 1; i < n; i++)
		buf_add(&b, "\x04\x06", 2);
	add_raw(b.data, b.len, n);
	buf_release(&b);
}

static void
open_log(struct wal *w)
{
	scratch_write(dirfd, NAME, log_bytes.data, log_bytes.len);
	if (wal_open(w, dirfd, NAME, true, NAME, NULL) != 0)
		bail("cannot open the log");
}

/* What a reader found: bit i of the answer for the batch at at[i]. */
static unsigned
read_log(uint64_t pos, uint64_t end, struct wal_reader *last)
{
	uint64_t damage_pos = 0, damage_len = 0;
	struct wal_reader r;
	unsigned found = 0;
	struct wal w;
	size_t i;
	int rc;

	open_log(&w);
	wal_reader_init(&r, &w, pos, end, NAME);
	while ((rc = wal_reader_next(&r, NULL)) == 0) {
		for (i = 0; i < n_batches && at[i] != r.batch_pos; i++)
			;
		found |= i < n_batches && r.pos == at[i + 1] &&
		    i < 32 ? 1u << i : 1u << 31;
		if (r.damage_len > 0) {
			damage_pos = r.damage_pos;
			damage_len += r.damage_len;
		}
	}
	if (rc != NTDB_END)
		found |= 1u << 31;
	wal_reader_release(&r);
	wal_release(&w);
	*last = r;
	last->damage_pos = damage_pos;
	last->damage_len = damage_len;
	return found;
}

static void
three_batches(void)
{
	begin_log();
	add_batch(3);
	add_batch(20);
	add_batch(1);
}

static int
open_bytes(const void *p, size_t len)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct wal w;
	int r;

	scratch_write(dirfd, NAME, p, len);
	r = wal_open(&w, dirfd, NAME, false, NAME, &err);
	if (r != 0 && strcmp(err.path, NAME) != 0)
		diag("the record does not name the file");
	wal_release(&w);
	return r;
}

static void
test_open(void)
{
	struct log_head h;
	struct buf b = BUF_INIT;
	struct wal w;
	int i;

	is_int(wal_open(&w, dirfd, "none", false, NAME, NULL), NTDB_ENOENT,
	    "no log");
	is_int(w.fd, -1, "none is open");
	wal_release(&w);
	is_int(open_bytes("", 0), NTDB_ECORRUPT, "an empty file");
	is_int(open_bytes("db/m 1 2\n", 9), NTDB_ECORRUPT, "another file");
	three_batches();
	is_int(open_bytes(log_bytes.data, log_bytes.len), 0, "a log");
	is_int(open_bytes(log_bytes.data, 51), NTDB_ECORRUPT,
	    "a header cut short");
	put_u16(log_bytes.data + 8, 2);
	is_int(open_bytes(log_bytes.data, log_bytes.len), NTDB_ECORRUPT,
	    "version 2 with a wrong CRC");
	put_u32(log_bytes.data + 48, checksum(log_bytes.data, 48));
	is_int(open_bytes(log_bytes.data, log_bytes.len), NTDB_EVERSION,
	    "version 2 with its CRC");

	memset(&h, 0, sizeof(h));
	h.epoch = 9;
	for (i = 0; i < 700; i++)
		log_head_put(&h, 0, i - 350, 64u + (unsigned)i, 5, NULL);
	log_head_pack(&h, &b, NULL);
	log_head_release(&h);
	scratch_write(dirfd, NAME, b.data, b.len);
	is_int(wal_open(&w, dirfd, NAME, false, NAME, NULL), 0,
	    "a header of 700 files");
	ok(w.head.n_files == 700 && w.key.epoch == 9 &&
	    log_head_find(&w.head, 0, 349)->len == 763, "is read whole");
	wal_release(&w);
	is_int(open_bytes(b.data, b.len - 1), NTDB_ECORRUPT,
	    "if it is all there");
	buf_release(&b);
}

static void
test_read(void)
{
	struct wal_reader r;
	struct record rec;
	struct wal w;
	int n = 0;

	three_batches();
	is_int(read_log(at[0], UINT64_MAX, &r), 7, "three batches");
	ok(r.pos == at[3] && r.damage_len == 0, "to the end, no damage");
	is_int(read_log(at[1], UINT64_MAX, &r), 6, "from the second on");
	is_int(read_log(at[3], UINT64_MAX, &r), 0, "from the end");
	is_int(read_log(at[0], at[2], &r), 3, "two up to a limit");
	is_u64(r.pos, at[2], "which is where it ends");
	is_int(read_log(at[0], at[3] - 1, &r), 3,
	    "a batch beyond the limit is none");
	is_u64(r.pos, at[2], "and its start is where it ends");
	is_int(read_log(at[0], at[0], &r), 0, "a limit at the start");

	open_log(&w);
	wal_reader_init(&r, &w, at[1], UINT64_MAX, NAME);
	wal_reader_next(&r, NULL);
	while (batch_next(&r.batch, &rec) == 0)
		n += rec.kind == REC_SAMPLE && rec.id == 1 && rec.m == 3 &&
		    rec.is_int && rec.t == 1001 + n;
	is_int(n, 20, "a batch's records are ready to be read");
	wal_reader_release(&r);
	wal_release(&w);
}

/* Longer than what is read at once, so that batches straddle the edges. */
static void
test_read_much(void)
{
	struct wal_reader r;
	unsigned i, want = 0;

	begin_log();
	for (i = 0; i < 20; i++) {
		add_batch(i % 5 == 2 ? 100000 : 7000 + 1000 * i);
		want |= 1u << i;
	}
	is_int(read_log(at[0], UINT64_MAX, &r), want, "long batches");
	log_bytes.data[at[2] + 5000] ^= 0x10;
	is_int(read_log(at[0], UINT64_MAX, &r), want & ~4u,
	    "one of them damaged");
	ok(r.damage_pos == at[2] && r.damage_len == at[3] - at[2],
	    "damage is from its start to the next");
}

static void
test_torn(void)
{
	struct wal_reader r;
	bool two = true, end = true;
	size_t len, tail;

	three_batches();
	for (len = at[2]; len < at[3]; len++) {
		log_bytes.len = len;
		two = two && read_log(at[0], UINT64_MAX, &r) == 3;
		end = end && r.pos == at[2] && r.damage_len == 0;
	}
	ok(two, "a last batch cut short anywhere is not read");
	ok(end, "the tail begins where it began, and is no damage");

	three_batches();
	tail = at[3];
	buf_add(&log_bytes, "NTB\nNTB\n\0\0\0\0NTB\n rubbish N", 26);
	is_int(read_log(at[0], UINT64_MAX, &r), 7, "rubbish at the end");
	ok(r.pos == tail && r.damage_len == 0, "is a tail");
	memset(buf_extend(&log_bytes, 100000), 0, 100000);
	is_int(read_log(at[0], UINT64_MAX, &r), 7, "zeros at the end");
	ok(r.pos == tail && r.damage_len == 0, "are one too");
}

static void
test_damage(void)
{
	bool others = true, region = true;
	struct wal_reader r;
	size_t i;

	for (i = 0; i < 2; i++) {
		size_t bit, from, to;

		three_batches();
		from = at[i];
		to = at[i + 1];
		for (bit = 8 * from; bit < 8 * to; bit++) {
			uint8_t *p = &log_bytes.data[bit / 8];

			*p = (uint8_t)(*p ^ 1u << bit % 8);
			others = others && read_log(at[0], UINT64_MAX, &r) ==
			    (7u & ~(1u << i));
			region = region && r.damage_pos == from &&
			    r.damage_len == to - from;
			*p = (uint8_t)(*p ^ 1u << bit % 8);
		}
	}
	ok(others, "any flipped bit costs its batch and no other");
	ok(region, "and is told as damage of that batch");

	three_batches();
	log_bytes.data[at[0] + 20] ^= 1;
	log_bytes.data[at[1] + 20] ^= 1;
	is_int(read_log(at[0], UINT64_MAX, &r), 4, "two batches damaged");
	ok(r.damage_pos == at[0] && r.damage_len == at[2] - at[0],
	    "are one damage");
	log_bytes.data[at[1] - 1] = log_bytes.data[at[2] - 1] = 'N';
	is_int(read_log(at[0], UINT64_MAX, &r), 4,
	    "what begins like a batch right before one is passed over");
	log_bytes.data[at[2] + 20] ^= 1;
	is_int(read_log(at[0], UINT64_MAX, &r), 0, "all of them damaged");
	ok(r.pos == at[0] && r.damage_len == 0,
	    "there is nothing behind it, so it is a tail");
}

static void
test_malformed(void)
{
	struct wal_reader r;

	begin_log();
	add_batch(2);
	add_raw("\x01\x06\x00\x06\x00", 5, 2);
	add_batch(2);
	is_int(read_log(at[0], UINT64_MAX, &r), 5,
	    "bad records under a valid CRC are damage");
	ok(r.damage_pos == at[1] && r.damage_len == at[2] - at[1],
	    "told as such");
	begin_log();
	add_batch(2);
	add_raw("\x00\x06", 2, 1);
	is_int(read_log(at[0], UINT64_MAX, &r), 1, "at the end");
	is_u64(r.pos, at[1], "they are a tail");
}

/* Let files grow to this size at most: standard output, too. */
static void
limit_files(rlim_t max)
{
	struct rlimit rl;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &rl);
	rl.rlim_cur = max;
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		bail("cannot limit files");
}

static void
test_append(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	bool sync_failed = true;
	uint64_t size = 0;
	struct wal w, null;
	size_t len;
	uint8_t *p;
	int rc;

	three_batches();
	open_log(&w);
	is_int(wal_append(&w, at[3], "more", 4, false, NULL, NAME, NULL), 0,
	    "bytes are appended");
	is_int(wal_append(&w, at[3] + 4, "synced", 6, true, &sync_failed,
	    NAME, NULL), 0, "and synced");
	ok(!sync_failed, "which did not fail");
	p = scratch_read(dirfd, NAME, &len);
	is_mem(p + at[3], len - at[3], "moresynced", 10, "they are there");
	free(p);
	wal_size(&w, &size, NAME, NULL);
	is_u64(size, at[3] + 10, "and counted");

	is_int(wal_cut(&w, at[3], NAME, NULL), 0, "a tail is cut");
	wal_size(&w, &size, NAME, NULL);
	is_u64(size, at[3], "and gone");

	limit_files(at[3] + 5);
	sync_failed = true;
	rc = wal_append(&w, at[3], "0123456789", 10, true, &sync_failed, NAME,
	    &err);
	limit_files(RLIM_INFINITY);
	is_int(rc, NTDB_EIO, "half a write");
	ok(!sync_failed && err.code == NTDB_EIO, "is told");
	p = scratch_read(dirfd, NAME, &len);
	is_mem(p, len, log_bytes.data, at[3], "and cut back");
	free(p);
	wal_release(&w);

	/* Writes to /dev/null succeed, syncs of it fail. */
	wal_init(&null);
	null.fd = open("/dev/null", O_RDWR);
	err.code = 0;
	is_int(wal_append(&null, 100, "x", 1, true, &sync_failed, "null",
	    &err), NTDB_EIO, "a sync that fails");
	ok(sync_failed, "is told apart");
	wal_release(&null);
}

/* The new log byte by byte; the old one stays with who has it open. */
static void
test_replace(void)
{
	struct buf first = BUF_INIT;
	struct wal old, new;
	struct wal_reader r;
	struct log_head h;
	bool renamed = false;
	size_t len;
	uint8_t *p;
	int rc, n = 0;

	three_batches();
	open_log(&old);
	ok(wal_is_current(&old, dirfd, NAME), "the log at its name");
	memset(&h, 0, sizeof(h));
	h.epoch = 6;
	log_head_put(&h, 0, 1, 64, 5, NULL);
	buf_add(&first, "batches", 7);
	self.mode = 0711;
	is_int(wal_replace(dirfd, NAME, &h, &first, &self, &renamed, NAME,
	    NULL), 0, "it is replaced");
	ok(renamed && h.len == 76, "and the length of the header told");
	p = scratch_read(dirfd, NAME, &len);
	ok(len == 83 && get_u64(p + 16) == 6 &&
	    memcmp(p + 76, "batches", 7) == 0, "header, then batches");
	free(p);
	ok(!wal_is_current(&old, dirfd, NAME), "the old one is not current");
	wal_reader_init(&r, &old, at[0], UINT64_MAX, NAME);
	while (wal_reader_next(&r, NULL) == 0)
		n++;
	is_int(n, 3, "but can be read to its end");
	wal_reader_release(&r);
	is_int(scratch_count(dirfd), 1, "nothing is left beside the log");

	is_int(wal_open(&new, dirfd, NAME, false, NAME, NULL), 0,
	    "the new one is a log");
	ok(wal_is_current(&new, dirfd, NAME) && new.key.epoch == 6,
	    "of the next epoch");
	h.epoch = 7;
	limit_files(78);
	rc = wal_replace(dirfd, NAME, &h, &first, &self, &renamed, NAME,
	    NULL);
	limit_files(RLIM_INFINITY);
	is_int(rc, NTDB_EIO, "without room it is not replaced");
	ok(!renamed && wal_is_current(&new, dirfd, NAME) &&
	    scratch_count(dirfd) == 1, "and stays as it is");
	unlinkat(dirfd, NAME, 0);
	ok(!wal_is_current(&new, dirfd, NAME), "a name that leads nowhere");
	is_int(wal_replace(dirfd, NAME, &h, NULL, &self, &renamed, NAME,
	    NULL), 0, "a log is made where there was none");
	wal_release(&old);
	wal_release(&new);
	ok(new.fd == -1 && !wal_is_current(&new, dirfd, NAME), "released");
	log_head_release(&h);
	buf_release(&first);
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	io_owner_of(dirfd, &self, "scratch", NULL);
	test_open();
	test_read();
	test_read_much();
	test_torn();
	test_damage();
	test_malformed();
	test_append();
	test_replace();
	buf_release(&log_bytes);
	return done_testing();
}
