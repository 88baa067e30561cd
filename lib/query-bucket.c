/*
 * Rows of aggregates, bucket by bucket.
 */
#include "error.h"
#include "query.h"

/*
 * Have samples at hand that are not in a bucket yet: a block or, where its
 * statistics will do, a whole run.  NTDB_END.
 */
static int
more_samples(struct ntdb_query *q, struct ntdb_error *err)
{
	struct scan *sc = q->dbs[q->db_at].scan;

	if (q->at < q->block.n || q->run_n > 0)
		return 0;
	if (scan_skip_run(sc, q->opt.window_ns,
	    q->counting ? NULL : agg_usable, &q->agg, &q->run_stats,
	    &q->run_n, &q->run_first, &q->run_last) == 0)
		return 0;
	q->run_n = 0;
	q->at = q->block.n = 0;
	return query_block(q, sc, &q->block, err);
}

/* The samples of the block from `at' on that are in the bucket. */
static size_t
in_bucket(const struct ntdb_query *q)
{
	const int64_t *t = q->block.t;
	size_t lo = q->at, hi = q->block.n, mid;

	if (t[hi - 1] <= q->bucket_end)
		return hi - lo;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (t[mid] <= q->bucket_end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - q->at;
}

/* Add what is at hand to the bucket; it begins in it. */
static int
take_samples(struct ntdb_query *q, bool count_only, struct ntdb_error *err)
{
	const struct block *b = &q->block;
	size_t n;
	int r = 0;

	if (q->run_n > 0) {
		if (!count_only)
			agg_add_stats(&q->agg, q->run_stats, q->run_n);
		q->seen_last = q->run_last;
		q->run_n = 0;
		return 0;
	}
	n = in_bucket(q);
	if (!count_only)
		r = agg_add(&q->agg, b->m + q->at,
		    b->scale != NULL ? b->scale + q->at : NULL, n, err);
	q->at += n;
	q->seen_last = b->t[q->at - 1];
	return r;
}

/* Read one bucket of the metric at hand.  NTDB_END: there is none. */
static int
read_bucket(struct ntdb_query *q, bool count_only, struct ntdb_error *err)
{
	int64_t t;
	int r;

	q->in_bucket = false;
	while ((r = more_samples(q, err)) == 0) {
		t = q->run_n > 0 ? q->run_first : q->block.t[q->at];
		if (!q->in_bucket) {
			q->bucket = q->first;
			q->bucket_end = q->last;
			if (q->opt.window_ns > 0)
				bucket_span(t, q->opt.window_ns, &q->bucket,
				    &q->bucket_end);
			q->seen_first = t;
			q->in_bucket = true;
			agg_begin(&q->agg, !ntdb_type_is_int(q->type));
		} else if (t > q->bucket_end) {
			return 0;
		}
		if ((r = take_samples(q, count_only, err)) != 0)
			return r;
	}
	return r == NTDB_END && q->in_bucket ? 0 : r;
}

/* Begin with a metric; for `the last rows' its buckets are counted first. */
static int
begin_metric(struct ntdb_query *q, struct ntdb_error *err)
{
	uint64_t n = 0;
	int r;

	q->at = q->block.n = 0;
	q->run_n = 0;
	q->row_at = q->opt.n_aggregates;
	q->skip_rows = 0;
	q->rows_left = q->opt.limit > 0 ? (uint64_t)q->opt.limit : UINT64_MAX;
	/* Which statistics are usable is asked before the first bucket. */
	agg_begin(&q->agg, !ntdb_type_is_int(q->type));
	if (q->opt.limit >= 0)
		return 0;
	q->counting = true;
	while ((r = read_bucket(q, true, err)) == 0)
		n++;
	q->counting = false;
	if (r != NTDB_END)
		return r;
	q->skip_rows = query_skipped(q, n * q->opt.n_aggregates);
	q->at = q->block.n = 0;
	q->run_n = 0;
	return scan_rewind(q->dbs[q->db_at].scan, err);
}

/* Go over the samples of the bucket once more. */
static int
again(void *arg, struct agg_pass *pass, struct ntdb_error *err)
{
	struct ntdb_query *q = arg;
	struct query_db *db = &q->dbs[q->db_at];
	const struct scan_options opt = { q->cache, 1u << 20, false };
	struct scan *sc;
	struct block b;
	uint32_t id;
	int r;

	r = scan_open_with(&sc, db->snap, &q->id, 1,
	    q->bucket > q->first ? q->bucket : q->first,
	    q->bucket_end < q->last ? q->bucket_end : q->last, &opt, err);
	if (r != 0)
		return r;
	if ((r = scan_next_metric(sc, &id, err)) == 0)
		while ((r = query_block(q, sc, &b, err)) == 0)
			agg_again(pass, b.m, b.scale, b.n);
	scan_close(sc);
	return r == NTDB_END ? 0 : r;
}

/* One row of the bucket at hand. */
static int
bucket_row(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	const int which = q->opt.aggregates[q->row_at++];

	row->db = q->dbs[q->db_at].sel->db;
	row->metric = q->name;
	row->id = q->id;
	row->aggregate = which;
	row->dec_m = 0;
	row->dec_scale = 0;

	/* Without a window an end that was not given is that of the data. */
	if (q->opt.window_ns == 0) {
		row->start_ns = q->opt.has_start ? q->first : q->seen_first;
		row->end_ns = q->opt.has_end ? q->last : q->seen_last;
		row->bucket_ns = row->start_ns;
	} else {
		row->bucket_ns = row->start_ns = q->bucket;
		row->end_ns = q->bucket_end < INT64_MAX ? q->bucket_end + 1 :
		    INT64_MAX;
		if (q->opt.has_start && row->start_ns < q->first)
			row->start_ns = q->first;
		if (q->opt.has_end && row->end_ns > q->last)
			row->end_ns = q->last;
	}
	row->t_ns = row->end_ns;
	return agg_result(&q->agg, which, again, q, &row->type, &row->value,
	    err);
}

int
query_next_row_of_bucket(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	const size_t n = q->opt.n_aggregates;
	int r;

	for (;;) {
		if (!q->in_metric && ((r = query_next_metric(q, err)) != 0 ||
		    (r = begin_metric(q, err)) != 0))
			return r;
		if (q->rows_left > 0 && q->row_at < n) {
			q->rows_left--;
			return bucket_row(q, row, err);
		}
		if (q->rows_left == 0) {
			q->in_metric = false;
			continue;
		}
		r = read_bucket(q, q->skip_rows >= n, err);
		if (r == NTDB_END) {
			q->in_metric = false;
			continue;
		}
		if (r != 0)
			return r;
		q->row_at = q->skip_rows < n ? (size_t)q->skip_rows : n;
		q->skip_rows -= q->row_at;
	}
}
