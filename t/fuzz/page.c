/*
 * Pages and their directories.  Input: a byte of flags, the numbers of a
 * header, the length of a plain directory (2), the directory, the groups.
 * The directory is packed, and all checksums are made right.
 *
 *   - A run that verifies has times in order, and any part of it reads as the
 *     whole does.
 *   - The directory of some metrics is that of all, without the others.
 *   - A page of which all runs verify holds the same when it is packed anew.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "column.h"
#include "fuzz.h"
#include "number.h"
#include "page-impl.h"
#include "verify.h"

#define DECODED_MAX 65536	/* samples of a page that are looked at */

struct page {
	struct page_head h;
	struct page_dir d;
	uint8_t	*bytes;			/* all of it */
	const uint8_t *packed;		/* its directory */
	uint8_t	**raw;			/* groups; NULL: not valid */
	struct verify *v;
};

/* Make the page that an input means; NULL: there is no room for one. */
static uint8_t *
make_page(struct input *in, struct page_head *h)
{
	struct compressor z = { NULL };
	struct buf b = BUF_INIT;
	uint8_t flags = in_u8(in), *p;
	struct input dir;

	memset(h, 0, sizeof(*h));
	h->codec = flags & 1 ? PAGE_DEFLATE : PAGE_SNAPPY;
	h->sealed = (flags & 2) != 0;
	h->t_min = as_i64(in_u64(in));
	h->t_max = as_i64((uint64_t)h->t_min + in_u64(in));
	h->epoch = in_u8(in);
	h->n_samples = in_u16(in);
	h->n_runs = in_u8(in);
	h->n_groups = in_u8(in);
	h->max_id = in_u32(in);
	dir = in_part(in, in_u16(in));
	h->dir_raw_len = (uint32_t)dir.n;
	buf_extend(&b, PAGE_HEAD_MAX);
	must(compress_pack(&z, (enum compress_codec)h->codec, dir.at, dir.n,
	    &b, NULL) == 0);
	compressor_release(&z);
	h->dir_len = (uint32_t)(b.len - PAGE_HEAD_MAX);
	h->dir_crc = checksum(b.data + PAGE_HEAD_MAX, h->dir_len);
	buf_add(&b, in->at, in->n);
	page_head_pack(h, in->n, b.data);
	memmove(b.data + h->head_len, b.data + PAGE_HEAD_MAX,
	    b.len - PAGE_HEAD_MAX);
	p = fuzz_copy(b.data, (size_t)h->len);
	buf_release(&b);
	return p;
}

/* A header from bytes as they are, but for its checksum. */
static void
try_head(struct input in)
{
	uint8_t *p = fuzz_copy(in.at, in.n), packed[PAGE_HEAD_MAX];
	struct page_head h, again;
	size_t len;
	int r;

	if (in.n >= PAGE_HEAD_MIN) {
		len = in.n < PAGE_HEAD_MAX ? in.n : PAGE_HEAD_MAX;
		if (p[7] >= PAGE_HEAD_MIN && p[7] < len)
			len = p[7];
		p[7] = (uint8_t)len;
		put_u32(p + len - 4, checksum(p, len - 4));
	}
	r = page_head_unpack(p, in.n, &h, NULL);
	must(r == 0 || r == NTDB_ECORRUPT || r == NTDB_EVERSION);
	if (r == 0) {
		must(h.t_min <= h.t_max && h.n_runs >= 1 &&
		    h.n_runs <= h.n_samples && h.len >= h.head_len);
		again = h;
		page_head_pack(&again, h.len - h.head_len - h.dir_len,
		    packed);
		must(page_head_unpack(packed, sizeof(packed), &again,
		    NULL) == 0);
		must(again.t_min == h.t_min && again.t_max == h.t_max &&
		    again.epoch == h.epoch && again.max_id == h.max_id &&
		    again.n_samples == h.n_samples &&
		    again.sealed == h.sealed && again.codec == h.codec);
	}
	free(p);
}

static void
unpack_groups(struct page *pg)
{
	struct page_group *g;
	uint32_t i;

	pg->raw = fuzz_alloc(pg->d.n_groups * sizeof(pg->raw[0]));
	for (i = 0; i < pg->d.n_groups; i++) {
		g = &pg->d.groups[i];
		must(g->offset >= pg->h.head_len + pg->h.dir_len &&
		    g->offset + g->len <= pg->h.len);
		must(g->raw_len <= PAGE_GROUP_MAX);
		g->crc = checksum(pg->bytes + g->offset, g->len);
		pg->raw[i] = fuzz_alloc(g->raw_len);
		if (page_group_unpack(g, pg->bytes + g->offset, pg->raw[i],
		    NULL) != 0) {
			free(pg->raw[i]);
			pg->raw[i] = NULL;
		}
	}
}

/* The groups that a run needs; false: one of them is not valid. */
static bool
groups_of(const struct page *pg, const struct page_run *run,
    const uint8_t **times, const uint8_t **values)
{
	uint32_t t, v;

	page_run_groups(&pg->d, run, &t, &v);
	must(t == UINT32_MAX || t < pg->d.n_groups);
	must(v == UINT32_MAX || v < pg->d.n_groups);
	*times = t == UINT32_MAX ? NULL : pg->raw[t];
	*values = v == UINT32_MAX ? NULL : pg->raw[v];
	return (t == UINT32_MAX || *times != NULL) &&
	    (v == UINT32_MAX || *values != NULL);
}

/* Part of a run reads as it does within all of it. */
static void
check_part(const struct page *pg, const struct page_run *run,
    const uint8_t *times, const uint8_t *values, const int64_t *t,
    const int64_t *m, const uint8_t *scale)
{
	uint32_t from = run->n / 3, n = (run->n - from + 1) / 2, i;
	int64_t part_t[512], part_m[512];
	uint8_t part_s[512];

	if (n > 512)
		n = 512;
	page_times(&pg->d, run, times, from, n, part_t);
	must(page_values(&pg->d, run, values, from, n, part_m, part_s,
	    NULL) == 0);
	for (i = 0; i < n; i++) {
		must(part_t[i] == t[from + i] && part_m[i] == m[from + i]);
		must(ntdb_type_is_int(run->type) ||
		    part_s[i] == scale[from + i]);
	}
}

/* Decode a run; true if it verifies. */
static bool
read_run(const struct page *pg, const struct page_run *run, int64_t *t,
    int64_t *m, uint8_t *scale)
{
	const uint8_t *times, *values;
	uint32_t i;
	int r;

	must(run->n >= 1 && run->id <= pg->h.max_id);
	must(pg->h.t_min <= run->t_first && run->t_last <= pg->h.t_max);
	must(page_coding_name(run->coding)[0] != '?');
	if (!groups_of(pg, run, &times, &values))
		return false;
	page_times(&pg->d, run, times, 0, run->n, t);
	must(t[0] == run->t_first);
	memset(scale, 0, run->n);
	r = page_values(&pg->d, run, values, 0, run->n, m,
	    ntdb_type_is_int(run->type) ? NULL : scale, NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	if (r != 0)
		return false;
	for (i = 0; !ntdb_type_is_int(run->type) && i < run->n; i++)
		must(scale[i] == DEC_RAW || (scale[i] <= DEC_SCALE_MAX &&
		    m[i] <= DEC_M_MAX && m[i] >= -DEC_M_MAX));
	check_part(pg, run, times, values, t, m, scale);
	if (verify_run(pg->v, &pg->d, run, times, values, NULL) != 0)
		return false;
	for (i = 1; i < run->n; i++)
		must(t[i - 1] <= t[i]);
	must(t[run->n - 1] == run->t_last);
	return true;
}

/* Every second metric, and some that are not there. */
static void
check_some(const struct page *pg)
{
	struct page_dir some;
	uint32_t ids[64], i, k;
	size_t n = 0;

	for (i = 0; i < pg->d.n_runs && n < 62; i += 2)
		if (n == 0 || ids[n - 1] < pg->d.runs[i].id)
			ids[n++] = pg->d.runs[i].id;
	if (ids[n - 1] < UINT32_MAX)
		ids[n++] = UINT32_MAX;
	must(page_dir_unpack_some(&pg->h, pg->packed, ids, n, &some,
	    NULL) == 0);
	for (i = k = 0; i < some.n_runs; i++, k++) {
		while (k < pg->d.n_runs &&
		    pg->d.runs[k].id != some.runs[i].id)
			k++;
		must(k < pg->d.n_runs);
		must(some.runs[i].n == pg->d.runs[k].n &&
		    some.runs[i].t_first == pg->d.runs[k].t_first &&
		    some.runs[i].column == pg->d.runs[k].column &&
		    some.runs[i].base == pg->d.runs[k].base &&
		    some.runs[i].gcd == pg->d.runs[k].gcd &&
		    some.runs[i].n_exc == pg->d.runs[k].n_exc &&
		    some.runs[i].n_dict == pg->d.runs[k].n_dict);
	}
	must(page_dir_find(&pg->d, pg->d.runs[0].id) == 0);
	page_dir_release(&some);
}

/* The page that page_pack makes of the samples of this one. */
static void
pack_again(const struct page *pg, const struct page_run_in *runs)
{
	struct page_packer *pk;
	struct buf out = BUF_INIT;
	struct page_head h;
	struct page_dir d;
	uint32_t i, n = 0;

	must(page_packer_new(&pk, NULL) == 0);
	must(page_pack(pk, runs, pg->d.n_runs, pg->h.epoch, pg->h.sealed,
	    (enum page_codec)pg->h.codec, &out, NULL) == 0);
	must(page_head_unpack(out.data, out.len, &h, NULL) == 0);
	must(h.len == out.len && h.n_samples == pg->h.n_samples &&
	    h.t_min == pg->h.t_min && h.t_max == pg->h.t_max &&
	    h.max_id == pg->h.max_id);
	must(page_dir_unpack(&h, out.data + h.head_len, &d, NULL) == 0);
	for (i = 0; i < d.n_runs; i++)
		n += d.runs[i].n;
	must(n == pg->h.n_samples);
	page_dir_release(&d);
	page_packer_free(pk);
	buf_release(&out);
}

static void
read_runs(const struct page *pg)
{
	struct page_run_in *in = fuzz_alloc(pg->d.n_runs * sizeof(in[0]));
	int64_t *t = fuzz_alloc(pg->h.n_samples * sizeof(t[0]));
	int64_t *m = fuzz_alloc(pg->h.n_samples * sizeof(m[0]));
	uint8_t *scale = fuzz_alloc(pg->h.n_samples);
	const struct page_run *run;
	bool good = true;
	uint32_t i;
	size_t at = 0;

	for (i = 0; i < pg->d.n_runs; i++, at += run->n) {
		run = &pg->d.runs[i];
		must(i == 0 || run[-1].id <= run->id);
		good &= read_run(pg, run, t + at, m + at, scale + at);
		in[i] = (struct page_run_in){ run->id, run->type, run->n,
		    t + at, m + at, ntdb_type_is_int(run->type) ? NULL :
		    scale + at };
	}
	must(at == pg->h.n_samples);
	if (good)
		pack_again(pg, in);
	free(in);
	free(t);
	free(m);
	free(scale);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verify v;
	struct input in = { data, size };
	struct page pg;
	uint32_t i;
	int r;

	if (size > 0 && (data[0] & 0x80)) {
		in_u8(&in);
		try_head(in);
		return 0;
	}
	pg.v = &v;
	pg.bytes = make_page(&in, &pg.h);
	r = page_head_unpack(pg.bytes, (size_t)pg.h.len, &pg.h, NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	if (r == 0) {
		pg.packed = pg.bytes + pg.h.head_len;
		r = page_dir_unpack(&pg.h, pg.packed, &pg.d, NULL);
		must(r == 0 || r == NTDB_ECORRUPT || r == NTDB_EVERSION);
		if (r == 0) {
			unpack_groups(&pg);
			check_some(&pg);
			if (pg.h.n_samples <= DECODED_MAX)
				read_runs(&pg);
			for (i = 0; i < pg.d.n_groups; i++)
				free(pg.raw[i]);
			free(pg.raw);
		}
		page_dir_release(&pg.d);
	}
	free(pg.bytes);
	return 0;
}
