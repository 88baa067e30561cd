/*
 * Which databases there are.
 *
 * The handle keeps the names of what a root holds besides files, and uses them
 * again if the root is certain to have them all still.  What of it is a
 * database is looked at each time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dbdir.h"
#include "error.h"
#include "listing.h"
#include "root.h"

#define KEPT_BYTES (64u << 10)		/* of names */

/* io_exists; what one may not look into has nothing. */
static int
has_file(int rootfd, const char *path, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r = io_exists(rootfd, path, path, &why);

	if (r == NTDB_EPERM)
		return 0;
	if (r < 0 && err != NULL && err->code == 0)
		*err = why;
	return r;
}

int
root_has_database(const struct ntdb *db, const char *name,
    struct ntdb_error *err)
{
	char path[2 * DB_NAME_MAX + 24];
	size_t len = strlen(name);
	int r;

	memcpy(path, name, len);
	memcpy(path + len, "/" DBDIR_MANIFEST, sizeof("/" DBDIR_MANIFEST));
	if ((r = has_file(db->fd, path, err)) != 0)
		return r;
	path[len] = '/';
	memcpy(path + len + 1, name, len);
	memcpy(path + 2 * len + 1, ".wal", sizeof(".wal"));
	return has_file(db->fd, path, err);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether what has this name is, or may become, a database as it stands. */
static bool
may_be_database(int rootfd, const char *name)
{
	struct stat st;

	return ntdb_database_name_ok(name, strlen(name)) &&
	    (fstatat(rootfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode));
}

/* Have the names of the root's entries. */
static int
read_entries(struct ntdb *db, struct ntdb_error *err)
{
	struct root_entries *e = &db->entries;
	const int64_t now = io_clock_ns();
	const char *name;
	struct stat st;
	DIR *dir;
	int r;

	if (fstat(db->fd, &st) == -1)
		return err_sys(err, db->path, "cannot read directory");
	if (stamp_holds(&e->stamp, &st))
		return 0;
	e->stamp.certain = false;
	buf_clear(&e->names);
	if ((r = listing_open(&dir, db->fd, db->path, err)) != 0)
		return r;
	while ((r = listing_next(dir, &name, db->path, err)) == 0)
		if (may_be_database(db->fd, name))
			buf_add(&e->names, name, strlen(name) + 1);
	closedir(dir);
	if (r != NTDB_END)
		return r;
	if (!buf_ok(&e->names))
		return err_nomem(err);
	stamp_take(&e->stamp, &st, now);
	e->stamp.certain &= e->names.len <= KEPT_BYTES;
	return 0;
}

/* The names that are wanted, one after the other with their NULs, in buf. */
static int
list_names(struct ntdb *db, bool internal, bool all, struct buf *b,
    size_t *n, struct ntdb_error *err)
{
	const struct buf *names = &db->entries.names;
	const char *name;
	size_t at, len;
	int r;

	if ((r = root_open(db, false, err)) != 0 ||
	    (r = read_entries(db, err)) != 0)
		return r;
	for (at = 0; at < names->len; at += len) {
		name = (const char *)names->data + at;
		len = strlen(name) + 1;
		if (!internal && strcmp(name, INTERNAL_DB) == 0)
			continue;
		r = all ? 1 : root_has_database(db, name, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		buf_add(b, name, len);
		(*n)++;
	}
	return buf_ok(b) ? 0 : err_nomem(err);
}

/* One allocation: the table, then the texts. */
static char **
make_table(const struct buf *b, size_t n)
{
	const size_t table = (n + 1) * sizeof(char *);
	char **names, *text;
	size_t i;

	if ((names = malloc(table + b->len)) == NULL)
		return NULL;
	text = (char *)names + table;
	if (b->len > 0)
		memcpy(text, b->data, b->len);
	for (i = 0; i < n; i++) {
		names[i] = text;
		text += strlen(text) + 1;
	}
	names[n] = NULL;
	qsort(names, n, sizeof(*names), compare_names);
	return names;
}

static int
get_names(struct ntdb *db, bool internal, bool all, char ***names,
    size_t *n, struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	int r;

	*names = NULL;
	*n = 0;
	r = list_names(db, internal, all, &b, n, err);
	if (r == 0 && (*names = make_table(&b, *n)) == NULL)
		r = err_nomem(err);
	buf_release(&b);
	return r;
}

int
root_names(struct ntdb *db, char ***names, size_t *n, struct ntdb_error *err)
{
	return get_names(db, true, true, names, n, err);
}

int
ntdb_databases(struct ntdb *db, bool internal, char ***names, size_t *n,
    struct ntdb_error *err)
{
	return get_names(db, internal, false, names, n, err);
}

void
ntdb_databases_free(char **names)
{
	free(names);
}
