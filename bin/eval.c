#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "eval.h"

#define STALE_BITS UINT64_C(0x7ff0000000000002)

struct eval {
	struct ntdb *db;		/* borrowed */
	struct eval_request req;
	size_t	n_passes, pass;		/* one for each aggregate */
	struct ntdb_query *q;		/* NULL: the next pass is to begin */
	struct ntdb_row row;		/* read, but not given out yet */
	bool	has_row;
	const char *row_db;		/* of the series at hand */
	uint32_t row_id;
	struct ntdb_error damage;

	/* Large, and not zeroed: */
	struct choice choice;
	struct series series;
};

static int
nomem(struct ntdb_error *err)
{
	err->code = NTDB_ESYS;
	snprintf(err->text, sizeof(err->text), "out of memory");
	return NTDB_ESYS;
}

/* Begin of the range, for the newest sample in the lookback. */
static int64_t
lookback_start(const struct eval_request *req)
{
	int64_t start;

	if (__builtin_sub_overflow(req->end_ns, req->lookback_ns - 1, &start))
		start = INT64_MIN;
	return start;
}

static void
set_options(const struct eval *ev, struct ntdb_query_options *opt)
{
	const struct eval_request *req = &ev->req;

	opt->max_samples = req->max_samples;
	opt->stop = req->stop;
	opt->stop_arg = req->stop_arg;
	opt->last = req->kind == EVAL_NEWEST || req->kind == EVAL_INSTANT;
	if (req->kind == EVAL_NEWEST)
		return;
	opt->has_start = opt->has_end = true;
	opt->start_ns = req->kind == EVAL_INSTANT ? lookback_start(req) :
	    req->start_ns;
	opt->end_ns = req->end_ns;
	if (req->kind == EVAL_STEPS) {
		opt->step_ns = req->step_ns;
		opt->lookback_ns = req->lookback_ns;
	}
	if (req->kind == EVAL_WINDOWS) {
		opt->aggregates = &req->aggregates[ev->pass];
		opt->n_aggregates = 1;
		opt->window_ns = req->window_ns;
	}
}

/* Begin to read.  NTDB_END: there is no such thing. */
static int
begin_pass(struct eval *ev, struct ntdb_error *err)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const struct selector *s = ev->req.selector;
	struct strbuf name = STRBUF_INIT;
	struct ntdb_error why = NTDB_ERROR_INIT;
	const char *target = "*";
	int r = 0;

	set_options(ev, &opt);
	if (s->named) {
		opt.literal = opt.missing_ok = true;
		strbuf_puts(&name, s->db);
		strbuf_puts(&name, "/");
		strbuf_puts(&name, s->metric);
		target = strbuf_str(&name);
		if (!strbuf_ok(&name))
			r = nomem(&why);
	} else {
		choice_apply(&ev->choice, &opt);
	}
	if (r == 0)
		r = ntdb_query_open(ev->db, &opt, &target, 1, &ev->q, &why);
	strbuf_release(&name);
	if (r == NTDB_ENOENT)
		return NTDB_END;
	if (r != 0)
		*err = why;
	return r;
}

/* Whether a row has the marker of staleness for a value. */
static bool
is_stale(const struct ntdb_row *row)
{
	uint64_t bits;

	if (ntdb_type_is_int(row->type))
		return false;
	memcpy(&bits, &row->value.f, sizeof(bits));
	return bits == STALE_BITS;
}

/* Read the next row with a value of the pass.  NTDB_END. */
static int
read_row(struct eval *ev, struct ntdb_error *err)
{
	int r;

	do
		r = ntdb_query_next(ev->q, &ev->row, err);
	while (r == 0 && is_stale(&ev->row));
	if (r == NTDB_ECORRUPT || r == NTDB_EVERSION) {
		/* What can be read has been. */
		if (ev->damage.code == 0)
			ev->damage = *err;
		*err = (struct ntdb_error)NTDB_ERROR_INIT;
		return NTDB_END;
	}
	if (r == 0 && ev->req.kind == EVAL_INSTANT)
		ev->row.t_ns = ev->req.end_ns;
	return r;
}

/* Have a row at hand, of whatever series.  NTDB_END. */
static int
fetch(struct eval *ev, struct ntdb_error *err)
{
	int r;

	while (!ev->has_row) {
		if (ev->pass == ev->n_passes)
			return NTDB_END;
		if (ev->q == NULL) {
			ev->row_db = NULL;
			r = begin_pass(ev, err);
		} else {
			r = read_row(ev, err);
			ev->has_row = r == 0;
		}
		if (r < 0)
			return r;
		if (r == NTDB_END) {
			ntdb_query_close(ev->q);
			ev->q = NULL;
			ev->pass++;
		}
	}
	return 0;
}

static bool
same_series(const struct eval *ev)
{
	return ev->row_db == ev->row.db && ev->row_id == ev->row.id;
}

static int
begin_series(struct eval *ev, struct ntdb_error *err)
{
	const struct eval_request *req = &ev->req;

	ev->row_db = ev->row.db;
	ev->row_id = ev->row.id;
	if (series_scan(&ev->series, ev->row.db, ev->row.metric) != 0)
		return nomem(err);
	if (req->kind == EVAL_WINDOWS && (series_add(&ev->series, "aggregate",
	    ntdb_aggregate_name(ev->row.aggregate)) != 0 ||
	    series_add(&ev->series, "window", req->window) != 0))
		return nomem(err);
	return 0;
}

int
eval_next_series(struct eval *ev, const struct series **series,
    struct ntdb_error *err)
{
	int r;

	/* What was not asked for of the last one. */
	while ((r = fetch(ev, err)) == 0 && same_series(ev))
		ev->has_row = false;
	if (r != 0)
		return r;
	*series = &ev->series;
	return begin_series(ev, err);
}

int
eval_next_value(struct eval *ev, const struct ntdb_row **row,
    struct ntdb_error *err)
{
	int r = fetch(ev, err);

	if (r != 0)
		return r;
	if (!same_series(ev))
		return NTDB_END;
	ev->has_row = false;
	*row = &ev->row;
	return 0;
}

int
eval_open(struct eval **out, struct ntdb *db, const struct eval_request *req,
    struct ntdb_error *err)
{
	struct eval *ev;

	if ((*out = ev = malloc(sizeof(*ev))) == NULL)
		return nomem(err);
	memset(ev, 0, offsetof(struct eval, choice));
	series_init(&ev->series);
	ev->db = db;
	ev->req = *req;
	ev->n_passes = req->kind == EVAL_WINDOWS ? req->n_aggregates : 1;
	choice_init(&ev->choice, req->selector, 1);
	return 0;
}

void
eval_close(struct eval *ev)
{
	if (ev == NULL)
		return;
	ntdb_query_close(ev->q);
	choice_release(&ev->choice);
	series_release(&ev->series);
	free(ev);
}

const struct ntdb_error *
eval_damage(const struct eval *ev)
{
	return ev->damage.code != 0 ? &ev->damage : NULL;
}
