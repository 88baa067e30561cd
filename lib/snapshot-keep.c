/*
 * Snapshots that a handle keeps between queries.
 *
 * A kept snapshot is used again only if it is certain to show all that has
 * been committed:
 *
 *   - the database's name leads to the directory that is open, and in this the
 *     log's name to the log that is open (root_open follows the root's path).
 *     Neither can be another one with the same inode, since what is open keeps
 *     its own.  So the database has not been replaced, and its log neither,
 *     and with the log stand the committed lengths of all data files;
 *   - the log is not shorter than it was, and the head of the batch that was
 *     read last (of an empty log, its header) is what it was: nothing that has
 *     been read was cut, after a sync that failed, and written anew.  A log
 *     that has not changed since this was seen (stamp.h) is not read.
 *
 * One that does not know all newest samples is not used again either once there
 * is another cache, which may know them.
 *
 * What has been appended to the log is then replayed.  Data files are not kept
 * open: what is sealed, expires or is removed is seen when it is read.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "snapshot.h"

#define KEPT_MAX 8		/* snapshots, ... */
#define OPEN_MAX 12		/* with those that are lent, for their files */
#define KEPT_BYTES (4u << 20)	/* what their states take */

struct kept {
	struct snapshot *s[KEPT_MAX];	/* owned; the last used one first */
	size_t	n, lent;
};

static size_t
state_bytes(const struct state *st)
{
	return st->cap * sizeof(*st->metrics) + st->names_cap +
	    st->index_size * sizeof(*st->index);
}

static void
discard(struct snapshot *s)
{
	snapshot_release(s);
	free(s);
}

void
snapshot_forget_kept(struct ntdb *root)
{
	struct kept *k = root->kept;
	size_t i;

	if (k == NULL)
		return;
	for (i = 0; i < k->n; i++)
		discard(k->s[i]);
	free(k);
	root->kept = NULL;
}

/* Take the kept snapshot of a database out of the list, if there is one. */
static struct snapshot *
take_out(struct kept *k, const char *name)
{
	struct snapshot *s;
	size_t i;

	for (i = 0; k != NULL && i < k->n; i++) {
		s = k->s[i];
		if (strcmp(s->dir.name, name) != 0)
			continue;
		k->n--;
		memmove(&k->s[i], &k->s[i + 1],
		    (k->n - i) * sizeof(k->s[0]));
		return s;
	}
	return NULL;
}

/*
 * Whether what was read of the log still stands there.  The CRC of a batch is
 * over epoch and nonce, too.
 */
static bool
same_log(const struct snapshot *s)
{
	const struct state *st = &s->state;
	uint8_t head[32];

	if (st->last_batch == 0)
		return pread(s->wal.fd, head, 32, 0) == 32 &&
		    get_u64(head + 16) == s->wal.head.epoch &&
		    get_u64(head + 24) == s->wal.head.nonce;
	return pread(s->wal.fd, head, BATCH_HEAD_LEN,
	    (off_t)st->last_batch) == BATCH_HEAD_LEN &&
	    memcmp(head, st->last_head, BATCH_HEAD_LEN) == 0;
}

static bool
same_file(int dirfd, const char *name, dev_t dev, ino_t ino, struct stat *st)
{
	return fstatat(dirfd, name, st, 0) == 0 && st->st_dev == dev &&
	    st->st_ino == ino;
}

/* Whether there is a cache that may know more than the state does. */
static bool
has_better_cache(const struct snapshot *s)
{
	struct stat st;

	return !s->state.complete &&
	    fstatat(s->dir.fd, s->dir.cache, &st, 0) == 0 &&
	    (st.st_ino != s->cache.st_ino || st.st_size != s->cache.st_size ||
	    st.st_mtim.tv_sec != s->cache.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != s->cache.st_mtim.tv_nsec);
}

/* Bring a kept snapshot up to date.  false: it cannot be used. */
static bool
bring_up_to_date(struct snapshot *s)
{
	struct ntdb *root = s->dir.root;
	struct stat st;
	uint64_t tail;
	int64_t now;

	if (!same_file(root->fd, s->dir.name, s->dir.st.st_dev,
	    s->dir.st.st_ino, &s->dir.st) ||
	    !same_file(s->dir.fd, s->dir.wal, s->wal.dev, s->wal.ino, &st) ||
	    has_better_cache(s))
		return false;
	if (stamp_holds(&s->log, &st))
		return true;
	now = io_clock_ns();
	if ((uint64_t)st.st_size < s->log_end || !same_log(s))
		return false;
	stamp_take(&s->log, &st, now);
	if ((uint64_t)st.st_size == s->log_end)
		return true;
	if (state_replay(&s->state, &s->wal, &tail, s->dir.wal_path,
	    NULL) != 0)
		return false;
	if (s->log_end != s->state.log_pos)
		s->log_known = false;
	s->log_end = s->state.log_pos;
	return true;
}

/* Have one more lent. */
static int
lend(struct ntdb *root, struct ntdb_error *err)
{
	struct kept *k = root->kept;

	if (k == NULL && (root->kept = k = calloc(1, sizeof(*k))) == NULL)
		return err_nomem(err);
	k->lent++;
	while (k->n > 0 && k->n + k->lent > OPEN_MAX)
		discard(k->s[--k->n]);
	return 0;
}

static int
open_anew(struct snapshot **out, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	struct snapshot *s;
	int r;

	if ((r = root_has_database(root, name, err)) <= 0)
		return r < 0 ? r : err_set(err, NTDB_ENOENT,
		    "%s: no such database", name);
	if ((s = malloc(sizeof(*s))) == NULL)
		return err_nomem(err);
	if ((r = snapshot_open(s, root, name, err)) != 0)
		discard(s);
	else
		*out = s;
	return r;
}

int
snapshot_borrow(struct snapshot **out, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	struct snapshot *s;
	int r;

	*out = NULL;
	if ((r = root_open(root, false, err)) != 0)
		return r;
	s = take_out(root->kept, name);
	if (s != NULL && !bring_up_to_date(s)) {
		discard(s);
		s = NULL;
	}
	if ((r = lend(root, err)) != 0)
		return r;
	if (s == NULL)
		r = open_anew(&s, root, name, err);
	if (r == 0)
		*out = s;
	else
		root->kept->lent--;
	return r;
}

/* Drop the ones that were used longest ago, until all is within limits. */
static void
keep_limits(struct kept *k)
{
	size_t bytes = 0, i;

	for (i = 0; i < k->n && i < KEPT_MAX; i++) {
		bytes += state_bytes(&k->s[i]->state);
		if (bytes > KEPT_BYTES)
			break;
	}
	while (k->n > i)
		discard(k->s[--k->n]);
}

void
snapshot_give_back(struct snapshot *s)
{
	struct kept *k;

	if (s == NULL)
		return;
	k = s->dir.root->kept;
	k->lent--;
	if (s->wal.fd == -1 || s->all_pages || s->damage.code != 0 ||
	    state_bytes(&s->state) > KEPT_BYTES) {
		discard(s);
		return;
	}
	if (k->n == KEPT_MAX)
		discard(k->s[--k->n]);
	memmove(&k->s[1], &k->s[0], k->n * sizeof(k->s[0]));
	k->s[0] = s;
	k->n++;
	keep_limits(k);
}
