/*
 * The log's bytes: headers, batches, records.  Input: a byte that says which,
 * then a header, or the number of records (2) and a payload.  Checksums and
 * lengths are made right.
 *
 *   - A header that unpacks packs to the same bytes.
 *   - A batch is one at its own place only.
 *   - Records are within their bounds, and the same again when they are
 *     written by the writer.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "fuzz.h"
#include "logrec.h"
#include "number.h"

static void
edit_head(struct log_head *h)
{
	const struct log_file *f;
	uint32_t i, n = h->n_files;
	struct log_file some;

	for (i = 0; i < n; i++) {
		f = log_head_find(h, h->files[i].kind, h->files[i].start);
		must(f == &h->files[i]);
	}
	if (n == 0)
		return;
	some = h->files[n / 2];
	must(log_head_put(h, some.kind, some.start, 0, 0, NULL) == 0);
	must(log_head_find(h, some.kind, some.start) == NULL);
	must(h->n_files == n - 1);
	must(log_head_put(h, some.kind, some.start, 7, 8, NULL) == 0);
	f = log_head_find(h, some.kind, some.start);
	must(f == &h->files[n / 2] && f->len == 7 && f->file_id == 8);
	must(log_head_put(h, some.kind, some.start, 9, 10, NULL) == 0);
	must(h->n_files == n && f->len == 9 && f->file_id == 10);
}

static void
try_head(uint8_t *p, size_t n)
{
	struct buf out = BUF_INIT;
	struct log_head h;
	int r;

	if (n >= LOG_HEAD_MIN) {
		put_u32(p + 12, (uint32_t)n);
		put_u32(p + n - 4, checksum(p, n - 4));
	}
	r = log_head_unpack(p, n, &h, NULL);
	must(r == 0 || r == NTDB_ECORRUPT || r == NTDB_EVERSION);
	if (r != 0)
		return;
	must(log_head_room(p, n) == n);
	must(log_head_pack(&h, &out, NULL) == 0);
	must(out.len == n && memcmp(out.data, p, n) == 0);
	edit_head(&h);
	log_head_release(&h);
	buf_release(&out);
}

/* What batch_check wants: CRC of place, log, and the batch but for magic. */
static void
seal_batch(uint8_t *p, size_t n, uint32_t records, const struct log_key *key,
    uint64_t offset)
{
	uint8_t place[24];
	uint32_t crc;

	memcpy(p, "NTB\n", 4);
	put_u32(p + 4, (uint32_t)(n - BATCH_HEAD_LEN));
	put_u32(p + 8, records);
	put_u64(place, key->epoch);
	put_u64(place + 8, key->nonce);
	put_u64(place + 16, offset);
	crc = checksum_add(checksum(place, 24), p + 4, 8);
	put_u32(p + 12, checksum_add(crc, p + BATCH_HEAD_LEN,
	    n - BATCH_HEAD_LEN));
}

static void
check_record(const struct record *rec, const uint8_t *p, size_t n)
{
	must(rec->kind <= REC_CLOCK);
	must(rec->id != 0 || rec->kind == REC_CLOCK);
	if (rec->kind == REC_SAMPLE && !rec->is_int && rec->scale != DEC_RAW)
		must(rec->scale <= DEC_SCALE_MAX && rec->m <= DEC_M_MAX &&
		    rec->m >= -DEC_M_MAX);
	if (rec->kind != REC_METRIC && rec->kind != REC_TYPE)
		return;
	must(rec->type >= NTDB_INT32 && rec->type <= NTDB_FLOAT64);
	if (rec->kind == REC_METRIC)
		must(rec->name_len >= 1 && rec->name_len <= METRIC_NAME_MAX &&
		    (const uint8_t *)rec->name >= p &&
		    (const uint8_t *)rec->name + rec->name_len <= p + n);
}

static void
add_record(struct batch *b, const struct record *rec)
{
	switch (rec->kind) {
	case REC_METRIC:
		batch_add_metric(b, rec->id, rec->type, rec->name,
		    rec->name_len);
		break;
	case REC_TYPE:
		batch_add_type(b, rec->id, rec->type);
		break;
	case REC_CLOCK:
		batch_add_clock(b, rec->t);
		break;
	default:
		if (rec->is_int)
			batch_add_int(b, rec->id, rec->t, rec->m);
		else
			batch_add_dec(b, rec->id, rec->t, rec->m, rec->scale);
	}
}

static void
same_record(const struct record *a, const struct record *b)
{
	must(a->kind == b->kind);
	must(a->kind == REC_CLOCK || a->id == b->id);
	if (a->kind == REC_SAMPLE)
		must(a->t == b->t && a->m == b->m && a->is_int == b->is_int &&
		    (a->is_int || a->scale == b->scale));
	else if (a->kind == REC_CLOCK)
		must(a->t == b->t);
	else
		must(a->type == b->type);
	if (a->kind == REC_METRIC)
		must(a->name_len == b->name_len &&
		    memcmp(a->name, b->name, a->name_len) == 0);
}

/* The records of a batch that is well-formed, written anew. */
static void
write_again(const uint8_t *p, size_t n, const struct log_key *key)
{
	struct batch_reader one, two;
	struct record a, b;
	struct batch batch;
	int r;

	batch_init(&batch);
	batch_read(&one, p);
	batch_begin(&batch, one.t);
	while (batch_next(&one, &a) == 0) {
		check_record(&a, p, n);
		add_record(&batch, &a);
	}
	must(batch_end(&batch, key, 99, NULL) == 0);
	must(batch_check(batch.out.data, batch.out.len, key, 99, NULL) ==
	    batch.out.len);
	batch_read(&one, p);
	batch_read(&two, batch.out.data);
	while ((r = batch_next(&one, &a)) == 0) {
		must(batch_next(&two, &b) == 0);
		same_record(&a, &b);
	}
	must(r == NTDB_END && batch_next(&two, &b) == NTDB_END);
	batch_release(&batch);
}

static void
try_batch(struct input in)
{
	const struct log_key key = { 3, 0x1122334455667788 };
	struct log_key other = { 4, 0x1122334455667788 };
	uint32_t records = in_u16(&in);
	size_t n = BATCH_HEAD_LEN + in.n, i, more;
	struct batch_reader r;
	struct record rec;
	uint8_t *p;
	int end;

	if (in.n < 8)
		return;
	p = fuzz_alloc(n);
	memcpy(p + BATCH_HEAD_LEN, in.at, in.n);
	seal_batch(p, n, records, &key, 1234);
	must(batch_check(p, n, &key, 1234, &more) == n && more == 0);
	must(batch_check(p, n, &key, 1235, NULL) == 0);
	must(batch_check(p, n, &other, 1234, NULL) == 0);
	for (i = 0; i < n; i += 1 + i / 8)
		must(batch_check(p, i, &key, 1234, &more) == 0 && more > i);
	batch_read(&r, p);
	while ((end = batch_next(&r, &rec)) == 0)
		check_record(&rec, p, n);
	must(end == NTDB_END || end == NTDB_ECORRUPT);
	if (end == NTDB_END)
		write_again(p, n, &key);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t *copy;

	if (in_u8(&in) % 2 == 0) {
		copy = fuzz_copy(in.at, in.n);
		try_head(copy, in.n);
		free(copy);
	} else {
		try_batch(in);
	}
	return 0;
}
