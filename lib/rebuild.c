/*
 * Making a state anew from the pages, when there is no cache.
 *
 * The partitions are gone through from the newest.  Of what is sealed the list
 * of last samples is enough; of the rest only the headers are looked at once
 * every metric has a last sample that is newer than the partition.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "writer.h"

/* The newest sample of a metric within one data file. */
struct winner {
	int64_t	t;
	uint64_t page;		/* offset; 0: none */
	uint32_t run;
};

struct rebuild {
	struct writer *w;
	struct snapshot view;
	struct winner *winners;	/* by id */
	uint32_t n_winners;
	uint64_t newer;		/* highest epoch above the log's */
	bool	unread;		/* a winner's value is damaged */
};

/* What a walk over the pages of a file is for. */
enum walk {
	WALK_NOTE,		/* to find each metric's newest run */
	WALK_TAKE,		/* to read the last samples of those */
	WALK_EVERY		/* to read those of all runs, where one is damaged */
};

static bool
is_damage(const struct ntdb_error *why)
{
	return why->code == NTDB_ECORRUPT || why->code == NTDB_EVERSION;
}

/*
 * What is damaged is told and passed over.  What could not be read just now
 * is a failure: without it the state would be wrong, and be kept.
 */
static int
pass_over(const struct rebuild *rb, const struct ntdb_error *why,
    struct ntdb_error *err)
{
	if (!is_damage(why))
		return err_take(err, why);
	root_note(rb->w->dir.root, why);
	return 0;
}

/* Whether a metric's last sample might be in a partition that ends there. */
static bool
any_open(const struct state *s, int64_t part_last)
{
	uint32_t id;

	for (id = 1; id < s->n_slots; id++) {
		const struct metric *m = &s->metrics[id];

		if ((m->flags & METRIC_NAMED) &&
		    (!(m->flags & METRIC_HAS_LAST) || m->last_t <= part_last))
			return true;
	}
	return false;
}

static void
note_winners(struct rebuild *rb, const struct page_ref *ref,
    const struct page_dir *dir)
{
	uint32_t i;

	for (i = 0; i < dir->n_runs; i++) {
		const struct page_run *run = &dir->runs[i];
		struct winner *win;

		if (run->id >= rb->n_winners)
			continue;
		win = &rb->winners[run->id];
		if (win->page != 0 && run->t_last < win->t)
			continue;
		win->t = run->t_last;
		win->page = ref->offset;
		win->run = i;
	}
}

/* The last value of a run. */
static int
last_value(const struct datafile *f, const struct page_ref *ref,
    const struct page_dir *dir, const struct page_run *run, int64_t *m,
    uint8_t *scale, struct ntdb_error *err)
{
	uint32_t times, values;
	uint8_t *raw = NULL;
	int r = 0;

	page_run_groups(dir, run, &times, &values);
	if (values != UINT32_MAX) {
		const struct page_group *g = &dir->groups[values];

		if ((raw = malloc(g->raw_len + 1)) == NULL)
			return err_nomem(err);
		r = datafile_group(f, ref, g, raw, err);
	}
	*scale = 0;
	if (r == 0)
		r = page_values(dir, run, raw, run->n - 1, 1, m,
		    ntdb_type_is_int(run->type) ? NULL : scale, err);
	free(raw);
	return r;
}

static bool
is_winner(const struct rebuild *rb, const struct page_ref *ref, uint32_t id,
    uint32_t run)
{
	return rb->winners[id].page == ref->offset &&
	    rb->winners[id].run == run;
}

/*
 * Give the metrics that this page has the newest samples of those.  A value
 * that is damaged is not the last one: whatever can be read before it is.
 */
static int
take_lasts(struct rebuild *rb, const struct datafile *f,
    const struct page_ref *ref, const struct page_dir *dir, bool every,
    struct ntdb_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = 0; r == 0 && i < dir->n_runs; i++) {
		const struct page_run *run = &dir->runs[i];
		struct ntdb_error why = NTDB_ERROR_INIT;
		struct metric *mt = state_metric(&rb->w->state, run->id);
		uint8_t scale;
		int64_t m;

		if (mt == NULL || (!every && !is_winner(rb, ref, run->id, i)) ||
		    ((mt->flags & METRIC_HAS_LAST) &&
		    mt->last_t > run->t_last))
			continue;
		if (last_value(f, ref, dir, run, &m, &scale, &why) == 0) {
			state_sample(&rb->w->state, run->id, run->t_last, m,
			    scale);
		} else if (!every || !is_damage(&why)) {
			r = pass_over(rb, &why, err);
			rb->unread = true;
		}
	}
	return r;
}

/*
 * Take what the list of last samples says of the pages before it.  From *pos
 * on the pages have to be looked at.
 */
static int
take_list(struct rebuild *rb, const struct datafile *f, uint64_t *pos,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct state *s = &rb->w->state;
	struct last_entry *e;
	const struct metric *m;
	uint32_t n, i;
	int r;

	*pos = DATA_HEAD_LEN;
	if ((r = datafile_lasts(f, &e, &n, &why)) != 0)
		return r == NTDB_END ? 0 : pass_over(rb, &why, err);
	for (i = 0; i < n; i++) {
		state_see_id(s, e[i].id);
		m = state_metric(s, e[i].id);
		if (m != NULL && (!(m->flags & METRIC_HAS_LAST) ||
		    m->last_t <= e[i].t))
			state_sample(s, e[i].id, e[i].t, e[i].m, e[i].scale);
	}
	free(e);
	*pos = f->list_at + f->list_len;
	return 0;
}

/* Walk the pages that count: note or take each one's newest samples. */
static int
walk_dirs(struct rebuild *rb, const struct datafile *f, uint64_t pos,
    uint64_t limit, enum walk what, struct ntdb_error *err)
{
	struct page_ref ref;
	int r, failed = 0;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;
		struct page_dir dir;

		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			return 0;
		if (r == 0 && !snapshot_counts(&rb->view, &ref))
			continue;
		if (r == 0) {
			r = datafile_dir(f, &ref, &dir, &why);
			if (r == 0 && what == WALK_NOTE)
				note_winners(rb, &ref, &dir);
			else if (r == 0)
				failed = take_lasts(rb, f, &ref, &dir,
				    what == WALK_EVERY, err);
			page_dir_release(&dir);
		}
		if (r != 0 && (what == WALK_NOTE || !is_damage(&why)))
			failed = pass_over(rb, &why, err);
		if (failed != 0 || (r != 0 && r != NTDB_ECORRUPT))
			return failed;
	}
}

/* Headers only: ids that are in use, and epochs above the log's. */
static int
walk_heads(struct rebuild *rb, const struct datafile *f, uint64_t pos,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct page_ref ref;
	int r;

	while ((r = datafile_next(f, &pos, f->size, &ref, &why)) == 0 ||
	    r == NTDB_ECORRUPT) {
		err_clear(&why);
		if (r != 0)
			continue;
		state_see_id(&rb->w->state, ref.head.max_id);
		if (ref.head.epoch > rb->w->wal.key.epoch &&
		    ref.head.epoch > rb->newer)
			rb->newer = ref.head.epoch;
	}
	return r == NTDB_END || r == NTDB_EVERSION ? 0 : err_take(err, &why);
}

static int
take_partition(struct rebuild *rb, struct partition part,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct state *s = &rb->w->state;
	bool all = rb->view.all_pages;
	struct datafile f;
	int64_t first, last;
	uint64_t limit, pos;
	int r;

	/* An old log shows at some file: from then on all pages count. */
	do {
		r = snapshot_file(&rb->view, part, &f, &limit, &why);
	} while (r == NTDB_EBUSY && !all && (all = rb->view.all_pages));
	if (r != 0) {
		if (r == NTDB_ENOENT)
			return 0;
		if (r == NTDB_ECORRUPT)
			return pass_over(rb, &why, err);
		return err_take(err, &why);
	}
	if (f.sealed_epoch > rb->w->wal.key.epoch &&
	    f.sealed_epoch > rb->newer)
		rb->newer = f.sealed_epoch;
	if ((r = take_list(rb, &f, &pos, err)) != 0 ||
	    (r = walk_heads(rb, &f, pos, err)) != 0)
		goto done;
	partition_span(part, &first, &last);
	if (any_open(s, last)) {
		memset(rb->winners, 0,
		    rb->n_winners * sizeof(rb->winners[0]));
		rb->unread = false;
		if ((r = walk_dirs(rb, &f, pos, limit, WALK_NOTE, err)) == 0)
			r = walk_dirs(rb, &f, pos, limit, WALK_TAKE, err);
		if (r == 0 && rb->unread)
			r = walk_dirs(rb, &f, pos, limit, WALK_EVERY, err);
	}
done:
	datafile_close(&f);
	return r;
}

static int
take_pages(struct rebuild *rb, struct ntdb_error *err)
{
	struct partition *parts;
	size_t n, i;
	int r;

	r = dbdir_partitions(&rb->w->dir, INT64_MIN, INT64_MAX, &parts, &n,
	    err);
	for (i = n; r == 0 && i > 0; i--)
		r = take_partition(rb, parts[i - 1], err);
	free(parts);
	return r;
}

static void
forget_lasts(struct state *s)
{
	uint32_t id;

	for (id = 1; id < s->n_slots; id++)
		s->metrics[id].flags &= (uint8_t)~METRIC_HAS_LAST;
}

int
writer_rebuild(struct writer *w, uint64_t *newer, struct ntdb_error *err)
{
	struct rebuild rb;
	uint64_t tail;
	int r;

	memset(&rb, 0, sizeof(rb));
	rb.w = w;
	writer_view(w, &rb.view);
	rb.n_winners = w->state.n_slots;
	rb.winners = calloc(rb.n_winners + 1, sizeof(rb.winners[0]));
	if (rb.winners == NULL)
		return err_nomem(err);
	/* Pages came before the log: of equal times the log's sample stays. */
	forget_lasts(&w->state);
	r = take_pages(&rb, err);
	free(rb.winners);
	*newer = rb.newer;
	if (r != 0)
		return r;
	w->state.log_pos = w->wal.head.len;
	w->state.log_samples = 0;
	w->state.complete = true;
	return state_replay(&w->state, &w->wal, &tail, w->dir.wal_path, err);
}
