/*
 * Commits: the pending samples of each database are judged under its lock
 * and appended to its log, or, past the log, written to pages.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flush-chunk.h"
#include "ingest.h"
#include "timefmt.h"

/* ------------------------------------------------------------- databases */

/* Keep no more databases open than OPEN_WRITERS. */
static void
close_oldest(struct ntdb_ingest *in)
{
	uint32_t i, n_open = 0, oldest = UINT32_MAX;

	for (i = 0; i < in->n_dbs; i++) {
		if (!in->dbs[i].open)
			continue;
		n_open++;
		if (oldest == UINT32_MAX ||
		    in->dbs[i].used < in->dbs[oldest].used)
			oldest = i;
	}
	if (n_open >= OPEN_WRITERS) {
		writer_close(&in->dbs[oldest].w);
		in->dbs[oldest].open = false;
	}
}

static int
open_db(struct ntdb_ingest *in, struct ingest_db *d, bool create,
    struct ntdb_error *err)
{
	uint32_t generation = d->w.generation;
	int r;

	d->used = in->stats.commits;
	if (d->open)
		return 0;
	close_oldest(in);
	r = writer_open(&d->w, in->root, d->name, create, err);
	if (r == 0) {
		d->open = true;
		/* Ids found through an earlier handle must not be trusted. */
		d->w.generation = generation;
	}
	return r;
}

/* ---------------------------------------------------------------- judging */

static void
judging_init(struct judging *j, struct ntdb_ingest *in, struct writer *w,
    uint32_t db, uint32_t from, uint32_t to)
{
	int64_t ahead = w->manifest.max_future_ns;

	memset(j, 0, sizeof(*j));
	j->in = in;
	j->w = w;
	j->db = db;
	j->from = from;
	j->to = to;
	j->now_ns = ntdb_now(in->root);
	j->stamp_ns = in->opt.has_arrival ? in->opt.arrival_ns : j->now_ns;
	j->clock_set = j->now_ns >= NTDB_RELEASE_S * NS_PER_S;
	if (!j->clock_set || ahead == 0 || in->derived ||
	    __builtin_add_overflow(j->now_ns, ahead, &j->latest_ns))
		j->latest_ns = INT64_MAX;
}

/*
 * Whether a database that does not exist would get a sample at all: only
 * then it is made.  The verdicts stand if not.
 */
static int
rehearse(struct ntdb_ingest *in, uint32_t db, uint32_t from, uint32_t to,
    bool *accepted, struct ntdb_error *err)
{
	struct judging j;
	struct writer w;
	int r;

	memset(&w, 0, sizeof(w));
	wal_init(&w.wal);
	w.generation = UINT32_MAX;
	*accepted = false;
	if ((r = root_engine(in->root, &w.engine, err)) != 0)
		return r;
	/* An empty path is no file: the defaults. */
	r = manifest_read(AT_FDCWD, "", DBDIR_MANIFEST, w.engine,
	    &w.manifest, NULL, NULL, err);
	if (r == 0) {
		judging_init(&j, in, &w, db, from, to);
		j.rehearsal = true;
		batch_begin(&in->batch, 0);
		r = judge_all(&j, err);
		*accepted = j.stored > 0;
	}
	state_release(&w.state);
	manifest_release(&w.manifest);
	return r;
}

/* ------------------------------------------------------- direct to pages */

/* What is held back and a batch go into one flush. */
_Static_assert(HELD_MAX + PENDING_BATCH <= CHUNK_SAMPLES, "a full chunk");

/* Whether these samples are to go to pages without the log. */
static bool
goes_to_pages(const struct ntdb_ingest *in, const struct writer *w,
    uint32_t db, uint32_t from, uint32_t to)
{
	int64_t before = w->manifest.skip_before_ns, limit;
	uint32_t i;

	if (!w->manifest.wal_enabled)
		return true;
	if (before == 0 || __builtin_sub_overflow(ntdb_now(in->root), before,
	    &limit))
		return false;
	for (i = from; i < to; i++) {
		const struct pending *p = &in->pending[i];

		if (ingest_is_of(in, p, db) && (p->flags & PENDING_HAS_TIME) &&
		    p->t < limit)
			return true;
	}
	return false;
}

/* Whether they are to wait for more of their kind first. */
static bool
is_held(const struct ntdb_ingest *in, const struct writer *w, uint32_t db,
    uint32_t from, uint32_t to)
{
	uint64_t enough = w->manifest.page_max_records, n = 0;
	uint32_t i;

	if (enough > HELD_MAX)
		enough = HELD_MAX;
	for (i = from; i < to && n < enough; i++)
		n += ingest_is_of(in, &in->pending[i], db);
	return n < enough;
}

/* ----------------------------------------------------------------- commit */

/* The time of the first of these samples, for the batch. */
static int64_t
base_time(const struct judging *j)
{
	uint32_t i;

	for (i = j->from; i < j->to; i++) {
		const struct pending *p = &j->in->pending[i];

		if (ingest_is_of(j->in, p, j->db) && (p->flags & PENDING_HAS_TIME))
			return p->t;
	}
	return j->stamp_ns;
}

/* Whoever adds much will flush more than once: keep memory for it. */
static int
lend_flusher(struct ntdb_ingest *in, struct writer *w, bool much,
    struct ntdb_error *err)
{
	int r;

	if (in->flusher == NULL && much &&
	    (r = flusher_new(&in->flusher, err)) != 0)
		return r;
	w->flusher = in->flusher;
	return 0;
}

/* A flush that fails loses nothing: the log has it all. */
static void
try_flush(struct writer *w)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (w->flush_failed_at != 0 && w->state.log_pos <
	    w->flush_failed_at + w->manifest.page_max_bytes / 4)
		return;
	if (flush_log(w, NULL, &why) != 0)
		root_note(w->dir.root, &why);
}

/* Make room below max_segment_size. */
static int
limit_log(struct writer *w, size_t more, struct ntdb_error *err)
{
	int r;

	if (w->state.log_pos + more <= w->engine->max_segment_size ||
	    w->state.log_pos == w->wal.head.len)
		return 0;
	if ((r = flush_log(w, NULL, err)) != 0)
		return r == NTDB_EIO ? r : err_set(err, NTDB_EIO,
		    "log is full and cannot be flushed");
	return 0;
}

/* Count what was read of the database, and refused. */
static void
count_bad(struct ingest_db *d)
{
	unsigned why;

	for (why = 0; d->has_bad && why < NTDB_REFUSE_N; why++)
		state_count(&d->w.state, COUNT_REFUSED + why, d->bad[why]);
	memset(d->bad, 0, sizeof(d->bad));
	d->has_bad = false;
}

/* Count what was judged, and not stored. */
static void
count_verdicts(const struct judging *j)
{
	const struct ntdb_ingest *in = j->in;
	uint32_t i;

	for (i = j->from; i < j->to; i++) {
		const struct pending *p = &in->pending[i];

		if (!ingest_is_of(in, p, j->db))
			continue;
		if (p->verdict == VERDICT_DUPLICATE)
			state_count(&j->w->state, COUNT_DUPLICATES, 1);
		else if (p->verdict == VERDICT_REFUSED)
			state_count(&j->w->state, COUNT_REFUSED + p->why, 1);
	}
}

static int
append(struct judging *j, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	int r;

	if (j->to_pages) {
		if (j->stored == 0)
			return 0;
		/* Into the cache with what the log has told until now. */
		j->w->state.counters[COUNT_SAMPLES] += j->stored;
		j->w->state.counters[COUNT_COMMITS]++;
		return flush_direct(j->w, err);
	}
	if (in->batch.n == 0)
		return 0;
	r = writer_append(j->w, &in->batch, j->stored, in->opt.sync, err);
	if (r != 0)
		return r;
	if (j->keep != NULL)
		flusher_logged(j->w->flusher, j->w);
	if (writer_flush_is_due(j->w)) {
		/* A flush needs memory, and the batch is in the log. */
		batch_release(&in->batch);
		batch_init(&in->batch);
		try_flush(j->w);
	}
	return 0;
}

static int
commit_locked(struct judging *j, struct ntdb_error *err)
{
	struct ntdb_ingest *in = j->in;
	uint32_t n = j->to - j->from;
	int r;

	if ((r = lend_flusher(in, j->w, j->to_pages || n >= KEEP_FROM,
	    err)) != 0)
		return r;
	if (j->to_pages)
		r = flusher_direct(j->w, n, &j->keep, err);
	else
		r = limit_log(j->w, (size_t)n * 16, err);
	if (r != 0)
		return r;
	if (!j->to_pages && j->w->flusher != NULL)
		j->keep = flusher_chunk(j->w->flusher, j->w, n);
	batch_begin(&in->batch, base_time(j));
	r = judge_all(j, err);
	if (j->collected)
		suspects_done(in);
	if (r != 0 || (r = append(j, err)) != 0) {
		j->w->valid = false;
		return r;
	}
	if (j->stored > 0)
		in->stats.commits++;
	if (j->stored < in->dbs[j->db].n_pending)
		count_verdicts(j);
	count_bad(&in->dbs[j->db]);
	return 0;
}

static void
forget_verdicts(struct ntdb_ingest *in, uint32_t db, uint32_t from,
    uint32_t to)
{
	for (; from < to; from++)
		if (ingest_is_of(in, &in->pending[from], db))
			in->pending[from].verdict = VERDICT_NONE;
}

int
ingest_commit_db(struct ntdb_ingest *in, uint32_t db, uint32_t from, uint32_t to,
    bool finish, bool *held, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct ingest_db *d = &in->dbs[db];
	struct judging j;
	bool accepted;
	int r;

	*held = false;
	r = open_db(in, d, false, &why);
	if (r == NTDB_ENOENT) {
		r = rehearse(in, db, from, to, &accepted, err);
		if (r != 0 || !accepted)
			return r;
		/* They are judged in earnest now, or when they have waited. */
		forget_verdicts(in, db, from, to);
		r = open_db(in, d, true, err);
	} else if (r != 0 && err != NULL && err->code == 0) {
		*err = why;
	}
	if (r != 0)
		return r;
	judging_init(&j, in, &d->w, db, from, to);
	j.to_pages = goes_to_pages(in, &d->w, db, from, to);
	if (j.to_pages && !finish && is_held(in, &d->w, db, from, to)) {
		*held = true;
		return 0;
	}
	if ((r = writer_lock(&d->w, err)) == 0) {
		r = commit_locked(&j, err);
		writer_unlock(&d->w);
	}
	if (r != 0)
		forget_verdicts(in, db, from, to);
	return r;
}

void
ingest_count_bad(struct ntdb_ingest *in)
{
	uint32_t db;

	for (db = 0; db < in->n_dbs; db++) {
		struct ingest_db *d = &in->dbs[db];

		if (!d->has_bad || open_db(in, d, false, NULL) != 0 ||
		    writer_lock(&d->w, NULL) != 0)
			continue;
		count_bad(d);
		writer_unlock(&d->w);
	}
}

void
ingest_release_commit(struct ntdb_ingest *in)
{
	uint32_t i;

	for (i = 0; i < in->n_dbs; i++)
		if (in->dbs[i].open)
			writer_close(&in->dbs[i].w);
	ingest_drop_pending(in, in->n_pending);
	flusher_free(in->flusher);
}
