/*
 * What the command lines of all programs have in common: the options
 * and the help made from one table, messages, signals, and the way out.
 *
 * A program begins with cli_start, reads its options with cli_next, and ends
 * with cli_exit, which is the only exit there is.
 */
#ifndef NTDB_BIN_CLI_H
#define NTDB_BIN_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "ntdb.h"

#if defined(__GNUC__)
#define CLI_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CLI_PRINTF(f, a)
#endif

struct cli_option {
	int	key;		/* its letter, or from CLI_LONG on; 0: end */
	const char *name;	/* its long form, or NULL */
	const char *arg;	/* what its argument is called; NULL: none;
				 * "[=ARG]": it may be left out */
	const char *help;
};

#define CLI_LONG 256		/* keys of options without a letter */
#define CLI_OPTIONS_MAX 32	/* of a program, the common ones included */

struct cli {
	/* Given by the program. */
	const char *name;	/* "ntdb-query" */
	const char *synopsis;	/* what follows the name, without options */
	const char *about;	/* whole lines */
	const struct cli_option *options;
	/* Set by the common options. */
	const char *root;
	int64_t	wait_ns, now_ns;
	bool	has_now, quiet, verbose;
	/* The exit status: the first failure's. */
	int	status;
};

/*
 * First of all: descriptors 0 to 2 are made valid (one that was closed fails
 * when it is used), and a file size limit becomes a failed write.
 */
void cli_start(struct cli *cli);

/*
 * The next of the program's own options (argument in optarg), or -1; then
 * the operands begin at optind.  Common options are dealt with inside.
 */
int cli_next(struct cli *cli, int argc, char **argv);

/* One line on stderr and exit status 64. */
_Noreturn void cli_misuse(struct cli *cli, const char *fmt, ...)
    CLI_PRINTF(2, 3);

/* Arguments of options; what is not one is misuse. */
int64_t cli_integer(struct cli *cli, const char *option, const char *text);
int64_t cli_duration(struct cli *cli, const char *option, const char *text);

/* Open the root; cli_open does not return from a failure. */
struct ntdb *cli_open(struct cli *cli);
int cli_try_open(struct cli *cli, struct ntdb **db, struct ntdb_error *err);

/* From now on what would go to stderr goes to the system's log. */
void cli_use_syslog(const struct cli *cli);

/*
 * A line of a log, as it is, in one write; there must be room for a new line
 * behind it.
 */
void cli_log(char *line, size_t len);

/* One line on stderr, `NAME: ...', foreign bytes escaped. */
void cli_say(const struct cli *cli, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Tell a failure of the library and keep its exit status. */
void cli_fail(struct cli *cli, const struct ntdb_error *err);

/* The same of a system call, from errno: `PATH: WHAT: reason'. */
void cli_fail_sys(struct cli *cli, int status, const char *path,
    const char *what);

/* Keep an exit status, unless there is one already. */
void cli_status(struct cli *cli, int status);

/*
 * For programs that write: SIGINT, SIGTERM and SIGHUP are only noted, the
 * second one ends the program; SIGPIPE becomes a failed write.
 */
void cli_catch_signals(void);

/* Whether a signal asks the program to end. */
bool cli_stopped(void);

/* Wait until fd can be read; false: a signal came first. */
bool cli_wait_input(int fd);

/*
 * Close stdout, which fails with 74 if anything that was written to it is
 * lost, and end: by the signal that was caught, else with the status.
 */
_Noreturn void cli_exit(struct cli *cli);

#endif
