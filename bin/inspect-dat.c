#include <inttypes.h>
#include <stdio.h>

#include "inspect.h"

static const char *
state_name(const struct ntdb_page_info *p)
{
	if (!p->committed)
		return "uncommitted";
	return p->sealed ? "sealed" : "unsealed";
}

/* ------------------------------------------------------------ as text */

void
inspect_dat_heading(const struct inspect *ins)
{
	printf("%10s %9s %-7s %8s %7s %7s %8s %-11s %-29s %-29s %s\n",
	    "OFFSET", "BYTES", "CODEC", "SAMPLES", "METRICS", "RUNS", "EPOCH",
	    "STATE", "FIRST", "LAST", "FILE");
	if (ins->cli.verbose)
		printf("- %8s %9s %-7s %8s %-8s %-29s %-29s %24s %24s %24s "
		    "%s\n",
		    "ID", "BYTES", "CODING", "SAMPLES", "TYPE", "FIRST",
		    "LAST", "MIN", "MAX", "SUM", "METRIC");
}

static int
print_page(void *arg, const struct ntdb_page_info *p)
{
	const struct inspect *ins = arg;
	char first[NTDB_TEXT_MAX], last[NTDB_TEXT_MAX];

	printf("%10" PRIu64 " %9" PRIu64 " %-7s %8" PRIu32 " %7" PRIu32
	    " %7" PRIu32 " %8" PRIu64 " %-11s %-29s %-29s %s/",
	    p->offset, p->bytes, p->codec, p->n_samples, p->n_metrics,
	    p->n_runs, p->epoch, state_name(p),
	    inspect_time(p->first_ns, first), inspect_time(p->last_ns, last),
	    ins->name);
	inspect_put(p->file);
	putchar('\n');
	return inspect_go_on();
}

static int
print_run(void *arg, const struct ntdb_run_info *r)
{
	char first[NTDB_TEXT_MAX], last[NTDB_TEXT_MAX], min[NTDB_TEXT_MAX];
	char max[NTDB_TEXT_MAX], sum[NTDB_TEXT_MAX];

	printf("- %8" PRIu32 " %9" PRIu64 " %-7s %8" PRIu32
	    " %-8s %-29s %-29s %24s %24s %24s ",
	    r->id, r->bytes, r->coding, r->n_samples, ntdb_type_name(r->type),
	    inspect_time(r->first_ns, first), inspect_time(r->last_ns, last),
	    r->has_stats ? inspect_value(r->type, r->min, min) : "-",
	    r->has_stats ? inspect_value(r->type, r->max, max) : "-",
	    r->has_stats ? inspect_value(r->sum_type, r->sum, sum) : "-");
	inspect_put_metric(arg, r->metric, r->id);
	return inspect_go_on();
}

/* ------------------------------------------------------------ as JSON */

/* Close the page that its runs were added to. */
static void
end_page(struct inspect *ins)
{
	if (!ins->in_element)
		return;
	if (ins->cli.verbose)
		json_close(&ins->out, ']');
	json_close(&ins->out, '}');
	ins->in_element = false;
}

static int
json_page(void *arg, const struct ntdb_page_info *p)
{
	struct inspect *ins = arg;
	struct json *out = &ins->out;

	end_page(ins);
	json_open(out, NULL, '{');
	json_text(out, "database", ins->name);
	json_text(out, "file", p->file);
	json_u64(out, "offset", p->offset);
	json_u64(out, "bytes", p->bytes);
	json_text(out, "codec", p->codec);
	json_u64(out, "samples", p->n_samples);
	json_u64(out, "metrics", p->n_metrics);
	json_u64(out, "n_runs", p->n_runs);
	json_time(out, "first", p->first_ns);
	json_time(out, "last", p->last_ns);
	json_u64(out, "epoch", p->epoch);
	json_bool(out, "sealed", p->sealed);
	json_bool(out, "committed", p->committed);
	if (ins->cli.verbose)
		json_open(out, "runs", '[');
	ins->in_element = true;
	return inspect_go_on();
}

static int
json_run(void *arg, const struct ntdb_run_info *r)
{
	struct inspect *ins = arg;
	struct json *out = &ins->out;

	json_open(out, NULL, '{');
	json_u64(out, "id", r->id);
	if (r->metric != NULL)
		json_text(out, "metric", r->metric);
	else
		json_none(out, "metric");
	json_text(out, "type", ntdb_type_name(r->type));
	json_u64(out, "samples", r->n_samples);
	json_time(out, "first", r->first_ns);
	json_time(out, "last", r->last_ns);
	json_text(out, "coding", r->coding);
	json_u64(out, "bytes", r->bytes);
	if (r->has_stats) {
		json_value(out, "min", r->type, r->min);
		json_value(out, "max", r->type, r->max);
		json_value(out, "sum", r->sum_type, r->sum);
		json_value(out, "first_value", r->type, r->first);
		json_value(out, "last_value", r->type, r->last);
	}
	json_close(out, '}');
	return inspect_go_on();
}

int
inspect_dat(struct inspect *ins, struct ntdb_error *err)
{
	int rc;

	if (!ins->json)
		return ntdb_inspect_pages(ins->db, ins->name, print_page,
		    ins->cli.verbose ? print_run : NULL, ins, err);
	rc = ntdb_inspect_pages(ins->db, ins->name, json_page,
	    ins->cli.verbose ? json_run : NULL, ins, err);
	end_page(ins);
	return rc;
}
