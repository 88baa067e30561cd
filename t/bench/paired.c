/*
 * paired: run commands by turns and tell what each costs.
 *
 *	paired [-n RUNS] [-i FILE] [-o FILE] -- COMMAND... [-- COMMAND...]...
 *
 * Each command is run -n times, A B A B, so that whatever else the machine
 * does hits all of them alike.  Its standard input is a pipe with what is in
 * -i (nothing by default), its output goes to -o (nowhere by default).  For
 * each command a line is printed: the medians of wall and processor time and
 * the shortest wall time, in microseconds, and the largest resident set in
 * KiB.  A command that fails ends the program with 1.
 *
 * This is a program of its own, and small, because a child starts out with
 * the peak of its parent's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8, PIPE_ROOM = 4096 };

extern char **environ;

struct command {
	char	**argv;
	int64_t	*wall_us, *cpu_us;	/* one of each per run */
	int64_t	peak_kib;
};

static const char *input, *output = "/dev/null";

static void
die(const char *what)
{
	fprintf(stderr, "paired: %s: %s\n", what, strerror(errno));
	exit(71);
}

/* Copy the input into the pipe; false: the reader is gone. */
static void
feed(int to)
{
	static char buf[1 << 16];
	int from = open(input, O_RDONLY);
	ssize_t n, done, k;

	if (from < 0)
		die(input);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		for (done = 0; done < n; done += k) {
			k = write(to, buf + done, (size_t)(n - done));
			if (k < 0)
				return;
		}
	close(from);
}

/*
 * A pipe that the input comes from.  What fits into it is there before the
 * command starts; a process of its own writes the rest.
 */
static int
open_input(pid_t *feeder)
{
	struct stat st;
	int fds[2];

	*feeder = 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	if (input != NULL) {
		if (stat(input, &st) < 0)
			die(input);
		if (st.st_size <= PIPE_ROOM)
			feed(fds[1]);
		else if ((*feeder = fork()) == 0) {
			close(fds[0]);
			feed(fds[1]);
			_exit(0);
		} else if (*feeder < 0)
			die("fork");
	}
	close(fds[1]);
	return fds[0];
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
timeval_us(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static bool
run(struct command *c, size_t i)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	pid_t pid, feeder;
	int64_t start;
	int status, error, in = open_input(&feeder);

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_addopen(&actions, 1, output,
	    O_WRONLY | O_CREAT | O_TRUNC, 0666);
	start = now_us();
	error = posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv,
	    environ);
	if (error != 0) {
		errno = error;
		die(c->argv[0]);
	}
	close(in);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	c->wall_us[i] = now_us() - start;
	c->cpu_us[i] = timeval_us(usage.ru_utime) +
	    timeval_us(usage.ru_stime);
	if (usage.ru_maxrss > c->peak_kib)
		c->peak_kib = usage.ru_maxrss;
	posix_spawn_file_actions_destroy(&actions);
	if (feeder > 0)
		waitpid(feeder, NULL, 0);
	if (status == 0)
		return true;
	fprintf(stderr, "paired: %s: status %#x\n", c->argv[0],
	    (unsigned)status);
	return false;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
median(int64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/* Cut the arguments into commands at each `--'; returns how many. */
static size_t
split(char **argv, int argc, struct command *commands, size_t runs)
{
	size_t n = 0;
	int i;

	for (i = 0; i < argc; i++) {
		bool first = i == 0 || argv[i - 1] == NULL;

		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			continue;
		}
		if (!first)
			continue;
		if (n == MAX_COMMANDS)
			return 0;
		commands[n].argv = argv + i;
		commands[n].wall_us = calloc(runs, sizeof(int64_t));
		commands[n].cpu_us = calloc(runs, sizeof(int64_t));
		if (commands[n].wall_us == NULL || commands[n].cpu_us == NULL)
			die("memory");
		n++;
	}
	return n;
}

int
main(int argc, char **argv)
{
	static struct command commands[MAX_COMMANDS];
	size_t i, k, n, runs = 1;
	int c;

	while ((c = getopt(argc, argv, "+n:i:o:")) != -1) {
		switch (c) {
		case 'n': runs = strtoul(optarg, NULL, 10); break;
		case 'i': input = optarg; break;
		case 'o': output = optarg; break;
		default: return 64;
		}
	}
	n = split(argv + optind, argc - optind, commands, runs);
	if (n == 0 || runs == 0)
		return 64;
	for (i = 0; i < runs; i++)
		for (k = 0; k < n; k++)
			if (!run(&commands[k], i))
				return 1;
	for (k = 0; k < n; k++) {
		int64_t wall_us = median(commands[k].wall_us, runs);

		/* They are sorted now. */
		printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
		    wall_us, median(commands[k].cpu_us, runs),
		    commands[k].wall_us[0], commands[k].peak_kib);
	}
	return fflush(stdout) == 0 ? 0 : 74;
}
