#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "datafile.h"
#include "error.h"

static const uint8_t data_magic[8] = { 'N', 'T', 'D', 'B', 'D', 'A', 'T',
	'\n' };

#define DATA_VERSION 1
#define SEARCH_CHUNK (64u << 10)

int
datafile_place(const struct datafile *f, uint64_t offset, int code,
    struct ntdb_error *err)
{
	if (code != 0 && err != NULL && err->path[0] == '\0') {
		snprintf(err->path, sizeof(err->path), "%s", f->name);
		err->offset = (int64_t)offset;
	}
	return code;
}

/*
 * Have len bytes from pos on, or all up to the end of the file: *p points to
 * *got of them.  They are read into p, which has room for them, or lie among
 * those read ahead; with more, as many as will go are read ahead.
 */
static int
read_at(const struct datafile *f, uint64_t pos, size_t len, bool more,
    const uint8_t **p, uint8_t *room, size_t *got, struct ntdb_error *err)
{
	struct datafile_ahead *a = f->ahead;
	int r;

	if (a != NULL && (pos < a->at || pos - a->at > a->n ||
	    a->n - (pos - a->at) < len)) {
		if (!more || len > sizeof(a->bytes)) {
			a = NULL;
		} else {
			a->n = 0;
			a->at = pos;
			r = io_pread(f->fd, a->bytes, sizeof(a->bytes),
			    f->base + pos, &a->n, f->name, err);
			if (r != 0)
				return r;
		}
	}
	if (a == NULL) {
		*p = room;
		return io_pread(f->fd, room, len, f->base + pos, got, f->name,
		    err);
	}
	*p = a->bytes + (pos - a->at);
	*got = a->n - (size_t)(pos - a->at);
	if (*got > len)
		*got = len;
	return 0;
}

/* Whether the list of last samples, if there is one, is sealed. */
static bool
list_is_within(const struct datafile *f)
{
	if (f->list_len == 0)
		return f->list_at == 0;
	return f->list_at >= DATA_HEAD_LEN && f->list_at <= f->sealed_len &&
	    f->list_len <= f->sealed_len - f->list_at;
}

/* A header as it is. */
static int
unpack_plain(struct datafile *f, const uint8_t *p, size_t n,
    struct ntdb_error *err)
{
	if (n < DATA_HEAD_LEN || memcmp(p, data_magic, 8) != 0)
		return err_at(err, NTDB_ECORRUPT, f->name, 0,
		    "not a data file of ntdb");
	if (checksum(p, DATA_HEAD_LEN - 4) != get_u32(p + DATA_HEAD_LEN - 4))
		return err_at(err, NTDB_ECORRUPT, f->name, 0,
		    "file header has a wrong checksum");
	if (get_u16(p + 8) > DATA_VERSION)
		return err_at(err, NTDB_EVERSION, f->name, -1,
		    "data file of format version %u, newer than this program",
		    get_u16(p + 8));
	f->list_len = get_u32(p + 20);
	f->sealed_len = get_u64(p + 24);
	f->sealed_epoch = get_u64(p + 32);
	f->file_id = get_u64(p + 40);
	f->list_at = get_u64(p + 48);
	f->flags = get_u32(p + 56);
	if (get_u16(p + 8) != DATA_VERSION || get_u16(p + 10) != 0 ||
	    (f->flags & ~DATA_SEALED_LATE) != 0 || !list_is_within(f))
		return err_at(err, NTDB_ECORRUPT, f->name, 0,
		    "file header is malformed");
	if (get_u32(p + 12) != f->part.kind ||
	    (int32_t)get_u32(p + 16) != f->part.start)
		return err_at(err, NTDB_ECORRUPT, f->name, 0,
		    "file header is that of another partition");
	return 0;
}

/* A header, also one in which a single bit is wrong, as its CRC tells. */
static int
unpack_head(struct datafile *f, const uint8_t *p, size_t n,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint8_t copy[DATA_HEAD_LEN];
	int r;

	if ((r = unpack_plain(f, p, n, &why)) == NTDB_ECORRUPT && n >=
	    sizeof(copy)) {
		memcpy(copy, p, sizeof(copy));
		if (checksum_mend(copy, sizeof(copy) - 4) &&
		    unpack_plain(f, copy, sizeof(copy), NULL) == 0) {
			f->mended = true;
			return 0;
		}
	}
	return r == 0 ? 0 :
	    err_at(err, r, why.path, why.offset, "%s", why.text);
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

/* A flush that is killed leaves pages, but none that is sealed. */
static bool
has_sealed_page(const struct datafile *f)
{
	struct page_ref ref;
	uint64_t pos = 0;
	int r;

	while ((r = datafile_next(f, &pos, f->size, &ref, NULL)) == 0 ||
	    r == NTDB_ECORRUPT)
		if (r == 0 && ref.head.sealed)
			return true;
	return false;
}

static int
read_head(struct datafile *f, struct ntdb_error *err)
{
	uint8_t room[DATA_HEAD_LEN];
	const uint8_t *p;
	size_t got;
	int r;

	r = read_at(f, 0, sizeof(room), true, &p, room, &got, err);
	if (r != 0)
		return r;
	r = unpack_head(f, p, got, err);
	/* What is behind zeros is looked at last: it moves p. */
	f->torn = got < sizeof(room) || (is_zero(p, sizeof(room)) &&
	    !has_sealed_page(f));
	return r;
}

int
datafile_open(struct datafile *f, int dirfd, struct partition part,
    bool writable, struct ntdb_error *err)
{
	struct stat st;
	int r = 0;

	memset(f, 0, sizeof(*f));
	f->part = part;
	partition_name(part, f->name);
	f->fd = io_open(dirfd, f->name, writable ? O_RDWR : O_RDONLY, 0,
	    f->name, err);
	if (f->fd < 0) {
		r = f->fd;
		f->fd = -1;
		return r;
	}
	if (!writable &&
	    (f->ahead = malloc(sizeof(*f->ahead))) != NULL)
		f->ahead->at = f->ahead->n = 0;
	memset(&st, 0, sizeof(st));
	if (fstat(f->fd, &st) == -1)
		r = err_sys(err, f->name, "cannot stat");
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	if (r != 0 || (r = read_head(f, err)) != 0)
		datafile_close(f);
	return r;
}

int
datafile_open_part(struct datafile *f, int fd, uint64_t base, uint64_t size,
    struct partition part, struct ntdb_error *err)
{
	int r;

	memset(f, 0, sizeof(*f));
	f->part = part;
	f->base = base;
	f->size = size;
	partition_name(part, f->name);
	f->fd = -1;
	if (size < DATA_HEAD_LEN)
		return err_at(err, NTDB_ECORRUPT, f->name, 0,
		    "not a data file of ntdb");
	if ((f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return err_sys(err, f->name, "cannot open");
	if ((r = read_head(f, err)) != 0)
		datafile_close(f);
	return r;
}

void
datafile_pack_head(const struct datafile *f, uint8_t p[DATA_HEAD_LEN])
{
	memset(p, 0, DATA_HEAD_LEN);
	memcpy(p, data_magic, 8);
	put_u16(p + 8, DATA_VERSION);
	put_u32(p + 12, f->part.kind);
	put_u32(p + 16, (uint32_t)f->part.start);
	put_u32(p + 20, f->list_len);
	put_u64(p + 24, f->sealed_len);
	put_u64(p + 32, f->sealed_epoch);
	put_u64(p + 40, f->file_id);
	put_u64(p + 48, f->list_at);
	put_u32(p + 56, f->flags);
	put_u32(p + DATA_HEAD_LEN - 4, checksum(p, DATA_HEAD_LEN - 4));
}

int
datafile_write_head(const struct datafile *f, struct ntdb_error *err)
{
	uint8_t p[DATA_HEAD_LEN];

	datafile_pack_head(f, p);
	return io_pwrite(f->fd, p, sizeof(p), 0, f->name, err);
}

uint64_t
datafile_committed(const struct datafile *f, const struct log_head *h)
{
	const struct log_file *listed;

	listed = log_head_find(h, f->part.kind, f->part.start);
	if (listed != NULL && listed->file_id == f->file_id &&
	    listed->len > f->sealed_len)
		return listed->len;
	return f->sealed_len;
}

int
datafile_create(struct datafile *f, int dirfd, struct partition part,
    const struct io_owner *owner, bool *created, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint8_t head[DATA_HEAD_LEN];
	int r;

	*created = false;
	r = datafile_open(f, dirfd, part, true, &why);
	if (r == 0)
		return 0;
	if (r != NTDB_ENOENT && !(r == NTDB_ECORRUPT && f->torn)) {
		if (err != NULL && err->code == 0)
			*err = why;
		return r;
	}
	f->file_id = io_random();
	f->sealed_len = f->sealed_epoch = f->list_at = 0;
	f->list_len = f->flags = 0;
	datafile_pack_head(f, head);
	/* Readers must not see it without a header. */
	r = io_publish(dirfd, f->name, head, sizeof(head), false, owner,
	    f->name, err);
	if (r != 0)
		return r;
	*created = true;
	return datafile_open(f, dirfd, part, true, err);
}

void
datafile_close(struct datafile *f)
{
	io_close(&f->fd);
	free(f->ahead);
	f->ahead = NULL;
}

/*
 * Read and check the header at pos; the page must end at or before limit.  If
 * the file is shorter than that, parts of the page may still be there.
 */
static int
head_at(const struct datafile *f, uint64_t pos, uint64_t limit,
    struct page_head *head, struct ntdb_error *err)
{
	uint8_t room[PAGE_HEAD_MAX];
	const uint8_t *p;
	size_t got;
	int r;

	r = read_at(f, pos, sizeof(room), true, &p, room, &got, err);
	if (r != 0)
		return r;
	if ((r = page_head_unpack(p, got, head, err)) != 0)
		return datafile_place(f, pos, r, err);
	if (head->len > limit - pos)
		return err_at(err, NTDB_ECORRUPT, f->name, (int64_t)pos,
		    "page is cut short");
	return 0;
}

/* The next offset behind pos at which a valid page starts, or limit. */
static uint64_t
search(const struct datafile *f, uint64_t pos, uint64_t limit)
{
	struct page_head head;
	uint64_t found = limit;
	uint8_t *chunk = malloc(SEARCH_CHUNK), *hit;
	size_t got, i;

	if (chunk == NULL)
		return limit;
	for (pos++; found == limit; pos += got) {
		/* A file may have been made as long as a log promises. */
		pos = io_skip_hole(f->fd, f->base + pos) - f->base;
		if (pos >= limit)
			break;
		if (io_pread(f->fd, chunk, SEARCH_CHUNK, f->base + pos, &got,
		    f->name, NULL) != 0 || got == 0)
			break;
		for (i = 0; i < got && found == limit; i++) {
			hit = memchr(chunk + i, 'N', got - i);
			if (hit == NULL)
				break;
			i = (size_t)(hit - chunk);
			if (pos + i < limit &&
			    head_at(f, pos + i, limit, &head, NULL) == 0)
				found = pos + i;
		}
	}
	free(chunk);
	return found;
}

int
datafile_next(const struct datafile *f, uint64_t *pos, uint64_t limit,
    struct page_ref *ref, struct ntdb_error *err)
{
	int r;

	if (f->list_len != 0 && *pos == f->list_at && *pos < limit)
		*pos += f->list_len;
	if (limit > f->size && *pos >= f->size && *pos < limit) {
		uint64_t at = *pos;

		*pos = limit;
		return err_at(err, NTDB_ECORRUPT, f->name, (int64_t)at,
		    "file is %llu bytes shorter than its committed length",
		    (unsigned long long)(limit - f->size));
	}
	if (*pos >= limit)
		return NTDB_END;
	r = head_at(f, *pos, limit, &ref->head, err);
	if (r == 0) {
		ref->offset = *pos;
		*pos += ref->head.len;
	} else if (r == NTDB_ECORRUPT) {
		if (limit > f->size)
			limit = f->size;
		if (f->list_at > *pos && f->list_at < limit)
			limit = f->list_at;
		*pos = search(f, *pos, limit);
	}
	return r;
}

int
datafile_bytes(const struct datafile *f, uint64_t at, uint32_t len,
    uint64_t place, uint8_t *room, const uint8_t **p,
    struct ntdb_error *err)
{
	size_t got;
	int r;

	r = read_at(f, at, len, false, p, room, &got, err);
	if (r == 0 && got < len)
		r = err_at(err, NTDB_ECORRUPT, f->name, (int64_t)place,
		    "page is cut short");
	return r;
}

int
datafile_dir(const struct datafile *f, const struct page_ref *ref,
    struct page_dir *dir, struct ntdb_error *err)
{
	return datafile_dir_some(f, ref, NULL, 0, dir, err);
}

int
datafile_dir_some(const struct datafile *f, const struct page_ref *ref,
    const uint32_t *ids, size_t n_ids, struct page_dir *dir,
    struct ntdb_error *err)
{
	const struct page_head *head = &ref->head;
	uint8_t *room = malloc(head->dir_len);
	const uint8_t *packed;
	int r;

	memset(dir, 0, sizeof(*dir));
	if (room == NULL)
		return err_nomem(err);
	r = datafile_bytes(f, ref->offset + head->head_len, head->dir_len,
	    ref->offset, room, &packed, err);
	if (r == 0)
		r = datafile_place(f, ref->offset, page_dir_unpack_some(head,
		    packed, ids, n_ids, dir, err), err);
	free(room);
	return r;
}

int
datafile_group(const struct datafile *f, const struct page_ref *ref,
    const struct page_group *g, uint8_t *raw, struct ntdb_error *err)
{
	const uint64_t at = ref->offset + g->offset;
	uint8_t *room = malloc(g->len > 0 ? g->len : 1);
	const uint8_t *packed;
	int r;

	if (room == NULL)
		return err_nomem(err);
	r = datafile_bytes(f, at, g->len, at, room, &packed, err);
	if (r == 0)
		r = datafile_place(f, at, page_group_unpack(g, packed, raw,
		    err), err);
	free(room);
	return r;
}

int
datafile_lasts(const struct datafile *f, struct last_entry **e, uint32_t *n,
    struct ntdb_error *err)
{
	uint8_t *bytes;
	size_t got;
	int r;

	*e = NULL;
	*n = 0;
	if (f->list_len == 0)
		return NTDB_END;
	if (f->list_at > f->size || f->list_len > f->size - f->list_at)
		return err_at(err, NTDB_ECORRUPT, f->name,
		    (int64_t)f->list_at, "list of last samples is cut short");
	if ((bytes = malloc(f->list_len)) == NULL)
		return err_nomem(err);
	r = io_pread(f->fd, bytes, f->list_len, f->base + f->list_at, &got,
	    f->name, err);
	if (r == 0)
		r = datafile_place(f, f->list_at, lastlist_unpack(bytes, got,
		    e, n, err), err);
	free(bytes);
	return r;
}
