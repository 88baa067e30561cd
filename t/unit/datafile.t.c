#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "datafile.h"
#include "scratch.h"
#include "tap.h"

/* 2026-05-01 is day 20574, by Python's datetime. */
#define NAME "data-2026-05-01.dat"

static const struct partition day = { PART_DAY, 20574 };

static int dirfd = -1;
static struct io_owner self;

/* The file as bytes: a header, then pages at[0 .. n). */
static struct buf file;
static size_t at[16], n_pages;

static void
begin_file(void)
{
	/* Worked by hand from the table in datafile.h. */
	static const char head[] = "4e5444424441540a 0100 0000 00000000"
	    "5e500000 00000000 0000000000000000 0000000000000000"
	    "8877665544332211 000000000000000000000000";
	uint8_t p[DATA_HEAD_LEN];

	from_hex(head, p, sizeof(p));
	put_u32(p + 60, checksum(p, 60));
	buf_clear(&file);
	buf_add(&file, p, sizeof(p));
	n_pages = 0;
	at[0] = file.len;
}

/* A page of `n' samples of metric id, each its number. */
static void
add_page(uint32_t id, size_t n, uint64_t epoch, bool sealed)
{
	static int64_t t[5000], m[5000];
	struct page_run_in run = { id, NTDB_INT64, n, t, m, NULL };
	struct page_packer *pk;
	size_t i;

	for (i = 0; i < n; i++) {
		t[i] = INT64_C(1777593600000000000) + (int64_t)i * 1000000000;
		m[i] = as_i64(random_u64());
	}
	if (page_packer_new(&pk, NULL) != 0 || page_pack(pk, &run, 1, epoch,
	    sealed, PAGE_SNAPPY, &file, NULL) != 0)
		bail("no page");
	page_packer_free(pk);
	at[++n_pages] = file.len;
}

static void
write_file(void)
{
	scratch_write(dirfd, NAME, file.data, file.len);
}

static int
open_code(struct partition part)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct datafile f;
	int r = datafile_open(&f, dirfd, part, false, &err);

	if (r != err.code)
		diag("the record says %d, not %d", err.code, r);
	datafile_close(&f);
	return r;
}

static void
test_create(void)
{
	struct datafile f;
	bool created;
	uint8_t *p;
	size_t len;

	is_int(open_code(day), NTDB_ENOENT, "no data file");
	self.mode = 0751;
	is_int(datafile_create(&f, dirfd, day, &self, &created, NULL), 0,
	    "one is made");
	ok(created && f.size == 64 && f.sealed_len == 0 && f.file_id != 0 &&
	    strcmp(f.name, NAME) == 0, "as a new one");
	begin_file();
	put_u64(file.data + 40, f.file_id);
	put_u32(file.data + 60, checksum(file.data, 60));
	p = scratch_read(dirfd, NAME, &len);
	is_mem(p, len, file.data, 64, "its header byte by byte");
	free(p);
	is_int(io_pwrite(f.fd, "x", 1, 64, NAME, NULL), 0, "to append to");
	datafile_close(&f);
	is_int(f.fd, -1, "closed");

	is_int(datafile_create(&f, dirfd, day, &self, &created, NULL), 0,
	    "once more");
	ok(!created && f.size == 65, "it is opened as it is");
	datafile_close(&f);
}

/* What becomes of a header with bytes changed; the CRC is put right. */
static int
open_with(size_t pos, const char *hex)
{
	begin_file();
	from_hex(hex, file.data + pos, 60 - pos);
	put_u32(file.data + 60, checksum(file.data, 60));
	write_file();
	return open_code(day);
}

/* From offset 20 on: a file sealed up to 4112, with a list. */
#define LIST(len, at) len "1010000000000000 0700000000000000" \
    "8877665544332211" at "000000000000"

static void
flip(size_t bit)
{
	file.data[bit / 8] = (uint8_t)(file.data[bit / 8] ^ 1u << bit % 8);
}

static void
test_header(void)
{
	struct datafile f;
	bool one = true, two = true;
	size_t i, k;

	is_int(open_with(0, "4e"), 0, "a header as described is valid");
	is_int(open_with(0, "4f"), NTDB_ECORRUPT, "another magic");
	is_int(open_with(8, "02"), NTDB_EVERSION, "a newer version");
	is_int(open_with(8, "00"), NTDB_ECORRUPT, "version 0");
	is_int(open_with(10, "01"), NTDB_ECORRUPT, "a flag");
	is_int(open_with(12, "01"), NTDB_ECORRUPT, "another kind");
	is_int(open_with(16, "5d"), NTDB_ECORRUPT, "another start");
	is_int(open_with(20, "01"), NTDB_ECORRUPT, "a list at no place");
	is_int(open_with(48, "40"), NTDB_ECORRUPT, "a list of no length");
	is_int(open_with(20, LIST("11000000", "ff0f")), 0, "a list, sealed");
	is_int(open_with(20, LIST("21000000", "f00f")), NTDB_ECORRUPT,
	    "one that is sealed in part");
	is_int(open_with(20, LIST("11000000", "3f00")), NTDB_ECORRUPT,
	    "one within the header");
	is_int(open_with(20, LIST("ffffffff", "4000")), NTDB_ECORRUPT,
	    "one of 4 GiB");
	is_int(open_with(56, "01"), 0, "a flag");
	is_int(open_with(56, "02"), NTDB_ECORRUPT, "one that is not known");
	is_int(open_with(59, "80"), NTDB_ECORRUPT, "the last of them");
	is_int(open_with(24, "0010000000000000 0700000000000000"), 0,
	    "a sealed length");
	if (datafile_open(&f, dirfd, day, false, NULL) != 0)
		bail("cannot open");
	ok(f.sealed_len == 4096 && f.sealed_epoch == 7 &&
	    f.file_id == UINT64_C(0x1122334455667788) && f.size == 64,
	    "is read, like the other numbers");
	datafile_close(&f);

	begin_file();
	for (i = 0; i < 8 * DATA_HEAD_LEN; i++) {
		k = random_below(8 * DATA_HEAD_LEN);
		flip(i);
		write_file();
		one = one && datafile_open(&f, dirfd, day, false, NULL) == 0 &&
		    f.mended && f.file_id == UINT64_C(0x1122334455667788);
		datafile_close(&f);
		flip(k);
		write_file();
		two = two && (i == k || open_code(day) == NTDB_ECORRUPT);
		flip(k);
		flip(i);
	}
	ok(one, "any one flipped bit is told from the CRC");
	ok(two, "two flipped bits are corrupt");
}

/* A crash before the first sync leaves less than a header, or zeros. */
static void
test_torn(void)
{
	static const uint8_t zeros[DATA_HEAD_LEN + 500];
	struct datafile f;
	bool created, torn = true, remade = true;
	size_t i;
	int r;

	for (i = 0; i < DATA_HEAD_LEN; i++) {
		begin_file();
		scratch_write(dirfd, NAME, file.data, i);
		r = datafile_open(&f, dirfd, day, false, NULL);
		torn = torn && r == NTDB_ECORRUPT && f.torn;
		r = datafile_create(&f, dirfd, day, &self, &created, NULL);
		remade = remade && r == 0 && created && f.size == 64;
		datafile_close(&f);
		remade = remade && open_code(day) == 0;
	}
	ok(torn, "a header cut short is told as torn");
	ok(remade, "and made anew by whoever appends");
	scratch_write(dirfd, NAME, zeros, sizeof(zeros));
	r = datafile_open(&f, dirfd, day, false, NULL);
	ok(r == NTDB_ECORRUPT && f.torn, "so are zeros");
	is_int(datafile_create(&f, dirfd, day, &self, &created, NULL), 0,
	    "which give way, too");
	ok(created && f.size == 64 && lseek(f.fd, 0, SEEK_END) == 64,
	    "to an empty file");
	datafile_close(&f);

	begin_file();
	add_page(1, 10, 1, false);
	file.data[3] ^= 3;
	write_file();
	is_int(datafile_create(&f, dirfd, day, &self, &created, NULL),
	    NTDB_ECORRUPT, "a damaged header does not");
	ok(!created && !f.torn, "it is not torn");
	is_int((int64_t)file.len, (int64_t)at[1], "nothing is lost of it");
}

/* Bit i for the page at at[i], bit 16 for each damage told. */
static unsigned
walk(uint64_t pos, uint64_t limit)
{
	struct datafile f;
	struct page_ref ref;
	unsigned found = 0;
	size_t i;
	int r, steps = 0;

	if (datafile_open(&f, dirfd, day, false, NULL) != 0)
		bail("cannot open");
	while ((r = datafile_next(&f, &pos, limit, &ref, NULL)) != NTDB_END &&
	    ++steps < 100) {
		if (r != 0) {
			found += 1u << 16;
			continue;
		}
		for (i = 0; i < n_pages && at[i] != ref.offset; i++)
			;
		found |= i < n_pages && pos == at[i + 1] ? 1u << i : 1u << 31;
	}
	datafile_close(&f);
	return steps < 100 && pos == limit ? found : 1u << 30;
}

#define DAMAGES(n) ((unsigned)(n) << 16)

static void
four_pages(void)
{
	begin_file();
	add_page(1, 100, 3, true);
	add_page(2, 5000, 4, false);
	add_page(3, 1, 4, false);
	add_page(4, 200, 5, false);
	write_file();
}

static void
test_pages(void)
{
	struct datafile f;
	struct page_ref ref;
	uint64_t pos;

	four_pages();
	is_int(walk(at[0], at[4]), 15, "four pages");
	is_int(walk(at[0], at[2]), 3, "two that count");
	is_int(walk(at[2], at[4]), 12, "from the third on");
	is_int(walk(at[4], at[4]), 0, "none at the end");
	is_int(walk(at[0], at[0]), 0, "none that counts");
	is_int(walk(at[0], at[2] - 1), 1 | DAMAGES(1),
	    "a page that goes beyond what counts is cut short");
	is_int(walk(at[0], at[4] + 10), 15 | DAMAGES(1),
	    "a file shorter than what counts is damaged");

	datafile_open(&f, dirfd, day, false, NULL);
	pos = at[0];
	datafile_next(&f, &pos, at[4], &ref, NULL);
	ok(ref.head.sealed && ref.head.epoch == 3 && ref.head.max_id == 1 &&
	    ref.head.n_samples == 100 && ref.head.len == at[1] - at[0],
	    "a page's header is told");
	datafile_close(&f);
}

static void
test_damage(void)
{
	bool heads = true;
	size_t bit;

	four_pages();
	for (bit = 8 * at[1]; bit < 8 * (at[1] + file.data[at[1] + 7]); bit += 5) {
		uint8_t *p = &file.data[bit / 8];

		*p = (uint8_t)(*p ^ 1u << bit % 8);
		write_file();
		heads = heads && walk(at[0], at[4]) == (13 | DAMAGES(1));
		*p = (uint8_t)(*p ^ 1u << bit % 8);
	}
	ok(heads, "behind a damaged header the next page is found");

	file.data[at[3] + 8] ^= 1;
	write_file();
	is_int(walk(at[0], at[4]), 7 | DAMAGES(1), "the last one damaged");
	memset(file.data + at[0], 0, at[2] - at[0]);
	write_file();
	is_int(walk(at[0], at[4]), 4 | DAMAGES(2),
	    "two pages of zeros, and the last one damaged");
	four_pages();
	memset(file.data + at[1], 'N', at[2] - at[1]);
	write_file();
	is_int(walk(at[0], at[4]), 13 | DAMAGES(1),
	    "what looks like a beginning is none");
	is_int(walk(at[0], at[3] - 1), 1 | DAMAGES(1),
	    "a page behind damage must be within what counts");
	file.len = at[3] + 30;
	write_file();
	is_int(walk(at[0], at[4]), 5 | DAMAGES(3),
	    "the last page cut off in the file");
}

/*
 * A sealed file: two pages, a list of 100 bytes, which is at[2], and two more
 * pages.
 */
static void
list_between(void)
{
	four_pages();
	buf_extend(&file, 100);
	memmove(file.data + at[2] + 100, file.data + at[2], at[4] - at[2]);
	memset(file.data + at[2], 'N', 100);
	at[5] = at[4] + 100;
	at[4] = at[3] + 100;
	at[3] = at[2] + 100;
	n_pages = 5;
	put_u32(file.data + 20, 100);
	put_u64(file.data + 24, at[4]);
	put_u64(file.data + 48, at[2]);
	put_u32(file.data + 60, checksum(file.data, 60));
	write_file();
}

static void
test_list(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct last_entry *e;
	struct datafile f;
	uint32_t n;

	list_between();
	is_int(walk(at[0], at[5]), 27, "a list between pages is passed over");
	is_int(walk(at[2], at[5]), 24, "also where reading begins at it");
	is_int(walk(at[0], at[2]), 3, "and where what counts ends before it");
	is_int(walk(at[0], at[3]), 3, "or behind it");
	file.data[at[1] + 9] ^= 1;
	write_file();
	is_int(walk(at[0], at[5]), 25 | DAMAGES(1),
	    "behind a damaged page it is found");
	datafile_open(&f, dirfd, day, false, NULL);
	is_int(datafile_lasts(&f, &e, &n, &err), NTDB_ECORRUPT,
	    "one that is no list is damage");
	ok(err.offset == (int64_t)at[2] && strcmp(err.path, NAME) == 0 &&
	    e == NULL, "at its place");
	datafile_close(&f);
	four_pages();
	datafile_open(&f, dirfd, day, false, NULL);
	is_int(datafile_lasts(&f, &e, &n, NULL), NTDB_END, "no list");
	datafile_close(&f);
}

/* Up to where a file counts: by its id, and by what is sealed. */
static void
test_committed(void)
{
	struct log_head h;
	struct datafile f;

	memset(&h, 0, sizeof(h));
	memset(&f, 0, sizeof(f));
	f.part = day;
	f.file_id = 7;
	is_u64(datafile_committed(&f, &h), 0, "a file that nobody knows");
	log_head_put(&h, PART_DAY, day.start, 500, 7, NULL);
	is_u64(datafile_committed(&f, &h), 500, "what the log says of it");
	f.sealed_len = 400;
	is_u64(datafile_committed(&f, &h), 500, "beyond what is sealed");
	f.sealed_len = 600;
	is_u64(datafile_committed(&f, &h), 600, "or what is sealed");
	f.file_id = 8;
	is_u64(datafile_committed(&f, &h), 600, "of another file that alone");
	f.sealed_len = 0;
	is_u64(datafile_committed(&f, &h), 0, "or nothing");
	log_head_release(&h);
}

/* What a crashed flush has left behind the committed length. */
static void
test_residue(void)
{
	begin_file();
	add_page(1, 10, 1, false);
	add_page(1, 10, 2, false);
	file.len = at[1] + 100;
	write_file();
	is_int(walk(at[0], at[1]), 1, "a torn page behind what counts");
	memset(file.data + at[1], 0, 100);
	write_file();
	is_int(walk(at[0], at[1]), 1, "zeros behind it");
}

/* Write the file anew and open it: what was read ahead is of no use. */
static void
rewrite(struct datafile *f)
{
	datafile_close(f);
	write_file();
	if (datafile_open(f, dirfd, day, false, NULL) != 0)
		bail("cannot open");
}

static void
test_parts(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct datafile f;
	struct page_ref ref;
	struct page_dir dir;
	uint8_t *raw;
	uint64_t pos;

	four_pages();
	datafile_open(&f, dirfd, day, false, NULL);
	pos = at[1];
	datafile_next(&f, &pos, at[4], &ref, NULL);
	is_int(datafile_dir(&f, &ref, &dir, &err), 0, "a directory is read");
	ok(dir.n_runs == 1 && dir.runs[0].id == 2 && dir.runs[0].n == 5000 &&
	    dir.n_groups >= 1, "its run");
	if (dir.n_groups < 1 ||
	    (raw = malloc(dir.groups[0].raw_len + 1)) == NULL)
		bail("no group");
	is_int(datafile_group(&f, &ref, &dir.groups[0], raw, &err), 0,
	    "a group is read");
	file.data[ref.offset + dir.groups[0].offset] ^= 1;
	rewrite(&f);
	is_int(datafile_group(&f, &ref, &dir.groups[0], raw, &err),
	    NTDB_ECORRUPT, "not when it is damaged");
	ok(strcmp(err.path, NAME) == 0 && err.offset ==
	    (int64_t)(ref.offset + dir.groups[0].offset),
	    "which is told with file and place");
	free(raw);
	page_dir_release(&dir);

	err.code = 0;
	err.path[0] = '\0';
	file.data[ref.offset + ref.head.head_len] ^= 1;
	rewrite(&f);
	is_int(datafile_dir(&f, &ref, &dir, &err), NTDB_ECORRUPT,
	    "nor is a damaged directory");
	ok(strcmp(err.path, NAME) == 0 && err.offset == (int64_t)ref.offset,
	    "which is told likewise");
	page_dir_release(&dir);
	file.len = at[1] + ref.head.head_len + 5;
	rewrite(&f);
	is_int(datafile_dir(&f, &ref, &dir, NULL), NTDB_ECORRUPT,
	    "nor one that is cut off");
	page_dir_release(&dir);
	datafile_close(&f);
}

int
main(void)
{
	plan_later();
	random_start();
	dirfd = scratch_dir();
	io_owner_of(dirfd, &self, "scratch", NULL);
	test_create();
	test_header();
	test_torn();
	test_pages();
	test_damage();
	test_list();
	test_committed();
	test_residue();
	test_parts();
	buf_release(&file);
	return done_testing();
}
