#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>

#include "error.h"
#include "flush.h"
#include "lock.h"
#include "seal-impl.h"

#define MAINT_PATH_MAX (DB_NAME_MAX + 16)

int
maint_lock(const struct dbdir *d, int64_t wait_ns, int *fd,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	char display[MAINT_PATH_MAX];
	int r;

	*fd = -1;
	snprintf(display, sizeof(display), "%s/" DBDIR_MAINT_LOCK, d->name);
	r = io_open(d->fd, DBDIR_MAINT_LOCK, O_RDWR, 0, display, &why);
	if (r == NTDB_ENOENT) {
		if ((r = dbdir_complete(d, err)) != 0)
			return r;
		err_clear(&why);
		r = io_open(d->fd, DBDIR_MAINT_LOCK, O_RDWR, 0, display,
		    &why);
	}
	if (r < 0)
		return err_take(err, &why);
	*fd = r;
	if ((r = lock_take(*fd, false, wait_ns, display, err)) != 0)
		io_close(fd);
	return r;
}

/* The files that are due by the log as it is now. */
static int
list_due(const struct dbdir *d, bool force, struct seal_due **due, size_t *n,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct wal w;
	int r;

	*due = NULL;
	*n = 0;
	r = wal_open(&w, d->fd, d->wal, false, d->wal_path, &why);
	/* Without a log it is not known what counts: a writer makes one. */
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT)
		return 0;
	if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	r = seal_list_due(d, &w.head, force, due, n, err);
	wal_release(&w);
	return r;
}

/* The file's name alone does not tell which database it is in. */
static void
qualify(const struct dbdir *d, struct ntdb_error *why)
{
	char file[PARTITION_NAME_MAX];
	struct partition part;

	if (!partition_scan(why->path, &part))
		return;
	partition_name(part, file);
	snprintf(why->path, sizeof(why->path), "%s/%s", d->name, file);
}

/* All files that are due; one that fails does not keep the others waiting. */
static int
seal_all(struct writer *w, const struct seal_due *due, size_t n,
    const struct ntdb_seal_options *opt, struct ntdb_seal_result *res,
    struct ntdb_error *err)
{
	struct seal_order order = { .stop = opt->stop,
	    .stop_arg = opt->stop_arg };
	int r, first = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		if (opt->stop != NULL && opt->stop(opt->stop_arg))
			break;
		order.over = due[i].over;
		r = seal_partition(w, due[i].part, &order, res, &why);
		if (r == 0)
			continue;
		/* What was stopped is as it was: that is no failure. */
		if (r == NTDB_EBUSY && opt->stop != NULL &&
		    opt->stop(opt->stop_arg))
			break;
		qualify(&w->dir, &why);
		if (first != 0)
			root_note(w->dir.root, &why);
		else
			first = err_at(err, r, why.path, why.offset, "%s",
			    why.text);
		if (r == NTDB_EBUSY)
			break;
	}
	return first;
}

/*
 * What the log says of files that have been sealed is void.  If it holds no
 * samples, which is the rule right after a flush, it is replaced by one that
 * does not say it any more.
 */
static int
tidy_log(struct writer *w, int64_t took_ns, struct ntdb_error *err)
{
	int r;

	if ((r = writer_lock(w, err)) != 0)
		return r;
	state_took(&w->state, COUNT_SEAL_NS, took_ns);
	if (w->state.log_samples == 0)
		r = flush_renew_log(w, err);
	else
		state_save_cache(&w->state, w->dir.fd, w->dir.cache,
		    &w->dir.owner);
	writer_unlock(w);
	return r;
}

/* maint.lock is held. */
static int
seal_database(const struct dbdir *d, const struct ntdb_seal_options *opt,
    struct ntdb_seal_result *res, struct ntdb_error *err)
{
	int64_t start_ns = io_elapsed_ns();
	struct seal_due *due;
	struct writer w;
	size_t n;
	int r, tidied;

	io_remove_temps(d->fd, SEAL_TEMP);
	r = list_due(d, opt->force, &due, &n, err);
	if (r == 0 && n > 0 &&
	    (r = writer_open(&w, d->root, d->name, false, err)) == 0) {
		r = seal_all(&w, due, n, opt, res, err);
		if (res->files > 0) {
			tidied = tidy_log(&w, io_elapsed_ns() - start_ns, err);
			r = r != 0 ? r : tidied;
		}
		writer_close(&w);
	}
	free(due);
	return r;
}

/* What a sealing would do, for --dry-run: nothing is locked or changed. */
static int
foresee(const struct dbdir *d, bool force, struct ntdb_seal_result *res,
    struct ntdb_error *err)
{
	struct seal_due *due;
	size_t n, i;
	int r;

	r = list_due(d, force, &due, &n, err);
	for (i = 0; r == 0 && i < n; i++) {
		res->files++;
		res->bytes_before += due[i].bytes;
	}
	free(due);
	return r;
}

int
ntdb_seal(struct ntdb *db, const char *name,
    const struct ntdb_seal_options *opt, struct ntdb_seal_result *res,
    struct ntdb_error *err)
{
	static const struct ntdb_seal_options usual;
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct ntdb_seal_result mine = { 0 };
	struct dbdir d;
	int fd, r;

	if (opt == NULL)
		opt = &usual;
	if (res == NULL)
		res = &mine;
	memset(res, 0, sizeof(*res));
	if ((r = dbdir_open(&d, db, name, err)) != 0)
		return r;
	if (opt->dry_run) {
		r = foresee(&d, opt->force, res, err);
	} else if ((r = maint_lock(&d, opt->force ? db->opt.wait_ns : 0, &fd,
	    &why)) == 0) {
		r = seal_database(&d, opt, res, err);
		io_close(&fd);
	} else if (r == NTDB_EBUSY && !opt->force) {
		res->busy = true;
		r = 0;
	} else {
		r = err_at(err, r, why.path, -1, "%s", why.text);
	}
	dbdir_close(&d);
	return r;
}
