/*
 * Floor 4.  What readers keep of data files: a few descriptors and plain bytes
 * of pages; old ones make room for others.
 *
 * One cache serves all snapshots of a query, so that its memory and
 * descriptors do not grow with the number of databases.  It also remembers
 * which damage has been told, so that each place is told once.
 *
 * Between queries the handle keeps it, without the files.  The packed bytes
 * are then read once more by each query, and have to have the checksum that
 * they had: what that saves is unpacking them.
 */
#ifndef NTDB_PAGECACHE_H
#define NTDB_PAGECACHE_H

#include "snapshot.h"

struct pagecache;

/*
 * The one that the handle keeps, or, if that is lent, another; to be given
 * back.
 */
int pagecache_borrow(struct pagecache **c, struct ntdb *root,
    struct ntdb_error *err);
void pagecache_give_back(struct pagecache *c);

/* Free the one that the handle keeps. */
void pagecache_forget_kept(struct ntdb *root);

/* Let go of a snapshot's files, before it is released or opened anew. */
void pagecache_forget(struct pagecache *c, const struct snapshot *s);

/*
 * A data file as the snapshot sees it, and up to where it counts; borrowed
 * until the next call for another file.  Errors as snapshot_file.
 */
int pagecache_file(struct pagecache *c, struct snapshot *s,
    struct partition part, const struct datafile **f, uint64_t *limit,
    struct ntdb_error *err);

/*
 * The directory of a page, as datafile_dir_some; the caller releases it.
 */
int pagecache_dir(struct pagecache *c, const struct datafile *f,
    const struct page_ref *ref, const uint32_t *ids, size_t n_ids,
    struct page_dir *dir, struct ntdb_error *err);

/*
 * A page's group, unpacked.  What has been asked for since the last
 * pagecache_unpin stays, unless a directory is asked for; older groups may go.
 */
int pagecache_group(struct pagecache *c, const struct datafile *f,
    uint64_t page, const struct page_group *g, const uint8_t **raw,
    struct ntdb_error *err);
void pagecache_unpin(struct pagecache *c);

/*
 * How many metrics are read next.  In a handle's first query, which mostly is
 * its last, groups of one metric are hardly asked for again, and memory that
 * is used again costs less than new memory.
 */
void pagecache_expect(struct pagecache *c, size_t n_metrics);

/*
 * Take note of a failure to read something.  Damage and newer versions are
 * told to the root's note function, once per place, and remembered: 0, go on
 * without it.  Any other failure is copied to err and returned.
 */
int pagecache_damage(struct pagecache *c, const struct snapshot *s,
    const struct ntdb_error *what, struct ntdb_error *err);

/*
 * 0, or, if there was damage, NTDB_ECORRUPT (or NTDB_EVERSION, if nothing was
 * corrupt) with what was found first.
 */
int pagecache_verdict(const struct pagecache *c, struct ntdb_error *err);

#endif
