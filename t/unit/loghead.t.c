#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "logrec.h"
#include "scratch.h"
#include "tap.h"

/* Worked by hand from the table in logrec.h; CRCs by Python's zlib. */
#define EMPTY_HEX \
	"4e54444257414c0a 0100 0000 34000000 0100000000000000" \
	"0200000000000000 00000000 00000000 00000000 00000000 563b7055"
#define THREE_HEX \
	"4e54444257414c0a 0100 0000 7c000000 0700000000000000" \
	"8877665544332211 03000000 09000000 03000000 00000000" \
	"00000000 ffffffff a400000000000000 1100000000000000" \
	"00000000 5e500000 00f2052a01000000 efcdab8967452301" \
	"03000000 00000000 4800000000000000 3300000000000000 87d521b0"
#define THREE_LEN 124

static uint8_t three[THREE_LEN];

static int
unpack(const uint8_t *p, size_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct log_head h;
	int r = log_head_unpack(p, n, &h, &err);

	if (r != 0 && (err.code != r || err.text[0] == '\0'))
		diag("the error record says %d", err.code);
	log_head_release(&h);
	return r;
}

/* The header of three files with some bytes changed and the CRC put right. */
static int
unpack_with(size_t at, const char *hex)
{
	uint8_t p[THREE_LEN];

	memcpy(p, three, sizeof(p));
	from_hex(hex, p + at, sizeof(p) - at);
	put_u32(p + THREE_LEN - 4, checksum(p, THREE_LEN - 4));
	return unpack(p, sizeof(p));
}

static void
test_pack(void)
{
	uint8_t want[THREE_LEN];
	struct buf out = BUF_INIT;
	struct log_head h;

	memset(&h, 0, sizeof(h));
	h.epoch = 1;
	h.nonce = 2;
	is_int(log_head_pack(&h, &out, NULL), 0, "a header is packed");
	is_mem(out.data, out.len, want,
	    from_hex(EMPTY_HEX, want, sizeof(want)), "byte by byte");
	is_int(h.len, LOG_HEAD_MIN, "its length is told");

	h.epoch = 7;
	h.nonce = UINT64_C(0x1122334455667788);
	h.synced_id = 3;
	h.max_id = 9;
	log_head_put(&h, 3, 0, 72, 0x33, NULL);
	log_head_put(&h, 0, 20574, UINT64_C(5000000000),
	    UINT64_C(0x123456789abcdef), NULL);
	log_head_put(&h, 0, -1, 164, 0x11, NULL);
	buf_clear(&out);
	buf_add(&out, "before", 6);
	is_int(log_head_pack(&h, &out, NULL), 0, "one with files, behind");
	is_mem(out.data + 6, out.len - 6, three, sizeof(three),
	    "what was in the buffer: sorted, byte by byte");
	is_int(h.len, THREE_LEN, "its length");
	log_head_release(&h);
	ok(h.files == NULL && h.n_files == 0, "release leaves nothing");
	buf_release(&out);
}

static void
test_unpack(void)
{
	struct log_head h;
	uint8_t more[THREE_LEN + 50];

	memset(more, 0xa5, sizeof(more));
	memcpy(more, three, sizeof(three));
	is_int((long long)log_head_room(more, LOG_HEAD_MIN), THREE_LEN,
	    "the length is read from the beginning");
	is_int(log_head_unpack(more, sizeof(more), &h, NULL), 0,
	    "a header with batches behind it is unpacked");
	ok(h.epoch == 7 && h.nonce == UINT64_C(0x1122334455667788) &&
	    h.synced_id == 3 && h.max_id == 9 && h.len == THREE_LEN,
	    "its numbers");
	ok(h.n_files == 3 && h.files[0].kind == 0 &&
	    h.files[0].start == -1 && h.files[0].len == 164 &&
	    h.files[1].start == 20574 &&
	    h.files[1].len == UINT64_C(5000000000) && h.files[2].kind == 3,
	    "its files");
	ok(h.files[0].file_id == 0x11 &&
	    h.files[1].file_id == UINT64_C(0x123456789abcdef) &&
	    h.files[2].file_id == 0x33, "and their ids");
	ok(log_head_find(&h, 0, -1) == &h.files[0], "one is found");
	ok(log_head_find(&h, 3, 0) == &h.files[2], "another");
	ok(log_head_find(&h, 0, 0) == NULL, "a start that is not listed");
	ok(log_head_find(&h, 1, -1) == NULL, "a kind that is not listed");
	log_head_release(&h);
}

/* Flip a bit. */
static void
flip(uint8_t *p, size_t i)
{
	p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
}

/* Whether a header is that of three files, read around one wrong bit. */
static bool
is_mended(const uint8_t *p)
{
	struct buf out = BUF_INIT;
	struct log_head h;
	bool same;

	same = log_head_unpack(p, THREE_LEN, &h, NULL) == 0 && h.mended &&
	    log_head_pack(&h, &out, NULL) == 0 && out.len == THREE_LEN &&
	    memcmp(out.data, three, THREE_LEN) == 0;
	log_head_release(&h);
	buf_release(&out);
	return same;
}

static void
test_mend(void)
{
	struct log_head h;
	uint8_t p[THREE_LEN];
	bool one = true, two = true;
	size_t i, j;
	int n;

	for (i = 0; i < 8 * sizeof(three); i++) {
		memcpy(p, three, sizeof(p));
		flip(p, i);
		one = one && is_mended(p);
	}
	ok(one, "any one flipped bit is told from the CRC");
	for (n = 0; n < 20000; n++) {
		memcpy(p, three, sizeof(p));
		i = random_below(8 * THREE_LEN);
		j = random_below(8 * THREE_LEN);
		flip(p, i);
		flip(p, j);
		two = two && (i == j || unpack(p, sizeof(p)) ==
		    NTDB_ECORRUPT);
	}
	ok(two, "two flipped bits are corrupt");
	log_head_unpack(three, sizeof(three), &h, NULL);
	ok(!h.mended, "a valid header is as it is");
	log_head_release(&h);
}

static void
test_reject(void)
{
	bool cuts = true;
	size_t i;

	for (i = 0; i < sizeof(three); i++) {
		/* Sanitizers see what reads behind the end. */
		uint8_t *cut = malloc(i + 1);

		if (cut == NULL)
			bail("out of memory");
		memcpy(cut + 1, three, i);
		cuts = cuts && unpack(cut + 1, i) == NTDB_ECORRUPT;
		free(cut);
	}
	ok(cuts, "every header cut short is corrupt");

	is_int(unpack_with(0, "4e"), 0, "unchanged it is valid");
	is_int(unpack_with(0, "4f"), NTDB_ECORRUPT, "another magic");
	is_int(unpack_with(8, "0200"), NTDB_EVERSION, "version 2 is newer");
	is_int(unpack_with(8, "ffff"), NTDB_EVERSION, "so is 65535");
	is_int(unpack_with(8, "0000"), NTDB_ECORRUPT, "version 0 is not");
	is_int(unpack_with(10, "0100"), NTDB_ECORRUPT, "a flag");
	is_int(unpack_with(44, "01"), NTDB_ECORRUPT, "a reserved bit");
	is_int(unpack_with(40, "02"), NTDB_ECORRUPT, "fewer files");
	is_int(unpack_with(40, "04"), NTDB_ECORRUPT, "more files");
	is_int(unpack_with(40, "03000010"), NTDB_ECORRUPT,
	    "so many files that the length wraps");
	is_int(unpack_with(12, "64"), NTDB_ECORRUPT, "another length");
	is_int(unpack_with(48, "00000000 5f500000"), NTDB_ECORRUPT,
	    "files by falling start");
	is_int(unpack_with(48, "00000000 5e500000"), NTDB_ECORRUPT,
	    "a file twice");
	is_int(unpack_with(48, "01000000"), NTDB_ECORRUPT,
	    "files by falling kind");
	is_int(unpack_with(56, "ffffffffffffffff"), 0,
	    "any committed length may stand there");
}

/* A newer header may have any form behind its length. */
static void
test_newer(void)
{
	uint8_t p[200];

	memset(p, 0xee, sizeof(p));
	memcpy(p, three, 8);
	put_u16(p + 8, 2);
	put_u32(p + 12, 180);
	put_u32(p + 176, checksum(p, 176));
	is_int(unpack(p, sizeof(p)), NTDB_EVERSION,
	    "a newer form with its CRC is newer");
	p[100] ^= 1;
	is_int(unpack(p, sizeof(p)), NTDB_ECORRUPT,
	    "with a wrong CRC it is corrupt");
}

static void
test_lengths(void)
{
	const uint32_t most = LOG_HEAD_MIN + 24 * LOG_FILES_MAX;
	uint8_t p[LOG_HEAD_MIN];

	memcpy(p, three, sizeof(p));
	is_int((long long)log_head_room(p, sizeof(p) - 1), 0, "too short");
	put_u32(p + 12, LOG_HEAD_MIN - 1);
	is_int((long long)log_head_room(p, sizeof(p)), THREE_LEN,
	    "a length below the least: that of its files");
	put_u32(p + 12, most);
	is_int((long long)log_head_room(p, sizeof(p)), most, "the most");
	put_u32(p + 12, most + 1);
	is_int((long long)log_head_room(p, sizeof(p)), THREE_LEN,
	    "a length beyond");
	put_u32(p + 40, UINT32_MAX);
	is_int((long long)log_head_room(p, sizeof(p)), 0, "files beyond, too");
}

/* Random insertions, changes and removals against a table by start. */
static void
test_put(void)
{
	enum { N = 60 };
	uint64_t want[4][N];
	struct log_head h, back;
	struct buf out = BUF_INIT;
	bool found = true;
	uint32_t kind, i, n = 0;
	int step;

	memset(want, 0, sizeof(want));
	memset(&h, 0, sizeof(h));
	for (step = 0; step < 3000; step++) {
		kind = random_below(4);
		i = random_below(N);
		want[kind][i] = random_below(3) == 0 ? 0 : random_u64() | 1;
		if (log_head_put(&h, kind, (int32_t)i - N / 2, want[kind][i],
		    ~want[kind][i], NULL) != 0)
			bail("out of memory");
	}
	log_head_pack(&h, &out, NULL);
	is_int(log_head_unpack(out.data, out.len, &back, NULL), 0,
	    "after random changes the header is valid");
	for (kind = 0; kind < 4; kind++)
		for (i = 0; i < N; i++) {
			const struct log_file *f = log_head_find(&back, kind,
			    (int32_t)i - N / 2);

			found = found && (f == NULL ? want[kind][i] == 0 :
			    f->len == want[kind][i] &&
			    f->file_id == ~want[kind][i]);
			n += want[kind][i] != 0;
		}
	ok(found, "every file has length and id given last");
	is_int(back.n_files, n, "what was set to 0 has no entry");
	log_head_release(&h);
	log_head_release(&back);
	buf_release(&out);
}

int
main(void)
{
	plan_later();
	random_start();
	from_hex(THREE_HEX, three, sizeof(three));
	test_pack();
	test_unpack();
	test_mend();
	test_reject();
	test_newer();
	test_lengths();
	test_put();
	return done_testing();
}
