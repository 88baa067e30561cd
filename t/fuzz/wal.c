/*
 * A log as a file.  Input: its bytes.  The checksums of its header, and of
 * each batch whose length fits, are made right.
 *
 *   - Header, batches, damage and tail are all of the file, in this order.
 *   - The state that is made from it agrees with its reader.
 *   - Once the tail is cut, and a batch appended, it reads as before, and
 *     that batch after it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "mend.h"
#include "state.h"
#include "wal.h"

struct told {
	uint64_t batches, samples, damage;
	uint64_t end;
};

/* Read all of it. */
static void
read_all(const struct wal *w, struct told *told)
{
	uint64_t size, at = w->head.len;
	struct wal_reader r;
	struct record rec;
	int code;

	memset(told, 0, sizeof(*told));
	must(wal_size(w, &size, "log", NULL) == 0);
	wal_reader_init(&r, w, at, UINT64_MAX, "log");
	while ((code = wal_reader_next(&r, NULL)) == 0) {
		if (r.damage_len > 0)
			must(r.damage_pos == at &&
			    at + r.damage_len == r.batch_pos);
		else
			must(r.batch_pos == at);
		must(r.pos > r.batch_pos && r.pos <= size);
		told->damage += r.damage_len > 0;
		told->batches++;
		at = r.pos;
		while ((code = batch_next(&r.batch, &rec)) == 0)
			told->samples += rec.kind == REC_SAMPLE;
		must(code == NTDB_END);
	}
	must(code == NTDB_END && r.pos == at);
	told->end = at;
	wal_reader_release(&r);
}

static void
check_state(const struct wal *w, const struct told *told)
{
	struct state s;
	uint64_t size, tail = UINT64_MAX;
	int r;

	must(wal_size(w, &size, "log", NULL) == 0);
	state_init(&s);
	s.log_pos = w->head.len;
	r = state_replay(&s, w, &tail, "log", NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	if (r == 0) {
		must(s.log_pos == told->end && s.damaged == (told->damage > 0));
		must(s.log_samples == told->samples);
		must(s.counters[COUNT_COMMITS] == told->batches);
		must(size == told->end || tail == size - told->end);
	}
	state_release(&s);
}

static void
append(const struct wal *w, const struct told *told)
{
	struct told again;
	struct batch b;

	must(wal_cut(w, told->end, "log", NULL) == 0);
	read_all(w, &again);
	must(memcmp(&again, told, sizeof(again)) == 0);
	batch_init(&b);
	batch_begin(&b, 1000);
	batch_add_metric(&b, 7, NTDB_INT32, "m", 1);
	batch_add_int(&b, 7, 1000, 42);
	must(batch_end(&b, &w->key, told->end, NULL) == 0);
	must(wal_append(w, told->end, b.out.data, b.out.len, true, NULL,
	    "log", NULL) == 0);
	read_all(w, &again);
	must(again.batches == told->batches + 1);
	must(again.samples == told->samples + 1);
	must(again.damage == told->damage);
	must(again.end == told->end + b.out.len);
	batch_release(&b);
}

/* A new log takes the place of another, with the same header. */
static void
replace(struct wal *w)
{
	const char *dir = fuzz_dir();
	struct buf none = BUF_INIT;
	struct io_owner owner;
	struct told told;
	struct wal again;
	bool renamed;
	int dirfd;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	must(dirfd != -1 && io_owner_of(dirfd, &owner, dir, NULL) == 0);
	fuzz_write(dir, "log", "old", 3);
	must(wal_replace(dirfd, "log", &w->head, &none, &owner, &renamed,
	    "log", NULL) == 0 && renamed);
	must(wal_open(&again, dirfd, "log", false, "log", NULL) == 0);
	must(wal_is_current(&again, dirfd, "log"));
	must(again.head.epoch == w->head.epoch &&
	    again.head.n_files == w->head.n_files);
	read_all(&again, &told);
	must(told.batches == 0 && told.end == again.head.len);
	wal_release(&again);
	io_close(&dirfd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	struct told told;
	struct wal w;
	int r;

	mend_log(copy, size);
	r = wal_open(&w, AT_FDCWD, fuzz_file(copy, size), true, "log", NULL);
	must(r == 0 || r == NTDB_ECORRUPT || r == NTDB_EVERSION);
	free(copy);
	if (r != 0)
		return 0;
	read_all(&w, &told);
	check_state(&w, &told);
	append(&w, &told);
	replace(&w);
	wal_release(&w);
	return 0;
}
