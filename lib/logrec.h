/*
 * Floor 3.  The write-ahead log's bytes: header, batches, records.
 *
 * A log is a header followed by batches.  All numbers are little-endian.
 *
 *   header
 *     0  8  magic "NTDBWAL\n"
 *     8  2  version, 1
 *    10  2  flags, 0
 *    12  4  length of the header, CRC included: 52 + 24 n
 *    16  8  epoch
 *    24  8  nonce: random, tells this log from all others
 *    32  4  synced_id: metrics up to this id are in a synced catalog.json
 *    36  4  max_id: the highest metric id that was in use
 *    40  4  n: number of data files below
 *    44  4  reserved, 0
 *    48 24  n times: a data file and the length up to which it counts
 *           0  4  kind of its partition: 0 day, 1 month, 2 year, 3 forever
 *           4  4  its start, signed: days, months or years since 1970; 0
 *           8  8  committed length in bytes
 *          16  8  its file id: the entry says nothing of another file
 *   -4  4  CRC-32 of the header so far
 *
 * A header is valid if and only if its magic, version, flags and length are
 * right, the entries are sorted by (kind, start) without repetition, and the
 * CRC matches.  A version above 1 is newer, not corrupt, if the CRC matches
 * where the length says.  One in which a single bit is wrong, as its CRC
 * tells, is read as if that bit were right: else it would cost all batches.
 *
 *   batch
 *     0  4  magic "NTB\n"
 *     4  4  length of the payload, 8 ... BATCH_PAYLOAD_MAX
 *     8  4  number of records
 *    12  4  CRC-32 of: epoch (8), nonce (8), offset of the batch in the
 *           file (8), bytes 4 ... 12 of this header, the payload
 *    16     payload: base time (8), then the records
 *
 * A batch is valid if and only if magic, length and CRC match and exactly
 * that many well-formed records fill the payload.  Because epoch, nonce and
 * offset are in the CRC, no bytes of another log or place can be a batch.
 *
 *   record: a tag byte, then id, time and value, as the tag says
 *     bits 0-1  id     0 that of the record before (0 at the start)
 *                      1 one more than that
 *                      2 two bytes      3 varint
 *     bits 2-4  time   0 that of the sample before (base time at the start)
 *                      1 the last non-zero step again
 *                      2 zigzag varint: step in ns    3 in us
 *                      4 in ms          5 in s
 *                      6 reserved       7 no sample: see below
 *     bits 5-7  value  0 integer, zigzag varint
 *                      1-4 decimal of scale 0-3, zigzag varint mantissa
 *                      5 decimal: scale byte, then mantissa
 *                      6 double, 8 bytes
 *                      7 integer, 4 bytes
 *   with time 7, the value bits say what the record is:
 *                      0 metric: type byte, varint length, name
 *                      1 type: type byte: the metric has this type from now
 *                      2 clock (id 0): 8 bytes, wall-clock time at which the
 *                        log's first batch was written
 *
 * A metric's name stands in a log before its first sample there, unless its
 * id is at most synced_id.
 */
#ifndef NTDB_LOGREC_H
#define NTDB_LOGREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

#define LOG_HEAD_MIN 52		/* length of a header without data files */
#define LOG_FILE_LEN 24		/* of an entry */
#define LOG_FILES_MAX (1u << 20)
#define METRIC_NAME_MAX 1023u
#define BATCH_HEAD_LEN 16
#define BATCH_PAYLOAD_MAX (4u << 20)

/* A data file and how much of it counts. */
struct log_file {
	uint32_t kind;		/* enum partition_kind */
	int32_t	start;
	uint64_t len;
	uint64_t file_id;
};

struct log_head {
	uint64_t epoch, nonce;
	uint32_t synced_id, max_id;
	uint32_t len;		/* in the file */
	bool	mended;		/* a bit in the file is wrong */
	struct log_file *files;	/* owned, sorted by (kind, start) */
	uint32_t n_files;
};

void log_head_release(struct log_head *h);

/* The entry of a partition, or NULL; borrowed until the next change. */
const struct log_file *log_head_find(const struct log_head *h, uint32_t kind,
    int32_t start);

/* Set it (len 0: remove the entry).  Fails only for lack of memory. */
int log_head_put(struct log_head *h, uint32_t kind, int32_t start,
    uint64_t len, uint64_t file_id, struct ntdb_error *err);

/* Append the header to out; sets h->len. */
int log_head_pack(struct log_head *h, struct buf *out,
    struct ntdb_error *err);

/*
 * How many bytes a header may take, from its first n: its length, or, should
 * that be damaged, the one that its number of files tells.  0: it is none.
 */
size_t log_head_room(const uint8_t *p, size_t n);

/*
 * Check and unpack the header at the beginning of these n bytes, of which
 * log_head_room are enough.  NTDB_ECORRUPT or NTDB_EVERSION.
 */
int log_head_unpack(const uint8_t *p, size_t n, struct log_head *h,
    struct ntdb_error *err);

/* What ties batches to their log. */
struct log_key {
	uint64_t epoch, nonce;
};

/* A batch being made.  Invariant: out holds its header's room and payload. */
struct batch {
	struct buf out;
	uint32_t n;		/* records */
	uint32_t id;		/* of the record before */
	int64_t	t, step;
};

void batch_init(struct batch *b);
void batch_release(struct batch *b);

/* Begin anew; base_t should be the time of the first sample. */
void batch_begin(struct batch *b, int64_t base_t);

/* Records.  Lack of memory shows at batch_end. */
void batch_add_int(struct batch *b, uint32_t id, int64_t t, int64_t v);
void batch_add_dec(struct batch *b, uint32_t id, int64_t t, int64_t m,
    uint8_t scale);
void batch_add_metric(struct batch *b, uint32_t id, uint8_t type,
    const char *name, size_t name_len);
void batch_add_type(struct batch *b, uint32_t id, uint8_t type);
void batch_add_clock(struct batch *b, int64_t clock_ns);

/* Finish for this place in this log: b->out.data[0 .. b->out.len). */
int batch_end(struct batch *b, const struct log_key *key, uint64_t offset,
    struct ntdb_error *err);

/*
 * Whether a valid batch header and CRC stand at p (n bytes are there), which
 * is at this offset.  Returns the batch's whole length, or 0.  *more (may be
 * NULL) is set to how many bytes are needed to tell, if n is too few.
 */
size_t batch_check(const uint8_t *p, size_t n, const struct log_key *key,
    uint64_t offset, size_t *more);

enum record_kind { REC_SAMPLE, REC_METRIC, REC_TYPE, REC_CLOCK };

struct record {
	uint8_t	kind;
	uint8_t	type;		/* REC_METRIC, REC_TYPE: enum ntdb_type */
	bool	is_int;		/* REC_SAMPLE */
	uint8_t	scale;		/* REC_SAMPLE, float: see number.h */
	uint32_t id;
	int64_t	t;		/* REC_SAMPLE; REC_CLOCK: the clock */
	int64_t	m;		/* REC_SAMPLE: integer or mantissa or bits */
	const char *name;	/* REC_METRIC: borrowed from the batch */
	uint32_t name_len;
};

/*
 * Whether these n bytes, at this offset, were one batch in which a single bit
 * is wrong; it is set right then.  What comes of it is no sample to show: of
 * bytes that are wrong otherwise one in 2^32 / 8 n passes, too.
 */
bool batch_mend(uint8_t *p, size_t n, const struct log_key *key,
    uint64_t offset);

struct batch_reader {
	const uint8_t *p, *end;
	uint32_t left;		/* records */
	uint32_t id;
	int64_t	t, step;
};

/* Read the records of a batch that batch_check has accepted. */
void batch_read(struct batch_reader *r, const uint8_t *batch);

/* The next record.  NTDB_END; NTDB_ECORRUPT if it is not well-formed. */
int batch_next(struct batch_reader *r, struct record *rec);

#endif
