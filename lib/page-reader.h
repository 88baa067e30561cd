/*
 * Floor 3.  Reading the plain bytes of a page's directory.
 */
#ifndef NTDB_PAGE_READER_H
#define NTDB_PAGE_READER_H

#include "bytes.h"
#include "page-impl.h"

#define EXCEPTION_LEN_MIN 3	/* bytes that an exception takes, at least */

/* What is left of a plain directory; bad: it ended early. */
struct reader {
	const uint8_t *p, *end;
	bool	bad;
};

/* Short ones are the rule: one or two bytes are taken without a loop. */
static inline uint64_t
take_varint(struct reader *in)
{
	const uint8_t *p = in->p;
	uint64_t v;

	if (in->end - p >= 2 && p[0] < 0x80) {
		in->p = p + 1;
		return p[0];
	}
	if (in->end - p >= 2 && p[1] < 0x80) {
		in->p = p + 2;
		return (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
	}
	if ((p = get_varint(p, in->end, &v)) == NULL) {
		in->bad = true;
		in->p = in->end;
		return 0;
	}
	in->p = p;
	return v;
}

static inline int64_t
take_signed(struct reader *in)
{
	return unzigzag(take_varint(in));
}

/* A number of 32 bits; a greater one is bad. */
static inline uint32_t
take_u32(struct reader *in)
{
	uint64_t v = take_varint(in);

	if (v > UINT32_MAX) {
		in->bad = true;
		return 0;
	}
	return (uint32_t)v;
}

/* Fixed-width bytes, or NULL. */
static inline const uint8_t *
take(struct reader *in, size_t n)
{
	const uint8_t *p = in->p;

	if ((size_t)(in->end - p) < n) {
		in->bad = true;
		in->p = in->end;
		return NULL;
	}
	in->p += n;
	return p;
}

static inline uint8_t
take_u8(struct reader *in)
{
	if (in->p == in->end) {
		in->bad = true;
		return 0;
	}
	return *in->p++;
}

static inline double
take_double(struct reader *in)
{
	const uint8_t *p = take(in, 8);

	return p == NULL ? 0 : f64_from_bits(get_u64(p));
}

/* Its bytes the other way round, as a varint. */
static inline double
take_short_double(struct reader *in)
{
	uint8_t p[8];
	uint64_t v = take_varint(in);
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
	return f64_from_bits(get_u64(p));
}

static inline int64_t
sum_mod(int64_t a, int64_t b)
{
	return as_i64((uint64_t)a + (uint64_t)b);
}

/* Failures: the directory is damaged, or newer than this. */
int page_dir_bad(struct ntdb_error *err, const char *what);
int page_dir_newer(struct ntdb_error *err, const char *what);

/*
 * Read what the directory says of times, runs and exceptions.  Columns are
 * numbered from *next on as they are met; dir has room for n_columns.
 */
int page_dir_timelines(struct page_dir *dir, struct reader *in,
    uint32_t *next, struct ntdb_error *err);
int page_dir_runs(struct page_dir *dir, struct reader *in, uint32_t *next,
    struct ntdb_error *err);
int page_dir_exceptions(struct page_dir *dir, struct reader *in,
    struct ntdb_error *err);

#endif
