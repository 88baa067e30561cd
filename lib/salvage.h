/*
 * Floor 5.  What the files of salvage share.
 *
 * All that can be read of a database is collected a span of time after the
 * other: as many samples as there is room for, from pages and logs alike, are
 * sorted by metric and time, told, and forgotten.  What is there twice - a
 * page that was copied, a log whose samples are in pages already - is told
 * once.  Damage is passed over without a word: ntdb_verify tells of it.
 */
#ifndef NTDB_SALVAGE_H
#define NTDB_SALVAGE_H

#include "inspect.h"

#define SALVAGE_SAMPLES 65536	/* held at a time */

struct salvage_page {
	uint32_t file;
	uint64_t offset;
	int64_t	t_min, t_max;
};

struct salvage_sample {
	int64_t	t, m;
	uint32_t id;
	uint32_t seq;		/* order of arrival */
	uint8_t	scale;		/* SALVAGE_INT: an integer */
};

/* A log that can be read. */
struct salvage_log {
	char	*name;		/* owned; in the database's directory */
	struct wal wal;		/* only while it is read */
	uint64_t from;		/* its batches begin here, or later */
	int64_t	t_min, t_max;	/* of its samples; none: t_min > t_max */
};

struct salvage {
	struct snapshot s;	/* opened part by part; s.state: the names */
	const struct ntdb_salvage_options *opt;
	struct ntdb_salvage_result *res;
	char	**files;	/* owned, and their names */
	uint32_t n_files;
	struct salvage_page *pages;	/* owned, by file */
	size_t	n_pages, cap_pages;
	struct salvage_log *logs;	/* owned */
	uint32_t n_logs;
	struct salvage_sample *samples;	/* owned; cap_samples of them */
	size_t	n_samples, cap_samples;
	int64_t	first, last;	/* the span at hand */
	bool	full;		/* it has more samples than there is room for */
	uint32_t seq;
	char	name[METRIC_NAME_MAX + 1];
};

/* Find the files, their pages and logs, and what is known of names. */
int salvage_find(struct salvage *v, struct ntdb_error *err);

/*
 * Open a file of pages by its name, also one whose header is damaged; *limit
 * is where reading ends.
 */
int salvage_open_file(struct salvage *v, const char *name,
    struct datafile *f, uint64_t *limit, struct ntdb_error *err);

/*
 * Open a log by its name.  One without a valid header can be read if it has
 * two batches or more: their checksums tell what epoch and nonce come to.
 */
int salvage_open_log(struct salvage *v, struct salvage_log *log,
    struct ntdb_error *err);

/* Collect the samples of the span at hand from pages, and from logs. */
int salvage_read_pages(struct salvage *v, struct ntdb_error *err);
int salvage_read_logs(struct salvage *v, struct ntdb_error *err);

/* Take in a sample, if it is in the span. */
int salvage_add(struct salvage *v, uint32_t id, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err);

#define SALVAGE_INT 254		/* scale of an integer */

#endif
