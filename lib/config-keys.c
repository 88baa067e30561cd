#include <string.h>

#include "config-keys.h"

#define ENGINE(m) offsetof(struct engine_config, m)
#define MANIFEST(m) offsetof(struct manifest, m)
#define ROLLUP(m) offsetof(struct rollup_job, m)
#define TABLE(a) { a, sizeof(a) / sizeof((a)[0]) }

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MAX_DAYS 100000		/* in nanoseconds they fit int64 */

static const char *const profiles[] = {
	"strict", "balanced", "throughput", NULL
};
static const char *const partitions[] = {
	"day", "month", "year", "forever", NULL
};
static const char *const actions[] = { "keep", "delete", "archive", NULL };
static const char *const integer_classes[] = { "int", "float", NULL };
static const char *const late_choices[] = { "reject", "accept", NULL };

static const struct key engine_list[] = {
	{ "engine", "listen", KEY_ADDRESS, ENGINE(listen),
	  "127.0.0.1:8428", 0, 0, NULL,
	  "Where ntdb-httpd --listen listens: HOST:PORT." },
	{ "wal", "fsync_policy", KEY_FSYNC, ENGINE(fsync_policy),
	  "segment", 0, 0, NULL,
	  "When logs are synced: always (before a commit is acknowledged),|"
	  "a duration (by the first commit that finds the last sync older),|"
	  "or segment (when the log is moved into pages)." },
	{ "wal", "max_segment_size", KEY_SIZE, ENGINE(max_segment_size),
	  "64MiB", 64 * KIB, 4 * GIB - 1, NULL,
	  "A log of this size is moved into pages, whatever [page] says." },
	{ "durability", "profile", KEY_CHOICE, ENGINE(profile),
	  "strict", 0, 0, profiles,
	  "What is synced when a log is moved: strict (data files, catalog),|"
	  "balanced (data files), throughput (neither)." },
	{ "stats", "enabled", KEY_SWITCH, ENGINE(stats_enabled),
	  "yes", 0, 0, NULL,
	  "Whether ntdb-flush writes metrics of each database to internal." },
	{ "stats", "interval", KEY_DURATION, ENGINE(stats_interval_ns),
	  "30s", 0, 0, NULL,
	  "At most this often." },
	{ "httpd", "auth_file", KEY_OPTIONAL, ENGINE(auth_file),
	  "", 0, 0, NULL,
	  "A file of tokens that clients must show; empty: none is needed." },
	{ "httpd", "read_only", KEY_SWITCH, ENGINE(read_only),
	  "no", 0, 0, NULL,
	  "Whether requests that write are refused." },
	{ "httpd", "max_body", KEY_SIZE, ENGINE(max_body),
	  "32MiB", KIB, GIB, NULL,
	  "The largest body of a request." },
	{ "httpd", "max_samples", KEY_COUNT, ENGINE(max_samples),
	  "10000000", 0, UINT64_C(1) << 62, NULL,
	  "How many samples one request may read; 0: any number." },
	{ "httpd", "lookback", KEY_DURATION, ENGINE(lookback_ns),
	  "5m", 0, 0, NULL,
	  "How old a sample may be to count as a metric's present value." },
};

static const struct key manifest_list[] = {
	{ "retention", "partition", KEY_CHOICE, MANIFEST(partition),
	  "day", 0, 0, partitions,
	  "The span of one data file, in UTC: day, month, year or forever." },
	{ "retention", "retention_days", KEY_DAYS, MANIFEST(retention_days),
	  "0", 0, MAX_DAYS, NULL,
	  "Data files that ended so many days ago expire; 0: never." },
	{ "retention", "retention_size", KEY_SIZE, MANIFEST(retention_size),
	  "0", 0, UINT64_C(1) << 62, NULL,
	  "The oldest data files expire while all exceed this; 0: never." },
	{ "retention", "retention_action", KEY_CHOICE,
	  MANIFEST(retention_action), "keep", 0, 0, actions,
	  "What happens to them: keep, delete or archive (into a tar file).|"
	  "Days or a size need delete or archive." },
	{ "retention", "grace", KEY_DURATION, MANIFEST(grace_ns),
	  "5m", 0, 0, NULL,
	  "How long after its end a data file waits for its sealing." },
	{ "wal", "enabled", KEY_SWITCH, MANIFEST(wal_enabled),
	  "yes", 0, 0, NULL,
	  "Whether samples go through a log; if not they are stored when a|"
	  "run ends and every max_records samples." },
	{ "wal", "skip_before", KEY_DURATION, MANIFEST(skip_before_ns),
	  "0", 0, 0, NULL,
	  "Samples older than this spare the log (bulk import); 0: none." },
	{ "page", "max_records", KEY_COUNT, MANIFEST(page_max_records),
	  "65536", 1, 16777216, NULL,
	  "A log of so many samples is moved into pages," },
	{ "page", "max_bytes", KEY_SIZE, MANIFEST(page_max_bytes),
	  "1MiB", 4 * KIB, GIB, NULL,
	  "or of so many bytes," },
	{ "page", "max_age", KEY_DURATION, MANIFEST(page_max_age_ns),
	  "1h", 0, 0, NULL,
	  "or this long after its first sample was written." },
	{ "metrics", "widen", KEY_SWITCH, MANIFEST(widen),
	  "yes", 0, 0, NULL,
	  "Whether metrics grow to 64 bits where a value needs it; if not,|"
	  "integers that do not fit are refused and floats are rounded." },
	{ "metrics", "integers", KEY_EITHER, MANIFEST(integers_float),
	  "int", 0, 0, integer_classes,
	  "What 21 makes of a new metric: int, or float, for sensors that|"
	  "print 21 and then 21.5." },
	{ "metrics", "late", KEY_EITHER, MANIFEST(late_accept),
	  "reject", 0, 0, late_choices,
	  "Samples older than the last of their metric: reject or accept." },
	{ "metrics", "max_future", KEY_DURATION, MANIFEST(max_future_ns),
	  "1h", 0, 0, NULL,
	  "Samples further ahead of the clock are refused; 0: none are." },
	{ "metrics", "max_metrics", KEY_COUNT, MANIFEST(max_metrics),
	  "65535", 1, UINT64_C(1) << 31, NULL,
	  "The most metrics this database may have." },
	{ "rollups", "enabled", KEY_SWITCH, MANIFEST(rollups_enabled),
	  "yes", 0, 0, NULL,
	  "Whether ntdb-rollup runs the jobs below." },
	{ "rollups", "checkpoint_file", KEY_FILE, MANIFEST(checkpoint_file),
	  "rollup.checkpoints.log", 0, 0, NULL,
	  "The file in this directory that says how far each job has come." },
	{ "rollups", "default_grace", KEY_DURATION,
	  MANIFEST(default_grace_ns), "5m", 0, 0, NULL,
	  "For jobs that do not say: how long after its end a bucket waits," },
	{ "rollups", "default_interval", KEY_DURATION,
	  MANIFEST(default_interval_ns), "1h", 1, 0, NULL,
	  "its length," },
	{ "rollups", "default_destination_db", KEY_OPTIONAL,
	  MANIFEST(default_destination_db), "", 0, 0, NULL,
	  "the database it is written to," },
	{ "rollups", "default_aggregates", KEY_AGGREGATES,
	  MANIFEST(default_aggregates), "min,max,sum,avg,count", 0, 0, NULL,
	  "and what is computed." },
	{ "rollups", "exclude_patterns", KEY_PATTERNS,
	  MANIFEST(exclude_patterns), "", 0, 0, NULL,
	  "Metrics that no job reads: globs with white space between them." },
};

static const struct key rollup_list[] = {
	{ "rollup", "source_metric", KEY_METRIC, ROLLUP(source_metric),
	  NULL, 0, 0, NULL, NULL },
	{ "rollup", "source_pattern", KEY_METRIC, ROLLUP(source_pattern),
	  NULL, 0, 0, NULL, NULL },
	{ "rollup", "exclude_patterns", KEY_PATTERNS,
	  ROLLUP(exclude_patterns), NULL, 0, 0, NULL, NULL },
	{ "rollup", "interval", KEY_DURATION, ROLLUP(interval_ns),
	  NULL, 1, 0, NULL, NULL },
	{ "rollup", "aggregates", KEY_AGGREGATES, ROLLUP(aggregates),
	  NULL, 0, 0, NULL, NULL },
	{ "rollup", "destination_db", KEY_OPTIONAL, ROLLUP(destination_db),
	  NULL, 0, 0, NULL, NULL },
	{ "rollup", "destination_metric_prefix", KEY_METRIC,
	  ROLLUP(destination_metric_prefix), NULL, 0, 0, NULL, NULL },
	{ "rollup", "grace", KEY_DURATION, ROLLUP(grace_ns),
	  NULL, 0, 0, NULL, NULL },
};

const struct key_table engine_keys = TABLE(engine_list);
const struct key_table manifest_keys = TABLE(manifest_list);
const struct key_table rollup_keys = TABLE(rollup_list);

long
key_find(const struct key_table *t, const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->keys[i].section, section) == 0 &&
		    strcmp(t->keys[i].name, name) == 0)
			return (long)i;
	return -1;
}

bool
key_has_section(const struct key_table *t, const char *section)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->keys[i].section, section) == 0)
			return true;
	return false;
}

/* --------------------------------------------------------------- guesses */

#define GUESS_LEN 32		/* longer than all names */
#define GUESS_EDITS 2

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * How many bytes must be added, dropped or replaced to make a into b
 * (Levenshtein 1966, a row of the table at a time).
 */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[GUESS_LEN + 1], n = strlen(b), i, j, corner, above;

	if (strlen(a) > GUESS_LEN || n > GUESS_LEN)
		return SIZE_MAX;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i] != '\0'; i++) {
		corner = row[0];
		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			above = row[j + 1];
			row[j + 1] = min3(above + 1, row[j] + 1,
			    corner + (a[i] != b[j]));
			corner = above;
		}
	}
	return row[n];
}

/* Keep the nearer of two guesses; *best is its distance. */
static const char *
nearer(const char *guess, size_t *best, const char *known, const char *name)
{
	size_t d = edit_distance(name, known);

	if (d >= *best)
		return guess;
	*best = d;
	return known;
}

const char *
key_guess(const struct key_table *t, const char *section, const char *name)
{
	size_t best = GUESS_EDITS + 1, i;
	const char *guess = NULL;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->keys[i].section, section) == 0)
			guess = nearer(guess, &best, t->keys[i].name, name);
	return guess;
}

const char *
key_guess_section(const struct key_table *t, const char *name)
{
	size_t best = GUESS_EDITS + 1, i;
	const char *guess = NULL;

	for (i = 0; i < t->n; i++)
		guess = nearer(guess, &best, t->keys[i].section, name);
	return guess;
}
