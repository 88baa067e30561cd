#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "error.h"
#include "io.h"
#include "lock.h"

#define PAUSE_MIN_NS INT64_C(50000)
#define PAUSE_MAX_NS INT64_C(10000000)

static void
pause_ns(int64_t ns)
{
	struct timespec ts = { 0, (long)ns };

	nanosleep(&ts, NULL);
}

int
lock_take(int fd, bool shared, int64_t wait_ns, const char *display,
    struct ntdb_error *err)
{
	int op = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
	int64_t pause = PAUSE_MIN_NS, start = 0;

	/*
	 * flock knows no time limit and a library must not use signals, so
	 * it is asked again and again, less and less often.
	 */
	while (flock(fd, op) == -1) {
		int64_t now;

		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, display, "cannot lock");
		now = io_elapsed_ns();
		if (start == 0)
			start = now;
		if (now - start >= wait_ns)
			return err_at(err, NTDB_EBUSY, display, -1,
			    "locked by another process");
		pause_ns(pause);
		if (pause < PAUSE_MAX_NS)
			pause += pause / 2;
	}
	return 0;
}

void
lock_drop(int fd)
{
	flock(fd, LOCK_UN);
}
