/*
 * Floor 1.  Whole reads and writes, syncing, and files that appear at once.
 *
 * Paths are relative to dirfd; `display' is the name for messages.  EINTR is
 * retried, short transfers are continued.
 */
#ifndef NTDB_IO_H
#define NTDB_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "buf.h"
#include "ntdb.h"

/* openat(2) with O_CLOEXEC; the descriptor or an NTDB_E... code. */
int io_open(int dirfd, const char *path, int flags, mode_t mode,
    const char *display, struct ntdb_error *err);

/* 1 or 0: whether the file is there; or that this cannot be told. */
int io_exists(int dirfd, const char *path, const char *display,
    struct ntdb_error *err);

/* Close a descriptor that may be -1, and make it -1. */
void io_close(int *fd);

/*
 * Read up to len bytes at offset; *got is less only at the end of the file.
 */
int io_pread(int fd, void *p, size_t len, uint64_t offset, size_t *got,
    const char *display, struct ntdb_error *err);

/* Write all of it at offset. */
int io_pwrite(int fd, const void *p, size_t len, uint64_t offset,
    const char *display, struct ntdb_error *err);

/* Cut a file to len bytes. */
int io_cut(int fd, uint64_t len, const char *display, struct ntdb_error *err);

/*
 * The first offset from pos on that is in no hole of a sparse file: holes read
 * as zeros.  UINT64_MAX if there is nothing but a hole.
 */
uint64_t io_skip_hole(int fd, uint64_t pos);

/* Read a whole file, at most max bytes (NTDB_ECORRUPT if it is longer). */
int io_read_file(int dirfd, const char *path, size_t max, struct buf *out,
    const char *display, struct ntdb_error *err);

/* fdatasync and fsync with error records. */
int io_sync(int fd, const char *display, struct ntdb_error *err);
int io_sync_dir(int dirfd, const char *display, struct ntdb_error *err);

/*
 * Who owns new files, and their permissions: taken from the root directory,
 * not from the caller.  Directories get mode, files mode without x bits.
 */
struct io_owner {
	uid_t	uid;
	gid_t	gid;
	mode_t	mode;
};

int io_owner_of(int dirfd, struct io_owner *o, const char *display,
    struct ntdb_error *err);
int io_own_fd(int fd, const struct io_owner *o, bool is_dir,
    const char *display, struct ntdb_error *err);

/*
 * Replace the file `path' by data: a temporary file beside it, optionally
 * synced, then renamed.  The directory is not synced.  io_publish_as says how
 * the name of the temporary file ends, where that is not IO_TEMP; see below.
 */
int io_publish(int dirfd, const char *path, const void *data, size_t len,
    bool sync, const struct io_owner *o, const char *display,
    struct ntdb_error *err);

int io_publish_as(int dirfd, const char *path, const char *suffix,
    const void *data, size_t len, bool sync, const struct io_owner *o,
    const char *display, struct ntdb_error *err);

/*
 * Remove the files that killed processes have left: hidden ones with this end
 * of their name.  Those of io_publish end with IO_TEMP.  The caller holds the
 * lock under which all files of that kind are made in this directory: in that
 * of a database, lock for IO_TEMP and maint.lock for IO_MAINT_TEMP.
 */
#define IO_TEMP ".tmp"
#define IO_MAINT_TEMP ".seal"
void io_remove_temps(int dirfd, const char *suffix);

/* Random bytes for nonces and temporary names; never fails. */
uint64_t io_random(void);

/* The real-time clock in Unix nanoseconds. */
int64_t io_clock_ns(void);

/* Nanoseconds since some moment: for telling how long something took. */
int64_t io_elapsed_ns(void);

#endif
