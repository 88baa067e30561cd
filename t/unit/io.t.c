#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "scratch.h"
#include "tap.h"

static int dirfd = -1;
static struct io_owner self;

/*
 * Let files grow to this size at most; writes then fail with EFBIG: those to
 * standard output, too.
 */
static void
limit_files(rlim_t max)
{
	struct rlimit rl;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &rl);
	rl.rlim_cur = max;
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		bail("cannot limit files");
}

static bool
has(const char *name, const char *want)
{
	size_t len = 0;
	uint8_t *p = scratch_read(dirfd, name, &len);
	bool same = p != NULL && len == strlen(want) &&
	    memcmp(p, want, len) == 0;

	free(p);
	return same;
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) == -1)
		return 0;
	return st.st_mode & 07777;
}

static void
test_open(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int fd;

	fd = io_open(dirfd, "new", O_RDWR | O_CREAT, 0600, "shown", &err);
	ok(fd >= 0, "a file is created");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "programs do not inherit it");
	io_close(&fd);
	is_int(fd, -1, "closing makes the descriptor -1");
	io_close(&fd);
	is_int(fd, -1, "which may be closed");

	is_int(io_open(dirfd, "none", O_RDONLY, 0, "shown", &err),
	    NTDB_ENOENT, "no such file");
	is_str(err.path, "shown", "its name in messages is the one given");
	is_int(err.sys, ENOENT, "with errno");
	is_int(io_open(dirfd, "none/f", O_RDWR | O_CREAT, 0600, "f", NULL),
	    NTDB_ECREATE, "a file in no directory cannot be created");
	is_int(io_open(dirfd, ".", O_RDWR | O_CREAT, 0600, "f", NULL),
	    NTDB_ECREATE, "nor can one in place of a directory");
}

static void
test_permission(void)
{
	mkdirat(dirfd, "closed", 0500);
	if (fchmodat(dirfd, "new", 0, 0) != 0)
		bail("cannot change permissions");
	if (geteuid() == 0 && seteuid(65534) == -1) {
		skip(2, "cannot become another user");
		return;
	}
	is_int(io_open(dirfd, "new", O_RDONLY, 0, "f", NULL), NTDB_EPERM,
	    "what may not be read");
	is_int(io_open(dirfd, "closed/f", O_RDWR | O_CREAT, 0600, "f", NULL),
	    NTDB_EPERM, "what may not be created");
	if (getuid() == 0 && seteuid(0) == -1)
		bail("cannot become root again");
}

static void
test_transfer(void)
{
	const uint64_t far = UINT64_C(5) << 30;
	struct ntdb_error err = NTDB_ERROR_INIT;
	char text[16] = "";
	size_t got = 99;
	int fd, full;

	fd = io_open(dirfd, "rw", O_RDWR | O_CREAT, 0600, "rw", &err);
	is_int(io_pwrite(fd, "0123456789", 10, 0, "rw", &err), 0, "write");
	is_int(io_pwrite(fd, "ab", 2, 4, "rw", &err), 0, "in the middle");
	is_int(io_pread(fd, text, 6, 2, &got, "rw", &err), 0, "read");
	is_mem(text, got, "23ab67", 6, "what stands there");
	is_int(io_pread(fd, text, 16, 7, &got, "rw", &err), 0,
	    "to the end of the file");
	is_mem(text, got, "789", 3, "no more than there is");
	io_pread(fd, text, 16, 1000, &got, "rw", &err);
	is_int((int64_t)got, 0, "nothing behind the end");
	io_pwrite(fd, "far", 3, far, "rw", &err);
	io_pread(fd, text, 16, far, &got, "rw", &err);
	is_mem(text, got, "far", 3, "beyond 4 GiB");
	is_int(err.code, 0, "no failure so far");
	io_close(&fd);

	fd = io_open(dirfd, "rw", O_WRONLY, 0, "rw", &err);
	is_int(io_pread(fd, text, 1, 0, &got, "rw", &err), NTDB_EIO,
	    "a read that fails");
	io_close(&fd);
	full = io_open(AT_FDCWD, "/dev/full", O_WRONLY, 0, "full", &err);
	err.code = 0;
	is_int(io_pwrite(full, "x", 1, 0, "full", &err), NTDB_EIO,
	    "a full disk");
	is_int(err.sys, ENOSPC, "says so");
	io_close(&full);
	unlinkat(dirfd, "rw", 0);
}

static void
test_read_file(void)
{
	struct buf b = BUF_INIT;
	char large[5000];

	memset(large, 'L', sizeof(large));
	scratch_write(dirfd, "f", "content", 7);
	buf_add(&b, "rubbish", 7);
	is_int(io_read_file(dirfd, "f", 100, &b, "f", NULL), 0,
	    "a file is read");
	is_mem(b.data, b.len, "content", 7, "what was in the buffer is gone");
	is_int(io_read_file(dirfd, "f", 7, &b, "f", NULL), 0,
	    "as long as may be");
	is_int(io_read_file(dirfd, "f", 6, &b, "f", NULL), NTDB_ECORRUPT,
	    "too long");
	is_int(io_read_file(dirfd, "none", 6, &b, "f", NULL), NTDB_ENOENT,
	    "none");
	is_int(io_read_file(dirfd, ".", 6, &b, "f", NULL), NTDB_ECORRUPT,
	    "a directory");
	scratch_write(dirfd, "f", "", 0);
	is_int(io_read_file(dirfd, "f", 0, &b, "f", NULL), 0, "an empty one");
	is_int((int64_t)b.len, 0, "has nothing");
	scratch_write(dirfd, "f", large, sizeof(large));
	is_int(io_read_file(dirfd, "f", 1 << 20, &b, "f", NULL), 0,
	    "a larger one");
	is_mem(b.data, b.len, large, sizeof(large), "is read whole");
	buf_release(&b);
	buf_init(&b);
	scratch_write(dirfd, "f", "", 0);
	is_int(io_read_file(dirfd, "f", 10, &b, "f", NULL), 0,
	    "an empty file into an empty buffer");
	buf_release(&b);
}

/* File systems keep holes by blocks, or not at all. */
static void
test_holes(void)
{
	const uint64_t far = (uint64_t)1 << 30;
	struct ntdb_error err = NTDB_ERROR_INIT;
	uint64_t at;
	int fd;

	scratch_write(dirfd, "sparse", "abc", 3);
	fd = io_open(dirfd, "sparse", O_RDWR, 0, "sparse", &err);
	is_u64(io_skip_hole(fd, 1), 1, "data are not passed over");
	is_u64(io_skip_hole(fd, 3), UINT64_MAX, "nothing but the end");
	is_int(io_pwrite(fd, "x", 1, far, "sparse", &err), 0, "far behind");
	at = io_skip_hole(fd, 65536);
	ok(at >= 65536 && at <= far, "what is there is not passed over");
	is_int(io_cut(fd, 2 * far, "sparse", &err), 0, "a hole up to the end");
	at = io_skip_hole(fd, far + (1 << 20));
	ok(at == UINT64_MAX || at == far + (1 << 20), "there is nothing more");
	io_close(&fd);
	is_u64(io_skip_hole(-1, 7), 7, "who cannot tell passes over nothing");
}

static void
test_sync(void)
{
	int p[2], fd = io_open(dirfd, "f", O_RDWR, 0, "f", NULL);

	is_int(io_sync(fd, "f", NULL), 0, "a file is synced");
	is_int(io_sync_dir(dirfd, "d", NULL), 0, "a directory too");
	io_close(&fd);
	if (pipe(p) == -1)
		bail("no pipe");
	is_int(io_sync(p[1], "pipe", NULL), NTDB_EIO, "a pipe cannot be");
	close(p[0]);
	close(p[1]);
	is_int(io_sync_dir(-1, "none", NULL), NTDB_EIO, "nor can nothing");
}

static void
test_owner(void)
{
	struct io_owner o;
	struct stat st;
	int sub, fd;

	mkdirat(dirfd, "sub", 0700);
	sub = io_open(dirfd, "sub", O_RDONLY | O_DIRECTORY, 0, "sub", NULL);
	fchmod(sub, 02751);
	is_int(io_owner_of(sub, &o, "sub", NULL), 0, "owner of a directory");
	fstat(sub, &st);
	ok(o.uid == st.st_uid && o.gid == st.st_gid, "user and group");
	is_int(o.mode, 0751, "permissions without the special bits");

	scratch_write(sub, "f", "", 0);
	fd = io_open(sub, "f", O_RDWR, 0, "f", NULL);
	is_int(io_own_fd(fd, &o, false, "f", NULL), 0, "given to a file");
	is_int(mode_of("sub/f"), 0640, "which is not made executable");
	io_close(&fd);
	mkdirat(sub, "d", 0700);
	fd = io_open(sub, "d", O_RDONLY | O_DIRECTORY, 0, "d", NULL);
	is_int(io_own_fd(fd, &o, true, "d", NULL), 0, "given to a directory");
	is_int(mode_of("sub/d"), 0751, "which has all of them");
	io_close(&fd);

	if (geteuid() == 0) {
		o.uid = 12345;
		o.gid = 54321;
		fd = io_open(sub, "f", O_RDWR, 0, "f", NULL);
		io_own_fd(fd, &o, false, "f", NULL);
		fstat(fd, &st);
		ok(st.st_uid == 12345 && st.st_gid == 54321,
		    "root gives files away");
		io_close(&fd);
	} else {
		skip(1, "not root");
	}
	io_close(&sub);
}

static void
test_publish(void)
{
	char text[8];
	size_t got;
	int before, fd;

	scratch_write(dirfd, "p", "old", 3);
	fd = io_open(dirfd, "p", O_RDONLY, 0, "p", NULL);
	before = scratch_count(dirfd);
	self.mode = 0750;
	is_int(io_publish(dirfd, "p", "new text", 8, true, &self, "p", NULL),
	    0, "a file is replaced");
	ok(has("p", "new text"), "by the new text");
	io_pread(fd, text, sizeof(text), 0, &got, "p", NULL);
	is_mem(text, got, "old", 3, "who has it open keeps the old one");
	is_int(mode_of("p"), 0640, "permissions are those of the owner");
	is_int(scratch_count(dirfd), before, "nothing is left beside it");
	io_close(&fd);
	is_int(io_publish(dirfd, "q", "", 0, false, &self, "q", NULL), 0,
	    "a new file, without a sync");
	ok(has("q", ""), "is there, and empty");
	is_int(scratch_count(dirfd), before + 1, "it alone");
}

static void
test_publish_failure(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	char large[8192];
	int before = scratch_count(dirfd), r;

	memset(large, 'x', sizeof(large));
	limit_files(4096);
	r = io_publish(dirfd, "p", large, sizeof(large), true, &self, "p",
	    &err);
	limit_files(RLIM_INFINITY);
	is_int(r, NTDB_EIO, "no room for all of it");
	ok(has("p", "new text"), "the old file is untouched");
	is_int(scratch_count(dirfd), before, "nothing is left beside it");
	is_str(err.path, "p", "the record has its name");

	ok(io_publish(dirfd, "sub", "x", 1, true, &self, "sub", NULL) < 0,
	    "a directory cannot be replaced");
	is_int(scratch_count(dirfd), before, "nothing is left either");
	ok(io_publish(dirfd, "none/p", "x", 1, true, &self, "p", NULL) < 0,
	    "nor is there a file without its directory");
}

static void
test_pwrite_limit(void)
{
	char large[8192];
	int r, fd = io_open(dirfd, "l", O_RDWR | O_CREAT, 0600, "l", NULL);

	memset(large, 'x', sizeof(large));
	limit_files(4096);
	r = io_pwrite(fd, large, sizeof(large), 0, "l", NULL);
	limit_files(RLIM_INFINITY);
	is_int(r, NTDB_EIO, "what is short goes on, and fails");
	io_close(&fd);
}

static void
test_random_and_clock(void)
{
	int64_t before = (int64_t)time(NULL), now = io_clock_ns();
	uint64_t a = io_random(), b = io_random();

	ok(a != b, "random numbers differ");
	ok(now / 1000000000 >= before - 1 &&
	    now / 1000000000 <= (int64_t)time(NULL) + 1,
	    "the clock counts nanoseconds since 1970");
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	io_owner_of(dirfd, &self, "scratch", NULL);
	test_open();
	test_permission();
	test_transfer();
	test_read_file();
	test_holes();
	test_sync();
	test_owner();
	test_publish();
	test_publish_failure();
	test_pwrite_limit();
	test_random_and_clock();
	return done_testing();
}
