#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "wal.h"

#define READ_CHUNK (64u << 10)
#define HEAD_PROBE 4096		/* most headers are shorter */

void
wal_init(struct wal *w)
{
	memset(w, 0, sizeof(*w));
	w->fd = -1;
}

void
wal_release(struct wal *w)
{
	io_close(&w->fd);
	log_head_release(&w->head);
}

/* Name the file in an error that a bytes-only function has filled. */
static int
name_file(struct ntdb_error *err, const char *display, int code)
{
	if (err != NULL && err->path[0] == '\0')
		snprintf(err->path, sizeof(err->path), "%s", display);
	return code;
}

static int
read_head(struct wal *w, const char *display, struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	size_t got, len;
	int r;

	if (buf_extend(&b, HEAD_PROBE) == NULL)
		return err_nomem(err);
	r = io_pread(w->fd, b.data, HEAD_PROBE, 0, &got, display, err);
	if (r != 0)
		goto done;
	len = log_head_room(b.data, got);
	if (len > HEAD_PROBE && got == HEAD_PROBE) {
		if (buf_extend(&b, len - HEAD_PROBE) == NULL) {
			r = err_nomem(err);
			goto done;
		}
		r = io_pread(w->fd, b.data, len, 0, &got, display, err);
		if (r != 0)
			goto done;
	}
	r = log_head_unpack(b.data, got, &w->head, err);
	w->key.epoch = w->head.epoch;
	w->key.nonce = w->head.nonce;
done:
	buf_release(&b);
	return r == 0 ? 0 : name_file(err, display, r);
}

int
wal_open(struct wal *w, int dirfd, const char *name, bool writable,
    const char *display, struct ntdb_error *err)
{
	struct stat st;
	int r;

	wal_init(w);
	w->writable = writable;
	w->fd = io_open(dirfd, name, writable ? O_RDWR : O_RDONLY, 0, display,
	    err);
	if (w->fd < 0) {
		r = w->fd;
		w->fd = -1;
		return r;
	}
	if (fstat(w->fd, &st) == -1) {
		r = err_sys(err, display, "cannot stat");
		goto fail;
	}
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	if ((r = read_head(w, display, err)) != 0)
		goto fail;
	return 0;
fail:
	wal_release(w);
	return r;
}

bool
wal_is_current(const struct wal *w, int dirfd, const char *name)
{
	struct stat st;

	/* The inode of a file that is open cannot be given to another. */
	return w->fd != -1 && fstatat(dirfd, name, &st, 0) == 0 &&
	    st.st_dev == w->dev && st.st_ino == w->ino;
}

int
wal_size(const struct wal *w, uint64_t *size, const char *display,
    struct ntdb_error *err)
{
	struct stat st;

	if (fstat(w->fd, &st) == -1)
		return err_sys(err, display, "cannot stat");
	*size = (uint64_t)st.st_size;
	return 0;
}

void
wal_reader_init(struct wal_reader *r, const struct wal *w, uint64_t pos,
    uint64_t end, const char *display)
{
	memset(r, 0, sizeof(*r));
	r->wal = w;
	r->pos = pos;
	r->end = end;
	r->display = display;
	r->buf_pos = pos;
}

void
wal_reader_release(struct wal_reader *r)
{
	buf_release(&r->buf);
}

/*
 * Have at least `want' bytes from pos on in the buffer, or all up to the end.
 * Sets *p and *n to what is there.
 */
static int
fill(struct wal_reader *r, uint64_t pos, size_t want, const uint8_t **p,
    size_t *n, struct ntdb_error *err)
{
	size_t have, room, got;
	int rc;

	if (pos < r->buf_pos || pos > r->buf_pos + r->buf.len) {
		buf_clear(&r->buf);
		r->buf_pos = pos;
	}
	have = (size_t)(r->buf_pos + r->buf.len - pos);
	if (have < want && pos + have < r->end) {
		/* Keep what is there and read on in large pieces. */
		if (have > 0)
			memmove(r->buf.data,
			    r->buf.data + (r->buf.len - have), have);
		r->buf.len = have;
		r->buf_pos = pos;
		room = want - have > READ_CHUNK ? want - have : READ_CHUNK;
		if (room > r->end - (pos + have))
			room = (size_t)(r->end - (pos + have));
		if (buf_reserve(&r->buf, room) == NULL)
			return err_nomem(err);
		rc = io_pread(r->wal->fd, r->buf.data + have, room,
		    pos + have, &got, r->display, err);
		if (rc != 0)
			return rc;
		r->buf.len += got;
		have += got;
	}
	*p = r->buf.data + (r->buf.len - have);
	*n = have;
	return 0;
}

/* Whether all records of a batch are well-formed. */
static bool
records_ok(const uint8_t *batch)
{
	struct batch_reader br;
	struct record rec;
	int r;

	batch_read(&br, batch);
	while ((r = batch_next(&br, &rec)) == 0)
		;
	return r == NTDB_END;
}

/* Whether a valid batch starts at pos; then *batch and *len are set. */
static int
batch_at(struct wal_reader *r, uint64_t pos, const uint8_t **batch,
    size_t *len, struct ntdb_error *err)
{
	size_t n, want = BATCH_HEAD_LEN;
	const uint8_t *p;
	int rc;

	for (;;) {
		if ((rc = fill(r, pos, want, &p, &n, err)) != 0)
			return rc;
		*len = batch_check(p, n, &r->wal->key, pos, &want);
		if (*len > 0)
			break;
		if (want <= n || n == 0)
			return 0;
		/* Too few bytes to tell; at the end there are no more. */
		if (pos + n >= r->end)
			return 0;
		rc = fill(r, pos, want, &p, &n, err);
		if (rc != 0 || n < want)
			return rc;
	}
	*batch = p;
	if (!records_ok(p))
		*len = 0;
	return 0;
}

/* The first valid batch behind pos, or *len 0. */
static int
search(struct wal_reader *r, uint64_t *pos, const uint8_t **batch,
    size_t *len, struct ntdb_error *err)
{
	uint64_t at = *pos + 1;
	const uint8_t *p, *hit;
	size_t n;
	int rc;

	*len = 0;
	for (;;) {
		if ((rc = fill(r, at, BATCH_HEAD_LEN, &p, &n, err)) != 0)
			return rc;
		if (n < BATCH_HEAD_LEN)
			return 0;
		if ((hit = memchr(p, 'N', n)) == NULL) {
			at += n;
			continue;
		}
		at += (size_t)(hit - p);
		if ((rc = batch_at(r, at, batch, len, err)) != 0)
			return rc;
		if (*len > 0) {
			*pos = at;
			return 0;
		}
		at++;
	}
}

int
wal_reader_next(struct wal_reader *r, struct ntdb_error *err)
{
	const uint8_t *batch = NULL;
	uint64_t pos = r->pos;
	size_t len = 0;
	int rc;

	r->damage_len = 0;
	if (pos >= r->end)
		return NTDB_END;
	if ((rc = batch_at(r, pos, &batch, &len, err)) != 0)
		return rc;
	if (len == 0) {
		if ((rc = search(r, &pos, &batch, &len, err)) != 0)
			return rc;
		if (len == 0)
			return NTDB_END;
		r->damage_pos = r->pos;
		r->damage_len = pos - r->pos;
	}
	r->batch_pos = pos;
	r->pos = pos + len;
	batch_read(&r->batch, batch);
	return 0;
}

bool
wal_was_batch(const struct wal *w, uint64_t pos, uint64_t end, uint64_t *n)
{
	const size_t len = (size_t)(end - pos);
	struct batch_reader br;
	struct record rec;
	bool was = false;
	uint8_t *p;
	size_t got;

	*n = 0;
	if (end - pos > BATCH_HEAD_LEN + BATCH_PAYLOAD_MAX ||
	    (p = malloc(len + 1)) == NULL)
		return false;
	if (io_pread(w->fd, p, len, pos, &got, "", NULL) == 0 && got == len &&
	    batch_mend(p, len, &w->key, pos) && records_ok(p)) {
		was = true;
		batch_read(&br, p);
		while (batch_next(&br, &rec) == 0)
			*n += rec.kind == REC_SAMPLE;
	}
	free(p);
	return was;
}

int
wal_append(const struct wal *w, uint64_t pos, const void *p, size_t len,
    bool sync, bool *sync_failed, const char *display,
    struct ntdb_error *err)
{
	int r;

	if (sync_failed != NULL)
		*sync_failed = false;
	if ((r = io_pwrite(w->fd, p, len, pos, display, err)) != 0)
		goto cut;
	if (sync && (r = io_sync(w->fd, display, err)) != 0) {
		if (sync_failed != NULL)
			*sync_failed = true;
		goto cut;
	}
	return 0;
cut:
	/* A tail that cannot be cut is a torn one, for the next writer. */
	wal_cut(w, pos, display, NULL);
	return r;
}

int
wal_cut(const struct wal *w, uint64_t pos, const char *display,
    struct ntdb_error *err)
{
	return io_cut(w->fd, pos, display, err);
}

int
wal_replace(int dirfd, const char *name, struct log_head *head,
    const struct buf *first, const struct io_owner *owner, bool *renamed,
    const char *display, struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	int r;

	*renamed = false;
	if ((r = log_head_pack(head, &b, err)) != 0)
		goto done;
	if (first != NULL)
		buf_add(&b, first->data, first->len);
	if (!buf_ok(&b)) {
		r = err_nomem(err);
		goto done;
	}
	r = io_publish(dirfd, name, b.data, b.len, true, owner, display, err);
	if (r != 0)
		goto done;
	*renamed = true;
	r = io_sync_dir(dirfd, display, err);
done:
	buf_release(&b);
	return r;
}
