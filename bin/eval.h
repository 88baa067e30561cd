/*
 * Evaluation: a selector and times in, series and their values out.
 *
 * Everything that the API knows of a query's meaning is behind this.  Values
 * are read while they are asked for, and nothing is kept of them.
 *
 * A sample with Prometheus' staleness marker, the NaN of bits
 * 0x7ff0000000000002, has no value: where it is the newest one the series has
 * none.
 */
#ifndef NTDB_BIN_EVAL_H
#define NTDB_BIN_EVAL_H

#include "ntdb.h"
#include "selector.h"

enum eval_kind {
	EVAL_NEWEST,		/* the newest sample, at its own time */
	EVAL_INSTANT,		/* that in (end - lookback, end], at end */
	EVAL_STEPS,		/* the same at start, start + step ... <= end */
	EVAL_SAMPLES,		/* from start to end */
	EVAL_WINDOWS		/* aggregates of these, at ends of windows */
};

struct eval_request {
	struct selector *selector;	/* borrowed until the close */
	enum eval_kind kind;
	int64_t	start_ns, end_ns;
	int64_t	step_ns, lookback_ns, window_ns;
	const char *window;		/* borrowed; value of its label */
	const uint8_t *aggregates;	/* borrowed; one result for each */
	size_t	n_aggregates;
	uint64_t max_samples;		/* 0: no limit */
	bool	(*stop)(void *arg);
	void	*stop_arg;
};

struct eval;

/* Errors as ntdb_query_open; a database or metric that is not there is none. */
int eval_open(struct eval **ev, struct ntdb *db,
    const struct eval_request *req, struct ntdb_error *err);
void eval_close(struct eval *ev);

/*
 * Go on to the next series that has a value; *series is borrowed until the
 * next call.  NTDB_END.
 */
int eval_next_series(struct eval *ev, const struct series **series,
    struct ntdb_error *err);

/*
 * The next value of the series: a row, of which t_ns is the value's time;
 * borrowed until the next call.  NTDB_END.
 */
int eval_next_value(struct eval *ev, const struct ntdb_row **row,
    struct ntdb_error *err);

/* After the end: the first thing that could not be read, or NULL. */
const struct ntdb_error *eval_damage(const struct eval *ev);

#endif
