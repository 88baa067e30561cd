/*
 * An archive: the headers of its members, catalogs, and all of the data files,
 * each by the catalog that is beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "bytes.h"
#include "error.h"
#include "verify.h"

#define TRIES_MAX 100		/* while it is written to */
#define TEXT_MAX ((uint64_t)1 << 30)

/* The part of a name before its last slash, and what is behind that. */
static const char *
base_of(const char *name, size_t *dir_len)
{
	const char *slash = strrchr(name, '/');

	*dir_len = slash == NULL ? 0 : (size_t)(slash - name);
	return slash == NULL ? name : slash + 1;
}

/* ------------------------------------------------------------ its names */

static int
read_text(const struct archive *a, const struct archive_member *m,
    struct buf *text, struct ntdb_error *err)
{
	size_t got = 0;
	int r;

	if (m->head.size > TEXT_MAX)
		return err_set(err, NTDB_ECORRUPT, "is too large");
	if (m->head.size == 0)
		return 0;
	if (buf_extend(text, (size_t)m->head.size) == NULL)
		return err_nomem(err);
	r = io_pread(a->fd, text->data, text->len, m->at + TAR_BLOCK, &got,
	    a->name, err);
	return r == 0 && got < text->len ?
	    err_set(err, NTDB_ECORRUPT, "is cut short") : r;
}

/* The names that belong to members of a directory: its last catalog. */
static int
take_names(struct verify *v, const struct archive *a, const char *dir,
    size_t dir_len, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	char name[TAR_PATH_MAX + sizeof(DBDIR_CATALOG) + 1];
	struct buf text = BUF_INIT;
	struct archive_member m;
	int r;

	state_release(&v->s.state);
	state_init(&v->s.state);
	snprintf(name, sizeof(name), "%.*s/%s", (int)dir_len, dir,
	    DBDIR_CATALOG);
	r = archive_find(a, name, &m, &why);
	if (r == NTDB_END)
		r = err_set(&why, NTDB_ECORRUPT, "there is no %s", name);
	else if (r == 0 && (r = read_text(a, &m, &text, &why)) == 0)
		r = state_take_catalog(&v->s.state, (const char *)text.data,
		    text.len, name, &why);
	buf_release(&text);
	v->names_known = r == 0;
	if (r == 0)
		return 0;
	v->member = name;
	v->member_at = 0;
	why.offset = -1;
	r = verify_failed(v, &why, 0, NULL, err);
	v->member = NULL;
	return r;
}

/* ---------------------------------------------------------- its members */

static int
check_data(struct verify *v, const struct archive *a,
    const struct archive_member *m, struct partition part,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct datafile f;
	int r;

	v->member = m->head.name;
	v->member_at = m->at + TAR_BLOCK;
	if (datafile_open_part(&f, a->fd, v->member_at, m->head.size, part,
	    &why) != 0) {
		r = verify_failed(v, &why, 0, NULL, err);
	} else {
		r = verify_pages(v, &f, f.sealed_len > f.size ? f.sealed_len :
		    f.size, err);
		datafile_close(&f);
	}
	v->member = NULL;
	return r;
}

static int
check_members(struct verify *v, const struct archive *a,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	char dir[TAR_PATH_MAX + 1] = "";
	struct archive_member m;
	struct partition part;
	uint64_t pos = 0;
	const char *base;
	size_t len;
	int r = 0;

	while (r == 0 && archive_next(a, &pos, &m, &why) == 0) {
		base = base_of(m.head.name, &len);
		if (!partition_scan(base, &part))
			continue;
		if (strlen(dir) != len || memcmp(dir, m.head.name, len) != 0) {
			snprintf(dir, sizeof(dir), "%.*s", (int)len,
			    m.head.name);
			if ((r = take_names(v, a, dir, len, err)) != 0)
				break;
		}
		r = check_data(v, a, &m, part, err);
	}
	return r != 0 || why.code == 0 ? r :
	    verify_failed(v, &why, 0, NULL, err);
}

/* Whether the archive is still as it was when it was opened. */
static bool
is_unchanged(const struct archive *a, const struct stat *then)
{
	struct stat now;

	return fstat(a->fd, &now) == 0 && now.st_size == then->st_size &&
	    now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

/*
 * Whether the header of the last member was torn by a power cut: then its
 * data file is still there, or it is one of the texts that come before.
 */
static bool
is_torn(const struct verify *v, const struct archive *a)
{
	char name[PARTITION_NAME_MAX];
	uint8_t p[DATA_HEAD_LEN];
	struct partition part;
	size_t got;

	if (!a->headless || io_pread(a->fd, p, sizeof(p), a->end + TAR_BLOCK,
	    &got, a->name, NULL) != 0 || got < sizeof(p))
		return false;
	if (memcmp(p, "NTDBDAT\n", 8) != 0)
		return true;
	part.kind = get_u32(p + 12);
	part.start = (int32_t)get_u32(p + 16);
	if (part.kind > PART_FOREVER)
		return false;
	partition_name(part, name);
	return faccessat(v->s.dir.fd, name, F_OK, 0) == 0;
}

/* Once through it; *unchanged: nobody has written to it meanwhile. */
static int
check(struct verify *v, const char *name, bool *unchanged,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct stat st;
	struct archive a;
	int r = 0;

	memset(&st, 0, sizeof(st));
	*unchanged = true;
	if (fstatat(v->s.dir.fd, name, &st, 0) == -1)
		return 0;
	if (archive_open_read(&a, v->s.dir.fd, name, &why) != 0) {
		/* One that was removed is no damage. */
		if (why.code != NTDB_ENOENT && !is_torn(v, &a))
			r = verify_failed(v, &why, 0, NULL, err);
	}
	if (r == 0 && a.fd != -1)
		r = check_members(v, &a, err);
	*unchanged = a.fd == -1 || is_unchanged(&a, &st);
	archive_close(&a);
	return r;
}

/*
 * Nothing is locked, and who archives meanwhile may cut the last member and
 * make it anew: what seems to be damage is told of a file that stays the same
 * only.
 */
static int
check_still(struct verify *v, const char *name, struct ntdb_error *err)
{
	int (*found)(void *, const struct ntdb_finding *) = v->found;
	const struct ntdb_verify_result res = *v->res;
	const struct ntdb_error first = v->first;
	const int verdict = v->verdict;
	bool unchanged = false;
	int tries, r;

	v->found = NULL;
	for (tries = 0; tries < TRIES_MAX; tries++) {
		r = check(v, name, &unchanged, err);
		if (r != 0 || v->res->damaged == res.damaged)
			break;
		*v->res = res;
		v->first = first;
		v->verdict = verdict;
		if (unchanged) {
			v->found = found;
			return check(v, name, &unchanged, err);
		}
	}
	v->found = found;
	return r;
}

int
verify_archive(struct verify *v, const char *name, struct ntdb_error *err)
{
	struct state names = v->s.state;
	const bool names_known = v->names_known, all_pages = v->s.all_pages;
	int r;

	state_init(&v->s.state);
	v->s.all_pages = true;
	v->archive = name;
	r = check_still(v, name, err);
	v->archive = NULL;
	v->s.all_pages = all_pages;
	v->names_known = names_known;
	state_release(&v->s.state);
	v->s.state = names;
	v->res->files++;
	return r;
}
