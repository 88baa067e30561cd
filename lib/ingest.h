/*
 * Floor 5.  Ingest, inside: what was added and waits for its commit.
 *
 * Lines are parsed without a lock into `pending' samples; a commit takes each
 * database's lock, judges its samples in order against the state, and appends
 * what is accepted as one batch.
 */
#ifndef NTDB_INGEST_H
#define NTDB_INGEST_H

#include "bytes.h"
#include "dupset.h"
#include "flush.h"
#include "line.h"
#include "pagecache.h"
#include "writer.h"

#define PENDING_BATCH 12288u		/* samples in a batch, at most */
#define HELD_MAX 16384u			/* samples held back, at most */
#define TEXT_BATCH (1u << 20)		/* bytes of text in a batch, about */
#define OPEN_WRITERS 16			/* databases that are kept open */
#define KEEP_FROM 4096u			/* a batch of so many is no trickle */

enum pending_kind {
	PENDING_INT,		/* integer literal */
	PENDING_FLOAT,		/* float literal: canonical decimal */
	PENDING_BAD		/* refused when it was read */
};

enum pending_flag {
	PENDING_HAS_TIME = 1,
	PENDING_SUFFIXED = 2,	/* certainly an integer */
	PENDING_TYPED = 4,	/* not from text: class as given */
	PENDING_ROUNDED = 8,
	PENDING_HELD = 16,	/* text is our own copy */
	PENDING_SUSPECT = 32,	/* may be stored already */
	PENDING_DERIVED = 64	/* a result: see ingest_derived */
};

enum verdict {
	VERDICT_NONE,		/* not judged yet */
	VERDICT_STORED,
	VERDICT_DUPLICATE,
	VERDICT_REFUSED
};

struct pending {
	int64_t	t;
	const char *text;	/* the line */
	int64_t	m;
	uint64_t ordinal;	/* of its line, over all sources */
	union {
		const char *reason;	/* refused: a constant */
		int64_t	last_t;		/* refused as late: the last time */
	} u;
	uint32_t text_len;
	uint32_t target;	/* index */
	uint8_t	kind, flags, scale, verdict;
	uint8_t	why;		/* enum ntdb_refusal */
};

/* A word DB/METRIC that was seen, with a valid name. */
struct target {
	const char *word;	/* in the arena: DB/METRIC */
	uint32_t word_len;
	uint16_t name_len;	/* of METRIC, at the end of word */
	uint8_t	implied;	/* so many bytes of word were not written */
	uint32_t hash;
	uint32_t db;		/* index */
	uint32_t follower;	/* the target that came after it last time */
	uint32_t id;		/* 0: not known */
	uint32_t generation;	/* of the writer when the id was found */
	uint32_t sim_commit;	/* collecting suspects: for which commit */
	uint32_t suspect;	/* index in suspects.metrics + 1, or 0 */
	bool	sim_any;	/* it has a sample by then: */
	int64_t	sim_t;		/* newest time so far */
};

struct target_table {
	struct target *at;	/* owned; [0] is never used */
	uint32_t n, cap;
	uint32_t *index;	/* owned; open addressing, 0 = free */
	uint32_t index_size;
	char	**blocks;	/* owned: the arena */
	size_t	n_blocks, block_used, block_size;
};

/*
 * The places, metric and time, at which samples of a batch want to go that
 * are not newer than what is there.
 */
struct suspects {
	struct suspect_metric {
		uint32_t target;
		uint32_t at, n;		/* in keys, sorted */
	} *metrics;			/* owned */
	size_t	n_metrics, cap_metrics;
	uint64_t *keys;			/* owned: times (order_key_i64) */
	size_t	n, cap;
	bool	repeated;		/* two of them want the same place */
	struct pagecache *told;		/* owned; remembers damage */
};

struct ingest_db {
	char	name[DB_NAME_MAX + 1];
	struct writer w;
	bool	open;
	bool	absent;		/* not there when it was last looked for */
	uint64_t used;		/* commit number */
	uint32_t n_pending;
	uint64_t bad[NTDB_REFUSE_N];	/* lines refused when they were read,
					 * that its cache does not count yet */
	bool	has_bad;
};

struct ntdb_ingest {
	struct ntdb *root;		/* borrowed */
	struct ntdb_ingest_options opt;	/* opt.db is owned */
	char	*default_db;
	struct target_table targets;
	struct ingest_db *dbs;		/* owned */
	uint32_t n_dbs;
	struct pending *pending;	/* owned */
	uint32_t n_pending, cap_pending;
	uint32_t n_held;		/* of them, kept from earlier commits */
	size_t	text_bytes;		/* of what is pending */
	uint32_t last_target;		/* predicts the next one */
	uint64_t ordinal;		/* lines read, over all sources */
	uint64_t source_base;		/* the same when the source began */
	bool	at_start;		/* of a source */
	bool	skipping;		/* the rest of an over-long line */
	char	missing[DB_NAME_MAX + 1]; /* no such database: the last of a
					 * bad line, or empty */
	bool	own;			/* may write to internal/ntdb/ */
	bool	stopped;		/* strict, and a line was refused */
	uint32_t commit_no;
	struct batch batch;
	struct suspects suspects;
	struct dupset seen;		/* stored at their places */
	struct flusher *flusher;	/* owned; NULL until much was added */
	struct line_scanner scanner;
	struct buf tail;		/* a last line without its newline */
	bool	derived;		/* typed samples are results */
	struct ntdb_ingest_stats stats;
};

/*
 * Typed samples from now on are results computed from others: the clock does
 * not matter, an integer may go to a metric of floats, and a float turns a
 * metric of integers into one of floats, whose values are the doubles nearest
 * to them.
 */
static inline void
ingest_derived(struct ntdb_ingest *in)
{
	in->derived = true;
}

/* ingest-target.c */

/*
 * The target that a word means, or 0: *why and *reason say what is wrong.
 * UINT32_MAX: out of memory.
 */
uint32_t target_find(struct ntdb_ingest *in, const char *word, size_t len,
    enum ntdb_refusal *why, const char **reason);

/*
 * The target that is expected next, if its word is what stands at p, before
 * a blank and end; then *len is the word's length.  Else 0.  Agents send the
 * same metrics in the same order again and again.
 */
static inline uint32_t
target_guess(const struct ntdb_ingest *in, const char *p, const char *end,
    uint32_t *len)
{
	const struct target *at = in->targets.at, *t;
	uint32_t guess;

	*len = 0;
	if (in->last_target == 0 ||
	    (guess = at[in->last_target].follower) == 0)
		return 0;
	t = &at[guess];
	*len = t->word_len - t->implied;
	if ((size_t)(end - p) <= *len || (p[*len] != ' ' && p[*len] != '\t') ||
	    !bytes_equal(p, t->word + t->implied, *len))
		return *len = 0;
	return guess;
}

/*
 * Count a line that was refused when it was read for the database that its
 * first word names, if there is one.
 */
void target_count_bad(struct ntdb_ingest *in, const struct pending *p);

/* Note that this target came next. */
void target_follow(struct ntdb_ingest *in, uint32_t target);
void target_table_release(struct target_table *tt);

static inline const char *
target_name(const struct target *t)
{
	return t->word + (t->word_len - t->name_len);
}

/* One commit to one database, while it is being judged. */
struct judging {
	struct ntdb_ingest *in;
	struct writer *w;
	int64_t	now_ns;
	int64_t	stamp_ns;	/* for samples without a time */
	int64_t	latest_ns;	/* what is later is too far ahead */
	bool	clock_set;
	bool	to_pages;	/* samples go to `keep' only, not to the log */
	bool	rehearsal;	/* the database does not exist: nothing is
				 * looked up in it */
	bool	collected;	/* in->seen holds what suspects may equal */
	struct chunk *keep;	/* for the next flush, or NULL */
	uint32_t db, from, to;	/* pending samples of this database */
	uint64_t stored;
};

/* ingest-judge.c */

/* Judge one sample; what is accepted is in the batch and the state. */
int judge(struct judging *j, uint32_t i, struct ntdb_error *err);

static inline bool
fits_int32(int64_t v)
{
	return v >= INT32_MIN && v <= INT32_MAX;
}

/*
 * The value of a pending sample as it is stored in its metric, as bits to
 * compare: integers, or doubles with all NaNs alike.
 */
uint64_t pending_bits(const struct judging *j, const struct pending *p,
    const struct metric *mt);

/* The same for a value that is stored. */
uint64_t value_bits(bool is_int, int64_t m, uint8_t scale);

/* ingest-plain.c */

/* The id of a target's metric, or 0. */
uint32_t target_find_id(struct target *t, const struct writer *w);

static inline uint32_t
target_id(struct target *t, const struct writer *w)
{
	return t->id != 0 && t->generation == w->generation ? t->id :
	    target_find_id(t, w);
}

/* Judge all samples of the database; strict mode stops at a refusal. */
int judge_all(struct judging *j, struct ntdb_error *err);

/* Add a sample to the batch, and to what is kept for the flush. */
void judging_add(struct judging *j, uint32_t id, bool is_int, int64_t t,
    int64_t m, uint8_t scale);

/* ingest-suspect.c */

/*
 * Find the suspects from sample i on, and into in->seen what is stored at
 * their places, in the log, in pages, and of this batch.
 */
int collect_suspects(struct judging *j, uint32_t i, struct ntdb_error *err);
void suspects_release(struct suspects *s);

/* All have been judged: let go of the memory, which a flush may want. */
void suspects_done(struct ntdb_ingest *in);

/* This sample has been stored: a suspect may equal it. */
int suspects_note(struct judging *j, const struct pending *p,
    struct ntdb_error *err);

/* The number of a metric's suspects before a time (order_key_i64). */
uint32_t suspects_before(const struct suspects *s,
    const struct suspect_metric *m, uint64_t key);

/* Whether one of them wants this time. */
bool suspects_want(const struct suspects *s, const struct suspect_metric *m,
    int64_t t);

/* The key of a metric in in->seen, as the class that it has now. */
static inline uint32_t
dup_key(uint32_t target, const struct metric *mt)
{
	return 2 * target + !ntdb_type_is_int(mt->type);
}

/* ingest-lookup.c */

/* What log and pages hold at the places of all suspects, into in->seen. */
int lookup_suspects(struct judging *j, struct ntdb_error *err);

/* ingest-commit.c */

/* Whether a pending sample is one of this database. */
static inline bool
ingest_is_of(const struct ntdb_ingest *in, const struct pending *p,
    uint32_t db)
{
	return p->kind != PENDING_BAD && in->targets.at[p->target].db == db;
}

/*
 * Commit the samples of one database in pending[from .. to).  *held: they
 * are to stay pending.
 */
int ingest_commit_db(struct ntdb_ingest *in, uint32_t db, uint32_t from,
    uint32_t to, bool finish, bool *held, struct ntdb_error *err);

/* Take what was refused into the counters; failures are of no consequence. */
void ingest_count_bad(struct ntdb_ingest *in);
void ingest_release_commit(struct ntdb_ingest *in);

/* ingest-batch.c */

int ingest_commit(struct ntdb_ingest *in, bool finish,
    struct ntdb_error *err);
void ingest_drop_pending(struct ntdb_ingest *in, uint32_t n);

#endif
