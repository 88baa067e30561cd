/*
 * Preloaded into a program: writes that are short, as strace cannot make
 * them.  NTDB_FAULTY is `HOW N FILE'; the Nth write of any kind takes half of
 * its bytes, and
 *
 *   once	the others are whole;
 *   ever	so do all that follow;
 *   full	those that follow fail with ENOSPC;
 *   torn	the program is killed.
 *
 * Built with _FILE_OFFSET_BITS=64, as the programs are: pwrite is pwrite64.
 * FILE is made and tells which write it was.  A write of one byte is never
 * short; it counts, and then the next longer one is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);

static char how[8], file[4096];
static int nth, count, fired;
static write_fn *real_write;
static pwrite_fn *real_pwrite;

__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("NTDB_FAULTY");

	real_write = (write_fn *)dlsym(RTLD_NEXT, "write");
	real_pwrite = (pwrite_fn *)dlsym(RTLD_NEXT, "pwrite64");
	if (text == NULL ||
	    sscanf(text, "%7s %d %4095[^\n]", how, &nth, file) != 3)
		nth = 0;
}

/* Say which write it was: the descriptor's file, and the lengths. */
static void
tell(int fd, size_t taken, size_t len)
{
	char link[40], name[4096], text[4200];
	ssize_t n;
	int to;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = '\0';
	n = snprintf(text, sizeof(text), "%zu of %zu bytes to <%s>\n", taken,
	    len, name);
	to = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to == -1 || real_write(to, text, (size_t)n) != n)
		abort();
	close(to);
}

/* How many of its bytes a write may take; -1: it fails. */
static ssize_t
allowed(int fd, size_t len)
{
	size_t half = len / 2;

	if (nth == 0 || ++count < nth)
		return (ssize_t)len;
	if (fired && strcmp(how, "full") == 0 && fd != STDERR_FILENO) {
		errno = ENOSPC;
		return -1;
	}
	if (half == 0 || (fired && strcmp(how, "once") == 0))
		return (ssize_t)len;
	if (!fired)
		tell(fd, half, len);
	fired = 1;
	return (ssize_t)half;
}

static ssize_t
end(ssize_t n)
{
	if (fired && strcmp(how, "torn") == 0)
		raise(SIGKILL);
	return n;
}

ssize_t
write(int fd, const void *p, size_t len)
{
	ssize_t n = allowed(fd, len);

	return n < 0 ? -1 : end(real_write(fd, p, (size_t)n));
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	ssize_t n = allowed(fd, len);

	return n < 0 ? -1 : end(real_pwrite(fd, p, (size_t)n, at));
}

/* What the programs do not use today is at least seen. */
ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return n > 0 ? write(fd, v[0].iov_base, v[0].iov_len) : 0;
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return n > 0 ? pwrite(fd, v[0].iov_base, v[0].iov_len, at) : 0;
}
