/*
 * What a query may be asked for beyond what ntdb-query has options for: names
 * as they are, a choice of metrics, names only, steps, limits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "ntdb.h"
#include "scratch.h"
#include "tap.h"

#define S INT64_C(1000000000)
#define T0 (INT64_C(1770000000) * S)
#define N 20000

static struct ntdb *db;

static struct ntdb_ingest *in;

static void
put(const char *database, const char *metric, int64_t value, int64_t t)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	must(ntdb_ingest_int(in, database, metric, value, true, t, &err),
	    &err);
}

static void
begin(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	must(ntdb_ingest_open(db, NULL, &in, &err), &err);
}

static void
commit(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	must(ntdb_ingest_finish(in, &err), &err);
	ntdb_ingest_close(in);
}

/* All rows as `DB/METRIC VALUE' lines, or the code of a failure. */
static int
ask(const struct ntdb_query_options *opt, const char *target, char *text,
    size_t room)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_query *q;
	struct ntdb_row row;
	size_t len = 0;
	int r;

	text[0] = '\0';
	r = ntdb_query_open(db, opt, &target, 1, &q, &err);
	if (r != 0)
		return r;
	while ((r = ntdb_query_next(q, &row, &err)) == 0 && len < room)
		len += (size_t)snprintf(text + len, room - len, "%s/%s %lld;",
		    row.db, row.metric, (long long)row.value.i);
	ntdb_query_close(q);
	return r == NTDB_END ? 0 : r;
}

static void
asks(const struct ntdb_query_options *opt, const char *target,
    const char *want, const char *name)
{
	char text[4096];
	int r = ask(opt, target, text, sizeof(text));

	if (r != 0)
		snprintf(text, sizeof(text), "%d", r);
	is_str(text, want, "%s", name);
}

static int
wants(void *arg, const char *database, const char *metric)
{
	unsigned *asked = arg;

	(*asked)++;
	if (metric == NULL)
		return strcmp(database, "b") != 0;
	return strchr(metric, '*') != NULL;
}

static void
check_choice(void)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	unsigned asked = 0;

	begin();
	put("a", "x*", 1, T0);
	put("a", "xy", 2, T0);
	put("b", "x*", 3, T0);
	put("c", "x*", 4, T0);
	put("internal", "x*", 5, T0);
	commit();
	opt.last = true;
	asks(&opt, "a/x*", "a/x* 1;", "a name that is there wins");
	asks(&opt, "a/y*", "", "a pattern may match nothing");
	opt.literal = true;
	asks(&opt, "a/x*", "a/x* 1;", "a literal name");
	asks(&opt, "a/y*", "-66", "which is not there");
	asks(&opt, "*", "-66", "nor a database of that name");
	asks(&opt, "a", "a/x* 1;a/xy 2;", "a literal name of a database");
	opt.missing_ok = true;
	asks(&opt, "a/y*", "", "which may be missing");
	asks(&opt, "*", "", "database or not");
	opt.literal = opt.missing_ok = false;
	opt.match = wants;
	opt.match_arg = &asked;
	asks(&opt, "*", "a/x* 1;c/x* 4;", "the caller chooses");
	is_int(asked, 6, "asked about 3 databases and 3 metrics of two");
	asks(&opt, "a/xy", "", "also of what is named");
	opt.names = true;
	opt.last = false;
	asks(&opt, "*", "a/x* 0;c/x* 0;", "names only");
}

/* ---- steps, against what can be seen with the naked eye */

static int64_t times[N], values[N];
static size_t n_samples;

/* Samples at odd distances, some at the same time, with gaps. */
static void
make_samples(void)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;
	int64_t t = T0;
	size_t i;

	begin();
	for (i = 0; i < N; i++) {
		if (random_below(1000) == 0)
			t += random_below(5000) * S;
		else if (random_below(20) != 0)
			t += random_below(3) * S + random_below(2) * 500000000;
		times[n_samples] = t;
		values[n_samples] = random_below(1000000000);
		put("steps", "m", values[n_samples], t);
		n_samples++;
		if (i == N / 2) {
			must(ntdb_ingest_finish(in, &err), &err);
			must(ntdb_flush(db, "steps", &force, NULL, &err),
			    &err);
		}
	}
	commit();
	/* Equal ones in a row would be duplicates. */
	for (i = 1; i < n_samples; i++)
		if (times[i] == times[i - 1] && values[i] == values[i - 1])
			bail("two equal samples: another seed, please");
}

/* The index + 1 of the newest sample in (t - lookback, t], or 0. */
static size_t
newest(int64_t t, int64_t lookback)
{
	size_t i = n_samples;

	while (i > 0 && times[i - 1] > t)
		i--;
	return i > 0 && times[i - 1] > t - lookback ? i : 0;
}

static bool
same_steps(int64_t start, int64_t end, int64_t step, int64_t lookback)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *target = "steps/m";
	struct ntdb_query *q;
	struct ntdb_row row;
	bool same = true;
	int64_t t;
	size_t i;
	int r;

	opt.has_start = opt.has_end = true;
	opt.start_ns = start;
	opt.end_ns = end;
	opt.step_ns = step;
	opt.lookback_ns = lookback;
	must(ntdb_query_open(db, &opt, &target, 1, &q, &err), &err);
	for (t = start; t <= end && same; t += step) {
		if ((i = newest(t, lookback)) == 0)
			continue;
		r = ntdb_query_next(q, &row, &err);
		must(r, &err);
		same = r == 0 && row.t_ns == t &&
		    row.start_ns == times[i - 1] &&
		    row.value.i == values[i - 1];
	}
	if (same)
		same = ntdb_query_next(q, &row, &err) == NTDB_END;
	if (!same)
		diag("start %lld end %lld step %lld lookback %lld: at %lld",
		    (long long)start, (long long)end, (long long)step,
		    (long long)lookback, (long long)t);
	ntdb_query_close(q);
	return same;
}

static void
check_steps(void)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	int64_t span, start, end;
	int i, good = 0;

	make_samples();
	span = (times[n_samples - 1] - T0) / S + 2000;
	for (i = 0; i < 300; i++) {
		start = T0 - 1000 * S + random_below((uint32_t)span) * S +
		    random_below(3) * 250000000;
		end = start + random_below(20000) * S;
		good += same_steps(start, end, (1 + random_below(3)) *
		    S / 2 + random_below(400) * S,
		    1 + random_below(300) * S);
	}
	is_int(good, 300, "steps as they should be, 300 times");
	ok(same_steps(times[0], times[0], 1, 1), "one step on a sample");
	ok(same_steps(times[0] - 1, times[0] - 1, 1, 1), "one before it");
	ok(same_steps(times[100] + 1, times[200], S / 4,
	    1), "a lookback of 1 ns");

	opt.has_start = opt.has_end = true;
	opt.start_ns = times[0];
	opt.end_ns = times[0] - 1;
	opt.step_ns = 1;
	opt.lookback_ns = 5000 * S;
	asks(&opt, "steps/m", "", "an end before the start is no step");
	opt.start_ns = INT64_MIN;
	opt.end_ns = INT64_MAX;
	opt.step_ns = opt.lookback_ns = INT64_MAX;
	opt.names = false;
	{
		char want[64];

		/* Steps at the first nanosecond, at -1 and at the last but
		 * one; the last looks back to 1970. */
		snprintf(want, sizeof(want), "steps/m %lld;",
		    (long long)values[n_samples - 1]);
		asks(&opt, "steps/m", want, "steps over all of time");
	}
	opt.step_ns = -1;
	asks(&opt, "steps/m", "-64", "a negative step is misuse");
	opt.step_ns = 1;
	opt.lookback_ns = 0;
	asks(&opt, "steps/m", "-64", "no lookback is misuse");
}

/* ---- limits */

static bool
stop(void *arg)
{
	int *left = arg;

	return --*left < 0;
}

/* The code with which a query of everything ends. */
static int
outcome(struct ntdb_query_options *opt, const char *target)
{
	static char text[N * 24];

	return ask(opt, target, text, sizeof(text));
}

static void
check_limits(void)
{
	static const uint8_t median[] = { NTDB_MEDIAN };
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	int left;

	opt.max_samples = n_samples;
	is_int(outcome(&opt, "steps/m"), 0, "as many samples as allowed");
	opt.max_samples = n_samples - 1;
	is_int(outcome(&opt, "steps/m"), NTDB_ELIMIT, "one more");
	opt.order = NTDB_ORDER_DAY;
	is_int(outcome(&opt, "steps/m"), NTDB_ELIMIT, "by day");
	opt.order = NTDB_ORDER_METRIC;
	opt.aggregates = median;
	opt.n_aggregates = 1;
	is_int(outcome(&opt, "steps/m"), NTDB_ELIMIT, "aggregated");
	opt.n_aggregates = 0;
	opt.last = true;
	opt.max_samples = 2;
	is_int(outcome(&opt, "a"), 0, "last samples count as one each");
	opt.max_samples = 1;
	is_int(outcome(&opt, "a"), NTDB_ELIMIT, "one too many");

	opt.last = false;
	opt.max_samples = 0;
	opt.stop = stop;
	opt.stop_arg = &left;
	left = 1000;
	is_int(outcome(&opt, "steps/m"), 0, "never stopped");
	ok(left < 999, "asked often enough");
	left = 0;
	is_int(outcome(&opt, "steps/m"), NTDB_ESTOPPED, "stopped at once");
	left = 2;
	is_int(outcome(&opt, "steps/m"), NTDB_ESTOPPED, "stopped later");
	opt.names = true;
	left = 0;
	is_int(outcome(&opt, "a"), NTDB_ESTOPPED, "names are stopped, too");
}

/* The value of a metric's newest sample up to a time; -1: there is none. */
static int64_t
newest_until(const char *target, int64_t until)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	int64_t value = -1;
	struct ntdb_query *q;
	struct ntdb_row row;

	opt.last = opt.has_end = true;
	opt.end_ns = until;
	must(ntdb_query_open(db, &opt, &target, 1, &q, &err), &err);
	if (ntdb_query_next(q, &row, &err) == 0)
		value = row.value.i;
	ntdb_query_close(q);
	return value;
}

/*
 * The newest sample before a moment, on, before and behind each of those of a
 * metric with a rhythm, and of one without: their values count them.
 */
static void
check_moments(void)
{
	const struct ntdb_flush_options force = { .force = true };
	struct ntdb_error err = NTDB_ERROR_INIT;
	int64_t t[300], u[300];
	unsigned wrong[2] = { 0, 0 };
	int i, d;

	begin();
	for (i = 0; i < 300; i++) {
		t[i] = T0 + i * 10 * S;
		u[i] = T0 + (i * 10 + (int64_t)random_below(9)) * S;
		put("moments", "rhythm", i, t[i]);
		put("moments", "none", i, u[i]);
	}
	commit();
	must(ntdb_flush(db, "moments", &force, NULL, &err), &err);
	for (i = 0; i < 300; i++)
		for (d = -1; d <= 1; d++) {
			wrong[0] += newest_until("moments/rhythm", t[i] + d) !=
			    (d < 0 ? i - 1 : i);
			wrong[1] += newest_until("moments/none", u[i] + d) !=
			    (d < 0 ? i - 1 : i);
		}
	is_int(wrong[0], 0, "newest samples at any moment");
	is_int(wrong[1], 0, "and of a metric without rhythm");
}

int
main(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	char root[4096];

	random_start();
	scratch_dir();
	snprintf(root, sizeof(root), "%s/root", scratch_path);
	opt.root = root;
	opt.now_ns = T0 + 1000000 * S;
	opt.has_now = true;
	must(ntdb_open(&opt, &db, &err), &err);
	plan_later();
	check_choice();
	check_steps();
	check_limits();
	check_moments();
	ntdb_close(db);
	return done_testing();
}
