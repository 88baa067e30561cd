/*
 * Samples by UTC day, then by metric, then by time.
 */
#include <stdlib.h>

#include "error.h"
#include "query.h"
#include "timefmt.h"

#define PLAN_BYTES (3u << 20)
#define PLAN_LEAST (256u << 10)

/* Open a database for reading day by day from a time on. */
static int
open_days(struct ntdb_query *q, size_t i, int64_t first,
    struct ntdb_error *err)
{
	struct scan_options opt = { q->cache, PLAN_BYTES / q->sel.n, true };
	struct query_db *db = &q->dbs[i];
	int r;

	if ((r = query_open_db(q, i, err)) != 0 || db->scan != NULL)
		return r;
	if (opt.budget < PLAN_LEAST)
		opt.budget = PLAN_LEAST;
	return scan_open_with(&db->scan, db->snap, db->sel->ids, db->sel->n,
	    first, q->last, &opt, err);
}

/* Find out on which day a database goes on. */
static int
find_day(struct query_db *db, struct ntdb_error *err)
{
	int r = scan_next_day(db->scan, &db->day, err);

	if (r < 0)
		return r;
	db->known = true;
	db->over = r == NTDB_END;
	return 0;
}

/* How many samples of each metric stride and limit leave out at first. */
static int
count_skips(struct ntdb_query *q, struct query_db *db,
    struct ntdb_error *err)
{
	const struct scan_options opt = { q->cache, PLAN_BYTES / 2, false };
	struct scan *sc;
	uint64_t n;
	uint32_t id;
	size_t i;
	int r;

	r = scan_open_with(&sc, db->snap, db->sel->ids, db->sel->n, q->first,
	    q->last, &opt, err);
	if (r != 0)
		return r;
	for (i = 0; (r = scan_next_metric(sc, &id, err)) == 0; i++) {
		if ((r = query_count(q, sc, &n, err)) != 0)
			break;
		if (n > 0)
			db->skip[i] = q->stride *
			    query_skipped(q, (n - 1) / q->stride + 1);
	}
	scan_close(sc);
	return r == NTDB_END ? 0 : r;
}

/* Begin with a database for the first time. */
static int
begin_db(struct ntdb_query *q, size_t i, struct ntdb_error *err)
{
	struct query_db *db = &q->dbs[i];
	int r;

	if ((r = query_open_db(q, i, err)) != 0)
		return r;
	if (q->stride > 1 || q->opt.limit != 0) {
		db->seen = calloc(db->sel->n, sizeof(*db->seen));
		db->skip = calloc(db->sel->n, sizeof(*db->skip));
		if (db->seen == NULL || db->skip == NULL)
			return err_nomem(err);
	}
	if (q->opt.limit < 0 && (r = count_skips(q, db, err)) != 0)
		return r;
	if ((r = open_days(q, i, q->first, err)) != 0)
		return r;
	return find_day(db, err);
}

/* The earliest day on which any database goes on.  NTDB_END. */
static int
next_day(struct ntdb_query *q, struct ntdb_error *err)
{
	bool any = false;
	size_t i;
	int r;

	for (i = 0; i < q->sel.n; i++) {
		struct query_db *db = &q->dbs[i];

		if (!db->known && (r = begin_db(q, i, err)) != 0)
			return r;
		if (!db->over && (!any || db->day < q->day)) {
			q->day = db->day;
			any = true;
		}
	}
	q->in_day = any;
	q->db_at = 0;
	q->in_db = q->in_metric = false;
	return any ? 0 : NTDB_END;
}

/* Begin with the day in the database at hand, opened again if need be. */
static int
begin_day(struct ntdb_query *q, struct ntdb_error *err)
{
	int64_t first = q->day > q->first ? q->day : q->first;
	int r;

	if ((r = open_days(q, q->db_at, first, err)) != 0)
		return r;
	scan_begin_day(q->dbs[q->db_at].scan, q->day);
	q->in_db = true;
	return 0;
}

/* The index of the current metric among the database's. */
static size_t
find_metric(const struct ntdb_query *q, uint32_t id)
{
	const struct selected *sel = q->dbs[q->db_at].sel;
	size_t at = q->metric_at;

	/* They come in order. */
	while (at < sel->n && sel->ids[at] != id)
		at++;
	return at;
}

/* The next metric with samples on the day.  NTDB_END: no more of the day. */
static int
next_metric(struct ntdb_query *q, struct ntdb_error *err)
{
	struct query_db *db;
	uint32_t id;
	int r;

	for (; q->db_at < q->sel.n; q->db_at++) {
		db = &q->dbs[q->db_at];
		if (!q->in_db && (db->over || db->day != q->day))
			continue;
		if (!q->in_db) {
			q->metric_at = 0;
			if ((r = begin_day(q, err)) != 0)
				return r;
		}
		r = scan_next_metric(db->scan, &id, err);
		if (r == 0) {
			query_metric(q, db->snap, id);
			q->metric_at = find_metric(q, id);
			q->in_metric = true;
			q->at = q->block.n = 0;
			return 0;
		}
		q->in_db = false;
		if (r != NTDB_END || (r = find_day(db, err)) != 0)
			return r;
	}
	return NTDB_END;
}

/* Whether stride and limit want the next sample of the metric. */
static bool
is_wanted(struct ntdb_query *q)
{
	struct query_db *db = &q->dbs[q->db_at];
	uint64_t at;

	if (db->seen == NULL)
		return true;
	at = db->seen[q->metric_at]++;
	if (at < db->skip[q->metric_at] || at % q->stride != 0)
		return false;
	return q->opt.limit <= 0 || at / q->stride < (uint64_t)q->opt.limit;
}

int
query_next_of_day(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	const struct block *b = &q->block;
	int r;

	for (;;) {
		if (!q->in_day && (r = next_day(q, err)) != 0)
			return r;
		if (!q->in_metric && (r = next_metric(q, err)) != 0) {
			if (r != NTDB_END)
				return r;
			q->in_day = false;
			continue;
		}
		if (q->at == q->block.n) {
			q->at = 0;
			q->block.n = 0;
			r = query_block(q, q->dbs[q->db_at].scan, &q->block,
			    err);
			if (r == NTDB_END) {
				q->block.n = 0;
				q->in_metric = false;
				continue;
			}
			if (r != 0)
				return r;
		}
		if (is_wanted(q))
			break;
		q->at++;
	}
	query_row(q, b->t[q->at], b->m[q->at],
	    b->scale != NULL ? &b->scale[q->at] : NULL, row);
	q->at++;
	return 0;
}
