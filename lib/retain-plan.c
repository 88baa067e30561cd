/*
 * What has expired.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "error.h"
#include "retain.h"
#include "timefmt.h"

/* A clock further than that from the newest sample is not believed. */
#define BELIEVED_NS (31 * NS_PER_DAY)

/* The newest sample that is stored. */
struct newest {
	bool	known;
	int64_t	t;
};

static void
see(struct newest *top, int64_t t)
{
	if (!top->known || t > top->t)
		top->t = t;
	top->known = true;
}

static int
compare_ends(const void *a, const void *b)
{
	const struct retain_file *x = a, *y = b;

	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return partition_compare(x->part, y->part);
}

/* The size of a file; 0 if it is not there, or no file. */
static int
size_of(const struct dbdir *d, const char *name, uint64_t *size,
    struct ntdb_error *err)
{
	struct stat st;

	*size = 0;
	if (fstatat(d->fd, name, &st, 0) == -1)
		return errno == ENOENT ? 0 : err_sys(err, name, "cannot stat");
	if (S_ISREG(st.st_mode))
		*size = (uint64_t)st.st_size;
	return 0;
}

/* All data files with their sizes. */
static int
list_files(struct retain_plan *p, const struct dbdir *d,
    struct ntdb_error *err)
{
	char name[PARTITION_NAME_MAX];
	struct partition *parts;
	struct retain_file *f;
	size_t n, i;
	int r;

	if ((r = dbdir_partitions(d, INT64_MIN, INT64_MAX, &parts, &n,
	    err)) != 0)
		return r;
	if ((p->files = calloc(n + 1, sizeof(p->files[0]))) == NULL)
		r = err_nomem(err);
	for (i = 0; r == 0 && i < n; i++) {
		f = &p->files[p->n];
		partition_name(parts[i], name);
		r = size_of(d, name, &f->bytes, err);
		if (r != 0 || f->bytes == 0)
			continue;
		f->part = parts[i];
		partition_span(f->part, &f->first, &f->last);
		p->n++;
	}
	free(parts);
	if (r == 0 && p->n > 0)
		qsort(p->files, p->n, sizeof(p->files[0]), compare_ends);
	return r;
}

/* Whether its end lies longer than so many days before now. */
static bool
is_older(const struct retain_file *f, int64_t now, int64_t days)
{
	if (days == 0 || now <= f->last)
		return false;
	return (uint64_t)now - (uint64_t)f->last - 1 >
	    (uint64_t)days * (uint64_t)NS_PER_DAY;
}

static int
total_bytes(const struct retain_plan *p, const struct dbdir *d,
    uint64_t *total, struct ntdb_error *err)
{
	uint64_t log, catalog;
	size_t i;
	int r;

	if ((r = size_of(d, d->wal, &log, err)) != 0 ||
	    (r = size_of(d, DBDIR_CATALOG, &catalog, err)) != 0)
		return r;
	*total = log + catalog;
	for (i = 0; i < p->n; i++)
		if (!p->files[i].expired)
			*total += p->files[i].bytes;
	return 0;
}

/* Mark what expires, all but the files that hold the newest sample. */
static int
mark(struct retain_plan *p, const struct dbdir *d, const struct manifest *m,
    int64_t now, struct ntdb_error *err)
{
	struct retain_file *f;
	uint64_t total;
	size_t i;
	int r;

	for (i = 0; i < p->n; i++) {
		f = &p->files[i];
		f->expired = !f->newest && is_older(f, now, m->retention_days);
	}
	if (m->retention_size == 0)
		return 0;
	if ((r = total_bytes(p, d, &total, err)) != 0)
		return r;
	for (i = 0; i < p->n && total > m->retention_size; i++) {
		f = &p->files[i];
		if (f->expired || f->newest)
			continue;
		f->expired = true;
		total -= f->bytes;
	}
	return 0;
}

static int
newest_in_log(const struct snapshot *s, struct newest *top,
    struct ntdb_error *err)
{
	struct wal_reader r;
	struct record rec;
	int rc;

	if (s->wal.fd == -1)
		return 0;
	wal_reader_init(&r, &s->wal, s->wal.head.len, s->log_end,
	    s->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0)
		while (batch_next(&r.batch, &rec) == 0)
			if (rec.kind == REC_SAMPLE)
				see(top, rec.t);
	wal_reader_release(&r);
	return rc == NTDB_END ? 0 : rc;
}

/* The newest sample in a file, if that can be told. */
static int
newest_in_file(struct snapshot *s, struct retain_file *rf,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint64_t pos = DATA_HEAD_LEN, limit;
	struct newest top = { false, 0 };
	bool all = s->all_pages;
	struct page_ref ref;
	struct datafile f;
	int r;

	/* An old log shows at some file: from then on all pages count. */
	do {
		err_clear(&why);
		r = snapshot_file(s, rf->part, &f, &limit, &why);
	} while (r == NTDB_EBUSY && !all && (all = s->all_pages));
	if (r == NTDB_ENOENT)
		return 0;
	if (r == NTDB_ECORRUPT || r == NTDB_EVERSION) {
		rf->unreadable = true;
		return 0;
	}
	if (r != 0)
		return err_take(err, &why);
	while ((r = datafile_next(&f, &pos, limit, &ref, &why)) == 0 ||
	    r == NTDB_ECORRUPT) {
		err_clear(&why);
		if (r == 0 && snapshot_counts(s, &ref))
			see(&top, ref.head.t_max);
	}
	rf->unreadable = r == NTDB_EVERSION;
	rf->has_samples = top.known;
	rf->t_max = top.t;
	datafile_close(&f);
	return r == NTDB_END || r == NTDB_EVERSION ? 0 : err_take(err, &why);
}

/* A sample that may be the newest is in this file. */
static bool
holds(const struct retain_file *f, int64_t newest)
{
	return (f->has_samples && f->t_max == newest) ||
	    (f->unreadable && f->last >= newest);
}

/*
 * Find the newest sample, and the files that hold it, or that cannot be read
 * and may.  Files that end before a time that was seen are not opened.
 */
static int
find_newest(struct retain_plan *p, struct snapshot *s, struct newest *top,
    enum partition_kind kind, struct ntdb_error *err)
{
	struct newest in_log = { false, 0 };
	struct retain_file *f;
	size_t i;
	int r;

	if ((r = newest_in_log(s, &in_log, err)) != 0)
		return r;
	*top = in_log;
	for (i = p->n; i > 0; i--) {
		f = &p->files[i - 1];
		if (top->known && f->last < top->t)
			break;
		if ((r = newest_in_file(s, f, err)) != 0)
			return r;
		if (f->has_samples)
			see(top, f->t_max);
	}
	for (i = 0; top->known && i < p->n; i++) {
		f = &p->files[i];
		/* A sample of the log is where it will be moved. */
		f->newest = holds(f, top->t) ||
		    (in_log.known && in_log.t == top->t &&
		    partition_compare(f->part, partition_of(kind,
		    top->t)) == 0);
	}
	return 0;
}

/* Whether anything would expire if the clock were right. */
static bool
any_expired(const struct retain_plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->files[i].expired)
			return true;
	return false;
}

static int64_t
believed_now(int64_t clock, int64_t newest)
{
	if (newest > INT64_MAX - BELIEVED_NS || clock <= newest + BELIEVED_NS)
		return clock;
	return newest + BELIEVED_NS;
}

bool
retain_is_wanted(const struct ntdb *db, const struct manifest *m)
{
	return m->retention_action != RETAIN_KEEP &&
	    (m->retention_days != 0 || m->retention_size != 0) &&
	    ntdb_now(db) >= NTDB_RELEASE_S * NS_PER_S;
}

int
retain_plan_make(struct retain_plan *p, struct snapshot *s,
    const struct manifest *m, struct ntdb_error *err)
{
	const int64_t clock = ntdb_now(s->dir.root);
	struct newest top;
	size_t i;
	int r;

	memset(p, 0, sizeof(*p));
	if (!retain_is_wanted(s->dir.root, m))
		return 0;
	if ((r = list_files(p, &s->dir, err)) != 0)
		return r;
	if ((r = mark(p, &s->dir, m, clock, err)) != 0 || !any_expired(p))
		return r;
	if ((r = find_newest(p, s, &top, m->partition, err)) != 0)
		return r;
	if (top.known)
		return mark(p, &s->dir, m, believed_now(clock, top.t), err);
	for (i = 0; i < p->n; i++)
		p->files[i].expired = false;
	return 0;
}

void
retain_plan_release(struct retain_plan *p)
{
	free(p->files);
	memset(p, 0, sizeof(*p));
}

struct retain_file *
retain_plan_find(const struct retain_plan *p, struct partition part)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->files[i].expired &&
		    partition_compare(p->files[i].part, part) == 0)
			return &p->files[i];
	return NULL;
}
