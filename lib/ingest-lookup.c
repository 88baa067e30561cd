/*
 * What log and pages hold at the places of a batch's suspects, found in one
 * pass.  A page is read only if a suspect's time lies in it, a run's times
 * only if one of its metric does, and values only where a time is met.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "error.h"
#include "flush-chunk.h"
#include "flush.h"
#include "ingest-impl.h"
#include "order.h"


/* ------------------------------------------------- where the suspects are */

/* Count suspects by parts of the time they span. */
static void
spread(struct lookup *l)
{
	const struct suspects *s = l->s;
	const struct suspect_metric *m;
	uint64_t lo = UINT64_MAX, hi = 0;
	size_t i;

	for (m = s->metrics; m < s->metrics + s->n_metrics; m++) {
		if (s->keys[m->at] < lo)
			lo = s->keys[m->at];
		if (s->keys[m->at + m->n - 1] > hi)
			hi = s->keys[m->at + m->n - 1];
	}
	l->first = order_i64(lo);
	l->last = order_i64(hi);
	l->part = (hi - lo) / LOOKUP_PARTS + 1;
	for (i = 0; i < s->n; i++)
		l->upto[(s->keys[i] - lo) / l->part + 1]++;
	for (i = 1; i <= LOOKUP_PARTS; i++)
		l->upto[i] += l->upto[i - 1];
}

/* Whether any may lie in this span. */
static bool
any_between(const struct lookup *l, int64_t first, int64_t last)
{
	const uint64_t lo = order_key_i64(l->first);

	if (first > l->last || last < l->first)
		return false;
	if (first < l->first)
		first = l->first;
	if (last > l->last)
		last = l->last;
	return l->upto[(order_key_i64(last) - lo) / l->part + 1] >
	    l->upto[(order_key_i64(first) - lo) / l->part];
}

/* The bit of a place in l->places. */
static uint32_t
bit_of(uint32_t entry, uint64_t key)
{
	uint64_t h = (key ^ (uint64_t)entry << 40) *
	    UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)((h ^ h << 32) >> (64 - LOOKUP_BITS));
}

static void
set_bits(struct lookup *l)
{
	const struct suspects *s = l->s;
	uint32_t i, k, bit;

	for (i = 0; i < s->n_metrics; i++)
		for (k = 0; k < s->metrics[i].n; k++) {
			bit = bit_of(i, s->keys[s->metrics[i].at + k]);
			l->places[bit >> 6] |= (uint64_t)1 << (bit & 63);
		}
}

/* The suspects of a metric, if one of them wants this time, or NULL. */
static const struct suspect_metric *
wanted(const struct lookup *l, uint32_t id, int64_t t)
{
	const struct suspect_metric *e;
	uint32_t bit;

	if (t < l->first || t > l->last ||
	    (e = lookup_entry(l, id)) == NULL)
		return NULL;
	bit = bit_of((uint32_t)(e - l->s->metrics), order_key_i64(t));
	if ((l->places[bit >> 6] >> (bit & 63) & 1) == 0)
		return NULL;
	return suspects_want(l->s, e, t) ? e : NULL;
}

/* Damage is told once; what is lost cannot be a duplicate. */
static int
damaged(struct lookup *l, const struct ntdb_error *why,
    struct ntdb_error *err)
{
	return pagecache_damage(l->s->told, l->view, why, err);
}

/* -------------------------------------------------------------- the log */

static int
look_in_batch(struct lookup *l, struct batch_reader *b,
    struct ntdb_error *err)
{
	const struct suspect_metric *e;
	struct record rec;
	int r;

	while (batch_next(b, &rec) == 0) {
		if (rec.kind != REC_SAMPLE ||
		    (e = wanted(l, rec.id, rec.t)) == NULL)
			continue;
		r = lookup_found(l, e, &l->view->state.metrics[rec.id], rec.is_int,
		    rec.t, rec.m, rec.scale, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* What is in the log, if all of that is kept for the next flush. */
static int
look_in_kept(struct lookup *l, const struct chunk *c, struct ntdb_error *err)
{
	const struct suspect_metric *e;
	uint32_t i;
	int r;

	for (i = 0; i < c->n; i++) {
		if ((e = wanted(l, c->id[i], c->t[i])) == NULL)
			continue;
		r = lookup_found(l, e, &l->view->state.metrics[c->id[i]],
		    c->scale[i] == CHUNK_INT, c->t[i], c->m[i], c->scale[i],
		    err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int
look_in_log(struct lookup *l, struct ntdb_error *err)
{
	const struct snapshot *v = l->view;
	struct wal_reader rd;
	int r;

	wal_reader_init(&rd, &v->wal, v->wal.head.len, v->log_end,
	    v->dir.wal_path);
	while ((r = wal_reader_next(&rd, err)) == 0) {
		if (rd.damage_len > 0) {
			struct ntdb_error why = NTDB_ERROR_INIT;

			err_at(&why, NTDB_ECORRUPT, v->dir.wal_path,
			    (int64_t)rd.damage_pos,
			    "%llu bytes of the log are damaged",
			    (unsigned long long)rd.damage_len);
			if ((r = damaged(l, &why, err)) != 0)
				break;
		}
		if ((r = look_in_batch(l, &rd.batch, err)) != 0)
			break;
	}
	wal_reader_release(&rd);
	return r == NTDB_END ? 0 : r;
}

static int
look_behind_pages(struct lookup *l, struct ntdb_error *err)
{
	const struct judging *j = l->j;
	const struct chunk *kept = j->keep;
	int r;

	if (kept == NULL && j->w->flusher != NULL &&
	    (r = flusher_kept(j->w->flusher, j->w, &kept, err)) != 0)
		return r;
	return kept != NULL ? look_in_kept(l, kept, err) :
	    look_in_log(l, err);
}

/* ------------------------------------------------------------- the pages */

/* If a run may hold suspects, take it down. */
static int
consider(struct lookup *l, uint32_t i, struct ntdb_error *err)
{
	const struct page_run *run = &l->dir->runs[i];
	const struct suspect_metric *e = lookup_entry(l, run->id);
	struct hit h = { i, 0, 0, 0 }, *hits;
	uint64_t *order;
	uint32_t values;
	size_t cap;

	if (e == NULL || run->t_first > l->last || run->t_last < l->first)
		return 0;
	h.from = suspects_before(l->s, e, order_key_i64(run->t_first));
	h.to = run->t_last == INT64_MAX ? e->n :
	    suspects_before(l->s, e, order_key_i64(run->t_last + 1));
	if (h.from == h.to)
		return 0;
	page_run_groups(l->dir, run, &h.times, &values);
	if (l->n_hits == l->cap_hits) {
		cap = l->cap_hits > 0 ? 2 * l->cap_hits : 128;
		hits = realloc(l->hits, cap * sizeof(*hits));
		if (hits == NULL)
			return err_nomem(err);
		l->hits = hits;
		order = realloc(l->order, cap * sizeof(*order));
		if (order == NULL)
			return err_nomem(err);
		l->order = order;
		l->cap_hits = cap;
	}
	l->order[l->n_hits] = (uint64_t)h.times << 32 | l->n_hits;
	l->hits[l->n_hits++] = h;
	return 0;
}

static int
look_in_page(struct lookup *l, struct ntdb_error *err)
{
	uint32_t i;
	size_t k;
	int r = 0;

	l->n_hits = 0;
	for (i = 0; r == 0 && i < l->dir->n_runs; i++)
		r = consider(l, i, err);
	/* So that each group of times is unpacked once. */
	order_sort(l->order, l->n_hits);
	for (k = 0; r == 0 && k < l->n_hits; k++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		if (lookup_run(l, &l->hits[(uint32_t)l->order[k]], &why) == 0)
			continue;
		if (why.path[0] == '\0') {
			memcpy(why.path, l->f->name, sizeof(l->f->name));
			why.offset = (int64_t)l->ref->offset;
		}
		r = damaged(l, &why, err);
	}
	lookup_drop_groups(l);
	return r;
}

static int
look_in_file(struct lookup *l, uint64_t limit, struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	struct page_dir dir;
	int r;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		if ((r = datafile_next(l->f, &pos, limit, &ref, &why)) ==
		    NTDB_END)
			return 0;
		if (r == 0 && (!snapshot_counts(l->view, &ref) ||
		    !any_between(l, ref.head.t_min, ref.head.t_max)))
			continue;
		if (r == 0) {
			r = datafile_dir(l->f, &ref, &dir, &why);
			if (r == 0) {
				/* Used by what look_in_page calls only. */
				/* cppcheck-suppress autoVariables */
				l->ref = &ref;
				/* cppcheck-suppress autoVariables */
				l->dir = &dir;
				r = look_in_page(l, err);
				page_dir_release(&dir);
				if (r != 0)
					return r;
				continue;
			}
			page_dir_release(&dir);
		}
		if ((r = damaged(l, &why, err)) != 0)
			return r;
		if (why.code == NTDB_EVERSION)
			return 0;
	}
}

static int
look_in_files(struct lookup *l, struct ntdb_error *err)
{
	struct partition *parts;
	int64_t first, last;
	struct datafile f;
	uint64_t limit;
	size_t n, i;
	int r;

	if ((r = dbdir_partitions(&l->view->dir, l->first, l->last, &parts,
	    &n, err)) != 0)
		return r;
	for (i = 0; r == 0 && i < n; i++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		partition_span(parts[i], &first, &last);
		if (!any_between(l, first, last))
			continue;
		r = snapshot_file(l->view, parts[i], &f, &limit, &why);
		if (r == 0) {
			/* cppcheck-suppress autoVariables ; until it is closed */
			l->f = &f;
			r = look_in_file(l, limit, err);
			datafile_close(&f);
		} else if (r == NTDB_EBUSY) {
			err_set(err, r, "%s: changes while it is being "
			    "written", l->view->dir.name);
		} else {
			/* One that has vanished holds nothing. */
			r = r == NTDB_ENOENT ? 0 : damaged(l, &why, err);
		}
	}
	free(parts);
	return r;
}

/* ---------------------------------------------------------------- all */

/* Make entries; *any tells whether a suspect is of a metric that exists. */
static int
lookup_init(struct lookup *l, bool *any, struct ntdb_error *err)
{
	const struct target *targets = l->j->in->targets.at;
	size_t i;
	uint32_t id;

	l->times_group = UINT32_MAX;
	*any = false;
	l->entries = calloc(l->view->state.n_slots + 1,
	    sizeof(l->entries[0]));
	l->t = malloc(LOOKUP_SLICE * sizeof(l->t[0]));
	if (l->entries == NULL || l->t == NULL)
		return err_nomem(err);
	for (i = 0; i < l->s->n_metrics; i++)
		if ((id = targets[l->s->metrics[i].target].id) != 0) {
			l->entries[id] = (uint32_t)i + 1;
			*any = true;
		}
	if (*any) {
		spread(l);
		set_bits(l);
	}
	if (l->s->told == NULL)
		return pagecache_borrow(&l->s->told, l->view->dir.root, err);
	return 0;
}

int
lookup_suspects(struct judging *j, struct ntdb_error *err)
{
	struct snapshot view;
	struct lookup *l;
	bool any;
	int r;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_nomem(err);
	writer_view(j->w, &view);
	l->j = j;
	l->s = &j->in->suspects;
	l->view = &view;
	r = lookup_init(l, &any, err);
	if (r == 0 && any && (r = look_behind_pages(l, err)) == 0)
		r = look_in_files(l, err);
	free(l->entries);
	free(l->hits);
	free(l->order);
	free(l->t);
	free(l->m);
	free(l->scale);
	free(l);
	return r;
}
