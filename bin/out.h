/*
 * The result of one query as text, streamed through one buffer of fixed size:
 * rows are written as they come, and nothing is kept of them but what the
 * next row may have in common with the last one, ready as text: the name of
 * the metric, the day.
 */
#ifndef NTDB_BIN_OUT_H
#define NTDB_BIN_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "ntdb.h"

enum out_format {
	OUT_TABLE,
	OUT_JSON,		/* one array, an object on each line */
	OUT_JSONL,
	OUT_CSV,		/* RFC 4180, but lines end as they do here */
	OUT_LP			/* line protocol: the form of a backup */
};

struct out;

/*
 * Begin an output to a descriptor (borrowed) with its heading.  aggregates
 * tells which kind the rows will be.  NULL: out of memory.
 */
struct out *out_new(int fd, enum out_format format,
    enum ntdb_time_style style, bool aggregates);
void out_free(struct out *o);

/* The same to a function, which does not fail. */
typedef void out_put_fn(void *arg, const void *data, size_t len);
struct out *out_new_put(out_put_fn *put, void *arg, enum out_format format,
    enum ntdb_time_style style, bool aggregates);

/* Write a row of the query.  -1, with errno: the output failed. */
int out_row(struct out *o, const struct ntdb_row *row);

/*
 * Write what is still in the buffer, and, if the result is complete, what
 * ends the format.  -1, with errno: the output failed.
 */
int out_finish(struct out *o, bool complete);

#endif
