#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

enum { KEY_WAIT = 1, KEY_NOW };

static const struct cli_option common[] = {
	{ 'r', "root", "DIR",
	  "the databases are under DIR (default: $NTDB_ROOT,\n"
	  "else /var/lib/ntdb)" },
	{ KEY_WAIT, "wait", "DUR",
	  "wait this long for a lock (default 30s; 0: not at all)" },
	{ KEY_NOW, "now", "TIME", "take TIME for the clock" },
	{ 'q', NULL, NULL, "no warnings" },
	{ 'v', NULL, NULL, "say more" },
	{ 'h', "help", NULL, "show this help" },
	{ 'V', "version", NULL, "show the version" },
	{ 0, NULL, NULL, NULL }
};

/* Whether a key is a letter on the command line. */
static bool
is_letter(int key)
{
	return key >= ' ' && key < CLI_LONG;
}

static void
print_options(const struct cli_option *opt)
{
	const char *line, *end;
	char left[64], letter[4];

	for (; opt->key != 0; opt++) {
		snprintf(letter, sizeof(letter), "-%c%c",
		    is_letter(opt->key) ? opt->key : '-',
		    opt->name != NULL ? ',' : ' ');
		snprintf(left, sizeof(left), "%s %s%s%s%s",
		    is_letter(opt->key) ? letter : "   ",
		    opt->name != NULL ? "--" : "",
		    opt->name != NULL ? opt->name : "",
		    opt->arg != NULL && opt->arg[0] != '[' &&
		    opt->name != NULL ? " " : "",
		    opt->arg != NULL ? opt->arg : "");
		/* Further lines of the help stand below the first. */
		for (line = opt->help; line != NULL;
		    line = end != NULL ? end + 1 : NULL) {
			end = strchr(line, '\n');
			printf("  %-23s %.*s\n", line == opt->help ? left : "",
			    end != NULL ? (int)(end - line) :
			    (int)strlen(line), line);
		}
	}
}

static _Noreturn void
help(struct cli *cli)
{
	printf("Usage: %s %s\n\n%s\n", cli->name, cli->synopsis, cli->about);
	print_options(cli->options);
	print_options(common);
	cli_exit(cli);
}

/* Add a table to getopt's; returns the number of long ones so far. */
static size_t
add_options(const struct cli_option *opt, struct option *longs, size_t n,
    char *shorts)
{
	size_t at = strlen(shorts);

	for (; opt->key != 0; opt++) {
		if (opt->name != NULL && n + 1 < CLI_OPTIONS_MAX) {
			longs[n].name = opt->name;
			longs[n].has_arg = opt->arg == NULL ? no_argument :
			    opt->arg[0] == '[' ? optional_argument :
			    required_argument;
			longs[n].flag = NULL;
			longs[n].val = opt->key;
			n++;
		}
		if (is_letter(opt->key) &&
		    at + 2 < 2 * CLI_OPTIONS_MAX) {
			shorts[at++] = (char)opt->key;
			if (opt->arg != NULL)
				shorts[at++] = ':';
		}
	}
	shorts[at] = '\0';
	return n;
}

/* getopt refused what stands before optind, or the letter optopt in it. */
static _Noreturn void
bad_option(struct cli *cli, int how, char **argv)
{
	const char *word = argv[optind - 1];

	if (how == ':' && is_letter(optopt) &&
	    strncmp(word, "--", 2) != 0)
		cli_misuse(cli, "option -%c needs an argument", optopt);
	if (how == ':')
		cli_misuse(cli, "option %s needs an argument", word);
	if (strncmp(word, "--", 2) == 0 && optopt != 0)
		cli_misuse(cli, "option %s takes no argument", word);
	if (strncmp(word, "--", 2) == 0)
		cli_misuse(cli, "no such option: %s", word);
	cli_misuse(cli, "no such option: -%c", optopt);
}

static int64_t
system_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
cli_duration(struct cli *cli, const char *option, const char *text)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int64_t ns = 0;

	if (ntdb_duration_scan(text, &ns, &err) != 0)
		cli_misuse(cli, "%s: %s", option, err.text);
	return ns;
}

int64_t
cli_integer(struct cli *cli, const char *option, const char *text)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 ||
	    strchr("+-0123456789", text[0]) == NULL)
		cli_misuse(cli, "%s %s: not an integer", option, text);
	return v;
}

/* Deal with a common option; false: it is the program's own. */
static bool
take_common(struct cli *cli, int key)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	switch (key) {
	case 'r':
		cli->root = optarg;
		return true;
	case KEY_WAIT:
		cli->wait_ns = cli_duration(cli, "--wait", optarg);
		return true;
	case KEY_NOW:
		if (ntdb_time_scan(optarg, system_now(), &cli->now_ns, NULL,
		    &err) != 0)
			cli_misuse(cli, "--now: %s", err.text);
		cli->has_now = true;
		return true;
	case 'q':
		cli->quiet = true;
		return true;
	case 'v':
		cli->verbose = true;
		return true;
	case 'h':
		help(cli);
	case 'V':
		printf("%s %s\n", cli->name, ntdb_version());
		cli_exit(cli);
	default:
		return false;
	}
}

int
cli_next(struct cli *cli, int argc, char **argv)
{
	struct option longs[CLI_OPTIONS_MAX];
	char shorts[2 * CLI_OPTIONS_MAX + 1] = ":";
	size_t n;
	int key;

	memset(longs, 0, sizeof(longs));
	n = add_options(cli->options, longs, 0, shorts);
	add_options(common, longs, n, shorts);
	opterr = 0;
	for (;;) {
		key = getopt_long(argc, argv, shorts, longs, NULL);
		if (key == '?' || key == ':')
			bad_option(cli, key, argv);
		if (key == -1 || !take_common(cli, key))
			return key;
	}
}
