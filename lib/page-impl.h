/*
 * Floor 3.  What the files of the page module share, and nobody else.
 */
#ifndef NTDB_PAGE_IMPL_H
#define NTDB_PAGE_IMPL_H

#include "bytes.h"
#include "column.h"
#include "compress.h"
#include "number.h"
#include "page.h"
#include "split.h"

/* The form byte of a run in the directory; its bit 7 is 0. */
#define PAGE_FORM_TYPE 7
#define PAGE_FORM_EXCEPTIONS 8
#define PAGE_FORM_DICTIONARY 16
#define PAGE_FORM_ORDER_1 32
#define PAGE_FORM_LATTICE 64

/*
 * A group's codec byte: the codec, and 4 * its layout, which is 0 for bit
 * planes, 1 to 8 for byte planes of so many bytes, and then 8 for each
 * precision of symbols and extra bits.
 */
#define PAGE_LAYOUT_BYTES 8
#define PAGE_LAYOUT_MAX (PAGE_LAYOUT_BYTES * (SPLIT_P_MAX + 1))

/*
 * Write a header, checksum and all; h->head_len and h->len are set from what
 * it is and the lengths of the directory and of all groups.
 */
void page_head_pack(struct page_head *h, uint64_t groups_len,
    uint8_t p[PAGE_HEAD_MAX]);

/*
 * Write a span of time: in units as coarse as it may be.  Room for SPAN_MAX
 * bytes; returns the byte behind it.
 */
#define SPAN_MAX (1 + VARINT_MAX)
#define SPAN_ESCAPE 3
uint8_t *page_put_span(uint8_t *p, uint64_t ns);

/*
 * Whether a run's statistics are stored as differences from its base (else
 * as doubles); NaNs are counted in the other runs only.
 */
static inline bool
page_stats_near(const struct page_run *r)
{
	return ntdb_type_is_int(r->type) ||
	    (r->n_exc == 0 && r->scale <= DEC_SCALE_MAX);
}

/* The residuals of a run's column, those of a dictionary among them. */
static inline uint32_t
page_count_residuals(uint32_t n, unsigned order, unsigned width, uint32_t n_dict)
{
	return n_dict > 0 ? n + n_dict - 1 :
	    column_residuals(n, order, width);
}

/*
 * The order in which groups hold the columns: by width, and by number where
 * that is equal.  Widths are at most 64.
 */
void page_sort_columns(const struct page_column *c, uint32_t n,
    uint32_t *sorted);

/*
 * Append a page: its directory from dir, its groups as they are given.  Of the
 * header what follows from these is filled in; plain is for its use.
 */
int page_write(const struct page_dir *dir, struct page_head *h,
    const struct buf *groups, struct compressor *z, struct buf *plain,
    struct buf *out, struct ntdb_error *err);

/* Fill the statistics of integers, or of decimals, each with its scale. */
void page_stats_of_ints(const int64_t *m, size_t n, struct page_stats *st);
void page_stats_of_floats(const int64_t *m, const uint8_t *scale, size_t n,
    struct page_stats *st);

/*
 * The same for decimals of one scale (not DEC_RAW), but min, max, first and
 * last in .i, as multiples of 10^-scale.
 */
void page_stats_of_decimals(const int64_t *m, uint8_t scale, size_t n,
    struct page_stats *st);

#endif
