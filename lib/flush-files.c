/*
 * The data files that a flush writes to: cut back to where they count, then
 * appended to.  A few are kept open.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "flush-impl.h"

#define COPY_CHUNK (64u << 10)
#define BLANK_MAX ((size_t)64 << 20)	/* no crash leaves more than that */
#define STRAY_NAME_MAX (PARTITION_NAME_MAX + 32)

/* Up to where a file counts. */
static uint64_t
committed_len(const struct flush *fl, const struct datafile *f)
{
	uint64_t len = datafile_committed(f, &fl->next);

	return len < DATA_HEAD_LEN ? DATA_HEAD_LEN : len;
}

/* What there is behind the length up to which a file counts. */
enum behind {
	BEHIND_RESIDUE,		/* of a flush that was killed */
	BEHIND_PAGES,		/* pages that may be somebody's */
	BEHIND_OTHER		/* it is not that file: no page ends there */
};

static bool
is_listed(const struct flush *fl, const struct datafile *f)
{
	const struct log_file *listed;

	listed = log_head_find(&fl->next, f->part.kind, f->part.start);
	return listed != NULL && listed->file_id == f->file_id;
}

/*
 * A page of the log's own epoch is not committed.  One of an epoch before it
 * was not when the log was made, if that lists the file: it gave its length
 * then.  Of another file nothing is known.
 */
static bool
is_residue(const struct flush *fl, const struct datafile *f, uint64_t epoch)
{
	const uint64_t now = fl->w->wal.key.epoch;

	return epoch == now || (epoch < now && is_listed(fl, f));
}

static enum behind
look_behind(const struct flush *fl, const struct datafile *f, uint64_t len)
{
	enum behind what = BEHIND_RESIDUE;
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	int r;

	while ((r = datafile_next(f, &pos, f->size, &ref, NULL)) == 0 ||
	    r == NTDB_ECORRUPT) {
		if (r != 0)
			continue;
		if (ref.offset < len && pos > len)
			return BEHIND_OTHER;
		if (ref.offset >= len &&
		    !is_residue(fl, f, ref.head.epoch))
			what = BEHIND_PAGES;
	}
	return what;
}

static int
copy_bytes(const struct datafile *f, int to, const char *name,
    struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	uint64_t pos = 0;
	size_t got;
	int r;

	if (buf_extend(&b, COPY_CHUNK) == NULL)
		return err_nomem(err);
	while ((r = io_pread(f->fd, b.data, COPY_CHUNK, pos, &got, f->name,
	    err)) == 0 && got > 0) {
		r = io_pwrite(to, b.data, got, pos, name, err);
		if (r != 0)
			break;
		pos += got;
	}
	buf_release(&b);
	return r != 0 ? r : io_sync(to, name, err);
}

/* NAME.stray-RANDOM, for what might be good and is in the way. */
static void
stray_name(const struct datafile *f, char name[STRAY_NAME_MAX])
{
	snprintf(name, STRAY_NAME_MAX, "%s.stray-%016llx", f->name,
	    (unsigned long long)io_random());
}

static void
tell_stray(const struct flush *fl, const struct datafile *f,
    const char *what, const char *name)
{
	struct ntdb_error note = NTDB_ERROR_INIT;

	err_at(&note, NTDB_ECORRUPT, f->name, -1, "%s, kept as %s", what,
	    name);
	root_note(fl->w->dir.root, &note);
}

/* Keep all of a file that is about to be cut. */
static int
keep_copy(struct flush *fl, const struct datafile *f, struct ntdb_error *err)
{
	const struct dbdir *d = &fl->w->dir;
	char name[STRAY_NAME_MAX];
	int fd, r;

	stray_name(f, name);
	fd = io_open(d->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600, name,
	    err);
	if (fd < 0)
		return fd;
	if ((r = io_own_fd(fd, &d->owner, false, name, err)) == 0)
		r = copy_bytes(f, fd, name, err);
	close(fd);
	if (r == 0)
		tell_stray(fl, f, "pages that the log does not know", name);
	else
		unlinkat(d->fd, name, 0);
	return r;
}

/*
 * Cut a file back to where it counts: what is behind was never committed.
 * Pages there that no flush has left just now may belong to somebody.  A file
 * that is too short is damaged: it gets its length back, so that what is left
 * of its last page cannot be taken to reach over the pages to come.
 */
static int
cut_residue(struct flush *fl, struct datafile *f, struct ntdb_error *err)
{
	uint64_t len = committed_len(fl, f);
	int r;

	if (f->size == len)
		return 0;
	if (f->size > len && look_behind(fl, f, len) != BEHIND_RESIDUE &&
	    (r = keep_copy(fl, f, err)) != 0)
		return r;
	if ((r = io_cut(f->fd, len, f->name, err)) != 0)
		return r;
	f->size = len;
	return 0;
}

int
flush_cut_leftover(struct writer *w, struct partition part,
    struct ntdb_error *err)
{
	struct flush fl = { .w = w, .next = w->wal.head };
	struct datafile f;
	uint64_t len;
	int r = 0;

	/* Where it cannot be opened the flush says why. */
	if (datafile_open(&f, w->dir.fd, part, true, NULL) != 0)
		return 0;
	len = committed_len(&fl, &f);
	if (f.size > len && look_behind(&fl, &f, len) == BEHIND_RESIDUE)
		r = io_cut(f.fd, len, f.name, err);
	datafile_close(&f);
	return r;
}

/*
 * Whether a file is not the one that the log speaks of, or the log speaks
 * of none and it holds pages of another epoch: somebody has put it there.
 */
static bool
is_stray(const struct flush *fl, const struct datafile *f)
{
	uint64_t len = committed_len(fl, f);
	enum behind what;

	if (f->size <= len)
		return false;
	what = look_behind(fl, f, len);
	return what == BEHIND_OTHER ||
	    (what == BEHIND_PAGES && len == DATA_HEAD_LEN);
}

/* Nothing that might be good is deleted: it gets another name. */
static int
put_aside(struct flush *fl, const struct datafile *f, const char *what,
    struct ntdb_error *err)
{
	char name[STRAY_NAME_MAX];

	stray_name(f, name);
	if (renameat(fl->w->dir.fd, f->name, fl->w->dir.fd, name) == -1)
		return err_sys(err, f->name, "cannot rename");
	tell_stray(fl, f, what, name);
	return 0;
}

/*
 * Whether a file without a valid header holds nothing: it was made just
 * before a crash, and is made again.
 */
static bool
is_blank(const struct flush *fl, const char *name)
{
	struct buf b = BUF_INIT;
	bool blank;
	size_t n = 0;

	blank = io_read_file(fl->w->dir.fd, name, BLANK_MAX, &b, name,
	    NULL) == 0;
	while (blank && b.len >= DATA_HEAD_LEN && n < b.len)
		blank = b.data[n++] == 0;
	buf_release(&b);
	return blank;
}

/* Open the data file of a partition, ready to be appended to. */
static int
open_clean(struct flush *fl, struct partition part, struct datafile *f,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const char *what = NULL;
	bool created = false;
	int r;

	r = datafile_open(f, fl->w->dir.fd, part, true, &why);
	if (r == NTDB_ECORRUPT && !(f->torn && is_blank(fl, f->name)))
		what = "file header is damaged";
	else if (r == 0 && is_stray(fl, f))
		what = "pages that the log does not know";
	if (what != NULL) {
		datafile_close(f);
		if ((r = put_aside(fl, f, what, err)) != 0)
			return r;
		r = NTDB_ENOENT;
	}
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT)
		r = datafile_create(f, fl->w->dir.fd, part, &fl->w->dir.owner,
		    &created, err);
	else if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	if (r != 0)
		return r;
	/* A file that is not listed yet may have been left by a flush that
	 * was killed before it synced the directory. */
	fl->res.bytes += created ? DATA_HEAD_LEN : 0;
	fl->dir_changed |= created || datafile_committed(f, &fl->next) == 0;
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
	return log_head_put(&fl->next, part.kind, part.start, f->size,
	    f->file_id, err);
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
		state_count(&fl->w->state, COUNT_FSYNCS, 1);
		if (syncfs(fl->w->dir.fd) == -1)
			return err_sys_code(err, NTDB_EIO, fl->w->dir.name,
			    "cannot sync");
		return 0;
	}
	for (i = 0; i < fl->n_files; i++) {
		state_count(&fl->w->state, COUNT_FSYNCS, 1);
		r = io_sync(fl->files[i].fd, fl->files[i].name, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/*
 * Whether an entry will not be needed any more.  A file that is gone may be
 * put back, and one that cannot be read may be the one that is meant.
 */
static bool
is_void(const struct flush *fl, const struct log_file *listed)
{
	const struct partition part = { listed->kind, listed->start };
	struct datafile f;
	bool is;
	int r;

	r = datafile_open(&f, fl->w->dir.fd, part, false, NULL);
	is = r == 0 ? f.file_id != listed->file_id :
	    r == NTDB_ENOENT && fl->next.n_files > GONE_FILES;
	datafile_close(&f);
	return is;
}

uint32_t
flush_drop_void(struct flush *fl, uint32_t most)
{
	const struct log_head *old = &fl->w->wal.head;
	const struct log_file *before;
	uint32_t i = 0, left = fl->next.n_files, looked, dropped = 0;

	if (most < left)
		i = (uint32_t)(fl->next.epoch % left * most % left);
	for (looked = 0; left > 0 && looked < most; left--) {
		const struct log_file listed = fl->next.files[i];

		i = i + 1 < fl->next.n_files ? i + 1 : 0;
		before = log_head_find(old, listed.kind, listed.start);
		if (listed.kind > PART_FOREVER || before == NULL ||
		    before->file_id != listed.file_id ||
		    before->len != listed.len)
			continue;
		looked++;
		if (!is_void(fl, &listed))
			continue;
		/* Those behind it move up. */
		i = i > 0 ? i - 1 : 0;
		/* Removing takes no memory, so it cannot fail. */
		log_head_put(&fl->next, listed.kind, listed.start, 0, 0,
		    NULL);
		dropped++;
	}
	return dropped;
}

void
flush_close_files(struct flush *fl)
{
	unsigned i;

	for (i = 0; i < fl->n_files; i++)
		datafile_close(&fl->files[i]);
}
