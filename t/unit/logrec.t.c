#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "logrec.h"
#include "number.h"
#include "scratch.h"
#include "tap.h"

#define T0 INT64_C(1700000000000000000)
#define MS INT64_C(1000000)

static const struct log_key key = { 7, UINT64_C(0x0123456789abcdef) };
static const uint64_t place = 52;

/* A batch with every form of record, worked by hand; CRC by Python's zlib. */
static const char all_hex[] =
    "4e54420a 4d000000 0b000000 911ff1c4 00002a36fe9c9717"
    "1d 03 09 726f6f6d2e74656d70"	/* id +1, metric float32 room.temp */
    "5c 05002a36fe9c9717"		/* clock T0 + 5 */
    "40 ae03"				/* same time, 21.5 */
    "11 f403 05"			/* id +1, 250 ms, -3 */
    "e4 00ca9a3b"			/* the same step, 1000000000 */
    "ca 2c01 02 000000000000f87f"	/* id 300, 1 ns, NaN */
    "af f0a204 09 06 aab4de75"		/* id 70000, -5 us, 123.456789 */
    "34 14 2a"				/* 10 s, 21.0 */
    "60 fb0c"				/* -8.30 */
    "80 84d87b"				/* 1013.250 */
    "3e 0100 04";			/* id 1, float64 from now */

static void
make_all(struct batch *b)
{
	int64_t t = T0;

	batch_begin(b, t);
	batch_add_metric(b, 1, NTDB_FLOAT32, "room.temp", 9);
	batch_add_clock(b, T0 + 5);
	batch_add_dec(b, 1, t, 215, 1);
	batch_add_int(b, 2, t += 250 * MS, -3);
	batch_add_int(b, 2, t += 250 * MS, 1000000000);
	batch_add_dec(b, 300, t += 1, INT64_C(0x7ff8000000000000), DEC_RAW);
	batch_add_dec(b, 70000, t -= 5000, 123456789, 6);
	batch_add_dec(b, 70000, t += 10000 * MS, 21, 0);
	batch_add_dec(b, 70000, t, -830, 2);
	batch_add_dec(b, 70000, t, 1013250, 3);
	batch_add_type(b, 1, NTDB_FLOAT64);
}

static void
test_bytes(void)
{
	uint8_t want[256];
	struct batch b;

	batch_init(&b);
	make_all(&b);
	is_int(b.n, 11, "eleven records");
	is_int(batch_end(&b, &key, place, NULL), 0, "the batch is finished");
	is_mem(b.out.data, b.out.len, want,
	    from_hex(all_hex, want, sizeof(want)), "byte by byte");
	batch_begin(&b, 0);
	ok(b.n == 0 && b.id == 0, "and can begin anew");
	batch_release(&b);
}

static bool
is_sample(const struct record *r, uint32_t id, int64_t t, int64_t m,
    uint8_t scale, bool is_int)
{
	return r->kind == REC_SAMPLE && r->id == id && r->t == t &&
	    r->m == m && r->is_int == is_int && (is_int || r->scale == scale);
}

static void
test_read(void)
{
	const int64_t t = T0 + 500 * MS + 1 - 5000;
	struct batch_reader r;
	struct record rec[12];
	uint8_t p[256];
	size_t i;

	from_hex(all_hex, p, sizeof(p));
	batch_read(&r, p);
	for (i = 0; i < 11 && batch_next(&r, &rec[i]) == 0; i++)
		;
	is_int((int64_t)i, 11, "eleven records are read");
	is_int(batch_next(&r, &rec[11]), NTDB_END, "then it ends");
	is_int(batch_next(&r, &rec[11]), NTDB_END, "and stays so");
	ok(rec[0].kind == REC_METRIC && rec[0].id == 1 &&
	    rec[0].type == NTDB_FLOAT32 && rec[0].name_len == 9 &&
	    memcmp(rec[0].name, "room.temp", 9) == 0, "metric");
	ok(rec[1].kind == REC_CLOCK && rec[1].t == T0 + 5, "clock");
	ok(is_sample(&rec[2], 1, T0, 215, 1, false), "scale 1");
	ok(is_sample(&rec[3], 2, T0 + 250 * MS, -3, 0, true), "integer");
	ok(is_sample(&rec[4], 2, T0 + 500 * MS, 1000000000, 0, true),
	    "integer of four bytes");
	ok(is_sample(&rec[5], 300, T0 + 500 * MS + 1,
	    INT64_C(0x7ff8000000000000), DEC_RAW, false), "double");
	ok(is_sample(&rec[6], 70000, t, 123456789, 6, false), "scale 6");
	ok(is_sample(&rec[7], 70000, t + 10000 * MS, 21, 0, false),
	    "scale 0");
	ok(is_sample(&rec[8], 70000, t + 10000 * MS, -830, 2, false),
	    "scale 2");
	ok(is_sample(&rec[9], 70000, t + 10000 * MS, 1013250, 3, false),
	    "scale 3");
	ok(rec[10].kind == REC_TYPE && rec[10].id == 1 &&
	    rec[10].type == NTDB_FLOAT64, "type");
}

static void
test_check(void)
{
	struct log_key other = key;
	uint8_t p[256], *cut;
	size_t len = from_hex(all_hex, p, sizeof(p)), i, more;
	bool flips = true, cuts = true, asks = true;

	is_int((int64_t)batch_check(p, len, &key, place, &more),
	    (int64_t)len, "a valid batch");
	is_int((int64_t)batch_check(p, sizeof(p), &key, place, NULL),
	    (int64_t)len, "with more behind it");
	for (i = 0; i < 8 * len; i++) {
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
		flips = flips &&
		    batch_check(p, len, &key, place, NULL) == 0;
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
	}
	ok(flips, "every flipped bit is seen");
	for (i = 0; i < len; i++) {
		/* Sanitizers see what reads behind the end. */
		if ((cut = malloc(i + 1)) == NULL)
			bail("out of memory");
		memcpy(cut + 1, p, i);
		cuts = cuts &&
		    batch_check(cut + 1, i, &key, place, &more) == 0;
		asks = asks && more == (i < BATCH_HEAD_LEN ?
		    BATCH_HEAD_LEN : len);
		free(cut);
	}
	ok(cuts, "no batch that is cut short is valid");
	ok(asks, "and it is told how many bytes are needed");
	batch_check((const uint8_t *)"NTB\r", 4, &key, place, &more);
	is_int((int64_t)more, 0, "another magic needs no more bytes");

	is_int((int64_t)batch_check(p, len, &key, place + 1, NULL), 0,
	    "not at another place");
	other.epoch++;
	is_int((int64_t)batch_check(p, len, &other, place, NULL), 0,
	    "not in another epoch");
	other.epoch--;
	other.nonce ^= UINT64_C(1) << 63;
	is_int((int64_t)batch_check(p, len, &other, place, NULL), 0,
	    "not in another log");
}

/* A batch in which one bit is wrong is told from one that is wrong otherwise. */
static void
test_mend(void)
{
	uint8_t was[256], p[256];
	size_t len = from_hex(all_hex, was, sizeof(was)), i, k;
	bool one = true, two = true;

	for (i = 0; i < 8 * len; i++) {
		memcpy(p, was, len);
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
		one = one && batch_mend(p, len, &key, place) &&
		    memcmp(p, was, len) == 0;
		/* Magic and length are known. */
		memcpy(p, was, len);
		k = 64 + random_below((uint32_t)(8 * len) - 64);
		p[k / 8] = (uint8_t)(p[k / 8] ^ 1u << k % 8);
		p[i / 8] = (uint8_t)(p[i / 8] ^ 1u << i % 8);
		two = two && (i == k || i < 64 ||
		    !batch_mend(p, len, &key, place));
	}
	ok(one, "any one wrong bit is told and set right");
	ok(two, "two are not");
	memcpy(p, was, len);
	ok(!batch_mend(p, len - 1, &key, place), "nor one that is cut short");
	memcpy(p, was, len);
	ok(!batch_mend(p, len, &key, place ^ 4), "nor one of another place");
	ok(!batch_mend(p, 23, &key, place), "nor what is too short");
}

static void
test_lengths(void)
{
	static const uint32_t bad[] = { 0, 7, BATCH_PAYLOAD_MAX + 1,
		UINT32_MAX };
	uint8_t p[64] = "NTB\n";
	size_t i, more;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_u32(p + 4, bad[i]);
		ok(batch_check(p, sizeof(p), &key, 0, &more) == 0 &&
		    more == 0, "a payload of %u bytes is none", bad[i]);
	}
	put_u32(p + 4, BATCH_PAYLOAD_MAX);
	batch_check(p, sizeof(p), &key, 0, &more);
	is_int((int64_t)more, BATCH_HEAD_LEN + BATCH_PAYLOAD_MAX,
	    "the longest is waited for");
}

/* Records given as hex, in a batch of n. */
static int
read_all(const char *hex, uint32_t n)
{
	static uint8_t p[2048];
	struct batch_reader r;
	struct record rec;
	uint8_t *exact;
	size_t len;
	int rc;

	len = 24 + from_hex(hex, p + 24, sizeof(p) - 24);
	put_u32(p + 4, (uint32_t)len - 16);
	put_u32(p + 8, n);
	/* Sanitizers see what reads behind the end. */
	if ((exact = malloc(len)) == NULL)
		bail("out of memory");
	memcpy(exact, p, len);
	batch_read(&r, exact);
	while ((rc = batch_next(&r, &rec)) == 0)
		;
	free(exact);
	return rc;
}

static void
test_malformed(void)
{
	static const struct {
		const char *hex;
		uint32_t n;
		const char *what;
	} t[] = {
		{ "", 1, "no record" },
		{ "0100", 2, "one of two records" },
		{ "0100 0000", 1, "two records for one" },
		{ "0100 00", 1, "a byte behind the last record" },
		{ "", UINT32_MAX, "billions of records" },
		{ "190000", 1, "the reserved form of time" },
		{ "0000", 1, "a sample of id 0" },
		{ "3c01", 1, "the type of id 0" },
		{ "1c0101 61", 1, "the name of id 0" },
		{ "3d00", 1, "type 0" },
		{ "3d05", 1, "type 5" },
		{ "3d", 1, "a type cut short" },
		{ "7d01", 1, "an unknown special record" },
		{ "fd01", 1, "another" },
		{ "1d0300", 1, "an empty name" },
		{ "1d0305 61616161", 1, "a name cut short" },
		{ "1d03ffffffffffffffffff01 61", 1, "an endless name" },
		{ "5c 0000000000000000", 2, "a clock alone of two" },
		{ "5c 00000000000000", 1, "a clock cut short" },
		{ "02 01", 1, "an id of two bytes cut short" },
		{ "03 ffffffff1f 00", 1, "an id of 33 bits" },
		{ "03 ffffffff0f 00 0100", 2, "one more than the last id" },
		{ "01 80", 1, "a value cut short" },
		{ "01 8080808080808080808001", 1, "a value of 70 bits" },
		{ "09 80", 1, "a time cut short" },
		{ "15 8af48bdc44 00", 1, "a step beyond 64 bits" },
		{ "a1 17 00", 1, "scale 23" },
		{ "a1 ff 00", 1, "scale 255 with a mantissa" },
		{ "a1", 1, "no scale" },
		{ "21 8280808080808020", 1, "a mantissa of 2^53 + 1" },
		{ "21 8180808080808020", 1, "a mantissa of -2^53 - 1" },
		{ "c1 00000000000000", 1, "a double cut short" },
		{ "e1 000000", 1, "an integer of four bytes cut short" },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(read_all(t[i].hex, t[i].n), NTDB_ECORRUPT,
		    "not well-formed: %s", t[i].what);
}

static void
test_limits(void)
{
	char hex[2 * METRIC_NAME_MAX + 16];
	size_t i;

	is_int(read_all("", 0), NTDB_END, "an empty batch is well-formed");
	is_int(read_all("15 88f48bdc44 00", 1), NTDB_END,
	    "a step of 9223372036 s");
	is_int(read_all("21 8080808080808020", 1), NTDB_END,
	    "a mantissa of 2^53");
	is_int(read_all("21 ffffffffffffff1f", 1), NTDB_END,
	    "a mantissa of -2^53");
	is_int(read_all("a1 16 02", 1), NTDB_END, "scale 22");
	is_int(read_all("03 ffffffff0f 00", 1), NTDB_END, "the last id");
	memcpy(hex, "1d03ff07", 8);
	for (i = 0; i < METRIC_NAME_MAX; i++)
		memcpy(hex + 8 + 2 * i, "61", 3);
	is_int(read_all(hex, 1), NTDB_END, "a name of 1023 bytes");
	memcpy(hex, "1d038008", 8);
	memcpy(hex + 8 + 2 * i, "61", 3);
	is_int(read_all(hex, 1), NTDB_ECORRUPT, "a name of 1024 bytes");
}

/* Any integer, small ones and the extremes more often. */
static int64_t
any_int(void)
{
	switch (random_below(5)) {
	case 0:
		return INT64_MIN;
	case 1:
		return INT64_MAX;
	default:
		return unzigzag(random_u64() >> random_below(64));
	}
}

static struct record
any_record(uint32_t id, int64_t t)
{
	static const int64_t unit[] = { 0, 1, 1000, MS, 1000 * MS };
	struct record r;

	memset(&r, 0, sizeof(r));
	r.kind = REC_SAMPLE;
	r.id = random_below(3) == 0 ? id : random_below(3) == 0 ? id + 1 :
	    (uint32_t)(random_u64() >> (32 + random_below(32)));
	if (r.id == 0)
		r.id = 1;
	r.t = random_below(20) == 0 ? any_int() : as_i64((uint64_t)t +
	    (uint64_t)unit[random_below(5)] * (random_below(1000) - 300u));
	r.is_int = random_below(2) == 0;
	r.m = any_int();
	if (r.is_int)
		return r;
	r.scale = (uint8_t)random_below(DEC_SCALE_MAX + 2);
	if (r.scale > DEC_SCALE_MAX)
		r.scale = DEC_RAW;
	else
		r.m %= DEC_M_MAX + 1;
	return r;
}

static bool
round_trip(struct batch *b, uint32_t n)
{
	static struct record want[2000];
	struct batch_reader r;
	struct record got;
	uint32_t i, id = 1;
	int64_t t = any_int();

	batch_begin(b, t);
	for (i = 0; i < n; i++) {
		want[i] = any_record(id, t);
		id = want[i].id;
		t = want[i].t;
		if (want[i].is_int)
			batch_add_int(b, id, t, want[i].m);
		else
			batch_add_dec(b, id, t, want[i].m, want[i].scale);
	}
	if (batch_end(b, &key, place, NULL) != 0 || batch_check(b->out.data,
	    b->out.len, &key, place, NULL) != b->out.len)
		return false;
	batch_read(&r, b->out.data);
	for (i = 0; i < n; i++)
		if (batch_next(&r, &got) != 0 || !is_sample(&got,
		    want[i].id, want[i].t, want[i].m, want[i].scale,
		    want[i].is_int))
			return false;
	return batch_next(&r, &got) == NTDB_END;
}

static void
test_random(void)
{
	struct batch b;
	bool good = true;
	int i;

	batch_init(&b);
	for (i = 0; i < 300; i++)
		good = good && round_trip(&b, random_below(2000));
	ok(good, "random records come back");
	batch_release(&b);
}

/* The hot path: one of a row of metrics, at one time, in four bytes. */
static void
test_cost(void)
{
	struct batch b;
	uint32_t i;

	batch_init(&b);
	batch_begin(&b, T0);
	for (i = 0; i < 1000; i++)
		batch_add_int(&b, 1 + i * 7919 % 1000, T0, INT32_MAX);
	batch_end(&b, &key, place, NULL);
	ok(b.out.len <= 24 + 1000 * 8,
	    "a sample of 32 bits at the same time takes 8 bytes at most");
	batch_release(&b);
}

int
main(void)
{
	plan_later();
	random_start();
	test_bytes();
	test_read();
	test_check();
	test_mend();
	test_lengths();
	test_malformed();
	test_limits();
	test_random();
	test_cost();
	return done_testing();
}
