/*
 * The newest sample of each metric.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "number.h"
#include "query.h"
#include "timefmt.h"

/* Whether a name leads to something; *plain: to a file without a link. */
static bool
leads_to_file(int dirfd, const char *name, bool *plain)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	*plain = S_ISREG(st.st_mode);
	return *plain || faccessat(dirfd, name, F_OK, 0) == 0;
}

/*
 * Whether a data file is there that could hold a sample of that time: if not,
 * what the state remembers may have been removed by its owner.  The one that
 * was found last is known; to the snapshot, until its directory changes, which
 * it does not where a link leads elsewhere.
 */
static bool
has_file(struct snapshot *s, int64_t t, struct partition *known)
{
	char name[PARTITION_NAME_MAX];
	int64_t first, last, now;
	struct partition part;
	bool plain;
	int kind;

	partition_span(*known, &first, &last);
	if (first <= t && t <= last)
		return true;
	now = io_clock_ns();
	for (kind = PART_DAY; kind <= PART_FOREVER; kind++) {
		part = partition_of((enum partition_kind)kind, t);
		partition_name(part, name);
		if (!leads_to_file(s->dir.fd, name, &plain))
			continue;
		*known = s->there_part = part;
		stamp_take(&s->there, &s->dir.st, now);
		s->there.certain &= plain;
		return true;
	}
	return false;
}

/* Take what the state knows; ids it cannot answer for go to ask. */
static void
from_state(const struct ntdb_query *q, const struct query_db *db,
    struct last_sample *out, uint32_t *ask, uint32_t *ask_at, size_t *n_ask)
{
	struct snapshot *s = db->snap;
	struct partition known = stamp_holds(&s->there, &s->dir.st) ?
	    s->there_part : partition_of(PART_DAY, INT64_MIN);
	const struct metric *m;
	size_t i;

	*n_ask = 0;
	for (i = 0; i < db->sel->n; i++) {
		m = state_metric(&s->state, db->sel->ids[i]);
		out[i].found = false;
		if (s->state.complete && m != NULL &&
		    (!(m->flags & METRIC_HAS_LAST) || m->last_t < q->first))
			continue;
		if (s->state.complete && m != NULL && m->last_t <= q->last &&
		    (m->in_log ||
		    has_file(s, m->last_t, &known))) {
			out[i].found = true;
			out[i].t = m->last_t;
			out[i].m = m->last_m;
			out[i].scale = m->last_scale;
			if (!ntdb_type_is_int(m->type) && m->last_scale == 0)
				int_to_decimal(&out[i].m, &out[i].scale);
			continue;
		}
		ask[*n_ask] = db->sel->ids[i];
		ask_at[(*n_ask)++] = (uint32_t)i;
	}
}

/* Damage that the state has been read around; who reads the log tells, too. */
static int
tell_damage(struct ntdb_query *q, const struct query_db *db,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (!db->snap->state.damaged)
		return 0;
	err_at(&why, NTDB_ECORRUPT, db->snap->dir.wal_path, -1,
	    "part of the log is damaged");
	return pagecache_damage(q->cache, db->snap, &why, err);
}

/* The newest samples of a database's metrics. */
static int
find_lasts(struct ntdb_query *q, struct query_db *db,
    struct last_sample *out, struct ntdb_error *err)
{
	struct last_sample *found = NULL;
	uint32_t *ask, *ask_at;
	size_t n, i;
	int r = 0;

	if ((ask = malloc(db->sel->n * 2 * sizeof(*ask))) == NULL)
		return err_nomem(err);
	ask_at = ask + db->sel->n;
	from_state(q, db, out, ask, ask_at, &n);
	if (n == 0) {
		r = tell_damage(q, db, err);
	} else {
		if ((found = malloc(n * sizeof(*found))) == NULL)
			r = err_nomem(err);
		else
			r = scan_find_lasts(db->snap, q->cache, ask, n,
			    q->first, q->last, found, err);
		for (i = 0; i < n && r == 0; i++)
			/* -fanalyzer: filled, as r is 0 */
			out[ask_at[i]] = found[i];
	}
	free(found);
	free(ask);
	return r;
}

/* Add the newest samples of one database to the list. */
static int
add_db(struct ntdb_query *q, size_t db_at, struct ntdb_error *err)
{
	struct query_db *db = &q->dbs[db_at];
	struct last_sample *out;
	struct query_last *more;
	size_t i;
	int r;

	if ((r = query_open_db(q, db_at, err)) != 0 ||
	    (r = query_account(q, db->sel->n, err)) != 0)
		return r;
	more = realloc(q->lasts,
	    (q->n_lasts + db->sel->n) * sizeof(*q->lasts));
	if (more == NULL)
		return err_nomem(err);
	q->lasts = more;
	if ((out = malloc(db->sel->n * sizeof(*out))) == NULL)
		return err_nomem(err);
	r = find_lasts(q, db, out, err);
	for (i = 0; i < db->sel->n && r == 0; i++) {
		/* -fanalyzer: find_lasts has filled all of out */
		if (!out[i].found)
			continue;
		more = &q->lasts[q->n_lasts++];
		/* -fanalyzer: as above */
		more->t = out[i].t;
		more->m = out[i].m;
		more->scale = out[i].scale;
		more->db = (uint32_t)db_at;
		more->at = (uint32_t)i;
		more->id = db->sel->ids[i];
	}
	free(out);
	return r;
}

static int
compare_days(const void *a, const void *b)
{
	const struct query_last *x = a, *y = b;
	int64_t dx = day_of_ns(x->t), dy = day_of_ns(y->t);

	if (dx != dy)
		return dx < dy ? -1 : 1;
	if (x->db != y->db)
		return x->db < y->db ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* List the samples to be given next: by day all at once, else a database's. */
static int
more_lasts(struct ntdb_query *q, struct ntdb_error *err)
{
	size_t i;
	int r;

	q->n_lasts = q->last_at = 0;
	if (q->opt.order == NTDB_ORDER_METRIC) {
		while (q->db_at < q->sel.n && q->n_lasts == 0) {
			if (q->db_at > 0)
				query_close_db(q, q->db_at - 1);
			if ((r = add_db(q, q->db_at++, err)) != 0)
				return r;
		}
		return q->n_lasts > 0 ? 0 : NTDB_END;
	}
	if (q->in_day)
		return NTDB_END;
	q->in_day = true;
	for (i = 0; i < q->sel.n; i++)
		if ((r = add_db(q, i, err)) != 0)
			return r;
	if (q->n_lasts == 0)
		return NTDB_END;
	qsort(q->lasts, q->n_lasts, sizeof(*q->lasts), compare_days);
	return 0;
}

int
query_next_last(struct ntdb_query *q, struct ntdb_row *row,
    struct ntdb_error *err)
{
	const struct query_last *l;
	size_t db_at;
	int r;

	if (q->last_at == q->n_lasts && (r = more_lasts(q, err)) != 0)
		return r;
	l = &q->lasts[q->last_at++];
	if ((r = query_open_db(q, l->db, err)) != 0)
		return r;
	query_metric(q, q->dbs[l->db].snap, l->id);
	db_at = q->db_at;
	q->db_at = l->db;
	query_row(q, l->t, l->m, ntdb_type_is_int(q->type) ? NULL : &l->scale,
	    row);
	q->db_at = db_at;
	return 0;
}
