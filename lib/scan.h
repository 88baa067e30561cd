/*
 * Floor 5.  What the files of the scan share, and nobody else.
 *
 * A plan covers the metrics ids[from .. from + n) from p_first to p_last.
 * Each of its run references is a run's directory entry with all that it
 * takes to decode it, so that directories need not be kept.
 */
#ifndef NTDB_SCAN_H
#define NTDB_SCAN_H

#include "cursor.h"
#include "pagecache.h"

/* The log's samples of one metric are a list, in order of arrival. */
struct log_sample {
	int64_t	t, m;
	uint32_t next;		/* index + 1; 0: the last */
	uint8_t	scale;
};

/*
 * A reference is followed by its columns - that of the times first, if there
 * is one, then that of the values -, its statistics and its exceptions.  A
 * column is a struct ref_column, or, if it is short, its bit planes: so the
 * file need not be opened again for it.
 */
struct run_ref {
	int64_t	t_first;	/* of the first sample not used yet */
	uint64_t page;		/* offset of its page */
	uint64_t step, usual;	/* of its timeline */
	uint32_t seq;		/* order of arrival, below that of kinds of
				 * partitions */
	uint32_t metric;	/* index in the plan */
	uint32_t part;		/* index of its partition */
	uint32_t done;		/* samples used */
	uint32_t end;		/* samples, 0 once it turns out damaged */
	uint8_t	time_width;	/* bits of a residual of its times */
	bool	time_planes, value_planes;	/* these columns are short */
	struct page_run run;	/* indices lead nowhere */
};

struct ref_column {
	struct page_column column;
	struct page_group group;
};

/* A reference as the functions of page.h want it. */
struct ref_view {
	struct page_dir dir;	/* leads to what follows, and to the ref */
	struct page_run run;
	struct page_timeline timeline;
	struct page_column columns[2];	/* of times and values, if any */
	struct page_group groups[2];
	const uint8_t *planes[2];	/* those of short columns, or NULL */
};

struct plan_metric {
	uint32_t ref, n_refs;	/* its references, sorted */
	uint32_t started;	/* references before this were begun */
	uint32_t log, log_tail;	/* index + 1 in the log's samples; 0: none */
	uint32_t log_head;	/* log, as it was at first */
	int64_t	next_t;		/* no unused sample is before this */
	bool	any;		/* there may be unused samples */
};

struct plan_part {
	struct partition part;
	uint64_t file_id;
};

struct refs_arena {
	struct arena_block *first, *last;
	size_t	used;		/* of the last block, with its head */
	size_t	bytes;		/* all in all */
};

struct plan {
	size_t	from, n;
	int64_t	first, last;
	uint32_t *wanted;		/* the n ids, sorted */
	size_t	n_wanted;
	struct plan_metric *metrics;	/* n of them */
	struct run_ref **refs;		/* sorted by (metric, t_first, seq) */
	size_t	n_refs, cap_refs;
	uint32_t next_seq;
	struct log_sample *log;
	size_t	n_log, cap_log;
	struct plan_part *parts;
	size_t	n_parts;
	struct refs_arena arena;	/* where the references live */
	bool	by_time;		/* rather cut than with fewer metrics */
	bool	unbounded;		/* the budget cannot be kept */
};

/* A sorted sequence that is being merged: a run, or the log's samples. */
struct source {
	struct run_ref *ref;	/* NULL: the log */
	uint32_t seq;
	uint32_t list;		/* the log: what is at 0, index + 1 */
	int64_t	*t, *m;		/* owned; samples [at, n) are unused */
	uint8_t	*scale;
	uint32_t at, n, cap;
};

struct scan {
	struct snapshot *s;		/* borrowed */
	struct pagecache *cache;
	bool	own_cache;
	const uint32_t *ids;		/* borrowed */
	size_t	n_ids;
	int64_t	first, last;
	size_t	budget;			/* bytes of references */
	size_t	log_budget;		/* and of samples of the log */
	uint32_t *slots;		/* by id: index in ids + 1; owned */
	uint32_t n_slots;
	size_t	chunk;			/* metrics that fitted last time */
	struct plan plan;
	bool	planned;

	/* By day. */
	bool	by_day;
	int64_t	day_first, day_last;	/* the day being read */
	int64_t	next_first;		/* nothing before it is left */
	bool	days_over;

	/* The current metric. */
	size_t	at;			/* index in ids */
	bool	begun, in_metric;
	bool	is_float;
	int64_t	v_first, v_last;	/* what is wanted of it from the plan */
	uint32_t ref, ref_end;		/* references not begun, in plan.refs */
	uint32_t log;			/* samples of the log not taken */
	bool	log_begun;		/* they are among the sources */
	struct source *sources;		/* owned; the first n are active */
	size_t	n_sources, cap_sources;
	int64_t	*out_t, *out_m;		/* merged samples; owned */
	uint8_t	*out_scale;
	bool	has_last;
	int64_t	last_t;			/* the last sample given out, and how */
	size_t	last_n;			/* many of that time */
	int64_t	skip_t;			/* drop so many samples of that time */
	size_t	skip_n;
};

/*
 * Make the plan for metrics from ids[from] on, at most n, and times from
 * first to last.  By time: if they do not fit, the time is cut rather than
 * the number of metrics, but not before min_last.
 */
int plan_make(struct scan *sc, size_t from, size_t n, int64_t first,
    int64_t last, bool by_time, int64_t min_last, struct ntdb_error *err);
void plan_release(struct plan *p);

/* Add a reference to a run of a page. */
int refs_add(struct scan *sc, const struct datafile *f, uint64_t page,
    const struct page_dir *dir, const struct page_run *run,
    struct run_ref **ref, struct ntdb_error *err);

/* Drop those of all but the first n_metrics metrics. */
void refs_keep(struct plan *p, uint32_t n_metrics);
void refs_clear(struct plan *p);

void ref_view(struct run_ref *ref, struct ref_view *v);
const struct page_stats *ref_stats(const struct run_ref *ref); /* or NULL */

/* Open the snapshot anew, after NTDB_EBUSY. */
int scan_refresh(struct scan *sc, struct ntdb_error *err);

/* A failure of the plan's parts: it does not fit. */
#define PLAN_FULL 2

/* Collect the log's samples.  0, PLAN_FULL or an error. */
int plan_log(struct scan *sc, bool by_time, int64_t min_last,
    struct ntdb_error *err);

/* Sort a metric's samples of the log by time; equal times as they came. */
void plan_log_sort(struct plan *p, struct plan_metric *m);

/* The index in ids + 1 of an id that is wanted by the plan, or 0. */
static inline size_t
scan_slot(const struct scan *sc, uint32_t id)
{
	const struct plan *p = &sc->plan;
	size_t i;

	if (p->n == 1)
		return sc->ids[p->from] == id ? p->from + 1 : 0;
	if (id >= sc->n_slots)
		return 0;
	i = sc->slots[id];
	return i > p->from && i <= p->from + p->n ? i : 0;
}

/* Begin with a metric of the plan, and leave it, for now or for good. */
int merge_begin(struct scan *sc, size_t at, struct ntdb_error *err);
void merge_leave(struct scan *sc);

/*
 * The next samples of the current metric in the plan.  NTDB_END.  NTDB_EBUSY:
 * the snapshot is too old.
 */
int merge_next(struct scan *sc, struct block *b, struct ntdb_error *err);

/* As scan_skip_run. */
int merge_skip(struct scan *sc, int64_t window, scan_usable_fn *usable,
    const void *arg, const struct page_stats **stats, uint32_t *n,
    int64_t *first_t, int64_t *last_t);

/*
 * Decode the samples of a run into a source's arrays, from ref->done on: at
 * most src->cap, without those before first; those after last are not used.
 * Damage leaves src->n = 0 and ref->end = 0.  NTDB_EBUSY as above.
 */
int run_decode(struct scan *sc, struct run_ref *ref, int64_t first,
    int64_t last, struct source *src, struct ntdb_error *err);

/* How many of t[0 .. n) are before `when', or, with also, not after it. */
uint32_t times_before(const int64_t *t, uint32_t n, int64_t when, bool also);

/* Room for cap samples in a source's arrays. */
int source_reserve(struct source *src, uint32_t cap, struct ntdb_error *err);
void source_release(struct source *src);

#endif
