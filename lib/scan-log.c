/*
 * The log's share of a plan.
 */
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "scan.h"

#define LOG_MIN 1024

static size_t
log_limit(const struct scan *sc)
{
	return sc->log_budget / sizeof(struct log_sample);
}

static int
add_sample(struct scan *sc, size_t slot, const struct record *rec,
    struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	struct plan_metric *pm = &p->metrics[slot - 1 - p->from];
	const struct metric *m = state_metric(&sc->s->state, rec->id);
	struct log_sample *s;
	size_t cap;

	if (p->n_log == p->cap_log) {
		cap = p->cap_log == 0 ? LOG_MIN : p->cap_log * 2;
		if (!p->unbounded && cap > log_limit(sc))
			cap = log_limit(sc) + 1;
		if ((s = realloc(p->log, cap * sizeof(*s))) == NULL)
			return err_nomem(err);
		p->log = s;
		p->cap_log = cap;
	}
	s = &p->log[p->n_log++];
	s->t = rec->t;
	s->m = rec->m;
	s->scale = rec->scale;
	s->next = 0;
	if (rec->is_int && m != NULL && !ntdb_type_is_int(m->type))
		int_to_decimal(&s->m, &s->scale);
	if (pm->log == 0)
		pm->log = (uint32_t)p->n_log;
	else
		p->log[pm->log_tail - 1].next = (uint32_t)p->n_log;
	pm->log_tail = (uint32_t)p->n_log;
	return 0;
}

static int
compare_times(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Choose a time such that about half of the samples are not after it.
 * false: there is none that keeps to min_last.
 */
static bool
choose_cut(const struct plan *p, int64_t min_last, int64_t *cut)
{
	int64_t pick[255];
	size_t n = sizeof(pick) / sizeof(pick[0]), i;

	if (p->n_log < n)
		return false;
	for (i = 0; i < n; i++)
		pick[i] = p->log[i * (p->n_log / n)].t;
	qsort(pick, n, sizeof(pick[0]), compare_times);
	*cut = pick[n / 2] == INT64_MIN ? INT64_MIN : pick[n / 2] - 1;
	if (*cut < min_last)
		*cut = min_last;
	return *cut < pick[n - 1];
}

/* Keep the samples up to the plan's end, each metric's one after another. */
static int
drop_late(struct plan *p, struct ntdb_error *err)
{
	struct log_sample *fresh;
	struct plan_metric *pm;
	uint32_t n = 0, start, i;

	if ((fresh = malloc(p->cap_log * sizeof(*fresh))) == NULL)
		return err_nomem(err);
	for (pm = p->metrics; pm < p->metrics + p->n; pm++) {
		start = n;
		for (i = pm->log; i != 0; i = p->log[i - 1].next) {
			if (p->log[i - 1].t > p->last)
				continue;
			fresh[n] = p->log[i - 1];
			fresh[n].next = n + 2;
			n++;
		}
		pm->log = n > start ? start + 1 : 0;
		pm->log_tail = n > start ? n : 0;
		if (n > start)
			fresh[n - 1].next = 0;
	}
	free(p->log);
	p->log = fresh;
	p->n_log = n;
	return 0;
}

/* Make room by cutting the plan's time. */
static int
cut_log(struct scan *sc, bool by_time, int64_t min_last,
    struct ntdb_error *err)
{
	struct plan *p = &sc->plan;
	int64_t cut;

	if (p->n > 1 && !by_time)
		return PLAN_FULL;
	if (!choose_cut(p, min_last, &cut))
		return PLAN_FULL;
	p->last = cut;
	return drop_late(p, err);
}

/* Damage that was passed over before the reader's batch. */
static int
tell_damage(struct scan *sc, const struct wal_reader *r,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (r->damage_len == 0)
		return 0;
	err_at(&why, NTDB_ECORRUPT, sc->s->dir.wal_path,
	    (int64_t)r->damage_pos, "%llu bytes of the log are damaged",
	    (unsigned long long)r->damage_len);
	return pagecache_damage(sc->cache, sc->s, &why, err);
}

/* One batch's samples. */
static int
take_batch(struct scan *sc, struct wal_reader *r, bool by_time,
    int64_t min_last, struct ntdb_error *err)
{
	struct snapshot *s = sc->s;
	struct plan *p = &sc->plan;
	struct record rec;
	size_t slot;
	int rc;

	while (batch_next(&r->batch, &rec) == 0) {
		if (rec.kind != REC_SAMPLE)
			continue;
		if (!s->log_known && rec.t < s->log_first)
			s->log_first = rec.t;
		if (!s->log_known && rec.t > s->log_last)
			s->log_last = rec.t;
		if (rec.t < p->first || rec.t > p->last ||
		    (slot = scan_slot(sc, rec.id)) == 0)
			continue;
		if (!p->unbounded && p->n_log >= log_limit(sc) &&
		    (rc = cut_log(sc, by_time, min_last, err)) != 0)
			return rc;
		if (rec.t <= p->last &&
		    (rc = add_sample(sc, slot, &rec, err)) != 0)
			return rc;
	}
	return 0;
}

int
plan_log(struct scan *sc, bool by_time, int64_t min_last,
    struct ntdb_error *err)
{
	struct snapshot *s = sc->s;
	struct wal_reader r;
	int rc;

	if (s->wal.fd == -1 || (s->log_known &&
	    (s->log_last < sc->plan.first || s->log_first > sc->plan.last)))
		return 0;
	if (!s->log_known) {
		s->log_first = INT64_MAX;
		s->log_last = INT64_MIN;
	}
	wal_reader_init(&r, &s->wal, s->wal.head.len, s->log_end,
	    s->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0)
		if ((rc = tell_damage(sc, &r, err)) != 0 ||
		    (rc = take_batch(sc, &r, by_time, min_last, err)) != 0)
			break;
	if (rc == NTDB_END) {
		s->log_known = true;
		rc = 0;
	}
	wal_reader_release(&r);
	return rc;
}

/* Merge two sorted lists; of equal times those of a come first. */
static uint32_t
merge_lists(struct log_sample *log, uint32_t a, uint32_t b)
{
	uint32_t head = 0, *link = &head;

	while (a != 0 && b != 0) {
		uint32_t *from = log[b - 1].t < log[a - 1].t ? &b : &a;

		*link = *from;
		link = &log[*from - 1].next;
		*from = *link;
	}
	*link = a != 0 ? a : b;
	return head;
}

void
plan_log_sort(struct plan *p, struct plan_metric *m)
{
	struct log_sample *log = p->log;
	uint32_t bins[32] = { 0 }, i, next, list;
	unsigned k;

	for (i = m->log; i != 0; i = next) {
		next = log[i - 1].next;
		if (next != 0 && log[next - 1].t < log[i - 1].t)
			break;
	}
	if (i == 0)
		return;

	/* A merge sort of the list: bin k holds 2^k samples, older than what
	 * the bins below it hold. */
	for (i = m->log; i != 0; i = next) {
		next = log[i - 1].next;
		log[i - 1].next = 0;
		list = i;
		for (k = 0; k < 31 && bins[k] != 0; k++) {
			list = merge_lists(log, bins[k], list);
			bins[k] = 0;
		}
		bins[k] = k == 31 ? merge_lists(log, bins[k], list) : list;
	}
	for (list = 0, k = 0; k < 32; k++)
		if (bins[k] != 0)
			list = merge_lists(log, bins[k], list);
	m->log = list;
	for (i = list; i != 0; i = log[i - 1].next)
		m->log_tail = i;
}
