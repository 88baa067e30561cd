/*
 * Floor 0.  Filling the caller's error record.
 *
 * All functions return `code', so that a failing function can end with
 * `return err_set(...)'.  A record that already holds a failure is left as
 * it is: the first one is the cause.  err may be NULL.
 */
#ifndef NTDB_ERROR_H
#define NTDB_ERROR_H

#include "ntdb.h"

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

/* A failure with a reason. */
int err_set(struct ntdb_error *err, int code, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* The same in a file; offset -1: none. */
int err_at(struct ntdb_error *err, int code, const char *path,
    int64_t offset, const char *fmt, ...) ERR_PRINTF(5, 6);

/* The same on a line of a text file, from 1. */
int err_line(struct ntdb_error *err, int code, const char *path,
    int64_t line, const char *fmt, ...) ERR_PRINTF(5, 6);

/*
 * A failed system call: `what: strerror(errno)'.  The code follows from
 * errno: NTDB_EPERM, NTDB_ENOENT, NTDB_EIO (also a full disk), NTDB_ESYS.
 */
int err_sys(struct ntdb_error *err, const char *path, const char *what);

/* The same with a code of the caller's choice. */
int err_sys_code(struct ntdb_error *err, int code, const char *path,
    const char *what);

/* The failure that another record holds; returns its code. */
int err_take(struct ntdb_error *err, const struct ntdb_error *from);

/* Out of memory: NTDB_ESYS.  Here, so that compilers see that it is not 0. */
static inline int
err_nomem(struct ntdb_error *err)
{
	err_set(err, NTDB_ESYS, "out of memory");
	return NTDB_ESYS;
}

/* Forget a failure. */
void err_clear(struct ntdb_error *err);

#endif
