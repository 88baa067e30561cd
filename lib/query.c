#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "number.h"
#include "query.h"

#define OPEN_MAX_DBS 12		/* databases open at once */
#define PLAN_BYTES (7u << 20)	/* of all scans together */

void
query_close_db(struct ntdb_query *q, size_t i)
{
	struct query_db *db = &q->dbs[i];

	if (!db->open)
		return;
	scan_close(db->scan);
	db->scan = NULL;
	pagecache_forget(q->cache, db->snap);
	snapshot_give_back(db->snap);
	db->snap = NULL;
	db->open = false;
	q->n_open--;
}

/* Close the database that was used longest ago. */
static void
make_room(struct ntdb_query *q)
{
	size_t i, old = q->sel.n;

	for (i = 0; i < q->sel.n; i++)
		if (q->dbs[i].open &&
		    (old == q->sel.n || q->dbs[i].used < q->dbs[old].used))
			old = i;
	query_close_db(q, old);
}

int
query_open_db(struct ntdb_query *q, size_t i, struct ntdb_error *err)
{
	struct query_db *db = &q->dbs[i];
	int r;

	db->used = ++q->clock;
	if (db->open)
		return 0;
	if (q->n_open >= OPEN_MAX_DBS)
		make_room(q);
	db->snap = db->sel->snap;
	db->sel->snap = NULL;
	if (db->snap == NULL && (r = snapshot_borrow(&db->snap, q->root,
	    db->sel->db, err)) != 0)
		return r;
	if (db->snap->damage.code != 0 &&
	    (r = pagecache_damage(q->cache, db->snap, &db->snap->damage,
	    err)) != 0) {
		snapshot_give_back(db->snap);
		db->snap = NULL;
		return r;
	}
	db->open = true;
	q->n_open++;
	return 0;
}

/* Begin to read a database's metrics from a time on. */
static int
open_scan(struct ntdb_query *q, struct query_db *db, struct ntdb_error *err)
{
	const struct scan_options opt = { q->cache, PLAN_BYTES, false };

	return scan_open_with(&db->scan, db->snap, db->sel->ids, db->sel->n,
	    q->first, q->last, &opt, err);
}

void
query_metric(struct ntdb_query *q, const struct snapshot *s, uint32_t id)
{
	const struct metric *m = state_metric(&s->state, id);

	q->id = id;
	q->type = NTDB_FLOAT64;
	q->name[0] = '\0';
	if (m == NULL)
		return;
	q->type = m->type;
	memcpy(q->name, state_name(&s->state, m), m->name_len);
	q->name[m->name_len] = '\0';
}

void
query_row(const struct ntdb_query *q, int64_t t, int64_t m,
    const uint8_t *scale, struct ntdb_row *row)
{
	row->db = q->dbs[q->db_at].sel->db;
	row->metric = q->name;
	row->id = q->id;
	row->type = q->type;
	row->aggregate = -1;
	row->t_ns = row->start_ns = row->end_ns = row->bucket_ns = t;
	row->dec_m = m;
	row->dec_scale = 0;
	if (scale == NULL) {
		row->value.i = m;
		return;
	}
	row->value.f = dec_to_f64(m, *scale);
	row->dec_scale = *scale;
}

size_t
ntdb_row_format(const struct ntdb_row *row, char *buf)
{
	if (ntdb_type_is_int(row->type))
		return number_format_i64(row->value.i, buf);
	if (row->aggregate >= 0)
		return number_format_f64(row->value.f, buf);
	return dec_format(row->dec_m, row->dec_scale, buf);
}

int
query_next_metric(struct ntdb_query *q, struct ntdb_error *err)
{
	struct query_db *db;
	uint32_t id;
	int r;

	q->in_metric = false;
	if ((r = query_check(q, err)) != 0)
		return r;
	for (; q->db_at < q->sel.n; q->db_at++, q->in_db = false) {
		db = &q->dbs[q->db_at];
		if (!q->in_db) {
			if ((r = query_open_db(q, q->db_at, err)) != 0 ||
			    (r = open_scan(q, db, err)) != 0)
				return r;
			q->in_db = true;
		}
		r = scan_next_metric(db->scan, &id, err);
		if (r == 0) {
			query_metric(q, db->snap, id);
			q->in_metric = true;
			return 0;
		}
		if (r != NTDB_END)
			return r;
		query_close_db(q, q->db_at);
	}
	return NTDB_END;
}

int
query_check(const struct ntdb_query *q, struct ntdb_error *err)
{
	if (q->opt.stop != NULL && q->opt.stop(q->opt.stop_arg))
		return err_set(err, NTDB_ESTOPPED, "stopped");
	return 0;
}

int
query_account(struct ntdb_query *q, size_t n, struct ntdb_error *err)
{
	if (n > q->samples_left)
		return err_set(err, NTDB_ELIMIT,
		    "the query reads more than %" PRIu64 " samples",
		    q->opt.max_samples);
	q->samples_left -= n;
	return query_check(q, err);
}

int
query_block(struct ntdb_query *q, struct scan *sc, struct block *b,
    struct ntdb_error *err)
{
	int r = scan_next_block(sc, b, err);

	return r != 0 ? r : query_account(q, b->n, err);
}

int
query_count(struct ntdb_query *q, struct scan *sc, uint64_t *n,
    struct ntdb_error *err)
{
	const struct page_stats *stats;
	int64_t first_t, last_t;
	struct block b;
	uint32_t n_run;
	int r;

	*n = 0;
	for (;;) {
		while (scan_skip_run(sc, 0, NULL, NULL, &stats, &n_run,
		    &first_t, &last_t) == 0)
			*n += n_run;
		if ((r = query_block(q, sc, &b, err)) != 0)
			break;
		*n += b.n;
	}
	return r == NTDB_END ? scan_rewind(sc, err) : r;
}

uint64_t
query_skipped(const struct ntdb_query *q, uint64_t rows)
{
	uint64_t keep;

	if (q->opt.limit >= 0)
		return 0;
	keep = 0 - (uint64_t)q->opt.limit;
	return rows > keep ? rows - keep : 0;
}

/* Begin with the samples of a metric. */
static int
begin_samples(struct ntdb_query *q, struct ntdb_error *err)
{
	uint64_t n;
	int r;

	q->block.n = q->at = 0;
	q->index = q->wanted = 0;
	q->rows_left = q->opt.limit > 0 ? (uint64_t)q->opt.limit : UINT64_MAX;
	if (q->opt.limit >= 0)
		return 0;
	r = query_count(q, q->dbs[q->db_at].scan, &n, err);
	if (r == 0 && n > 0)
		q->wanted = query_skipped(q, (n - 1) / q->stride + 1) *
		    q->stride;
	return r;
}

/* Whether a run holds nothing that is wanted: it ends before a gap does. */
static bool
run_fits(const void *arg, const struct page_stats *stats, uint32_t n)
{
	const uint64_t *gap = arg;

	(void)stats;
	return n <= *gap;
}

/* Get at the next sample that is wanted of the metric.  NTDB_END. */
static int
next_sample(struct ntdb_query *q, struct ntdb_error *err)
{
	struct scan *sc = q->dbs[q->db_at].scan;
	const struct page_stats *stats;
	int64_t first_t, last_t;
	uint64_t gap;
	uint32_t n;
	int r;

	for (;;) {
		gap = q->wanted - q->index;
		if (q->at + gap < q->block.n) {
			q->at += (size_t)gap;
			q->index = q->wanted;
			return 0;
		}
		q->index += q->block.n - q->at;
		q->at = q->block.n = 0;

		gap = q->wanted - q->index;
		while (gap > 0 && scan_skip_run(sc, 0, run_fits, &gap, &stats,
		    &n, &first_t, &last_t) == 0) {
			q->index += n;
			gap -= n;
		}
		r = query_block(q, sc, &q->block, err);
		if (r != 0)
			return r;
	}
}

/* Get at the next sample that is wanted of any metric.  NTDB_END. */
static int
find_sample(struct ntdb_query *q, struct ntdb_error *err)
{
	int r;

	for (;;) {
		if (!q->in_metric && ((r = query_next_metric(q, err)) != 0 ||
		    (r = begin_samples(q, err)) != 0))
			return r;
		r = q->rows_left > 0 ? next_sample(q, err) : NTDB_END;
		if (r != NTDB_END)
			return r;
		q->in_metric = false;
	}
}

static int
next_of_metric(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	int r;

	/* Mostly it is just the next one of the block. */
	if ((q->at >= q->block.n || q->wanted != q->index ||
	    q->rows_left == 0 || !q->in_metric) &&
	    (r = find_sample(q, err)) != 0)
		return r;
	query_row(q, q->block.t[q->at], q->block.m[q->at],
	    q->block.scale != NULL ? &q->block.scale[q->at] : NULL, row);
	q->at++;
	q->index++;
	q->wanted += q->stride;
	q->rows_left--;
	return 0;
}

/* The next metric of the selection. */
static int
next_name(struct ntdb_query *q, struct ntdb_row *row, struct ntdb_error *err)
{
	struct query_db *db;
	int r;

	while (q->db_at < q->sel.n &&
	    q->metric_at >= q->dbs[q->db_at].sel->n) {
		query_close_db(q, q->db_at++);
		q->metric_at = 0;
	}
	if (q->db_at == q->sel.n)
		return NTDB_END;
	db = &q->dbs[q->db_at];
	if ((r = query_open_db(q, q->db_at, err)) != 0 ||
	    (r = query_check(q, err)) != 0)
		return r;
	query_metric(q, db->snap, db->sel->ids[q->metric_at++]);
	query_row(q, 0, 0, NULL, row);
	return 0;
}

static int
check_options(const struct ntdb_query_options *opt, size_t n_targets,
    struct ntdb_error *err)
{
	size_t i;

	if (n_targets == 0)
		return err_set(err, NTDB_EUSAGE, "nothing is asked for");
	for (i = 0; i < opt->n_aggregates; i++)
		if (opt->aggregates[i] >= NTDB_AGGREGATE_N)
			return err_set(err, NTDB_EUSAGE,
			    "no such aggregate: %u", opt->aggregates[i]);
	if (opt->n_aggregates > 0 && opt->last)
		return err_set(err, NTDB_EUSAGE,
		    "the last sample cannot be aggregated");
	if (opt->n_aggregates > 0 && opt->order == NTDB_ORDER_DAY)
		return err_set(err, NTDB_EUSAGE,
		    "aggregates do not come by day");
	if (opt->step_ns != 0 && (opt->step_ns < 0 || opt->lookback_ns < 1 ||
	    !opt->has_start || !opt->has_end || opt->n_aggregates > 0 ||
	    opt->last || opt->order != NTDB_ORDER_METRIC))
		return err_set(err, NTDB_EUSAGE,
		    "steps need both ends and a lookback, and nothing else");
	if (opt->window_ns < 0 ||
	    (opt->window_ns > 0 && opt->n_aggregates == 0))
		return err_set(err, NTDB_EUSAGE,
		    "a window needs aggregates, and must not be negative");
	return 0;
}

/* Begin with a selection of n databases: a record for each. */
static int
make_dbs(struct ntdb_query *q, struct ntdb_error *err)
{
	size_t i;

	if ((q->dbs = calloc(q->sel.n + 1, sizeof(*q->dbs))) == NULL)
		return err_nomem(err);
	for (i = 0; i < q->sel.n; i++)
		q->dbs[i].sel = &q->sel.dbs[i];
	return 0;
}

static void
release_dbs(struct ntdb_query *q)
{
	size_t i;

	for (i = 0; q->dbs != NULL && i < q->sel.n; i++) {
		query_close_db(q, i);
		free(q->dbs[i].seen);
		free(q->dbs[i].skip);
	}
	free(q->dbs);
	q->dbs = NULL;
	selection_release(&q->sel);
}

/*
 * One metric by its name is found in the snapshot that it is then read from,
 * without a look at other databases.  false: it is not as simple as that.
 */
static bool
select_named(struct ntdb_query *q, const char *target)
{
	const char *slash = strchr(target, '/');
	const struct snapshot *s;
	struct selected *d;

	if (q->opt.regex || q->opt.match != NULL || slash == NULL ||
	    !ntdb_database_name_ok(target, (size_t)(slash - target)))
		return false;
	if ((q->sel.dbs = d = calloc(1, sizeof(*d))) == NULL)
		return false;
	q->sel.n = 1;
	memcpy(d->db, target, (size_t)(slash - target));
	if (make_dbs(q, NULL) != 0 || query_open_db(q, 0, NULL) != 0 ||
	    (d->ids = malloc(sizeof(*d->ids))) == NULL)
		goto no;
	s = q->dbs[0].snap;
	d->ids[0] = state_find(&s->state, slash + 1, strlen(slash + 1));
	d->n = 1;
	if (s->wal.fd != -1 && d->ids[0] != 0)
		return true;
no:
	release_dbs(q);
	return false;
}

int
ntdb_query_open(struct ntdb *root, const struct ntdb_query_options *opt,
    const char *const *targets, size_t n_targets, struct ntdb_query **out,
    struct ntdb_error *err)
{
	struct ntdb_query *q;
	int r;

	*out = NULL;
	if ((r = check_options(opt, n_targets, err)) != 0)
		return r;
	if ((q = calloc(1, sizeof(*q))) == NULL)
		return err_nomem(err);
	q->root = root;
	q->opt = *opt;
	q->first = opt->has_start ? opt->start_ns : INT64_MIN;
	q->last = opt->has_end ? opt->end_ns : INT64_MAX;
	if (opt->step_ns > 0 && __builtin_sub_overflow(q->first,
	    opt->lookback_ns - 1, &q->first))
		q->first = INT64_MIN;
	q->over = opt->step_ns > 0 && opt->start_ns > opt->end_ns;
	q->samples_left = opt->max_samples > 0 ? opt->max_samples :
	    UINT64_MAX;
	q->stride = opt->stride > 0 ? opt->stride : 1;
	q->row_at = opt->n_aggregates;
	agg_init(&q->agg, opt->aggregates, opt->n_aggregates);
	q->next = opt->names ? next_name :
	    opt->step_ns > 0 ? query_next_of_step :
	    opt->n_aggregates > 0 ? query_next_row_of_bucket :
	    opt->last ? query_next_last :
	    opt->order == NTDB_ORDER_DAY ? query_next_of_day : next_of_metric;
	if ((r = pagecache_borrow(&q->cache, root, err)) != 0)
		goto fail;
	if (!(n_targets == 1 && select_named(q, targets[0])) &&
	    ((r = select_targets(root, opt, targets, n_targets, &q->sel,
	    err)) != 0 || (r = make_dbs(q, err)) != 0))
		goto fail;
	*out = q;
	return 0;
fail:
	ntdb_query_close(q);
	return r;
}

int
ntdb_query_next(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	int r;

	if (q->over)
		return NTDB_END;
	if (q->first > q->last)
		r = NTDB_END;
	else
		r = q->next(q, row, err);
	if (r == 0)
		return 0;
	q->over = true;
	if (r != NTDB_END)
		return r;

	/* All that can be read has been; now say if something could not. */
	r = pagecache_verdict(q->cache, err);
	return r != 0 ? r : NTDB_END;
}

void
ntdb_query_close(struct ntdb_query *q)
{
	if (q == NULL)
		return;
	release_dbs(q);
	free(q->lasts);
	agg_release(&q->agg);
	pagecache_give_back(q->cache);
	free(q);
}
