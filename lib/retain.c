/*
 * Retention of one database: what ntdb-flush does last.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "error.h"
#include "flush.h"
#include "retain.h"
#include "seal.h"

#define TRIES_MAX 5		/* of a file that grows while it is copied */
#define REFRESH_MAX 100

int
retain_replan(struct retainer *rt, struct ntdb_error *err)
{
	const struct state *s = &rt->w.state;
	struct snapshot view;
	int r;

	if (rt->planned && rt->epoch == s->epoch && rt->nonce == s->nonce &&
	    rt->log_pos == s->log_pos)
		return 0;
	retain_plan_release(&rt->plan);
	writer_view(&rt->w, &view);
	r = retain_plan_make(&rt->plan, &view, &rt->w.manifest, err);
	rt->planned = r == 0;
	rt->epoch = s->epoch;
	rt->nonce = s->nonce;
	rt->log_pos = s->log_pos;
	return r;
}

/* Whether the last sample of some metric may be in a partition. */
static bool
has_lasts(const struct state *s, struct partition part)
{
	int64_t first, last;
	uint32_t id;

	partition_span(part, &first, &last);
	for (id = 1; id < s->n_slots; id++) {
		const struct metric *m = &s->metrics[id];

		if ((m->flags & METRIC_HAS_LAST) && m->last_t >= first &&
		    m->last_t <= last)
			return true;
	}
	return false;
}

int
retain_remove(struct retainer *rt, struct partition part,
    struct ntdb_error *err)
{
	const struct dbdir *d = &rt->w.dir;
	char name[PARTITION_NAME_MAX];

	partition_name(part, name);
	/* The cache must not tell of samples that are gone. */
	if (has_lasts(&rt->w.state, part)) {
		rt->lasts_lost = true;
		unlinkat(d->fd, d->cache, 0);
	}
	if (unlinkat(d->fd, name, 0) == -1 && errno != ENOENT)
		return err_sys(err, name, "cannot remove");
	rt->planned = false;
	state_count(&rt->w.state, COUNT_FSYNCS, 1);
	return io_sync_dir(d->fd, d->name, err);
}

/*
 * A metric whose samples have expired has no last one.  A new log makes all
 * who hold the old state read it anew.  That is not worth a failure: what
 * expired is gone.
 */
static void
forget_lasts(struct retainer *rt)
{
	struct writer *w = &rt->w;
	uint64_t newer;

	if (!rt->lasts_lost || writer_lock(w, NULL) != 0)
		return;
	if (writer_rebuild(w, &newer, NULL) != 0)
		w->valid = false;
	else
		flush_log(w, NULL, NULL);
	writer_unlock(w);
}

/* ------------------------------------------------------------- one run */

struct run {
	struct retainer rt;
	const struct ntdb_retain_options *opt;
	struct ntdb_retain_result *res;
	bool	archives;
	struct buf skip;	/* struct partition: not to be tried again */
	unsigned tries;		/* of the file at hand */
};

static void
tell(struct run *run, const struct retain_file *f)
{
	char name[PARTITION_NAME_MAX], archive[ARCHIVE_NAME_MAX];
	struct ntdb_retain_info info = { name, NULL, f->bytes };
	char period[ARCHIVE_PERIOD_MAX];

	partition_name(f->part, name);
	if (run->archives) {
		archive_period(f->part, period);
		archive_name(period, archive);
		info.archive = archive;
	}
	run->res->files++;
	run->res->bytes += f->bytes;
	if (run->opt != NULL && run->opt->each != NULL)
		run->opt->each(run->opt->arg, &info);
}

static bool
is_skipped(const struct run *run, struct partition part)
{
	const struct partition *p = (const void *)run->skip.data;
	size_t i, n = run->skip.len / sizeof(*p);

	for (i = 0; i < n; i++)
		if (partition_compare(p[i], part) == 0)
			return true;
	return false;
}

/* The first file that has expired and was not tried yet. */
static const struct retain_file *
next_file(const struct run *run)
{
	const struct retain_plan *p = &run->rt.plan;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->files[i].expired &&
		    !is_skipped(run, p->files[i].part))
			return &p->files[i];
	return NULL;
}

/* One that failed does not keep the others; the first failure is told by
 * the result, the others are notes. */
static int
failed(struct run *run, struct ntdb_error *why, struct ntdb_error *err)
{
	if (run->res->failed++ > 0)
		root_note(run->rt.w.dir.root, why);
	else if (err != NULL && err->code == 0)
		*err = *why;
	return why->code;
}

/* One file.  lock is held, and dropped. */
static int
expire(struct run *run, struct retain_file f, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	bool changed = false;
	int r;

	if (run->archives)
		r = retain_archive(&run->rt, f.part, &changed, &why);
	else
		r = retain_remove(&run->rt, f.part, &why);
	writer_unlock(&run->rt.w);
	if (r == 0 && changed && ++run->tries < TRIES_MAX)
		return 0;
	run->tries = 0;
	buf_add(&run->skip, &f.part, sizeof(f.part));
	if (r == 0 && !changed)
		tell(run, &f);
	if (!buf_ok(&run->skip))
		return err_nomem(err);
	return r != 0 ? failed(run, &why, err) : 0;
}

static int
expire_all(struct run *run, struct ntdb_error *err)
{
	struct writer *w = &run->rt.w;
	const struct retain_file *f;
	int r, first = 0;

	while ((r = writer_lock(w, err)) == 0) {
		if ((r = retain_replan(&run->rt, err)) != 0 ||
		    (f = next_file(run)) == NULL)
			break;
		r = expire(run, *f, err);
		if (first == 0)
			first = r;
		if (!buf_ok(&run->skip))
			break;
	}
	writer_unlock(w);
	return first != 0 ? first : r;
}

static int
run_locked(struct run *run, struct ntdb *db, const char *name,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct writer *w = &run->rt.w;
	int maint = -1, r;

	if ((r = writer_open(w, db, name, false, err)) != 0)
		return r;
	run->archives = w->manifest.retention_action == RETAIN_ARCHIVE;
	r = maint_lock(&w->dir, 0, &maint, &why);
	if (r == NTDB_EBUSY) {
		run->res->busy = true;
		r = 0;
	} else if (r != 0) {
		r = err_at(err, r, why.path, why.offset, "%s", why.text);
	} else {
		r = expire_all(run, err);
		forget_lasts(&run->rt);
	}
	io_close(&maint);
	writer_close(w);
	retain_plan_release(&run->rt.plan);
	buf_release(&run->skip);
	return r;
}

/* The plan of what would expire, made without any lock. */
static int
foresee(struct retain_plan *plan, struct ntdb *db, const char *name,
    const struct manifest *m, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct snapshot s;
	int r, tries = 0;

	if ((r = snapshot_open(&s, db, name, err)) != 0)
		goto done;
	while ((r = retain_plan_make(plan, &s, m, &why)) == NTDB_EBUSY &&
	    tries++ < REFRESH_MAX) {
		err_clear(&why);
		retain_plan_release(plan);
		if ((r = snapshot_refresh(&s, &why)) != 0)
			break;
	}
	if (r != 0)
		err_at(err, r, why.path, why.offset, "%s", why.text);
done:
	snapshot_release(&s);
	return r;
}

/* The manifest in force.  What is odd in it has been told by the flush. */
static int
read_manifest(struct ntdb *db, const char *name, struct manifest *m,
    struct ntdb_error *err)
{
	const struct engine_config *engine;
	struct dbdir d;
	int r;

	memset(m, 0, sizeof(*m));
	if ((r = dbdir_open(&d, db, name, err)) != 0)
		return r;
	if ((r = root_engine(db, &engine, err)) == 0)
		r = manifest_read(d.fd, DBDIR_MANIFEST, d.manifest_path,
		    engine, m, NULL, NULL, err);
	dbdir_close(&d);
	return r;
}

int
ntdb_retain(struct ntdb *db, const char *name,
    const struct ntdb_retain_options *opt, struct ntdb_retain_result *res,
    struct ntdb_error *err)
{
	const bool dry_run = opt != NULL && opt->dry_run;
	struct retain_plan plan = { NULL, 0 };
	struct ntdb_retain_result mine = { 0 };
	struct manifest m;
	struct run run;
	bool any = false;
	size_t i;
	int r;

	memset(&run, 0, sizeof(run));
	run.opt = opt;
	run.res = res != NULL ? res : &mine;
	memset(run.res, 0, sizeof(*run.res));
	/* Mostly nothing has expired, and that takes no lock to tell. */
	if ((r = read_manifest(db, name, &m, err)) == 0 &&
	    retain_is_wanted(db, &m))
		r = foresee(&plan, db, name, &m, err);
	run.archives = m.retention_action == RETAIN_ARCHIVE;
	for (i = 0; r == 0 && i < plan.n; i++)
		if (plan.files[i].expired) {
			any = true;
			if (dry_run)
				tell(&run, &plan.files[i]);
		}
	retain_plan_release(&plan);
	manifest_release(&m);
	return r == 0 && any && !dry_run ?
	    run_locked(&run, db, name, err) : r;
}
