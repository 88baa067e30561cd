#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect.h"

struct telling {
	struct inspect *ins;
	bool	aside;		/* the list of these has been begun */
};

/* The findings end where the list of files that were put aside begins. */
static void
begin_aside(struct telling *t)
{
	if (t->aside || !t->ins->json)
		return;
	t->aside = true;
	json_close(&t->ins->out, ']');
	json_open(&t->ins->out, "aside", '[');
}

static void
tell_aside(struct telling *t, const char *file)
{
	begin_aside(t);
	if (t->ins->json)
		json_text(&t->ins->out, NULL, file);
	else if (t->ins->cli.verbose)
		printf("%s: was put aside, and is not read\n", file);
}

/* A finding is a failure: it is told on stderr, and in the JSON. */
static int
on_found(void *arg, const struct ntdb_finding *found)
{
	const struct ntdb_error *what = &found->what;
	struct telling *t = arg;
	struct inspect *ins = t->ins;
	struct json *out = &ins->out;

	if (what->code == 0) {
		tell_aside(t, what->path);
		return inspect_go_on();
	}
	cli_fail(&ins->cli, what);
	if (!ins->json)
		return 0;
	json_open(out, NULL, '{');
	json_text(out, "database", ins->name);
	json_text(out, "file", what->path);
	if (what->line > 0)
		json_u64(out, "line", (uint64_t)what->line);
	if (what->offset >= 0)
		json_u64(out, "offset", (uint64_t)what->offset);
	json_text(out, "reason", what->text);
	if (found->samples_known)
		json_u64(out, "samples", found->samples);
	json_close(out, '}');
	return inspect_go_on();
}

static void
json_result(struct json *out, const struct ntdb_verify_result *res)
{
	json_u64(out, "files", res->files);
	json_u64(out, "pages", res->pages);
	json_u64(out, "runs", res->runs);
	json_u64(out, "batches", res->batches);
	json_u64(out, "samples", res->samples);
	json_u64(out, "damaged", res->damaged);
}

int
inspect_verify(struct inspect *ins, struct ntdb_error *err)
{
	struct telling telling = { ins, false };
	struct ntdb_verify_result res;
	struct json *out = &ins->out;
	int rc;

	memset(&res, 0, sizeof(res));
	if (ins->json) {
		json_open(out, NULL, '{');
		json_text(out, "database", ins->name);
		json_open(out, "findings", '[');
	}
	rc = ntdb_verify(ins->db, ins->name, on_found, &telling, &res,
	    err);
	if (ins->json) {
		begin_aside(&telling);
		json_close(out, ']');
		json_result(out, &res);
		json_close(out, '}');
	} else if (ins->cli.verbose) {
		printf("%s: %" PRIu64 " files, %" PRIu64 " pages, %" PRIu64
		    " runs, %" PRIu64 " batches, %" PRIu64 " samples, %"
		    PRIu64 " damaged\n", ins->name, res.files, res.pages,
		    res.runs, res.batches, res.samples, res.damaged);
	}
	/* What was told as a finding is not told again as the failure. */
	if ((rc == NTDB_ECORRUPT || rc == NTDB_EVERSION) && res.damaged > 0) {
		cli_status(&ins->cli, -rc);
		return 0;
	}
	return rc;
}
