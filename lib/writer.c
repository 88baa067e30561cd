#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "flush.h"
#include "lock.h"
#include "writer.h"

/*
 * The cache follows the log at this distance; if large batches come, which
 * soon make a flush due, at the other.
 */
#define CACHE_EVERY (64u << 10)
#define CACHE_EVERY_FLOOD (256u << 10)
#define FLOOD (16u << 10)

static int64_t
mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Read manifest.ini if it is not the one that was read. */
static int
refresh_manifest(struct writer *w, struct ntdb_error *err)
{
	int64_t mtime = 0;
	struct stat st;
	int r;

	if (fstatat(w->dir.fd, DBDIR_MANIFEST, &st, 0) == 0)
		mtime = mtime_ns(&st);
	if (w->has_manifest && mtime == w->manifest_mtime_ns)
		return 0;
	if (w->has_manifest)
		manifest_release(&w->manifest);
	w->has_manifest = false;
	if ((r = dbdir_manifest(&w->dir, &w->manifest, err)) != 0) {
		manifest_release(&w->manifest);
		return r;
	}
	w->has_manifest = true;
	w->manifest_mtime_ns = mtime;
	return 0;
}

static int
open_lock(struct writer *w, struct ntdb_error *err)
{
	int r;

	w->lock_fd = openat(w->dir.fd, DBDIR_LOCK, O_RDWR | O_CLOEXEC);
	if (w->lock_fd != -1)
		return 0;
	if (errno == ENOENT && (r = dbdir_complete(&w->dir, err)) != 0)
		return r;
	r = io_open(w->dir.fd, DBDIR_LOCK, O_RDWR, 0, w->dir.lock_path, err);
	if (r < 0)
		return r;
	w->lock_fd = r;
	return 0;
}

int
writer_open(struct writer *w, struct ntdb *root, const char *name,
    bool create, struct ntdb_error *err)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->lock_fd = -1;
	wal_init(&w->wal);
	r = create ? dbdir_create(&w->dir, root, name, NULL, err) :
	    dbdir_open(&w->dir, root, name, err);
	if (r != 0)
		return r;
	if ((r = open_lock(w, err)) != 0 ||
	    (r = root_engine(root, &w->engine, err)) != 0 ||
	    (r = refresh_manifest(w, err)) != 0)
		writer_close(w);
	return r;
}

static void
drop_state(struct writer *w)
{
	wal_release(&w->wal);
	state_release(&w->state);
	w->valid = false;
}

void
writer_close(struct writer *w)
{
	if (w->locked)
		writer_unlock(w);
	drop_state(w);
	if (w->has_manifest)
		manifest_release(&w->manifest);
	w->has_manifest = false;
	io_close(&w->lock_fd);
	dbdir_close(&w->dir);
}

/*
 * A state from catalog, log and pages.  Metrics above synced_id may be in a
 * catalog.json that is not synced yet.  *newer as in writer_rebuild.
 */
static int
make_state(struct writer *w, uint64_t *newer, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint32_t id = w->wal.head.synced_id + 1;
	uint8_t flags = METRIC_UNSYNCED;
	uint64_t tail;
	int r;

	state_init(&w->state);
	r = state_read_catalog(&w->state, w->dir.fd, w->dir.catalog_path,
	    &why);
	if (r == NTDB_ECORRUPT) {
		/* What could be read goes into the next one. */
		if (!wal_names_all(&w->wal))
			root_note(w->dir.root, &why);
		flags |= METRIC_DIRTY;
		id = 1;
	} else if (r != 0) {
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	}
	for (; id < w->state.n_slots; id++)
		w->state.metrics[id].flags |= flags;
	w->state.epoch = w->wal.key.epoch;
	w->state.nonce = w->wal.key.nonce;
	w->state.log_pos = w->wal.head.len;
	state_see_id(&w->state, w->wal.head.max_id);
	r = state_replay(&w->state, &w->wal, &tail, w->dir.wal_path, err);
	if (r == 0)
		r = writer_rebuild(w, newer, err);
	/* Counting begins now, also of what others log from here on. */
	memset(w->state.counters, 0, sizeof(w->state.counters));
	return r;
}

/* Open the log at its path, and make one if there is none. */
static int
open_log(struct writer *w, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r, again;

	for (again = 0;; again++) {
		r = wal_open(&w->wal, w->dir.fd, w->dir.wal, true,
		    w->dir.wal_path, &why);
		if (r == 0)
			return 0;
		if (again > 0 || (r != NTDB_ENOENT && r != NTDB_ECORRUPT))
			break;
		if ((r = writer_adopt_pages(w, err)) != 0)
			return r;
		err_clear(&why);
	}
	if (err != NULL && err->code == 0)
		*err = why;
	return r;
}

/* The log that is open is older than the pages: begin another. */
static int
renew_log(struct writer *w, struct ntdb_error *err)
{
	char temp[DB_NAME_MAX + 32];
	struct wal old = w->wal;
	uint64_t newer = 0;
	int r;

	wal_init(&w->wal);
	snprintf(temp, sizeof(temp), ".%s.%016llx" IO_TEMP, w->dir.wal,
	    (unsigned long long)io_random());
	if ((r = writer_begin_log(w, &old, temp, err)) != 0)
		goto done;
	drop_state(w);
	if ((r = wal_open(&w->wal, w->dir.fd, temp, true, w->dir.wal_path,
	    err)) == 0 && (r = make_state(w, &newer, err)) == 0 &&
	    (r = writer_carry_over(w, &old, err)) == 0)
		r = writer_put_log(w, temp, err);
done:
	if (r != 0)
		unlinkat(w->dir.fd, temp, 0);
	wal_release(&old);
	return r;
}

/*
 * Syncs by which there is a log: of whoever made the database nobody could
 * count them, as it had no cache.
 */
static uint32_t
syncs_before(struct writer *w)
{
	const uint32_t n = w->n_syncs;

	w->n_syncs = 0;
	if (n == 0 && w->wal.key.epoch == 1 &&
	    w->state.log_pos == w->wal.head.len)
		return DBDIR_CREATE_SYNCS;
	return n;
}

static int
load_state(struct writer *w, struct ntdb_error *err)
{
	uint64_t newer = 0;
	int r;

	drop_state(w);
	w->generation++;
	if ((r = open_log(w, err)) != 0)
		return r;
	r = state_load_cache(&w->state, w->dir.fd, w->dir.cache, &w->wal,
	    err);
	if (r == 0 && w->state.complete)
		return 0;
	if (r != 0 && r != NTDB_END)
		return r;
	state_release(&w->state);
	if ((r = make_state(w, &newer, err)) == 0 && newer != 0)
		r = renew_log(w, err);
	/*
	 * Whoever made log, directory or root may have died before they could
	 * not be lost any more: that comes before anything is acknowledged.
	 */
	if (r == 0 && (r = io_sync_dir(w->dir.fd, w->dir.name, err)) == 0 &&
	    (r = io_sync_dir(w->dir.root->fd, w->dir.root->path, err)) == 0)
		r = root_sync_parent(w->dir.root, err);
	state_count(&w->state, COUNT_FSYNCS, 3 + syncs_before(w));
	state_count(&w->state, COUNT_RECOVERIES, w->n_recoveries);
	w->n_recoveries = 0;
	/* The next program need not do all this again, and a cache that is
	 * not valid now does not become so when the log has grown. */
	if (r == 0)
		state_save_cache(&w->state, w->dir.fd, w->dir.cache,
		    &w->dir.owner);
	return r;
}

/* Take in what others appended, and cut what a killed one has left. */
static int
catch_up(struct writer *w, struct ntdb_error *err)
{
	uint64_t tail, n;
	int r;

	r = state_replay(&w->state, &w->wal, &tail, w->dir.wal_path, err);
	if (r != 0 || tail == 0)
		return r;
	if (wal_was_batch(&w->wal, w->state.log_pos, w->state.log_pos + tail,
	    &n)) {
		/* A batch that was stored is never cut: go on behind it. */
		w->state.log_pos += tail;
		w->state.damaged = true;
		return 0;
	}
	state_count(&w->state, COUNT_RECOVERIES, 1);
	return wal_cut(&w->wal, w->state.log_pos, w->dir.wal_path, err);
}

int
writer_lock(struct writer *w, struct ntdb_error *err)
{
	int r;

	r = lock_take(w->lock_fd, false, w->dir.root->opt.wait_ns,
	    w->dir.lock_path, err);
	if (r != 0)
		return r;
	w->locked = true;
	r = refresh_manifest(w, err);
	if (r == 0 && (!w->valid ||
	    !wal_is_current(&w->wal, w->dir.fd, w->dir.wal)))
		r = load_state(w, err);
	if (r == 0)
		r = catch_up(w, err);
	w->valid = r == 0;
	if (r != 0)
		writer_unlock(w);
	return r;
}

void
writer_unlock(struct writer *w)
{
	if (!w->locked)
		return;
	state_save_counts(&w->state, w->dir.fd, w->dir.cache);
	if (!w->valid)
		drop_state(w);
	lock_drop(w->lock_fd);
	w->locked = false;
}

/*
 * Whether the log is to be synced with this commit.  The time of the last
 * sync is the time of change of the lock file, where all writers see it.
 */
static bool
sync_is_due(const struct writer *w, bool sync)
{
	struct stat st;
	int64_t age;

	if (sync || w->engine->fsync_policy == FSYNC_ALWAYS)
		return true;
	if (w->engine->fsync_policy != FSYNC_EVERY)
		return false;
	if (fstat(w->lock_fd, &st) == -1)
		return true;
	age = io_clock_ns() - mtime_ns(&st);
	return age < 0 || age >= w->engine->fsync_every_ns;
}

int
writer_append(struct writer *w, struct batch *b, uint64_t samples, bool sync,
    struct ntdb_error *err)
{
	struct state *s = &w->state;
	bool sync_failed = false;
	int r;

	sync = sync_is_due(w, sync);
	r = batch_end(b, &w->wal.key, s->log_pos, err);
	if (r == 0)
		r = wal_append(&w->wal, s->log_pos, b->out.data, b->out.len,
		    sync, &sync_failed, w->dir.wal_path, err);
	if (r != 0) {
		w->valid = false;
		/* What a failed sync leaves in the log cannot be trusted to
		 * reach the disk: move it to where it will be synced. */
		if (sync_failed && load_state(w, NULL) == 0 &&
		    catch_up(w, NULL) == 0)
			flush_log(w, NULL, NULL);
		return r;
	}
	if (sync) {
		state_count(s, COUNT_FSYNCS, 1);
		if (w->engine->fsync_policy == FSYNC_EVERY)
			futimens(w->lock_fd, NULL);
	}
	s->log_pos += b->out.len;
	s->log_samples += samples;
	s->counters[COUNT_SAMPLES] += samples;
	s->counters[COUNT_LOG_BYTES] += b->out.len;
	s->counters[COUNT_COMMITS]++;
	/* A flush will write it, too. */
	if (s->log_pos - s->saved_pos >= (b->out.len < FLOOD ? CACHE_EVERY :
	    CACHE_EVERY_FLOOD) && !writer_flush_is_due(w))
		state_save_cache(s, w->dir.fd, w->dir.cache, &w->dir.owner);
	return 0;
}

bool
writer_flush_is_due(const struct writer *w)
{
	const struct state *s = &w->state;
	const struct manifest *m = &w->manifest;
	uint64_t bytes = s->log_pos - w->wal.head.len;

	if (bytes == 0)
		return false;
	if (s->log_samples >= m->page_max_records ||
	    bytes >= m->page_max_bytes ||
	    s->log_pos >= w->engine->max_segment_size)
		return true;
	return s->log_clock_ns != 0 &&
	    ntdb_now(w->dir.root) - s->log_clock_ns >= m->page_max_age_ns;
}

void
writer_view(const struct writer *w, struct snapshot *view)
{
	memset(view, 0, sizeof(*view));
	view->dir = w->dir;
	view->wal = w->wal;
	view->log_end = w->state.log_pos;
	view->state = w->state;
}
