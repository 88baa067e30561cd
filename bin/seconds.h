/*
 * Decimal seconds.
 */
#ifndef NTDB_BIN_SECONDS_H
#define NTDB_BIN_SECONDS_H

#include <stdint.h>

/*
 * A decimal number of seconds, also with an exponent, as nanoseconds, rounded
 * down.  -1: it is no number; 1: it is out of range, and *ns is the end of the
 * range.
 */
int seconds_scan(const char *text, int64_t *ns);

#endif
