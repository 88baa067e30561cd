/*
 * The header of a log: its epoch and how much of each data file counts.
 */
#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "logrec.h"

static const uint8_t log_magic[8] = { 'N', 'T', 'D', 'B', 'W', 'A', 'L',
	'\n' };

#define LOG_VERSION 1
#define FILES_AT 48		/* offset of the entries */

void
log_head_release(struct log_head *h)
{
	free(h->files);
	memset(h, 0, sizeof(*h));
}

static int
compare_file(const struct log_file *f, uint32_t kind, int32_t start)
{
	if (f->kind != kind)
		return f->kind < kind ? -1 : 1;
	return (f->start > start) - (f->start < start);
}

/* The index of the first entry that is not before (kind, start). */
static uint32_t
lower_bound(const struct log_head *h, uint32_t kind, int32_t start)
{
	uint32_t lo = 0, hi = h->n_files;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (compare_file(&h->files[mid], kind, start) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
is_at(const struct log_head *h, uint32_t i, uint32_t kind, int32_t start)
{
	return i < h->n_files && compare_file(&h->files[i], kind, start) == 0;
}

const struct log_file *
log_head_find(const struct log_head *h, uint32_t kind, int32_t start)
{
	uint32_t i = lower_bound(h, kind, start);

	return is_at(h, i, kind, start) ? &h->files[i] : NULL;
}

static void
remove_at(struct log_head *h, uint32_t i)
{
	h->n_files--;
	memmove(&h->files[i], &h->files[i + 1],
	    (h->n_files - i) * sizeof(h->files[0]));
}

int
log_head_put(struct log_head *h, uint32_t kind, int32_t start, uint64_t len,
    uint64_t file_id, struct ntdb_error *err)
{
	uint32_t i = lower_bound(h, kind, start);
	struct log_file *files;

	if (is_at(h, i, kind, start)) {
		h->files[i].len = len;
		h->files[i].file_id = file_id;
		if (len == 0)
			remove_at(h, i);
		return 0;
	}
	if (len == 0)
		return 0;
	if (h->n_files >= LOG_FILES_MAX)
		return err_set(err, NTDB_ESYS, "too many data files");
	files = realloc(h->files, (h->n_files + 1) * sizeof(files[0]));
	if (files == NULL)
		return err_nomem(err);
	h->files = files;
	memmove(&files[i + 1], &files[i],
	    (h->n_files - i) * sizeof(files[0]));
	files[i].kind = kind;
	files[i].start = start;
	files[i].len = len;
	files[i].file_id = file_id;
	h->n_files++;
	return 0;
}

int
log_head_pack(struct log_head *h, struct buf *out, struct ntdb_error *err)
{
	size_t from = out->len;
	uint32_t i;

	h->len = LOG_HEAD_MIN + LOG_FILE_LEN * h->n_files;
	buf_add(out, log_magic, sizeof(log_magic));
	buf_add_u16(out, LOG_VERSION);
	buf_add_u16(out, 0);
	buf_add_u32(out, h->len);
	buf_add_u64(out, h->epoch);
	buf_add_u64(out, h->nonce);
	buf_add_u32(out, h->synced_id);
	buf_add_u32(out, h->max_id);
	buf_add_u32(out, h->n_files);
	buf_add_u32(out, 0);
	for (i = 0; i < h->n_files; i++) {
		buf_add_u32(out, h->files[i].kind);
		buf_add_u32(out, (uint32_t)h->files[i].start);
		buf_add_u64(out, h->files[i].len);
		buf_add_u64(out, h->files[i].file_id);
	}
	if (!buf_ok(out))
		return err_nomem(err);
	buf_add_u32(out, checksum(out->data + from, out->len - from));
	return buf_ok(out) ? 0 : err_nomem(err);
}

static bool
is_length(uint64_t len)
{
	return len >= LOG_HEAD_MIN &&
	    len <= LOG_HEAD_MIN + LOG_FILE_LEN * (uint64_t)LOG_FILES_MAX;
}

/* The length that follows from the number of data files. */
static uint64_t
length_by_files(const uint8_t *p)
{
	return LOG_HEAD_MIN + LOG_FILE_LEN * (uint64_t)get_u32(p + 40);
}

size_t
log_head_room(const uint8_t *p, size_t n)
{
	uint64_t len = 0, other;

	if (n < LOG_HEAD_MIN)
		return 0;
	if (is_length(get_u32(p + 12)))
		len = get_u32(p + 12);
	other = length_by_files(p);
	if (is_length(other) && other > len)
		len = other;
	return (size_t)len;
}

/* An entry's place in the order: kind, then start, as one number. */
static uint64_t
file_key(uint32_t kind, int32_t start)
{
	return (uint64_t)kind << 32 | ((uint32_t)start ^ UINT32_C(1) << 31);
}

static int
unpack_files(const uint8_t *p, struct log_head *h, struct ntdb_error *err)
{
	const uint32_t n = h->n_files;
	struct log_file *f;
	uint64_t key, last = 0;
	bool sorted = true;

	if (n == 0)
		return 0;
	if ((h->files = malloc(n * sizeof(h->files[0]))) == NULL)
		return err_nomem(err);
	for (f = h->files; f < h->files + n; f++, p += LOG_FILE_LEN) {
		f->kind = get_u32(p);
		f->start = (int32_t)get_u32(p + 4);
		f->len = get_u64(p + 8);
		f->file_id = get_u64(p + 16);
		key = file_key(f->kind, f->start);
		sorted &= f == h->files || key > last;
		last = key;
	}
	return sorted ? 0 : err_set(err, NTDB_ECORRUPT,
	    "log header's data files are not sorted");
}

/* A header as it is. */
static int
unpack(const uint8_t *p, size_t n, struct log_head *h,
    struct ntdb_error *err)
{
	uint32_t len;
	int r;

	if (n < LOG_HEAD_MIN || memcmp(p, log_magic, sizeof(log_magic)) != 0)
		return err_set(err, NTDB_ECORRUPT, "not a log of ntdb");
	len = get_u32(p + 12);
	if (!is_length(len))
		return err_set(err, NTDB_ECORRUPT,
		    "log header has an impossible length");
	if (n < len || checksum(p, len - 4) != get_u32(p + len - 4))
		return err_set(err, NTDB_ECORRUPT,
		    "log header has a wrong checksum");
	if (get_u16(p + 8) > LOG_VERSION)
		return err_set(err, NTDB_EVERSION,
		    "log of format version %u, newer than this program",
		    get_u16(p + 8));
	h->len = len;
	h->n_files = get_u32(p + 40);
	if (get_u16(p + 8) != LOG_VERSION || get_u16(p + 10) != 0 ||
	    get_u32(p + 44) != 0 || h->n_files > LOG_FILES_MAX ||
	    len != LOG_HEAD_MIN + LOG_FILE_LEN * h->n_files) {
		h->n_files = 0;
		return err_set(err, NTDB_ECORRUPT, "log header is malformed");
	}
	h->epoch = get_u64(p + 16);
	h->nonce = get_u64(p + 24);
	h->synced_id = get_u32(p + 32);
	h->max_id = get_u32(p + 36);
	r = unpack_files(p + FILES_AT, h, err);
	if (r != 0)
		log_head_release(h);
	return r;
}

/*
 * A header of this length in which one bit is wrong.  NTDB_ECORRUPT: it is
 * not that.
 */
static int
unpack_mended(const uint8_t *p, size_t n, uint64_t len, struct log_head *h,
    struct ntdb_error *err)
{
	uint8_t *copy;
	int r = NTDB_ECORRUPT;

	if (!is_length(len) || len > n)
		return NTDB_ECORRUPT;
	if ((copy = malloc((size_t)len)) == NULL)
		return err_nomem(err);
	memcpy(copy, p, (size_t)len);
	if (checksum_mend(copy, (size_t)len - 4) &&
	    unpack(copy, (size_t)len, h, NULL) == 0) {
		h->mended = true;
		r = 0;
	}
	free(copy);
	return r;
}

int
log_head_unpack(const uint8_t *p, size_t n, struct log_head *h,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r, mended;

	memset(h, 0, sizeof(*h));
	r = unpack(p, n, h, &why);
	if (r == NTDB_ECORRUPT && n >= LOG_HEAD_MIN) {
		/* If the length is wrong, the number of files tells it. */
		mended = unpack_mended(p, n, get_u32(p + 12), h, err);
		if (mended == NTDB_ECORRUPT)
			mended = unpack_mended(p, n, length_by_files(p), h,
			    err);
		if (mended != NTDB_ECORRUPT)
			return mended;
	}
	return r == 0 ? 0 : err_set(err, r, "%s", why.text);
}
