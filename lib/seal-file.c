/*
 * Sealing one data file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "flush.h"
#include "seal-impl.h"

#define COPY_CHUNK (64u << 10)
#define ROUNDS 3	/* if pages were appended meanwhile, once more */

/* ---- the old file */

/*
 * Open the file, as the log says that it counts now.  NTDB_END: there is
 * nothing in it that could be sealed.
 */
static int
open_old(struct sealer *s, struct partition part, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	if ((r = writer_lock(s->w, err)) != 0)
		return r;
	r = datafile_open(&s->f, s->w->dir.fd, part, false, &why);
	if (r == 0)
		s->limit = datafile_committed(&s->f, &s->w->wal.head);
	writer_unlock(s->w);
	if (r == NTDB_ENOENT)
		return NTDB_END;
	if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	return s->limit > DATA_HEAD_LEN ? 0 : NTDB_END;
}

static bool
has_unsealed(const struct sealer *s)
{
	size_t i;

	for (i = 0; i < s->n_pages; i++)
		if (!s->pages[i].sealed)
			return true;
	return false;
}

/*
 * What the file's list says: then its pages need not be looked into.  If
 * samples go it may tell of one of them.
 */
static void
take_list(struct sealer *s)
{
	if (seal_edits_drop(s))
		return;
	s->copies = datafile_lasts(&s->f, &s->lasts, &s->n_lasts, NULL) == 0;
	s->lasts_cap = s->n_lasts;
}

/* ---- the new file */

static int
create_new(struct sealer *s, struct ntdb_error *err)
{
	const struct dbdir *d = &s->w->dir;
	int fd;

	snprintf(s->temp, sizeof(s->temp), ".%s.%08x" SEAL_TEMP, s->f.name,
	    (unsigned)io_random());
	fd = io_open(d->fd, s->temp, O_RDWR | O_CREAT | O_EXCL, 0600,
	    s->f.name, err);
	if (fd < 0)
		return fd;
	s->out = s->f;
	s->out.fd = fd;
	s->out.ahead = NULL;
	s->out.dev = 0;
	s->out.ino = 0;
	s->out.size = DATA_HEAD_LEN;
	s->out.file_id = io_random();
	s->out.list_at = 0;
	s->out.list_len = s->out.flags = 0;
	return io_own_fd(fd, &d->owner, false, s->f.name, err);
}

int
seal_copy(struct sealer *s, uint64_t offset, uint64_t len,
    struct ntdb_error *err)
{
	size_t got;
	int r = 0;

	buf_clear(&s->page);
	if (buf_extend(&s->page, COPY_CHUNK) == NULL)
		return err_nomem(err);
	for (; r == 0 && len > 0; offset += got, len -= got) {
		r = io_pread(s->f.fd, s->page.data,
		    len < COPY_CHUNK ? (size_t)len : COPY_CHUNK, offset, &got,
		    s->f.name, err);
		if (r == 0 && got == 0)
			return err_at(err, NTDB_ECORRUPT, s->f.name,
			    (int64_t)offset, "page is cut short");
		if (r == 0)
			r = seal_append(s, s->page.data, got, err);
	}
	return r;
}

static int
write_list(struct sealer *s, struct ntdb_error *err)
{
	int r;

	if (s->out.size - DATA_HEAD_LEN <= LIST_MIN)
		return 0;
	buf_clear(&s->page);
	if ((r = lastlist_pack(s->lasts, s->n_lasts, &s->page, err)) != 0)
		return r;
	s->out.list_at = s->out.size;
	s->out.list_len = (uint32_t)s->page.len;
	return seal_append(s, s->page.data, s->page.len, err);
}

/* Step 1: all that is there now. */
static int
rewrite(struct sealer *s, struct ntdb_error *err)
{
	const bool copies = s->copies;
	int r;

	if ((r = create_new(s, err)) != 0 ||
	    (r = seal_slice_init(&s->slice, err)) != 0 ||
	    (r = page_packer_new(&s->packer, err)) != 0 ||
	    (r = seal_write_pages(s, err)) != 0)
		return r;
	if (s->damage.code != 0 && copies) {
		/* The list may tell of what is lost: make it from pages. */
		s->copies = false;
		s->n_lasts = 0;
		s->samples = s->n_out = 0;
		s->out.size = DATA_HEAD_LEN;
		if ((r = seal_write_pages(s, err)) != 0)
			return r;
		r = io_cut(s->out.fd, s->out.size, s->f.name, err);
		if (r != 0)
			return r;
	}
	if ((r = write_list(s, err)) != 0)
		return r;
	return io_sync(s->out.fd, s->f.name, err);
}

/* ---- the exchange, under the lock */

/*
 * Up to where the old file counts now.  NTDB_END: it is not the same file
 * any more.
 */
static int
look_again(struct sealer *s, uint64_t *limit, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct stat a, b;
	struct datafile now;
	int r;

	r = datafile_open(&now, s->w->dir.fd, s->f.part, false, &why);
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT || r == NTDB_EVERSION)
		return NTDB_END;
	if (r != 0)
		return err_take(err, &why);
	*limit = datafile_committed(&now, &s->w->wal.head);
	if (fstat(now.fd, &a) == -1 || fstat(s->f.fd, &b) == -1)
		r = err_sys(err, s->f.name, "cannot stat");
	else if (now.file_id != s->f.file_id || *limit < s->limit ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		r = NTDB_END;
	if (r != 0)
		*limit = 0;
	datafile_close(&now);
	return r;
}

/* Keep the damaged file under another name; s->damage tells of it. */
static int
keep_damaged(struct sealer *s, struct ntdb_error *err)
{
	const int fd = s->w->dir.fd;
	char name[PARTITION_NAME_MAX + 32];
	size_t len = strlen(s->damage.text);

	if (s->damage.code == 0)
		return 0;
	snprintf(name, sizeof(name), "%s.damaged-%016llx", s->f.name,
	    (unsigned long long)s->f.file_id);
	/* One that was killed may have done so. */
	if (linkat(fd, s->f.name, fd, name, 0) == -1 && errno != EEXIST)
		return err_sys(err, s->f.name, "damaged, and cannot be kept");
	snprintf(s->damage.text + len, sizeof(s->damage.text) - len,
	    "; the file is kept as %s", name);
	return 0;
}

/*
 * Steps 2 and 3.  The log that makes the pages behind the sealed ones count
 * was synced when it was made, and so was its name, if writer_lock has not
 * just done so.
 */
static int
exchange(struct sealer *s, uint64_t limit, bool last, struct ntdb_error *err)
{
	struct state *st = &s->w->state;
	const struct dbdir *d = &s->w->dir;
	int r;

	if ((r = seal_copy(s, s->limit, limit - s->limit, err)) != 0)
		return r;
	s->out.sealed_len = s->out.size;
	s->out.sealed_epoch = s->w->wal.key.epoch;
	if (s->order->over)
		s->out.flags |= DATA_SEALED_LATE;
	if ((r = datafile_write_head(&s->out, err)) != 0 ||
	    (r = io_sync(s->out.fd, s->f.name, err)) != 0 ||
	    (r = keep_damaged(s, err)) != 0)
		return r;
	if (last)
		unlinkat(d->fd, d->cache, 0);
	if (renameat(d->fd, s->temp, d->fd, s->f.name) == -1)
		return err_sys(err, s->f.name, "cannot rename");
	s->temp[0] = '\0';
	state_count(st, COUNT_SEALS, 1);
	state_count(st, COUNT_PAGES, s->n_out);
	state_count(st, COUNT_BYTES, s->out.size);
	state_count(st, COUNT_FSYNCS, 3);
	if ((r = io_sync_dir(d->fd, d->name, err)) != 0 || !last)
		return r;
	seal_edits_account(s);
	state_save_cache(st, d->fd, d->cache, &d->owner);
	return 0;
}

/* *more: pages were appended meanwhile, which are not sealed now. */
static int
publish(struct sealer *s, bool *more, struct ntdb_error *err)
{
	uint64_t limit = 0;
	bool last;
	int r;

	*more = false;
	if ((r = writer_lock(s->w, err)) != 0)
		return r;
	/*
	 * A last sample becomes another one: cache and processes that know it
	 * know it by this log, so there is another log first.
	 */
	if ((last = seal_edits_last(s)))
		r = flush_log(s->w, NULL, err);
	if (r == 0 && (r = look_again(s, &limit, err)) == 0)
		r = exchange(s, limit, last, err);
	*more = limit > s->limit;
	writer_unlock(s->w);
	return r;
}

static void
release(struct sealer *s)
{
	if (s->out.fd != -1) {
		close(s->out.fd);
		if (s->temp[0] != '\0')
			unlinkat(s->w->dir.fd, s->temp, 0);
	}
	datafile_close(&s->f);
	seal_slice_release(&s->slice);
	page_packer_free(s->packer);
	buf_release(&s->page);
	free(s->pages);
	free(s->lasts);
}

/* Once.  NTDB_END: there was nothing to be done. */
static int
seal_file(struct sealer *s, struct partition part, bool *more,
    struct ntdb_error *err)
{
	int r;

	if ((r = open_old(s, part, err)) != 0 ||
	    (r = seal_list_pages(s, err)) != 0 ||
	    (r = seal_list_edits(s, err)) != 0)
		return r;
	if (!has_unsealed(s) && !s->f.mended)
		return NTDB_END;
	take_list(s);
	if ((r = rewrite(s, err)) != 0)
		return r;
	if (s->order->n_edits > 0 && !seal_edits_matter(s))
		return NTDB_END;
	return publish(s, more, err);
}

/* Whether there are samples that the file must have in the end. */
static bool
puts_any(const struct seal_order *o)
{
	size_t i;

	for (i = 0; i < o->n_edits; i++)
		if (o->edits[i].how == EDIT_PUT)
			return true;
	return false;
}

int
seal_partition(struct writer *w, struct partition part,
    const struct seal_order *order, struct ntdb_seal_result *res,
    struct ntdb_error *err)
{
	struct ntdb_error damage = NTDB_ERROR_INIT;
	char name[PARTITION_NAME_MAX];
	bool more = true, done = false;
	unsigned i;
	int r = 0;

	for (i = 0; r == 0 && more && i < ROUNDS; i++) {
		struct sealer s;

		memset(&s, 0, sizeof(s));
		s.w = w;
		s.order = order;
		s.f.fd = s.out.fd = -1;
		more = false;
		r = seal_file(&s, part, &more, err);
		if (r == 0) {
			res->files += i == 0;
			done = true;
			res->samples += s.samples;
			res->pages += s.n_out;
			res->bytes_before += s.limit;
			res->bytes_after += s.out.size;
			if (s.damage.code != 0 && damage.code == 0)
				damage = s.damage;
		}
		release(&s);
	}
	if (r == NTDB_END)
		r = 0;
	if (r == 0 && !done && puts_any(order)) {
		partition_name(part, name);
		return err_at(err, NTDB_EBUSY, name, -1, "has vanished");
	}
	return r != 0 || damage.code == 0 ? r :
	    err_at(err, damage.code, damage.path, damage.offset, "%s",
	    damage.text);
}
