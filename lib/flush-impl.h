/*
 * Floor 5.  A flush, inside: between flush.c (samples), flush-files.c (data
 * files) and flush-publish.c (catalog and log).
 */
#ifndef NTDB_FLUSH_IMPL_H
#define NTDB_FLUSH_IMPL_H

#include "datafile.h"
#include "flush-chunk.h"
#include "flush.h"

#define OPEN_FILES 8		/* data files kept open during a flush */
#define LOOK_FILES 4		/* looked at whether entries are void */
#define GONE_FILES 4096		/* so many entries may be of files that are
				 * gone: they might be put back */

/*
 * Invariant: the first n_kept samples of the chunk are those of the log with
 * this key, all of them up to the offset kept_to.
 */
struct flusher {
	struct chunk chunk;
	struct page_packer *packer;
	struct buf page;
	struct log_key kept;
	uint64_t kept_to;
	uint32_t n_kept;
};

/* One flush.  Invariant: files[0 .. n_files) are open. */
struct flush {
	struct writer *w;
	struct flusher *mem;
	struct log_head next;		/* header of the log to come */
	struct datafile files[OPEN_FILES];
	uint64_t used[OPEN_FILES];	/* when, for choosing which to close */
	uint64_t clock;
	unsigned n_files;
	bool	closed_unsynced;	/* a file that was written is closed */
	bool	dir_changed;		/* the directory has new entries */
	bool	catalog_later;		/* behind the log, which has all names */
	bool	damaged;		/* the log is */
	bool	renew;			/* it has no samples */
	bool	direct;			/* of samples that are not in the log */
	struct ntdb_flush_result res;
};

/* flush-files.c */

/* Append the packed page to the file of its partition. */
int flush_write_page(struct flush *fl, struct partition part,
    struct ntdb_error *err);

/* Sync all that was written, as the durability profile wants it. */
int flush_sync_files(struct flush *fl, struct ntdb_error *err);
void flush_close_files(struct flush *fl);

/*
 * Drop what the next log's header says of files that have been replaced, by
 * sealing them or otherwise.  At most so many files that this flush has not
 * written to are looked at, which ones depends on the epoch, so that it is
 * each one's turn.  Returns how many entries were dropped.
 */
uint32_t flush_drop_void(struct flush *fl, uint32_t most);

/* flush-publish.c */

/* Step 3: catalog.json, if it is synced and does not say everything. */
int flush_publish_catalog(struct flush *fl, struct ntdb_error *err);

/* Step 4: the new log, which makes the pages count; an unsynced catalog. */
int flush_replace_log(struct flush *fl, struct ntdb_error *err);

/* Whether any metric has the flag. */
bool flush_any_flag(const struct state *s, uint8_t flag);

#endif
