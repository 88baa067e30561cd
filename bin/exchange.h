/*
 * One exchange over HTTP, as the API sees it: a request that has been read
 * and found well-formed, and the response to it.  How it came - through a
 * socket, a pipe or CGI, in chunks or packed - makes no difference here.
 *
 * A response is begun, then put piece by piece.  Its first 64 KiB are held
 * back, so that a response which fits is sent with its length, and one that
 * fails early can still become an error.  Writing never fails for the
 * caller: once the client is gone, or too slow, exchange_over says so and
 * what is put goes nowhere.
 */
#ifndef NTDB_BIN_EXCHANGE_H
#define NTDB_BIN_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "ntdb.h"

struct exchange;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_OTHER };

/* ---- the request */

enum http_method exchange_method(const struct exchange *x);

/* The path, decoded, without the query; it begins with `/'.  Borrowed. */
const char *exchange_path(const struct exchange *x);

/*
 * The values of two headers, trimmed; "" if they were not sent.  Borrowed.
 * The type of the body is without its parameters and in lower case.
 */
const char *exchange_content_type(const struct exchange *x);
const char *exchange_authorization(const struct exchange *x);

/*
 * A parameter, decoded, or NULL.  Those of a form that was read
 * (exchange_read_form) win over those of the URL; of several of one name the
 * first counts.  Borrowed until the end of the exchange.
 */
const char *exchange_param(const struct exchange *x, const char *name);

/*
 * All parameters of one name: begin with *at = 0 and call until it returns
 * NULL.  If the form has any of that name, those of the URL do not count.
 */
const char *exchange_next_param(const struct exchange *x, const char *name,
    size_t *at);

/*
 * Read the body as a form, if it says that it is one (or has none).  false:
 * an error has been replied.
 */
bool exchange_read_form(struct exchange *x);

/*
 * Read more of the body, unpacked: some bytes, up to room (> 0), into buf;
 * NTDB_END after the last.  On any other result the body is too large,
 * malformed, too slow or cut short, and exchange_refuse_body replies what
 * has to be replied.
 */
int exchange_read(struct exchange *x, char *buf, size_t room, size_t *len);
void exchange_refuse_body(struct exchange *x);

/* ---- the response */

/*
 * Begin a response: its status, and the type of its body (NULL: there will
 * be none).  What was begun before must not have been sent yet.
 */
void exchange_begin(struct exchange *x, int status, const char *type);

/* A further header, before anything is put.  Constants only. */
void exchange_header(struct exchange *x, const char *name,
    const char *value);

void exchange_put(struct exchange *x, const void *data, size_t len);
void exchange_puts(struct exchange *x, const char *s);

/* Forget the response that was begun; false: part of it has been sent. */
bool exchange_restart(struct exchange *x);

/*
 * What was begun cannot be completed: the connection ends in a way that the
 * client must take for a failure.
 */
void exchange_abort(struct exchange *x);

/* Whether nobody waits for the response any more, or its time is over. */
bool exchange_over(const struct exchange *x);

/* Whether the request's time (120 s) is over; its answer is 503, timeout. */
bool exchange_timed_out(const struct exchange *x);

#endif
