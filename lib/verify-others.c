/*
 * What no sample of the database depends on: archives, rollup checkpoints,
 * and files that were put aside.
 */
#include <stdio.h>
#include <stdlib.h>

#include "checkpoint.h"
#include "error.h"
#include "listing.h"
#include "verify.h"

static bool
ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len >= n && strcmp(name + len - n, end) == 0;
}

static bool
is_archive(const char *name)
{
	return strncmp(name, "archive-", 8) == 0 && ends_with(name, ".tar");
}

/* NAME.damaged-... and NAME.stray-... of a file of the database. */
static bool
is_aside(const struct dbdir *d, const char *name)
{
	if (strstr(name, ".damaged-") == NULL &&
	    strstr(name, ".stray-") == NULL)
		return false;
	return strncmp(name, "data-", 5) == 0 ||
	    strncmp(name, "archive-", 8) == 0 ||
	    strncmp(name, DBDIR_CATALOG, strlen(DBDIR_CATALOG)) == 0 ||
	    strncmp(name, d->wal, strlen(d->wal)) == 0;
}

/* Names that are looked at, owned, and room for more. */
struct names {
	char	**at;
	size_t	n, cap;
};

static int
add_name(struct names *l, const char *name, struct ntdb_error *err)
{
	size_t cap = l->cap * 2 + 16;
	char **at;

	if (l->n == l->cap) {
		if ((at = realloc(l->at, cap * sizeof(*at))) == NULL)
			return err_nomem(err);
		l->at = at;
		l->cap = cap;
	}
	if ((l->at[l->n] = strdup(name)) == NULL)
		return err_nomem(err);
	l->n++;
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list_names(const struct dbdir *d, struct names *l, struct ntdb_error *err)
{
	const char *name;
	DIR *dir;
	int r;

	if ((r = listing_open(&dir, d->fd, d->name, err)) != 0)
		return r;
	while ((r = listing_next(dir, &name, d->name, err)) == 0)
		if ((is_archive(name) || is_aside(d, name)) &&
		    (r = add_name(l, name, err)) != 0)
			break;
	closedir(dir);
	if (r != NTDB_END)
		return r;
	if (l->n > 0)
		qsort(l->at, l->n, sizeof(l->at[0]), compare_names);
	return 0;
}

/* A line that counts for nothing costs work, but somebody wrote it. */
static int
check_checkpoints(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct dbdir *d = &v->s.dir;
	char path[sizeof(why.path)];
	struct checkpoints c;
	struct manifest m;
	int r = 0;

	/* That the manifest is wrong has been told. */
	if (dbdir_manifest(d, &m, NULL) != 0 || m.checkpoint_file == NULL) {
		manifest_release(&m);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s", d->name, m.checkpoint_file);
	if (checkpoints_read(&c, d->fd, m.checkpoint_file, path, &why) != 0) {
		snprintf(why.path, sizeof(why.path), "%s", path);
		r = verify_failed(v, &why, 0, NULL, err);
	} else if (c.n_bad > 0) {
		err_set(&why, NTDB_ECORRUPT,
		    "no checkpoint, or one with a wrong checksum");
		snprintf(why.path, sizeof(why.path), "%s", path);
		why.line = (int64_t)c.first_bad;
		r = verify_failed(v, &why, c.n_bad, "lines", err);
	}
	v->res->files += c.len > 0;
	checkpoints_release(&c);
	manifest_release(&m);
	return r;
}

int
verify_others(struct verify *v, struct ntdb_error *err)
{
	struct names l = { NULL, 0, 0 };
	size_t i;
	int r;

	if ((r = check_checkpoints(v, err)) == 0)
		r = list_names(&v->s.dir, &l, err);
	for (i = 0; r == 0 && i < l.n; i++)
		if (is_archive(l.at[i]))
			r = verify_archive(v, l.at[i], err);
	for (i = 0; r == 0 && i < l.n; i++)
		if (!is_archive(l.at[i]))
			r = verify_note(v, l.at[i], "was put aside");
	for (i = 0; i < l.n; i++)
		free(l.at[i]);
	free(l.at);
	return r;
}
