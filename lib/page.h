/*
 * Floor 3.  Pages: the unit that data files are made of (ntdb-format(5)).
 *
 * A page holds runs: each the samples of one metric, in order of time.  It is
 * a header of up to PAGE_HEAD_MAX bytes, a packed directory, and groups of
 * columns; each of the three has its own CRC-32.  The header alone tells if a
 * page concerns a time range; header and directory alone whether they concern
 * a metric, and what its statistics are; one run costs the one or two groups
 * that its columns are in.  Everything here is bytes in, bytes out.
 */
#ifndef NTDB_PAGE_H
#define NTDB_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "lattice.h"
#include "ntdb.h"

#define PAGE_HEAD_MAX 96		/* bytes of a header, */
#define PAGE_HEAD_MIN 26		/* at most and at least */
#define PAGE_SAMPLES_MAX (1u << 24)	/* in a page */
#define PAGE_STATS_MIN 128		/* runs from here on have statistics, */
#define PAGE_STATS_FAR_MIN 1024		/* if they are stored as doubles */
#define PAGE_RUN_MAX 8192		/* samples of a run, as page_pack cuts them */
#define PAGE_GROUP_MAX (1u << 20)	/* bytes of a group, unpacked: a bound
					 * for readers; writers aim at 6 KiB
					 * (snappy) or 1536 values (deflate)
					 * and never exceed 96 KiB */

enum page_codec { PAGE_SNAPPY = 1, PAGE_DEFLATE = 2 };

struct page_head {
	uint64_t len;		/* of the whole page */
	uint32_t head_len;	/* of the header alone */
	uint64_t epoch;		/* sealed: the highest in it */
	int64_t	t_min, t_max;
	uint32_t n_samples, n_runs, n_groups;
	uint32_t max_id;	/* highest metric id in it */
	uint32_t dir_len;	/* packed directory, behind the header */
	uint32_t dir_raw_len;
	uint32_t dir_crc;
	uint8_t	codec;
	bool	sealed;
};

/* The samples of one metric for a page; arrays borrowed for the call. */
struct page_run_in {
	uint32_t id;
	uint8_t	type;		/* enum ntdb_type */
	size_t	n;		/* 1 or more */
	const int64_t *t;	/* not decreasing */
	const int64_t *m;	/* integers, or the decimals' mantissas */
	const uint8_t *scale;	/* floats: their scales (number.h); ints: NULL */
};

/* Memory that page_pack keeps between calls. */
struct page_packer;

int page_packer_new(struct page_packer **pk, struct ntdb_error *err);
void page_packer_free(struct page_packer *pk);

/*
 * Append one page to out.  runs are sorted by id, then by time (a metric may
 * have several, and one of more than PAGE_RUN_MAX samples becomes several);
 * together 1 to PAGE_SAMPLES_MAX samples.  Runs whose times are equal share
 * them, at once if they point to the same array.  Fails only for lack of
 * memory, and then leaves out as it was.
 */
int page_pack(struct page_packer *pk, const struct page_run_in *runs,
    size_t n_runs, uint64_t epoch, bool sealed, enum page_codec codec,
    struct buf *out, struct ntdb_error *err);

/*
 * Check and unpack a header; of the page n bytes are given, no more than
 * PAGE_HEAD_MAX are needed.  NTDB_ECORRUPT: not a valid header.
 * NTDB_EVERSION: valid, but of a version or codec not known here.
 */
int page_head_unpack(const uint8_t *p, size_t n, struct page_head *h,
    struct ntdb_error *err);

/*
 * A header of which a single bit is wrong, set right: what was lost with it.
 * NTDB_ECORRUPT: it is not that.  n is as above.
 */
int page_head_mend(const uint8_t *p, size_t n, struct page_head *h);

struct page_stats {
	union ntdb_value min, max, first, last;	/* as the run's class */
	union ntdb_value sum;	/* .i if sum_exact, else .f */
	double	sum_lo;		/* unless sum_exact: the sum is sum.f + sum_lo
				 * (for integers exactly) */
	bool	sum_exact;	/* an integer type, and the sum fits int64 */
	uint32_t n_nan;
};

/* Residuals of a timeline or of a run's values. */
struct page_column {
	uint32_t n;
	uint32_t group, at;	/* position of its first residual in group */
	uint8_t	width;		/* 1 to 64: bits of each, in bit planes; in
				 * other groups, how late it comes */
};

#define PAGE_NO_COLUMN UINT32_MAX

struct page_timeline {
	uint32_t n;
	int64_t	first, last;
	uint64_t step, usual;	/* see struct column_times */
	int64_t	rest;
	uint32_t column;	/* index, or PAGE_NO_COLUMN if width is 0 */
	uint8_t	width;		/* bits of a residual */
};

struct page_run {
	uint32_t id;
	uint32_t n;
	uint32_t timeline;	/* index */
	uint8_t	type;
	uint8_t	coding;		/* enum column_coding */
	bool	has_stats;
	int64_t	t_first, t_last;
	/* the rest is for page_values; see struct column_form */
	uint8_t	scale;		/* floats: DEC_RAW if stored as bits */
	uint8_t	order, width;
	int64_t	base;
	uint64_t gcd;
	uint32_t column;	/* index, or PAGE_NO_COLUMN if width is 0 */
	uint32_t exc_at, n_exc;	/* exceptions, in the directory's side list */
	uint32_t stats;		/* index into dir.stats, if has_stats */
	uint32_t n_dict;	/* not 0: the column has indices, and then
				 * the differences of so many values */
	struct lattice lattice;	/* the column has indices of it */
};

struct page_group {
	uint64_t offset;	/* from the start of the page */
	uint32_t len, raw_len, crc;
	uint32_t n;		/* values in it */
	uint32_t n_columns;
	uint8_t	width;		/* of the last column */
	uint8_t	codec;		/* enum compress_codec */
	uint8_t	bytes;		/* raw has byte planes; 0: bit planes */
	uint8_t	precision;	/* stored in symbols and extra bits (split.h);
				 * 0: as raw is */
};

/* An unpacked directory.  Runs are sorted by id, then by time. */
struct page_dir {
	struct page_run *runs;		/* owned */
	struct page_timeline *timelines; /* owned; columns and groups with it */
	struct page_column *columns;
	struct page_group *groups;
	struct page_stats *stats;	/* owned; exceptions with it */
	struct page_exception {
		uint32_t index;		/* in the run */
		uint8_t	scale;
		int64_t	m;
	} *exceptions;
	uint32_t n_runs, n_timelines, n_columns, n_groups, n_stats;
	uint32_t n_exceptions;
};

/*
 * Unpack the directory; packed is h->dir_len bytes.  Checks its CRC and that
 * every count and position in it is within bounds, so that what follows needs
 * no checks.  release also after a failure.
 */
int page_dir_unpack(const struct page_head *h, const uint8_t *packed,
    struct page_dir *dir, struct ntdb_error *err);

/*
 * The same, with the runs of some metrics only; ids are sorted.  Of the other
 * runs that is checked which tells where these are.  If there are none of
 * these, n_runs is 0, and the rest of the directory is not looked at.
 */
int page_dir_unpack_some(const struct page_head *h, const uint8_t *packed,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err);
void page_dir_release(struct page_dir *dir);

/*
 * That in steps: whether h->dir_raw_len can be true, so that there may be room
 * for so many plain bytes; these, from packed ones with the right CRC; and the
 * directory, from those.  Plain bytes can be walked again and again.
 */
bool page_dir_plausible(const struct page_head *h);
int page_dir_plain(const struct page_head *h, const uint8_t *packed,
    uint8_t *plain, struct ntdb_error *err);
int page_dir_walk(const struct page_head *h, const uint8_t *plain,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err);

/* The first run of a metric, or n_runs: its runs are consecutive. */
uint32_t page_dir_find(const struct page_dir *dir, uint32_t id);

/*
 * Unpack group g, whose g->len stored bytes are given, into raw
 * (g->raw_len bytes).  Checks its CRC.
 */
int page_group_unpack(const struct page_group *g, const uint8_t *stored,
    uint8_t *raw, struct ntdb_error *err);

/*
 * Decode samples [from, from + n) of a run's times, and of its values as
 * integers or decimals: m[i] with scale[i] (scale may be NULL for a run of
 * an integer type).  raw is the unpacked group of the column, or NULL if its
 * width is 0 (see page_run_groups).  What precedes `from' has to
 * be summed up where there are deltas, which costs less than decoding it.
 * The decimals mean the doubles that went in, but need not be canonical: most
 * runs come back with one scale for all samples.  page_values fails with
 * NTDB_ECORRUPT if a decimal is not within the bounds of number.h.
 */
void page_times(const struct page_dir *dir, const struct page_run *run,
    const uint8_t *raw, uint32_t from, uint32_t n, int64_t *t);
int page_values(const struct page_dir *dir, const struct page_run *run,
    const uint8_t *raw, uint32_t from, uint32_t n, int64_t *m,
    uint8_t *scale, struct ntdb_error *err);

/* Residuals in the column of a run's values; 0 if its width is 0. */
uint32_t page_run_residuals(const struct page_run *run);

/* Where those of a column are, whose group, unpacked, is raw. */
struct residuals;
void page_residuals(const struct page_dir *dir, uint32_t column,
    const uint8_t *raw, struct residuals *in);

/* The groups that a run needs: an index, or UINT32_MAX for none. */
void page_run_groups(const struct page_dir *dir, const struct page_run *run,
    uint32_t *times, uint32_t *values);

/* "const", "decimal", "raw" ...: for people. */
const char *page_coding_name(int coding);

#endif
