#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"

enum { KEY_REBUILD = CLI_LONG };

static const struct cli_option options[] = {
	{ KEY_REBUILD, "rebuild", NULL,
	  "compute all again that has its source" },
	{ 'n', "dry-run", NULL, "only say what would be done" },
	{ 0, NULL, NULL, NULL }
};

struct telling {
	const struct cli *cli;
	bool	dry_run;
};

/* What was done of a job: asked for with -n or -v. */
static void
tell(void *arg, const char *db, const char *job,
    const struct ntdb_rollup_result *did)
{
	const struct telling *t = arg;

	if (t->dry_run && did->unsure > 0)
		printf("%s: [rollup.%s] would write %" PRIu64 " values and "
		    "replace %" PRIu64 " to %" PRIu64 ", of %" PRIu64
		    " metrics\n", db, job, did->written, did->replaced,
		    did->replaced + did->unsure, did->metrics);
	else if (t->dry_run)
		printf("%s: [rollup.%s] would write %" PRIu64 " values and "
		    "replace %" PRIu64 ", of %" PRIu64 " metrics\n", db, job,
		    did->written, did->replaced, did->metrics);
	else if (t->cli->verbose)
		cli_say(t->cli, "%s: [rollup.%s] %" PRIu64 " values written, "
		    "%" PRIu64 " replaced, of %" PRIu64 " metrics", db, job,
		    did->written, did->replaced, did->metrics);
}

static bool
stopped(void *arg)
{
	(void)arg;
	return cli_stopped();
}

int
main(int argc, char **argv)
{
	struct cli cli = {
		.name = "ntdb-rollup",
		.synopsis = "[OPTION]... [DB]...",
		.about = "Run the rollup jobs that are due: of the databases "
		    "named, or of all.\n",
		.options = options,
	};
	struct telling telling = { .cli = &cli };
	struct ntdb_rollup_options opt = { .done = tell, .arg = &telling,
	    .stop = stopped };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db;
	int key;

	cli_start(&cli);
	while ((key = cli_next(&cli, argc, argv)) != -1) {
		if (key == 'n')
			opt.dry_run = true;
		else if (key == KEY_REBUILD)
			opt.rebuild = true;
	}
	telling.dry_run = opt.dry_run;
	cli_catch_signals();
	db = cli_open(&cli);
	if (ntdb_rollup(db, argv + optind, (size_t)(argc - optind), &opt,
	    NULL, &err) != 0)
		cli_fail(&cli, &err);
	ntdb_close(db);
	cli_exit(&cli);
}
