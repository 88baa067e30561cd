/*
 * Which pages there are to be sealed, and how they are cut by time.
 *
 * A slice has about as many samples as a sealed page may have, and ends at a
 * midnight if it can.  How many there are between two times is estimated from
 * the page headers, as if each page's samples were spread evenly.  A slice
 * that turns out to have more is cut in two.
 */
#include <stdlib.h>

#include "error.h"
#include "seal-impl.h"
#include "timefmt.h"

/* ---- the pages that are there */

int
seal_add_page(struct sealer *s, const struct seal_page *page,
    struct ntdb_error *err)
{
	struct seal_page *p;
	size_t cap;

	if (s->n_pages == s->pages_cap) {
		cap = s->pages_cap == 0 ? 64 : 2 * s->pages_cap;
		p = realloc(s->pages, cap * sizeof(*p));
		if (p == NULL)
			return err_nomem(err);
		s->pages = p;
		s->pages_cap = cap;
	}
	s->pages[s->n_pages++] = *page;
	return 0;
}

static int
add_page(struct sealer *s, const struct page_ref *ref, struct ntdb_error *err)
{
	struct seal_page p = {
		.offset = ref->offset,
		.len = ref->head.len,
		.epoch = ref->head.epoch,
		.t_min = ref->head.t_min,
		.t_max = ref->head.t_max,
		.n = ref->head.n_samples,
		.sealed = ref->head.sealed,
	};

	return seal_add_page(s, &p, err);
}

int
seal_list_pages(struct sealer *s, struct ntdb_error *err)
{
	const uint64_t epoch = s->w->wal.key.epoch;
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	int r;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = datafile_next(&s->f, &pos, s->limit, &ref, &why);
		if (r == NTDB_END)
			return 0;
		if (r != 0)
			r = seal_damaged(s, &why, err);
		else if (ref.head.sealed || ref.head.epoch < epoch)
			r = add_page(s, &ref, err);
		if (r != 0)
			return r;
	}
}

static int
compare_times(const void *a, const void *b)
{
	const struct seal_page *x = *(struct seal_page *const *)a;
	const struct seal_page *y = *(struct seal_page *const *)b;

	if (x->t_min != y->t_min)
		return x->t_min < y->t_min ? -1 : 1;
	return x->offset < y->offset ? -1 : 1;
}

/*
 * Mark the pages that are as good as they would become: sealed, large, and
 * overlapped by no other.
 */
static void
mark_copies(struct seal_page **by_time, size_t n)
{
	int64_t before = INT64_MIN;	/* the last time of those before */
	size_t i;

	for (i = 0; i < n; i++) {
		struct seal_page *p = by_time[i];

		p->copy = p->sealed && p->n >= PAGE_FULL &&
		    (i == 0 || before < p->t_min) &&
		    (i + 1 == n || p->t_max < by_time[i + 1]->t_min);
		if (i == 0 || p->t_max > before)
			before = p->t_max;
	}
}

/* ---- where to cut */

/* The pages by first time; those before `begin' are dealt with. */
struct cutter {
	struct seal_page **pages;
	size_t	n, begin;
};

static double
length(int64_t first, int64_t last)
{
	return (double)((uint64_t)last - (uint64_t)first) + 1;
}

/* About how many samples of pages that are packed anew are in [first, last]. */
static double
estimate(const struct cutter *c, int64_t first, int64_t last)
{
	double n = 0;
	size_t i;

	for (i = c->begin; i < c->n && c->pages[i]->t_min <= last; i++) {
		const struct seal_page *p = c->pages[i];
		int64_t from = p->t_min > first ? p->t_min : first;
		int64_t to = p->t_max < last ? p->t_max : last;

		if (from <= to && !p->copy)
			n += p->n * (length(from, to) /
			    length(p->t_min, p->t_max));
	}
	return n;
}

/*
 * The greatest time from first to last up to which there are not more samples
 * than `most', in steps of `step' from first on; first - 1, which is a time,
 * if there is none.
 */
static int64_t
reach(const struct cutter *c, int64_t first, int64_t last, uint64_t step,
    double most)
{
	const uint64_t all = ((uint64_t)last - (uint64_t)first) / step + 1;
	uint64_t lo = 0, hi = all, mid;
	int64_t t = first - 1;

	/* lo steps, which lead to t, are known to do. */
	while (lo < hi) {
		int64_t to = last;

		mid = lo + (hi - lo + 1) / 2;
		if (mid < all)
			to = (int64_t)((uint64_t)first - 1 + mid * step);
		if (estimate(c, first, to) <= most) {
			lo = mid;
			t = to;
		} else {
			hi = mid - 1;
		}
	}
	return t;
}

/* The last nanosecond of t's day. */
static int64_t
end_of_day(int64_t t)
{
	int64_t rest = t % NS_PER_DAY;

	if (rest < 0)
		rest += NS_PER_DAY;
	return t > INT64_MAX - (NS_PER_DAY - 1 - rest) ? INT64_MAX :
	    t + (NS_PER_DAY - 1 - rest);
}

/* The end of a slice that begins at first. */
static int64_t
cut(const struct cutter *c, int64_t first, int64_t last)
{
	double n = estimate(c, first, last), parts;
	int64_t day, t;

	if (n <= SLICE_AIM)
		return last;
	day = end_of_day(first);
	if (day < last && (n = estimate(c, first, day)) <= SLICE_AIM) {
		return reach(c, day + 1, last, (uint64_t)NS_PER_DAY,
		    SLICE_AIM - n);
	}
	/* A day that is too large: into parts of like size. */
	if (day > last)
		day = last;
	if (first == day)
		return day;
	parts = (double)(uint64_t)(n / SLICE_AIM) + 1;
	t = reach(c, first + 1, day, 1, n / parts);
	return t < first ? first : t;
}

/* ---- writing */

/*
 * Write what there is in a span.  A slice that has too much is cut by time,
 * then by metric; one metric at one time is given out as it comes.
 */
static int
write_span(struct sealer *s, struct seal_span span, struct ntdb_error *err)
{
	const bool single = span.first == span.last &&
	    span.id_first == span.id_last;
	struct seal_span rest = span;
	size_t i;
	int r = 0;

	if (s->order->stop != NULL && s->order->stop(s->order->stop_arg))
		return err_set(err, NTDB_EBUSY, "%s: stopped", s->f.name);
	s->slice.n = 0;
	s->slice.n_pieces = 0;
	for (i = 0; r == 0 && i < s->n_pages; i++)
		if (!s->pages[i].copy && s->pages[i].t_min <= span.last &&
		    s->pages[i].t_max >= span.first)
			r = seal_read_page(s, &s->pages[i], &span, single,
			    err);
	if (r == 0)
		return seal_slice_write(s, err);
	if (r != SLICE_FULL)
		return r;
	if (span.first < span.last) {
		span.last = (int64_t)((uint64_t)span.first +
		    ((uint64_t)span.last - (uint64_t)span.first) / 2);
		rest.first = span.last + 1;
	} else {
		span.id_last = span.id_first +
		    (span.id_last - span.id_first) / 2;
		rest.id_first = span.id_last + 1;
	}
	if ((r = write_span(s, span, err)) != 0)
		return r;
	return write_span(s, rest, err);
}

/* All that is to be packed anew between two times, slice by slice. */
static int
write_between(struct sealer *s, struct cutter *c, int64_t first,
    int64_t last, struct ntdb_error *err)
{
	struct seal_span span = { first, last, 0, UINT32_MAX };
	size_t i;
	int r;

	for (;;) {
		while (c->begin < c->n && c->pages[c->begin]->t_max < first)
			c->begin++;
		/* Where nothing is, nothing needs to be looked for. */
		for (i = c->begin; i < c->n && (c->pages[i]->copy ||
		    c->pages[i]->t_max < first); i++)
			;
		if (i == c->n || c->pages[i]->t_min > last)
			return 0;
		if (c->pages[i]->t_min > first)
			first = c->pages[i]->t_min;
		span.first = first;
		span.last = cut(c, first, last);
		if ((r = write_span(s, span, err)) != 0)
			return r;
		if (span.last >= last)
			return 0;
		first = span.last + 1;
	}
}

static int
copy_page(struct sealer *s, const struct seal_page *p, struct ntdb_error *err)
{
	int r;

	r = seal_copy(s, p->offset, p->len, err);
	s->samples += p->n;
	s->n_out++;
	return r;
}

static int
write_all(struct sealer *s, struct cutter *c, struct ntdb_error *err)
{
	int64_t first = INT64_MIN;
	size_t i;
	int r;

	for (i = 0; i < c->n; i++) {
		const struct seal_page *p = c->pages[i];

		if (!p->copy)
			continue;
		if (p->t_min > first && (r = write_between(s, c, first,
		    p->t_min - 1, err)) != 0)
			return r;
		if ((r = copy_page(s, p, err)) != 0 || p->t_max == INT64_MAX)
			return r;
		first = p->t_max + 1;
	}
	return write_between(s, c, first, INT64_MAX, err);
}

int
seal_write_pages(struct sealer *s, struct ntdb_error *err)
{
	struct cutter c = { NULL, s->n_pages, 0 };
	size_t i;
	int r;

	c.pages = malloc((s->n_pages + 1) * sizeof(struct seal_page *));
	if (c.pages == NULL)
		return err_nomem(err);
	for (i = 0; i < s->n_pages; i++)
		c.pages[i] = &s->pages[i];
	qsort(c.pages, c.n, sizeof(c.pages[0]), compare_times);
	mark_copies(c.pages, s->copies ? c.n : 0);
	r = write_all(s, &c, err);
	free(c.pages);
	return r;
}
