#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http-listen.h"

#define SPARE_MIN 2		/* processes that wait, at least */
#define SPARE_MAX 8		/* more of them than this end */
#define PATROL_MS 100		/* how often things are looked at if need be */
#define GRACE_NS (INT64_C(30) * 1000000000)	/* for requests at the end */
#define DELAY_MIN_NS (INT64_C(100) * 1000000)	/* after a crash */
#define DELAY_MAX_NS (INT64_C(5) * 1000000000)

enum state { FREE, STARTING, WAITING, IDLE, BUSY };

struct slot {
	atomic_int pid, state;
	atomic_uint generation;		/* of its configuration */
	atomic_uint since;		/* idle: a time, in milliseconds,
					 * which may wrap */
};

/* What the processes share. */
struct board {
	atomic_bool stopping;
	atomic_uint generation;
	struct slot slots[LISTEN_WORKERS_MAX];
};

struct pool {
	struct cli *cli;
	const struct listen_hooks *hooks;
	int	fd;
	int	wake[2];		/* a pipe: something has changed */
	unsigned spare;
	int64_t	delay_ns, start_ns;	/* no process starts before that */
};

static struct board *board;
static struct slot *own;		/* this process's */
static volatile sig_atomic_t give_up, terminated, hangup, child;

static int64_t
clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The same in milliseconds; not every machine has atomics of 64 bits. */
static unsigned
clock_ms(void)
{
	return (unsigned)(clock_ns() / 1000000);
}

/* --------------------------------------------------- a process that serves */

bool
listen_stopping(bool fresh)
{
	return own != NULL && (board->stopping || (!fresh && (give_up ||
	    terminated || own->generation != board->generation)));
}

void
listen_idle(bool idle)
{
	if (own == NULL)
		return;
	if (idle)
		own->since = clock_ms();
	own->state = idle ? IDLE : BUSY;
}

static void
note_signal(int sig)
{
	if (sig == SIGHUP)
		hangup = 1;
	else if (sig == SIGCHLD)
		child = 1;
	else if (sig == SIGUSR1)
		give_up = 1;
	else
		terminated = 1;
}

static void
catch_signal(int sig, void (*handler)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static unsigned
count(enum state state)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < LISTEN_WORKERS_MAX; i++)
		n += board->slots[i].state == (int)state;
	return n;
}

/* How many are ready for a connection, or will be soon. */
static unsigned
count_spare(void)
{
	const struct slot *s;
	unsigned n = 0;

	for (s = board->slots; s < board->slots + LISTEN_WORKERS_MAX; s++)
		n += (s->state == WAITING || s->state == STARTING) &&
		    s->generation == board->generation;
	return n;
}

static void
wake(const struct pool *p)
{
	ssize_t n = write(p->wake[1], "", 1);

	(void)n;	/* a full pipe wakes as well */
}

/* The next connection, or -1 if this process is to end. */
static int
accept_one(const struct pool *p)
{
	int fd, one = 1;

	for (;;) {
		give_up = 0;
		if (listen_stopping(false))
			return -1;
		fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			break;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			poll(NULL, 0, PATROL_MS);
		else if (errno != EINTR && errno != ECONNABORTED &&
		    errno != EAGAIN && errno != EPROTO)
			return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Serve one connection after another; does not return. */
static _Noreturn void
work(const struct pool *p)
{
	int fd;

	catch_signal(SIGTERM, note_signal);
	catch_signal(SIGINT, note_signal);
	catch_signal(SIGUSR1, note_signal);
	catch_signal(SIGHUP, SIG_IGN);
	catch_signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	close(p->wake[0]);
	if (!p->hooks->begin(p->hooks->arg))
		cli_exit(p->cli);
	for (;;) {
		own->state = WAITING;
		if ((fd = accept_one(p)) == -1)
			break;
		own->state = BUSY;
		if (count_spare() < p->spare)
			wake(p);
		p->hooks->serve(p->hooks->arg, fd);
		close(fd);
		if (count_spare() >= SPARE_MAX)
			break;
	}
	p->hooks->end(p->hooks->arg);
	cli_exit(p->cli);
}

/* ------------------------------------------------- the one that starts them */

static void
start_one(struct pool *p)
{
	struct slot *s = board->slots;
	pid_t pid;

	while (s < board->slots + LISTEN_WORKERS_MAX && s->state != FREE)
		s++;
	if (s == board->slots + LISTEN_WORKERS_MAX)
		return;
	s->generation = board->generation;
	s->state = STARTING;
	pid = fork();
	if (pid == 0) {
		own = s;
		work(p);
	}
	s->pid = pid;
	if (pid == -1) {
		s->state = FREE;
		p->start_ns = clock_ns() + DELAY_MAX_NS;
	}
}

/* Start as many as are missing; false: try again later. */
static bool
start_missing(struct pool *p)
{
	while (count_spare() < p->spare && count(FREE) > 0) {
		if (clock_ns() < p->start_ns)
			return false;
		start_one(p);
	}
	return true;
}

/* Tell of one that has crashed, and wait before the next one is started. */
static void
note_crash(struct pool *p, pid_t pid, int status)
{
	int64_t now_ns = clock_ns();

	if (WIFSIGNALED(status))
		cli_say(p->cli, "process %ld died: signal %d", (long)pid,
		    WTERMSIG(status));
	else
		cli_say(p->cli, "process %ld died: status %d", (long)pid,
		    WEXITSTATUS(status));
	if (now_ns - p->start_ns > 2 * DELAY_MAX_NS)
		p->delay_ns = DELAY_MIN_NS;
	p->start_ns = now_ns + p->delay_ns;
	if (p->delay_ns < DELAY_MAX_NS)
		p->delay_ns *= 2;
}

static void
reap(struct pool *p)
{
	int status;
	pid_t pid;
	size_t i;

	child = 0;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < LISTEN_WORKERS_MAX; i++) {
			if (board->slots[i].state != FREE &&
			    board->slots[i].pid == (int)pid) {
				board->slots[i].pid = 0;
				board->slots[i].state = FREE;
			}
		}
		if (status != 0 && !board->stopping)
			note_crash(p, pid, status);
	}
}

/* Have the connection closed that is idle for longest. */
static void
make_room(void)
{
	struct slot *oldest = NULL, *s;
	unsigned now = clock_ms();

	for (s = board->slots; s < board->slots + LISTEN_WORKERS_MAX; s++)
		if (s->state == IDLE && (oldest == NULL ||
		    now - s->since > now - oldest->since))
			oldest = s;
	if (oldest != NULL)
		kill(oldest->pid, SIGUSR1);
}

/* Wait until something has to be done. */
static void
wait_for_news(struct pool *p, bool later)
{
	bool full = count(FREE) == 0 && count(WAITING) == 0;
	struct pollfd fds[2] = {
		{ .fd = p->wake[0], .events = POLLIN },
		{ .fd = full ? p->fd : -1, .events = POLLIN }
	};
	sigset_t block, old;
	struct timespec soon = { 0, PATROL_MS * 1000000 };
	char buf[64];
	int n = 0;

	/* Blocked, so that none comes between the test and the wait. */
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	if (!cli_stopped() && !hangup && !child)
		n = ppoll(fds, 2, later ? &soon : NULL, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (n > 0 && fds[0].revents != 0 && read(p->wake[0], buf,
	    sizeof(buf)) < 0)
		return;
	if (n > 0 && fds[1].revents != 0) {
		make_room();
		poll(NULL, 0, PATROL_MS / 2);
	}
}

/*
 * Ask all to end whose time is over, but for those in the middle of a request:
 * they see it afterwards.  Whether there are any.
 */
static bool
retire(int sig)
{
	struct slot *s;
	bool any = false;
	int state;

	for (s = board->slots; s < board->slots + LISTEN_WORKERS_MAX; s++) {
		state = s->state;
		if (state == FREE || s->pid <= 0 || (!board->stopping &&
		    s->generation == board->generation))
			continue;
		any = true;
		if (sig == SIGKILL || state != BUSY)
			kill(s->pid, sig);
	}
	return any;
}

static void
stop_all(struct pool *p)
{
	int64_t until_ns = clock_ns() + GRACE_NS;

	board->stopping = true;
	/* This ends it for all that share it. */
	shutdown(p->fd, SHUT_RDWR);
	close(p->fd);
	while (retire(clock_ns() < until_ns ? SIGTERM : SIGKILL)) {
		if (!child)
			poll(NULL, 0, PATROL_MS / 5);
		reap(p);
	}
}

static unsigned
n_spare(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < SPARE_MIN ? SPARE_MIN : n > SPARE_MAX / 2 ?
	    SPARE_MAX / 2 : (unsigned)n;
}

void
listen_run(struct cli *cli, int fd, const struct listen_hooks *hooks)
{
	struct pool p = { cli, hooks, fd, { -1, -1 }, n_spare(),
	    DELAY_MIN_NS, 0 };
	bool later;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || pipe2(p.wake, O_CLOEXEC | O_NONBLOCK) != 0) {
		cli_say(cli, "%s", strerror(errno));
		cli_status(cli, -NTDB_ESYS);
		return;
	}
	cli_catch_signals();
	catch_signal(SIGHUP, note_signal);
	catch_signal(SIGCHLD, note_signal);
	while (!cli_stopped()) {
		if (child)
			reap(&p);
		if (hangup) {
			hangup = 0;
			if (hooks->reload(hooks->arg))
				board->generation++;
		}
		later = retire(SIGTERM);
		later |= !start_missing(&p);
		wait_for_news(&p, later);
	}
	stop_all(&p);
}
