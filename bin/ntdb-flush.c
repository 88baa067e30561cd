#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { KEY_FORCE = CLI_LONG, KEY_SEAL, KEY_NO_SEAL, KEY_NO_RETENTION };

static const struct cli_option options[] = {
	{ 'n', "dry-run", NULL, "only say what would be done" },
	{ KEY_FORCE, "force", NULL, "whatever the limits in [page] say" },
	{ KEY_SEAL, "seal", NULL, "the same, and seal everything" },
	{ KEY_NO_SEAL, "no-seal", NULL, "seal nothing" },
	{ KEY_NO_RETENTION, "no-retention", NULL,
	  "leave data files that have expired" },
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

static void
tell_seal(const struct cli *cli, const char *name, bool dry_run,
    const struct ntdb_seal_result *res)
{
	if (dry_run && res->files > 0)
		printf("%s: would seal %" PRIu64 " files, %" PRIu64
		    " bytes\n", name, res->files, res->bytes_before);
	else if (cli->verbose && res->busy)
		cli_say(cli, "%s: not sealed: another process is at it",
		    name);
	else if (cli->verbose && res->files > 0)
		cli_say(cli, "%s: %" PRIu64 " files sealed, %" PRIu64
		    " samples in %" PRIu64 " pages, %" PRIu64 " bytes instead "
		    "of %" PRIu64, name, res->files, res->samples, res->pages,
		    res->bytes_after, res->bytes_before);
}

static bool
stopped(void *arg)
{
	(void)arg;
	return cli_stopped();
}

/* What is to be done with each database. */
struct task {
	struct ntdb_flush_options flush;
	struct ntdb_seal_options seal;
	bool	no_seal, no_retention;
};

/* For telling of data files that expire. */
struct teller {
	const struct cli *cli;
	const char *name;
	bool	dry_run;
};

static void
tell_expired(void *arg, const struct ntdb_retain_info *info)
{
	const struct teller *t = arg;
	const char *to = info->archive != NULL ? " to " : "";
	const char *archive = info->archive != NULL ? info->archive : "";

	if (t->dry_run)
		printf("%s: would %s %s%s%s, %" PRIu64 " bytes\n", t->name,
		    info->archive != NULL ? "move" : "delete", info->file,
		    to, archive, info->bytes);
	else if (t->cli->verbose)
		cli_say(t->cli, "%s: %s %s%s%s, %" PRIu64 " bytes", t->name,
		    info->archive != NULL ? "moved" : "deleted", info->file,
		    to, archive, info->bytes);
}

static void
retain(struct cli *cli, struct ntdb *db, const char *name, bool dry_run)
{
	struct teller t = { cli, name, dry_run };
	const struct ntdb_retain_options opt = { dry_run, tell_expired, &t };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_retain_result res;

	if (ntdb_retain(db, name, &opt, &res, &err) != 0)
		cli_fail(cli, &err);
	else if (res.busy && cli->verbose)
		cli_say(cli, "%s: busy, nothing expires in this run", name);
}

static int
flush_and_seal(struct cli *cli, struct ntdb *db, const char *name,
    const struct task *task)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_flush_result flushed;
	struct ntdb_seal_result sealed;
	int r;

	memset(&flushed, 0, sizeof(flushed));
	memset(&sealed, 0, sizeof(sealed));
	if ((r = ntdb_flush(db, name, &task->flush, &flushed, &err)) != 0) {
		cli_fail(cli, &err);
		return r;
	}
	tell(cli, name, task->flush.dry_run, &flushed);
	if (task->no_seal)
		return 0;
	if ((r = ntdb_seal(db, name, &task->seal, &sealed, &err)) != 0)
		cli_fail(cli, &err);
	tell_seal(cli, name, task->seal.dry_run, &sealed);
	return r;
}

static void
flush_one(struct cli *cli, struct ntdb *db, const char *name,
    const struct task *task)
{
	int r = flush_and_seal(cli, db, name, task);

	/* Where a disk is full, this is what makes room; and a damaged file
	 * need not be kept for longer than the others. */
	if (!task->no_retention && !cli_stopped() &&
	    (r == 0 || r == NTDB_EIO || r == NTDB_ECORRUPT))
		retain(cli, db, name, task->flush.dry_run);
}

/* The suite's own metrics are worth no failure. */
static void
write_own(const struct cli *cli, struct ntdb *db, char **names, size_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (ntdb_self_metrics_write(db, names, n, &err) != 0 && cli->verbose)
		cli_say(cli, "own metrics not written: %s%s%s", err.path,
		    err.path[0] != '\0' ? ": " : "", err.text);
}

/* Each database; one that fails does not keep the others waiting. */
static void
flush_all(struct cli *cli, struct ntdb *db, char **names, size_t n,
    const struct task *task)
{
	size_t i;

	for (i = 0; i < n && !cli_stopped(); i++)
		flush_one(cli, db, names[i], task);
	if (!task->flush.dry_run && !cli_stopped())
		write_own(cli, db, names, n);
}

int
main(int argc, char **argv)
{
	struct cli cli = {
		.name = "ntdb-flush",
		.synopsis = "[OPTION]... [DB]...",
		.about = "Move the logs that are due into compressed data "
		    "files, and seal the files\nthat are due: of the databases "
		    "named, or of all.\n",
		.options = options,
	};
	struct task task = { .no_seal = false };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db;
	char **all = NULL;
	size_t n = 0;
	int key;

	cli_start(&cli);
	while ((key = cli_next(&cli, argc, argv)) != -1) {
		if (key == 'n')
			task.flush.dry_run = task.seal.dry_run = true;
		else if (key == KEY_FORCE)
			task.flush.force = true;
		else if (key == KEY_SEAL)
			task.flush.force = task.seal.force = true;
		else if (key == KEY_NO_SEAL)
			task.no_seal = true;
		else if (key == KEY_NO_RETENTION)
			task.no_retention = true;
	}
	if (task.no_seal && task.seal.force)
		cli_misuse(&cli, "--seal and --no-seal exclude each other");
	task.seal.stop = stopped;
	cli_catch_signals();
	db = cli_open(&cli);
	if (argc > optind)
		flush_all(&cli, db, argv + optind, (size_t)(argc - optind),
		    &task);
	else if (ntdb_databases(db, true, &all, &n, &err) == 0)
		flush_all(&cli, db, all, n, &task);
	else
		cli_fail(&cli, &err);
	ntdb_databases_free(all);
	ntdb_close(db);
	cli_exit(&cli);
}
