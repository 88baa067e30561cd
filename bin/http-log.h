/*
 * The access log: a line in the common log format for each exchange.
 */
#ifndef NTDB_BIN_HTTP_LOG_H
#define NTDB_BIN_HTTP_LOG_H

#include <stddef.h>
#include <time.h>

#include "exchange-impl.h"

#define HTTP_LOG_MAX 2048	/* bytes of a line, and one more */

/*
 * HOST - - [DATE] "REQUEST LINE" STATUS BYTES, without a new line; a long
 * request line is cut.  Returns its length.
 */
size_t http_log_format(char line[HTTP_LOG_MAX], const char *host,
    time_t when, const struct exchange *x);

/* The address of who is at the other end of a socket, or "-". */
void http_log_peer(int fd, char *host, size_t room);

#endif
