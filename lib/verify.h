/*
 * Floor 5.  What the files of the check of a whole database share.
 *
 * The log is opened first, as by every reader, and checked first: what it
 * says of names is then held against the pages.  Nothing is locked
 * or changed.  Each part is read on its own, so that damage in one hides
 * nothing in the others.
 */
#ifndef NTDB_VERIFY_H
#define NTDB_VERIFY_H

#include <sys/stat.h>

#include "inspect.h"

#define VERIFY_SLICE 8192	/* samples that are decoded at a time */

/* The newest sample of a metric in the sealed pages of a data file. */
struct verify_last {
	bool	any, same;		/* the list says the same */
	int64_t	t;
	uint64_t page;
	ptrdiff_t run;			/* where it was found */
};

/* The list of last samples of the data file at hand; n is 0 without one. */
struct verify_list {
	struct last_entry *entries;	/* owned, sorted by id */
	struct verify_last *seen;	/* owned, of each */
	uint32_t n;
	uint64_t at;			/* pages before it are in it */
	uint32_t wrong;			/* metrics */
	uint64_t damaged;		/* findings before this file */
};

/* The newest sample of a metric that was found, for verify-cache. */
struct verify_newest {
	bool	any;
	uint8_t	scale;
	uint32_t kind;			/* of the partition; above: the log */
	int64_t	t, m;
};

struct verify {
	struct snapshot s;	/* opened part by part; s.state: names only */
	struct ntdb_verify_result *res;
	int	(*found)(void *arg, const struct ntdb_finding *);
	void	*arg;
	struct ntdb_error first;	/* finding */
	int	verdict;	/* 0, NTDB_ECORRUPT or NTDB_EVERSION */
	bool	names_known;	/* the catalog could be read */
	bool	newer;		/* the log cannot be read: data files neither */
	bool	reopened;	/* the log was replaced meanwhile */
	uint64_t log_end;	/* of what was read of it */
	/* The state cache, if there is a valid one; owned. */
	struct state cached;
	struct stat cache_stat;		/* of its file, before it was read */
	struct verify_newest *newest;	/* by id, cached.n_slots of them */
	bool	before_cache;	/* the batch at hand is in the cache */
	/* The member at hand of an archive; NULL: none. */
	const char *archive, *member;	/* borrowed */
	uint64_t member_at;	/* where its contents begin */
	struct verify_list list;	/* owned; of the data file at hand */
	/* Room for one slice of a run. */
	int64_t	t[VERIFY_SLICE], m[VERIFY_SLICE];
	uint8_t	scale[VERIFY_SLICE];
};

/*
 * Take a failure: tell it as a finding if it is one.  It costs so many
 * samples; or how many is not known, but n things of another kind (NULL: not
 * even that).  0: go on.
 */
int verify_lost(struct verify *v, struct ntdb_error *why, uint64_t samples,
    struct ntdb_error *err);
int verify_failed(struct verify *v, struct ntdb_error *why, uint64_t n,
    const char *things, struct ntdb_error *err);

/* Something that is no damage, such as a file that was put aside. */
int verify_note(struct verify *v, const char *file, const char *what);

/* Engine, manifest and catalog. */
int verify_texts(struct verify *v, struct ntdb_error *err);

/* The log's header, then its batches. */
int verify_log_head(struct verify *v, struct ntdb_error *err);
int verify_log(struct verify *v, struct ntdb_error *err);

/* All data files, after the log; the pages of one; a page; a run of it. */
int verify_data(struct verify *v, struct ntdb_error *err);
int verify_pages(struct verify *v, const struct datafile *f, uint64_t limit,
    struct ntdb_error *err);
int verify_page(struct verify *v, const struct datafile *f,
    const struct page_ref *ref, struct ntdb_error *err);

/*
 * Read a file's list of last samples; hold each run that verify_run has just
 * decoded against it; tell what was wrong.
 */
int verify_list_begin(struct verify *v, const struct datafile *f,
    struct ntdb_error *err);
void verify_list_run(struct verify *v, const struct page_ref *ref,
    const struct page_dir *dir, const struct page_run *run);
int verify_list_end(struct verify *v, const struct datafile *f,
    struct ntdb_error *err);
void verify_list_release(struct verify_list *l);

/* Archives, rollup checkpoints, and what was put aside. */
int verify_others(struct verify *v, struct ntdb_error *err);
int verify_archive(struct verify *v, const char *name,
    struct ntdb_error *err);

/*
 * Load the state cache before anything else is read; note the samples of a
 * run that was just decoded, and of the log; hold all against the cache.
 */
int verify_cache_begin(struct verify *v, struct ntdb_error *err);
void verify_cache_run(struct verify *v, const struct datafile *f,
    const struct page_run *run);
void verify_cache_record(struct verify *v, const struct record *rec);
int verify_cache_end(struct verify *v, struct ntdb_error *err);

/*
 * Decode a run whose groups are given (NULL: it needs none), and hold it
 * against what the directory says of it.  NTDB_ECORRUPT: it is not that.
 */
int verify_run(struct verify *v, const struct page_dir *dir,
    const struct page_run *run, const uint8_t *times, const uint8_t *values,
    struct ntdb_error *err);

#endif
