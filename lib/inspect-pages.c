#include <stdlib.h>

#include "error.h"
#include "inspect.h"

struct page_walk {
	struct inspection in;
	int	(*page)(void *arg, const struct ntdb_page_info *);
	int	(*run)(void *arg, const struct ntdb_run_info *);
	void	*arg;
	char	name[METRIC_NAME_MAX + 1];
};

static uint32_t
count_metrics(const struct page_dir *dir)
{
	uint32_t i, n = 0;

	for (i = 0; i < dir->n_runs; i++)
		n += i == 0 || dir->runs[i].id != dir->runs[i - 1].id;
	return n;
}

static int
tell_page(struct page_walk *w, const struct datafile *f,
    const struct page_ref *ref, uint32_t n_metrics, bool committed)
{
	const struct page_head *h = &ref->head;
	struct ntdb_page_info info;

	memset(&info, 0, sizeof(info));
	info.file = f->name;
	info.offset = ref->offset;
	info.bytes = h->len;
	info.codec = h->codec == PAGE_SNAPPY ? "snappy" : "zlib";
	info.n_samples = h->n_samples;
	info.n_metrics = n_metrics;
	info.n_runs = h->n_runs;
	info.first_ns = h->t_min;
	info.last_ns = h->t_max;
	info.epoch = h->epoch;
	info.sealed = h->sealed;
	info.committed = committed;
	return w->page(w->arg, &info);
}

/* The list of last samples, as if it were a page. */
static int
tell_list(struct page_walk *w, const struct datafile *f,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct ntdb_page_info info;
	struct last_entry *e;
	uint32_t n, i;

	if (datafile_lasts(f, &e, &n, &why) != 0)
		return inspect_failed(&w->in, &why, err);
	memset(&info, 0, sizeof(info));
	info.file = f->name;
	info.offset = f->list_at;
	info.bytes = f->list_len;
	info.codec = "lasts";
	info.n_samples = info.n_metrics = n;
	info.first_ns = info.last_ns = e[0].t;
	for (i = 1; i < n; i++) {
		info.first_ns = e[i].t < info.first_ns ? e[i].t :
		    info.first_ns;
		info.last_ns = e[i].t > info.last_ns ? e[i].t : info.last_ns;
	}
	info.epoch = f->sealed_epoch;
	info.sealed = info.committed = true;
	free(e);
	return w->page(w->arg, &info);
}

/* How many runs use each column, for their values or their times. */
static uint32_t *
count_users(const struct page_dir *dir)
{
	uint32_t *users = calloc((size_t)dir->n_columns + 1, sizeof(users[0]));
	uint32_t i, c;

	for (i = 0; users != NULL && i < dir->n_runs; i++) {
		c = dir->timelines[dir->runs[i].timeline].column;
		if (c != PAGE_NO_COLUMN)
			users[c]++;
		if (dir->runs[i].column != PAGE_NO_COLUMN)
			users[dir->runs[i].column]++;
	}
	return users;
}

/* A run's share of the bytes of a column. */
static uint64_t
share(const struct page_dir *dir, uint32_t column, const uint32_t *users)
{
	const struct page_column *c;

	if (column == PAGE_NO_COLUMN)
		return 0;
	c = &dir->columns[column];
	return ((uint64_t)c->n * c->width + 7) / 8 / users[column];
}

static void
set_stats(struct ntdb_run_info *info, const struct page_stats *st)
{
	info->has_stats = true;
	info->min = st->min;
	info->max = st->max;
	info->first = st->first;
	info->last = st->last;
	info->sum = st->sum;
	info->sum_type = st->sum_exact ? NTDB_INT64 : NTDB_FLOAT64;
}

static int
tell_runs(struct page_walk *w, const struct page_dir *dir,
    struct ntdb_error *err)
{
	uint32_t *users = count_users(dir), i;
	struct ntdb_run_info info;
	int r = 0;

	if (users == NULL)
		return err_nomem(err);
	for (i = 0; r == 0 && i < dir->n_runs; i++) {
		const struct page_run *run = &dir->runs[i];

		memset(&info, 0, sizeof(info));
		info.id = run->id;
		info.metric = inspect_name(&w->in.s.state, run->id, w->name);
		info.type = run->type;
		info.n_samples = run->n;
		info.first_ns = run->t_first;
		info.last_ns = run->t_last;
		info.coding = page_coding_name(run->coding);
		info.bytes = share(dir, run->column, users) +
		    share(dir, dir->timelines[run->timeline].column, users);
		if (run->has_stats)
			set_stats(&info, &dir->stats[run->stats]);
		r = w->run(w->arg, &info);
	}
	free(users);
	return r;
}

/* One page and its runs; a bad directory leaves what the header says. */
static int
walk_page(struct page_walk *w, const struct datafile *f,
    const struct page_ref *ref, bool committed, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct page_dir dir;
	int r;

	if (datafile_dir(f, ref, &dir, &why) == 0) {
		r = tell_page(w, f, ref, count_metrics(&dir), committed);
		if (r == 0 && w->run != NULL)
			r = tell_runs(w, &dir, err);
	} else {
		/* What does not count may be torn. */
		r = committed ? inspect_failed(&w->in, &why, err) : 0;
		if (r == 0)
			r = tell_page(w, f, ref, 0, committed);
	}
	page_dir_release(&dir);
	return r;
}

/* The pages that count, then what a killed flush has left behind them. */
static int
walk_file(struct page_walk *w, const struct datafile *f, uint64_t limit,
    struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	int r;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		if (f->list_len != 0 && pos == f->list_at &&
		    (r = tell_list(w, f, err)) != 0)
			return r;
		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			break;
		if (r != 0) {
			int code = inspect_failed(&w->in, &why, err);

			if (r != NTDB_ECORRUPT || code != 0)
				return code;
			continue;
		}
		r = walk_page(w, f, &ref, snapshot_counts(&w->in.s, &ref),
		    err);
		if (r != 0)
			return r;
	}
	while (datafile_next(f, &pos, f->size, &ref, NULL) == 0)
		if ((r = walk_page(w, f, &ref, false, err)) != 0)
			return r;
	return 0;
}

int
ntdb_inspect_pages(struct ntdb *db, const char *name,
    int (*page)(void *arg, const struct ntdb_page_info *),
    int (*run)(void *arg, const struct ntdb_run_info *), void *arg,
    struct ntdb_error *err)
{
	struct partition *parts = NULL;
	struct page_walk w;
	struct datafile f;
	uint64_t limit;
	size_t n = 0, i;
	int r;

	w.page = page;
	w.run = run;
	w.arg = arg;
	if ((r = inspect_open(&w.in, db, name, err)) == 0)
		r = dbdir_partitions(&w.in.s.dir, INT64_MIN, INT64_MAX,
		    &parts, &n, err);
	for (i = 0; r == 0 && i < n; i++) {
		r = inspect_file(&w.in, parts[i], &f, &limit, err);
		if (r == 0) {
			r = walk_file(&w, &f, limit, err);
			datafile_close(&f);
		} else if (r == NTDB_END) {
			r = 0;
		}
	}
	free(parts);
	return inspect_close(&w.in, r, err);
}
