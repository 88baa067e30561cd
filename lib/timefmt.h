/*
 * Floor 0.  Times and durations as text; the civil calendar.
 *
 * All times are int64_t Unix nanoseconds, UTC, proleptic Gregorian; that is
 * 1677-09-21 to 2262-04-11.  Nothing wraps: what lies outside is an error.
 */
#ifndef NTDB_TIMEFMT_H
#define NTDB_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntdb.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_DAY (INT64_C(86400) * NS_PER_S)

/* Days since 1970-01-01 of a civil date, and back (Hinnant's method). */
int64_t days_from_civil(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/* Floor division: the day that t lies in, also before 1970. */
int64_t day_of_ns(int64_t t_ns);

enum time_status {
	TIME_OK = 0,
	TIME_SYNTAX,		/* not a time */
	TIME_RANGE,		/* outside int64 nanoseconds */
	TIME_FIELD,		/* month 13, 30 February, hour 24, second 60 */
	TIME_FRACTION		/* more than 9 fraction digits */
};

/*
 * YYYY-MM-DD[( |T|t)HH[:MM[:SS[.fraction]]]] as UTC, and the same to the
 * seconds with a zone Z, z or +-HH:MM (RFC 3339).  The whole of [s, s+len).
 */
enum time_status time_scan_civil(const char *s, size_t len, int64_t *t_ns);

/*
 * [+-]digits[.digits] in a unit of unit_ns nanoseconds (1, 1000, 10^6, 10^9);
 * the fraction goes down to whole nanoseconds: more fraction digits than the
 * unit has are TIME_FRACTION (9 for seconds, none for nanoseconds).
 */
enum time_status time_scan_number(const char *s, size_t len, int64_t unit_ns,
    int64_t *t_ns);

/* What is wrong, for a message: "not a time", "no such date or time", ... */
const char *time_status_text(enum time_status st);

/* `250ms 30s 5m 1h30m 1d 1w', units ns us ms s m h d w, or a bare 0. */
enum time_status duration_scan(const char *s, size_t len, int64_t *ns);

/* The shortest such text: 90 min is "1h30m", 0 is "0".  No NUL. */
size_t duration_format(int64_t ns, char *buf);

/* `64KiB 1MiB 1GiB', also a bare number of bytes.  false: not a size. */
bool size_scan(const char *s, size_t len, uint64_t *bytes);

#endif
