/*
 * One data file into its archive.
 *
 * What takes long is done without lock, on the part of the file that counts:
 * it is copied and synced.  Then, under lock, if nothing has been added to
 * the file, the member's header is written, which makes it count, and the
 * file is removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "catalog.h"
#include "error.h"
#include "retain.h"

#define COPY_CHUNK (64u << 10)
#define GENERATIONS 1000

/* The source of a member. */
struct source {
	struct partition part;
	struct datafile f;
	struct stat st;
	uint64_t committed;	/* how much of it should count */
	uint64_t len;		/* what of that there is */
	bool	raw;		/* without a valid header: copied as it is */
	uint8_t	head[DATA_HEAD_LEN];	/* as in the archive, unless raw */
};

/* Where in the archive it goes. */
struct place {
	struct archive a;
	char	period[ARCHIVE_PERIOD_MAX];
	char	dir[TAR_NAME_MAX];	/* home.2026-05 */
	char	name[TAR_PATH_MAX];	/* home.2026-05/data-2026-05-01.dat */
	bool	there;		/* it is there already */
};

/*
 * A header that makes all that is copied count, in whatever database the
 * file will be; without the bit that may be wrong in the file's own.
 */
static void
make_head(struct source *src, const struct log_head *log)
{
	struct datafile f = src->f;

	if (f.sealed_len < src->len) {
		f.sealed_len = src->len;
		f.sealed_epoch = log->epoch;
	}
	datafile_pack_head(&f, src->head);
}

static int
open_raw(struct source *src, int dirfd, struct ntdb_error *err)
{
	struct datafile *f = &src->f;

	src->raw = true;
	partition_name(src->part, f->name);
	f->fd = io_open(dirfd, f->name, O_RDONLY, 0, f->name, err);
	return f->fd < 0 ? f->fd : 0;
}

/* NTDB_END: there is nothing in it.  lock is held. */
static int
source_open(struct source *src, struct retainer *rt, struct partition part,
    struct ntdb_error *err)
{
	const struct log_head *log = &rt->w.wal.head;
	struct ntdb_error why = NTDB_ERROR_INIT;
	int dirfd = rt->w.dir.fd, r;

	memset(src, 0, sizeof(*src));
	src->f.fd = -1;
	src->part = part;
	r = datafile_open(&src->f, dirfd, part, false, &why);
	if (r == NTDB_ECORRUPT || r == NTDB_EVERSION)
		r = open_raw(src, dirfd, err);
	else if (r != 0)
		return r == NTDB_ENOENT ? NTDB_END : err_take(err, &why);
	if (r != 0)
		return r;
	if (fstat(src->f.fd, &src->st) == -1)
		return err_sys(err, src->f.name, "cannot stat");
	src->f.size = (uint64_t)src->st.st_size;
	src->committed = datafile_committed(&src->f, log);
	src->len = src->f.size;
	if (!src->raw && src->len > src->committed)
		src->len = src->committed;
	if (src->len == 0 || (!src->raw && src->len <= DATA_HEAD_LEN))
		return NTDB_END;
	if (!src->raw)
		make_head(src, log);
	return 0;
}

/* Whether what was opened is still all of what is there.  lock is held. */
static bool
is_unchanged(const struct source *src, const struct retainer *rt)
{
	struct stat st;
	bool same_size;

	if (fstatat(rt->w.dir.fd, src->f.name, &st, 0) == -1 ||
	    st.st_dev != src->st.st_dev || st.st_ino != src->st.st_ino)
		return false;
	same_size = st.st_size == src->st.st_size;
	if (src->raw)
		return same_size;
	return (same_size || src->committed <= src->f.size) &&
	    datafile_committed(&src->f, &rt->w.wal.head) == src->committed;
}

/* ----------------------------------------------------------- comparing */

/* What make_head changes of a header, in fours of bytes. */
static const bool is_changed[DATA_HEAD_LEN / 4] = {
	[6] = true, [7] = true, [8] = true, [9] = true, [15] = true
};

/*
 * Whether len bytes of the archive from at on are the same as the first of
 * the source, but for what its header says of its length.
 */
static int
is_copy(const struct source *src, const struct archive *a, uint64_t at,
    uint64_t len, bool *same, struct ntdb_error *err)
{
	uint8_t *p = malloc(2 * COPY_CHUNK), *q;
	uint64_t pos = 0;
	size_t n, got, i;
	int r = 0;

	if (p == NULL)
		return err_nomem(err);
	q = p + COPY_CHUNK;
	*same = len <= src->len;
	while (r == 0 && *same && pos < len) {
		n = len - pos < COPY_CHUNK ? (size_t)(len - pos) : COPY_CHUNK;
		if ((r = io_pread(src->f.fd, p, n, pos, &got, src->f.name,
		    err)) != 0)
			break;
		*same = got == n;
		if (!src->raw && pos == 0)
			memcpy(p, src->head, got < DATA_HEAD_LEN ? got :
			    DATA_HEAD_LEN);
		if ((r = io_pread(a->fd, q, n, at + pos, &got, a->name,
		    err)) != 0)
			break;
		for (i = 0; pos == 0 && i < got && i < DATA_HEAD_LEN; i++)
			if (!src->raw && is_changed[i / 4])
				p[i] = q[i];
		*same &= got == n && memcmp(p, q, n) == 0;
		pos += n;
	}
	free(p);
	return r;
}

static void
name_place(struct place *to, const struct retainer *rt, const char *file,
    unsigned generation)
{
	if (generation == 1)
		snprintf(to->dir, sizeof(to->dir), "%s.%s", rt->w.dir.name,
		    to->period);
	else
		snprintf(to->dir, sizeof(to->dir), "%s.%s.%u",
		    rt->w.dir.name, to->period, generation);
	snprintf(to->name, sizeof(to->name), "%s/%s", to->dir, file);
}

/* A last member that is cut short: cut, if the source has all of it. */
static int
mend_torn(struct place *to, const struct source *src,
    struct ntdb_error *err)
{
	struct archive *a = &to->a;
	const char *base = strrchr(a->part.name, '/');
	uint64_t at = a->end + TAR_BLOCK;
	bool same = false;
	int r;

	if (!a->torn || base == NULL || strcmp(base + 1, src->f.name) != 0)
		return NTDB_ECORRUPT;
	if ((r = is_copy(src, a, at, a->size - at, &same, err)) != 0)
		return r;
	if (!same)
		return NTDB_ECORRUPT;
	archive_cut(a, a->end);
	return 0;
}

static int
open_archive(struct place *to, struct retainer *rt, const struct source *src,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT, note = NTDB_ERROR_INIT;
	const struct dbdir *d = &rt->w.dir;
	char kept[ARCHIVE_NAME_MAX + 32];
	int r;

	archive_period(src->part, to->period);
	r = archive_open(&to->a, d->fd, to->period, &d->owner, &why);
	if (r == 0)
		return 0;
	if (r == NTDB_ECORRUPT)
		r = mend_torn(to, src, err);
	else
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	if (r != NTDB_ECORRUPT)
		return r;
	/* Nothing that might be good is cut. */
	if ((r = archive_put_aside(&to->a, kept, err)) != 0)
		return r;
	err_at(&note, NTDB_ECORRUPT, to->a.name, why.offset,
	    "%s, kept as %s", why.text, kept);
	root_note(d->root, &note);
	return archive_open(&to->a, d->fd, to->period, &d->owner, err);
}

/* Find the name under which the file is there, or can be. */
static int
find_place(struct place *to, const struct retainer *rt,
    const struct source *src, struct ntdb_error *err)
{
	struct archive_member m;
	unsigned gen;
	bool same;
	int r;

	for (gen = 1; gen <= GENERATIONS; gen++) {
		name_place(to, rt, src->f.name, gen);
		r = archive_find(&to->a, to->name, &m, err);
		if (r == NTDB_END)
			return 0;
		if (r != 0 || (r = is_copy(src, &to->a, m.at + TAR_BLOCK,
		    m.head.size, &same, err)) != 0)
			return r;
		if (same && m.head.size == src->len) {
			to->there = true;
			return 0;
		}
		if (same && m.at + TAR_BLOCK + tar_padded(m.head.size) ==
		    to->a.end) {
			/* The file has grown since: make it anew. */
			archive_cut(&to->a, m.at);
			return 0;
		}
	}
	return err_at(err, NTDB_ECREATE, to->name, -1,
	    "is in the archive too often");
}

/* -------------------------------------------------------------- adding */

static void
init_member(struct tar_member *m, const struct retainer *rt,
    const char *dir, const char *file, uint64_t size)
{
	const struct io_owner *o = &rt->w.dir.owner;
	int64_t now = ntdb_now(rt->w.dir.root);

	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s%s%s", dir,
	    file[0] != '\0' ? "/" : "", file);
	m->size = size;
	m->mtime_s = now > 0 ? (uint64_t)(now / 1000000000) : 0;
	m->mode = o->mode & 0666;
	m->uid = (uint32_t)o->uid;
	m->gid = (uint32_t)o->gid;
}

/* Whether the archive's last member of that name has these contents. */
static int
has_text(const struct archive *a, const char *name, const struct buf *text,
    bool *same, struct ntdb_error *err)
{
	struct archive_member m;
	struct buf old = BUF_INIT;
	size_t got = 0;
	int r;

	*same = false;
	r = archive_find(a, name, &m, err);
	if (r != 0 || m.head.size != text->len)
		return r == NTDB_END ? 0 : r;
	if (buf_extend(&old, text->len) == NULL)
		r = err_nomem(err);
	else
		r = io_pread(a->fd, old.data, old.len, m.at + TAR_BLOCK,
		    &got, a->name, err);
	*same = r == 0 && got == text->len &&
	    memcmp(old.data, text->data, got) == 0;
	buf_release(&old);
	return r;
}

static int
put_text(struct place *to, const struct retainer *rt, const char *file,
    const struct buf *text, struct ntdb_error *err)
{
	struct tar_member m;
	bool same;
	int r;

	if (!buf_ok(text))
		return err_nomem(err);
	init_member(&m, rt, to->dir, file, text->len);
	if ((r = has_text(&to->a, m.name, text, &same, err)) != 0 || same)
		return r;
	return archive_put(&to->a, &m, text->data, err);
}

static void
manifest_text(struct buf *text, struct partition part)
{
	static const char *const kinds[] = { "day", "month", "year",
		"forever" };
	char s[160];
	int n;

	n = snprintf(s, sizeof(s), "[retention]\npartition = %s\n"
	    "retention_days = 0\nretention_size = 0\n"
	    "retention_action = keep\n", kinds[part.kind]);
	buf_add(text, s, (size_t)n);
}

static void
catalog_text(struct buf *text, const struct state *s)
{
	bool first = true;
	uint32_t id;

	catalog_begin(text);
	for (id = 1; id < s->n_slots; id++) {
		const struct metric *m = state_metric(s, id);

		if (m == NULL)
			continue;
		catalog_add(text, first, id, m->type, state_name(s, m),
		    m->name_len);
		first = false;
	}
	catalog_end(text);
}

static int
copy_data(struct place *to, const struct source *src,
    struct ntdb_error *err)
{
	uint8_t *p = malloc(COPY_CHUNK);
	uint64_t pos;
	size_t n, got;
	int r = 0;

	if (p == NULL)
		return err_nomem(err);
	for (pos = 0; r == 0 && pos < src->len; pos += n) {
		n = src->len - pos < COPY_CHUNK ? (size_t)(src->len - pos) :
		    COPY_CHUNK;
		r = io_pread(src->f.fd, p, n, pos, &got, src->f.name, err);
		if (r == 0 && got < n)
			r = err_at(err, NTDB_EIO, src->f.name, (int64_t)pos,
			    "has become shorter");
		if (r != 0)
			break;
		if (!src->raw && pos == 0)
			memcpy(p, src->head, DATA_HEAD_LEN);
		r = archive_write(&to->a, p, n, err);
	}
	free(p);
	return r;
}

/* All that can be done without lock. */
static int
prepare(struct place *to, struct retainer *rt, const struct source *src,
    const struct buf *catalog, struct ntdb_error *err)
{
	struct buf manifest = BUF_INIT;
	struct tar_member m;
	int r;

	if ((r = open_archive(to, rt, src, err)) != 0 ||
	    (r = find_place(to, rt, src, err)) != 0 || to->there)
		return r;
	manifest_text(&manifest, src->part);
	if ((r = put_text(to, rt, DBDIR_MANIFEST, &manifest, err)) != 0 ||
	    (r = put_text(to, rt, DBDIR_CATALOG, catalog, err)) != 0)
		goto fail;
	init_member(&m, rt, to->name, "", src->len);
	m.mtime_s = src->st.st_mtime > 0 ? (uint64_t)src->st.st_mtime : 0;
	if ((r = archive_begin(&to->a, &m, err)) != 0 ||
	    (r = copy_data(to, src, err)) != 0 ||
	    (r = archive_finish(&to->a, err)) != 0)
		goto fail;
fail:
	buf_release(&manifest);
	return r;
}

/* The member counts, for good, and the file goes.  lock is held. */
static int
complete(struct place *to, struct retainer *rt, const struct source *src,
    struct ntdb_error *err)
{
	const struct dbdir *d = &rt->w.dir;
	int r;

	if (to->there)
		r = archive_trim(&to->a, err);
	else if ((r = archive_commit(&to->a, err)) != 0)
		archive_abort(&to->a);
	state_count(&rt->w.state, COUNT_FSYNCS, to->a.n_syncs + 1);
	/* The archive must be findable before the file is not. */
	if (r != 0 || (r = io_sync_dir(d->fd, d->name, err)) != 0)
		return r;
	return retain_remove(rt, src->part, err);
}

int
retain_archive(struct retainer *rt, struct partition part, bool *changed,
    struct ntdb_error *err)
{
	struct buf catalog = BUF_INIT;
	struct source src;
	struct place to;
	int r;

	*changed = false;
	memset(&to, 0, sizeof(to));
	to.a.fd = -1;
	r = source_open(&src, rt, part, err);
	if (r == NTDB_END)
		r = retain_remove(rt, part, err);
	else if (r == 0) {
		catalog_text(&catalog, &rt->w.state);
		writer_unlock(&rt->w);
		r = prepare(&to, rt, &src, &catalog, err);
		if (r == 0 && (r = writer_lock(&rt->w, err)) == 0)
			r = retain_replan(rt, err);
		*changed = r == 0 && (!is_unchanged(&src, rt) ||
		    retain_plan_find(&rt->plan, part) == NULL);
		if (r == 0 && !*changed)
			r = complete(&to, rt, &src, err);
		else if (!to.there)
			archive_abort(&to.a);
	}
	buf_release(&catalog);
	archive_close(&to.a);
	datafile_close(&src.f);
	return r;
}
