#include <unistd.h>

#include "error.h"
#include "snapshot.h"

/* Names and types, from the cache or from catalog and log. */
static int
load_state(struct snapshot *s, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct dbdir *d = &s->dir;
	uint64_t tail;
	int r = NTDB_END;

	if (s->wal.fd != -1) {
		if (fstatat(d->fd, d->cache, &s->cache, 0) == -1)
			memset(&s->cache, 0, sizeof(s->cache));
		r = state_load_cache(&s->state, d->fd, d->cache, &s->wal, err);
		if (r != 0 && r != NTDB_END)
			return r;
	}
	if (r == NTDB_END) {
		r = state_read_catalog(&s->state, d->fd, d->catalog_path,
		    &why);
		if (r != 0 && r != NTDB_ECORRUPT)
			return err_at(err, r, why.path, why.offset, "%s",
			    why.text);
		if (r != 0 && s->damage.code == 0 &&
		    !wal_names_all(&s->wal))
			s->damage = why;
		s->state.epoch = s->wal.head.epoch;
		s->state.nonce = s->wal.head.nonce;
		s->state.log_pos = s->wal.head.len;
		s->state.complete = false;
	}
	if (s->wal.fd != -1) {
		r = state_replay(&s->state, &s->wal, &tail, d->wal_path, err);
		if (r != 0)
			return r;
		s->log_end = s->state.log_pos;
	}
	/* Counting begins when the cache is made. */
	if (!s->state.cached)
		memset(s->state.counters, 0, sizeof(s->state.counters));
	return 0;
}

int
snapshot_open(struct snapshot *s, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	memset(s, 0, sizeof(*s));
	wal_init(&s->wal);
	state_init(&s->state);
	s->owned = true;
	if ((r = dbdir_open(&s->dir, root, name, err)) != 0)
		return r;

	/* The log comes before everything else: what is read later can only
	 * be newer, and is known by its epoch. */
	r = wal_open(&s->wal, s->dir.fd, s->dir.wal, false, s->dir.wal_path,
	    &why);
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT) {
		wal_init(&s->wal);
		s->all_pages = true;
		if (r == NTDB_ECORRUPT)
			s->damage = why;
	} else if (r != 0) {
		if (err != NULL && err->code == 0)
			*err = why;
		return r;
	}
	return load_state(s, err);
}

void
snapshot_release(struct snapshot *s)
{
	wal_release(&s->wal);
	state_release(&s->state);
	chosen_release(&s->chosen);
	dbdir_close(&s->dir);
}

int
snapshot_refresh(struct snapshot *s, struct ntdb_error *err)
{
	const bool all_pages = s->all_pages;
	struct ntdb *root = s->dir.root;
	char name[DB_NAME_MAX + 1];
	int r;

	if (!s->owned)
		return err_set(err, NTDB_EBUSY,
		    "%s: changes while it is being written", s->dir.name);
	memcpy(name, s->dir.name, sizeof(name));
	snapshot_release(s);
	if ((r = snapshot_open(s, root, name, err)) == 0 && all_pages) {
		/* Whatever a log says that is older than the pages is in
		 * these: it would be there twice. */
		s->all_pages = true;
		s->log_end = s->wal.head.len;
		s->state.complete = false;
	}
	if (r != 0)
		wal_release(&s->wal);
	return r;
}

/*
 * Whether a file shows that the log is older than the pages: it was sealed
 * under a newer one, or holds a page of an epoch above the log's, although no
 * newer log is there.
 */
static bool
log_is_old(const struct snapshot *s, const struct datafile *f,
    uint64_t limit)
{
	const uint64_t epoch = s->wal.head.epoch;
	bool newer = f->sealed_epoch > epoch;
	struct page_ref ref;
	uint64_t pos = limit > DATA_HEAD_LEN ? limit : DATA_HEAD_LEN;

	while (!newer && pos < f->size &&
	    datafile_next(f, &pos, f->size, &ref, NULL) == 0)
		newer = ref.head.epoch > epoch;
	return newer && wal_is_current(&s->wal, s->dir.fd, s->dir.wal);
}

int
snapshot_file(struct snapshot *s, struct partition part, struct datafile *f,
    uint64_t *limit, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	r = datafile_open(f, s->dir.fd, part, false, &why);
	if (r != 0) {
		/* Only if the log can tell: it may be what it has listed. */
		if (r == NTDB_ECORRUPT && f->torn && log_head_find(
		    &s->wal.head, part.kind, part.start) == NULL &&
		    (!s->all_pages || f->size <= DATA_HEAD_LEN))
			return NTDB_ENOENT;
		if (r != NTDB_ENOENT && err != NULL && err->code == 0)
			*err = why;
		return r;
	}
	*limit = f->size;
	if (s->all_pages)
		return 0;
	*limit = datafile_committed(f, &s->wal.head);
	if (f->sealed_epoch > s->wal.head.epoch && f->sealed_len > 0) {
		s->all_pages = log_is_old(s, f, *limit);
		r = NTDB_EBUSY;
	} else if (f->size > *limit && log_is_old(s, f, *limit)) {
		s->all_pages = true;
		r = NTDB_EBUSY;
	}
	if (r != 0)
		datafile_close(f);
	return r;
}

bool
snapshot_counts(const struct snapshot *s, const struct page_ref *ref)
{
	return s->all_pages || ref->head.sealed ||
	    ref->head.epoch < s->wal.head.epoch;
}
