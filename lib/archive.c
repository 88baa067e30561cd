#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "error.h"

#define END_LEN (2 * (uint64_t)TAR_BLOCK)
#define CHUNK_BLOCKS 128

static const uint8_t zeros[TAR_BLOCK];

void
archive_period(struct partition p, char period[ARCHIVE_PERIOD_MAX])
{
	char name[PARTITION_NAME_MAX];

	/* data-YYYY-MM-DD.dat, data-YYYY-MM.dat */
	partition_name(p, name);
	if (p.kind == PART_DAY)
		snprintf(period, ARCHIVE_PERIOD_MAX, "%.7s", name + 5);
	else if (p.kind == PART_MONTH)
		snprintf(period, ARCHIVE_PERIOD_MAX, "%.4s", name + 5);
	else
		snprintf(period, ARCHIVE_PERIOD_MAX, "forever");
}

void
archive_name(const char *period, char name[ARCHIVE_NAME_MAX])
{
	snprintf(name, ARCHIVE_NAME_MAX, "archive-%.*s.tar",
	    ARCHIVE_PERIOD_MAX, period);
}

static int
read_block(const struct archive *a, uint64_t at, uint8_t block[TAR_BLOCK],
    struct ntdb_error *err)
{
	size_t got;
	int r;

	r = io_pread(a->fd, block, TAR_BLOCK, at, &got, a->name, err);
	if (r == 0 && got < TAR_BLOCK)
		r = err_at(err, NTDB_EIO, a->name, (int64_t)at,
		    "has become shorter");
	return r;
}

/* Whether there is a valid header in some block from pos on. */
static int
search(const struct archive *a, uint64_t pos, bool *found,
    struct ntdb_error *err)
{
	struct tar_member m;
	size_t got, i;
	uint8_t *chunk;
	int r = 0;

	*found = false;
	if ((chunk = malloc(CHUNK_BLOCKS * TAR_BLOCK)) == NULL)
		return err_nomem(err);
	while (!*found && (r = io_pread(a->fd, chunk,
	    CHUNK_BLOCKS * TAR_BLOCK, pos, &got, a->name, err)) == 0 &&
	    got >= TAR_BLOCK) {
		for (i = 0; i + TAR_BLOCK <= got && !*found; i += TAR_BLOCK)
			*found = tar_head_unpack(chunk + i, &m) == 0;
		pos += i;
	}
	free(chunk);
	return r;
}

static int
damaged(const struct archive *a, const char *what, struct ntdb_error *err)
{
	return err_at(err, NTDB_ECORRUPT, a->name, (int64_t)a->end, "%s",
	    what);
}

/* Find where the members end. */
static int
find_end(struct archive *a, struct ntdb_error *err)
{
	uint8_t block[TAR_BLOCK];
	bool found = false;
	int r, code;

	for (a->end = 0;;) {
		/* A header that was cut short has nothing behind it. */
		if (a->end + TAR_BLOCK > a->size)
			return 0;
		if ((r = read_block(a, a->end, block, err)) != 0)
			return r;
		if ((code = tar_head_unpack(block, &a->part)) != 0)
			break;
		if (a->part.size > a->size - a->end - TAR_BLOCK) {
			a->torn = true;
			return damaged(a, "last member is cut short", err);
		}
		a->end += TAR_BLOCK + tar_padded(a->part.size);
	}
	if (a->size - a->end > END_LEN &&
	    (r = search(a, a->end + TAR_BLOCK, &found, err)) != 0)
		return r;
	if (!found && (code == NTDB_END || a->size - a->end <= TAR_BLOCK))
		return 0;
	a->headless = !found;
	return damaged(a, "no header of a member", err);
}

static int
init(struct archive *a, int dirfd, int flags, struct ntdb_error *err)
{
	struct stat st;
	int fd;

	a->dirfd = dirfd;
	a->fd = -1;
	fd = io_open(dirfd, a->name, flags, 0600, a->name, err);
	if (fd < 0)
		return fd;
	a->fd = fd;
	if (fstat(a->fd, &st) == -1)
		return err_sys(err, a->name, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return err_at(err, NTDB_ECREATE, a->name, -1,
		    "not a regular file");
	a->size = (uint64_t)st.st_size;
	return 0;
}

int
archive_open(struct archive *a, int dirfd, const char *period,
    const struct io_owner *owner, struct ntdb_error *err)
{
	int r;

	memset(a, 0, sizeof(*a));
	archive_name(period, a->name);
	if ((r = init(a, dirfd, O_RDWR | O_CREAT, err)) != 0)
		return r;
	a->changed = a->size == 0;
	if (a->changed)
		return io_own_fd(a->fd, owner, false, a->name, err);
	return find_end(a, err);
}

int
archive_open_read(struct archive *a, int dirfd, const char *name,
    struct ntdb_error *err)
{
	int r;

	memset(a, 0, sizeof(*a));
	snprintf(a->name, sizeof(a->name), "%s", name);
	r = init(a, dirfd, O_RDONLY, err);
	return r != 0 ? r : find_end(a, err);
}

void
archive_close(struct archive *a)
{
	io_close(&a->fd);
}

int
archive_next(const struct archive *a, uint64_t *pos,
    struct archive_member *m, struct ntdb_error *err)
{
	uint8_t block[TAR_BLOCK];
	int r;

	if (*pos >= a->end)
		return NTDB_END;
	if ((r = read_block(a, *pos, block, err)) != 0)
		return r;
	if (tar_head_unpack(block, &m->head) != 0)
		return damaged(a, "has been changed", err);
	m->at = *pos;
	*pos += TAR_BLOCK + tar_padded(m->head.size);
	return 0;
}

int
archive_find(const struct archive *a, const char *name,
    struct archive_member *m, struct ntdb_error *err)
{
	struct archive_member next;
	bool found = false;
	uint64_t pos = 0;
	int r;

	while ((r = archive_next(a, &pos, &next, err)) == 0) {
		if (strcmp(next.head.name, name) != 0)
			continue;
		*m = next;
		found = true;
	}
	return r != NTDB_END ? r : found ? 0 : NTDB_END;
}

void
archive_cut(struct archive *a, uint64_t pos)
{
	a->end = pos;
	a->torn = false;
}

int
archive_put_aside(struct archive *a, char kept[ARCHIVE_NAME_MAX + 32],
    struct ntdb_error *err)
{
	snprintf(kept, ARCHIVE_NAME_MAX + 32, "%s.damaged-%016llx", a->name,
	    (unsigned long long)io_random());
	archive_close(a);
	if (renameat(a->dirfd, a->name, a->dirfd, kept) == -1)
		return err_sys(err, a->name, "cannot rename");
	return 0;
}

int
archive_begin(struct archive *a, const struct tar_member *m,
    struct ntdb_error *err)
{
	int r;

	if ((r = tar_head_pack(m, a->head, err)) != 0)
		return r;
	if (a->size > a->end &&
	    (r = io_cut(a->fd, a->end, a->name, err)) != 0)
		return r;
	a->changed = true;
	/* Where the header will be, the archive ends until then. */
	a->pos = a->end;
	return archive_write(a, zeros, TAR_BLOCK, err);
}

int
archive_write(struct archive *a, const void *p, size_t len,
    struct ntdb_error *err)
{
	int r = io_pwrite(a->fd, p, len, a->pos, a->name, err);

	if (r == 0)
		a->pos += len;
	if (a->pos > a->size)
		a->size = a->pos;
	return r;
}

/* Two blocks of zeros, and what is missing to a whole block before them. */
static int
write_end(struct archive *a, struct ntdb_error *err)
{
	uint64_t to = tar_padded(a->pos) + END_LEN;
	int r = 0;

	while (r == 0 && a->pos < to) {
		uint64_t n = to - a->pos;

		r = archive_write(a, zeros,
		    n < TAR_BLOCK ? (size_t)n : TAR_BLOCK, err);
	}
	return r;
}

static int
sync_archive(struct archive *a, struct ntdb_error *err)
{
	a->n_syncs++;
	return io_sync(a->fd, a->name, err);
}

int
archive_finish(struct archive *a, struct ntdb_error *err)
{
	int r;

	if ((r = write_end(a, err)) != 0)
		return r;
	return sync_archive(a, err);
}

int
archive_trim(struct archive *a, struct ntdb_error *err)
{
	int r;

	if (a->size == a->end + END_LEN)
		return sync_archive(a, err);
	if ((r = io_cut(a->fd, a->end, a->name, err)) != 0)
		return r;
	a->pos = a->size = a->end;
	return archive_finish(a, err);
}

int
archive_commit(struct archive *a, struct ntdb_error *err)
{
	int r;

	if ((r = io_pwrite(a->fd, a->head, TAR_BLOCK, a->end, a->name,
	    err)) != 0 || (r = sync_archive(a, err)) != 0)
		return r;
	a->end = a->pos - END_LEN;
	return 0;
}

void
archive_abort(struct archive *a)
{
	/* Where reading has failed, end is only how far it had come. */
	if (a->fd == -1 || !a->changed)
		return;
	if (a->end == 0) {
		unlinkat(a->dirfd, a->name, 0);
	} else if (io_cut(a->fd, a->end, a->name, NULL) == 0) {
		/* An archive that just ends is one, too. */
		a->pos = a->size = a->end;
		write_end(a, NULL);
	}
}

int
archive_put(struct archive *a, const struct tar_member *m, const void *p,
    struct ntdb_error *err)
{
	int r;

	if ((r = archive_begin(a, m, err)) != 0 ||
	    (r = archive_write(a, p, (size_t)m->size, err)) != 0 ||
	    (r = archive_finish(a, err)) != 0)
		return r;
	return archive_commit(a, err);
}
