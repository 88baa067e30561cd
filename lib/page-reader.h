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

/* A span of time, in nanoseconds. */
static inline uint64_t
take_span(struct reader *in)
{
	static const uint64_t units[] = { 1, 1000, 1000000, 1000000000 };
	uint64_t u = take_varint(in);

	return u == SPAN_ESCAPE ? take_varint(in) : u / 4 * units[u % 4];
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

/* Pass over n varints; what they hold is not looked at. */
static inline void
pass_varints(struct reader *in, uint32_t n)
{
	const uint8_t *p = in->p;
	uint64_t ends;

	/* Each ends with the byte whose highest bit is 0: count by eights. */
	while (n >= 8 && in->end - p >= 8) {
		ends = ~get_u64(p) >> 7 & UINT64_C(0x0101010101010101);
		n -= (uint32_t)(ends * UINT64_C(0x0101010101010101) >> 56);
		p += 8;
	}
	for (; n > 0 && p < in->end; p++)
		n -= *p < 0x80;
	in->p = p;
	in->bad |= n > 0;
}

/*
 * A directory on its way from bytes to a page_dir.  Its fields stand in
 * columns: one for all runs, then the next one for all.  Of runs that are not
 * wanted only what it takes to find the others is kept, in arrays here, and
 * their other fields are passed over: page_dir_pass before each field of run
 * k of dir, and once with k = dir->n_runs behind the last.
 */
struct dir_walk {
	struct reader in;
	struct page_dir *dir;	/* its runs are those that are wanted */
	const uint32_t *ids;	/* wanted, sorted; NULL: all */
	size_t	n_ids;
	uint32_t n_runs;	/* of the page */
	uint32_t next;		/* the next new column */
	uint32_t *pick;		/* by run of dir: which it is in the page */
	uint32_t *n;		/* by run of the page: samples, */
	uint16_t *has;		/* what it has, */
	uint8_t	*width;		/* bits of a residual, */
	uint32_t *n_exc;	/* exceptions, or values in its dictionary */
	uint32_t *sorted;	/* room for the columns */
	uint32_t n_exceptions;	/* of all runs of the page */
	int64_t	t_base;		/* the first time, as the header has it */
	uint64_t n_samples;	/* of all runs of the page, */
	int64_t	t_min, t_max;	/* their times, */
	uint32_t max_id;	/* and the highest id */
};

enum {
	RUN_IS_FLOAT = 1,	/* has a scale */
	RUN_HAS_COLUMN = 2,
	RUN_HAS_EXCEPTIONS = 4,
	RUN_HAS_STATS = 8,
	RUN_IS_FAR = 16,	/* statistics are not near its base */
	RUN_ORDER_1 = 32,
	RUN_SAME_ID = 64,	/* as the run before */
	RUN_HAS_DICTIONARY = 128,
	RUN_HAS_LATTICE = 256
};

/* The runs of the page between wanted run k and the one before: [a, b). */
static inline void
page_dir_gap(const struct dir_walk *w, uint32_t k, uint32_t *a, uint32_t *b)
{
	*a = k == 0 ? 0 : w->pick[k - 1] + 1;
	*b = k == w->dir->n_runs ? w->n_runs : w->pick[k];
}

/* How many of the runs [a, b) of the page have it. */
uint32_t page_dir_count(const struct dir_walk *w, uint32_t a, uint32_t b,
    unsigned has);

/* Pass over a varint of each run before wanted run k that has it. */
static inline void
page_dir_pass(struct dir_walk *w, uint32_t k, unsigned has)
{
	uint32_t a, b;

	page_dir_gap(w, k, &a, &b);
	if (a < b)
		pass_varints(&w->in, has == 0 ? b - a :
		    page_dir_count(w, a, b, has));
}

/* Failures: the directory is damaged, or newer than this. */
int page_dir_bad(struct ntdb_error *err, const char *what);
int page_dir_newer(struct ntdb_error *err, const char *what);

/*
 * The parts of a directory, in the order in which they stand there.
 * page_dir_runs allocates the runs, and NTDB_END means that none is wanted;
 * page_dir_exceptions allocates exceptions and room for the statistics.
 */
int page_dir_timelines(struct dir_walk *w, struct ntdb_error *err);
int page_dir_runs(struct dir_walk *w, struct ntdb_error *err);
int page_dir_exceptions(struct dir_walk *w, struct ntdb_error *err);
int page_dir_stats(struct dir_walk *w, struct ntdb_error *err);

#endif
