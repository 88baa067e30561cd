/*
 * Floor 4.  How far rollups have come: rollup.checkpoints.log.
 *
 * A text file of lines KEY,NUMBER,EPOCH,CHECK.  Of lines with the same key the
 * last one counts.  A line that is not of this form, such as the end of one
 * that a power cut has torn, or of which CHECK is not the CRC-32, in eight
 * hexadecimal digits, of what stands before its comma, is passed over: one
 * wrong digit would keep buckets from being looked at for ever.  A key may
 * have commas in it.
 *
 *   JOB::METRIC,NEXT,EPOCH    all buckets of this metric that begin before
 *                             NEXT (ns) are written; EPOCH of the log then
 *   JOB::,HASH,0              what the job was like, as a hash
 *   ::LOG,POSITION,EPOCH      up to here the log has been looked at
 *   ::DUE,TIME,HASH           if the log has not grown, nothing is to be done
 *                             before TIME (ns); HASH of the configuration
 *
 * A checkpoint that is lost costs work, and nothing else: a bucket that is
 * written already is not written again.
 */
#ifndef NTDB_CHECKPOINT_H
#define NTDB_CHECKPOINT_H

#include "io.h"

struct checkpoint {
	char	*key;		/* owned */
	uint32_t key_len;
	bool	changed;	/* not in the file yet */
	int64_t	number;
	uint64_t epoch;
};

/* Invariant: index holds each entry's index + 1 at its hash, or 0. */
struct checkpoints {
	struct checkpoint *at;	/* owned */
	uint32_t n, cap;
	uint32_t *index;	/* owned; open addressing */
	uint32_t index_size;	/* power of two */
	uint64_t lines, len;	/* of the file, as it was read */
	bool	torn;		/* its last line has no end */
	uint64_t n_bad, first_bad;	/* lines that were passed over; from 1 */
};

/*
 * Read the file; a missing one is empty.  release also after a failure.
 */
int checkpoints_read(struct checkpoints *c, int dirfd, const char *path,
    const char *display, struct ntdb_error *err);
void checkpoints_release(struct checkpoints *c);

/* The entry of job::metric, or NULL; job and metric may be empty. */
const struct checkpoint *checkpoints_find(const struct checkpoints *c,
    const char *job, const char *metric, size_t metric_len);

/* Set an entry.  The same again is no change. */
int checkpoints_set(struct checkpoints *c, const char *job,
    const char *metric, size_t metric_len, int64_t number, uint64_t epoch,
    struct ntdb_error *err);

/* Forget all entries of a job; they are gone from the file once it is saved. */
void checkpoints_forget(struct checkpoints *c, const char *job);

/*
 * Append what has changed with one write, and sync; or, where most of the
 * file does not count any more, or something in it is wrong or torn, replace
 * it.  Nothing changed: nothing is done.
 */
int checkpoints_save(struct checkpoints *c, int dirfd, const char *path,
    const struct io_owner *owner, const char *display,
    struct ntdb_error *err);

/*
 * The ends of the file, without reading the rest: what ::LOG and ::DUE say.
 * They stand last whenever the file is saved with them changed.  NTDB_END:
 * they are not there.
 */
struct checkpoint_tail {
	int64_t	log_pos, due;
	uint64_t log_epoch, hash;
};

int checkpoints_tail(struct checkpoint_tail *t, int dirfd, const char *path,
    struct ntdb_error *err);

#endif
