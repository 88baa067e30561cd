#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "checksum.h"
#include "error.h"
#include "pagecache.h"
#include "unpacked.h"

#define N_FILES 24		/* leaves room for others below 64 */
#define PLAIN_BYTES (3u << 19)		/* of all plain bytes, ... */
#define PLAIN_BYTES_ONE (96u << 10)	/* ... reading one metric, once */
#define DIR_BYTES (PLAIN_BYTES / 4)	/* larger directories are not kept */
#define N_TOLD 256

struct file_slot {
	const struct snapshot *s;	/* NULL: free */
	struct datafile f;
	uint64_t limit;
};

struct pagecache {
	struct ntdb *root;		/* borrowed */
	uint64_t random;
	bool	again;			/* it was lent before */
	struct file_slot files[N_FILES];
	struct unpacked_set plain;
	size_t	n_told;
	struct ntdb_error first;	/* the first damage; code 0: none */
	bool	corrupt;

	/* Not zeroed: */
	uint64_t told[N_TOLD];		/* hashes of the places told */
};

int
pagecache_borrow(struct pagecache **out, struct ntdb *root,
    struct ntdb_error *err)
{
	struct pagecache *c = root->pages;

	root->pages = NULL;
	if (c == NULL) {
		if ((c = malloc(sizeof(*c))) == NULL)
			return err_nomem(err);
		memset(c, 0, offsetof(struct pagecache, told));
		c->root = root;
	}
	c->plain.limit = PLAIN_BYTES;
	unpacked_begin(&c->plain);
	*out = c;
	return 0;
}

static void
drop_file(struct file_slot *f)
{
	datafile_close(&f->f);
	f->s = NULL;
}

static void
discard(struct pagecache *c)
{
	if (c == NULL)
		return;
	unpacked_release(&c->plain);
	free(c);
}

void
pagecache_give_back(struct pagecache *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < N_FILES; i++)
		if (c->files[i].s != NULL)
			drop_file(&c->files[i]);
	c->n_told = 0;
	err_clear(&c->first);
	c->corrupt = false;
	c->again = true;
	discard(c->root->pages);
	c->root->pages = c;
}

void
pagecache_forget_kept(struct ntdb *root)
{
	discard(root->pages);
	root->pages = NULL;
}

void
pagecache_forget(struct pagecache *c, const struct snapshot *s)
{
	size_t i;

	for (i = 0; i < N_FILES; i++)
		if (c->files[i].s == s)
			drop_file(&c->files[i]);
}

int
pagecache_file(struct pagecache *c, struct snapshot *s,
    struct partition part, const struct datafile **f, uint64_t *limit,
    struct ntdb_error *err)
{
	struct file_slot *slot, *vacant = NULL;
	size_t i;
	int r;

	for (i = 0; i < N_FILES; i++) {
		slot = &c->files[i];
		if (slot->s == s &&
		    partition_compare(slot->f.part, part) == 0)
			goto found;
		if (slot->s == NULL)
			vacant = slot;
	}

	/* Files are mostly read in turn, again and again: the oldest would be
	 * just the one that is wanted next, so a random one makes room. */
	c->random = c->random * UINT64_C(6364136223846793005) + 1;
	slot = vacant != NULL ? vacant : &c->files[(c->random >> 33) % N_FILES];
	if (slot->s != NULL)
		drop_file(slot);
	r = snapshot_file(s, part, &slot->f, &slot->limit, err);
	if (r != 0)
		return r;
	slot->s = s;
found:
	*f = &slot->f;
	*limit = slot->limit;
	return 0;
}

/* Plain bytes that are wanted: of a directory, or of a group. */
struct want {
	struct unpacked_key key;
	uint64_t place;			/* where damage would be */
	const struct page_head *head;	/* NULL: a group */
	const struct page_group *group;
};

static int
unpack(const struct want *w, const uint8_t *packed, uint8_t *plain,
    struct ntdb_error *err)
{
	return w->head != NULL ?
	    page_dir_plain(w->head, packed, plain, err) :
	    page_group_unpack(w->group, packed, plain, err);
}

/*
 * Have the plain bytes of packed ones that were read just now: those that are
 * held (*u, or NULL), if they are of these, or others in their place.
 */
static int
renew(struct pagecache *c, const struct datafile *f, const struct want *w,
    const uint8_t *packed, struct unpacked **u, struct ntdb_error *err)
{
	int r;

	if (*u != NULL && checksum(packed, w->key.len) == w->key.crc) {
		(*u)->round = c->plain.round;
		return 0;
	}
	if (*u != NULL)
		unpacked_drop(&c->plain, *u);
	if ((r = unpacked_add(&c->plain, &w->key, u, err)) != 0)
		return r;
	r = datafile_place(f, w->place, unpack(w, packed, (*u)->raw, err),
	    err);
	if (r == NTDB_ECORRUPT)
		unpacked_spoil(&c->plain, *u);
	else if (r != 0)
		unpacked_drop(&c->plain, *u);
	return r;
}

/* Plain bytes, as the file has them now. */
static int
plain_bytes(struct pagecache *c, const struct datafile *f,
    const struct want *w, const uint8_t **plain, struct ntdb_error *err)
{
	struct unpacked *u = unpacked_find(&c->plain, &w->key);
	const uint8_t *packed;
	uint8_t *room;
	int r;

	if (u == NULL || u->round != c->plain.round) {
		if ((room = malloc(w->key.len > 0 ? w->key.len : 1)) == NULL)
			return err_nomem(err);
		r = datafile_bytes(f, w->key.at, w->key.len, w->place, room,
		    &packed, err);
		if (r == 0)
			r = renew(c, f, w, packed, &u, err);
		free(room);
		if (r != 0)
			return r;
	}
	*plain = u->raw;
	if (u->raw == NULL)
		return err_at(err, NTDB_ECORRUPT, f->name, (int64_t)w->place,
		    "%s damaged", w->head != NULL ? "a directory is" :
		    "columns are");
	return 0;
}

int
pagecache_dir(struct pagecache *c, const struct datafile *f,
    const struct page_ref *ref, const uint32_t *ids, size_t n_ids,
    struct page_dir *dir, struct ntdb_error *err)
{
	const struct page_head *h = &ref->head;
	const struct want w = {
		.key = { .file_id = f->file_id, .dev = f->dev, .ino = f->ino,
		    .at = ref->offset + h->head_len, .len = h->dir_len,
		    .crc = h->dir_crc, .raw_len = h->dir_raw_len,
		    .form = h->codec },
		.place = ref->offset,
		.head = h,
	};
	const uint8_t *plain;
	int r;

	if (!c->again || h->dir_raw_len > DIR_BYTES || !page_dir_plausible(h))
		return datafile_dir_some(f, ref, ids, n_ids, dir, err);
	memset(dir, 0, sizeof(*dir));
	pagecache_unpin(c);
	if ((r = plain_bytes(c, f, &w, &plain, err)) != 0)
		return r;
	return datafile_place(f, ref->offset, page_dir_walk(h, plain, ids,
	    n_ids, dir, err), err);
}

int
pagecache_group(struct pagecache *c, const struct datafile *f,
    uint64_t page, const struct page_group *g, const uint8_t **raw,
    struct ntdb_error *err)
{
	const struct want w = {
		.key = { .file_id = f->file_id, .dev = f->dev, .ino = f->ino,
		    .at = page + g->offset, .len = g->len, .crc = g->crc,
		    .raw_len = g->raw_len, .form = (uint32_t)g->codec |
		    (uint32_t)g->bytes << 8 | (uint32_t)g->precision << 16 },
		.place = page + g->offset,
		.group = g,
	};

	return plain_bytes(c, f, &w, raw, err);
}

void
pagecache_expect(struct pagecache *c, size_t n_metrics)
{
	c->plain.limit = n_metrics > 1 || c->again ? PLAIN_BYTES :
	    PLAIN_BYTES_ONE;
}

void
pagecache_unpin(struct pagecache *c)
{
	unpacked_unpin(&c->plain);
}

/* FNV-1a over database, file and offset. */
static uint64_t
place_hash(const char *db, const struct ntdb_error *what)
{
	uint64_t h = UINT64_C(14695981039346656037);
	const char *p;
	unsigned i;

	for (p = db; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	for (p = what->path; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	for (i = 0; i < 64; i += 8)
		h = (h ^ (uint8_t)((uint64_t)what->offset >> i)) *
		    UINT64_C(1099511628211);
	return h;
}

int
pagecache_damage(struct pagecache *c, const struct snapshot *s,
    const struct ntdb_error *what, struct ntdb_error *err)
{
	struct ntdb_error told = *what;
	uint64_t h;
	size_t i;

	if (what->code != NTDB_ECORRUPT && what->code != NTDB_EVERSION) {
		if (err != NULL && err->code == 0)
			*err = *what;
		return what->code;
	}
	h = place_hash(s->dir.name, what);
	for (i = 0; i < c->n_told && i < N_TOLD; i++)
		if (c->told[i] == h)
			return 0;
	c->told[c->n_told++ % N_TOLD] = h;

	/* A file's name alone does not tell which database it is in. */
	if (strchr(what->path, '/') == NULL)
		snprintf(told.path, sizeof(told.path), "%s/%.*s",
		    s->dir.name, (int)(sizeof(told.path) - DB_NAME_MAX - 2),
		    what->path);
	if (what->code == NTDB_ECORRUPT && !c->corrupt) {
		c->corrupt = true;
		c->first = told;
	} else if (c->first.code == 0) {
		c->first = told;
	}
	root_note(c->root, &told);
	return 0;
}

int
pagecache_verdict(const struct pagecache *c, struct ntdb_error *err)
{
	if (c->first.code == 0)
		return 0;
	if (c->root->opt.note != NULL)
		return err_set(err, c->first.code, "%s",
		    c->corrupt ? "corrupt data was left out" :
		    "data of a newer format was left out");
	if (err != NULL && err->code == 0)
		*err = c->first;
	return c->first.code;
}
