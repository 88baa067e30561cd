/*
 * Floor 1.  Advisory locks between processes: flock(2) on files that are
 * never renamed or removed.
 */
#ifndef NTDB_LOCK_H
#define NTDB_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ntdb.h"

/*
 * Lock fd, shared or exclusive, waiting at most wait_ns (0: not at all).
 * NTDB_EBUSY when the time is over.
 */
int lock_take(int fd, bool shared, int64_t wait_ns, const char *display,
    struct ntdb_error *err);
void lock_drop(int fd);

#endif
