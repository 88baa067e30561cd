#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "verify.h"

#define REOPEN_MAX 100		/* then the log is replaced too often */

/* The log has been replaced: go on with the new one and its names. */
static int
reopen_log(struct verify *v, struct ntdb_error *err)
{
	const struct dbdir *d = &v->s.dir;
	struct state *st = &v->s.state;
	uint64_t tail;
	int r;

	v->reopened = true;
	wal_release(&v->s.wal);
	r = wal_open(&v->s.wal, d->fd, d->wal, false, d->wal_path, err);
	if (r != 0)
		return r;
	/* What is wrong with the names has been told. */
	state_read_catalog(st, d->fd, d->catalog_path, NULL);
	st->log_pos = v->s.wal.head.len;
	state_replay(st, &v->s.wal, &tail, d->wal_path, NULL);
	return 0;
}

/* The file shows that the log is not the one that belongs to it. */
static int
tell_old_log(struct verify *v, const char *file, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	err_at(&why, NTDB_ECORRUPT, v->s.dir.wal_path, -1,
	    "the log is older than pages in %s", file);
	return verify_failed(v, &why, 0, NULL, err);
}

/* Open a data file.  NTDB_END: there is nothing to check. */
static int
open_file(struct verify *v, struct partition part, struct datafile *f,
    uint64_t *limit, struct ntdb_error *err)
{
	int r, tries;

	for (tries = 0; tries < REOPEN_MAX; tries++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = snapshot_file(&v->s, part, f, limit, &why);
		if (r == 0)
			return 0;
		if (r == NTDB_ENOENT)
			return NTDB_END;
		if (r != NTDB_EBUSY) {
			v->res->files++;
			r = verify_failed(v, &why, 0, NULL, err);
			return r == 0 ? NTDB_END : r;
		}
		r = v->s.all_pages ? tell_old_log(v, f->name, err) :
		    reopen_log(v, err);
		if (r != 0)
			return r;
	}
	return err_at(err, NTDB_EBUSY, v->s.dir.name, -1,
	    "changes too often to be read");
}

/* What a page's header says about its place: file, partition, log. */
static int
check_place(struct verify *v, const struct datafile *f,
    const struct page_ref *ref, struct ntdb_error *err)
{
	struct ntdb_error epoch = NTDB_ERROR_INIT, span = NTDB_ERROR_INIT;
	const struct page_head *h = &ref->head;
	int64_t first, last;
	int r = 0;

	partition_span(f->part, &first, &last);
	if (h->sealed && ref->offset < f->sealed_len &&
	    h->epoch > f->sealed_epoch)
		err_at(&epoch, NTDB_ECORRUPT, f->name, (int64_t)ref->offset,
		    "page has an epoch above that of the file's sealed part");
	else if (!snapshot_counts(&v->s, ref))
		err_at(&epoch, NTDB_ECORRUPT, f->name, (int64_t)ref->offset,
		    "page has epoch %llu, which is not below the log's",
		    (unsigned long long)h->epoch);
	if (epoch.code != 0)
		r = verify_lost(v, &epoch, h->n_samples, err);
	if (r == 0 && (h->t_min < first || h->t_max > last)) {
		err_at(&span, NTDB_ECORRUPT, f->name, (int64_t)ref->offset,
		    "page has times outside the file's partition");
		r = verify_lost(v, &span, h->n_samples, err);
	}
	return r;
}

static int
check_head(struct verify *v, const struct datafile *f, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (!f->mended)
		return 0;
	err_at(&why, NTDB_ECORRUPT, f->name, 0,
	    "file header has a wrong checksum: one bit is wrong, and read as "
	    "if it were right");
	return verify_lost(v, &why, 0, err);
}

/* Bytes [from, to) are no page: what they were, if it is one bit. */
static int
tell_passed(struct verify *v, const struct datafile *f, uint64_t from,
    uint64_t to, struct ntdb_error *why, struct ntdb_error *err)
{
	size_t len = strlen(why->text);
	uint8_t p[PAGE_HEAD_MAX];
	struct page_head h;
	size_t got;

	if (from >= f->size)
		return verify_failed(v, why, 0, NULL, err);
	snprintf(why->text + len, sizeof(why->text) - len,
	    " (%llu bytes passed over)", (unsigned long long)(to - from));
	if (io_pread(f->fd, p, sizeof(p), f->base + from, &got, f->name,
	    NULL) == 0 &&
	    page_head_mend(p, got, &h) == 0 && h.len == to - from)
		return verify_lost(v, why, h.n_samples, err);
	return verify_failed(v, why, 0, NULL, err);
}

int
verify_pages(struct verify *v, const struct datafile *f, uint64_t limit,
    struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN, from;
	struct page_ref ref;
	int r;

	if ((r = check_head(v, f, err)) != 0 ||
	    (r = verify_list_begin(v, f, err)) != 0)
		return r;
	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		from = pos;
		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			return verify_list_end(v, f, err);
		if (r != 0) {
			int code = tell_passed(v, f, from, pos, &why, err);

			if (code != 0 || r != NTDB_ECORRUPT)
				return code;
			continue;
		}
		v->res->pages++;
		if ((r = check_place(v, f, &ref, err)) != 0 ||
		    (r = verify_page(v, f, &ref, err)) != 0)
			return r;
	}
}

/* Pages without a log: it has been lost, and samples with it. */
static int
check_log_there(struct verify *v, bool *told, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (*told || v->res->pages == 0)
		return 0;
	*told = true;
	err_at(&why, NTDB_ECORRUPT, v->s.dir.wal_path, -1,
	    "the log is missing, although there are pages");
	return verify_failed(v, &why, 0, NULL, err);
}

int
verify_data(struct verify *v, struct ntdb_error *err)
{
	/* A log that is damaged has been told. */
	bool told = v->s.wal.fd != -1 || v->s.damage.code != 0;
	struct partition *parts;
	struct datafile f;
	uint64_t limit;
	size_t n, i;
	int r;

	if (v->newer)
		return 0;
	r = dbdir_partitions(&v->s.dir, INT64_MIN, INT64_MAX, &parts, &n,
	    err);
	for (i = 0; r == 0 && i < n; i++) {
		r = open_file(v, parts[i], &f, &limit, err);
		if (r == 0) {
			v->res->files++;
			r = verify_pages(v, &f, limit, err);
			datafile_close(&f);
		} else if (r == NTDB_END) {
			r = 0;
		}
		if (r == 0)
			r = check_log_there(v, &told, err);
	}
	free(parts);
	return r;
}
