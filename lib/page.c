#include <string.h>

#include "checksum.h"
#include "error.h"
#include "page-reader.h"

/* Where the fields of a header are; two checksums end it. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_CODEC = 5,
	AT_FLAGS = 6,
	AT_HEAD_LEN = 7,
	AT_NUMBERS = 8,
	CRCS_LEN = 8
};

#define VERSION 1
#define FLAG_SEALED 1

static const uint8_t magic[4] = { 'N', 'T', 'P', 'G' };

uint8_t *
page_put_span(uint8_t *p, uint64_t ns)
{
	unsigned unit = 0;

	if (ns > UINT64_MAX / 4)
		return put_varint(put_varint(p, SPAN_ESCAPE), ns);
	for (; unit < 3 && ns > 0 && ns % 1000 == 0; unit++)
		ns /= 1000;
	return put_varint(p, ns * 4 + unit);
}

void
page_head_pack(struct page_head *h, uint64_t groups_len,
    uint8_t p[PAGE_HEAD_MAX])
{
	uint8_t *to = p + AT_NUMBERS;

	to = page_put_span(to, (uint64_t)h->t_min);
	to = page_put_span(to, (uint64_t)h->t_max - (uint64_t)h->t_min);
	to = put_varint(to, h->epoch);
	to = put_varint(to, h->n_samples);
	to = put_varint(to, h->n_runs);
	to = put_varint(to, h->n_groups);
	to = put_varint(to, h->max_id);
	to = put_varint(to, h->dir_len);
	to = put_varint(to, h->dir_raw_len);
	to = put_varint(to, groups_len);
	h->head_len = (uint32_t)(to - p) + CRCS_LEN;
	h->len = h->head_len + (uint64_t)h->dir_len + groups_len;
	memcpy(p + AT_MAGIC, magic, sizeof(magic));
	p[AT_VERSION] = VERSION;
	p[AT_CODEC] = h->codec;
	p[AT_FLAGS] = h->sealed ? FLAG_SEALED : 0;
	p[AT_HEAD_LEN] = (uint8_t)h->head_len;
	put_u32(to, h->dir_crc);
	put_u32(to + 4, checksum(p, h->head_len - 4));
}

/* Read the numbers of a header; whether they agree with each other. */
static bool
unpack_numbers(struct reader *in, struct page_head *h)
{
	uint64_t groups_len, span;

	h->t_min = as_i64(take_span(in));
	span = take_span(in);
	h->t_max = as_i64((uint64_t)h->t_min + span);
	h->epoch = take_varint(in);
	h->n_samples = take_u32(in);
	h->n_runs = take_u32(in);
	h->n_groups = take_u32(in);
	h->max_id = take_u32(in);
	h->dir_len = take_u32(in);
	h->dir_raw_len = take_u32(in);
	groups_len = take_varint(in);
	if (in->bad || in->p != in->end)
		return false;
	if (groups_len > (uint64_t)h->n_groups * PAGE_GROUP_MAX)
		return false;
	h->len = h->head_len + (uint64_t)h->dir_len + groups_len;
	if (h->t_min > h->t_max || h->dir_len == 0)
		return false;
	return h->n_samples >= 1 && h->n_samples <= PAGE_SAMPLES_MAX &&
	    h->n_runs >= 1 && h->n_runs <= h->n_samples &&
	    h->n_groups <= 2 * h->n_runs;
}

int
page_head_unpack(const uint8_t *p, size_t n, struct page_head *h,
    struct ntdb_error *err)
{
	struct reader in = { p + AT_NUMBERS, NULL, false };

	memset(h, 0, sizeof(*h));
	if (n < PAGE_HEAD_MIN)
		return err_set(err, NTDB_ECORRUPT, "page is cut short");
	h->head_len = p[AT_HEAD_LEN];
	if (memcmp(p + AT_MAGIC, magic, sizeof(magic)) != 0 ||
	    h->head_len < PAGE_HEAD_MIN || h->head_len > PAGE_HEAD_MAX)
		return err_set(err, NTDB_ECORRUPT, "not a page");
	if (n < h->head_len)
		return err_set(err, NTDB_ECORRUPT, "page is cut short");
	if (get_u32(p + h->head_len - 4) != checksum(p, h->head_len - 4))
		return err_set(err, NTDB_ECORRUPT,
		    "page header: bad checksum");
	if (p[AT_VERSION] != VERSION)
		return err_set(err, NTDB_EVERSION,
		    "page of unknown version %d", p[AT_VERSION]);
	if (p[AT_CODEC] != PAGE_SNAPPY && p[AT_CODEC] != PAGE_DEFLATE)
		return err_set(err, NTDB_EVERSION,
		    "page of unknown codec %d", p[AT_CODEC]);
	h->codec = p[AT_CODEC];
	h->sealed = (p[AT_FLAGS] & FLAG_SEALED) != 0;
	h->dir_crc = get_u32(p + h->head_len - CRCS_LEN);
	in.end = p + h->head_len - CRCS_LEN;
	if ((p[AT_FLAGS] & ~FLAG_SEALED) != 0 || !unpack_numbers(&in, h))
		return err_set(err, NTDB_ECORRUPT,
		    "page header: impossible values");
	return 0;
}

int
page_head_mend(const uint8_t *p, size_t n, struct page_head *h)
{
	uint8_t copy[PAGE_HEAD_MAX];
	uint32_t len;

	/* The length must be right if one of the bytes that it spans is not;
	 * else all lengths are tried. */
	for (len = PAGE_HEAD_MIN; len <= PAGE_HEAD_MAX && len <= n; len++) {
		memcpy(copy, p, len);
		if (len == copy[AT_HEAD_LEN]) {
			if (!checksum_mend(copy, len - 4))
				continue;
		} else {
			copy[AT_HEAD_LEN] = (uint8_t)len;
		}
		if (page_head_unpack(copy, len, h, NULL) == 0)
			return 0;
	}
	return NTDB_ECORRUPT;
}

void
page_sort_columns(const struct page_column *c, uint32_t n, uint32_t *sorted)
{
	uint32_t at[66] = { 0 }, i;

	/* A counting sort. */
	for (i = 0; i < n; i++)
		at[c[i].width + 1]++;
	for (i = 1; i < 66; i++)
		at[i] += at[i - 1];
	for (i = 0; i < n; i++)
		sorted[at[c[i].width]++] = i;
}

uint32_t
page_dir_find(const struct page_dir *dir, uint32_t id)
{
	uint32_t lo = 0, hi = dir->n_runs, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (dir->runs[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < dir->n_runs && dir->runs[lo].id == id ? lo : dir->n_runs;
}

int
page_group_unpack(const struct page_group *g, const uint8_t *stored,
    uint8_t *raw, struct ntdb_error *err)
{
	enum compress_codec codec = (enum compress_codec)g->codec;
	size_t used;
	int e;

	if (checksum(stored, g->len) != g->crc)
		return err_set(err, NTDB_ECORRUPT,
		    "columns of a page: bad checksum");
	if (g->precision == 0)
		return compress_unpack(codec, stored, g->len, raw,
		    g->raw_len, err);
	/* The symbols go where they become the first plane. */
	if ((e = compress_unpack_head(codec, stored, g->len, raw, g->n,
	    &used, err)) != 0)
		return e;
	if (!split_unpack(raw, g->n, g->bytes, g->precision, stored + used,
	    g->len - used))
		return err_set(err, NTDB_ECORRUPT,
		    "columns of a page: bad extra bits");
	return 0;
}

void
page_run_groups(const struct page_dir *dir, const struct page_run *run,
    uint32_t *times, uint32_t *values)
{
	uint32_t c = dir->timelines[run->timeline].column;

	*times = c == PAGE_NO_COLUMN ? UINT32_MAX : dir->columns[c].group;
	c = run->column;
	*values = c == PAGE_NO_COLUMN ? UINT32_MAX : dir->columns[c].group;
}

const char *
page_coding_name(int coding)
{
	static const char *const names[] = {
		[COLUMN_CONST] = "const",
		[COLUMN_INT] = "integer",
		[COLUMN_DECIMAL] = "decimal",
		[COLUMN_MIXED] = "mixed",
		[COLUMN_RAW] = "raw",
		[COLUMN_LATTICE] = "lattice",
		[COLUMN_DICTIONARY] = "dictionary",
	};

	if (coding < 0 || (size_t)coding >= sizeof(names) / sizeof(names[0]))
		return "?";
	return names[coding];
}
