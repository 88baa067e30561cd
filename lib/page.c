#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "page-impl.h"

/* Where the fields of a header are. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_CODEC = 5,
	AT_FLAGS = 6,
	AT_LEN = 8,
	AT_EPOCH = 16,
	AT_T_MIN = 24,
	AT_T_MAX = 32,
	AT_N_SAMPLES = 40,
	AT_N_RUNS = 44,
	AT_N_GROUPS = 48,
	AT_MAX_ID = 52,
	AT_DIR_LEN = 56,
	AT_DIR_RAW_LEN = 60,
	AT_DIR_CRC = 64,
	AT_CRC = 68
};

#define VERSION 1
#define FLAG_SEALED 1

static const uint8_t magic[4] = { 'N', 'T', 'P', 'G' };

void
page_head_pack(const struct page_head *h, uint8_t p[PAGE_HEAD_LEN])
{
	memcpy(p + AT_MAGIC, magic, sizeof(magic));
	p[AT_VERSION] = VERSION;
	p[AT_CODEC] = h->codec;
	put_u16(p + AT_FLAGS, h->sealed ? FLAG_SEALED : 0);
	put_u64(p + AT_LEN, h->len);
	put_u64(p + AT_EPOCH, h->epoch);
	put_u64(p + AT_T_MIN, (uint64_t)h->t_min);
	put_u64(p + AT_T_MAX, (uint64_t)h->t_max);
	put_u32(p + AT_N_SAMPLES, h->n_samples);
	put_u32(p + AT_N_RUNS, h->n_runs);
	put_u32(p + AT_N_GROUPS, h->n_groups);
	put_u32(p + AT_MAX_ID, h->max_id);
	put_u32(p + AT_DIR_LEN, h->dir_len);
	put_u32(p + AT_DIR_RAW_LEN, h->dir_raw_len);
	put_u32(p + AT_DIR_CRC, h->dir_crc);
	put_u32(p + AT_CRC, checksum(p, AT_CRC));
}

/* Whether the fields of a header agree with each other. */
static bool
head_plausible(const struct page_head *h)
{
	if (h->len < PAGE_HEAD_LEN || h->len - PAGE_HEAD_LEN < h->dir_len)
		return false;
	if (h->len - PAGE_HEAD_LEN - h->dir_len >
	    (uint64_t)h->n_groups * PAGE_GROUP_MAX)
		return false;
	if (h->t_min > h->t_max || h->dir_len == 0)
		return false;
	return h->n_samples >= 1 && h->n_samples <= PAGE_SAMPLES_MAX &&
	    h->n_runs >= 1 && h->n_runs <= h->n_samples &&
	    h->n_groups <= 2 * h->n_runs;
}

int
page_head_unpack(const uint8_t p[PAGE_HEAD_LEN], struct page_head *h,
    struct ntdb_error *err)
{
	uint16_t flags = get_u16(p + AT_FLAGS);

	memset(h, 0, sizeof(*h));
	if (memcmp(p + AT_MAGIC, magic, sizeof(magic)) != 0)
		return err_set(err, NTDB_ECORRUPT, "not a page");
	if (get_u32(p + AT_CRC) != checksum(p, AT_CRC))
		return err_set(err, NTDB_ECORRUPT,
		    "page header: bad checksum");
	if (p[AT_VERSION] != VERSION)
		return err_set(err, NTDB_EVERSION,
		    "page of unknown version %d", p[AT_VERSION]);
	if (p[AT_CODEC] != PAGE_SNAPPY && p[AT_CODEC] != PAGE_DEFLATE)
		return err_set(err, NTDB_EVERSION,
		    "page of unknown codec %d", p[AT_CODEC]);
	h->codec = p[AT_CODEC];
	h->sealed = (flags & FLAG_SEALED) != 0;
	h->len = get_u64(p + AT_LEN);
	h->epoch = get_u64(p + AT_EPOCH);
	h->t_min = as_i64(get_u64(p + AT_T_MIN));
	h->t_max = as_i64(get_u64(p + AT_T_MAX));
	h->n_samples = get_u32(p + AT_N_SAMPLES);
	h->n_runs = get_u32(p + AT_N_RUNS);
	h->n_groups = get_u32(p + AT_N_GROUPS);
	h->max_id = get_u32(p + AT_MAX_ID);
	h->dir_len = get_u32(p + AT_DIR_LEN);
	h->dir_raw_len = get_u32(p + AT_DIR_RAW_LEN);
	h->dir_crc = get_u32(p + AT_DIR_CRC);
	if ((flags & ~FLAG_SEALED) != 0 || !head_plausible(h))
		return err_set(err, NTDB_ECORRUPT,
		    "page header: impossible values");
	return 0;
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
