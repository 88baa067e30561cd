/*
 * ntdb - a small append-only time-series database made of plain files.
 *
 * This is the whole public interface.  A program opens a root directory,
 * then writes (ntdb_ingest_*), moves logs into pages (ntdb_flush) and seals
 * these (ntdb_seal), asks (ntdb_query_*) or looks inside (ntdb_inspect_*).
 *
 * Conventions
 *
 *   Every function that can fail returns 0 or a negative NTDB_E... code and
 *   takes, as its last argument, an error record owned by the caller (NULL is
 *   allowed).  The first failure fills the record; set its code to 0, or use
 *   NTDB_ERROR_INIT, before the first call.  Iterators return NTDB_END (1)
 *   after the last element.
 *
 *   Times are int64_t Unix nanoseconds (UTC).  Durations are nanoseconds.
 *   Strings are NUL-terminated UTF-8 unless a length is given beside them.
 *
 *   Every ..._close and ..._free accepts NULL.
 *
 * Caveats
 *
 *   - The library never prints, exits, or changes signals, locale or the
 *     working directory.  It starts no threads.  A handle belongs to one
 *     thread at a time; distinct handles are independent.
 *   - Locks are flock(2) locks on files in each database directory and are
 *     taken for one commit or one flush.  Two handles of one process on one
 *     root exclude each other as two processes would: commit or close one
 *     writer before you wait for another.
 *   - After fork(2) use a handle in one of the two processes only.
 *   - flock(2) must work between all processes that share a root: keep it on
 *     a local file system.
 *   - A query holds no lock.  It sees the state at its opening; what is
 *     committed later is seen by the next one.
 *   - A handle keeps the logs of a few databases open after a query.  The
 *     space of one that has been replaced is free when the database is asked
 *     again, or the handle closed.  It also keeps the names and newest samples
 *     of these (up to 4 MiB) and data that queries have unpacked (1.5 MiB).
 *   - A power cut may cost what the durability policy of engine.ini allows;
 *     the death of a process costs nothing that was committed.
 */
#ifndef NTDB_H
#define NTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is declared here is all that the shared library exports. */
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#define NTDB_VERSION "0.1.0"

/* ------------------------------------------------------------- errors */

/* The codes are the negated exit statuses of the tools. */
enum {
	NTDB_OK = 0,
	NTDB_END = 1,		/* an iterator is at its end */
	NTDB_EUSAGE = -64,	/* an argument makes no sense */
	NTDB_ECORRUPT = -65,	/* damaged data, or bad input */
	NTDB_ENOENT = -66,	/* no such root, database or metric */
	NTDB_EBUG = -70,	/* ntdb is wrong */
	NTDB_ESYS = -71,	/* the system refused something (memory, ...) */
	NTDB_ECREATE = -73,	/* a file or directory cannot be created */
	NTDB_EIO = -74,		/* I/O error, disk full */
	NTDB_EBUSY = -75,	/* a lock was not to be had in time: try again */
	NTDB_EVERSION = -76,	/* written by a newer ntdb */
	NTDB_EPERM = -77,	/* permission denied */
	NTDB_ECONFIG = -78,	/* a configuration file is wrong */

	/* No tool ends with these: they answer what the caller asked for. */
	NTDB_ELIMIT = -79,	/* more samples than he allowed */
	NTDB_ESTOPPED = -80	/* his stop function said so */
};

/* What failed, where and why.  Text is cut to fit, never overflowed. */
struct ntdb_error {
	int	code;		/* 0 or NTDB_E... */
	int	sys;		/* errno, or 0 */
	int64_t	line;		/* line in path, from 1; 0: none */
	int64_t	offset;		/* byte in path; -1: none */
	char	path[256];	/* the file; "" if none */
	char	text[256];	/* the reason, one line, no full stop */
};

#define NTDB_ERROR_INIT { 0, 0, 0, -1, "", "" }

/*
 * Write `PATH: [line N:|offset N:] TEXT' to buf (room bytes, NUL included),
 * control characters and invalid UTF-8 escaped.  Returns the length that the
 * whole text has, as snprintf does.
 */
size_t ntdb_error_format(const struct ntdb_error *err, char *buf,
    size_t room);

/* The library's version, as NTDB_VERSION was when it was built. */
const char *ntdb_version(void);

/* -------------------------------------------------------------- values */

enum ntdb_type {
	NTDB_INT32 = 1,
	NTDB_INT64 = 2,
	NTDB_FLOAT32 = 3,
	NTDB_FLOAT64 = 4
};

/* "int32", "int64", "float32", "float64"; "?" for anything else. */
const char *ntdb_type_name(int type);

/* Whether a value of this type is held in .i (else in .f). */
static inline bool
ntdb_type_is_int(int type)
{
	return type == NTDB_INT32 || type == NTDB_INT64;
}

/*
 * A value; which member counts follows from a type that stands beside it.
 * A float32 sample is held in .f as the double nearest to its shortest
 * decimal, so that no result depends on a metric's width.
 */
union ntdb_value {
	int64_t	i;
	double	f;
};

/* Enough room for any value or time as text, NUL included. */
#define NTDB_TEXT_MAX 64

/*
 * Write a value as the shortest decimal text that reads back as the same
 * number: "42", "21.5", "1e+300", "NaN", "+Inf", "-Inf", "-0".  No NUL is
 * written.  Returns the length, below NTDB_TEXT_MAX.
 */
size_t ntdb_int_format(int64_t value, char *buf);
size_t ntdb_float_format(double value, char *buf);

/*
 * Read the number that len bytes are, as line protocol takes them but for the
 * suffix i, correctly rounded to the nearest double.  NTDB_EUSAGE with the
 * reason: it is none, is out of range, or becomes 0 without being 0.
 */
int ntdb_float_scan(const char *text, size_t len, double *value,
    struct ntdb_error *err);

enum ntdb_time_style {
	NTDB_TIME_HUMAN,	/* YYYY-MM-DD HH:MM:SS.nnnnnnnnn */
	NTDB_TIME_RFC3339,	/* YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ */
	NTDB_TIME_S,		/* seconds, with a fraction if there is one */
	NTDB_TIME_MS,		/* milliseconds, likewise */
	NTDB_TIME_NS		/* nanoseconds */
};

/* Write a time in a style; no NUL.  Returns the length. */
size_t ntdb_time_format(int64_t t_ns, enum ntdb_time_style style, char *buf);

/*
 * Read a time as ntdb-query's options take it: RFC 3339, `YYYY-MM-DD[( |T)
 * HH[:MM[:SS[.n]]]]' (UTC), `now', `now+DUR', `now-DUR', a bare duration or
 * -DUR (that long before now), or a number, whose magnitude tells seconds
 * (below 10^11), milliseconds (10^14), microseconds (10^17) or nanoseconds.
 * *relative (may be NULL) is set where the text refers to now.
 * NTDB_EUSAGE with the reason if it is none of them.
 */
int ntdb_time_scan(const char *text, int64_t now_ns, int64_t *t_ns,
    bool *relative, struct ntdb_error *err);

/* Read a duration: `250ms 30s 5m 1h30m 1d 1w', or `0'.  NTDB_EUSAGE. */
int ntdb_duration_scan(const char *text, int64_t *ns, struct ntdb_error *err);

/* ---------------------------------------------------------------- root */

struct ntdb;

struct ntdb_options {
	const char *root;	/* NULL: $NTDB_ROOT, else /var/lib/ntdb */
	int64_t	wait_ns;	/* for a lock, at most; negative: 30 s */
	int64_t	now_ns;		/* the clock, if has_now */
	bool	has_now;
	/*
	 * Told of what is worth knowing but stops nothing: an unknown key in
	 * a configuration file, a damaged log that was read around.
	 */
	void	(*note)(void *arg, const struct ntdb_error *what);
	void	*note_arg;
};

#define NTDB_OPTIONS_INIT { NULL, -1, 0, false, NULL, NULL }

/*
 * Open a root.  Nothing is created and nothing need exist: a missing root is
 * made by the first write, and reported (NTDB_ENOENT) by a read.  opt is
 * borrowed for the call, but for note_arg.  Close frees everything; whatever
 * was opened from the handle must have been closed before.
 */
int ntdb_open(const struct ntdb_options *opt, struct ntdb **db,
    struct ntdb_error *err);
void ntdb_close(struct ntdb *db);

/* The clock of this handle: the system's, or now_ns of its options. */
int64_t ntdb_now(const struct ntdb *db);

/* The root's path, borrowed until ntdb_close. */
const char *ntdb_root(const struct ntdb *db);

/* Whether len bytes are a valid name of a database. */
bool ntdb_database_name_ok(const char *name, size_t len);

/* Whether len bytes may name a metric: 1 to 1023 bytes of valid UTF-8
 * without white space and control characters. */
bool ntdb_metric_name_ok(const char *name, size_t len);

/*
 * The names of all databases, sorted by bytes; `internal' only if asked for.
 * *names is one allocation, freed with ntdb_databases_free.
 */
int ntdb_databases(struct ntdb *db, bool internal, char ***names, size_t *n,
    struct ntdb_error *err);
void ntdb_databases_free(char **names);

/* What engine.ini says for ntdb-httpd. */
struct ntdb_httpd_config {
	const char *listen;	/* HOST:PORT */
	const char *auth_file;	/* "": none; relative to the root */
	bool	read_only;
	uint64_t max_body;	/* bytes of a request's body */
	uint64_t max_samples;	/* that one request may read; 0: any number */
	int64_t	lookback_ns;
};

/*
 * Read it, once per handle; without a root there are the defaults.  Strings
 * are borrowed until ntdb_close.  NTDB_ECONFIG.
 */
int ntdb_httpd_config(struct ntdb *db, struct ntdb_httpd_config *c,
    struct ntdb_error *err);

/* -------------------------------------------------------------- ingest */

struct ntdb_ingest;

/* Unit of bare timestamps in line protocol. */
enum ntdb_unit {
	NTDB_UNIT_DEFAULT = 0,	/* nanoseconds, from 1980 to 2200 only */
	NTDB_UNIT_S,
	NTDB_UNIT_MS,
	NTDB_UNIT_US,
	NTDB_UNIT_NS		/* nanoseconds, any */
};

/* Why a line or sample was refused. */
enum ntdb_refusal {
	NTDB_REFUSE_SYNTAX,	/* not of the form `DB/METRIC VALUE [TIME]' */
	NTDB_REFUSE_NAME,	/* not a valid database or metric name */
	NTDB_REFUSE_VALUE,	/* not a number, or out of range */
	NTDB_REFUSE_TIME,	/* not a time, or an implausible one */
	NTDB_REFUSE_TYPE,	/* the metric is of another type */
	NTDB_REFUSE_LATE,	/* older than the metric's last sample */
	NTDB_REFUSE_FUTURE,	/* too far ahead of the clock */
	NTDB_REFUSE_CLOCK,	/* no time, and the clock is not set */
	NTDB_REFUSE_FULL,	/* max_metrics reached */
	NTDB_REFUSE_N
};

/* "syntax", "name", "value", "time", "type", "late", "future", ... */
const char *ntdb_refusal_name(int refusal);

struct ntdb_ingest_stats {
	uint64_t lines;		/* dealt with, blank ones and comments too */
	uint64_t samples;	/* stored */
	uint64_t duplicates;	/* stored already */
	uint64_t rounded;	/* decimals longer than a double holds */
	uint64_t refused;	/* lines or samples refused, the sum of: */
	uint64_t refused_by[NTDB_REFUSE_N];
	uint64_t commits;
	uint64_t committed;	/* lines that have been dealt with for good:
				 * their samples are stored, under the
				 * durability policy in force, or refused */
};

struct ntdb_ingest_options {
	const char *db;		/* for targets without `/'; NULL: none */
	enum ntdb_unit unit;
	bool	strict;		/* stop at the first refused line */
	bool	sync;		/* as wal.fsync_policy = always */
	/*
	 * Told of each refused line, in the order of the input, during
	 * ntdb_ingest_commit: its number in the input (from 1, since
	 * ntdb_ingest_source), its text without line end, the reason.
	 * For typed samples text is `DB/METRIC', and line is 0 unless
	 * ntdb_ingest_line counts them.
	 */
	void	(*refused)(void *arg, uint64_t line, const char *text,
		    size_t len, enum ntdb_refusal why, const char *reason);
	void	*arg;
	/*
	 * When samples without a time came in, if has_arrival: they are
	 * stamped with that rather than with the clock at the commit.
	 */
	bool	has_arrival;
	int64_t	arrival_ns;
};

#define NTDB_INGEST_OPTIONS_INIT \
	{ NULL, NTDB_UNIT_DEFAULT, false, false, NULL, NULL, false, 0 }

int ntdb_ingest_open(struct ntdb *db, const struct ntdb_ingest_options *opt,
    struct ntdb_ingest **in, struct ntdb_error *err);

/* Free without committing what was added since the last commit. */
void ntdb_ingest_close(struct ntdb_ingest *in);

/* Begin another input: line numbers restart at 1, a BOM is skipped. */
void ntdb_ingest_source(struct ntdb_ingest *in);

/*
 * Add whole lines of line protocol.  Takes complete lines from text until
 * the batch is full and sets *used to the bytes taken; with last, a final
 * line without a newline is a line too.  text must stay as it is until the
 * commit that follows.  What is not used is to be given again (*used == 0
 * with len > 0: commit first, or, if nothing is pending, the line is not
 * complete yet).  A line over 64 KiB is refused and skipped.
 */
int ntdb_ingest_lines(struct ntdb_ingest *in, const char *text, size_t len,
    bool last, size_t *used, struct ntdb_error *err);

/*
 * Count a line of an input that the caller reads himself: the typed samples
 * that follow come from it.
 */
void ntdb_ingest_line(struct ntdb_ingest *in);

/*
 * Add one typed sample.  Integers go to integer metrics and floats to float
 * metrics, without any conversion between the two.  has_time false: stamped
 * at the commit.  A refusal is reported like that of a line.  When the batch
 * is full (NTDB_EBUSY is never returned for that) it is committed first.
 */
int ntdb_ingest_int(struct ntdb_ingest *in, const char *db,
    const char *metric, int64_t value, bool has_time, int64_t t_ns,
    struct ntdb_error *err);
int ntdb_ingest_float(struct ntdb_ingest *in, const char *db,
    const char *metric, double value, bool has_time, int64_t t_ns,
    struct ntdb_error *err);

/*
 * Commit what was added: validate it under each database's lock, in order,
 * and append it to the log, one atomic batch per database.  On failure the
 * samples of the databases dealt with before are stored, the others are not,
 * and the handle can be used again (sending the lines again is harmless).
 * In strict mode returns NTDB_ECORRUPT after a refused line; the lines
 * before it are stored, and it and what follows it are not.
 * With [wal] enabled = no or skip_before samples may be held back until
 * max_records are there or ntdb_ingest_finish is called: see `committed'.
 */
int ntdb_ingest_commit(struct ntdb_ingest *in, struct ntdb_error *err);

/* Commit, and store what was held back. */
int ntdb_ingest_finish(struct ntdb_ingest *in, struct ntdb_error *err);

/* Counts since ntdb_ingest_open; borrowed until ntdb_ingest_close. */
const struct ntdb_ingest_stats *ntdb_ingest_stats(
    const struct ntdb_ingest *in);

/* --------------------------------------------------------------- flush */

struct ntdb_flush_options {
	bool	force;		/* whatever the limits of [page] say */
	bool	dry_run;	/* only say what would be done */
};

struct ntdb_flush_result {
	bool	flushed;	/* the log has been (would be) moved */
	uint64_t samples;	/* that it held */
	uint64_t pages;		/* written */
	uint64_t bytes;		/* written to data files */
	uint64_t log_bytes;	/* the log was that long */
};

/* Move a database's log into pages, if it is due.  opt may be NULL. */
int ntdb_flush(struct ntdb *db, const char *name,
    const struct ntdb_flush_options *opt, struct ntdb_flush_result *res,
    struct ntdb_error *err);

/* ------------------------------------------------------------- sealing */

struct ntdb_seal_options {
	bool	force;		/* every file with pages that are not sealed */
	bool	dry_run;	/* only say what would be done */
	bool	(*stop)(void *arg);	/* asked now and then: whether to give
				 * up, which costs nothing; may be NULL */
	void	*stop_arg;
};

struct ntdb_seal_result {
	bool	busy;		/* another process does it: nothing was done */
	uint64_t files;		/* sealed (would be) */
	uint64_t samples, pages;	/* in their sealed pages */
	uint64_t bytes_before, bytes_after;	/* of the files */
};

/*
 * Seal the data files that are due: write their pages anew, few and large.
 * Readers and writers go on meanwhile.  opt may be NULL.  NTDB_ECORRUPT: a
 * file was damaged; what can be read of it is sealed, and the damaged file is
 * kept under another name.
 */
int ntdb_seal(struct ntdb *db, const char *name,
    const struct ntdb_seal_options *opt, struct ntdb_seal_result *res,
    struct ntdb_error *err);

/* ----------------------------------------------------------- retention */

/* A data file that has (would have) been removed. */
struct ntdb_retain_info {
	const char *file;	/* its name in the database's directory */
	const char *archive;	/* that of where it is now; NULL: gone */
	uint64_t bytes;
};

struct ntdb_retain_options {
	bool	dry_run;	/* only say what would be done */
	/* Told of each file; what it points to is borrowed for the call. */
	void	(*each)(void *arg, const struct ntdb_retain_info *);
	void	*arg;
};

struct ntdb_retain_result {
	uint64_t files, bytes;	/* (would be) removed */
	uint64_t failed;	/* files that should be, and are still there */
	bool	busy;		/* another program rewrites data files:
				 * nothing was done */
};

/*
 * Delete or archive the data files that have expired, as the manifest says;
 * nothing if the clock is not set.  A file that fails does not keep the
 * others; the first failure is returned, and the others are notes.  opt may
 * be NULL.
 */
int ntdb_retain(struct ntdb *db, const char *name,
    const struct ntdb_retain_options *opt, struct ntdb_retain_result *res,
    struct ntdb_error *err);

/* -------------------------------------------------------------- rollups */

struct ntdb_rollup_result {
	uint64_t jobs;		/* that had something to do */
	uint64_t metrics;	/* of which buckets were computed: how many
				 * of each job */
	uint64_t written;	/* values behind the last one of their metric */
	uint64_t replaced;	/* values before it that were others, or not
				 * there */
	uint64_t unsure;	/* dry run: values that would be compared, and
				 * replaced if they differ, which only the
				 * results of jobs before can tell */
};

struct ntdb_rollup_options {
	bool	rebuild;	/* compute all again that has its source */
	bool	dry_run;	/* only say what would be done */
	/* Told what was (would be) done of each job that had work; what it is
	 * given is borrowed for the call.  May be NULL. */
	void	(*done)(void *arg, const char *db, const char *job,
		    const struct ntdb_rollup_result *did);
	void	*arg;
	/* Asked between jobs and often within one: whether to end.  What is
	 * done then stays, and is right; the next run does what is left.  May
	 * be NULL. */
	bool	(*stop)(void *arg);
};

/*
 * Run the rollup jobs of the named databases, of all if n is 0, in the
 * order in which they feed each other.  Each bucket that is due is computed and
 * stored in the job's destination, once, however often this is called and
 * wherever it was killed before.  opt and res may be NULL.  NTDB_ECONFIG: a
 * job is wrong, and nothing was done.  NTDB_EBUSY: another process seals,
 * expires or rolls up one of the databases.
 */
int ntdb_rollup(struct ntdb *db, char *const *names, size_t n,
    const struct ntdb_rollup_options *opt, struct ntdb_rollup_result *res,
    struct ntdb_error *err);

/* ------------------------------------------------------ its own metrics */

/* One of the suite's own metrics, which internal/ntdb/DB/NAME has, too. */
struct ntdb_self_metric {
	const char *db, *name;	/* "refused/late" */
	const char *help;	/* a few words */
	bool	counter;	/* only grows, but for a return to 0 when the
				 * state cache is made anew; else a gauge */
	uint64_t value;
};

/*
 * The present values of all databases, `internal' included: by database, then
 * in a fixed order.  Called back as ntdb_inspect_... do: a callback that
 * returns non-zero ends the walk, which returns that value; what it is given
 * is borrowed for the call.  A database that cannot be read is a note.
 */
int ntdb_self_metrics(struct ntdb *db,
    int (*fn)(void *arg, const struct ntdb_self_metric *), void *arg,
    struct ntdb_error *err);

/*
 * Write those of the databases named into the database `internal', which is
 * made if need be: what has changed, or was not written for a day, if none of
 * the database's was written within [stats] interval.  Nothing is written if
 * [stats] enabled = no, if the clock is not set, for `internal' itself, and
 * for databases that cannot be read.
 * NTDB_EBUSY: another process is at it.
 */
int ntdb_self_metrics_write(struct ntdb *db, char *const *names, size_t n,
    struct ntdb_error *err);

/* --------------------------------------------------------------- query */

struct ntdb_query;

enum ntdb_aggregate {
	NTDB_MIN, NTDB_MAX, NTDB_SUM, NTDB_AVG, NTDB_COUNT, NTDB_FIRST,
	NTDB_LAST, NTDB_MEDIAN, NTDB_P50, NTDB_P95, NTDB_P99, NTDB_STDDEV,
	NTDB_TRIMMED_AVG,
	NTDB_AGGREGATE_N
};

/* "min" ... "trimmed_avg"; NULL for anything else. */
const char *ntdb_aggregate_name(int aggregate);

/* The aggregate of that name, or -1. */
int ntdb_aggregate_find(const char *name, size_t len);

enum ntdb_order {
	NTDB_ORDER_METRIC,	/* by metric (bytes of DB/METRIC), then time */
	NTDB_ORDER_DAY		/* by UTC day, then metric, then time */
};

struct ntdb_query_options {
	int64_t	start_ns, end_ns;	/* both included */
	bool	has_start, has_end;
	bool	last;		/* only the newest sample of each metric */
	uint64_t stride;	/* samples 0, N, 2N ...; 0 and 1: all */
	int64_t	limit;		/* rows of each metric, negative: the last
				 * ones; 0: no limit */
	bool	regex;		/* METRIC is a POSIX extended regex */
	bool	literal;	/* targets are names, whatever is in them */
	bool	missing_ok;	/* a name that is not there is no failure */
	bool	internal;	/* patterns match database `internal' too */
	/*
	 * Whether a metric that a target means is wanted; asked with NULL for
	 * the metric, whether any of that database may be.  Only during
	 * ntdb_query_open; NULL: all are.  Negative: out of memory.
	 */
	int	(*match)(void *arg, const char *db, const char *metric);
	void	*match_arg;
	/*
	 * NULL, or a text: with it `match' always says the same of the same
	 * names, as long as the root is open.  Then it need not be asked about
	 * all of them for each query.
	 */
	const char *match_key;
	bool	names;		/* metrics only, without any sample: rows say
				 * db, metric, id and type */
	enum ntdb_order order;	/* NTDB_ORDER_DAY without aggregates only */
	const uint8_t *aggregates; /* enum ntdb_aggregate, in this order */
	size_t	n_aggregates;	/* 0: samples */
	int64_t	window_ns;	/* 0: one bucket, the range */
	/*
	 * Not 0: at start, start + step ... <= end (both are to be given), for
	 * each time t the newest sample in (t - lookback, t], if there is one:
	 * t_ns of the row is t, start_ns and end_ns the sample's own time.
	 */
	int64_t	step_ns, lookback_ns;
	uint64_t max_samples;	/* read no more, NTDB_ELIMIT; 0: no limit */
	/* Asked for each block of some thousand samples, and each metric:
	 * whether to give up, NTDB_ESTOPPED; may be NULL. */
	bool	(*stop)(void *arg);
	void	*stop_arg;
};

#define NTDB_QUERY_OPTIONS_INIT \
	{ 0, 0, false, false, false, 0, 0, false, false, false, false, NULL, NULL, \
	  NULL, false, NTDB_ORDER_METRIC, NULL, 0, 0, 0, 0, 0, NULL, NULL }

struct ntdb_row {
	const char *db;		/* borrowed until the close, and the same
				 * pointer in all rows of a database */
	const char *metric;	/* borrowed until the next call */
	uint32_t id;		/* the metric's, within its database */
	int	type;		/* enum ntdb_type: of the metric, or, for
				 * an aggregate, of value */
	int	aggregate;	/* enum ntdb_aggregate, or -1: a sample */
	int64_t	t_ns;		/* the sample's time */
	int64_t	start_ns, end_ns; /* the bucket, clipped to given ends */
	int64_t	bucket_ns;	/* the bucket's unclipped start */
	union ntdb_value value;
	int64_t	dec_m;		/* private to ntdb_row_format */
	uint8_t	dec_scale;
};

/*
 * The row's value as ntdb_int_format and ntdb_float_format write it, but
 * faster.  No NUL is written.  Returns the length, below NTDB_TEXT_MAX.
 */
size_t ntdb_row_format(const struct ntdb_row *row, char *buf);

/*
 * Ask for `DB', `DB/METRIC' or globs of them (`*' matches `/' too).  An
 * argument that is exactly a metric's name means that metric.  A name
 * without wildcards that does not exist is NTDB_ENOENT; a pattern that
 * matches nothing gives no rows.  opt and targets are borrowed for the call,
 * but aggregates until the close.  Rows come in a fixed order, each metric
 * once, however many targets match it.
 */
int ntdb_query_open(struct ntdb *db, const struct ntdb_query_options *opt,
    const char *const *targets, size_t n_targets, struct ntdb_query **q,
    struct ntdb_error *err);

/* The next row.  NTDB_END after the last. */
int ntdb_query_next(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err);
void ntdb_query_close(struct ntdb_query *q);

/* ------------------------------------------------------------- inspect */

/*
 * The functions below call back once per element, in file order.  A callback
 * that returns non-zero ends the walk, which returns that value.  Whatever
 * they point to is borrowed for the callback.
 */

struct ntdb_db_info {
	uint64_t n_files;	/* all regular files */
	uint64_t bytes;		/* their sizes */
	uint64_t n_data_files, data_bytes;
	uint64_t n_pages, page_samples;
	uint64_t log_bytes, log_samples, log_batches;
	uint64_t epoch;
	uint64_t n_metrics;
	uint64_t n_by_type[5];	/* indexed by enum ntdb_type */
	bool	has_samples;
	int64_t	first_ns, last_ns;
};

int ntdb_inspect_db(struct ntdb *db, const char *name,
    struct ntdb_db_info *info, struct ntdb_error *err);

/* One key of the manifest in force, defaults included. */
struct ntdb_setting_info {
	const char *section, *key, *value;
};

int ntdb_inspect_manifest(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_setting_info *), void *arg,
    struct ntdb_error *err);

/* A page, or (codec "lasts") a list of last samples: one of each metric. */
struct ntdb_page_info {
	const char *file;	/* its name in the database's directory */
	uint64_t offset, bytes;
	const char *codec;
	uint32_t n_samples, n_metrics, n_runs;
	int64_t	first_ns, last_ns;
	uint64_t epoch;
	bool	sealed;
	bool	committed;	/* false: left by a flush that was killed */
};

struct ntdb_run_info {
	uint32_t id;
	const char *metric;	/* NULL: the id has no name */
	int	type;
	uint32_t n_samples;
	int64_t	first_ns, last_ns;
	const char *coding;	/* of its values: "const", "decimal" ... */
	uint64_t bytes;		/* its share of the page's columns, unpacked */
	bool	has_stats;
	union ntdb_value min, max, sum, first, last;
	int	sum_type;	/* NTDB_INT64 or NTDB_FLOAT64 */
};

/* Pages, and, if run is not NULL, the runs of each after it. */
int ntdb_inspect_pages(struct ntdb *db, const char *name,
    int (*page)(void *arg, const struct ntdb_page_info *),
    int (*run)(void *arg, const struct ntdb_run_info *), void *arg,
    struct ntdb_error *err);

enum ntdb_record_kind {
	NTDB_RECORD_SAMPLE,
	NTDB_RECORD_METRIC,	/* a metric's name and type */
	NTDB_RECORD_TYPE,	/* a metric's new type */
	NTDB_RECORD_CLOCK,	/* when the log's first batch was written */
	NTDB_RECORD_DAMAGE,	/* bytes that are not a valid batch */
	NTDB_RECORD_TAIL	/* what is left after the last valid batch */
};

struct ntdb_record_info {
	enum ntdb_record_kind kind;
	uint64_t offset;	/* of its batch, or of the damage */
	uint64_t bytes;		/* damage and tail: how many */
	uint32_t id;
	const char *metric;	/* NULL: unknown */
	int	type;
	int64_t	t_ns;
	union ntdb_value value;
};

int ntdb_inspect_log(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_record_info *), void *arg,
    struct ntdb_error *err);

struct ntdb_metric_info {
	uint32_t id;
	const char *name;
	int	type;
	bool	has_last;
	int64_t	last_ns;
	union ntdb_value last;
};

/* Metrics by id. */
int ntdb_inspect_catalog(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_metric_info *), void *arg,
    struct ntdb_error *err);

struct ntdb_verify_result {
	uint64_t files, pages, runs, samples, batches;
	uint64_t damaged;	/* findings reported */
	uint64_t aside;		/* files that were put aside */
};

/*
 * Something that is wrong, and what it costs; or, with a code of 0, a file
 * that was put aside because it was damaged or not known, which is not read.
 */
struct ntdb_finding {
	struct ntdb_error what;	/* code, file, offset or line, reason */
	bool	samples_known;
	uint64_t samples;	/* that cannot be read, or not be trusted */
};

/*
 * Read and check everything, change nothing.  found (may be NULL) is told of
 * each finding.  Returns NTDB_ECORRUPT if there was one.
 */
int ntdb_verify(struct ntdb *db, const char *name,
    int (*found)(void *arg, const struct ntdb_finding *), void *arg,
    struct ntdb_verify_result *res, struct ntdb_error *err);

/* ------------------------------------------------------------- salvage */

struct ntdb_salvage_options {
	/*
	 * Told of each sample: db, metric (NULL: its id has no name), id, type
	 * (NTDB_INT64 or NTDB_FLOAT64), t_ns and value of the row count, and
	 * are borrowed for the call.  Times of a metric do not decrease.  A
	 * result that is not 0 ends the walk, which returns it.
	 */
	int	(*row)(void *arg, const struct ntdb_row *row);
	void	*arg;
	bool	aside;		/* also from files that were put aside */
};

struct ntdb_salvage_result {
	uint64_t samples;	/* told */
	uint64_t unnamed;	/* of these: whose id has no name */
};

/*
 * Tell all samples that can be read, around all damage: also those of data
 * files and logs whose headers are damaged, and with names that are left in
 * the state cache alone.  Each is told once.  What cannot be read is what
 * ntdb_verify tells of: nothing is said of it here.
 */
int ntdb_salvage(struct ntdb *db, const char *name,
    const struct ntdb_salvage_options *opt, struct ntdb_salvage_result *res,
    struct ntdb_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
