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
#define LINE_TIME_MAX 24		/* a time that is worth keeping */
#define LINE_MINUTE_LEN 17		/* YYYY-MM-DD HH:MM: */

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
 * What is kept from line to line: agents give many metrics the same time,
 * whose text then need not be read again.
 */
struct line_scanner {
	enum ntdb_unit unit;
	uint8_t	time_len;	/* 0: none */
	char	time[LINE_TIME_MAX];
	int64_t	t_ns;		/* what it means */
	bool	has_minute;
	char	minute[LINE_MINUTE_LEN]; /* of the last exported time */
	int64_t	minute_ns;	/* when it begins */
};

/* A scanner is ready when it is zero but for its unit. */

/*
 * Read the line that starts at p.  There must be a newline at or behind p and
 * before end; *next is set to the byte after it.  target_len is the length of
 * its first word if the caller knows that already, else 0.
 */
enum line_kind line_scan(struct line_scanner *sc, const char *p,
    const char *end, uint32_t target_len, struct line *line,
    const char **next);

#endif
