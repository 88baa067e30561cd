#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "dbdir.h"
#include "error.h"
#include "listing.h"
#include "lock.h"
#include "timefmt.h"
#include "wal.h"

#define PROBE_DAYS_MAX 32	/* names are tried up to here */

/* DATABASE/FILE, for messages. */
static char *
join(const char *dir, const char *file)
{
	size_t len = strlen(dir) + strlen(file) + 2;
	char *s = malloc(len);

	if (s != NULL)
		snprintf(s, len, "%s/%s", dir, file);
	return s;
}

static int
set_names(struct dbdir *d, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	memset(d, 0, sizeof(*d));
	d->fd = -1;
	d->root = root;
	if (!ntdb_database_name_ok(name, strlen(name)))
		return err_set(err, NTDB_EUSAGE, "not a valid database name");
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->wal, sizeof(d->wal), "%s.wal", name);
	snprintf(d->cache, sizeof(d->cache), "%s.cache", name);
	d->wal_path = join(name, d->wal);
	d->lock_path = join(name, DBDIR_LOCK);
	d->catalog_path = join(name, DBDIR_CATALOG);
	d->manifest_path = join(name, DBDIR_MANIFEST);
	if (d->wal_path == NULL || d->lock_path == NULL ||
	    d->catalog_path == NULL || d->manifest_path == NULL)
		return err_nomem(err);
	return 0;
}

static int
open_fd(struct dbdir *d, struct ntdb_error *err)
{
	d->fd = openat(d->root->fd, d->name,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd != -1 && fstat(d->fd, &d->st) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_at(err, NTDB_ENOENT, d->name, -1,
		    "no such database");
	return err_sys(err, d->name, "cannot open");
}

int
dbdir_open(struct dbdir *d, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	int r;

	if ((r = set_names(d, root, name, err)) != 0 ||
	    (r = root_open(root, false, err)) != 0 ||
	    (r = open_fd(d, err)) != 0 ||
	    (r = io_owner_of(root->fd, &d->owner, root->path, err)) != 0)
		dbdir_close(d);
	return r;
}

void
dbdir_close(struct dbdir *d)
{
	io_close(&d->fd);
	free(d->wal_path);
	free(d->lock_path);
	free(d->catalog_path);
	free(d->manifest_path);
	d->wal_path = d->lock_path = NULL;
	d->catalog_path = d->manifest_path = NULL;
}

static int
create_lock(const struct dbdir *d, int dirfd, const char *name,
    struct ntdb_error *err)
{
	int fd, r;

	fd = io_open(dirfd, name, O_RDWR | O_CREAT, 0600, name, err);
	if (fd < 0)
		return fd;
	r = io_own_fd(fd, &d->owner, false, name, err);
	close(fd);
	return r;
}

/* manifest.ini as the engine's defaults, and those for this one, want it. */
static int
create_manifest(const struct dbdir *d, int dirfd, struct ntdb_error *err)
{
	const struct engine_config *engine;
	struct buf text = BUF_INIT, defaults = BUF_INIT;
	struct engine_config e;
	int r;

	if ((r = root_engine(d->root, &engine, err)) != 0)
		return r;
	e = *engine;
	buf_add(&defaults, e.manifest_defaults.data, e.manifest_defaults.len);
	if (d->defaults != NULL)
		buf_add(&defaults, d->defaults, strlen(d->defaults));
	e.manifest_defaults = defaults;
	if (manifest_template(&e, &text) != 0 || !buf_ok(&text) ||
	    !buf_ok(&defaults))
		r = err_nomem(err);
	else
		r = io_publish(dirfd, DBDIR_MANIFEST, text.data, text.len,
		    true, &d->owner, d->manifest_path, err);
	buf_release(&text);
	buf_release(&defaults);
	return r;
}

static int
create_catalog(const struct dbdir *d, int dirfd, struct ntdb_error *err)
{
	struct buf text = BUF_INIT;
	int r;

	catalog_begin(&text);
	catalog_end(&text);
	if (!buf_ok(&text))
		r = err_nomem(err);
	else
		r = io_publish(dirfd, DBDIR_CATALOG, text.data, text.len,
		    true, &d->owner, d->catalog_path, err);
	buf_release(&text);
	return r;
}

/* Everything that a new database has, but its log. */
static int
populate(const struct dbdir *d, int dirfd, struct ntdb_error *err)
{
	int r;

	if ((r = io_own_fd(dirfd, &d->owner, true, d->name, err)) != 0 ||
	    (r = create_lock(d, dirfd, DBDIR_LOCK, err)) != 0 ||
	    (r = create_lock(d, dirfd, DBDIR_MAINT_LOCK, err)) != 0 ||
	    (r = create_manifest(d, dirfd, err)) != 0)
		return r;
	return create_catalog(d, dirfd, err);
}

static int
create_log(const struct dbdir *d, int dirfd, struct ntdb_error *err)
{
	struct log_head head;
	bool renamed;
	int r;

	memset(&head, 0, sizeof(head));
	head.epoch = 1;
	head.nonce = io_random();
	r = wal_replace(dirfd, d->wal, &head, NULL, &d->owner, &renamed,
	    d->wal_path, err);
	log_head_release(&head);
	return r;
}

/* Take away a directory that was not completed, with all that is in it. */
static void
discard(const struct dbdir *d, const char *tmp)
{
	const char *name;
	DIR *dir;
	int fd;

	fd = openat(d->root->fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	if (listing_open(&dir, fd, tmp, NULL) == 0) {
		while (listing_next(dir, &name, tmp, NULL) == 0)
			if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
				unlinkat(fd, name, 0);
		closedir(dir);
	}
	close(fd);
	unlinkat(d->root->fd, tmp, AT_REMOVEDIR);
}

static int
create_dir(struct dbdir *d, struct ntdb_error *err)
{
	int rootfd = d->root->fd, fd = -1, r;
	char tmp[DB_NAME_MAX + 8];

	/*
	 * The root is locked meanwhile, so one name serves, and what a
	 * killed process has left there is taken away first.
	 */
	snprintf(tmp, sizeof(tmp), ".%s.new", d->name);
	discard(d, tmp);
	if (mkdirat(rootfd, tmp, 0700) == -1)
		return err_sys_code(err, errno == EACCES || errno == EROFS ?
		    NTDB_EPERM : errno == ENOSPC || errno == EDQUOT ||
		    errno == EIO ? NTDB_EIO : NTDB_ECREATE,
		    d->name, "cannot create");
	fd = openat(rootfd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		r = err_sys(err, d->name, "cannot open");
		goto fail;
	}
	if ((r = populate(d, fd, err)) != 0 ||
	    (r = create_log(d, fd, err)) != 0)
		goto fail;
	if (renameat(rootfd, tmp, rootfd, d->name) == -1) {
		r = errno == ENOTDIR ? err_at(err, NTDB_ECREATE, d->name, -1,
		    "cannot create: a file of that name is in the way") :
		    err_sys(err, d->name, "cannot rename");
		goto fail;
	}
	close(fd);
	return io_sync_dir(rootfd, d->root->path, err);
fail:
	io_close(&fd);
	discard(d, tmp);
	return r;
}

int
dbdir_complete(const struct dbdir *d, struct ntdb_error *err)
{
	int r;

	r = io_exists(d->fd, DBDIR_MAINT_LOCK, d->name, err);
	if (r == 0)
		r = create_lock(d, d->fd, DBDIR_MAINT_LOCK, err);
	if (r >= 0)
		r = io_exists(d->fd, DBDIR_LOCK, d->lock_path, err);
	if (r == 0)
		r = create_lock(d, d->fd, DBDIR_LOCK, err);
	if (r >= 0)
		r = io_exists(d->fd, DBDIR_MANIFEST, d->manifest_path, err);
	if (r == 0)
		r = create_manifest(d, d->fd, err);
	return r < 0 ? r : 0;
}

static bool
is_same_file(int dirfd, const char *name, const char *other)
{
	struct stat a, b;

	return fstatat(dirfd, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(dirfd, other, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
dbdir_keep(const struct dbdir *d, const char *file, const char *name,
    const char *display, const char *what, struct ntdb_error *err)
{
	struct ntdb_error note = NTDB_ERROR_INIT;
	char other[DB_NAME_MAX + 64];
	int r = linkat(d->fd, file, d->fd, name, 0);

	if (r == -1 && errno == EEXIST && is_same_file(d->fd, file, name)) {
		r = 0;
	} else if (r == -1 && errno == EEXIST) {
		snprintf(other, sizeof(other), "%s-%016llx", name,
		    (unsigned long long)io_random());
		r = linkat(d->fd, file, d->fd, name = other, 0);
	}
	if (r == 0)
		err_at(&note, NTDB_ECORRUPT, display, -1, "%s, kept as %s",
		    what, name);
	else if (errno == EPERM || errno == EOPNOTSUPP)
		err_sys_code(&note, NTDB_ECORRUPT, display,
		    "damaged, and cannot be kept");
	else
		return err_sys(err, display, "damaged, and cannot be kept");
	root_note(d->root, &note);
	return 0;
}

int
dbdir_create(struct dbdir *d, struct ntdb *root, const char *name,
    const char *defaults, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	r = set_names(d, root, name, err);
	d->defaults = defaults;
	if (r != 0 || (r = root_open(root, true, err)) != 0 ||
	    (r = io_owner_of(root->fd, &d->owner, root->path, err)) != 0)
		goto done;
	if ((r = open_fd(d, &why)) == NTDB_ENOENT) {
		r = lock_take(root->fd, false, root->opt.wait_ns, root->path,
		    err);
		if (r != 0)
			goto done;
		/* Another process may have been faster. */
		err_clear(&why);
		if ((r = open_fd(d, &why)) == NTDB_ENOENT) {
			err_clear(&why);
			if ((r = create_dir(d, &why)) == 0)
				r = open_fd(d, &why);
		}
		lock_drop(root->fd);
	}
	if (r != 0 && err != NULL && err->code == 0)
		*err = why;
done:
	if (r != 0)
		dbdir_close(d);
	return r;
}

static void
note(void *arg, const struct ntdb_error *what)
{
	root_note(arg, what);
}

int
dbdir_manifest(const struct dbdir *d, struct manifest *m,
    struct ntdb_error *err)
{
	const struct engine_config *engine;
	int r;

	memset(m, 0, sizeof(*m));
	if ((r = root_engine(d->root, &engine, err)) != 0)
		return r;
	return manifest_read(d->fd, DBDIR_MANIFEST, d->manifest_path, engine,
	    m, note, d->root, err);
}

static int
compare_parts(const void *a, const void *b)
{
	const struct partition *p = a, *q = b;
	int64_t pf, qf, last;

	/* Of one kind they stand in order of time. */
	if (p->kind == q->kind)
		return partition_compare(*p, *q);
	partition_span(*p, &pf, &last);
	partition_span(*q, &qf, &last);
	if (pf != qf)
		return pf < qf ? -1 : 1;
	return partition_compare(*p, *q);
}

/* Try the names that data files of the time can have. */
static void
probe_partitions(const struct dbdir *d, int64_t first, int64_t last,
    struct buf *parts)
{
	char name[PARTITION_NAME_MAX];
	struct partition p, end;
	int kind;

	for (kind = PART_DAY; kind <= PART_FOREVER; kind++) {
		p = partition_of((enum partition_kind)kind, first);
		end = partition_of((enum partition_kind)kind, last);
		for (; p.start <= end.start; p.start++) {
			/* If one cannot tell, opening it will. */
			partition_name(p, name);
			if (faccessat(d->fd, name, F_OK, 0) == 0 ||
			    errno != ENOENT)
				buf_add(parts, &p, sizeof(p));
		}
	}
}

static int
list_partitions(const struct dbdir *d, int64_t first, int64_t last,
    struct buf *parts, struct ntdb_error *err)
{
	struct partition p;
	int64_t from, to;
	const char *name;
	DIR *dir;
	int r;

	if ((r = listing_open(&dir, d->fd, d->name, err)) != 0)
		return r;
	while ((r = listing_next(dir, &name, d->name, err)) == 0) {
		if (!partition_scan(name, &p))
			continue;
		partition_span(p, &from, &to);
		if (to >= first && from <= last)
			buf_add(parts, &p, sizeof(p));
	}
	closedir(dir);
	return r == NTDB_END ? 0 : r;
}

int
dbdir_partitions(const struct dbdir *d, int64_t first, int64_t last,
    struct partition **parts, size_t *n, struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	int r;

	*parts = NULL;
	*n = 0;
	if (first > last)
		return 0;

	/* A directory may hold the files of many years. */
	if ((uint64_t)last - (uint64_t)first < PROBE_DAYS_MAX * NS_PER_DAY) {
		probe_partitions(d, first, last, &b);
	} else if ((r = list_partitions(d, first, last, &b, err)) != 0) {
		buf_release(&b);
		return r;
	}
	if (!buf_ok(&b)) {
		buf_release(&b);
		return err_nomem(err);
	}
	*n = b.len / sizeof(**parts);
	*parts = (struct partition *)(void *)b.data;
	if (*n > 0)
		qsort(*parts, *n, sizeof(**parts), compare_parts);
	return 0;
}
