/*
 * JSON on stdout, written as it comes.  The outermost array has each of its
 * elements on a line of its own.  A key is NULL inside an array.  Failures are
 * those of stdio and show in ferror(stdout).
 */
#ifndef NTDB_BIN_JSON_H
#define NTDB_BIN_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "ntdb.h"

struct json {
	unsigned depth;
	bool	more;		/* something stands before at this depth */
};

#define JSON_INIT { 0, false }

/* Begin and end an object with '{' and '}', an array with '[' and ']'. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);

void json_text(struct json *j, const char *key, const char *s);
void json_u64(struct json *j, const char *key, uint64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_none(struct json *j, const char *key);

/* A time as an RFC 3339 string. */
void json_time(struct json *j, const char *key, int64_t t_ns);

/* A number; NaN and the infinities as strings. */
void json_value(struct json *j, const char *key, int type,
    union ntdb_value value);

#endif
