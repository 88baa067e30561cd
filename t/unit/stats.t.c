#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "state.h"
#include "tap.h"

#define NOW INT64_C(1900000000000000000)
#define N 26

static struct ntdb *db;

/* What the library tells. */
struct told {
	char	text[3 * N][64];	/* DB/NAME */
	uint64_t value[3 * N];
	bool	counter[3 * N];
	int	n, stop_at;
};

static int
take(void *arg, const struct ntdb_self_metric *m)
{
	struct told *t = arg;

	if (t->n == 3 * N || strlen(m->help) < 5)
		bail("too many, or no help");
	strcpy(t->text[t->n], m->db);
	strcat(t->text[t->n], "/");
	strcat(t->text[t->n], m->name);
	t->value[t->n] = m->value;
	t->counter[t->n++] = m->counter;
	return t->n == t->stop_at ? 7 : 0;
}

static struct told
ask(void)
{
	struct told t;

	memset(&t, 0, sizeof(t));
	is_int(ntdb_self_metrics(db, take, &t, NULL), 0, "they are told");
	return t;
}

/* The value of one, or all ones. */
static uint64_t
value(const struct told *t, const char *name)
{
	int i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->text[i], name) == 0)
			return t->value[i];
	return UINT64_MAX;
}

static void
give(const char *name, const char *metric, int64_t v, int64_t t)
{
	struct ntdb_ingest *in;

	if (ntdb_ingest_open(db, NULL, &in, NULL) != 0 ||
	    ntdb_ingest_int(in, name, metric, v, true, t, NULL) != 0 ||
	    ntdb_ingest_finish(in, NULL) != 0)
		bail("cannot write");
	ntdb_ingest_close(in);
}

static void
test_values(void)
{
	struct told t;
	int i, n_gauges = 0;

	t = ask();
	is_int(t.n, 0, "of no database nothing");
	give("one", "m", 1, NOW);
	give("one", "m", 1, NOW);
	give("one", "m", 1, NOW - 5);
	give("two", "m", 1, NOW);
	give("internal", "ntdb/two/samples", 1, NOW);
	give("internal", "mine", 1, NOW);
	t = ask();
	is_int(t.n, 3 * N, "of each database, internal too");
	ok(strcmp(t.text[0], "internal/lines") == 0 &&
	    strcmp(t.text[N], "one/lines") == 0 &&
	    strcmp(t.text[2 * N + 1], "two/samples") == 0, "in order");
	is_u64(value(&t, "one/lines"), 3, "lines");
	is_u64(value(&t, "one/samples"), 1, "samples");
	is_u64(value(&t, "one/duplicates"), 1, "duplicates");
	is_u64(value(&t, "one/refused"), 1, "refused");
	is_u64(value(&t, "one/refused/late"), 1, "as late");
	is_u64(value(&t, "two/refused"), 0, "not of another database");
	is_u64(value(&t, "one/metrics"), 1, "metrics");
	is_u64(value(&t, "internal/samples"), 1,
	    "what is the suite's own is refused to others");
	for (i = 0; i < N; i++)
		n_gauges += !t.counter[i];
	is_int(n_gauges, 5, "five of them are no counters");
}

static void
test_stop(void)
{
	struct told t;

	memset(&t, 0, sizeof(t));
	t.stop_at = 3;
	is_int(ntdb_self_metrics(db, take, &t, NULL), 7,
	    "a callback ends the walk");
	is_int(t.n, 3, "at once");
}

static void
test_write(void)
{
	char one[] = "one", none[] = "none", bad[] = "../x";
	char *const names[] = { none, one, bad };
	struct told t;

	is_int(ntdb_self_metrics_write(db, names, 3, NULL), 0,
	    "written; what cannot be read is passed over");
	t = ask();
	is_u64(value(&t, "internal/samples"), 1 + N, "of the one that is there");
	is_u64(value(&t, "internal/metrics"), 1 + N, "by name");
	is_int(ntdb_self_metrics_write(db, names, 3, NULL), 0, "again");
	t = ask();
	is_u64(value(&t, "internal/samples"), 1 + N,
	    "within the interval nothing is");
}

int
main(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;

	plan_later();
	scratch_dir();
	opt.root = scratch_path;
	opt.has_now = true;
	opt.now_ns = NOW;
	if (ntdb_open(&opt, &db, NULL) != 0)
		bail("out of memory");
	test_values();
	test_stop();
	test_write();
	ntdb_close(db);
	return done_testing();
}
