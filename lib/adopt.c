/*
 * A new log for a database whose log is gone, unreadable, or older than its
 * pages (a copy put back from elsewhere).
 *
 * Nothing is cut: which pages were committed cannot be known any more, so all
 * complete ones count.  An old log's samples are in the pages already, but
 * for those that are newer than their metric's last one there: these are in
 * the new log before it takes the old one's place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "error.h"
#include "writer.h"

#define BATCH_BYTES (1u << 20)

/* Note where a file's last complete page ends, and its epochs and ids. */
static int
adopt_file(struct log_head *head, int dirfd, struct partition part,
    struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN, end = DATA_HEAD_LEN;
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct page_ref ref;
	struct datafile f;
	int r;

	r = datafile_open(&f, dirfd, part, false, &why);
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT)
		return 0;
	if (r != 0)
		return err_take(err, &why);
	while ((r = datafile_next(&f, &pos, f.size, &ref, &why)) == 0 ||
	    r == NTDB_ECORRUPT) {
		err_clear(&why);
		if (r != 0)
			continue;
		end = pos;
		if (ref.head.epoch >= head->epoch)
			head->epoch = ref.head.epoch + 1;
		if (ref.head.max_id > head->max_id)
			head->max_id = ref.head.max_id;
	}
	datafile_close(&f);
	if (f.sealed_epoch >= head->epoch)
		head->epoch = f.sealed_epoch + 1;
	if (r != NTDB_END)
		return err_take(err, &why);
	if (end <= f.sealed_len)
		return 0;
	return log_head_put(head, part.kind, part.start, end, f.file_id, err);
}

static int
adopt_files(struct writer *w, struct log_head *head, struct ntdb_error *err)
{
	struct partition *parts;
	size_t n, i;
	int r;

	r = dbdir_partitions(&w->dir, INT64_MIN, INT64_MAX, &parts, &n, err);
	for (i = 0; r == 0 && i < n; i++)
		r = adopt_file(head, w->dir.fd, parts[i], err);
	free(parts);
	return r;
}

/*
 * The catalog alone says what the metrics are called: the new log relies on
 * it, so it has to be one that is synced.
 */
static int
adopt_catalog(const struct writer *w, struct log_head *head,
    struct ntdb_error *err)
{
	const struct dbdir *d = &w->dir;
	struct state s;
	int fd, r;

	fd = openat(d->fd, DBDIR_CATALOG, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	r = io_sync(fd, d->catalog_path, err);
	close(fd);
	if (r != 0)
		return r;
	state_init(&s);
	r = state_read_catalog(&s, d->fd, d->catalog_path, NULL);
	head->synced_id = r == NTDB_ECORRUPT && s.max_id == 0 ? 1 : s.max_id;
	if (head->max_id < head->synced_id)
		head->max_id = head->synced_id;
	state_release(&s);
	return 0;
}

/* Keep what stands in the log's place, and say what is happening. */
static int
keep_old(const struct writer *w, const char *what, struct ntdb_error *err)
{
	struct ntdb_error note = NTDB_ERROR_INIT;
	char name[DB_NAME_MAX + 48];

	snprintf(name, sizeof(name), "%s.damaged-%016llx", w->dir.wal,
	    (unsigned long long)io_random());
	if (linkat(w->dir.fd, w->dir.wal, w->dir.fd, name, 0) == 0)
		err_at(&note, NTDB_ECORRUPT, w->dir.wal_path, -1,
		    "log is %s: kept as %s, all complete pages count", what,
		    name);
	else if (errno == EPERM || errno == EOPNOTSUPP)
		/* A file system without links. */
		err_at(&note, NTDB_ECORRUPT, w->dir.wal_path, -1,
		    "log is %s: all complete pages count", what);
	else
		return err_sys(err, w->dir.wal_path,
		    "damaged, and cannot be kept");
	root_note(w->dir.root, &note);
	return 0;
}

int
writer_carry_over(struct writer *w, const struct wal *old,
    struct ntdb_error *err)
{
	struct wal_reader r;
	struct record rec;
	struct batch b;
	int rc;

	batch_init(&b);
	batch_begin(&b, 0);
	wal_reader_init(&r, old, old->head.len, UINT64_MAX, w->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		while (batch_next(&r.batch, &rec) == 0) {
			const struct metric *m = state_metric(&w->state,
			    rec.id);

			if (rec.kind == REC_METRIC)
				batch_add_metric(&b, rec.id, rec.type,
				    rec.name, rec.name_len);
			else if (rec.kind == REC_TYPE)
				batch_add_type(&b, rec.id, rec.type);
			else if (rec.kind != REC_SAMPLE || (m != NULL &&
			    (m->flags & METRIC_HAS_LAST) &&
			    m->last_t >= rec.t))
				continue;
			else if (rec.is_int)
				batch_add_int(&b, rec.id, rec.t, rec.m);
			else
				batch_add_dec(&b, rec.id, rec.t, rec.m,
				    rec.scale);
		}
		if (b.n == 0 || b.out.len < BATCH_BYTES)
			continue;
		if ((rc = batch_end(&b, &w->wal.key, w->state.log_pos,
		    err)) != 0 || (rc = wal_append(&w->wal,
		    w->state.log_pos, b.out.data, b.out.len, false, NULL,
		    w->dir.wal_path, err)) != 0)
			goto done;
		w->state.log_pos += b.out.len;
		batch_begin(&b, 0);
	}
	if (rc != NTDB_END)
		goto done;
	rc = 0;
	if (b.n > 0 && (rc = batch_end(&b, &w->wal.key, w->state.log_pos,
	    err)) == 0)
		rc = wal_append(&w->wal, w->state.log_pos, b.out.data,
		    b.out.len, false, NULL, w->dir.wal_path, err);
done:
	wal_reader_release(&r);
	batch_release(&b);
	return rc;
}

/* The header of a log that comes after all that is there. */
static int
head_above(struct writer *w, const struct wal *old, struct log_head *head,
    struct ntdb_error *err)
{
	int r;

	memset(head, 0, sizeof(*head));
	head->epoch = old != NULL ? old->head.epoch + 1 : 1;
	head->max_id = old != NULL ? old->head.max_id : 0;
	head->nonce = io_random();
	if ((r = adopt_files(w, head, err)) != 0)
		return r;
	return adopt_catalog(w, head, err);
}

int
writer_adopt_pages(struct writer *w, struct ntdb_error *err)
{
	struct log_head head;
	bool renamed;
	int r, lost = 0;

	if ((r = head_above(w, NULL, &head, err)) != 0)
		goto done;
	if ((r = lost = io_exists(w->dir.fd, w->dir.wal, w->dir.wal_path,
	    err)) < 0)
		goto done;
	if (lost && (r = keep_old(w, "unreadable", err)) != 0)
		goto done;
	r = wal_replace(w->dir.fd, w->dir.wal, &head, NULL, &w->dir.owner,
	    &renamed, w->dir.wal_path, err);
	/* A database that was made by hand has no log, and needs none. */
	w->n_recoveries += lost || head.n_files > 0;
	w->n_syncs += WAL_REPLACE_SYNCS;
done:
	log_head_release(&head);
	return r;
}

int
writer_begin_log(struct writer *w, const struct wal *old, const char *temp,
    struct ntdb_error *err)
{
	struct log_head head;
	bool renamed;
	int r;

	if ((r = head_above(w, old, &head, err)) == 0)
		r = wal_replace(w->dir.fd, temp, &head, NULL, &w->dir.owner,
		    &renamed, w->dir.wal_path, err);
	w->n_syncs += WAL_REPLACE_SYNCS;
	log_head_release(&head);
	return r;
}

int
writer_put_log(struct writer *w, const char *temp, struct ntdb_error *err)
{
	uint64_t tail;
	int r;

	if ((r = io_sync(w->wal.fd, w->dir.wal_path, err)) != 0)
		return r;
	if ((r = keep_old(w, "older than the pages", err)) != 0)
		return r;
	if (renameat(w->dir.fd, temp, w->dir.fd, w->dir.wal) == -1)
		return err_sys(err, w->dir.wal_path, "cannot replace");
	if ((r = io_sync_dir(w->dir.fd, w->dir.wal_path, err)) != 0)
		return r;
	w->n_recoveries++;
	w->n_syncs += WAL_REPLACE_SYNCS;
	/* What was carried over is taken in like anybody else's. */
	w->state.log_pos = w->wal.head.len;
	w->state.log_samples = 0;
	return state_replay(&w->state, &w->wal, &tail, w->dir.wal_path, err);
}
