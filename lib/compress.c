#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <snappy-c.h>
#include <zlib.h>

#include "compress.h"
#include "error.h"

#define DEFLATE_LEVEL 5
#define DEFLATE_BITS (-15)	/* a window of 2^15 bytes; no zlib header */
#define DEFLATE_MEMORY 8

/* The most that one packed byte can stand for, rounded up. */
#define SNAPPY_RATIO 32		/* a copy: 64 bytes from 2 or 3 */
#define DEFLATE_RATIO 1032	/* zlib's technical notes */

void
compressor_release(struct compressor *c)
{
	if (c->z != NULL) {
		deflateEnd(c->z);
		free(c->z);
		c->z = NULL;
	}
}

static int
pack_snappy(const uint8_t *src, size_t len, struct buf *out,
    struct ntdb_error *err)
{
	size_t room = snappy_max_compressed_length(len);
	uint8_t *to = buf_reserve(out, room);

	if (to == NULL)
		return err_nomem(err);
	if (snappy_compress((const char *)src, len, (char *)to, &room) !=
	    SNAPPY_OK)
		return err_set(err, NTDB_EBUG, "snappy cannot compress");
	out->len += room;
	return 0;
}

static int
deflate_begin(struct compressor *c, struct ntdb_error *err)
{
	z_stream *z;

	if (c->z != NULL)
		return deflateReset(c->z) == Z_OK ? 0 :
		    err_set(err, NTDB_EBUG, "zlib cannot compress");
	if ((z = calloc(1, sizeof(*z))) == NULL)
		return err_nomem(err);
	if (deflateInit2(z, DEFLATE_LEVEL, Z_DEFLATED, DEFLATE_BITS,
	    DEFLATE_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return err_nomem(err);
	}
	c->z = z;
	return 0;
}

/* One part, and all of it that can be written without what follows. */
static bool
deflate_part(z_stream *z, const uint8_t *src, const struct compress_part *part,
    bool last)
{
	int flush = last ? Z_FINISH : Z_BLOCK;

	if (deflateParams(z, DEFLATE_LEVEL, part->repeats ?
	    Z_DEFAULT_STRATEGY : Z_HUFFMAN_ONLY) == Z_STREAM_ERROR)
		return false;
	z->next_in = (z_const Bytef *)src;
	z->avail_in = (uInt)part->len;
	return deflate(z, flush) == (last ? Z_STREAM_END : Z_OK) &&
	    z->avail_in == 0;
}

int
compress_parts(struct compressor *c, const uint8_t *src,
    const struct compress_part *parts, size_t n_parts, struct buf *out,
    struct ntdb_error *err)
{
	size_t len = 0, i;
	z_stream *z;
	uLong room;
	int r;

	for (i = 0; i < n_parts; i++)
		len += parts[i].len;
	if (len > INT_MAX)
		return err_set(err, NTDB_EBUG, "block too long for zlib");
	if ((r = deflate_begin(c, err)) != 0)
		return r;
	z = c->z;
	/* The end of a part takes a few bytes more. */
	room = deflateBound(z, (uLong)len) + 16 * (uLong)n_parts;
	if ((z->next_out = buf_reserve(out, room)) == NULL)
		return err_nomem(err);
	z->avail_out = (uInt)room;
	for (i = 0; i < n_parts; src += parts[i++].len)
		if (!deflate_part(z, src, &parts[i], i + 1 == n_parts))
			return err_set(err, NTDB_EBUG, "zlib cannot compress");
	out->len += room - z->avail_out;
	return 0;
}

/* As one part, in the better of two ways. */
static int
pack_deflate(struct compressor *c, const uint8_t *src, size_t len,
    struct buf *out, struct ntdb_error *err)
{
	struct compress_part part = { len, true };
	size_t start = out->len, plain;
	int r;

	if ((r = compress_parts(c, src, &part, 1, out, err)) != 0)
		return r;
	plain = out->len - start;
	part.repeats = false;
	if ((r = compress_parts(c, src, &part, 1, out, err)) != 0) {
		out->len = start;
		return r;
	}
	if (out->len - start < 2 * plain)
		memmove(out->data + start, out->data + start + plain,
		    out->len - start - plain);
	out->len -= out->len - start < 2 * plain ? plain :
	    out->len - start - plain;
	return 0;
}

int
compress_pack(struct compressor *c, enum compress_codec codec,
    const uint8_t *src, size_t len, struct buf *out, struct ntdb_error *err)
{
	switch (codec) {
	case COMPRESS_NONE:
		buf_add(out, src, len);
		return buf_ok(out) ? 0 : err_nomem(err);
	case COMPRESS_SNAPPY:
		return pack_snappy(src, len, out, err);
	case COMPRESS_DEFLATE:
		return pack_deflate(c, src, len, out, err);
	}
	return err_set(err, NTDB_EBUG, "no such codec");
}

bool
compress_plausible(enum compress_codec codec, size_t len, size_t raw_len)
{
	switch (codec) {
	case COMPRESS_NONE:
		return len == raw_len;
	case COMPRESS_SNAPPY:
		return raw_len / SNAPPY_RATIO <= len;
	case COMPRESS_DEFLATE:
		return raw_len / DEFLATE_RATIO <= len;
	}
	return false;
}

static int
unpack_snappy(const uint8_t *src, size_t len, uint8_t *raw, size_t raw_len,
    struct ntdb_error *err)
{
	size_t n;

	/* The length is checked first: snappy writes as much as it says. */
	if (snappy_uncompressed_length((const char *)src, len, &n) !=
	    SNAPPY_OK || n != raw_len)
		return err_set(err, NTDB_ECORRUPT, "bad snappy length");
	if (snappy_uncompress((const char *)src, len, (char *)raw, &n) !=
	    SNAPPY_OK || n != raw_len)
		return err_set(err, NTDB_ECORRUPT, "bad snappy data");
	return 0;
}

static int
unpack_deflate(const uint8_t *src, size_t len, uint8_t *raw, size_t raw_len,
    size_t *used, struct ntdb_error *err)
{
	z_stream z = { 0 };
	int r;

	if (len > INT_MAX || raw_len > INT_MAX)
		return err_set(err, NTDB_ECORRUPT, "bad deflate length");
	if (inflateInit2(&z, DEFLATE_BITS) != Z_OK)
		return err_nomem(err);
	z.next_in = (z_const Bytef *)src;
	z.avail_in = (uInt)len;
	z.next_out = raw;
	z.avail_out = (uInt)raw_len;
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (r == Z_MEM_ERROR)
		return err_nomem(err);
	if (r != Z_STREAM_END || z.avail_out != 0)
		return err_set(err, NTDB_ECORRUPT, "bad deflate data");
	*used = len - z.avail_in;
	return 0;
}

int
compress_unpack_head(enum compress_codec codec, const uint8_t *src,
    size_t len, uint8_t *raw, size_t raw_len, size_t *used,
    struct ntdb_error *err)
{
	switch (codec) {
	case COMPRESS_NONE:
		if (len < raw_len)
			return err_set(err, NTDB_ECORRUPT,
			    "bad length of stored data");
		if (raw_len > 0)
			memcpy(raw, src, raw_len);
		*used = raw_len;
		return 0;
	case COMPRESS_SNAPPY:
		/* It has no end of its own. */
		*used = len;
		return unpack_snappy(src, len, raw, raw_len, err);
	case COMPRESS_DEFLATE:
		return unpack_deflate(src, len, raw, raw_len, used, err);
	}
	return err_set(err, NTDB_EVERSION, "unknown compression %d",
	    (int)codec);
}

int
compress_unpack(enum compress_codec codec, const uint8_t *src, size_t len,
    uint8_t *raw, size_t raw_len, struct ntdb_error *err)
{
	size_t used = 0;
	int r;

	r = compress_unpack_head(codec, src, len, raw, raw_len, &used, err);
	if (r == 0 && used != len)
		return err_set(err, NTDB_ECORRUPT,
		    "bytes behind compressed data");
	return r;
}
