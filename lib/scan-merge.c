/*
 * Merging the runs of one metric, from pages and log, by time.
 *
 * A sample comes before another if its time is less or, of equal times, if
 * its run arrived earlier.  Runs that overlap no other are given out as they
 * were decoded; short and interleaved pieces are copied together.
 */
#include <stdlib.h>

#include "error.h"
#include "scan.h"
#include "timefmt.h"

#define SLICE 8192		/* samples decoded at once ... */
#define SLICE_MANY 1024		/* ... if so many runs overlap that this */
#define SLICE_MOST 128		/* would take too much memory */
#define OUT_MAX 4096
#define COPY_MAX 64		/* longer pieces are not copied */
#define LOG_SEQ UINT32_MAX	/* the log came last */

/* Fill a source with samples of the log. */
static void
log_decode(struct scan *sc, struct source *src)
{
	const struct log_sample *log = sc->plan.log;
	uint32_t i = sc->log;

	src->at = src->n = 0;
	src->list = i;
	while (i != 0 && src->n < src->cap && log[i - 1].t <= sc->v_last) {
		src->t[src->n] = log[i - 1].t;
		src->m[src->n] = log[i - 1].m;
		src->scale[src->n++] = log[i - 1].scale;
		i = log[i - 1].next;
	}
	sc->log = i;
}

/* Begin with a run, or (ref NULL) with the log's samples. */
static int
source_begin(struct scan *sc, struct run_ref *ref, struct ntdb_error *err)
{
	uint32_t cap = sc->n_sources < 8 ? SLICE :
	    sc->n_sources < 64 ? SLICE_MANY : SLICE_MOST;
	struct source *src;
	size_t n;
	int r;

	if (sc->n_sources == sc->cap_sources) {
		n = sc->cap_sources * 2 + 4;
		src = realloc(sc->sources, n * sizeof(*src));
		if (src == NULL)
			return err_nomem(err);
		memset(src + sc->cap_sources, 0,
		    (n - sc->cap_sources) * sizeof(*src));
		sc->sources = src;
		sc->cap_sources = n;
	}
	src = &sc->sources[sc->n_sources];
	if (ref != NULL && ref->end - ref->done < cap)
		cap = ref->end - ref->done;
	if (ref == NULL && cap > OUT_MAX)
		cap = OUT_MAX;
	if ((r = source_reserve(src, cap, err)) != 0)
		return r;
	src->ref = ref;
	src->seq = ref != NULL ? ref->seq : LOG_SEQ;
	src->at = src->n = 0;
	sc->n_sources++;
	return 0;
}

/* Put the source that is not wanted any more behind the active ones. */
static void
source_end(struct scan *sc, size_t i)
{
	struct source tmp = sc->sources[i];

	if (tmp.ref == NULL)
		sc->log_begun = false;
	sc->n_sources--;
	sc->sources[i] = sc->sources[sc->n_sources];
	sc->sources[sc->n_sources] = tmp;
}

/* Fill what has been used up, and end what is at its end. */
static int
refill(struct scan *sc, struct ntdb_error *err)
{
	struct source *src;
	size_t i = 0;
	int r;

	while (i < sc->n_sources) {
		src = &sc->sources[i];
		if (src->at < src->n) {
			i++;
			continue;
		}
		if (src->ref == NULL) {
			log_decode(sc, src);
		} else {
			r = run_decode(sc, src->ref, sc->v_first, sc->v_last,
			    src, err);
			if (r != 0)
				return r;
		}
		if (src->n == 0)
			source_end(sc, i);
		else
			i++;
	}
	return 0;
}

/* A place in the order of samples. */
struct place {
	bool	any;
	int64_t	t;
	uint32_t seq;
};

static bool
is_before(const struct place *a, const struct place *b)
{
	if (!a->any || !b->any)
		return a->any;
	return a->t < b->t || (a->t == b->t && a->seq < b->seq);
}

/* Where the runs and samples that have not been begun go on. */
static void
pending(struct scan *sc, struct place *p, bool *is_log)
{
	const struct run_ref *ref;
	struct place log;

	p->any = *is_log = false;
	for (; sc->ref < sc->ref_end; sc->ref++) {
		ref = sc->plan.refs[sc->ref];
		if (ref->done < ref->end && ref->run.t_last >= sc->v_first)
			break;
	}
	if (sc->ref < sc->ref_end) {
		ref = sc->plan.refs[sc->ref];
		p->any = ref->t_first <= sc->v_last;
		p->t = ref->t_first;
		p->seq = ref->seq;
	}
	if (sc->log == 0 || sc->log_begun)
		return;
	log.t = sc->plan.log[sc->log - 1].t;
	log.any = log.t <= sc->v_last;
	log.seq = LOG_SEQ;
	if (is_before(&log, p)) {
		*p = log;
		*is_log = true;
	}
}

/* The first of the active sources, and where the second one is. */
static struct source *
first_source(struct scan *sc, struct place *head, struct place *second)
{
	struct source *best = NULL, *src;
	struct place p;
	size_t i;

	memset(head, 0, sizeof(*head));
	memset(second, 0, sizeof(*second));
	for (i = 0; i < sc->n_sources; i++) {
		src = &sc->sources[i];
		p.any = true;
		p.t = src->t[src->at];
		p.seq = src->seq;
		if (is_before(&p, head)) {
			*second = *head;
			*head = p;
			best = src;
		} else if (is_before(&p, second)) {
			*second = p;
		}
	}
	return best;
}

/* How many samples of a source come before a place. */
static uint32_t
piece(const struct source *src, const struct place *bound)
{
	const uint32_t n = src->n - src->at;
	const int64_t *t = src->t + src->at;

	if (!bound->any || t[n - 1] < bound->t)
		return n;
	return times_before(t, n, bound->t, src->seq < bound->seq);
}

static int
out_reserve(struct scan *sc, struct ntdb_error *err)
{
	if (sc->out_t != NULL)
		return 0;
	sc->out_t = malloc(2 * OUT_MAX * sizeof(*sc->out_t));
	sc->out_scale = malloc(OUT_MAX);
	if (sc->out_t == NULL || sc->out_scale == NULL)
		return err_nomem(err);
	sc->out_m = sc->out_t + OUT_MAX;
	return 0;
}

/* Whether to begin with another run or the log.  1: not now. */
static int
begin_pending(struct scan *sc, bool is_log, size_t n_out,
    struct ntdb_error *err)
{
	struct run_ref *ref = NULL;
	int r;

	if (!is_log) {
		/* It may be that the caller can pass over a whole run. */
		ref = sc->plan.refs[sc->ref];
		if (sc->n_sources == 0 && n_out > 0 && ref->run.has_stats)
			return 1;
	}
	r = source_begin(sc, ref, err);
	if (r != 0)
		return r;
	if (is_log)
		sc->log_begun = true;
	else
		sc->ref++;
	return 0;
}

int
merge_next(struct scan *sc, struct block *b, struct ntdb_error *err)
{
	struct place head, second, next;
	struct source *src;
	bool is_log;
	size_t n_out = 0;
	uint32_t n;
	int r;

	while ((r = refill(sc, err)) == 0) {
		src = first_source(sc, &head, &second);
		pending(sc, &next, &is_log);
		if (src == NULL && !next.any)
			break;
		if (is_before(&next, &head)) {
			r = begin_pending(sc, is_log, n_out, err);
			if (r != 0)
				break;
			continue;
		}
		if (is_before(&next, &second))
			second = next;
		n = piece(src, &second);
		if (n >= COPY_MAX && n_out > 0)
			break;
		b->t = src->t + src->at;
		b->m = src->m + src->at;
		b->scale = sc->is_float ? src->scale + src->at : NULL;
		b->n = n;
		if (n >= COPY_MAX) {
			src->at += n;
			return 0;
		}
		if ((r = out_reserve(sc, err)) != 0)
			return r;
		if (n > OUT_MAX - n_out)
			break;
		memcpy(sc->out_t + n_out, b->t, n * sizeof(*b->t));
		memcpy(sc->out_m + n_out, b->m, n * sizeof(*b->m));
		memcpy(sc->out_scale + n_out, src->scale + src->at, n);
		n_out += n;
		src->at += n;
	}
	if (r < 0 && (r != NTDB_EBUSY || n_out == 0))
		return r;
	if (n_out == 0)
		return NTDB_END;
	b->t = sc->out_t;
	b->m = sc->out_m;
	b->scale = sc->is_float ? sc->out_scale : NULL;
	b->n = n_out;
	return 0;
}

void
bucket_span(int64_t t, int64_t window, int64_t *first, int64_t *last)
{
	const int64_t week = 7 * NS_PER_DAY, monday = 4 * NS_PER_DAY;
	int64_t rest;

	/* 5 January 1970 was the first Monday. */
	rest = t % window;
	if (window % week == 0)
		rest = (rest - monday) % window;
	if (rest < 0)
		rest += window;
	*first = t < INT64_MIN + rest ? INT64_MIN : t - rest;
	*last = t > INT64_MAX - (window - 1 - rest) ? INT64_MAX :
	    t + (window - 1 - rest);
}

int
merge_skip(struct scan *sc, int64_t window, scan_usable_fn *usable,
    const void *arg, const struct page_stats **stats, uint32_t *n,
    int64_t *first_t, int64_t *last_t)
{
	const struct page_stats *st;
	const struct run_ref *after;
	struct run_ref *ref;
	struct source *src;
	struct place next;
	int64_t first, last;
	bool is_log;
	size_t i;

	for (i = sc->n_sources; i-- > 0; ) {
		src = &sc->sources[i];
		if (src->at == src->n && (src->ref == NULL ? sc->log == 0 :
		    src->ref->done >= src->ref->end))
			source_end(sc, i);
	}
	pending(sc, &next, &is_log);
	if (sc->n_sources > 0 || sc->skip_n > 0 || !next.any || is_log)
		return NTDB_END;
	ref = sc->plan.refs[sc->ref];
	if (ref->done != 0 || ref->t_first < sc->v_first ||
	    ref->run.t_last > sc->v_last)
		return NTDB_END;
	st = sc->is_float == !ntdb_type_is_int(ref->run.type) ?
	    ref_stats(ref) : NULL;
	if (usable != NULL && !usable(arg, st, ref->end))
		return NTDB_END;
	if (window != 0) {
		bucket_span(ref->t_first, window, &first, &last);
		if (ref->run.t_last > last)
			return NTDB_END;
	}
	if (sc->log != 0 && sc->plan.log[sc->log - 1].t < ref->run.t_last)
		return NTDB_END;
	if (sc->ref + 1 < sc->ref_end) {
		after = sc->plan.refs[sc->ref + 1];
		if (after->t_first < ref->run.t_last ||
		    (after->t_first == ref->run.t_last && after->seq < ref->seq))
			return NTDB_END;
	}
	*stats = st;
	*n = ref->end;
	*first_t = ref->t_first;
	*last_t = ref->run.t_last;
	ref->done = ref->end;
	sc->ref++;
	return 0;
}

int
merge_begin(struct scan *sc, size_t at, struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct plan_metric *pm = &p->metrics[at - p->from];
	const struct metric *m = state_metric(&sc->s->state, sc->ids[at]);
	struct run_ref *ref;
	uint32_t i;
	int r;

	sc->at = at;
	sc->begun = sc->in_metric = true;
	sc->is_float = m == NULL || !ntdb_type_is_int(m->type);
	sc->n_sources = 0;
	sc->log_begun = false;
	sc->ref = pm->started;
	sc->ref_end = pm->ref + pm->n_refs;
	sc->log = pm->log;
	while (sc->log != 0 && p->log[sc->log - 1].t < sc->v_first)
		sc->log = p->log[sc->log - 1].next;

	/* Runs of which an earlier visit has left something. */
	for (i = pm->ref; i < pm->started; i++) {
		ref = p->refs[i];
		if (ref->done < ref->end && ref->t_first <= sc->v_last &&
		    (r = source_begin(sc, ref, err)) != 0)
			return r;
	}
	return 0;
}

void
merge_leave(struct scan *sc)
{
	struct plan *p = &sc->plan;
	struct plan_metric *pm;
	const struct source *src;
	struct run_ref *ref;
	uint32_t i;
	size_t k;

	if (!sc->in_metric)
		return;
	sc->in_metric = false;
	pm = &p->metrics[sc->at - p->from];
	for (k = 0; k < sc->n_sources; k++) {
		src = &sc->sources[k];
		if (src->at == src->n)
			continue;
		if (src->ref != NULL) {
			src->ref->done -= src->n - src->at;
			src->ref->t_first = src->t[src->at];
		} else {
			sc->log = src->list;
			for (i = 0; i < src->at; i++)
				sc->log = p->log[sc->log - 1].next;
		}
	}
	sc->n_sources = 0;
	pm->started = sc->ref;
	pm->log = sc->log;
	pm->any = false;
	pm->next_t = INT64_MAX;
	for (i = pm->ref; i < pm->ref + pm->n_refs; i++) {
		ref = p->refs[i];
		if (ref->done >= ref->end)
			continue;
		pm->any = true;
		if (ref->t_first < pm->next_t)
			pm->next_t = ref->t_first;
		if (i >= pm->started)
			break;
	}
	if (pm->log != 0) {
		pm->any = true;
		if (p->log[pm->log - 1].t < pm->next_t)
			pm->next_t = p->log[pm->log - 1].t;
	}
}
