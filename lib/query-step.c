/*
 * The newest sample at each step.
 */
#include "error.h"
#include "query.h"

/* How many samples of the block from `at' on are not after t. */
static size_t
not_after(const struct ntdb_query *q, int64_t t)
{
	const int64_t *times = q->block.t + q->at;
	const size_t n = q->block.n - q->at;
	size_t lo = 0, hi = 1, mid;

	/* Mostly a few. */
	while (hi <= n && times[hi - 1] <= t) {
		lo = hi;
		hi *= 2;
	}
	if (hi > n)
		hi = n + 1;
	/* lo are not after it, and hi are more than that. */
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (times[mid - 1] <= t)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Remember the last sample before `at'. */
static void
take_sample(struct ntdb_query *q)
{
	const size_t i = q->at - 1;

	q->has_sample = true;
	q->sample_t = q->block.t[i];
	q->sample_m = q->block.m[i];
	q->sample_scale = q->block.scale != NULL ? q->block.scale[i] : 0;
}

/* Pass over the samples up to the step; then `at' is at one after it. */
static int
pass_samples(struct ntdb_query *q, struct ntdb_error *err)
{
	size_t n;
	int r;

	for (;;) {
		if ((n = not_after(q, q->step)) > 0) {
			q->at += n;
			take_sample(q);
		}
		if (q->at < q->block.n)
			return 0;
		q->at = q->block.n = 0;
		if ((r = query_block(q, q->dbs[q->db_at].scan, &q->block,
		    err)) != 0) {
			q->block.n = 0;
			return r;
		}
	}
}

/* Go on so many steps; false: that is behind the end. */
static bool
advance(struct ntdb_query *q, uint64_t n)
{
	const uint64_t left = (uint64_t)q->last - (uint64_t)q->step;

	if (n > left / (uint64_t)q->opt.step_ns)
		return false;
	q->step = (int64_t)((uint64_t)q->step +
	    n * (uint64_t)q->opt.step_ns);
	return true;
}

/* Steps to the first one that is not before t, which is after this one. */
static uint64_t
steps_to(const struct ntdb_query *q, int64_t t)
{
	const uint64_t gap = (uint64_t)t - (uint64_t)q->step;
	const uint64_t step = (uint64_t)q->opt.step_ns;

	return gap / step + (gap % step != 0);
}

static int
step_row(struct ntdb_query *q, struct ntdb_row *row)
{
	query_row(q, q->sample_t, q->sample_m,
	    ntdb_type_is_int(q->type) ? NULL : &q->sample_scale, row);
	row->t_ns = q->step;
	q->rows_left--;
	if (!advance(q, 1))
		q->rows_left = 0;
	return 0;
}

/* Whether the sample is within the lookback of the step. */
static bool
is_recent(const struct ntdb_query *q)
{
	return q->has_sample && (uint64_t)q->step - (uint64_t)q->sample_t <
	    (uint64_t)q->opt.lookback_ns;
}

/* The next row of the metric at hand.  NTDB_END. */
static int
next_step(struct ntdb_query *q, struct ntdb_row *row, struct ntdb_error *err)
{
	int r;

	while (q->rows_left > 0) {
		r = pass_samples(q, err);
		if (r < 0)
			return r;
		if (is_recent(q))
			return step_row(q, row);
		if (r == NTDB_END || !advance(q, steps_to(q,
		    q->block.t[q->at])))
			break;
	}
	return NTDB_END;
}

int
query_next_of_step(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	int r;

	for (;;) {
		if (!q->in_metric) {
			if ((r = query_next_metric(q, err)) != 0)
				return r;
			q->step = q->opt.start_ns;
			q->has_sample = false;
			q->at = q->block.n = 0;
			q->rows_left = q->opt.limit > 0 ?
			    (uint64_t)q->opt.limit : UINT64_MAX;
		}
		if ((r = next_step(q, row, err)) != NTDB_END)
			return r;
		q->in_metric = false;
	}
}
