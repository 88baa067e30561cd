/*
 * Floor 4.  What readers keep of data files: a few descriptors and
 * unpacked groups; old ones make room for others.
 *
 * One cache serves all snapshots of a query, so that its memory and
 * descriptors do not grow with the number of databases.  It also remembers
 * which damage has been told, so that each place is told once.
 */
#ifndef NTDB_PAGECACHE_H
#define NTDB_PAGECACHE_H

#include "snapshot.h"

struct pagecache;

int pagecache_new(struct pagecache **c, struct ntdb *root,
    struct ntdb_error *err);
void pagecache_free(struct pagecache *c);

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
 * A page's group, unpacked.  What has been asked for since the last
 * pagecache_unpin stays; older groups may go.
 */
int pagecache_group(struct pagecache *c, const struct datafile *f,
    uint64_t page, const struct page_group *g, const uint8_t **raw,
    struct ntdb_error *err);
void pagecache_unpin(struct pagecache *c);

/*
 * How many metrics are read next.  Groups of one metric are hardly asked for
 * again, and memory that is used again costs less than new memory.
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
