/*
 * Floor 3.  engine.ini and manifest.ini: reading, checking, defaults.
 *
 * Read with inih behind a line reader of our own, which refuses what inih
 * would mangle in silence: over-long lines and section names, indented
 * continuation lines, lines without `='.  Bad values are NTDB_ECONFIG with
 * file and line; unknown sections and keys are told to `note' and ignored.
 */
#ifndef NTDB_CONFIG_H
#define NTDB_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

enum fsync_policy { FSYNC_SEGMENT, FSYNC_ALWAYS, FSYNC_EVERY };
enum durability { DURABLE_STRICT, DURABLE_BALANCED, DURABLE_THROUGHPUT };
enum partition_kind { PART_DAY, PART_MONTH, PART_YEAR, PART_FOREVER };
enum retention_action { RETAIN_KEEP, RETAIN_DELETE, RETAIN_ARCHIVE };

/* A list of strings: globs or aggregate names.  Owned. */
struct str_list {
	char	**at;
	size_t	n;
};

struct engine_config {
	char	*listen;		/* owned, "127.0.0.1:8428" */
	enum fsync_policy fsync_policy;
	int64_t	fsync_every_ns;		/* FSYNC_EVERY only */
	uint64_t max_segment_size;	/* bytes of log */
	enum durability profile;
	bool	stats_enabled;
	int64_t	stats_interval_ns;
	char	*auth_file;		/* owned, NULL: none */
	bool	read_only;
	uint64_t max_body;		/* bytes */
	uint64_t max_samples;
	int64_t	lookback_ns;
	/* The text of [manifest_defaults.*] as a manifest: its sections
	 * without that prefix. */
	struct buf manifest_defaults;
};

/* One [rollup.ID]. */
struct rollup_job {
	char	*id;			/* all owned; NULL: not given */
	char	*source_metric, *source_pattern;
	struct str_list exclude_patterns, aggregates;
	char	*destination_db, *destination_metric_prefix;
	int64_t	interval_ns, grace_ns;	/* -1: not given */
	int64_t	line;			/* of its section, for messages */
};

struct manifest {
	enum partition_kind partition;
	int64_t	retention_days;
	uint64_t retention_size;
	enum retention_action retention_action;
	int64_t	grace_ns;
	bool	wal_enabled;
	int64_t	skip_before_ns;		/* 0: off */
	uint64_t page_max_records, page_max_bytes;
	int64_t	page_max_age_ns;
	bool	widen, integers_float, late_accept;
	int64_t	max_future_ns;		/* 0: off */
	uint64_t max_metrics;
	bool	rollups_enabled;
	char	*checkpoint_file, *default_destination_db;	/* owned */
	int64_t	default_grace_ns, default_interval_ns;
	struct str_list default_aggregates, exclude_patterns;
	struct rollup_job *jobs;	/* owned */
	size_t	n_jobs;
};

/* Told of what is wrong but harmless; may be NULL. */
typedef void config_note_fn(void *arg, const struct ntdb_error *what);

/*
 * Read engine.ini at path (relative to dirfd).  A missing file gives the
 * defaults.  display is its name in messages.  release also after a failure.
 */
int engine_config_read(int dirfd, const char *path, const char *display,
    struct engine_config *c, config_note_fn *note, void *arg,
    struct ntdb_error *err);
void engine_config_release(struct engine_config *c);

/*
 * Read manifest.ini over the defaults of the engine's configuration.  A
 * missing file gives those defaults.
 */
int manifest_read(int dirfd, const char *path, const char *display,
    const struct engine_config *engine, struct manifest *m,
    config_note_fn *note, void *arg, struct ntdb_error *err);
void manifest_release(struct manifest *m);

/*
 * The text of new files: every key with a comment and its default, commented
 * out, but for those in the engine's [manifest_defaults.*], which a new
 * manifest.ini states.
 */
int engine_config_template(struct buf *out);
int manifest_template(const struct engine_config *engine, struct buf *out);

/*
 * Every key of a manifest with its value in force, as text that would be
 * read as the same value, in the order of the template; rollup jobs last.
 */
int manifest_walk(const struct manifest *m,
    int (*fn)(void *arg, const struct ntdb_setting_info *), void *arg);

#endif
