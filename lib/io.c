#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "listing.h"

int
io_open(int dirfd, const char *path, int flags, mode_t mode,
    const char *display, struct ntdb_error *err)
{
	int fd;

	do {
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	} while (fd == -1 && errno == EINTR);
	if (fd != -1)
		return fd;
	if ((flags & O_CREAT) != 0 && errno != ENOSPC && errno != EDQUOT &&
	    errno != EIO)
		return err_sys_code(err, errno == EACCES || errno == EROFS ?
		    NTDB_EPERM : NTDB_ECREATE, display, "cannot create");
	return err_sys(err, display, "cannot open");
}

int
io_exists(int dirfd, const char *path, const char *display,
    struct ntdb_error *err)
{
	if (faccessat(dirfd, path, F_OK, 0) == 0)
		return 1;
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_sys(err, display, "cannot look for it");
}

void
io_close(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

int
io_pread(int fd, void *p, size_t len, uint64_t offset, size_t *got,
    const char *display, struct ntdb_error *err)
{
	uint8_t *to = p;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, to + done, len - done,
		    (off_t)(offset + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys_code(err, NTDB_EIO, display,
			    "cannot read");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*got = done;
	return 0;
}

int
io_pwrite(int fd, const void *p, size_t len, uint64_t offset,
    const char *display, struct ntdb_error *err)
{
	const uint8_t *from = p;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys_code(err, NTDB_EIO, display,
			    "cannot write");
		from += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int
io_cut(int fd, uint64_t len, const char *display, struct ntdb_error *err)
{
	int r;

	do {
		r = ftruncate(fd, (off_t)len);
	} while (r == -1 && errno == EINTR);
	if (r == 0)
		return 0;
	return err_sys_code(err, NTDB_EIO, display, "cannot cut");
}

uint64_t
io_skip_hole(int fd, uint64_t pos)
{
	off_t at = lseek(fd, (off_t)pos, SEEK_DATA);

	if (at == -1)
		return errno == ENXIO ? UINT64_MAX : pos;
	return (uint64_t)at;
}

int
io_read_file(int dirfd, const char *path, size_t max, struct buf *out,
    const char *display, struct ntdb_error *err)
{
	struct stat st;
	size_t got = 0;
	int fd, r;

	buf_clear(out);
	if ((fd = io_open(dirfd, path, O_RDONLY, 0, display, err)) < 0)
		return fd;
	if (fstat(fd, &st) == -1) {
		r = err_sys(err, display, "cannot stat");
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		r = err_at(err, NTDB_ECORRUPT, display, -1,
		    "not a regular file");
		goto done;
	}
	if ((uint64_t)st.st_size > max) {
		r = err_at(err, NTDB_ECORRUPT, display, -1, "too long");
		goto done;
	}
	if (buf_extend(out, (size_t)st.st_size) == NULL && st.st_size > 0) {
		r = err_nomem(err);
		goto done;
	}
	r = io_pread(fd, out->data, out->len, 0, &got, display, err);
	if (r == 0)
		out->len = got;
done:
	close(fd);
	return r;
}

int
io_sync(int fd, const char *display, struct ntdb_error *err)
{
	int r;

	do {
		r = fdatasync(fd);
	} while (r == -1 && errno == EINTR);
	if (r == 0)
		return 0;
	return err_sys_code(err, NTDB_EIO, display, "cannot sync");
}

int
io_sync_dir(int dirfd, const char *display, struct ntdb_error *err)
{
	int r;

	do {
		r = fsync(dirfd);
	} while (r == -1 && errno == EINTR);
	/* Some file systems cannot sync a directory, and say so. */
	if (r == 0 || errno == EINVAL)
		return 0;
	return err_sys_code(err, NTDB_EIO, display, "cannot sync directory");
}

int
io_owner_of(int dirfd, struct io_owner *o, const char *display,
    struct ntdb_error *err)
{
	struct stat st;

	if (fstat(dirfd, &st) == -1)
		return err_sys(err, display, "cannot stat");
	o->uid = st.st_uid;
	o->gid = st.st_gid;
	o->mode = st.st_mode & 0777;
	return 0;
}

int
io_own_fd(int fd, const struct io_owner *o, bool is_dir, const char *display,
    struct ntdb_error *err)
{
	mode_t mode = is_dir ? o->mode : o->mode & 0666;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(err, display, "cannot stat");
	/* Only root gives files away; a group one is not in is no failure. */
	if ((st.st_uid != o->uid && geteuid() == 0) || st.st_gid != o->gid) {
		uid_t uid = geteuid() == 0 ? o->uid : (uid_t)-1;

		if (fchown(fd, uid, o->gid) == -1 && errno != EPERM)
			return err_sys(err, display, "cannot change owner");
	}
	if ((st.st_mode & 0777) != mode && fchmod(fd, mode) == -1 &&
	    errno != EPERM)
		return err_sys(err, display, "cannot change permissions");
	return 0;
}

int
io_publish(int dirfd, const char *path, const void *data, size_t len,
    bool sync, const struct io_owner *o, const char *display,
    struct ntdb_error *err)
{
	return io_publish_as(dirfd, path, IO_TEMP, data, len, sync, o,
	    display, err);
}

int
io_publish_as(int dirfd, const char *path, const char *suffix,
    const void *data, size_t len, bool sync, const struct io_owner *o,
    const char *display, struct ntdb_error *err)
{
	char tmp[160];
	int fd, r;

	snprintf(tmp, sizeof(tmp), ".%.120s.%08x%s", path,
	    (unsigned)io_random(), suffix);
	fd = io_open(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL, 0600, display,
	    err);
	if (fd < 0)
		return fd;
	if ((r = io_own_fd(fd, o, false, display, err)) != 0 ||
	    (r = io_pwrite(fd, data, len, 0, display, err)) != 0 ||
	    (sync && (r = io_sync(fd, display, err)) != 0))
		goto fail;
	if (close(fd) == -1) {
		fd = -1;
		r = err_sys_code(err, NTDB_EIO, display, "cannot close");
		goto fail;
	}
	fd = -1;
	if (renameat(dirfd, tmp, dirfd, path) == -1) {
		r = err_sys(err, display, "cannot rename");
		goto fail;
	}
	return 0;
fail:
	io_close(&fd);
	unlinkat(dirfd, tmp, 0);
	return r;
}

void
io_remove_temps(int dirfd, const char *suffix)
{
	const size_t tail = strlen(suffix);
	const char *name;
	size_t len;
	DIR *dir;

	if (listing_open(&dir, dirfd, "", NULL) != 0)
		return;
	while (listing_next(dir, &name, "", NULL) == 0) {
		len = strlen(name);
		if (name[0] == '.' && len > tail &&
		    strcmp(name + len - tail, suffix) == 0)
			unlinkat(dirfd, name, 0);
	}
	closedir(dir);
}

uint64_t
io_random(void)
{
	uint64_t u;

	if (getrandom(&u, sizeof(u), GRND_NONBLOCK) != (ssize_t)sizeof(u))
		u = (uint64_t)io_clock_ns() * UINT64_C(0x9e3779b97f4a7c15) ^
		    (uint64_t)getpid();
	return u;
}

int64_t
io_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
io_elapsed_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
