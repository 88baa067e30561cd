/*
 * Floor 4.  The write-ahead log as a file.
 *
 * A log's header is never changed: a new log replaces the old one by rename,
 * which is the commit point of a flush.  Batches are only appended, under the
 * exclusive lock; what is left behind the last valid batch is a torn tail,
 * which readers ignore and the next writer cuts.  Bytes that are no batch but
 * have a valid batch behind them are damage: they are passed over, and never
 * cut.
 */
#ifndef NTDB_WAL_H
#define NTDB_WAL_H

#include <sys/stat.h>

#include "io.h"
#include "logrec.h"

struct wal {
	int	fd;		/* -1: none */
	bool	writable;
	dev_t	dev;
	ino_t	ino;
	struct log_head head;
	struct log_key key;	/* = head's */
};

void wal_init(struct wal *w);
void wal_release(struct wal *w);

/*
 * Open the log `name' in dirfd and read its header.  NTDB_ENOENT if there is
 * none; NTDB_ECORRUPT and NTDB_EVERSION as logrec.h says.
 */
int wal_open(struct wal *w, int dirfd, const char *name, bool writable,
    const char *display, struct ntdb_error *err);

/* Whether the name still leads to the file that is open. */
bool wal_is_current(const struct wal *w, int dirfd, const char *name);

/*
 * Whether the log names every metric.  Then a catalog.json that is damaged is
 * one that was never synced, and costs nothing.
 */
static inline bool
wal_names_all(const struct wal *w)
{
	return w->fd != -1 && w->head.synced_id == 0;
}

/* The file's size now. */
int wal_size(const struct wal *w, uint64_t *size, const char *display,
    struct ntdb_error *err);

/* Reads the batches of a log one after the other. */
struct wal_reader {
	const struct wal *wal;
	const char *display;	/* borrowed */
	uint64_t pos;		/* offset of the next batch */
	uint64_t end;		/* do not look beyond */
	struct buf buf;		/* bytes [buf_pos, buf_pos + buf.len) */
	uint64_t buf_pos;
	/* the batch that was returned last */
	uint64_t batch_pos;
	struct batch_reader batch;
	uint64_t damage_pos;	/* damage passed over before it */
	uint64_t damage_len;	/* 0: none */
};

/*
 * Start reading at pos (the header's length, or the end of some batch), and
 * not beyond end (UINT64_MAX: the end of the file).
 */
void wal_reader_init(struct wal_reader *r, const struct wal *w, uint64_t pos,
    uint64_t end, const char *display);
void wal_reader_release(struct wal_reader *r);

/*
 * The next valid batch, ready in r->batch.  NTDB_END: r->pos is where the
 * last valid batch ends, which is where a tail begins, if there is one.
 * A batch whose records turn out not to be well-formed is damage too: this
 * checks them all before it returns the batch.
 */
int wal_reader_next(struct wal_reader *r, struct ntdb_error *err);

/*
 * Whether the bytes from pos to end were one whole batch in which a single
 * bit is wrong; *n is the number of its samples then.  No writer that was
 * killed leaves such a tail: it is damage, and not cut.
 */
bool wal_was_batch(const struct wal *w, uint64_t pos, uint64_t end,
    uint64_t *n);

/*
 * Append bytes at the end, which the caller knows to be at pos, and sync them
 * if asked.  On failure the file is cut back to pos; *synced_failed (may be
 * NULL) tells that it was the sync that failed: then the file must not be
 * appended to any more.
 */
int wal_append(const struct wal *w, uint64_t pos, const void *p, size_t len,
    bool sync, bool *sync_failed, const char *display,
    struct ntdb_error *err);

/* Cut a torn tail: only under the exclusive lock. */
int wal_cut(const struct wal *w, uint64_t pos, const char *display,
    struct ntdb_error *err);

#define WAL_REPLACE_SYNCS 2	/* the file, the directory */

/*
 * Replace the log by a new one: head, then the batches in `first' (may be
 * empty).  Temporary file, synced, renamed, directory synced.  head->len is
 * set.  *renamed tells, also after a failure, whether the new log is there.
 */
int wal_replace(int dirfd, const char *name, struct log_head *head,
    const struct buf *first, const struct io_owner *owner, bool *renamed,
    const char *display, struct ntdb_error *err);

#endif
