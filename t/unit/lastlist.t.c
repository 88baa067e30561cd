#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "compress.h"
#include "lastlist.h"
#include "number.h"
#include "scratch.h"
#include "tap.h"

/*
 * Worked by hand from ntdb-format(5): metric 3, int32, -2 at 1000; metric 260,
 * float64, 21.5 at 990.
 */
#define PLAIN_HEX "d00f 03 8102 01 04 00 0a 00 01 03 ae03"
#define PLAIN_LEN 14

static uint8_t plain[PLAIN_LEN];

/* A list of n metrics with such plain bytes, its CRC right. */
static int
unpack_plain(const uint8_t *p, size_t len, uint32_t n, uint32_t raw_len)
{
	struct compressor z = { NULL };
	struct buf out = BUF_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct last_entry *e;
	uint8_t *exact;
	int r;

	buf_add(&out, "NTLS", 4);
	buf_add_u32(&out, n);
	buf_add_u32(&out, raw_len);
	buf_add_u32(&out, 0);
	if (compress_pack(&z, COMPRESS_DEFLATE, p, len, &out, NULL) != 0 ||
	    (exact = malloc(out.len)) == NULL)
		bail("out of memory");
	compressor_release(&z);
	/* Sanitizers see what reads behind the end. */
	memcpy(exact, out.data, out.len);
	put_u32(exact + 12, checksum_add(checksum(exact, 12), exact + 16,
	    out.len - 16));
	r = lastlist_unpack(exact, out.len, &e, &n, &err);
	if (r != 0 && (err.code != r || e != NULL))
		diag("the record says %d", err.code);
	free(e);
	free(exact);
	buf_release(&out);
	return r;
}

/* The example with some of its bytes replaced by others. */
static int
unpack_with(size_t at, size_t cut, const char *hex)
{
	uint8_t p[64];
	size_t n;

	memcpy(p, plain, at);
	n = from_hex(hex, p + at, sizeof(p) - at);
	memcpy(p + at + n, plain + at + cut, PLAIN_LEN - at - cut);
	n += PLAIN_LEN - cut;
	return unpack_plain(p, n, 2, (uint32_t)n);
}

static void
test_example(void)
{
	struct last_entry e[2] = { { 1000, -2, 3, NTDB_INT32, 0 },
	    { 990, 215, 260, NTDB_FLOAT64, 1 } };
	struct last_entry *back;
	struct buf out = BUF_INIT;
	uint8_t got[PLAIN_LEN], *p;
	uint32_t n;

	buf_add(&out, "before", 6);
	is_int(lastlist_pack(e, 2, &out, NULL), 0, "a list is packed");
	p = out.data + 6;
	ok(memcmp(out.data, "beforeNTLS", 10) == 0 && get_u32(p + 4) == 2 &&
	    get_u32(p + 8) == PLAIN_LEN, "behind what was there; its head");
	is_int(compress_unpack(COMPRESS_DEFLATE, p + 16, out.len - 22, got,
	    PLAIN_LEN, NULL), 0, "a zlib stream follows");
	is_mem(got, PLAIN_LEN, plain, PLAIN_LEN, "byte by byte");
	is_int(lastlist_unpack(p, out.len - 6, &back, &n, NULL), 0,
	    "it is unpacked");
	ok(n == 2 && back[0].id == 3 && back[0].type == NTDB_INT32 &&
	    back[0].t == 1000 && back[0].m == -2 && back[0].scale == 0 &&
	    back[1].id == 260 && back[1].type == NTDB_FLOAT64 &&
	    back[1].t == 990 && back[1].m == 215 && back[1].scale == 1,
	    "to the same");
	free(back);
	buf_release(&out);
}

static void
test_reject(void)
{
	uint8_t p[200];
	struct last_entry *e;
	struct buf out = BUF_INIT;
	const struct last_entry one = { 5, 6, 7, NTDB_INT64, 0 };
	bool flips = true, cuts = true;
	size_t i;
	uint32_t n;

	is_int(unpack_plain(plain, PLAIN_LEN, 2, PLAIN_LEN), 0, "the example");
	is_int(unpack_plain(plain, PLAIN_LEN, 0, PLAIN_LEN), NTDB_ECORRUPT,
	    "no metric");
	is_int(unpack_plain(plain, PLAIN_LEN, 1, PLAIN_LEN), NTDB_ECORRUPT,
	    "bytes are left");
	is_int(unpack_plain(plain, PLAIN_LEN, 3, PLAIN_LEN), NTDB_ECORRUPT,
	    "bytes are missing");
	is_int(unpack_plain(plain, PLAIN_LEN, UINT32_MAX, PLAIN_LEN),
	    NTDB_ECORRUPT, "more metrics than bytes");
	is_int(unpack_plain(plain, PLAIN_LEN, 2, UINT32_MAX), NTDB_ECORRUPT,
	    "4 GiB from a few bytes");
	is_int(unpack_plain(plain, PLAIN_LEN, 2, PLAIN_LEN + 1),
	    NTDB_ECORRUPT, "another length");
	is_int(unpack_with(2, 1, "00"), NTDB_ECORRUPT, "id 0");
	is_int(unpack_with(3, 2, "00"), NTDB_ECORRUPT, "an id twice");
	is_int(unpack_with(3, 2, "fcffffff0f"), 0, "the highest id");
	is_int(unpack_with(3, 2, "fdffffff0f"), NTDB_ECORRUPT, "one above");
	is_int(unpack_with(5, 1, "00"), NTDB_ECORRUPT, "type 0");
	is_int(unpack_with(6, 1, "05"), NTDB_ECORRUPT, "type 5");
	is_int(unpack_with(8, 1, "e8878080808080808001"), 0,
	    "the earliest time");
	is_int(unpack_with(8, 1, "e9878080808080808001"), NTDB_ECORRUPT,
	    "one before");
	is_int(unpack_with(9, 1, "01"), NTDB_ECORRUPT, "an integer's scale");
	is_int(unpack_with(10, 1, "16"), 0, "scale 22");
	is_int(unpack_with(10, 1, "17"), NTDB_ECORRUPT, "scale 23");
	is_int(unpack_with(10, 1, "ff"), 0, "raw");
	is_int(unpack_with(12, 2, "8080808080808020"), 0, "mantissa 2^53");
	is_int(unpack_with(12, 2, "8280808080808020"), NTDB_ECORRUPT,
	    "a greater one");

	lastlist_pack(&one, 1, &out, NULL);
	for (i = 0; i < 8 * out.len; i++) {
		memcpy(p, out.data, out.len);
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
		flips = flips && lastlist_unpack(p, out.len, &e, &n, NULL) ==
		    NTDB_ECORRUPT;
	}
	ok(flips, "every flipped bit is noticed");
	for (i = 0; i < out.len; i++)
		cuts = cuts && lastlist_unpack(out.data, i, &e, &n, NULL) ==
		    NTDB_ECORRUPT;
	ok(cuts, "and every cut");
	buf_release(&out);
}

/* Bytes under a CRC that is right: any of them, none read beyond the end. */
static void
test_garbage(void)
{
	uint8_t p[100];
	size_t len, i;
	int step, r, good = 0, bad = 0;

	for (step = 0; step < 20000; step++) {
		len = 1 + random_below(sizeof(p));
		for (i = 0; i < len; i++)
			p[i] = (uint8_t)(random_below(3) == 0 ?
			    random_u64() : random_below(5));
		r = unpack_plain(p, len, 1 + random_below(20), (uint32_t)len);
		good += r == 0;
		bad += r == NTDB_ECORRUPT;
	}
	is_int(good + bad, 20000, "garbage is a list or is not (%d are)",
	    good);
}

static void
test_random(void)
{
	enum { N = 3000 };
	struct last_entry *e = calloc(N, sizeof(*e)), *back;
	struct buf out = BUF_INIT;
	bool same = true;
	uint32_t i, n;

	if (e == NULL)
		bail("out of memory");
	for (i = 0; i < N; i++) {
		e[i].id = (i == 0 ? 0 : e[i - 1].id) + 1 +
		    random_below(1000000);
		e[i].type = (uint8_t)(1 + random_below(4));
		e[i].t = as_i64(random_u64());
		e[i].m = as_i64(random_u64());
		if (e[i].type >= NTDB_FLOAT32)
			e[i].scale = DEC_RAW;
	}
	e[7].t = INT64_MIN;
	e[8].t = INT64_MAX;
	e[9].m = INT64_MIN;
	lastlist_pack(e, N, &out, NULL);
	is_int(lastlist_unpack(out.data, out.len, &back, &n, NULL), 0,
	    "%d random metrics", N);
	for (i = 0; n == N && i < N; i++)
		same = same && back[i].id == e[i].id &&
		    back[i].type == e[i].type && back[i].t == e[i].t &&
		    back[i].m == e[i].m && back[i].scale == e[i].scale;
	ok(n == N && same, "come back");
	free(back);

	/* What is alike costs next to nothing. */
	for (i = 0; i < N; i++) {
		e[i].id = i + 1;
		e[i].type = NTDB_INT32;
		e[i].t = 1796083200000000000;
		e[i].m = 5;
		e[i].scale = 0;
	}
	buf_clear(&out);
	lastlist_pack(e, N, &out, NULL);
	ok(out.len < N / 10, "%d metrics that are alike: %zu bytes", N,
	    out.len);
	free(e);
	buf_release(&out);
}

int
main(void)
{
	plan_later();
	random_start();
	from_hex(PLAIN_HEX, plain, sizeof(plain));
	test_example();
	test_reject();
	test_garbage();
	test_random();
	return done_testing();
}
