/*
 * One request by CGI/1.1 (RFC 3875): the head is in the environment, the body
 * on stdin, and the response goes to stdout.
 */
#ifndef NTDB_BIN_HTTP_CGI_H
#define NTDB_BIN_HTTP_CGI_H

#include <stdbool.h>

#include "exchange-impl.h"

/* Whether this process was started by CGI. */
bool cgi_is(void);

/*
 * Whether arguments of the program might be words of the query string: some
 * servers make them such if there is no `=' in it.
 */
bool cgi_arguments_are_foreign(void);

/*
 * Answer the request, or refuse it if that is so.  false: the response could
 * not be completed.
 */
bool cgi_serve(struct exchange *x, bool refuse);

#endif
