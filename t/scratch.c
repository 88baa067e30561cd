#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scratch.h"
#include "tap.h"

char scratch_path[] = "/tmp/ntdb-unit-XXXXXX";

static pid_t owner;
static uint64_t state;

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* Children that leave through exit must not take it away. */
static void
clean_up(void)
{
	if (getpid() == owner)
		nftw(scratch_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
scratch_dir(void)
{
	int fd;

	if (mkdtemp(scratch_path) == NULL)
		bail("no temporary directory");
	owner = getpid();
	atexit(clean_up);
	fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		bail("cannot open %s", scratch_path);
	return fd;
}

void
scratch_write(int dirfd, const char *name, const void *p, size_t len)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd == -1 || write(fd, p, len) != (ssize_t)len)
		bail("cannot write %s", name);
	close(fd);
}

uint8_t *
scratch_read(int dirfd, const char *name, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY);
	struct stat st;
	uint8_t *p;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1 ||
	    (p = malloc((size_t)st.st_size + 1)) == NULL ||
	    read(fd, p, (size_t)st.st_size) != st.st_size)
		bail("cannot read %s", name);
	close(fd);
	p[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	return p;
}

int
scratch_count(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY), n = 0;
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (dir == NULL)
		bail("cannot list a directory");
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

int
scratch_exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, 0) == 0;
}

static int
digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, c, 16);

	return at != NULL ? (int)(at - digits) : -1;
}

size_t
from_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		if (n == room || digit_of(hex[0]) < 0 || digit_of(hex[1]) < 0)
			bail("not hex: %s", hex);
		out[n++] = (uint8_t)(digit_of(hex[0]) << 4 | digit_of(hex[1]));
		hex++;
	}
	return n;
}

void
random_start(void)
{
	const char *text = getenv("NTDB_TEST_SEED");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	state = (uint64_t)ts.tv_sec * 1000000007u ^ (uint64_t)ts.tv_nsec;
	if (text != NULL)
		state = strtoull(text, NULL, 10);
	if (state == 0)
		state = 1;
	diag("NTDB_TEST_SEED=%llu", (unsigned long long)state);
}

/* Marsaglia's xorshift64 (2003). */
uint64_t
random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

uint32_t
random_below(uint32_t n)
{
	return (uint32_t)((random_u64() >> 32) * n >> 32);
}
