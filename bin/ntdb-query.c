#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "out.h"

enum { KEY_LAST = CLI_LONG, KEY_STRIDE, KEY_LIMIT, KEY_TIME_FORMAT };

static const struct cli_option options[] = {
	{ 's', "start", "TIME", "from TIME on (2026-05-01, 1h, now-1d, ...)" },
	{ 'e', "end", "TIME", "up to TIME, which is included" },
	{ KEY_LAST, "last", NULL, "only the newest sample of each metric" },
	{ 'a', "aggregate", "LIST",
	  "min,max,sum,avg,count,first,last,median,p50,p95,\n"
	  "p99,stddev,trimmed_avg: any of these" },
	{ 'w', "window", "DUR", "aggregate over buckets of this length" },
	{ KEY_STRIDE, "stride", "N", "samples 0, N, 2N, ... of each metric" },
	{ KEY_LIMIT, "limit", "N",
	  "the first N rows of each metric; -N: the last" },
	{ 'E', "regex", NULL, "METRIC is an extended regular expression" },
	{ 'f', "format", "FORMAT",
	  "table (default), json, jsonl, csv, or lp, which is\n"
	  "line protocol: the form of a backup" },
	{ KEY_TIME_FORMAT, "time-format", "STYLE",
	  "human, rfc3339, s, ms or ns" },
	{ 0, NULL, NULL, NULL }
};

static const char *const format_names[] = {
	[OUT_TABLE] = "table", [OUT_JSON] = "json", [OUT_JSONL] = "jsonl",
	[OUT_CSV] = "csv", [OUT_LP] = "lp", NULL
};

static const char *const style_names[] = {
	[NTDB_TIME_HUMAN] = "human", [NTDB_TIME_RFC3339] = "rfc3339",
	[NTDB_TIME_S] = "s", [NTDB_TIME_MS] = "ms", [NTDB_TIME_NS] = "ns",
	NULL
};

/*
 * What the command line asks for.  The texts of start and end are read last,
 * since --now may stand behind them.
 */
struct request {
	struct cli cli;
	struct ntdb_query_options opt;
	const char *start, *end;	/* NULL: not given */
	uint8_t	aggregates[NTDB_AGGREGATE_N];
	bool	has_window;
	bool	end_implied;		/* at now, by a relative start */
	int	format, style;		/* style -1: the format's own */
	const char *const *targets;
	size_t	n_targets;
};

/* The place of a word in a list of names. */
static int
choose(struct cli *cli, const char *option, const char *word,
    const char *const *names)
{
	int i;

	for (i = 0; names[i] != NULL; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	cli_misuse(cli, "%s %s: no such choice", option, word);
}

/* Add the aggregates of a list separated by commas. */
static void
take_aggregates(struct request *req, const char *list)
{
	const char *end;
	size_t len;
	int a;

	for (;; list = end + 1) {
		end = strchr(list, ',');
		len = end != NULL ? (size_t)(end - list) : strlen(list);
		a = ntdb_aggregate_find(list, len);
		if (a < 0)
			cli_misuse(&req->cli, "no such aggregate: %.*s",
			    len < 64 ? (int)len : 64, list);
		else if (memchr(req->aggregates, a,
		    req->opt.n_aggregates) != NULL)
			cli_misuse(&req->cli, "aggregate given twice: %.*s",
			    (int)len, list);
		req->aggregates[req->opt.n_aggregates++] = (uint8_t)a;
		if (end == NULL)
			return;
	}
}

static void
take_option(struct request *req, int key)
{
	struct cli *cli = &req->cli;
	int64_t n;

	switch (key) {
	case 's':
		req->start = optarg;
		break;
	case 'e':
		req->end = optarg;
		break;
	case KEY_LAST:
		req->opt.last = true;
		break;
	case 'a':
		take_aggregates(req, optarg);
		break;
	case 'w':
		req->opt.window_ns = cli_duration(cli, "--window", optarg);
		req->has_window = true;
		if (req->opt.window_ns <= 0)
			cli_misuse(cli, "--window %s: not above 0", optarg);
		break;
	case KEY_STRIDE:
		n = cli_integer(cli, "--stride", optarg);
		if (n <= 0)
			cli_misuse(cli, "--stride %s: not above 0", optarg);
		req->opt.stride = (uint64_t)n;
		break;
	case KEY_LIMIT:
		n = cli_integer(cli, "--limit", optarg);
		if (n == 0 || n == INT64_MIN)
			cli_misuse(cli, "--limit %s: out of range", optarg);
		req->opt.limit = n;
		break;
	case 'E':
		req->opt.regex = true;
		break;
	case 'f':
		req->format = choose(cli, "--format", optarg, format_names);
		break;
	case KEY_TIME_FORMAT:
		req->style = choose(cli, "--time-format", optarg, style_names);
		break;
	}
}

/* Fill in what follows from the options that were given. */
static void
complete_request(struct request *req)
{
	struct ntdb_query_options *opt = &req->opt;

	opt->aggregates = req->aggregates;
	if (req->n_targets == 0)
		cli_misuse(&req->cli, "no database or metric is named");
	if (req->has_window && opt->n_aggregates == 0)
		cli_misuse(&req->cli, "--window without --aggregate");
	if (opt->last && opt->n_aggregates > 0)
		cli_misuse(&req->cli, "--last with --aggregate");
	if (opt->n_aggregates == 0 && req->start == NULL &&
	    req->end == NULL && req->format != OUT_LP)
		opt->last = true;
	if (opt->n_aggregates == 0 && req->format == OUT_LP)
		opt->order = NTDB_ORDER_DAY;
	if (req->style < 0)
		req->style = req->format == OUT_TABLE ||
		    req->format == OUT_LP ?
		    NTDB_TIME_HUMAN : NTDB_TIME_RFC3339;
}

static int64_t
scan_time(struct request *req, int64_t now_ns, const char *option,
    const char *text, bool *relative)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int64_t t_ns = 0;

	*relative = false;
	if (ntdb_time_scan(text, now_ns, &t_ns, relative, &err) != 0)
		cli_misuse(&req->cli, "%s: %s", option, err.text);
	return t_ns;
}

/* Read the ends of the range; a relative start ends it now. */
static void
set_range(struct request *req, int64_t now_ns)
{
	struct ntdb_query_options *opt = &req->opt;
	bool relative = false, ignored;

	if (req->start != NULL) {
		opt->has_start = true;
		opt->start_ns = scan_time(req, now_ns, "--start", req->start,
		    &relative);
	}
	if (req->end != NULL) {
		opt->has_end = true;
		opt->end_ns = scan_time(req, now_ns, "--end", req->end,
		    &ignored);
	} else if (relative) {
		opt->has_end = true;
		opt->end_ns = now_ns;
		req->end_implied = true;
	}
}

/* A bucket is not cut at an end that was not given. */
static void
unclip_end(const struct request *req, struct ntdb_row *row)
{
	if (!req->end_implied || !req->has_window || row->aggregate < 0)
		return;
	if (row->bucket_ns > INT64_MAX - req->opt.window_ns)
		row->end_ns = INT64_MAX;
	else
		row->end_ns = row->bucket_ns + req->opt.window_ns;
}

/*
 * Print the rows.  Where data are damaged the result is what can be read, and
 * is ended properly; after other failures it is left open.
 */
static void
print_rows(struct request *req, struct ntdb_query *q)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_row row;
	struct out *o;
	int rc;

	o = out_new(STDOUT_FILENO, (enum out_format)req->format,
	    (enum ntdb_time_style)req->style, req->opt.n_aggregates > 0);
	if (o == NULL) {
		cli_fail_sys(&req->cli, -NTDB_ESYS, "stdout", "cannot begin");
		return;
	}
	while ((rc = ntdb_query_next(q, &row, &err)) == 0) {
		unclip_end(req, &row);
		if (out_row(o, &row) != 0)
			goto failed;
	}
	if (rc < 0)
		cli_fail(&req->cli, &err);
	if (out_finish(o, rc == NTDB_END || rc == NTDB_ECORRUPT) == 0)
		goto done;
failed:
	cli_fail_sys(&req->cli, -NTDB_EIO, "stdout", "cannot write");
done:
	out_free(o);
}

int
main(int argc, char **argv)
{
	static struct request req = {
		.cli = {
			.name = "ntdb-query",
			.synopsis = "[OPTION]... DB[/METRIC]...",
			.about = "Print the last value of each metric, "
			    "a range, or aggregates.\n",
			.options = options,
		},
		.opt = NTDB_QUERY_OPTIONS_INIT,
		.format = OUT_TABLE,
		.style = -1,
	};
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_query *q = NULL;
	struct ntdb *db;
	int key;

	cli_start(&req.cli);
	while ((key = cli_next(&req.cli, argc, argv)) != -1)
		take_option(&req, key);
	req.targets = (const char *const *)argv + optind;
	req.n_targets = argc > optind ? (size_t)(argc - optind) : 0;
	complete_request(&req);
	db = cli_open(&req.cli);
	set_range(&req, ntdb_now(db));
	if (ntdb_query_open(db, &req.opt, req.targets, req.n_targets, &q,
	    &err) == 0)
		print_rows(&req, q);
	else
		cli_fail(&req.cli, &err);
	ntdb_query_close(q);
	ntdb_close(db);
	cli_exit(&req.cli);
}
