/*
 * Floor 4.  Archives of expired data files: tar files that are appended to.
 *
 * A member counts from when its header is there, which is written last, after
 * its contents are synced: a header never stands before contents that are not
 * whole, whatever is killed.  Who calls any of this holds maint.lock, but for
 * archive_open_read, which may see a member half made.
 */
#ifndef NTDB_ARCHIVE_H
#define NTDB_ARCHIVE_H

#include "io.h"
#include "partition.h"
#include "tar.h"

#define ARCHIVE_NAME_MAX 32
#define ARCHIVE_PERIOD_MAX 8

/* What of a partition's archives the names have: 2026-05, 2026, forever. */
void archive_period(struct partition p, char period[ARCHIVE_PERIOD_MAX]);

/* archive-PERIOD.tar */
void archive_name(const char *period, char name[ARCHIVE_NAME_MAX]);

/* Invariant: members fill the file up to end; nothing behind it counts. */
struct archive {
	int	dirfd;		/* borrowed */
	int	fd;
	char	name[ARCHIVE_NAME_MAX];
	uint64_t end;		/* where the next member begins */
	uint64_t size;		/* of the file */
	bool	changed;	/* what is behind end is of this process */
	bool	torn;		/* a last member is not whole: it is at end */
	struct tar_member part;	/* that one */
	bool	headless;	/* what is at end is no header, nor is any of
				 * what follows */
	uint8_t	head[TAR_BLOCK];	/* of the member being added */
	uint64_t pos;		/* where its contents go on */
	uint32_t n_syncs;	/* since it was opened */
};

/*
 * Open the archive of a period, or make it, owned by owner.  NTDB_ECORRUPT:
 * it is damaged at a->end, perhaps only torn, but open: it can be read, cut
 * or put aside.
 */
int archive_open(struct archive *a, int dirfd, const char *period,
    const struct io_owner *owner, struct ntdb_error *err);

/* The same of one that is there, by its name and only to be read. */
int archive_open_read(struct archive *a, int dirfd, const char *name,
    struct ntdb_error *err);
void archive_close(struct archive *a);

/* A member of an archive: its header at at, its contents behind that. */
struct archive_member {
	uint64_t at;
	struct tar_member head;
};

/* The member at pos, which moves behind it.  NTDB_END: there is none. */
int archive_next(const struct archive *a, uint64_t *pos,
    struct archive_member *m, struct ntdb_error *err);

/* The last member of a name.  NTDB_END: there is none. */
int archive_find(const struct archive *a, const char *name,
    struct archive_member *m, struct ntdb_error *err);

/* Cut what does not count, and sync what does. */
int archive_trim(struct archive *a, struct ntdb_error *err);

/* Forget what is at pos, where a member begins, and behind it. */
void archive_cut(struct archive *a, uint64_t pos);

/* Give a damaged archive another name, *kept; it is closed. */
int archive_put_aside(struct archive *a, char kept[ARCHIVE_NAME_MAX + 32],
    struct ntdb_error *err);

/*
 * Add a member: begin, write its m->size bytes in pieces, finish, which
 * syncs them, commit, which makes it count.  After any failure, and to give
 * up before commit, abort: the archive is then what it was before, and gone
 * if it was empty.
 */
int archive_begin(struct archive *a, const struct tar_member *m,
    struct ntdb_error *err);
int archive_write(struct archive *a, const void *p, size_t len,
    struct ntdb_error *err);
int archive_finish(struct archive *a, struct ntdb_error *err);
int archive_commit(struct archive *a, struct ntdb_error *err);
void archive_abort(struct archive *a);

/* All of that for a member that is in memory, m->size bytes at p. */
int archive_put(struct archive *a, const struct tar_member *m, const void *p,
    struct ntdb_error *err);

#endif
