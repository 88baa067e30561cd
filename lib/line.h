/*
 * Floor 2.  One line of line protocol (ntdb-line(5)): bytes in, fields out.
 *
 *   TARGET VALUE [TIME]
 */
#ifndef NTDB_LINE_H
#define NTDB_LINE_H

#include "ntdb.h"
#include "number.h"

#define LINE_MAX_LEN (64u << 10)	/* without its end */

enum line_kind {
	LINE_SAMPLE,
	LINE_BLANK,		/* nothing on it, or a comment */
	LINE_BAD		/* see why and reason */
};

struct line {
	const char *text;	/* the line, without its end; borrowed */
	uint32_t len;
	uint32_t target_len;
	const char *target;	/* the first word, its names not yet checked */
	struct number value;
	int64_t	t_ns;
	bool	has_time;
	enum ntdb_refusal why;	/* LINE_BAD */
	const char *reason;	/* LINE_BAD: a constant */
};

/*
 * Read the line that starts at p.  There must be a newline at or behind p;
 * *next is set to the byte after it.
 */
enum line_kind line_scan(const char *p, enum ntdb_unit unit,
    struct line *line, const char **next);

#endif
