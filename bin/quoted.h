/*
 * String literals of Prometheus: "..." and '...' with the escapes of Go,
 * `...` without any.
 */
#ifndef NTDB_BIN_QUOTED_H
#define NTDB_BIN_QUOTED_H

#include "strbuf.h"

/*
 * Read the literal at *at, which moves behind it, into out (cleared first).
 * NULL, or what is wrong with it.
 */
const char *quoted_scan(const char **at, struct strbuf *out);

#endif
