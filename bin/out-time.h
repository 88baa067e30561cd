/*
 * Times of rows as text: most differ in few places from one of the same day.
 */
#ifndef NTDB_BIN_OUT_TIME_H
#define NTDB_BIN_OUT_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntdb.h"

#define CLOCK_ROOM 32		/* a date, or a number for a time, fits */

/*
 * A time as text, from which other times of its day are made.
 * Invariant: text is that of a date in [day_ns, day_ns + span_ns) whose
 * fraction of a second is frac; span_ns is 0 if there is none.
 */
struct clock {
	enum ntdb_time_style style;
	bool	civil;		/* times are dates, not numbers */
	size_t	len;		/* of a date */
	int64_t	day_ns;
	uint64_t span_ns;
	uint32_t frac;
	char	text[NTDB_TEXT_MAX];
};

void clock_init(struct clock *c, enum ntdb_time_style style);

/* Write a time at p, where CLOCK_ROOM bytes are; returns its end. */
char *clock_put(struct clock *c, char *p, int64_t t_ns);

#endif
