/*
 * The newest samples of metrics, from the newest data backwards.
 */
#include <stdlib.h>

#include "error.h"
#include "number.h"
#include "scan.h"

struct finder {
	struct snapshot *s;
	struct pagecache *cache;
	const uint32_t *ids;		/* sorted */
	size_t	n;
	int64_t	first, last;
	uint32_t *order;		/* where each id stands in the caller's */
	struct last_sample *out;	/* in the caller's order */
	int64_t	floor;			/* what is not after it is of no use;
					 * INT64_MIN: anything may be */
	struct source src;		/* a run being decoded */
};

struct pair {
	uint32_t id, at;
};

static int
compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The result of an id, or NULL if it is not wanted. */
static struct last_sample *
result_of(const struct finder *f, uint32_t id)
{
	size_t lo = 0, hi = f->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (f->ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n && f->ids[lo] == id ? &f->out[f->order[lo]] : NULL;
}

static bool
is_float(const struct finder *f, uint32_t id)
{
	const struct metric *m = state_metric(&f->s->state, id);

	return m == NULL || !ntdb_type_is_int(m->type);
}

static int
find_in_log(struct finder *f, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct last_sample *out;
	struct wal_reader r;
	struct record rec;
	int rc;

	if (f->s->wal.fd == -1)
		return 0;
	wal_reader_init(&r, &f->s->wal, f->s->wal.head.len, f->s->log_end,
	    f->s->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		if (r.damage_len > 0) {
			err_clear(&why);
			err_at(&why, NTDB_ECORRUPT, f->s->dir.wal_path,
			    (int64_t)r.damage_pos,
			    "%llu bytes of the log are damaged",
			    (unsigned long long)r.damage_len);
			pagecache_damage(f->cache, f->s, &why, err);
		}
		while (batch_next(&r.batch, &rec) == 0) {
			if (rec.kind != REC_SAMPLE || rec.t < f->first ||
			    rec.t > f->last ||
			    (out = result_of(f, rec.id)) == NULL ||
			    (out->found && rec.t < out->t))
				continue;
			out->found = true;
			out->t = rec.t;
			out->m = rec.m;
			out->scale = rec.scale;
			if (rec.is_int && is_float(f, rec.id))
				int_to_decimal(&out->m, &out->scale);
		}
	}
	wal_reader_release(&r);
	return rc == NTDB_END ? 0 : rc;
}

/* Times that are not after the least result cannot matter any more. */
static void
set_floor(struct finder *f)
{
	size_t i;

	f->floor = INT64_MAX;
	for (i = 0; i < f->n; i++)
		if (!f->out[i].found) {
			f->floor = INT64_MIN;
			return;
		} else if (f->out[i].t < f->floor) {
			f->floor = f->out[i].t;
		}
}

/* The unpacked groups of a run. */
static int
run_groups(struct finder *f, const struct datafile *file, uint64_t page,
    const struct page_dir *dir, const struct page_run *run,
    const uint8_t **times, const uint8_t **values, struct ntdb_error *err)
{
	uint32_t t, v;
	int r = 0;

	*times = *values = NULL;
	page_run_groups(dir, run, &t, &v);
	pagecache_unpin(f->cache);
	if (t != UINT32_MAX)
		r = pagecache_group(f->cache, file, page, &dir->groups[t],
		    times, err);
	if (r == 0 && v != UINT32_MAX)
		r = pagecache_group(f->cache, file, page, &dir->groups[v],
		    values, err);
	return r;
}

/*
 * How many samples of a run are not after t, and the time of the last of them;
 * the first is one.  Where times have no column each can be had by itself.
 */
static int
samples_until(struct source *src, const struct page_dir *dir,
    const struct page_run *run, const uint8_t *times, int64_t t,
    uint32_t *n, int64_t *last, struct ntdb_error *err)
{
	uint32_t lo = 1, hi = run->n, mid;
	int64_t at;
	int r;

	if (times == NULL) {
		while (lo < hi) {
			mid = lo + (hi - lo) / 2;
			page_times(dir, run, NULL, mid, 1, &at);
			if (at <= t)
				lo = mid + 1;
			else
				hi = mid;
		}
		page_times(dir, run, NULL, lo - 1, 1, last);
		*n = lo;
		return 0;
	}
	if ((r = source_reserve(src, run->n, err)) != 0)
		return r;
	page_times(dir, run, times, 0, run->n, src->t);
	*n = times_before(src->t, run->n, t, true);
	if (*n > 0)
		*last = src->t[*n - 1];
	return 0;
}

/* Take a run's newest sample in the range, if it is newer than the result. */
static int
find_in_run(struct finder *f, const struct datafile *file, uint64_t page,
    const struct page_dir *dir, const struct page_run *run,
    struct last_sample *out, struct ntdb_error *err)
{
	const uint8_t *times, *values;
	uint32_t at = run->n - 1;
	int64_t t = run->t_last, m;
	uint8_t scale = 0;
	bool is_int = ntdb_type_is_int(run->type);
	int r;

	if (run->t_first > f->last || run->t_last < f->first ||
	    (out->found && run->t_last <= out->t) ||
	    (!is_int && !is_float(f, run->id)))
		return 0;
	r = run_groups(f, file, page, dir, run, &times, &values, err);
	if (r != 0)
		return r;
	if (t > f->last) {
		if ((r = samples_until(&f->src, dir, run, times, f->last, &at,
		    &t, err)) != 0)
			return r;
		if (at-- == 0)
			return 0;
	}
	if (t < f->first || (out->found && t <= out->t))
		return 0;
	r = page_values(dir, run, values, at, 1, &m, &scale, err);
	if (r != 0)
		return r;
	if (is_int && is_float(f, run->id))
		int_to_decimal(&m, &scale);
	out->found = true;
	out->t = t;
	out->m = m;
	out->scale = scale;
	return 0;
}

/* One page; of runs that end at the same time the last one counts. */
static int
find_in_page(struct finder *f, const struct datafile *file,
    const struct page_ref *ref, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct last_sample *out;
	struct page_dir dir;
	uint32_t i;
	int r;

	if (!snapshot_counts(f->s, ref) || ref->head.t_min > f->last ||
	    ref->head.t_max < f->first || (f->floor != INT64_MIN &&
	    ref->head.t_max <= f->floor))
		return 0;
	if (ref->head.max_id < f->ids[0])
		return 0;
	r = pagecache_dir(f->cache, file, ref, f->ids, f->n, &dir, &why);
	if (r != 0) {
		page_dir_release(&dir);
		return pagecache_damage(f->cache, f->s, &why, err);
	}
	for (i = dir.n_runs; i-- > 0 && r == 0; ) {
		out = result_of(f, dir.runs[i].id);
		err_clear(&why);
		r = find_in_run(f, file, ref->offset, &dir, &dir.runs[i],
		    out, &why);
		if (r != 0)
			r = pagecache_damage(f->cache, f->s, &why, err);
	}
	page_dir_release(&dir);
	if (r == 0)
		set_floor(f);
	return r;
}

/* The pages of a file that may matter, as a list the caller frees. */
static int
list_pages(struct finder *f, const struct datafile *file, uint64_t limit,
    struct page_ref **pages, size_t *n, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct page_ref ref, *more;
	uint64_t pos = DATA_HEAD_LEN;
	size_t cap = 0;
	int r;

	*pages = NULL;
	*n = 0;
	while ((r = datafile_next(file, &pos, limit, &ref, &why)) !=
	    NTDB_END) {
		if (r != 0) {
			r = pagecache_damage(f->cache, f->s, &why, err);
			if (r != 0)
				return r;
			if (why.code == NTDB_EVERSION)
				return 0;
			err_clear(&why);
			continue;
		}
		if (*n == cap) {
			cap = cap * 2 + 16;
			more = realloc(*pages, cap * sizeof(*more));
			if (more == NULL)
				return err_nomem(err);
			*pages = more;
		}
		(*pages)[(*n)++] = ref;
	}
	return 0;
}

static int
find_in_file(struct finder *f, struct partition part, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct datafile *file;
	struct page_ref *pages = NULL;
	uint64_t limit;
	size_t n = 0;
	int r;

	r = pagecache_file(f->cache, f->s, part, &file, &limit, &why);
	if (r == NTDB_ENOENT)
		return 0;
	if (r == NTDB_EBUSY)
		return r;
	if (r != 0)
		return pagecache_damage(f->cache, f->s, &why, err);
	r = list_pages(f, file, limit, &pages, &n, err);
	while (r == 0 && n-- > 0)
		r = find_in_page(f, file, &pages[n], err);
	free(pages);
	return r;
}

/* By last nanosecond, then as they come in time. */
static int
compare_parts(const void *a, const void *b)
{
	const struct partition p = *(const struct partition *)a;
	const struct partition q = *(const struct partition *)b;
	int64_t first, x, y;

	/* Of one kind they stand in order of time. */
	if (p.kind == q.kind)
		return partition_compare(p, q);
	partition_span(p, &first, &x);
	partition_span(q, &first, &y);
	if (x != y)
		return x < y ? -1 : 1;
	return partition_compare(p, q);
}

static int
find_all(struct finder *f, struct ntdb_error *err)
{
	struct partition *parts;
	int64_t first, last;
	size_t n;
	int r;

	memset(f->out, 0, f->n * sizeof(*f->out));
	if ((r = find_in_log(f, err)) != 0)
		return r;
	set_floor(f);
	r = dbdir_partitions(&f->s->dir, f->first, f->last, &parts, &n, err);
	if (r != 0)
		return r;
	if (n > 1)
		qsort(parts, n, sizeof(*parts), compare_parts);
	while (r == 0 && n-- > 0) {
		partition_span(parts[n], &first, &last);
		if (f->floor != INT64_MIN && last <= f->floor)
			break;
		r = find_in_file(f, parts[n], err);
	}
	free(parts);
	return r;
}

/* Sort the ids, so that they can be found. */
static int
finder_sort(struct finder *f, const uint32_t *ids, uint32_t **sorted,
    struct ntdb_error *err)
{
	struct pair *pairs;
	size_t i;

	*sorted = malloc((f->n + 1) * 2 * sizeof(**sorted));
	pairs = malloc((f->n + 1) * sizeof(*pairs));
	if (*sorted == NULL || pairs == NULL) {
		free(*sorted);
		free(pairs);
		return err_nomem(err);
	}
	for (i = 0; i < f->n; i++) {
		pairs[i].id = ids[i];
		pairs[i].at = (uint32_t)i;
	}
	qsort(pairs, f->n, sizeof(*pairs), compare_pairs);
	f->ids = *sorted;
	f->order = *sorted + f->n;
	for (i = 0; i < f->n; i++) {
		(*sorted)[i] = pairs[i].id;
		f->order[i] = pairs[i].at;
	}
	free(pairs);
	return 0;
}

int
scan_find_lasts(struct snapshot *s, struct pagecache *cache,
    const uint32_t *ids, size_t n, int64_t first, int64_t last,
    struct last_sample *out, struct ntdb_error *err)
{
	struct pagecache *own = NULL;
	struct finder f;
	uint32_t *sorted;
	int r, refreshed = 0;

	if (n == 0)
		return 0;
	memset(&f, 0, sizeof(f));
	f.s = s;
	f.n = n;
	f.first = first;
	f.last = last;
	f.out = out;
	if (cache == NULL) {
		if ((r = pagecache_borrow(&own, s->dir.root, err)) != 0)
			return r;
		cache = own;
	}
	f.cache = cache;
	r = finder_sort(&f, ids, &sorted, err);
	if (r == 0) {
		while ((r = find_all(&f, err)) == NTDB_EBUSY) {
			if (++refreshed > 100) {
				err_set(err, r, "%s: changes too often to be "
				    "read", s->dir.name);
				break;
			}
			pagecache_forget(cache, s);
			if ((r = snapshot_refresh(s, err)) != 0)
				break;
		}
		free(sorted);
	}
	source_release(&f.src);
	if (own != NULL) {
		pagecache_forget(own, s);
		pagecache_give_back(own);
	}
	return r;
}
