/*
 * A program with a database of its own: stores typed samples, asks for their
 * means, and says what went wrong.
 *
 *   cc -o embed embed.c $(pkg-config --cflags --libs ntdb)
 *   ./embed ROOT
 */
#include <stdio.h>

#include <ntdb.h>

#define MINUTE_NS (INT64_C(60) * 1000000000)

static void
complain(const char *what, const struct ntdb_error *err)
{
	char text[512];

	ntdb_error_format(err, text, sizeof(text));
	fprintf(stderr, "embed: %s: %s\n", what, text);
}

/* A sample that is refused stops nothing: this is called for it. */
static void
refused(void *arg, uint64_t line, const char *text, size_t len,
    enum ntdb_refusal why, const char *reason)
{
	(void)arg;
	(void)line;
	fprintf(stderr, "embed: %.*s: %s (%s)\n", (int)len, text, reason,
	    ntdb_refusal_name(why));
}

/* An hour of a slow wave and a counter, one sample of each a minute. */
static int
add_samples(struct ntdb_ingest *in, int64_t from_ns, struct ntdb_error *err)
{
	int64_t t_ns;
	int i, r;

	for (i = 0; i < 60; i++) {
		t_ns = from_ns + i * MINUTE_NS;
		r = ntdb_ingest_float(in, "embed", "tank.level",
		    20.0 + (i < 30 ? i : 60 - i) * 0.5, true, t_ns, err);
		if (r != 0)
			return r;
		r = ntdb_ingest_int(in, "embed", "pump.starts", i / 7, true,
		    t_ns, err);
		if (r != 0)
			return r;
	}
	/* A metric keeps its class: this one is refused and told of. */
	return ntdb_ingest_int(in, "embed", "tank.level", 1, false, 0, err);
}

static int
store(struct ntdb *db, int64_t from_ns, struct ntdb_error *err)
{
	struct ntdb_ingest_options opt = NTDB_INGEST_OPTIONS_INIT;
	const struct ntdb_ingest_stats *stats;
	struct ntdb_ingest *in;
	int r;

	opt.refused = refused;
	if ((r = ntdb_ingest_open(db, &opt, &in, err)) != 0)
		return r;
	if ((r = add_samples(in, from_ns, err)) == 0 &&
	    (r = ntdb_ingest_finish(in, err)) == 0) {
		stats = ntdb_ingest_stats(in);
		printf("stored %llu, duplicates %llu, refused %llu\n",
		    (unsigned long long)stats->samples,
		    (unsigned long long)stats->duplicates,
		    (unsigned long long)stats->refused);
	}
	ntdb_ingest_close(in);
	return r;
}

static void
print_row(const struct ntdb_row *row)
{
	char time[NTDB_TEXT_MAX], value[NTDB_TEXT_MAX];
	size_t time_len, value_len;

	time_len = ntdb_time_format(row->start_ns, NTDB_TIME_RFC3339, time);
	if (ntdb_type_is_int(row->type))
		value_len = ntdb_int_format(row->value.i, value);
	else
		value_len = ntdb_float_format(row->value.f, value);
	printf("%.*s %s %s %.*s\n", (int)time_len, time, row->metric,
	    ntdb_aggregate_name(row->aggregate), (int)value_len, value);
}

/* Mean and maximum of every quarter of an hour. */
static int
ask(struct ntdb *db, int64_t from_ns, struct ntdb_error *err)
{
	static const uint8_t aggregates[] = { NTDB_AVG, NTDB_MAX };
	const char *targets[] = { "embed/*" };
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_query *q;
	struct ntdb_row row;
	int r;

	opt.has_start = true;
	opt.start_ns = from_ns;
	opt.aggregates = aggregates;
	opt.n_aggregates = 2;
	opt.window_ns = 15 * MINUTE_NS;
	if ((r = ntdb_query_open(db, &opt, targets, 1, &q, err)) != 0)
		return r;
	while ((r = ntdb_query_next(q, &row, err)) == 0)
		print_row(&row);
	ntdb_query_close(q);
	return r == NTDB_END ? 0 : r;
}

int
main(int argc, char **argv)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	int64_t from_ns;
	struct ntdb *db;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: embed ROOT\n");
		return 64;
	}
	opt.root = argv[1];
	if ((r = ntdb_open(&opt, &db, &err)) != 0) {
		complain("cannot open", &err);
		return -r;
	}
	r = ntdb_time_scan("2026-05-01 12:00", ntdb_now(db), &from_ns, NULL,
	    &err);
	if (r == 0)
		r = store(db, from_ns, &err);
	if (r == 0)
		r = ask(db, from_ns, &err);
	if (r != 0)
		complain("failed", &err);
	ntdb_close(db);
	if (fflush(stdout) != 0 && r == 0)
		r = NTDB_EIO;
	return -r;
}
