/*
 * Floor 5.  A sealing, inside: between seal.c (which files), seal-file.c (one
 * file), seal-plan.c (its pages, cut by time), seal-slice.c (samples in order)
 * and seal-read.c (samples from pages).
 */
#ifndef NTDB_SEAL_IMPL_H
#define NTDB_SEAL_IMPL_H

#include "datafile.h"
#include "lastlist.h"
#include "seal.h"

#define SEAL_TEMP IO_MAINT_TEMP	/* end of the name of a file being made */
#define SLICE_SAMPLES (1u << 19)	/* most samples of a sealed page */
#define SLICE_AIM (7 * (SLICE_SAMPLES >> 3)) /* by the estimate */
#define PAGE_FULL (SLICE_SAMPLES / 2)	/* from here on it may stay as it is */
#define LIST_MIN 65536		/* larger files have a list of last samples */

/* What is known of a page that is to be sealed. */
struct seal_page {
	uint64_t offset, len, epoch;
	int64_t	t_min, t_max;
	uint32_t n;		/* samples */
	bool	sealed;
	bool	copy;		/* its bytes are taken as they are */
	bool	edits;		/* no page, but the edits: they come last */
};

/* Samples that are wanted: of these times and of these metrics. */
struct seal_span {
	int64_t	first, last;
	uint32_t id_first, id_last;
};

/* Samples of one metric, in order of time, as they came. */
struct seal_piece {
	uint32_t id;
	uint32_t at, n;		/* in the slice's arrays */
	uint8_t	type;		/* of the run they come from */
	bool	is_float;	/* they are decimals */
};

/*
 * The samples of a sealed page to be.  Invariant: pieces tell what the first
 * n elements of t, m and scale are, in order of arrival until they are sorted.
 */
struct seal_slice {
	int64_t	*t, *m, *scratch;	/* owned, SLICE_SAMPLES each */
	uint32_t *order, *spare;	/* owned, likewise */
	uint8_t	*scale;
	uint32_t n;
	struct seal_piece *pieces;	/* owned */
	size_t	n_pieces, pieces_cap;
	struct page_run_in *runs;	/* owned */
	size_t	runs_cap;
	uint64_t epoch;			/* the highest of its pages */
};

struct sealer {
	struct writer *w;		/* its state tells the types */
	const struct seal_order *order;
	struct datafile f;		/* the file as it is */
	uint64_t limit;			/* up to where it counts */
	struct seal_page *pages;	/* owned; in order of arrival */
	size_t	n_pages, pages_cap;
	struct datafile out;		/* the file to be; fd -1: none yet */
	char	temp[PARTITION_NAME_MAX + 24];
	struct seal_slice slice;
	struct page_packer *packer;
	struct buf page;
	struct last_entry *lasts;	/* owned; sorted by id */
	uint32_t n_lasts, lasts_cap;
	bool	copies;			/* lasts are those of the old list: its
					 * pages may stay as they are */
	uint64_t samples, n_out;	/* samples and pages written */
	struct ntdb_error damage;	/* the first; code 0: none */
};

/* A failure that stands for: the slice has no room for all of that. */
#define SLICE_FULL 2

/* ---- seal-plan.c */

/* List the pages that count.  NTDB_EVERSION: one of them is newer. */
int seal_list_pages(struct sealer *s, struct ntdb_error *err);

/* Write all of them anew, by time. */
int seal_write_pages(struct sealer *s, struct ntdb_error *err);

/* ---- seal-slice.c */

int seal_slice_init(struct seal_slice *sl, struct ntdb_error *err);
void seal_slice_release(struct seal_slice *sl);

/* Write what the slice holds as one page, and empty it. */
int seal_slice_write(struct sealer *s, struct ntdb_error *err);

/* Append bytes to the file that is being made, and those of the old one. */
int seal_append(struct sealer *s, const void *p, size_t len,
    struct ntdb_error *err);
int seal_copy(struct sealer *s, uint64_t offset, uint64_t len,
    struct ntdb_error *err);

/* ---- seal-read.c */

/*
 * Add to the slice what a page has of the span.  SLICE_FULL: it has no room;
 * what it holds is of no use then, unless go_on: it is written and emptied on
 * the way.  Damage is noted and passed over.
 */
int seal_read_page(struct sealer *s, const struct seal_page *page,
    const struct seal_span *span, bool go_on, struct ntdb_error *err);

/* Take note of damage: 0; other failures stay. */
int seal_damaged(struct sealer *s, const struct ntdb_error *why,
    struct ntdb_error *err);

/* ---- seal-edit.c */

/* List the edits as if they were one more page. */
int seal_list_edits(struct sealer *s, struct ntdb_error *err);

/*
 * Drop samples that are edited from the n at the end of the slice, which are
 * not in a piece yet; how many are left.
 */
uint32_t seal_drop_edited(struct sealer *s, uint32_t id, uint32_t n);

/*
 * Whether there is anything to be changed, once the file was read; whether
 * one may be the last of its metric and go; whether one takes the place of
 * the last that the state knows.
 */
bool seal_edits_matter(const struct sealer *s);
bool seal_edits_drop(const struct sealer *s);
bool seal_edits_last(const struct sealer *s);

/* Tell the state of those that are last now. */
void seal_edits_account(struct sealer *s);

/* Add the edits of a span to the slice.  SLICE_FULL: see seal_read_page. */
int seal_read_edits(struct sealer *s, const struct seal_span *span,
    bool go_on, struct ntdb_error *err);

/* Add the n samples at the end of the slice to it, as a piece. */
int seal_add_piece(struct seal_slice *sl, uint32_t id, uint8_t type,
    uint32_t n, bool is_float, struct ntdb_error *err);

/* Add to the list of pages. */
int seal_add_page(struct sealer *s, const struct seal_page *page,
    struct ntdb_error *err);

/* ---- seal-due.c */

/* A file with pages that are not sealed, and why it is to be sealed. */
struct seal_due {
	struct partition part;
	bool	over;
	uint64_t bytes;		/* that count */
};

/*
 * The files that are due by this log's header; with force, all that have
 * pages which are not sealed.  *due is owned by the caller (free).
 */
int seal_list_due(const struct dbdir *d, const struct log_head *h,
    bool force, struct seal_due **due, size_t *n, struct ntdb_error *err);

#endif
