/*
 * Lists of last samples.  Input: the number of metrics (2), then the plain
 * columns, which are packed and get their checksum; or, if the number is 0,
 * a list as it is, but for its checksum.
 *
 *   - A list that unpacks is in order and within bounds, and packs and
 *     unpacks to the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "compress.h"
#include "fuzz.h"
#include "lastlist.h"
#include "number.h"

#define HEAD_LEN 16

static void
check(const struct last_entry *e, uint32_t n)
{
	struct buf out = BUF_INIT;
	struct last_entry *again;
	uint32_t i, n_again;

	must(n > 0);
	for (i = 0; i < n; i++) {
		must(e[i].id > (i > 0 ? e[i - 1].id : 0));
		must(e[i].type >= NTDB_INT32 && e[i].type <= NTDB_FLOAT64);
		must(!ntdb_type_is_int(e[i].type) || e[i].scale == 0);
		must(e[i].scale == DEC_RAW || ntdb_type_is_int(e[i].type) ||
		    (e[i].scale <= DEC_SCALE_MAX && e[i].m <= DEC_M_MAX &&
		    e[i].m >= -DEC_M_MAX));
	}
	must(lastlist_pack(e, n, &out, NULL) == 0);
	must(lastlist_unpack(out.data, out.len, &again, &n_again, NULL) == 0);
	must(n_again == n);
	for (i = 0; i < n; i++)
		must(again[i].id == e[i].id && again[i].type == e[i].type &&
		    again[i].t == e[i].t && again[i].m == e[i].m &&
		    again[i].scale == e[i].scale);
	free(again);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compressor z = { NULL };
	struct input in = { data, size };
	uint32_t n = in_u16(&in);
	struct buf b = BUF_INIT;
	struct last_entry *e;
	uint8_t *copy;
	int r;

	if (n == 0) {
		buf_add(&b, in.at, in.n);
	} else {
		buf_add(&b, "NTLS", 4);
		buf_add_u32(&b, n);
		buf_add_u32(&b, (uint32_t)in.n);
		buf_add_u32(&b, 0);
		must(compress_pack(&z, COMPRESS_DEFLATE, in.at, in.n, &b,
		    NULL) == 0);
		compressor_release(&z);
	}
	copy = fuzz_copy(b.data, b.len);
	if (b.len >= HEAD_LEN)
		put_u32(copy + 12, checksum_add(checksum(copy, 12),
		    copy + HEAD_LEN, b.len - HEAD_LEN));
	r = lastlist_unpack(copy, b.len, &e, &n, NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	if (r == 0)
		check(e, n);
	else
		must(e == NULL);
	free(e);
	free(copy);
	buf_release(&b);
	return 0;
}
