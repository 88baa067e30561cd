#include <stdlib.h>
#include <string.h>

#include "compress.h"
#include "tap.h"

#define LEN 5000

/* `aaaaaaaaaa' and more as Snappy's format description has it, by hand. */
static const uint8_t snappy_ten[] = { 10, 0x00, 'a', 0x15, 0x01 };

/* zlib.compress(b'a' * 10)[2:-4] in Python. */
static const uint8_t zlib_ten[] = { 0x4b, 0x4c, 0x84, 0x01, 0x00 };

/* Unpack from and to blocks of exactly these sizes. */
static int
unpack(enum compress_codec codec, const uint8_t *p, size_t len,
    uint8_t *raw, size_t raw_len)
{
	uint8_t *in = malloc(len + 1), *out = malloc(raw_len + 1);
	int r;

	if (in == NULL || out == NULL)
		bail("out of memory");
	/* At the end of the block, so that a sanitizer sees an overrun. */
	memcpy(in + 1, p, len);
	r = compress_unpack(codec, in + 1, len, out + 1, raw_len, NULL);
	memcpy(raw, out + 1, raw_len);
	free(in);
	free(out);
	return r;
}

static void
test_round(struct compressor *c, enum compress_codec codec, const char *name)
{
	static uint8_t src[LEN], raw[LEN + 1];
	struct buf out = BUF_INIT;
	size_t i, n_bad = 0;

	for (i = 0; i < LEN; i++)
		src[i] = (uint8_t)(i * i / 100 % 7);
	buf_add_u8(&out, 'x');
	is_int(compress_pack(c, codec, src, LEN, &out, NULL), 0,
	    "%s: pack", name);
	is_int(out.data[0], 'x', "%s: appended", name);
	is_int(unpack(codec, out.data + 1, out.len - 1, raw, LEN), 0,
	    "%s: unpack", name);
	is_mem(raw, LEN, src, LEN, "%s: the same", name);
	ok(compress_plausible(codec, out.len - 1, LEN), "%s: plausible",
	    name);
	ok(!compress_plausible(codec, 3, LEN), "%s: not plausible", name);
	is_int(unpack(codec, out.data + 1, out.len - 1, raw, LEN - 1),
	    NTDB_ECORRUPT, "%s: a lesser length", name);
	is_int(unpack(codec, out.data + 1, out.len - 1, raw, LEN + 1),
	    NTDB_ECORRUPT, "%s: a greater length", name);
	for (i = 0; i < out.len - 1; i++)
		n_bad += unpack(codec, out.data + 1, i, raw, LEN) ==
		    NTDB_ECORRUPT;
	is_int((int64_t)n_bad, (int64_t)out.len - 1, "%s: cut short", name);
	buf_release(&out);
}

/* Parts of all kinds and sizes are one stream. */
static void
test_parts(struct compressor *c)
{
	static uint8_t src[4 * LEN], raw[4 * LEN];
	struct compress_part parts[8];
	struct buf out = BUF_INIT;
	size_t i, n, len, used;
	int bad = 0, k;

	for (i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)(i * i / 100 % 7 + i / LEN * 50);
	for (k = 0; k < 256; k++) {
		n = (size_t)k % 8 + 1;
		len = 0;
		for (i = 0; i < n; i++) {
			parts[i].len = (size_t)(k * 37 % 101 + 7) * i * i;
			if (parts[i].len > sizeof(src) / 8)
				parts[i].len = sizeof(src) / 8;
			parts[i].repeats = (k >> i & 1) != 0;
			len += parts[i].len;
		}
		buf_clear(&out);
		bad += compress_parts(c, src, parts, n, &out, NULL) != 0;
		bad += compress_unpack(COMPRESS_DEFLATE, out.data, out.len,
		    raw, len, NULL) != 0 || memcmp(raw, src, len) != 0;
		buf_add(&out, "tail", 4);
		bad += compress_unpack(COMPRESS_DEFLATE, out.data, out.len,
		    raw, len, NULL) != NTDB_ECORRUPT;
		bad += compress_unpack_head(COMPRESS_DEFLATE, out.data,
		    out.len, raw, len, &used, NULL) != 0 ||
		    used != out.len - 4;
	}
	is_int(bad, 0, "parts");
	buf_release(&out);
}

int
main(void)
{
	struct compressor c = { NULL };
	uint8_t raw[10];

	plan(34);
	test_round(&c, COMPRESS_NONE, "none");
	test_round(&c, COMPRESS_SNAPPY, "snappy");
	test_round(&c, COMPRESS_DEFLATE, "deflate");
	is_int(unpack(COMPRESS_SNAPPY, snappy_ten, sizeof(snappy_ten), raw,
	    10), 0, "snappy by hand");
	is_mem(raw, 10, "aaaaaaaaaa", 10, "snappy by hand: the bytes");
	is_int(unpack(COMPRESS_DEFLATE, zlib_ten, sizeof(zlib_ten), raw, 10),
	    0, "zlib's");
	is_mem(raw, 10, "aaaaaaaaaa", 10, "zlib's: the bytes");
	is_int(unpack((enum compress_codec)3, zlib_ten, sizeof(zlib_ten),
	    raw, 10), NTDB_EVERSION, "an unknown codec");
	test_parts(&c);
	is_int(unpack(COMPRESS_NONE, raw, 0, raw, 0), 0, "nothing at all");
	compressor_release(&c);
	return done_testing();
}
