/*
 * Floor 2.  General compression of blocks whose unpacked length is known:
 * stored, Snappy, or a deflate stream (RFC 1951), bare.
 */
#ifndef NTDB_COMPRESS_H
#define NTDB_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

/* As stored in files. */
enum compress_codec {
	COMPRESS_NONE = 0,
	COMPRESS_SNAPPY = 1,
	COMPRESS_DEFLATE = 2
};

/* A deflate stream that is kept between blocks; zeroed is valid. */
struct compressor {
	void	*z;		/* owned, NULL until first used */
};

/* Frees what the compressor holds; it can be used again. */
void compressor_release(struct compressor *c);

/* Append src, packed, to out.  Fails only for lack of memory. */
int compress_pack(struct compressor *c, enum compress_codec codec,
    const uint8_t *src, size_t len, struct buf *out, struct ntdb_error *err);

/*
 * Append src to out as one deflate stream, in which each part begins with a
 * code table of its own.  Repeated strings are looked for only in the parts
 * that say so: where there are none, that would take time and space.
 */
struct compress_part {
	size_t	len;
	bool	repeats;
};

int compress_parts(struct compressor *c, const uint8_t *src,
    const struct compress_part *parts, size_t n_parts, struct buf *out,
    struct ntdb_error *err);

/*
 * Whether len packed bytes can hold raw_len unpacked ones at all: asked
 * before memory is taken for them.
 */
bool compress_plausible(enum compress_codec codec, size_t len,
    size_t raw_len);

/*
 * Unpack to exactly raw_len bytes at raw.  NTDB_ECORRUPT if the block is not
 * whole or has another length; never writes beyond raw_len bytes.
 */
int compress_unpack(enum compress_codec codec, const uint8_t *src, size_t len,
    uint8_t *raw, size_t raw_len, struct ntdb_error *err);

/* The same for a block that other bytes may follow; *used is its length. */
int compress_unpack_head(enum compress_codec codec, const uint8_t *src,
    size_t len, uint8_t *raw, size_t raw_len, size_t *used,
    struct ntdb_error *err);

#endif
