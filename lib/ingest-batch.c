/*
 * A batch over all its databases: what is committed, reported, and kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "ingest.h"

static const char *
reason_of(const struct pending *p, char *buf, size_t room)
{
	char ts[NTDB_TEXT_MAX], last[NTDB_TEXT_MAX];
	size_t ts_len, last_len;

	if (p->why != NTDB_REFUSE_LATE)
		return p->u.reason;
	ts_len = ntdb_time_format(p->t, NTDB_TIME_RFC3339, ts);
	last_len = ntdb_time_format(p->u.last_t, NTDB_TIME_RFC3339, last);
	snprintf(buf, room, "late sample: %.*s is before %.*s "
	    "(was the clock ahead? see late = accept)", (int)ts_len, ts,
	    (int)last_len, last);
	return buf;
}

static void
report(struct ntdb_ingest *in, const struct pending *p)
{
	uint64_t line = p->ordinal - in->source_base;
	char buf[192];

	in->stats.refused++;
	in->stats.refused_by[p->why]++;
	if (p->kind == PENDING_BAD)
		target_count_bad(in, p);
	if (in->opt.refused != NULL)
		in->opt.refused(in->opt.arg, line, p->text, p->text_len,
		    (enum ntdb_refusal)p->why,
		    reason_of(p, buf, sizeof(buf)));
}

/* Count and report what has a verdict, in the order of the input. */
static bool
settle(struct ntdb_ingest *in, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i++) {
		struct pending *p = &in->pending[i];

		switch (p->kind == PENDING_BAD ? VERDICT_REFUSED :
		    p->verdict) {
		case VERDICT_STORED:
			in->stats.samples++;
			if (p->flags & PENDING_ROUNDED)
				in->stats.rounded++;
			break;
		case VERDICT_DUPLICATE:
			in->stats.duplicates++;
			break;
		case VERDICT_REFUSED:
			report(in, p);
			if (!in->opt.strict)
				break;
			in->stats.committed = p->ordinal - 1;
			in->stopped = true;
			return false;
		default:
			break;
		}
	}
	return true;
}

void
ingest_drop_pending(struct ntdb_ingest *in, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (in->pending[i].flags & PENDING_HELD)
			free((void *)(uintptr_t)in->pending[i].text);
	in->n_pending -= n;
	if (in->n_pending > 0)
		memmove(in->pending, in->pending + n,
		    in->n_pending * sizeof(in->pending[0]));
	in->n_held = 0;
	in->text_bytes = 0;
}

/* Whatever waits keeps a copy of its text. */
static int
hold(struct pending *p, struct ntdb_error *err)
{
	char *copy;

	if (p->flags & (PENDING_HELD | PENDING_TYPED))
		return 0;
	if ((copy = malloc(p->text_len + 1)) == NULL)
		return err_nomem(err);
	memcpy(copy, p->text, p->text_len);
	p->text = copy;
	p->flags |= PENDING_HELD;
	return 0;
}

static bool
any_held(const struct ntdb_ingest *in, const bool *held, uint32_t n_dbs)
{
	uint32_t db;

	for (db = 0; db < n_dbs; db++)
		if (held[db])
			return true;
	return in->n_held > 0;
}

/*
 * Keep the samples of databases that wait, in their order, at the front.
 * Databases from n_dbs on have come by refused lines, and nothing waits.
 */
static int
keep_held(struct ntdb_ingest *in, const bool *held, uint32_t n_dbs,
    struct ntdb_error *err)
{
	uint32_t i, n = 0;
	int r;

	if (!any_held(in, held, n_dbs)) {
		ingest_drop_pending(in, in->n_pending);
		in->stats.committed = in->ordinal;
		return 0;
	}
	for (i = 0; i < in->n_pending; i++) {
		struct pending p = in->pending[i];

		if (p.kind == PENDING_BAD ||
		    !held[in->targets.at[p.target].db]) {
			if (p.flags & PENDING_HELD)
				free((void *)(uintptr_t)p.text);
			continue;
		}
		if ((r = hold(&p, err)) != 0)
			return r;
		in->pending[n++] = p;
	}
	in->n_pending = in->n_held = n;
	in->text_bytes = 0;
	in->stats.committed = n > 0 ? in->pending[0].ordinal - 1 :
	    in->ordinal;
	return 0;
}

/* ---------------------------------------------------------------- batches */

/*
 * Strict: stretches of one database, one after the other, so that nothing
 * behind a refused line is stored.
 */
static int
commit_strict(struct ntdb_ingest *in, bool *held, struct ntdb_error *err)
{
	uint32_t from = 0, to, db;
	int r;

	while (from < in->n_pending) {
		if (in->pending[from].kind == PENDING_BAD) {
			to = from + 1;
		} else {
			db = in->targets.at[in->pending[from].target].db;
			for (to = from + 1; to < in->n_pending &&
			    ingest_is_of(in, &in->pending[to], db); to++)
				;
			in->dbs[db].n_pending = to - from;
			r = ingest_commit_db(in, db, from, to, true, held, err);
			if (r != 0) {
				ingest_drop_pending(in, from);
				return r;
			}
		}
		if (!settle(in, from, to)) {
			ingest_drop_pending(in, in->n_pending);
			return err_set(err, NTDB_ECORRUPT,
			    "stopped at a refused line");
		}
		from = to;
	}
	in->stats.committed = in->ordinal;
	ingest_drop_pending(in, in->n_pending);
	return 0;
}

static int
commit_all(struct ntdb_ingest *in, bool finish, bool *held,
    struct ntdb_error *err)
{
	uint32_t i, db, n_dbs = in->n_dbs;
	int r = 0;

	for (db = 0; db < n_dbs; db++)
		in->dbs[db].n_pending = 0;
	for (i = 0; i < in->n_pending; i++)
		if (in->pending[i].kind != PENDING_BAD)
			in->dbs[in->targets.at[in->pending[i].target].db]
			    .n_pending++;
	for (db = 0; r == 0 && db < n_dbs; db++)
		if (in->dbs[db].n_pending > 0)
			r = ingest_commit_db(in, db, 0, in->n_pending, finish,
			    &held[db], err);
	if (r != 0)
		return r;
	settle(in, 0, in->n_pending);
	return keep_held(in, held, n_dbs, err);
}

int
ingest_commit(struct ntdb_ingest *in, bool finish, struct ntdb_error *err)
{
	bool *held;
	int r;

	if (in->n_pending == 0) {
		in->stats.committed = in->ordinal;
		if (finish)
			ingest_count_bad(in);
		return 0;
	}
	if ((held = calloc(in->n_dbs + 1, sizeof(held[0]))) == NULL)
		return err_nomem(err);
	r = in->opt.strict ? commit_strict(in, held, err) :
	    commit_all(in, finish, held, err);
	free(held);
	if (finish || in->stopped)
		ingest_count_bad(in);
	return r;
}
