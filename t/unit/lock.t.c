#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "scratch.h"
#include "tap.h"

#define MS INT64_C(1000000)
#define LONG (60000 * MS)	/* no test waits that long */

static int dirfd = -1;

static int
open_lock(void)
{
	int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		bail("no lock file");
	return fd;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Each open file has locks of its own, so two descriptors are two rivals. */
static void
test_rivals(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int a = open_lock(), b = open_lock(), c = open_lock();

	is_int(lock_take(a, false, 0, "lock", &err), 0, "exclusive");
	is_int(lock_take(b, false, 0, "lock", &err), NTDB_EBUSY,
	    "another exclusive one is refused");
	ok(err.code == NTDB_EBUSY && err.path[0] == 'l',
	    "and the record says so");
	is_int(lock_take(b, true, 0, "lock", NULL), NTDB_EBUSY,
	    "a shared one too");
	lock_drop(a);
	is_int(lock_take(b, true, 0, "lock", NULL), 0,
	    "when it is dropped, a shared one is had");
	is_int(lock_take(c, true, 0, "lock", NULL), 0, "and another");
	is_int(lock_take(a, false, 0, "lock", NULL), NTDB_EBUSY,
	    "an exclusive one is refused beside them");
	lock_drop(b);
	is_int(lock_take(a, false, 0, "lock", NULL), NTDB_EBUSY,
	    "as long as one is left");
	lock_drop(c);
	is_int(lock_take(a, false, 0, "lock", NULL), 0, "then it is had");
	close(a);
	is_int(lock_take(b, false, 0, "lock", NULL), 0,
	    "closing the file drops its lock");
	close(b);
	close(c);
}

static void
test_patience(void)
{
	int a = open_lock(), b = open_lock();
	int64_t start;

	lock_take(a, false, 0, "lock", NULL);
	start = now_ns();
	is_int(lock_take(b, false, 60 * MS, "lock", NULL), NTDB_EBUSY,
	    "waiting ends");
	ok(now_ns() - start >= 60 * MS, "not before its time");
	ok(now_ns() - start < LONG, "nor very much later");
	close(a);
	close(b);
}

/* A process that holds the lock and says so through a pipe. */
static pid_t
start_holder(int *ready)
{
	int p[2];
	pid_t pid;

	if (pipe(p) == -1 || (pid = fork()) == -1)
		bail("no process");
	if (pid == 0) {
		int fd = open_lock();
		char byte = 'x';

		close(p[0]);
		if (lock_take(fd, false, 0, "lock", NULL) != 0 ||
		    write(p[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	*ready = p[0];
	return pid;
}

static void
test_death(void)
{
	int fd = open_lock(), ready, status;
	pid_t pid = start_holder(&ready);
	char byte;

	if (read(ready, &byte, 1) != 1)
		bail("the holder has no lock");
	is_int(lock_take(fd, false, 0, "lock", NULL), NTDB_EBUSY,
	    "another process holds the lock");
	kill(pid, SIGKILL);
	is_int(lock_take(fd, false, LONG, "lock", NULL), 0,
	    "when it is killed, whoever waits gets it");
	waitpid(pid, &status, 0);
	close(ready);
	close(fd);
}

/* Many processes add to one number, reading and writing apart. */
static void
test_exclusion(void)
{
	enum { PROCESSES = 8, TIMES = 50 };
	int status, i, n = 0, fd = open_lock(), good = 0;

	if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n))
		bail("cannot write");
	close(fd);
	for (i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		fd = open_lock();
		for (i = 0; i < TIMES; i++) {
			if (lock_take(fd, false, LONG, "lock", NULL) != 0 ||
			    pread(fd, &n, sizeof(n), 0) != sizeof(n))
				_exit(1);
			n++;
			if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n))
				_exit(1);
			lock_drop(fd);
		}
		_exit(0);
	}
	while (wait(&status) != -1)
		good += status == 0;
	is_int(good, PROCESSES, "every process got the lock each time");
	fd = open_lock();
	if (pread(fd, &n, sizeof(n), 0) != sizeof(n))
		bail("cannot read");
	is_int(n, PROCESSES * TIMES, "and no two had it at once");
	close(fd);
}

static void
test_bad(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	is_int(lock_take(-1, false, LONG, "lock", &err), NTDB_ESYS,
	    "what cannot be locked fails at once");
	lock_drop(-1);
}

int
main(void)
{
	plan(18);
	dirfd = scratch_dir();
	test_rivals();
	test_patience();
	test_death();
	test_exclusion();
	test_bad();
	return done_testing();
}
