/*
 * Where samples have arrived since the last run.
 *
 * What was in the log then is in pages of the log's epoch of then or of a
 * later one by now, or still in the log; only the directories of such pages
 * are read.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"
#include "timefmt.h"

/* The ranges found, sorted and joined only at the end. */
struct changes {
	struct snapshot *s;
	const struct rollup_since *since;
	struct buf list;	/* struct rollup_change */
};

static void
add(struct changes *c, uint32_t id, int64_t first, int64_t last)
{
	struct rollup_change x = { id, first, last };

	buf_add(&c->list, &x, sizeof(x));
}

static int
compare(const void *a, const void *b)
{
	const struct rollup_change *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Sort and join what overlaps or is not far apart; how many are left. */
static size_t
join(struct rollup_change *c, size_t n, uint64_t apart)
{
	size_t i, k = 0;

	if (n == 0)
		return 0;
	qsort(c, n, sizeof(*c), compare);
	for (i = 1; i < n; i++) {
		if (c[i].id == c[k].id && (c[i].first <= c[k].last ||
		    (uint64_t)c[i].first - (uint64_t)c[k].last <= apart))
			c[k].last = c[i].last > c[k].last ? c[i].last :
			    c[k].last;
		else
			c[++k] = c[i];
	}
	return k + 1;
}

size_t
rollup_join_changes(struct rollup_change *c, size_t n)
{
	return join(c, n, 0);
}

#define JOIN_AT (1u << 16)
#define LIST_MAX (1u << 18)

/*
 * Keep the list from growing with the number of samples: if need be, ranges
 * become wider than they need to be.
 */
static void
keep_short(struct changes *c, size_t *next)
{
	const size_t size = sizeof(struct rollup_change);
	size_t n = c->list.len / size;
	uint64_t apart = (uint64_t)NS_PER_S;
	struct rollup_change *list;

	if (n < *next || !buf_ok(&c->list))
		return;
	list = (struct rollup_change *)(void *)c->list.data;
	n = join(list, n, 0);
	for (; n > LIST_MAX && apart < UINT64_MAX / 4; apart *= 4)
		n = join(list, n, apart);
	c->list.len = n * size;
	*next = 2 * n > JOIN_AT ? 2 * n : JOIN_AT;
}

/* ---- the log */

static int
take_log(struct changes *c, struct ntdb_error *err)
{
	struct snapshot *s = c->s;
	uint64_t from = s->wal.head.len;
	size_t next = JOIN_AT;
	struct wal_reader r;
	struct record rec;
	int rc;

	if (s->wal.fd == -1)
		return 0;
	/* A position behind the end is that of a log that lost its end. */
	if (c->since->epoch == s->wal.head.epoch && c->since->pos > from &&
	    c->since->pos <= s->log_end)
		from = c->since->pos;
	if (from >= s->log_end)
		return 0;
	wal_reader_init(&r, &s->wal, from, s->log_end, s->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		while (batch_next(&r.batch, &rec) == 0)
			if (rec.kind == REC_SAMPLE)
				add(c, rec.id, rec.t, rec.t);
		keep_short(c, &next);
	}
	wal_reader_release(&r);
	return rc == NTDB_END ? 0 : rc;
}

int
rollup_log_first(struct snapshot *s, int64_t *first, struct ntdb_error *err)
{
	struct wal_reader r;
	struct record rec;
	int rc;

	*first = INT64_MAX;
	if (s->wal.fd == -1)
		return 0;
	wal_reader_init(&r, &s->wal, s->wal.head.len, s->log_end,
	    s->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0)
		while (batch_next(&r.batch, &rec) == 0)
			if (rec.kind == REC_SAMPLE && rec.t < *first)
				*first = rec.t;
	wal_reader_release(&r);
	return rc == NTDB_END ? 0 : rc;
}

/* ---- pages */

static int
take_page(struct changes *c, const struct datafile *f,
    const struct page_ref *ref, struct ntdb_error *err)
{
	struct page_dir dir;
	uint32_t i;
	int r;

	if ((r = datafile_dir(f, ref, &dir, err)) == 0)
		for (i = 0; i < dir.n_runs; i++)
			add(c, dir.runs[i].id, dir.runs[i].t_first,
			    dir.runs[i].t_last);
	page_dir_release(&dir);
	return r;
}

/* Damage is left out here as it is where samples are read. */
static int
take_file(struct changes *c, const struct datafile *f, uint64_t limit,
    struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	size_t next = JOIN_AT;
	int r;

	/* A file that was sealed before has nothing new before its end. */
	if (f->sealed_len > 0 && f->sealed_epoch <= c->since->epoch)
		pos = f->sealed_len;
	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			return 0;
		if (r == 0 && ref.head.epoch >= c->since->epoch &&
		    snapshot_counts(c->s, &ref)) {
			r = take_page(c, f, &ref, &why);
			keep_short(c, &next);
		}
		if (r != 0 && r != NTDB_ECORRUPT)
			return err_at(err, r, why.path, why.offset, "%s",
			    why.text);
	}
}

static int
take_files(struct changes *c, struct ntdb_error *err)
{
	struct partition *parts;
	struct datafile f;
	uint64_t limit;
	size_t n, i;
	int r;

	r = dbdir_partitions(&c->s->dir, INT64_MIN, INT64_MAX, &parts, &n,
	    err);
	for (i = 0; r == 0 && i < n; i++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = snapshot_file(c->s, parts[i], &f, &limit, &why);
		if (r == 0) {
			r = take_file(c, &f, limit, err);
			datafile_close(&f);
		} else if (r == NTDB_ENOENT || r == NTDB_ECORRUPT) {
			r = 0;
		} else {
			r = err_at(err, r, why.path, why.offset, "%s",
			    why.text);
		}
	}
	free(parts);
	return r;
}

/* ---- */

static void
take_everything(struct changes *c)
{
	uint32_t id;

	for (id = 1; id < c->s->state.n_slots; id++)
		add(c, id, INT64_MIN, INT64_MAX);
}

int
rollup_changes(struct snapshot *s, const struct rollup_since *since,
    struct rollup_change **out, size_t *n, struct ntdb_error *err)
{
	struct changes c = { s, since, BUF_INIT };
	int r = 0;

	*out = NULL;
	*n = 0;
	/* A log of an epoch before that is another one altogether. */
	if (!since->known || s->all_pages ||
	    since->epoch > s->wal.head.epoch) {
		take_everything(&c);
	} else if ((r = take_log(&c, err)) == 0 &&
	    since->epoch < s->wal.head.epoch) {
		r = take_files(&c, err);
	}
	if (r == 0 && !buf_ok(&c.list))
		r = err_nomem(err);
	if (r != 0) {
		buf_release(&c.list);
		return r;
	}
	*out = (struct rollup_change *)(void *)c.list.data;
	*n = join(*out, c.list.len / sizeof(**out), 0);
	return 0;
}
