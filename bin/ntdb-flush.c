#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { KEY_FORCE = CLI_LONG };

static const struct cli_option options[] = {
	{ 'n', "dry-run", NULL, "only say what would be done" },
	{ KEY_FORCE, "force", NULL, "whatever the limits in [page] say" },
	{ 0, NULL, NULL, NULL }
};

/* Tell what was done: asked for with -n or -v. */
static void
tell(const struct cli *cli, const char *name, bool dry_run,
    const struct ntdb_flush_result *res)
{
	if (dry_run && res->flushed)
		printf("%s: would move %" PRIu64 " samples, %" PRIu64
		    " bytes of log\n", name, res->samples, res->log_bytes);
	else if (dry_run && cli->verbose)
		printf("%s: not due\n", name);
	else if (cli->verbose && res->flushed)
		cli_say(cli, "%s: %" PRIu64 " samples, %" PRIu64
		    " bytes of log, moved into %" PRIu64 " pages, %" PRIu64
		    " bytes", name, res->samples, res->log_bytes, res->pages,
		    res->bytes);
	else if (cli->verbose)
		cli_say(cli, "%s: not due", name);
}

/* Flush each database; one that fails does not keep the others waiting. */
static void
flush_all(struct cli *cli, struct ntdb *db, char **names, size_t n,
    const struct ntdb_flush_options *opt)
{
	struct ntdb_flush_result res;
	size_t i;

	for (i = 0; i < n && !cli_stopped(); i++) {
		struct ntdb_error err = NTDB_ERROR_INIT;

		memset(&res, 0, sizeof(res));
		if (ntdb_flush(db, names[i], opt, &res, &err) == 0)
			tell(cli, names[i], opt->dry_run, &res);
		else
			cli_fail(cli, &err);
	}
}

int
main(int argc, char **argv)
{
	struct cli cli = {
		.name = "ntdb-flush",
		.synopsis = "[OPTION]... [DB]...",
		.about = "Move the logs that are due into compressed data "
		    "files: of the databases named,\nor of all.\n",
		.options = options,
	};
	struct ntdb_flush_options opt = { false, false };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db;
	char **all = NULL;
	size_t n = 0;
	int key;

	cli_start(&cli);
	while ((key = cli_next(&cli, argc, argv)) != -1) {
		if (key == 'n')
			opt.dry_run = true;
		else if (key == KEY_FORCE)
			opt.force = true;
	}
	cli_catch_signals();
	db = cli_open(&cli);
	if (argc > optind)
		flush_all(&cli, db, argv + optind, (size_t)(argc - optind),
		    &opt);
	else if (ntdb_databases(db, true, &all, &n, &err) == 0)
		flush_all(&cli, db, all, n, &opt);
	else
		cli_fail(&cli, &err);
	ntdb_databases_free(all);
	ntdb_close(db);
	cli_exit(&cli);
}
