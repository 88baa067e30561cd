/*
 * The samples of a span of time, from pages and logs.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "salvage.h"

#define SLICE 1024		/* samples decoded at a time */
#define CANDIDATES 1024		/* of batches whose log has no header */

int
salvage_add(struct salvage *v, uint32_t id, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err)
{
	struct salvage_sample *s;

	if (t < v->first || t > v->last || v->full)
		return 0;
	if (v->n_samples == v->cap_samples) {
		/* One moment cannot be parted further. */
		if (v->first < v->last) {
			v->full = true;
			return 0;
		}
		s = realloc(v->samples, 2 * v->cap_samples * sizeof(*s));
		if (s == NULL)
			return err_nomem(err);
		v->samples = s;
		v->cap_samples *= 2;
	}
	s = &v->samples[v->n_samples++];
	s->id = id;
	s->t = t;
	s->m = m;
	s->scale = scale;
	s->seq = v->seq++;
	return 0;
}

/* --------------------------------------------------------------- pages */

/* A page at hand, with the groups that were unpacked last. */
struct page_read {
	const struct datafile *f;
	struct page_ref ref;
	struct page_dir dir;
	uint8_t	*raw[2];	/* owned: of times, of values */
	uint32_t group[2];	/* which; UINT32_MAX: none */
};

static int
have_group(struct page_read *p, int i, uint32_t group)
{
	const struct page_group *g;

	if (group == UINT32_MAX || p->group[i] == group)
		return 0;
	g = &p->dir.groups[group];
	free(p->raw[i]);
	p->group[i] = UINT32_MAX;
	if ((p->raw[i] = malloc(g->raw_len + 1)) == NULL)
		return NTDB_ESYS;
	if (datafile_group(p->f, &p->ref, g, p->raw[i], NULL) != 0)
		return NTDB_ECORRUPT;
	p->group[i] = group;
	return 0;
}

static int
read_run(struct salvage *v, struct page_read *p, const struct page_run *run,
    struct ntdb_error *err)
{
	const bool is_int = ntdb_type_is_int(run->type);
	int64_t t[SLICE], m[SLICE];
	uint8_t scale[SLICE];
	uint32_t from, n, i, times, values;
	int r;

	page_run_groups(&p->dir, run, &times, &values);
	if ((r = have_group(p, 0, times)) != 0 ||
	    (r = have_group(p, 1, values)) != 0)
		return r == NTDB_ESYS ? err_nomem(err) : 0;
	for (from = 0; from < run->n && !v->full; from += n) {
		n = run->n - from < SLICE ? run->n - from : SLICE;
		page_times(&p->dir, run, times == UINT32_MAX ? NULL :
		    p->raw[0], from, n, t);
		if (page_values(&p->dir, run, values == UINT32_MAX ? NULL :
		    p->raw[1], from, n, m, scale, NULL) != 0)
			return 0;
		for (i = 0; i < n; i++)
			if ((r = salvage_add(v, run->id, t[i], m[i], is_int ?
			    SALVAGE_INT : scale[i], err)) != 0)
				return r;
	}
	return 0;
}

static int
read_page(struct salvage *v, const struct datafile *f,
    const struct salvage_page *page, struct ntdb_error *err)
{
	struct page_read p = { .f = f, .group = { UINT32_MAX, UINT32_MAX } };
	uint64_t pos = page->offset;
	uint32_t i;
	int r = 0;

	/* Of a page that is cut short parts may be there. */
	if (datafile_next(f, &pos, UINT64_MAX, &p.ref, NULL) != 0)
		return 0;
	if (datafile_dir(f, &p.ref, &p.dir, NULL) == 0)
		for (i = 0; r == 0 && i < p.dir.n_runs && !v->full; i++) {
			const struct page_run *run = &p.dir.runs[i];

			if (run->t_last >= v->first && run->t_first <= v->last)
				r = read_run(v, &p, run, err);
		}
	free(p.raw[0]);
	free(p.raw[1]);
	page_dir_release(&p.dir);
	return r;
}

int
salvage_read_pages(struct salvage *v, struct ntdb_error *err)
{
	uint32_t open = UINT32_MAX;
	struct datafile f;
	uint64_t limit;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < v->n_pages && !v->full; i++) {
		const struct salvage_page *p = &v->pages[i];

		if (p->t_max < v->first || p->t_min > v->last)
			continue;
		if (open != p->file) {
			if (open != UINT32_MAX)
				datafile_close(&f);
			open = UINT32_MAX;
			if (salvage_open_file(v, v->files[p->file], &f,
			    &limit, NULL) != 0)
				continue;
			open = p->file;
		}
		r = read_page(v, &f, p, err);
	}
	if (open != UINT32_MAX)
		datafile_close(&f);
	return r;
}

/* ---------------------------------------------------------------- logs */

/*
 * The CRC of a batch goes on from what epoch and nonce have come to.  From
 * its end the way back leads there: the same for all batches of a log.
 */
static uint32_t
step_back(uint32_t crc, uint8_t byte)
{
	int bit;

	for (bit = 0; bit < 8; bit++)
		crc = (crc & 0x80000000u) != 0 ?
		    (crc ^ CHECKSUM_POLYNOMIAL) << 1 | 1 : crc << 1;
	return crc ^ byte;
}

static uint32_t
steps_back(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n > 0)
		crc = step_back(crc, p[--n]);
	return crc;
}

/* What the batch of n bytes at this offset went on from. */
static uint32_t
began_from(const uint8_t *batch, size_t n, uint64_t offset)
{
	uint8_t place[8];
	uint32_t crc = ~get_u32(batch + 12);

	put_u64(place, offset);
	crc = steps_back(crc, batch + BATCH_HEAD_LEN, n - BATCH_HEAD_LEN);
	crc = steps_back(crc, batch + 4, 8);
	return steps_back(crc, place, sizeof(place));
}

/* An epoch and a nonce that come to the same. */
static struct log_key
key_for(uint32_t crc)
{
	const uint8_t zeros[12] = { 0 };
	struct log_key key;

	key.epoch = 0;
	key.nonce = (uint64_t)(~checksum(zeros, sizeof(zeros)) ^
	    steps_back(crc, zeros, 4)) << 32;
	return key;
}

/* Two places in the bytes that may be batches, and tell the same. */
static bool
find_key(const uint8_t *p, size_t n, struct log_key *key)
{
	static const uint8_t magic[4] = { 'N', 'T', 'B', '\n' };
	uint32_t seen[CANDIDATES], n_seen = 0, k, crc;
	size_t i, len;

	for (i = 0; n_seen < CANDIDATES && n >= BATCH_HEAD_LEN &&
	    i <= n - BATCH_HEAD_LEN; i++) {
		if (memcmp(p + i, magic, sizeof(magic)) != 0)
			continue;
		len = get_u32(p + i + 4);
		if (len > BATCH_PAYLOAD_MAX || len > n - i - BATCH_HEAD_LEN)
			continue;
		crc = began_from(p + i, BATCH_HEAD_LEN + len, i);
		for (k = 0; k < n_seen; k++)
			if (seen[k] == crc) {
				*key = key_for(crc);
				return true;
			}
		seen[n_seen++] = crc;
	}
	return false;
}

/* Of a log without a valid header the beginning is looked at. */
#define LOOK_AT ((size_t)1 << 20)

static int
open_headless(const struct salvage *v, struct salvage_log *log,
    struct ntdb_error *err)
{
	bool found = false;
	uint8_t *p;
	size_t n;
	int r;

	r = io_open(v->s.dir.fd, log->name, O_RDONLY, 0, log->name, err);
	if (r < 0)
		return r;
	wal_init(&log->wal);
	log->wal.fd = r;
	if ((p = malloc(LOOK_AT)) == NULL) {
		wal_release(&log->wal);
		return err_nomem(err);
	}
	if (io_pread(log->wal.fd, p, LOOK_AT, 0, &n, log->name, NULL) == 0)
		found = find_key(p, n, &log->wal.key);
	free(p);
	log->from = 0;
	if (found)
		return 0;
	wal_release(&log->wal);
	return err_at(err, NTDB_ECORRUPT, log->name, -1, "not a log");
}

int
salvage_open_log(struct salvage *v, struct salvage_log *log,
    struct ntdb_error *err)
{
	int r;

	r = wal_open(&log->wal, v->s.dir.fd, log->name, false, log->name,
	    NULL);
	if (r == 0)
		log->from = log->wal.head.len;
	else if (r == NTDB_ECORRUPT)
		r = open_headless(v, log, err);
	return r;
}

static int
read_log(struct salvage *v, struct salvage_log *log, struct ntdb_error *err)
{
	struct wal_reader rd;
	struct record rec;
	int r = 0;

	if (log->t_max < v->first || log->t_min > v->last ||
	    salvage_open_log(v, log, NULL) != 0)
		return 0;
	wal_reader_init(&rd, &log->wal, log->from, UINT64_MAX, log->name);
	while (r == 0 && !v->full && wal_reader_next(&rd, NULL) == 0)
		while (r == 0 && batch_next(&rd.batch, &rec) == 0)
			if (rec.kind == REC_SAMPLE)
				r = salvage_add(v, rec.id, rec.t, rec.m,
				    rec.is_int ? SALVAGE_INT : rec.scale, err);
	wal_reader_release(&rd);
	wal_release(&log->wal);
	return r;
}

int
salvage_read_logs(struct salvage *v, struct ntdb_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; r == 0 && i < v->n_logs && !v->full; i++)
		r = read_log(v, &v->logs[i], err);
	return r;
}
