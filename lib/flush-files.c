/*
 * The data files that a flush writes to: cut back to where they count, then
 * appended to.  A few are kept open.
 */
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "flush-impl.h"

/* Cut a file back to where it counts: what is behind was never committed. */
static int
cut_residue(struct flush *fl, struct datafile *f, struct ntdb_error *err)
{
	uint64_t len = log_head_find(&fl->next, f->part.kind, f->part.start);

	if (len < f->sealed_len)
		len = f->sealed_len;
	if (len < DATA_HEAD_LEN)
		len = DATA_HEAD_LEN;
	/* A file that is too short is damaged: go on behind what is left. */
	if (f->size <= len)
		return 0;
	if (ftruncate(f->fd, (off_t)len) == -1)
		return err_sys_code(err, NTDB_EIO, f->name, "cannot cut");
	f->size = len;
	return 0;
}

/*
 * Whether a file that the log does not list holds pages of another epoch: a
 * flush that was killed leaves pages of this one, so somebody has put the
 * file there.
 */
static bool
is_stray(const struct flush *fl, const struct datafile *f)
{
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;

	return f->sealed_len == 0 &&
	    log_head_find(&fl->next, f->part.kind, f->part.start) == 0 &&
	    datafile_next(f, &pos, f->size, &ref, NULL) == 0 &&
	    ref.head.epoch != fl->w->wal.key.epoch;
}

/* Nothing that might be good is deleted: it gets another name. */
static int
put_aside(struct flush *fl, struct datafile *f, struct ntdb_error *err)
{
	struct ntdb_error what = NTDB_ERROR_INIT;
	char name[PARTITION_NAME_MAX + 32];

	snprintf(name, sizeof(name), "%s.stray-%016llx", f->name,
	    (unsigned long long)io_random());
	if (renameat(fl->w->dir.fd, f->name, fl->w->dir.fd, name) == -1)
		return err_sys(err, f->name, "cannot rename");
	err_at(&what, NTDB_ECORRUPT, f->name, -1,
	    "pages that the log does not know, kept as %s", name);
	root_note(fl->w->dir.root, &what);
	return 0;
}

/* Open the data file of a partition, ready to be appended to. */
static int
open_clean(struct flush *fl, struct partition part, struct datafile *f,
    struct ntdb_error *err)
{
	bool created;
	int r;

	r = datafile_create(f, fl->w->dir.fd, part, &fl->w->dir.owner,
	    &created, err);
	if (r == 0 && !created && is_stray(fl, f)) {
		r = put_aside(fl, f, err);
		datafile_close(f);
		if (r == 0)
			r = datafile_create(f, fl->w->dir.fd, part,
			    &fl->w->dir.owner, &created, err);
	}
	if (r != 0)
		return r;
	/* A file that is not listed yet may have been left by a flush that
	 * was killed before it synced the directory. */
	fl->dir_changed |= created || (f->sealed_len == 0 &&
	    log_head_find(&fl->next, part.kind, part.start) == 0);
	if ((r = cut_residue(fl, f, err)) != 0)
		datafile_close(f);
	return r;
}

/* Make room among the open files: close the one not used for longest. */
static unsigned
free_slot(struct flush *fl)
{
	unsigned i, oldest = 0;

	if (fl->n_files < OPEN_FILES)
		return fl->n_files++;
	for (i = 1; i < OPEN_FILES; i++)
		if (fl->used[i] < fl->used[oldest])
			oldest = i;
	datafile_close(&fl->files[oldest]);
	fl->closed_unsynced = true;
	return oldest;
}

static int
open_file(struct flush *fl, struct partition part, struct datafile **out,
    struct ntdb_error *err)
{
	struct datafile f;
	unsigned i;
	int r;

	for (i = 0; i < fl->n_files; i++)
		if (partition_compare(fl->files[i].part, part) == 0)
			goto found;
	if ((r = open_clean(fl, part, &f, err)) != 0)
		return r;
	i = free_slot(fl);
	fl->files[i] = f;
found:
	fl->used[i] = ++fl->clock;
	*out = &fl->files[i];
	return 0;
}

int
flush_write_page(struct flush *fl, struct partition part, struct ntdb_error *err)
{
	const struct buf *page = &fl->mem->page;
	struct datafile *f;
	int r;

	if ((r = open_file(fl, part, &f, err)) != 0 ||
	    (r = io_pwrite(f->fd, page->data, page->len, f->size, f->name,
	    err)) != 0)
		return r;
	f->size += page->len;
	fl->res.pages++;
	fl->res.bytes += page->len;
	return log_head_put(&fl->next, part.kind, part.start, f->size, err);
}

int
flush_sync_files(struct flush *fl, struct ntdb_error *err)
{
	unsigned i;
	int r;

	if (fl->w->engine->profile == DURABLE_THROUGHPUT)
		return 0;
	/* Many files cost less in one sweep over the file system. */
	if (fl->closed_unsynced) {
		fl->w->state.counters[COUNT_FSYNCS]++;
		if (syncfs(fl->w->dir.fd) == -1)
			return err_sys_code(err, NTDB_EIO, fl->w->dir.name,
			    "cannot sync");
		return 0;
	}
	for (i = 0; i < fl->n_files; i++) {
		fl->w->state.counters[COUNT_FSYNCS]++;
		r = io_sync(fl->files[i].fd, fl->files[i].name, err);
		if (r != 0)
			return r;
	}
	return 0;
}

void
flush_close_files(struct flush *fl)
{
	unsigned i;

	for (i = 0; i < fl->n_files; i++)
		datafile_close(&fl->files[i]);
}
