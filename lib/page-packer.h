/*
 * Floor 3.  What the files that pack pages share.
 */
#ifndef NTDB_PAGE_PACKER_H
#define NTDB_PAGE_PACKER_H

#include "dictionary.h"
#include "page-impl.h"
#include "planes.h"

#define GROUP_VALUES 32768	/* that a group has at most */

/*
 * Finds what is in the page already: chains of indices, newest first, by a
 * hash.  Only the first few of a chain are looked at.
 */
#define FINDER_SLOTS 4096

struct finder {
	uint32_t head[FINDER_SLOTS];
	uint32_t *next;		/* owned, one for each that can be found */
};

/* Memory for fitting one run. */
struct page_fitter {
	int64_t	x[PAGE_RUN_MAX];
	uint64_t q[PAGE_RUN_MAX], deltas[PAGE_RUN_MAX];
	uint64_t entries[DICTIONARY_MAX];
	struct dictionary d;
};

/*
 * dir is the directory of the page at hand, its arrays of room for n_room
 * runs, 2 * n_room columns and groups, and exc_room exceptions.
 * Column i has residuals r[start[i]] and on.
 */
struct page_packer {
	struct page_dir dir;
	size_t	n_room, exc_room;
	const int64_t **times;	/* of each timeline, borrowed for the call */
	struct finder timelines, columns;
	size_t	*start;
	uint32_t *sorted;
	uint64_t *r;
	size_t	n_r, r_room;
	struct compressor z;
	struct buf plain, split, groups;
	int64_t	v[PAGE_RUN_MAX], bits[PAGE_RUN_MAX];
	uint64_t bits_r[PAGE_RUN_MAX + DICTIONARY_MAX];
	uint32_t except[PAGE_RUN_MAX];
	uint64_t values[GROUP_VALUES + PLANES_STEP];
	bool	sealed;		/* the page is to be small rather than soon */
	struct page_fitter *fitter;	/* owned, NULL until first used */
};

/* Make *array, a pointer, point to n elements; what it held may be lost. */
int page_resize(void *array, size_t n, size_t size, struct ntdb_error *err);

/* Empty the finders. */
void page_forget_all(struct page_packer *pk);

/* Where residuals of the next column go: room for n. */
uint64_t *page_residual_room(struct page_packer *pk, size_t n,
    struct ntdb_error *err);

/*
 * The column of the n residuals that stand behind those of the others: a new
 * one, or an earlier one that holds the same.
 */
uint32_t page_add_column(struct page_packer *pk, uint32_t n, uint8_t width);

/* The timeline of t[0 .. n), shared if there is one. */
int page_add_timeline(struct page_packer *pk, const int64_t *t, uint32_t n,
    uint32_t *index, struct ntdb_error *err);

/*
 * How late a column comes in the order of columns, as its residuals are long
 * on the average: 1 to 64.
 */
uint8_t page_rank(const uint64_t *r, uint32_t n);

/* A way to store the integers of a run. */
struct page_fit {
	struct column_form form;	/* width: 0, or the column's rank */
	uint32_t n_dict;
	struct lattice lattice;
	uint64_t bits;		/* an estimate of what it takes */
};

/*
 * Choose the way that takes least of v[0 .. n), and write its residuals to r,
 * room for n + DICTIONARY_MAX.
 */
void page_fit_best(struct page_fitter *pf, const int64_t *v, uint32_t n,
    bool dictionary, struct page_fit *fit, uint64_t *r);

/* Distribute the columns over groups, and pack those. */
int page_write_groups(struct page_packer *pk, enum compress_codec codec,
    struct ntdb_error *err);

#endif
