/*
 * Floor 3.  The list of last samples of a sealed data file: the newest sample
 * of each metric in it, as bytes.
 *
 *     0  4  magic "NTLS"
 *     4  4  n: number of metrics, 1 or more
 *     8  4  length of the rest, unpacked
 *    12  4  CRC-32 of the bytes before and all behind it
 *    16     a deflate stream: the greatest time, then columns of ids, types,
 *           times, scales and values (ntdb-format(5))
 */
#ifndef NTDB_LASTLIST_H
#define NTDB_LASTLIST_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

struct last_entry {
	int64_t	t, m;		/* m: an integer, or a decimal's mantissa */
	uint32_t id;
	uint8_t	type;		/* enum ntdb_type */
	uint8_t	scale;		/* see number.h; 0 for integers */
};

/* Append the list of n entries, sorted by id, to out. */
int lastlist_pack(const struct last_entry *e, uint32_t n, struct buf *out,
    struct ntdb_error *err);

/*
 * Check and unpack a list of len bytes; *e is owned by the caller (free).
 * NTDB_ECORRUPT: it is not valid.
 */
int lastlist_unpack(const uint8_t *p, size_t len, struct last_entry **e,
    uint32_t *n, struct ntdb_error *err);

#endif
