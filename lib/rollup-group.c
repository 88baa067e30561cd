/*
 * The jobs of one source, run under the locks of all that they concern.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup-group.h"
#include "seal.h"

/* The jobs of one database that come one after the other. */
struct group {
	struct rollup_run *run;
	uint32_t source;		/* index of the database */
	const uint32_t *defs;		/* n of them, in the plan's order */
	size_t	n;
	bool	last;			/* the source has no jobs behind these */
	struct rollup_progress *progress;	/* borrowed: of the source */
	int	*locks;			/* owned, by database: maint.lock or -1 */
	struct snapshot snap;
	bool	open;
	struct checkpoints cp;
	struct rollup_change *changes;	/* owned */
	size_t	n_changes;
};

/* ---- locks */

/*
 * maint.lock of the source and of the destinations that exist, in the order
 * of names, so that two runs do not wait for each other.  In one that this
 * group makes there is nothing to be replaced.
 */
static bool
concerns(const struct group *g, uint32_t db)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->run->plan.defs[g->defs[i]].dest == db)
			return true;
	return db == g->source;
}

static int
lock_db(struct group *g, uint32_t db, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct dbdir d;
	int r;

	r = dbdir_open(&d, g->run->root, g->run->plan.dbs[db].name, &why);
	if (r == NTDB_ENOENT)
		return 0;
	if (r != 0)
		return err_at(err, r, why.path, -1, "%s", why.text);
	r = maint_lock(&d, g->run->root->opt.wait_ns, &g->locks[db], err);
	dbdir_close(&d);
	return r;
}

static int
lock_all(struct group *g, struct ntdb_error *err)
{
	const struct rollup_plan *p = &g->run->plan;
	const char *done = "";
	uint32_t i, next;
	int r;

	for (;;) {
		next = UINT32_MAX;
		for (i = 0; i < p->n_dbs; i++)
			if (concerns(g, i) && strcmp(p->dbs[i].name, done) > 0 &&
			    (next == UINT32_MAX || strcmp(p->dbs[i].name,
			    p->dbs[next].name) < 0))
				next = i;
		if (next == UINT32_MAX)
			return 0;
		if ((r = lock_db(g, next, err)) != 0)
			return r;
		done = p->dbs[next].name;
	}
}

/* ---- the source */

static void
close_source(struct group *g)
{
	if (g->open)
		snapshot_release(&g->snap);
	free(g->changes);
	g->changes = NULL;
	g->n_changes = 0;
	g->open = false;
}

/*
 * Where the run before has left off, and what this one sees: of all groups of
 * this run the same, so that what comes in between them is seen by the next
 * run, by all jobs.  The log up to there must be as durable as what is
 * remembered of it: one that loses its end grows anew to another one.
 */
static int
take_since(struct group *g, struct ntdb_error *err)
{
	struct rollup_since *s = &g->progress->since;
	struct rollup_since *seen = &g->progress->seen;
	const struct checkpoint *e;

	if (g->progress->begun)
		return 0;
	g->progress->begun = true;
	seen->known = g->snap.wal.fd != -1;
	seen->epoch = g->snap.wal.head.epoch;
	seen->pos = g->snap.log_end;
	e = checkpoints_find(&g->cp, "", "LOG", 3);
	s->known = e != NULL && e->number >= 0;
	if (s->known) {
		s->epoch = e->epoch;
		s->pos = (uint64_t)e->number;
	}
	if (g->run->opt->dry_run || !seen->known || (s->known &&
	    s->epoch == seen->epoch && s->pos == seen->pos))
		return 0;
	return io_sync(g->snap.wal.fd, g->snap.dir.wal_path, err);
}

/* Open the source as it is now, and see what has changed in it. */
static int
open_source(struct group *g, struct ntdb_error *err)
{
	struct rollup_run *run = g->run;
	int r;

	close_source(g);
	r = snapshot_open(&g->snap, run->root, run->plan.dbs[g->source].name,
	    err);
	g->open = true;
	if (r != 0 || (r = rollup_complete_lasts(&g->snap, err)) != 0 ||
	    (r = take_since(g, err)) != 0)
		return r;
	r = rollup_changes(&g->snap, &g->progress->since, &g->changes,
	    &g->n_changes, err);
	return r != 0 || !run->opt->dry_run ? r :
	    rollup_foresee_source(&run->foresight, g->source, &g->snap,
	    &g->changes, &g->n_changes, err);
}

/* ---- jobs */

/* A job that is not what it was begins anew. */
static bool
has_changed(const struct group *g, const struct rollup_def *d)
{
	const struct checkpoint *e;

	e = checkpoints_find(&g->cp, d->job->id, "", 0);
	return e == NULL || (uint64_t)e->number != d->hash;
}

/* Remember how far a job has come, and when it goes on by the clock. */
static int
take_checkpoints(struct group *g, struct rollup_work *w,
    struct ntdb_error *err)
{
	const struct state *s = &g->snap.state;
	int64_t first, last, due;
	size_t i;
	int r;

	if (has_changed(g, w->def)) {
		checkpoints_forget(&g->cp, w->def->job->id);
		r = checkpoints_set(&g->cp, w->def->job->id, "", 0,
		    (int64_t)w->def->hash, 0, err);
		if (r != 0)
			return r;
	}
	for (i = 0; i < w->n_items; i++) {
		const struct rollup_item *item = &w->items[i];
		const struct metric *m = state_metric(s, item->id);

		/* What is left of it the next run does. */
		if (item->behind || (w->stopped && item->in_doubt))
			continue;
		if (item->done != item->next || g->run->opt->rebuild) {
			/* -fanalyzer: items are metrics that have a name */
			r = checkpoints_set(&g->cp, w->def->job->id,
			    state_name(s, m), m->name_len, item->done,
			    g->snap.wal.head.epoch, err);
			if (r != 0)
				return r;
		}
		bucket_span(item->last_t, w->def->interval_ns, &first, &last);
		if (item->last_t >= item->done && !__builtin_add_overflow(
		    last, w->def->grace_ns + 1, &due) && due < g->progress->due)
			g->progress->due = due;
	}
	return 0;
}

static int
do_work(struct rollup_work *w, struct ntdb_error *err)
{
	int r;

	if ((r = rollup_dest_open(w, err)) == 0 &&
	    (r = rollup_compute(w, err)) == 0)
		r = rollup_dest_finish(w, err);
	rollup_dest_close(w);
	return r;
}

/* Values that were put, or would be. */
static uint64_t
values(const struct ntdb_rollup_result *r)
{
	return r->written + r->replaced + r->unsure;
}

/* Tell what was done of a job. */
static void
tell(const struct group *g, const struct rollup_work *w,
    const struct ntdb_rollup_result *before)
{
	const struct rollup_run *run = g->run;
	struct ntdb_rollup_result did = *w->res;

	did.jobs = 1;
	did.metrics -= before->metrics;
	did.written -= before->written;
	did.replaced -= before->replaced;
	did.unsure -= before->unsure;
	if (values(&did) == 0)
		return;
	w->res->jobs++;
	if (run->opt->done != NULL)
		run->opt->done(run->opt->arg, run->plan.dbs[g->source].name,
		    w->def->job->id, &did);
}

static int
run_job(struct group *g, const struct rollup_def *d, struct ntdb_error *err)
{
	const bool anew = g->run->opt->rebuild || has_changed(g, d);
	struct ntdb_rollup_result before = *g->run->res;
	struct rollup_work w = { .root = g->run->root, .plan = &g->run->plan,
	    .def = d, .source = &g->snap, .opt = g->run->opt,
	    .res = g->run->res, .anew = anew,
	    .foresight = g->run->opt->dry_run ? &g->run->foresight : NULL };
	int r;

	r = rollup_find_work(&w, anew ? NULL : &g->cp, g->changes,
	    g->n_changes, err);
	if (r == 0 && w.n_tasks > 0)
		r = do_work(&w, err);
	if (r == 0) {
		tell(g, &w, &before);
		g->progress->failed |= w.stopped;
		r = take_checkpoints(g, &w, err);
	}
	if (r == 0 && w.refused.code != 0)
		r = err_set(err, w.refused.code, "%s", w.refused.text);
	rollup_work_release(&w);
	return r;
}

/* What fails in one job does not keep the others waiting. */
static int
run_jobs(struct group *g, struct ntdb_error *err)
{
	struct rollup_run *run = g->run;
	bool written = false;
	int r, first = 0;
	size_t i;

	for (i = 0; i < g->n; i++) {
		const struct rollup_def *d = &run->plan.defs[g->defs[i]];
		struct ntdb_error why = NTDB_ERROR_INIT;
		const uint64_t before = values(run->res);

		if (rollup_run_is_stopped(run)) {
			g->progress->failed = true;
			break;
		}
		/* What jobs before this have written here counts too. */
		r = written ? open_source(g, &why) : 0;
		if (r == 0)
			r = run_job(g, d, &why);
		written = d->dest == g->source && values(run->res) > before;
		if (r == 0)
			continue;
		g->progress->failed = true;
		if (first != 0)
			root_note(run->root, &why);
		else
			first = err_at(err, r, why.path, why.offset, "%s",
			    why.text);
		if (!g->open)
			break;
	}
	return first;
}

/* ---- groups */

static int
save_checkpoints(struct group *g, const struct dbdir *d,
    const struct manifest *m, struct ntdb_error *err)
{
	const struct rollup_progress *p = g->progress;
	int r;

	if (g->last && !p->failed && p->seen.known) {
		r = checkpoints_set(&g->cp, "", "LOG", 3,
		    (int64_t)p->seen.pos, p->seen.epoch, err);
		if (r == 0)
			r = checkpoints_set(&g->cp, "", "DUE", 3, p->due,
			    rollup_config_hash(d), err);
		if (r != 0)
			return r;
	}
	return checkpoints_save(&g->cp, d->fd, m->checkpoint_file, &d->owner,
	    m->checkpoint_file, err);
}

static int
run_source(struct group *g, const struct dbdir *d, struct ntdb_error *err)
{
	const struct manifest *m = &g->run->plan.dbs[g->source].manifest;
	int r, saved;

	r = checkpoints_read(&g->cp, d->fd, m->checkpoint_file,
	    m->checkpoint_file, err);
	if (r == 0 && (r = open_source(g, err)) == 0) {
		r = run_jobs(g, err);
		/* What the others have done stays done. */
		saved = g->run->opt->dry_run ? 0 :
		    save_checkpoints(g, d, m, err);
		r = r != 0 ? r : saved;
	}
	close_source(g);
	checkpoints_release(&g->cp);
	return r;
}

int
rollup_run_group(struct rollup_run *run, const uint32_t *defs, size_t n,
    bool last, struct ntdb_error *err)
{
	struct group g = { .run = run, .defs = defs, .n = n, .last = last,
	    .source = run->plan.defs[defs[0]].source };
	struct dbdir d;
	size_t i;
	int r;

	if (!run->plan.dbs[g.source].wanted)
		return 0;
	g.progress = &run->progress[g.source];
	g.locks = malloc(run->plan.n_dbs * sizeof(*g.locks));
	if (g.locks == NULL)
		return err_nomem(err);
	for (i = 0; i < run->plan.n_dbs; i++)
		g.locks[i] = -1;
	r = dbdir_open(&d, run->root, run->plan.dbs[g.source].name, err);
	if (r == 0) {
		r = run->opt->dry_run ? 0 : lock_all(&g, err);
		if (r == 0)
			r = run_source(&g, &d, err);
		dbdir_close(&d);
	}
	for (i = 0; i < run->plan.n_dbs; i++)
		io_close(&g.locks[i]);
	free(g.locks);
	/* Jobs that were not reached have not seen what this run saw. */
	g.progress->failed |= r != 0;
	return r;
}
