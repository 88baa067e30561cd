#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "compress.h"
#include "page-impl.h"
#include "tap.h"

/*
 * One page, made by hand from its description with Python's zlib and struct:
 * metric 5, int32, the values 7 9 13 7 at 1000 2000 3000 4000 ns.
 */
static const uint8_t page[] = {
	/* magic, version 1, snappy, not sealed; header of 26 bytes */
	0x4e, 0x54, 0x50, 0x47, 0x01, 0x01, 0x00, 0x1a,
	/* from 1000 to 3000 later; epoch 9 */
	0x05, 0x0d, 0x09,
	/* 4 samples, 1 run, 1 group, highest id 5 */
	0x04, 0x01, 0x01, 0x05,
	/* directory: 25 bytes, 23 unpacked; 2 bytes of groups */
	0x19, 0x17, 0x02,
	/* the directory's CRC; the header's CRC */
	0x32, 0xe4, 0x49, 0x47, 0xc4, 0xa0, 0x81, 0x68,
	/* snappy: 23 bytes, all of them one literal */
	0x17, 0x58,
	/* no features, 1 timeline, 1 column */
	0x00, 0x01, 0x01,
	/* timeline: n 4, first 1000, step 1000, usual 1, rest 0, width 0 */
	0x04, 0x00, 0x05, 0x01, 0x00, 0x00,
	/* run: id 5, timeline 0, int32, width 2, base 7, gcd 2, new column */
	0x05, 0x00, 0x01, 0x02, 0x0e, 0x01, 0x00,
	/* group: 1 column, 2 bytes, stored, CRC */
	0x01, 0x02, 0x00, 0x60, 0x71, 0xee, 0x10,
	/* residuals 0 1 3 0: plane 0, plane 1 */
	0x06, 0x04
};

/* Where its parts are. */
#define HEAD_LEN 26
#define DIR_AT (HEAD_LEN + 2)
#define DIR_LEN 23
#define GROUP_AT (DIR_AT + DIR_LEN)

static const int64_t times[] = { 1000, 2000, 3000, 4000 };
static const int64_t values[] = { 7, 9, 13, 7 };

static uint64_t seed = 0xa0761d6478bd642f;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Whether two runs and what belongs to them are the same. */
static bool
same_run(const struct page_dir *a, const struct page_run *x,
    const struct page_dir *b, const struct page_run *y)
{
	uint32_t i;

	if (x->id != y->id || x->n != y->n || x->timeline != y->timeline ||
	    x->type != y->type || x->coding != y->coding ||
	    x->t_first != y->t_first || x->t_last != y->t_last ||
	    x->scale != y->scale || x->order != y->order ||
	    x->width != y->width || x->base != y->base || x->gcd != y->gcd ||
	    x->column != y->column || x->n_exc != y->n_exc ||
	    x->has_stats != y->has_stats)
		return false;
	if (x->has_stats && memcmp(&a->stats[x->stats], &b->stats[y->stats],
	    sizeof(*a->stats)) != 0)
		return false;
	for (i = 0; i < x->n_exc; i++) {
		const struct page_exception *e = a->exceptions + x->exc_at + i;
		const struct page_exception *f = b->exceptions + y->exc_at + i;

		if (e->index != f->index || e->scale != f->scale ||
		    e->m != f->m)
			return false;
	}
	return true;
}

/*
 * Whether the directory of some metrics has the runs of those from the whole
 * one, in this order, and the columns where they are.
 */
static bool
some_agree(const struct page_head *h, const uint8_t *packed,
    const struct page_dir *all, const uint32_t *ids, size_t n_ids)
{
	struct page_dir some;
	uint32_t i, k = 0;
	size_t w;
	bool good;

	good = page_dir_unpack_some(h, packed, ids, n_ids, &some, NULL) == 0;
	for (i = 0; good && i < all->n_runs; i++) {
		for (w = 0; w < n_ids && ids[w] != all->runs[i].id; w++)
			;
		if (w < n_ids)
			good = k < some.n_runs && same_run(all, &all->runs[i],
			    &some, &some.runs[k++]);
	}
	good = good && k == some.n_runs;
	if (good && k > 0)
		good = some.n_groups == all->n_groups &&
		    some.n_columns == all->n_columns &&
		    memcmp(some.columns, all->columns, some.n_columns *
		    sizeof(*some.columns)) == 0 && memcmp(some.timelines,
		    all->timelines, some.n_timelines *
		    sizeof(*some.timelines)) == 0;
	page_dir_release(&some);
	return good;
}

static int some_differ;		/* what test_some counts */

/* Ask for random metrics of a page, some of which it may not have. */
static void
try_some(const struct page_head *h, const uint8_t *packed,
    const struct page_dir *all, bool whole)
{
	struct page_dir some;
	uint32_t ids[16], id = (uint32_t)(rnd() % 3);
	size_t n = 0;

	for (; id <= h->max_id + 2 && n < 16; id += 1 + (uint32_t)(rnd() % 4))
		ids[n++] = id;
	if (whole) {
		some_differ += !some_agree(h, packed, all, ids, n);
		return;
	}
	/* Of a damaged one it is enough that nothing bad happens. */
	page_dir_unpack_some(h, packed, ids, n, &some, NULL);
	page_dir_release(&some);
}

/* Read all there is in a page; 0 or the first failure. */
static int
read_page(const uint8_t *p, size_t len)
{
	struct page_head h;
	struct page_dir d;
	uint8_t *raw[64] = { NULL }, s[512];
	int64_t t[512], m[512];
	uint32_t i, gt, gv;
	int r;

	memset(&d, 0, sizeof(d));
	if ((r = page_head_unpack(p, len, &h, NULL)) != 0)
		return r;
	if (h.len != len)
		return NTDB_ECORRUPT;
	r = page_dir_unpack(&h, p + h.head_len, &d, NULL);
	try_some(&h, p + h.head_len, &d, r == 0);
	for (i = 0; r == 0 && i < d.n_groups && i < 64; i++) {
		raw[i] = malloc(d.groups[i].raw_len + (size_t)1);
		if (raw[i] == NULL)
			bail("out of memory");
		r = page_group_unpack(&d.groups[i], p + d.groups[i].offset,
		    raw[i], NULL);
	}
	for (i = 0; r == 0 && i < d.n_runs; i++) {
		uint32_t n = d.runs[i].n < 512 ? d.runs[i].n : 512;

		page_run_groups(&d, &d.runs[i], &gt, &gv);
		if ((gt < UINT32_MAX && gt >= 64) ||
		    (gv < UINT32_MAX && gv >= 64))
			continue;
		page_times(&d, &d.runs[i], gt == UINT32_MAX ? NULL : raw[gt],
		    d.runs[i].n - n, n, t);
		r = page_values(&d, &d.runs[i],
		    gv == UINT32_MAX ? NULL : raw[gv], d.runs[i].n - n, n, m,
		    s, NULL);
	}
	for (i = 0; i < 64; i++)
		free(raw[i]);
	page_dir_release(&d);
	return r;
}

static void
test_by_hand(void)
{
	struct page_head h;
	struct page_dir d;
	uint8_t raw[2];
	int64_t t[4], m[4];

	is_int(page_head_unpack(page, sizeof(page), &h, NULL), 0, "by hand: header");
	is_int(page_dir_unpack(&h, page + HEAD_LEN, &d, NULL), 0,
	    "by hand: directory");
	is_int((int64_t)d.groups[0].offset, GROUP_AT, "by hand: the group");
	is_int(page_group_unpack(&d.groups[0], page + GROUP_AT, raw, NULL), 0,
	    "by hand: its checksum");
	page_times(&d, &d.runs[0], NULL, 0, 4, t);
	is_mem(t, sizeof(t), times, sizeof(times), "by hand: times");
	is_int(page_values(&d, &d.runs[0], raw, 0, 4, m, NULL, NULL), 0,
	    "by hand: values are read");
	is_mem(m, sizeof(m), values, sizeof(values), "by hand: values");
	is_str(page_coding_name(d.runs[0].coding), "integer",
	    "by hand: coding");
	page_dir_release(&d);
}

static void
test_written(struct page_packer *pk)
{
	struct page_run_in in = { 5, NTDB_INT32, 4, times, values, NULL };
	struct buf out = BUF_INIT;

	is_int(page_pack(pk, &in, 1, 9, false, PAGE_SNAPPY, &out, NULL), 0,
	    "it can be written");
	is_mem(out.data, out.len, page, sizeof(page), "byte by byte");
	buf_release(&out);
}

static void
test_flips(void)
{
	uint8_t p[sizeof(page)];
	size_t i;
	int missed = 0;

	for (i = 0; i < 8 * sizeof(page); i++) {
		memcpy(p, page, sizeof(p));
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		missed += read_page(p, sizeof(p)) != NTDB_ECORRUPT;
	}
	is_int(missed, 0, "each flipped bit is noticed");
}

/* The page with a header changed in one byte, and a right checksum. */
static int
with_head(size_t at, uint8_t byte)
{
	uint8_t p[sizeof(page)];

	memcpy(p, page, sizeof(p));
	p[at] = byte;
	put_u32(p + HEAD_LEN - 4, checksum(p, HEAD_LEN - 4));
	return read_page(p, sizeof(p));
}

/* A page with another plain directory, its checksums and lengths right. */
static int
with_dir(const struct page_head *head, const uint8_t *dir, size_t len,
    const uint8_t *groups, size_t groups_len)
{
	struct compressor z = { NULL };
	struct page_head h = *head;
	struct buf b = BUF_INIT;
	uint8_t *copy;
	int r;

	buf_extend(&b, PAGE_HEAD_MAX);
	if (compress_pack(&z, COMPRESS_SNAPPY, dir, len, &b, NULL) != 0)
		bail("out of memory");
	h.codec = PAGE_SNAPPY;
	h.dir_raw_len = (uint32_t)len;
	h.dir_len = (uint32_t)(b.len - PAGE_HEAD_MAX);
	h.dir_crc = checksum(b.data + PAGE_HEAD_MAX, h.dir_len);
	buf_add(&b, groups, groups_len);
	page_head_pack(&h, groups_len, b.data);
	memmove(b.data + h.head_len, b.data + PAGE_HEAD_MAX,
	    b.len - PAGE_HEAD_MAX);
	b.len = (size_t)h.len;
	/* A block of just this size shows reads beyond it. */
	if ((copy = malloc(b.len)) == NULL)
		bail("out of memory");
	memcpy(copy, b.data, b.len);
	r = read_page(copy, b.len);
	free(copy);
	buf_release(&b);
	return r;
}

static void
test_heads(void)
{
	is_int(with_head(4, 2), NTDB_EVERSION, "another version");
	is_int(with_head(5, 3), NTDB_EVERSION, "another codec");
	is_int(with_head(6, 2), NTDB_ECORRUPT, "a reserved bit");
	is_int(with_head(7, 25), NTDB_ECORRUPT, "a header too short");
	is_int(with_head(7, 97), NTDB_ECORRUPT, "one too long");
	is_int(with_head(7, 27), NTDB_ECORRUPT, "another length of it");
	is_int(with_head(8, 0x85), NTDB_ECORRUPT, "a number too many");
	is_int(with_head(9, 9), NTDB_ECORRUPT, "another last time");
	is_int(with_head(9, 3), NTDB_ECORRUPT, "a number too few");
	is_int(with_head(11, 3), NTDB_ECORRUPT, "another count of samples");
	is_int(with_head(12, 5), NTDB_ECORRUPT, "more runs than samples");
	is_int(with_head(13, 3), NTDB_ECORRUPT, "too many groups");
	is_int(with_head(13, 0), NTDB_ECORRUPT, "bytes of no groups");
	is_int(with_head(14, 4), NTDB_ECORRUPT, "another highest id");
	is_int(with_head(15, 0), NTDB_ECORRUPT, "no directory");
	is_int(with_head(16, 0x18), NTDB_ECORRUPT,
	    "another length of the directory");
	is_int(with_head(17, 3), NTDB_ECORRUPT, "another length");
}

/* The hand-made directory with byte `at' changed. */
static int
with_byte(size_t at, uint8_t byte)
{
	struct page_head h;
	uint8_t dir[DIR_LEN];

	page_head_unpack(page, sizeof(page), &h, NULL);
	memcpy(dir, page + DIR_AT, sizeof(dir));
	dir[at] = byte;
	return with_dir(&h, dir, sizeof(dir), page + GROUP_AT, 2);
}

/* The hand-made directory with a byte behind it. */
static int
with_tail(void)
{
	struct page_head h;
	uint8_t dir[DIR_LEN + 1] = { 0 };

	page_head_unpack(page, sizeof(page), &h, NULL);
	memcpy(dir, page + DIR_AT, DIR_LEN);
	return with_dir(&h, dir, sizeof(dir), page + GROUP_AT, 2);
}

static void
test_dirs(void)
{
	is_int(with_tail(), NTDB_ECORRUPT, "a byte too many");
	is_int(with_byte(0, 0), 0, "unchanged");
	is_int(with_byte(0, 1), NTDB_EVERSION, "a feature");
	is_int(with_byte(11, 0x21), 0, "order 1 of 4 residuals fits too");
	is_int(with_byte(11, 0x81), NTDB_EVERSION, "another form");
	is_int(with_byte(11, 0x51), NTDB_EVERSION,
	    "a dictionary of a lattice");
	is_int(with_byte(11, 0x1b), NTDB_EVERSION,
	    "a dictionary with exceptions");
	is_int(with_byte(11, 0x11), NTDB_ECORRUPT,
	    "a dictionary of one value");
	is_int(with_byte(11, 0x41), NTDB_ECORRUPT,
	    "a lattice of modulus 0");
	is_int(with_byte(11, 0x05), NTDB_EVERSION, "another type");
	is_int(with_byte(11, 0x00), NTDB_ECORRUPT, "no type");
	is_int(with_byte(11, 0x09), NTDB_ECORRUPT,
	    "exceptions among integers");
	is_int(with_byte(12, 65), NTDB_ECORRUPT, "65 bits");
	is_int(with_byte(12, 3), NTDB_ECORRUPT, "a group too short");
	is_int(with_byte(10, 2), NTDB_ECORRUPT, "times that are not there");
	is_int(with_byte(15, 1), NTDB_ECORRUPT, "a column before the first");
	is_int(with_byte(18, 3), NTDB_EVERSION, "another compression");
	is_int(with_byte(18, 57 * 4), NTDB_EVERSION, "another layout");
	is_int(with_byte(18, 1 * 4), NTDB_ECORRUPT,
	    "byte planes of another length");
	is_int(with_byte(18, 9 * 4 + 1), NTDB_ECORRUPT,
	    "symbols in Snappy");
	is_int(with_byte(2, 2), NTDB_ECORRUPT, "a column that is not there");
}

/* A directory with something of everything, and its groups. */
static size_t
make_rich(struct page_packer *pk, enum page_codec codec, struct page_head *h,
    uint8_t **plain, struct buf *out)
{
	static int64_t t[300], m[8][300];
	static uint8_t s[8][300];
	struct page_run_in in[8];
	uint32_t i, k;

	for (k = 0; k < 8; k++) {
		for (i = 0; i < 300; i++) {
			t[i] = (int64_t)(rnd() % 1000);
			m[k][i] = (int64_t)(rnd() % 5000);
			/* Few large numbers, and 1/30 in hundredths. */
			if (k == 6) {
				m[k][i] %= 29;
				m[k][i] *= m[k][i] * m[k][i] * 7919 + 31;
			}
			if (k == 7)
				m[k][i] = m[k][i] * 10 / 3;
			s[k][i] = (uint8_t)(k == 3 && i % 50 == 0 ? 255 : 2);
			if (k == 4) {
				s[k][i] = 255;
				m[k][i] = as_i64(rnd());
			}
		}
		in[k] = (struct page_run_in){ k, k < 2 ? NTDB_INT64 :
		    NTDB_FLOAT64, k == 5 ? 20 : 300, t, m[k],
		    k < 2 ? NULL : s[k] };
	}
	for (i = 1; i < 300; i++)
		t[i] += t[i - 1];
	if (page_pack(pk, in, 8, 1, false, codec, out, NULL) != 0 ||
	    page_head_unpack(out->data, out->len, h, NULL) != 0 ||
	    (*plain = malloc(h->dir_raw_len)) == NULL ||
	    compress_unpack((enum compress_codec)codec,
	    out->data + h->head_len, h->dir_len, *plain, h->dir_raw_len, NULL) != 0)
		bail("cannot make a page");
	return h->head_len + h->dir_len;
}

/* Pages of all kinds of runs, several of a metric, and gaps among the ids. */
static void
test_some(struct page_packer *pk)
{
	static int64_t t[40][300], m[40][300];
	static uint8_t s[40][300];
	struct page_run_in in[40];
	struct buf out = BUF_INIT;
	uint32_t i, k, id, n;
	int round;

	some_differ = 0;
	for (round = 0; round < 300; round++) {
		n = 1 + (uint32_t)(rnd() % 40);
		for (id = k = 0; k < n; k++) {
			int kind = (int)(rnd() % 5);

			id += (uint32_t)(rnd() % 3);
			for (i = 0; i < 300; i++) {
				t[k][i] = i == 0 ? k : t[k][i - 1] +
				    (rnd() % 2 ? 1 : (int64_t)(rnd() % 99));
				m[k][i] = kind == 0 ? 7 :
				    as_i64(rnd() >> rnd() % 64) % 100000;
				s[k][i] = (uint8_t)(kind == 3 && i % 70 == 9 ?
				    255 : kind == 4 ? 255 : 2);
			}
			in[k] = (struct page_run_in){ id, kind < 2 ?
			    NTDB_INT64 : NTDB_FLOAT64, rnd() % 2 ? 300 :
			    (size_t)(1 + rnd() % 200), t[rnd() % (k + 1)],
			    m[k], kind < 2 ? NULL : s[k] };
			if (k > 0 && id == in[k - 1].id)
				in[k].t = t[k];
		}
		out.len = 0;
		if (page_pack(pk, in, n, 1, false, rnd() % 2 ? PAGE_SNAPPY :
		    PAGE_DEFLATE, &out, NULL) != 0)
			bail("cannot make a page");
		read_page(out.data, out.len);
	}
	is_int(some_differ, 0, "the runs of some metrics are those of all");
	buf_release(&out);
}

static void
test_hostile(struct page_packer *pk, enum page_codec codec)
{
	struct buf out = BUF_INIT;
	struct page_head h;
	uint8_t *plain, *copy;
	size_t at = make_rich(pk, codec, &h, &plain, &out), i;
	int r, k, missed = 0, strange = 0;

	for (i = 0; i < h.dir_raw_len; i++)
		missed += with_dir(&h, plain, i, out.data + at,
		    out.len - at) != NTDB_ECORRUPT;
	is_int(missed, 0, "a directory cut short anywhere");
	is_int(with_dir(&h, plain, h.dir_raw_len, out.data + at,
	    out.len - at), 0, "and whole");
	if ((copy = malloc(h.dir_raw_len)) == NULL)
		bail("out of memory");
	for (k = 0; k < 20000; k++) {
		memcpy(copy, plain, h.dir_raw_len);
		for (i = 0; i <= rnd() % 3; i++)
			copy[rnd() % h.dir_raw_len] =
			    rnd() % 2 == 0 ? (uint8_t)rnd() : 0xff;
		r = with_dir(&h, copy, h.dir_raw_len, out.data + at,
		    out.len - at);
		strange += r != 0 && r != NTDB_ECORRUPT && r != NTDB_EVERSION;
	}
	is_int(strange, 0, "hostile directories do no harm");
	is_int(some_differ, 0, "to the runs of some metrics neither");
	free(copy);
	free(plain);
	buf_release(&out);
}

/* The codings that a page has, as bits. */
static unsigned
codings(const struct page_dir *d)
{
	unsigned found = 0;
	uint32_t i;

	for (i = 0; i < d->n_runs; i++)
		found |= 1u << d->runs[i].coding;
	return found;
}

/* Groups that are not what they should be, their checksums right. */
static void
test_hostile_groups(struct page_packer *pk)
{
	struct buf out = BUF_INIT;
	struct page_head h;
	struct page_dir d;
	uint8_t *plain, *copy;
	size_t at = make_rich(pk, PAGE_DEFLATE, &h, &plain, &out), i;
	int r, k, strange = 0, noticed = 0;

	if (page_dir_unpack(&h, out.data + h.head_len, &d, NULL) != 0 ||
	    (copy = malloc(out.len)) == NULL)
		bail("cannot read a page");
	is_int(codings(&d), 1u << COLUMN_INT | 1u << COLUMN_DECIMAL |
	    1u << COLUMN_MIXED | 1u << COLUMN_RAW | 1u << COLUMN_DICTIONARY |
	    1u << COLUMN_LATTICE, "all codings are in the page");
	for (k = 0; k < 20000; k++) {
		uint32_t g = (uint32_t)(rnd() % d.n_groups);
		const struct page_group *group = &d.groups[g];

		memcpy(copy, out.data + at, out.len - at);
		for (i = 0; i <= rnd() % 3; i++)
			copy[group->offset - at + rnd() % group->len] =
			    (uint8_t)rnd();
		put_u32(plain + h.dir_raw_len - 4 * (d.n_groups - g),
		    checksum(copy + group->offset - at, group->len));
		r = with_dir(&h, plain, h.dir_raw_len, copy, out.len - at);
		noticed += r == NTDB_ECORRUPT;
		strange += r != 0 && r != NTDB_ECORRUPT;
		put_u32(plain + h.dir_raw_len - 4 * (d.n_groups - g),
		    group->crc);
	}
	is_int(strange, 0, "hostile groups do no harm");
	ok(noticed > 1000, "and many are noticed");
	page_dir_release(&d);
	free(copy);
	free(plain);
	buf_release(&out);
}

int
main(void)
{
	struct page_packer *pk;

	plan(61);
	diag("seed %llx", (unsigned long long)seed);
	if (page_packer_new(&pk, NULL) != 0)
		bail("out of memory");
	test_by_hand();
	test_written(pk);
	test_flips();
	test_heads();
	test_dirs();
	test_some(pk);
	test_hostile(pk, PAGE_SNAPPY);
	test_hostile(pk, PAGE_DEFLATE);
	test_hostile_groups(pk);
	page_packer_free(pk);
	return done_testing();
}
