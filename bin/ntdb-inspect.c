#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect.h"
#include "escape.h"

enum { KEY_JSON = CLI_LONG, KEY_OUT, KEY_ASIDE };

static const struct cli_option options[] = {
	{ KEY_JSON, "json", NULL, "write JSON: an array, an element a line" },
	{ KEY_OUT, "out", "FILE", "salvage: write line protocol there, - is "
	    "stdout" },
	{ KEY_ASIDE, "aside", NULL, "salvage: also from files put aside" },
	{ 0, NULL, NULL, NULL }
};

static const struct command {
	const char *name;
	inspect_fn *run;
	void	(*heading)(const struct inspect *ins);
	bool	internal;	/* looks at `internal' without being told */
} commands[] = {
	{ "db", inspect_db, NULL, false },
	{ "dat", inspect_dat, inspect_dat_heading, false },
	{ "wal", inspect_wal, inspect_wal_heading, false },
	{ "catalog", inspect_catalog, inspect_catalog_heading, false },
	{ "verify", inspect_verify, NULL, true },
	{ "salvage", inspect_salvage, NULL, false },
	{ NULL, NULL, NULL, false }
};

void
inspect_put(const char *s)
{
	size_t len = strlen(s), used, n;
	char piece[ESCAPE_PIECE];

	while (len > 0) {
		used = escape_plain(s, len, piece, &n);
		fwrite(piece, 1, n, stdout);
		s += used;
		len -= used;
	}
}

void
inspect_put_metric(const struct inspect *ins, const char *metric,
    uint32_t id)
{
	printf("%s/", ins->name);
	if (metric != NULL)
		inspect_put(metric);
	else
		printf("#%" PRIu32, id);
	putchar('\n');
}

const char *
inspect_time(int64_t t_ns, char *text)
{
	text[ntdb_time_format(t_ns, NTDB_TIME_HUMAN, text)] = '\0';
	return text;
}

const char *
inspect_value(int type, union ntdb_value value, char *text)
{
	size_t len = ntdb_type_is_int(type) ?
	    ntdb_int_format(value.i, text) : ntdb_float_format(value.f, text);

	text[len] = '\0';
	return text;
}

int
inspect_go_on(void)
{
	return ferror(stdout) ? NTDB_EIO : 0;
}

static const struct command *
find_command(struct cli *cli, const char *name)
{
	const struct command *c;

	for (c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	cli_misuse(cli, "no such command: %s", name);
}

/* Look at each database; one that fails does not hide the others. */
static void
inspect_all(struct inspect *ins, const struct command *c, char **names,
    size_t n)
{
	size_t i;

	if (ins->json)
		json_open(&ins->out, NULL, '[');
	else if (c->heading != NULL)
		c->heading(ins);
	for (i = 0; i < n && inspect_go_on() == 0; i++) {
		struct ntdb_error err = NTDB_ERROR_INIT;

		ins->name = names[i];
		/* A failed output is told by cli_exit, without a record. */
		if (c->run(ins, &err) != 0 && err.code != 0)
			cli_fail(&ins->cli, &err);
	}
	if (ins->json)
		json_close(&ins->out, ']');
}

/* The output of salvage is made here; other commands have none. */
static void
check_salvage(struct inspect *ins, const struct command *c, bool named)
{
	if (c->run != inspect_salvage) {
		if (ins->salvage_path != NULL || ins->aside)
			cli_misuse(&ins->cli, "--out and --aside are for salvage");
		return;
	}
	if (ins->json)
		cli_misuse(&ins->cli, "salvage writes no JSON");
	if (!named)
		cli_misuse(&ins->cli, "salvage needs a database");
	inspect_salvage_begin(ins);
}

int
main(int argc, char **argv)
{
	static struct inspect ins = {
		.cli = {
			.name = "ntdb-inspect",
			.synopsis = "db|dat|wal|catalog|verify|salvage "
			    "[OPTION]... [DB]...",
			.about = "Look inside databases: what there is, "
			    "pages, log records, metrics; or check\n"
			    "everything, or save what can be read.\n",
			.options = options,
		},
		.out = JSON_INIT,
		.salvage_fd = -1,
	};
	struct ntdb_error err = NTDB_ERROR_INIT;
	const struct command *c;
	char **all = NULL;
	size_t n = 0;
	int key;

	cli_start(&ins.cli);
	while ((key = cli_next(&ins.cli, argc, argv)) != -1)
		if (key == KEY_JSON)
			ins.json = true;
		else if (key == KEY_OUT)
			ins.salvage_path = optarg;
		else
			ins.aside = true;
	if (optind >= argc)
		cli_misuse(&ins.cli, "no command");
	c = find_command(&ins.cli, argv[optind++]);
	check_salvage(&ins, c, optind < argc);
	ins.db = cli_open(&ins.cli);
	if (optind < argc)
		inspect_all(&ins, c, argv + optind, (size_t)(argc - optind));
	else if (ntdb_databases(ins.db, c->internal, &all, &n, &err) == 0)
		inspect_all(&ins, c, all, n);
	else
		cli_fail(&ins.cli, &err);
	inspect_salvage_end(&ins);
	ntdb_databases_free(all);
	ntdb_close(ins.db);
	cli_exit(&ins.cli);
}
