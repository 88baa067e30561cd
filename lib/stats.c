#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "snapshot.h"
#include "stats.h"

const struct stats_name stats_names[STATS_N] = {
	{ "lines", "Lines and samples dealt with", true },
	{ "samples", "Samples stored", true },
	{ "duplicates", "Samples that were stored already", true },
	{ "refused", "Lines and samples refused", true },
	{ "refused/syntax", "Refused: not of the form of a line", true },
	{ "refused/name", "Refused: not a valid name", true },
	{ "refused/value", "Refused: not a number, or out of range", true },
	{ "refused/time", "Refused: not a time, or implausible", true },
	{ "refused/type", "Refused: the metric is of another type", true },
	{ "refused/late", "Refused: older than the last sample", true },
	{ "refused/future", "Refused: too far ahead of the clock", true },
	{ "refused/clock", "Refused: no time, and the clock not set", true },
	{ "refused/full", "Refused: max_metrics reached", true },
	{ "commits", "Batches committed", true },
	{ "fsyncs", "Syncs of files and directories", true },
	{ "bytes_logged", "Bytes appended to the log", true },
	{ "flushes", "Times that the log was moved into pages", true },
	{ "pages", "Pages written", true },
	{ "bytes_written", "Bytes written by flushes and sealings", true },
	{ "seals", "Data files sealed", true },
	{ "recoveries", "Torn tails cut and logs made anew", true },
	{ "log_size", "Bytes in the log", false },
	{ "data_size", "Bytes in data files", false },
	{ "metrics", "Metrics with a name", false },
	{ "flush_ns", "Nanoseconds that the last flush took", false },
	{ "seal_ns", "Nanoseconds that the last sealing took", false },
};

/* Bytes in all data files. */
static int
data_size(const struct dbdir *d, uint64_t *bytes, struct ntdb_error *err)
{
	char name[PARTITION_NAME_MAX];
	struct partition *parts;
	struct stat st;
	size_t n, i;
	int r;

	*bytes = 0;
	r = dbdir_partitions(d, INT64_MIN, INT64_MAX, &parts, &n, err);
	if (r != 0)
		return r;
	for (i = 0; i < n; i++) {
		partition_name(parts[i], name);
		if (fstatat(d->fd, name, &st, 0) == 0 && S_ISREG(st.st_mode))
			*bytes += (uint64_t)st.st_size;
	}
	free(parts);
	return 0;
}

/* In the order of stats_names. */
static void
list_values(const struct snapshot *s, uint64_t data_bytes,
    uint64_t v[STATS_N])
{
	const uint64_t *c = s->state.counters;
	uint64_t refused = 0;
	unsigned why, n = 0, i;

	for (why = 0; why < NTDB_REFUSE_N; why++)
		refused += c[COUNT_REFUSED + why];
	v[n++] = c[COUNT_SAMPLES] + c[COUNT_DUPLICATES] + refused;
	v[n++] = c[COUNT_SAMPLES];
	v[n++] = c[COUNT_DUPLICATES];
	v[n++] = refused;
	for (why = 0; why < NTDB_REFUSE_N; why++)
		v[n++] = c[COUNT_REFUSED + why];
	v[n++] = c[COUNT_COMMITS];
	v[n++] = c[COUNT_FSYNCS];
	v[n++] = c[COUNT_LOG_BYTES];
	for (i = COUNT_FLUSHES; i <= COUNT_RECOVERIES; i++)
		v[n++] = c[i];
	v[n++] = s->log_end;
	v[n++] = data_bytes;
	v[n++] = s->state.n_named;
	v[n++] = c[COUNT_FLUSH_NS];
	v[n++] = c[COUNT_SEAL_NS];
}

int
stats_read(struct ntdb *root, const char *name, uint64_t values[STATS_N],
    struct ntdb_error *err)
{
	struct snapshot s;
	uint64_t bytes;
	int r;

	if ((r = snapshot_open(&s, root, name, err)) == 0 &&
	    (r = data_size(&s.dir, &bytes, err)) == 0)
		list_values(&s, bytes, values);
	snapshot_release(&s);
	return r;
}

static int
tell(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_self_metric *), void *arg)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint64_t values[STATS_N];
	int i, r;

	if (stats_read(db, name, values, &why) != 0) {
		/* It may have been removed just now. */
		if (why.code != NTDB_ENOENT)
			root_note(db, &why);
		return 0;
	}
	for (i = 0, r = 0; r == 0 && i < STATS_N; i++) {
		const struct ntdb_self_metric m = { name,
			stats_names[i].name, stats_names[i].help,
			stats_names[i].counter, values[i] };

		r = fn(arg, &m);
	}
	return r;
}

int
ntdb_self_metrics(struct ntdb *db,
    int (*fn)(void *arg, const struct ntdb_self_metric *), void *arg,
    struct ntdb_error *err)
{
	char **names;
	size_t n, i;
	int r;

	if ((r = ntdb_databases(db, true, &names, &n, err)) != 0)
		return r;
	for (i = 0; r == 0 && i < n; i++)
		r = tell(db, names[i], fn, arg);
	ntdb_databases_free(names);
	return r;
}
