/*
 * Floor 4.  What is known of a database's metrics, and the cache of it.
 *
 * A state is a table of metrics by id, with an index by name, as of a
 * position in the log.  It is loaded from DB.cache if that is valid, else
 * made from catalog.json, the log's records and (for last samples) the pages;
 * then brought up to date by replaying the log from its position.  The cache
 * is derived and never the truth.
 *
 * Its layout is in ntdb-format(5).
 * It is valid if and only if all this adds up, boot id and the catalog's
 * stamp are those of now, and epoch and nonce are the log's.  Counters that
 * do not match their CRC are 0.
 *
 * The cache is not written with each commit, and several processes hold a
 * state at a time.  So what the log tells is counted when it is replayed; what
 * it does not tell is added to the counters in the file, in place, before the
 * lock is dropped.
 */
#ifndef NTDB_STATE_H
#define NTDB_STATE_H

#include "io.h"
#include "wal.h"

enum metric_flag {
	METRIC_NAMED = 1,	/* slot in use: the id has a name */
	METRIC_HAS_LAST = 2,	/* last_t and last_m hold a sample */
	METRIC_UNSYNCED = 4,	/* name and type not in a synced catalog */
	METRIC_DIRTY = 8,	/* catalog.json does not say so yet */
	/* of this process only, not in the cache: */
	METRIC_SAID = 16	/* defined by this run in this log */
};

#define METRIC_SAVED (METRIC_NAMED | METRIC_HAS_LAST | METRIC_UNSYNCED | \
	METRIC_DIRTY)

struct metric {
	int64_t	last_t, last_m;	/* newest sample; of equals the last */
	uint32_t name;		/* offset in names */
	uint32_t hash;
	uint16_t name_len;
	uint8_t	type;		/* enum ntdb_type */
	uint8_t	last_scale;	/* floats: see number.h */
	uint8_t	flags;
	bool	in_log;		/* state_replay has met the newest sample */
};

/* Counted per database since the cache was first made. */
enum state_counter {
	/* Up to log_pos: the log tells. */
	COUNT_SAMPLES, COUNT_COMMITS, COUNT_LOG_BYTES,
	COUNT_UNLOGGED,
	/* What it does not tell. */
	COUNT_DUPLICATES = COUNT_UNLOGGED,
	COUNT_REFUSED,			/* + enum ntdb_refusal */
	COUNT_FSYNCS = COUNT_REFUSED + NTDB_REFUSE_N,
	COUNT_FLUSHES, COUNT_PAGES, COUNT_BYTES, COUNT_SEALS,
	COUNT_RECOVERIES,
	/* No counters: what the last one took, in nanoseconds. */
	COUNT_FLUSH_NS, COUNT_SEAL_NS,
	COUNT_N
};

struct state {
	struct metric *metrics;	/* owned; by id, [0] unused */
	uint32_t n_slots, cap;
	char	*names;		/* owned */
	size_t	names_len, names_cap;
	uint32_t *index;	/* owned; open addressing, 0 = free, else id */
	uint32_t index_size;	/* power of two */
	uint32_t n_named;
	uint32_t max_id;	/* highest id seen anywhere */
	bool	complete;	/* last samples can be relied on */

	uint64_t epoch, nonce;	/* of the log that it follows */
	uint64_t log_pos;	/* everything before is accounted for */
	uint64_t last_batch;	/* offset of the batch replayed last; 0: none */
	uint8_t	last_head[BATCH_HEAD_LEN]; /* how that begins */
	uint64_t log_samples;	/* in the log before log_pos */
	int64_t	log_clock_ns;	/* of the log's first record; 0: empty */
	uint64_t saved_pos;	/* log_pos of the cache on disk */
	bool	damaged;	/* the log was read around damage */
	uint64_t counters[COUNT_N];
	uint64_t added[COUNT_N]; /* counted since then, and not in the file */
	bool	has_added;
	bool	cached;		/* the file's counters are those of a cache
				 * that this state was loaded from or saved to */
};

void state_init(struct state *s);
void state_release(struct state *s);

/* The id of a name, or 0. */
uint32_t state_find(const struct state *s, const char *name, size_t len);

/* Hash of a name, as in the index. */
uint32_t state_hash(const char *name, size_t len);

/* The metric of an id that has a name, or NULL. */
static inline struct metric *
state_metric(const struct state *s, uint32_t id)
{
	if (id >= s->n_slots || !(s->metrics[id].flags & METRIC_NAMED))
		return NULL;
	return &s->metrics[id];
}

static inline const char *
state_name(const struct state *s, const struct metric *m)
{
	return s->names + m->name;	/* not NUL-terminated */
}

/*
 * Give an id a name and type.  The same again changes nothing; another type
 * sets the type.  NTDB_ECORRUPT if the id has another name or the name
 * another id.
 */
int state_define(struct state *s, uint32_t id, int type, const char *name,
    size_t len, uint8_t flags, struct ntdb_error *err);

/* Account for a sample: the newest one is kept. */
void state_sample(struct state *s, uint32_t id, int64_t t, int64_t m,
    uint8_t scale);

/* Make a sample the last one of its metric. */
static inline void
metric_set_last(struct metric *mt, int64_t t, int64_t m, uint8_t scale)
{
	mt->last_t = t;
	mt->last_m = m;
	mt->last_scale = scale;
	mt->flags |= METRIC_HAS_LAST;
}

/* Make room: n slots (ids below n), an index for n names. */
int state_reserve_slots(struct state *s, uint32_t n, struct ntdb_error *err);
int state_reserve_index(struct state *s, uint32_t n, struct ntdb_error *err);

/* Note that an id is in use, named or not. */
static inline void
state_see_id(struct state *s, uint32_t id)
{
	if (id > s->max_id)
		s->max_id = id;
}

/*
 * Whether there is an id above all that are in use for another metric.  There
 * is none if one in use is far beyond those that have names.
 */
bool state_has_id(const struct state *s);

/*
 * Take the log's records from s->log_pos to its last valid batch, moving
 * log_pos there.  *tail is set to the bytes behind it.  Damage is passed
 * over, and told by s->damaged.
 */
int state_replay(struct state *s, const struct wal *w, uint64_t *tail,
    const char *display, struct ntdb_error *err);

/*
 * Define the metrics of catalog.json, without flags: the caller decides which
 * of them are METRIC_UNSYNCED.  No catalog is an empty one.
 */
int state_read_catalog(struct state *s, int dirfd, const char *display,
    struct ntdb_error *err);

/* The same of a text of that form. */
int state_take_catalog(struct state *s, const char *text, size_t len,
    const char *display, struct ntdb_error *err);

/*
 * Load the cache.  NTDB_END: there is no valid one, s is empty.  Other
 * failures are for lack of memory only.
 */
int state_load_cache(struct state *s, int dirfd, const char *name,
    const struct wal *w, struct ntdb_error *err);

/*
 * Names that are known from a cache alone, whatever boot and catalog it is of:
 * if it tells the same as the state of all metrics that both know, of one at
 * least, or belongs to this log.
 */
void state_find_names(struct state *s, int dirfd, const char *name,
    const struct wal *w);

/* Count what the log does not tell. */
static inline void
state_count(struct state *s, unsigned counter, uint64_t n)
{
	if (n == 0)
		return;
	s->added[counter] += n;
	s->has_added = true;
}

/* Note how long something took: COUNT_FLUSH_NS or COUNT_SEAL_NS. */
static inline void
state_took(struct state *s, unsigned counter, int64_t ns)
{
	s->added[counter] = ns > 0 ? (uint64_t)ns : 1;
	s->has_added = true;
}

/*
 * Write what was counted into the cache that is there, in place.  The lock is
 * held.  A failure is of no consequence: the next one will do.
 */
void state_save_counts(struct state *s, int dirfd, const char *name);

/* Write the cache; a failure is of no consequence and is ignored. */
void state_save_cache(struct state *s, int dirfd, const char *name,
    const struct io_owner *owner);

#endif
