#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "pagecache.h"

#define N_FILES 24		/* leaves room for others below 64 */
#define N_GROUPS 192
#define GROUP_BYTES (3u << 19)		/* of all groups kept, ... */
#define GROUP_BYTES_ONE (96u << 10)	/* ... reading one metric */
#define N_TOLD 256

struct file_slot {
	const struct snapshot *s;	/* NULL: free */
	struct datafile f;
	uint64_t limit;
};

struct group_slot {
	uint64_t file_id, at, used;	/* used 0: free */
	size_t	len;
	uint8_t	*raw;			/* owned; NULL: damaged */
};

struct pagecache {
	struct ntdb *root;		/* borrowed */
	uint64_t clock, pinned;		/* slots used after pinned stay */
	uint64_t random;
	struct file_slot files[N_FILES];
	struct group_slot groups[N_GROUPS];
	size_t	group_bytes, group_limit;
	size_t	n_told;
	struct ntdb_error first;	/* the first damage; code 0: none */
	bool	corrupt;

	/* Not zeroed: */
	uint64_t told[N_TOLD];		/* hashes of the places told */
};

int
pagecache_new(struct pagecache **c, struct ntdb *root, struct ntdb_error *err)
{
	if ((*c = malloc(sizeof(**c))) == NULL)
		return err_nomem(err);
	memset(*c, 0, offsetof(struct pagecache, told));
	(*c)->root = root;
	(*c)->group_limit = GROUP_BYTES;
	return 0;
}

static void
drop_group(struct pagecache *c, struct group_slot *g)
{
	c->group_bytes -= g->len;
	free(g->raw);
	memset(g, 0, sizeof(*g));
}

static void
drop_file(struct file_slot *f)
{
	datafile_close(&f->f);
	f->s = NULL;
}

void
pagecache_free(struct pagecache *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < N_FILES; i++)
		if (c->files[i].s != NULL)
			drop_file(&c->files[i]);
	for (i = 0; i < N_GROUPS; i++)
		free(c->groups[i].raw);
	free(c);
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

/* The slot for another group of this size; pinned ones are not touched. */
static struct group_slot *
group_room(struct pagecache *c, size_t len)
{
	struct group_slot *old, *slot, *vacant;

	for (;;) {
		old = vacant = NULL;
		for (slot = c->groups; slot < c->groups + N_GROUPS; slot++)
			if (slot->used == 0)
				vacant = slot;
			else if (slot->used <= c->pinned &&
			    (old == NULL || slot->used < old->used))
				old = slot;
		if (vacant != NULL && (old == NULL ||
		    c->group_bytes + len <= c->group_limit))
			return vacant;
		if (old == NULL)
			return NULL;
		drop_group(c, old);
	}
}

int
pagecache_group(struct pagecache *c, const struct datafile *f,
    uint64_t page, const struct page_group *g, const uint8_t **raw,
    struct ntdb_error *err)
{
	const uint64_t at = page + g->offset;
	struct group_slot *slot;
	struct page_ref ref;
	int r;

	for (slot = c->groups; slot < c->groups + N_GROUPS; slot++)
		if (slot->at == at && slot->file_id == f->file_id &&
		    slot->used != 0)
			goto found;
	if ((slot = group_room(c, g->raw_len)) == NULL)
		return err_set(err, NTDB_EBUG, "all groups are in use");
	if ((slot->raw = malloc(g->raw_len + 1)) == NULL)
		return err_nomem(err);
	memset(&ref, 0, sizeof(ref));
	ref.offset = page;
	slot->len = g->raw_len;
	c->group_bytes += slot->len;
	r = datafile_group(f, &ref, g, slot->raw, err);
	if (r != 0 && r != NTDB_ECORRUPT) {
		drop_group(c, slot);
		return r;
	}
	if (r == NTDB_ECORRUPT) {
		/* Keep in mind that there is nothing to be had. */
		free(slot->raw);
		slot->raw = NULL;
	}
	slot->file_id = f->file_id;
	slot->at = at;
found:
	slot->used = ++c->clock;
	*raw = slot->raw;
	if (slot->raw == NULL)
		return err_at(err, NTDB_ECORRUPT, f->name, (int64_t)at,
		    "columns are damaged");
	return 0;
}

void
pagecache_expect(struct pagecache *c, size_t n_metrics)
{
	c->group_limit = n_metrics > 1 ? GROUP_BYTES : GROUP_BYTES_ONE;
}

void
pagecache_unpin(struct pagecache *c)
{
	c->pinned = c->clock;
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
