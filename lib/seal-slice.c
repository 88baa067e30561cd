/*
 * The samples of a slice, brought into order and written as a sealed page.
 */
#include <stdlib.h>

#include "error.h"
#include "seal-impl.h"

int
seal_slice_init(struct seal_slice *sl, struct ntdb_error *err)
{
	const size_t n = SLICE_SAMPLES;

	memset(sl, 0, sizeof(*sl));
	sl->t = malloc(n * sizeof(sl->t[0]));
	sl->m = malloc(n * sizeof(sl->m[0]));
	sl->scratch = malloc(n * sizeof(sl->scratch[0]));
	sl->scale = malloc(n);
	if (sl->t == NULL || sl->m == NULL || sl->scratch == NULL ||
	    sl->scale == NULL) {
		seal_slice_release(sl);
		return err_nomem(err);
	}
	return 0;
}

void
seal_slice_release(struct seal_slice *sl)
{
	free(sl->t);
	free(sl->m);
	free(sl->scratch);
	free(sl->scale);
	free(sl->order);
	free(sl->spare);
	free(sl->pieces);
	free(sl->runs);
	memset(sl, 0, sizeof(*sl));
}

/* By metric, then integers before decimals, then as they came. */
static int
compare_pieces(const void *a, const void *b)
{
	const struct seal_piece *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->is_float != y->is_float)
		return x->is_float ? 1 : -1;
	return x->at < y->at ? -1 : 1;
}

static bool
same_run(const struct seal_piece *a, const struct seal_piece *b)
{
	return a->id == b->id && a->is_float == b->is_float;
}

/* Bring the samples into the order of the sorted pieces. */
static void
scatter(struct seal_slice *sl)
{
	uint8_t *bytes = (uint8_t *)sl->scratch;
	int64_t *swap;
	uint32_t at;
	size_t i;

	for (i = 0, at = 0; i < sl->n_pieces; at += sl->pieces[i++].n)
		memcpy(bytes + at, sl->scale + sl->pieces[i].at,
		    sl->pieces[i].n);
	memcpy(sl->scale, bytes, sl->n);
	for (i = 0, at = 0; i < sl->n_pieces; at += sl->pieces[i++].n)
		memcpy(sl->scratch + at, sl->t + sl->pieces[i].at,
		    sl->pieces[i].n * sizeof(sl->t[0]));
	swap = sl->t;
	sl->t = sl->scratch;
	sl->scratch = swap;
	for (i = 0, at = 0; i < sl->n_pieces; at += sl->pieces[i++].n)
		memcpy(sl->scratch + at, sl->m + sl->pieces[i].at,
		    sl->pieces[i].n * sizeof(sl->m[0]));
	swap = sl->m;
	sl->m = sl->scratch;
	sl->scratch = swap;
	for (i = 0, at = 0; i < sl->n_pieces; at += sl->pieces[i++].n)
		sl->pieces[i].at = at;
}

/* Merge the sorted ranges [a, b) and [b, c) of from into to; stable. */
static void
merge(const int64_t *t, const uint32_t *from, uint32_t *to, uint32_t a,
    uint32_t b, uint32_t c)
{
	uint32_t i = a, j = b, k = a;

	while (i < b && j < c)
		to[k++] = t[from[j]] < t[from[i]] ? from[j++] : from[i++];
	while (i < b)
		to[k++] = from[i++];
	while (j < c)
		to[k++] = from[j++];
}

/* Where the sorted sequence that begins at `at' ends. */
static uint32_t
sequence_end(const int64_t *t, const uint32_t *order, uint32_t at, uint32_t n)
{
	while (++at < n && t[order[at]] >= t[order[at - 1]])
		;
	return at < n ? at : n;
}

/*
 * The order in which t[0 .. n) does not decrease, what is equal staying as it
 * is: sorted sequences are merged by pairs until there is one.
 */
static const uint32_t *
sort_times(const int64_t *t, uint32_t n, uint32_t *order, uint32_t *spare)
{
	uint32_t a, b, c, *swap;

	for (a = 0; a < n; a++)
		order[a] = a;
	while (sequence_end(t, order, 0, n) < n) {
		for (a = 0; a < n; a = c) {
			b = sequence_end(t, order, a, n);
			c = b < n ? sequence_end(t, order, b, n) : n;
			merge(t, order, spare, a, b, c);
		}
		swap = order;
		order = spare;
		spare = swap;
	}
	return order;
}

/* Samples that came late: put [from, from + n) into order of time. */
static int
sort_run(struct seal_slice *sl, uint32_t from, uint32_t n,
    struct ntdb_error *err)
{
	uint8_t *bytes = (uint8_t *)sl->scratch;
	const uint32_t *order;
	uint32_t i;

	for (i = from + 1; i < from + n && sl->t[i] >= sl->t[i - 1]; i++)
		;
	if (i >= from + n)
		return 0;
	if (sl->order == NULL)
		sl->order = malloc(SLICE_SAMPLES * sizeof(sl->order[0]));
	if (sl->spare == NULL)
		sl->spare = malloc(SLICE_SAMPLES * sizeof(sl->spare[0]));
	if (sl->order == NULL || sl->spare == NULL)
		return err_nomem(err);
	order = sort_times(sl->t + from, n, sl->order, sl->spare);
	for (i = 0; i < n; i++)
		bytes[i] = sl->scale[from + order[i]];
	memcpy(sl->scale + from, bytes, n);
	for (i = 0; i < n; i++)
		sl->scratch[i] = sl->t[from + order[i]];
	memcpy(sl->t + from, sl->scratch, n * sizeof(sl->t[0]));
	for (i = 0; i < n; i++)
		sl->scratch[i] = sl->m[from + order[i]];
	memcpy(sl->m + from, sl->scratch, n * sizeof(sl->m[0]));
	return 0;
}

/* The type to store a run with: what its metric is now, or the widest. */
static uint8_t
type_of_run(const struct sealer *s, const struct seal_piece *p, uint8_t widest)
{
	const struct metric *m = state_metric(&s->w->state, p->id);

	if (p->is_float && ntdb_type_is_int(widest))
		widest = NTDB_FLOAT32;
	if (m != NULL && ntdb_type_is_int(m->type) == !p->is_float &&
	    m->type > widest)
		widest = m->type;
	return widest;
}

static int
reserve_runs(struct seal_slice *sl, size_t n, struct ntdb_error *err)
{
	struct page_run_in *runs;

	if (n <= sl->runs_cap)
		return 0;
	n += n / 2;
	if ((runs = realloc(sl->runs, n * sizeof(*runs))) == NULL)
		return err_nomem(err);
	sl->runs = runs;
	sl->runs_cap = n;
	return 0;
}

/* A metric with both integers and decimals has two runs: by first time. */
static void
order_runs(struct page_run_in *runs, size_t n)
{
	struct page_run_in swap;

	if (n < 2 || runs[n - 2].id != runs[n - 1].id ||
	    runs[n - 2].t[0] <= runs[n - 1].t[0])
		return;
	swap = runs[n - 2];
	runs[n - 2] = runs[n - 1];
	runs[n - 1] = swap;
}

/* Make runs of the sorted pieces. */
static int
make_runs(struct sealer *s, size_t *n_runs, struct ntdb_error *err)
{
	struct seal_slice *sl = &s->slice;
	const struct seal_piece *p;
	struct page_run_in *run;
	uint8_t widest;
	size_t i, j;
	int r;

	*n_runs = 0;
	for (i = 0; i < sl->n_pieces; i = j) {
		p = &sl->pieces[i];
		if ((r = reserve_runs(sl, *n_runs + 1, err)) != 0)
			return r;
		run = &sl->runs[(*n_runs)++];
		run->id = p->id;
		run->n = 0;
		widest = NTDB_INT32;
		for (j = i; j < sl->n_pieces &&
		    same_run(p, &sl->pieces[j]); j++) {
			run->n += sl->pieces[j].n;
			if (sl->pieces[j].type > widest)
				widest = sl->pieces[j].type;
		}
		r = sort_run(sl, p->at, (uint32_t)run->n, err);
		if (r != 0)
			return r;
		run->type = type_of_run(s, p, widest);
		run->t = sl->t + p->at;
		run->m = sl->m + p->at;
		run->scale = p->is_float ? sl->scale + p->at : NULL;
		order_runs(sl->runs, *n_runs);
	}
	return 0;
}

static int
reserve_lasts(struct sealer *s, struct ntdb_error *err)
{
	uint32_t cap = s->lasts_cap == 0 ? 64 : 2 * s->lasts_cap;
	struct last_entry *lasts;

	if (s->n_lasts < s->lasts_cap)
		return 0;
	if ((lasts = realloc(s->lasts, cap * sizeof(*lasts))) == NULL)
		return err_nomem(err);
	s->lasts = lasts;
	s->lasts_cap = cap;
	return 0;
}

/* Note the newest samples; what comes later in the file came later. */
static int
note_lasts(struct sealer *s, size_t n_runs, struct ntdb_error *err)
{
	const struct page_run_in *run;
	struct last_entry *e;
	uint32_t at = 0;
	size_t i, last;
	int r;

	for (i = 0; i < n_runs; i++) {
		run = &s->slice.runs[i];
		last = run->n - 1;
		while (at < s->n_lasts && s->lasts[at].id < run->id)
			at++;
		if (at == s->n_lasts || s->lasts[at].id != run->id) {
			if ((r = reserve_lasts(s, err)) != 0)
				return r;
			e = &s->lasts[at];
			memmove(e + 1, e, (s->n_lasts++ - at) * sizeof(*e));
			e->t = INT64_MIN;
		}
		e = &s->lasts[at];
		if (run->t[last] < e->t)
			continue;
		e->id = run->id;
		e->type = run->type;
		e->t = run->t[last];
		e->m = run->m[last];
		e->scale = run->scale != NULL ? run->scale[last] : 0;
	}
	return 0;
}

int
seal_append(struct sealer *s, const void *p, size_t len,
    struct ntdb_error *err)
{
	int r;

	r = io_pwrite(s->out.fd, p, len, s->out.size, s->f.name, err);
	s->out.size += len;
	return r;
}

int
seal_slice_write(struct sealer *s, struct ntdb_error *err)
{
	struct seal_slice *sl = &s->slice;
	size_t n_runs;
	int r;

	if (sl->n == 0)
		return 0;
	qsort(sl->pieces, sl->n_pieces, sizeof(sl->pieces[0]),
	    compare_pieces);
	scatter(sl);
	buf_clear(&s->page);
	if ((r = make_runs(s, &n_runs, err)) != 0 ||
	    (r = note_lasts(s, n_runs, err)) != 0 ||
	    (r = page_pack(s->packer, sl->runs, n_runs, sl->epoch, true,
	    PAGE_DEFLATE, &s->page, err)) != 0 ||
	    (r = seal_append(s, s->page.data, s->page.len, err)) != 0)
		return r;
	s->samples += sl->n;
	s->n_out++;
	sl->n = 0;
	sl->n_pieces = 0;
	sl->epoch = 0;
	return 0;
}
