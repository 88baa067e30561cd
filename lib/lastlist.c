#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "compress.h"
#include "error.h"
#include "lastlist.h"
#include "number.h"

#define HEAD_LEN 16
#define ENTRY_LEN_MIN 5		/* a byte in each column */
#define ENTRY_LEN_MAX 27	/* varints of 5, 10 and 10 bytes, 2 bytes */

static const uint8_t list_magic[4] = { 'N', 'T', 'L', 'S' };

/* Everything but the CRC itself. */
static uint32_t
list_checksum(const uint8_t *p, size_t len)
{
	return checksum_add(checksum(p, 12), p + HEAD_LEN, len - HEAD_LEN);
}

/* The columns; room for all is at p.  Returns their end. */
static uint8_t *
pack_columns(const struct last_entry *e, uint32_t n, uint8_t *p)
{
	int64_t greatest = INT64_MIN;
	uint32_t i, id = 0;

	for (i = 0; i < n; i++)
		greatest = e[i].t > greatest ? e[i].t : greatest;
	p = put_varint(p, zigzag(greatest));
	for (i = 0; i < n; id = e[i++].id)
		p = put_varint(p, e[i].id - id);
	for (i = 0; i < n; i++)
		*p++ = e[i].type;
	for (i = 0; i < n; i++)
		p = put_varint(p, (uint64_t)greatest - (uint64_t)e[i].t);
	for (i = 0; i < n; i++)
		*p++ = e[i].scale;
	for (i = 0; i < n; i++)
		p = put_varint(p, zigzag(e[i].m));
	return p;
}

int
lastlist_pack(const struct last_entry *e, uint32_t n, struct buf *out,
    struct ntdb_error *err)
{
	struct compressor z = { NULL };
	const size_t from = out->len;
	uint8_t *plain, *end;
	int r;

	if ((plain = malloc((size_t)n * ENTRY_LEN_MAX + 10)) == NULL)
		return err_nomem(err);
	end = pack_columns(e, n, plain);
	buf_add(out, list_magic, sizeof(list_magic));
	buf_add_u32(out, n);
	buf_add_u32(out, (uint32_t)(end - plain));
	buf_add_u32(out, 0);
	r = compress_pack(&z, COMPRESS_DEFLATE, plain, (size_t)(end - plain),
	    out, err);
	compressor_release(&z);
	free(plain);
	if (r != 0)
		return r;
	if (!buf_ok(out))
		return err_nomem(err);
	put_u32(out->data + from + 12,
	    list_checksum(out->data + from, out->len - from));
	return 0;
}

static int
bad(struct ntdb_error *err)
{
	return err_set(err, NTDB_ECORRUPT,
	    "list of last samples is not valid");
}

/* Read a varint of at most `most'; NULL is passed on and means failure. */
static const uint8_t *
take(const uint8_t *p, const uint8_t *end, uint64_t most, uint64_t *v)
{
	if (p == NULL || (p = get_varint(p, end, v)) == NULL || *v > most)
		return NULL;
	return p;
}

/* The end of a column of n single bytes, or NULL. */
static const uint8_t *
take_bytes(const uint8_t *p, const uint8_t *end, uint32_t n)
{
	return p == NULL || (size_t)(end - p) < n ? NULL : p + n;
}

static bool
is_valid(const struct last_entry *e)
{
	if (e->type < NTDB_INT32 || e->type > NTDB_FLOAT64)
		return false;
	if (ntdb_type_is_int(e->type))
		return e->scale == 0;
	return e->scale == DEC_RAW || (e->scale <= DEC_SCALE_MAX &&
	    e->m <= DEC_M_MAX && e->m >= -DEC_M_MAX);
}

/* Fill n entries from the columns; false if they are not valid. */
static bool
unpack_columns(const uint8_t *p, const uint8_t *end, struct last_entry *e,
    uint32_t n)
{
	uint64_t v = 0, id = 0;
	int64_t greatest;
	uint32_t i;

	p = take(p, end, UINT64_MAX, &v);
	greatest = unzigzag(v);
	for (i = 0; i < n; i++) {
		p = take(p, end, UINT32_MAX - id, &v);
		if (p == NULL || v == 0)
			return false;
		e[i].id = (uint32_t)(id += v);
	}
	if (take_bytes(p, end, n) == NULL)
		return false;
	for (i = 0; i < n; i++)
		e[i].type = *p++;
	for (i = 0; i < n; i++) {
		p = take(p, end, (uint64_t)greatest - (uint64_t)INT64_MIN, &v);
		e[i].t = as_i64((uint64_t)greatest - v);
	}
	if (take_bytes(p, end, n) == NULL)
		return false;
	for (i = 0; i < n; i++)
		e[i].scale = *p++;
	for (i = 0; i < n; i++) {
		p = take(p, end, UINT64_MAX, &v);
		e[i].m = unzigzag(v);
		if (p == NULL || !is_valid(&e[i]))
			return false;
	}
	return p == end;
}

int
lastlist_unpack(const uint8_t *p, size_t len, struct last_entry **e,
    uint32_t *n, struct ntdb_error *err)
{
	uint8_t *plain;
	size_t raw_len;
	int r;

	*e = NULL;
	if (len < HEAD_LEN || memcmp(p, list_magic, 4) != 0 ||
	    get_u32(p + 12) != list_checksum(p, len))
		return bad(err);
	*n = get_u32(p + 4);
	raw_len = get_u32(p + 8);
	if (*n == 0 || *n > raw_len / ENTRY_LEN_MIN ||
	    !compress_plausible(COMPRESS_DEFLATE, len - HEAD_LEN, raw_len))
		return bad(err);
	if ((plain = malloc(raw_len)) == NULL)
		return err_nomem(err);
	if (compress_unpack(COMPRESS_DEFLATE, p + HEAD_LEN, len - HEAD_LEN,
	    plain, raw_len, NULL) != 0)
		r = bad(err);
	else if ((*e = malloc(*n * sizeof(**e))) == NULL)
		r = err_nomem(err);
	else
		r = unpack_columns(plain, plain + raw_len, *e, *n) ? 0 :
		    bad(err);
	free(plain);
	if (r != 0) {
		free(*e);
		*e = NULL;
	}
	return r;
}
