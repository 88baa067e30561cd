/*
 * Whether there is anything to do at all, told from a few bytes of each
 * database.
 */
#include "bytes.h"
#include "error.h"
#include "rollup.h"

static uint64_t
hash_stat(uint64_t h, const struct stat *st)
{
	uint8_t stamp[24];

	put_u64(stamp, (uint64_t)st->st_mtim.tv_sec);
	put_u64(stamp + 8, (uint64_t)st->st_mtim.tv_nsec);
	put_u64(stamp + 16, (uint64_t)st->st_size);
	return rollup_hash(h, stamp, sizeof(stamp));
}

uint64_t
rollup_config_hash(const struct dbdir *d)
{
	uint64_t h = ROLLUP_HASH;
	struct stat st;

	if (fstatat(d->fd, DBDIR_MANIFEST, &st, 0) == 0)
		h = hash_stat(h, &st);
	if (fstatat(d->root->fd, "engine.ini", &st, 0) == 0)
		h = hash_stat(h, &st);
	return h;
}

/* The log's epoch and length. */
static int
log_position(const struct dbdir *d, struct rollup_since *pos,
    struct ntdb_error *err)
{
	struct stat st;
	struct wal w;
	int r;

	if ((r = wal_open(&w, d->fd, d->wal, false, d->wal_path, err)) != 0)
		return r;
	pos->known = true;
	pos->epoch = w.head.epoch;
	pos->pos = fstat(w.fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	wal_release(&w);
	return 0;
}

/*
 * Whether a database is certain to have nothing to do: it has not changed
 * since the run before, and no bucket has become due by the clock.
 */
static bool
is_idle(const struct dbdir *d, int64_t now)
{
	struct checkpoint_tail t;
	struct rollup_since pos;

	return checkpoints_tail(&t, d->fd, "rollup.checkpoints.log",
	    NULL) == 0 && now < t.due && t.hash == rollup_config_hash(d) &&
	    log_position(d, &pos, NULL) == 0 && pos.epoch == t.log_epoch &&
	    pos.pos == (uint64_t)t.log_pos;
}

/* Whether a database has jobs; if one cannot tell, it has. */
static bool
has_jobs(const struct dbdir *d)
{
	struct manifest m;
	bool has;

	has = dbdir_manifest(d, &m, NULL) != 0 ||
	    (m.rollups_enabled && m.n_jobs > 0);
	manifest_release(&m);
	return has;
}

int
rollup_all_idle(struct ntdb *root, char *const *names, size_t n, bool *idle,
    struct ntdb_error *err)
{
	const int64_t now = ntdb_now(root);
	struct dbdir d;
	size_t i;
	int r;

	*idle = true;
	for (i = 0; *idle && i < n; i++) {
		if ((r = dbdir_open(&d, root, names[i], err)) != 0)
			return r;
		*idle = is_idle(&d, now) || !has_jobs(&d);
		dbdir_close(&d);
	}
	return 0;
}
