/*
 * Floor 4.  Data files: a header, then pages (page.h).
 *
 *   header
 *     0  8  magic "NTDBDAT\n"
 *     8  2  version, 1
 *    10  2  flags, 0
 *    12  4  kind of the partition: 0 day, 1 month, 2 year, 3 forever
 *    16  4  its start, signed: days, months or years since 1970; 0
 *    20  4  length of the list of last samples (lastlist.h); 0: there is none
 *    24  8  sealed length: up to here the file counts whatever the log says;
 *           0 if it was never sealed
 *    32  8  sealed epoch: that of the log when the file was sealed; 0
 *    40  8  file id: random, another after each sealing
 *    48  8  offset of that list; 0
 *    56  4  flags: bit 0: sealed after the end of its partition
 *    60  4  CRC-32 of the header so far
 *
 * How much of a file counts (its committed length): what the log's header
 * says of the file with this id, or the sealed length, whichever is more.  If
 * there is no log, or the log is older than the pages, all complete pages
 * count.  Within that length, a page with an epoch not below the log's does
 * not count either, unless it is sealed.
 *
 * A header in which a single bit is wrong, as its CRC tells, is read as if that
 * bit were right: else it would cost all pages.
 *
 * A log with an epoch below the sealed one still has samples that are in the
 * sealed part: who has it open opens it anew.
 */
#ifndef NTDB_DATAFILE_H
#define NTDB_DATAFILE_H

#include "io.h"
#include "lastlist.h"
#include "logrec.h"
#include "page.h"
#include "partition.h"

#define DATA_HEAD_LEN 64
#define DATA_SEALED_LATE 1u	/* flag: sealed after its partition's end */

struct datafile {
	int	fd;
	dev_t	dev;		/* of fd, if it was opened by its name */
	ino_t	ino;
	struct partition part;
	char	name[PARTITION_NAME_MAX];
	uint64_t base;		/* where it begins: 0, but in an archive */
	uint64_t size;		/* of the file, when it was opened */
	uint64_t sealed_len, sealed_epoch, file_id;
	uint64_t list_at;	/* list of last samples; 0: none */
	uint32_t list_len, flags;
	bool	mended;		/* a bit of the header in the file is wrong */
	bool	torn;		/* shorter than a header, or zeros and no
				 * sealed page: a crash came before its first
				 * sync */
	struct datafile_ahead *ahead;	/* owned; NULL: every read goes to
				 * the file, which this process may change */
};

/*
 * Bytes of the file that were read ahead where a page header was wanted: the
 * directory that follows it, and small groups, are mostly among them.  Nothing
 * that counts is ever changed in place.
 */
#define DATA_AHEAD_LEN 4096

struct datafile_ahead {
	uint64_t at;		/* offset of the first of n bytes */
	size_t	n;
	uint8_t	bytes[DATA_AHEAD_LEN];
};

/*
 * Open for reading, or, with writable, also for appending; create makes a
 * new one (header written, not synced) with the given owner if there is none
 * (*created tells).  NTDB_ENOENT, NTDB_ECORRUPT, NTDB_EVERSION.
 */
int datafile_open(struct datafile *f, int dirfd, struct partition part,
    bool writable, struct ntdb_error *err);
int datafile_create(struct datafile *f, int dirfd, struct partition part,
    const struct io_owner *owner, bool *created, struct ntdb_error *err);
void datafile_close(struct datafile *f);

/*
 * One that lies in another file, at base: a member of an archive, of which
 * all that the header says counts.  fd is borrowed.
 */
int datafile_open_part(struct datafile *f, int fd, uint64_t base,
    uint64_t size, struct partition part, struct ntdb_error *err);

/* The header that says what f does. */
void datafile_pack_head(const struct datafile *f, uint8_t p[DATA_HEAD_LEN]);

/* Write the header, of which sealed_len and what follows it may be new. */
int datafile_write_head(const struct datafile *f, struct ntdb_error *err);

/*
 * Up to where the file counts by what this log says of it; 0 if neither says
 * anything.
 */
uint64_t datafile_committed(const struct datafile *f,
    const struct log_head *h);

/* A page's place in its file. */
struct page_ref {
	uint64_t offset;
	struct page_head head;
};

/*
 * The page at *pos, which moves to the page after it.  limit is the
 * committed length.  NTDB_END at the limit.  The list of last samples is
 * passed over.  If no valid header stands
 * at *pos (NTDB_ECORRUPT), *pos moves to the next valid page header before the limit, or
 * to the limit, so that the caller may report and go on.
 */
int datafile_next(const struct datafile *f, uint64_t *pos, uint64_t limit,
    struct page_ref *ref, struct ntdb_error *err);

/*
 * Bytes of a file from an offset on, as they are: *p points to all len of
 * them, in room or among what was read ahead, until the next read.
 * NTDB_ECORRUPT: the file ends before.  A failure is placed at `place'.
 */
int datafile_bytes(const struct datafile *f, uint64_t at, uint32_t len,
    uint64_t place, uint8_t *room, const uint8_t **p,
    struct ntdb_error *err);

/* Complete an error of the page functions with file and offset. */
int datafile_place(const struct datafile *f, uint64_t offset, int code,
    struct ntdb_error *err);

/* Read and unpack a page's directory; of some metrics, as the page module. */
int datafile_dir(const struct datafile *f, const struct page_ref *ref,
    struct page_dir *dir, struct ntdb_error *err);
int datafile_dir_some(const struct datafile *f, const struct page_ref *ref,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err);

/*
 * The list of last samples; *e is owned by the caller (free).  NTDB_END: there
 * is none.  NTDB_ECORRUPT: it is not valid.
 */
int datafile_lasts(const struct datafile *f, struct last_entry **e,
    uint32_t *n, struct ntdb_error *err);

/* Read and unpack a group into raw (g->raw_len bytes). */
int datafile_group(const struct datafile *f, const struct page_ref *ref,
    const struct page_group *g, uint8_t *raw, struct ntdb_error *err);

#endif
