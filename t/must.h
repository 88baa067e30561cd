/*
 * For unit tests of the whole library: a call that has to succeed.
 */
#ifndef MUST_H
#define MUST_H

#include "ntdb.h"
#include "tap.h"

/* End the test with the reason if a call has failed. */
static inline void
must(int r, const struct ntdb_error *err)
{
	char text[512];

	if (r >= 0)
		return;
	ntdb_error_format(err, text, sizeof(text));
	bail("%s", text);
}

#endif
