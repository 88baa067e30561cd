/*
 * Floor 1.  Whether a directory still has the entries, or a file the bytes,
 * that it had.
 *
 * The time of the last change tells that, if it lay so far back when they were
 * looked at that any later change must have got another one.
 */
#ifndef NTDB_STAMP_H
#define NTDB_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* All zeros: of nothing. */
struct stamp {
	struct stat st;
	bool	certain;	/* else nothing can be told */
};

/*
 * Of what was st, and is looked at after now_ns: who changes it later than that
 * gives it another time.
 */
void stamp_take(struct stamp *s, const struct stat *st, int64_t now_ns);

/* Whether what is st now has what it had then. */
bool stamp_holds(const struct stamp *s, const struct stat *st);

#endif
