/*
 * Floor 1.  Whether a directory still has the entries that it had.
 *
 * The time of its last change tells that, if it lay so far back when the
 * entries were looked at that any later change must have got another one.
 */
#ifndef NTDB_STAMP_H
#define NTDB_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* All zeros: of no directory. */
struct stamp {
	struct stat st;
	bool	certain;	/* else nothing can be told */
};

/*
 * Of the directory that was st shortly before now_ns, and whose entries are
 * looked at after that.
 */
void stamp_take(struct stamp *s, const struct stat *st, int64_t now_ns);

/* Whether what is st now has the entries that it had then. */
bool stamp_holds(const struct stamp *s, const struct stat *st);

#endif
