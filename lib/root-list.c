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

/* Names, one after the other with their NULs, in one allocation. */
static char **
make_table(const struct buf *b, size_t *n)
{
	const uint8_t *end = b->data + b->len, *p;
	char **names, *text;
	size_t i;

	for (*n = 0, p = b->data; p < end; (*n)++)
		p += strlen((const char *)p) + 1;
	names = malloc((*n + 1) * sizeof(*names) + b->len);
	if (names == NULL)
		return NULL;
	text = (char *)(names + *n + 1);
	if (b->len > 0)
		memcpy(text, b->data, b->len);
	for (i = 0; i < *n; i++) {
		names[i] = text;
		text += strlen(text) + 1;
	}
	names[*n] = NULL;
	qsort(names, *n, sizeof(*names), compare_names);
	return names;
}

int
root_names(struct ntdb *db, char ***names, size_t *n, struct ntdb_error *err)
{
	int r;

	*names = NULL;
	*n = 0;
	if ((r = root_open(db, false, err)) != 0 ||
	    (r = read_entries(db, err)) != 0)
		return r;
	*names = make_table(&db->entries.names, n);
	return *names != NULL ? 0 : err_nomem(err);
}

int
ntdb_databases(struct ntdb *db, bool internal, char ***names, size_t *n,
    struct ntdb_error *err)
{
	size_t i, all;
	int r;

	*n = 0;
	if ((r = root_names(db, names, &all, err)) != 0)
		return r;
	for (i = 0; i < all; i++) {
		if (!internal && strcmp((*names)[i], INTERNAL_DB) == 0)
			continue;
		if ((r = root_has_database(db, (*names)[i], err)) < 0) {
			free(*names);
			*names = NULL;
			*n = 0;
			return r;
		}
		if (r > 0)
			(*names)[(*n)++] = (*names)[i];
	}
	(*names)[*n] = NULL;
	return 0;
}

void
ntdb_databases_free(char **names)
{
	free(names);
}
