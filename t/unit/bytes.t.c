#include "bytes.h"
#include "scratch.h"
#include "tap.h"

static void
test_integers(void)
{
	uint8_t p[32];
	size_t at;
	bool good = true;

	/* At every alignment, and nothing beside them. */
	for (at = 1; at < 9; at++) {
		memset(p, 0x55, sizeof(p));
		put_u16(p + at, 0xfe01);
		put_u32(p + at + 2, 0xfc030201);
		put_u64(p + at + 6, UINT64_C(0xf807060504030201));
		good = good && memcmp(p + at, "\x01\xfe\x01\x02\x03\xfc"
		    "\x01\x02\x03\x04\x05\x06\x07\xf8", 14) == 0 &&
		    p[at - 1] == 0x55 && p[at + 14] == 0x55;
		good = good && get_u16(p + at) == 0xfe01 &&
		    get_u32(p + at + 2) == 0xfc030201 &&
		    get_u64(p + at + 6) == UINT64_C(0xf807060504030201);
	}
	ok(good, "integers are little-endian at any alignment");
	memset(p, 0xff, 8);
	ok(get_u16(p) == UINT16_MAX && get_u32(p) == UINT32_MAX &&
	    get_u64(p) == UINT64_MAX, "all bits set come back");
}

static void
test_patterns(void)
{
	is_int(as_i64(UINT64_MAX), -1, "two's complement of -1");
	is_int(as_i64(UINT64_C(1) << 63), INT64_MIN, "and of the least");
	is_u64(f64_bits(1.0), UINT64_C(0x3ff0000000000000), "bits of 1.0");
	is_u64(f64_bits(-0.0), UINT64_C(1) << 63, "bits of -0.0");
	is_u64(f64_bits(f64_from_bits(UINT64_C(0x7ff8dead0000beef))),
	    UINT64_C(0x7ff8dead0000beef), "a NaN keeps its payload");
	is_u64(f32_bits(21.1f), 0x41a8cccd, "bits of 21.1f");
	ok(f32_from_bits(0x7f800000) > 3.4e38f, "infinity as a float");
}

static void
test_zigzag(void)
{
	static const struct {
		int64_t v;
		uint64_t u;
	} t[] = {
		{ 0, 0 }, { -1, 1 }, { 1, 2 }, { -2, 3 }, { 2, 4 },
		{ INT64_MAX, UINT64_MAX - 1 }, { INT64_MIN, UINT64_MAX },
		{ 1000000, 2000000 }, { -1000000, 1999999 },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_u64(zigzag(t[i].v), t[i].u, "zigzag %lld",
		    (long long)t[i].v);
		is_int(unzigzag(t[i].u), t[i].v, "and back");
	}
}

static void
test_varints(void)
{
	static const struct {
		uint64_t v;
		const char *hex;
	} t[] = {
		{ 0, "00" }, { 1, "01" }, { 127, "7f" }, { 128, "8001" },
		{ 300, "ac02" }, { 16383, "ff7f" }, { 16384, "808001" },
		{ 70000, "f0a204" }, { UINT32_MAX, "ffffffff0f" },
		{ UINT64_C(1) << 35, "808080808001" },
		{ INT64_MAX, "ffffffffffffffff7f" },
		{ UINT64_C(1) << 63, "80808080808080808001" },
		{ UINT64_MAX, "ffffffffffffffffff01" },
	};
	uint8_t want[VARINT_MAX], got[VARINT_MAX], *end;
	const uint8_t *after;
	uint64_t v;
	size_t i, len, cut;
	bool short_fails;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = from_hex(t[i].hex, want, sizeof(want));
		end = put_varint(got, t[i].v);
		is_mem(got, (size_t)(end - got), want, len, "varint %s",
		    t[i].hex);
		v = ~t[i].v;
		after = get_varint(want, want + len, &v);
		ok(after == want + len && v == t[i].v, "and back");
		short_fails = true;
		for (cut = 0; cut < len; cut++)
			short_fails = short_fails &&
			    get_varint(want, want + cut, &v) == NULL;
		ok(short_fails, "but not when it is cut short");
	}
}

static void
test_bad_varints(void)
{
	static const char *const bad[] = {
		"80808080808080808002",		/* 65 bits */
		"ffffffffffffffffff03",
		"ffffffffffffffffff7f",
		"8080808080808080808001",	/* eleven bytes */
		"ffffffffffffffffffff01",
		"80808080808080808080",
	};
	uint8_t p[16];
	uint64_t v;
	size_t i, len;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		len = from_hex(bad[i], p, sizeof(p));
		ok(get_varint(p, p + len, &v) == NULL, "%s is refused",
		    bad[i]);
	}
}

static void
test_random(void)
{
	uint8_t p[VARINT_MAX + 1];
	bool varints = true, zigzags = true;
	int i;

	for (i = 0; i < 100000; i++) {
		uint64_t u = random_u64() >> random_below(64), v = 0;
		uint8_t *end = put_varint(p, u);

		/* Another byte behind it is not looked at. */
		*end = 0xff;
		varints = varints && get_varint(p, end + 1, &v) == end &&
		    v == u;
		zigzags = zigzags && zigzag(unzigzag(u)) == u;
	}
	ok(varints, "random varints come back");
	ok(zigzags, "random zigzags come back");
}

int
main(void)
{
	plan_later();
	random_start();
	test_integers();
	test_patterns();
	test_zigzag();
	test_varints();
	test_bad_varints();
	test_random();
	return done_testing();
}
