#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "catalog.h"
#include "datafile.h"
#include "error.h"
#include "flush-chunk.h"
#include "flush.h"
#include "page.h"

#define OPEN_FILES 8		/* data files kept open during a flush */
#define NAMES_BATCH (1u << 20)	/* bytes of names in one batch */

/* Memory that a writer keeps from one flush to the next. */
struct flusher {
	struct chunk chunk;
	struct page_packer *packer;
	struct buf page;
};

/* One flush.  Invariant: files[0 .. n_files) are open. */
struct flush {
	struct writer *w;
	struct flusher *mem;
	struct log_head next;		/* header of the log to come */
	struct datafile files[OPEN_FILES];
	uint64_t used[OPEN_FILES];	/* when, for choosing which to close */
	uint64_t clock;
	unsigned n_files;
	bool	closed_unsynced;	/* a file that was written is closed */
	bool	dir_changed;		/* the directory has new entries */
	bool	damaged;		/* the log is */
	struct ntdb_flush_result res;
};

void
flusher_free(struct flusher *f)
{
	if (f == NULL)
		return;
	chunk_release(&f->chunk);
	page_packer_free(f->packer);
	buf_release(&f->page);
	free(f);
}

static int
flusher_new(struct flusher **out, struct ntdb_error *err)
{
	struct flusher *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return err_nomem(err);
	if ((r = chunk_init(&f->chunk, err)) != 0 ||
	    (r = page_packer_new(&f->packer, err)) != 0) {
		flusher_free(f);
		return r;
	}
	*out = f;
	return 0;
}

/* ---------------------------------------------------------- data files */

/* Cut a file back to where it counts: what is behind was never committed. */
static int
cut_residue(struct flush *fl, struct datafile *f, struct ntdb_error *err)
{
	uint64_t len = log_head_find(&fl->next, f->part.kind, f->part.start);

	if (len < f->sealed_len)
		len = f->sealed_len;
	if (len < DATA_HEAD_LEN)
		len = DATA_HEAD_LEN;
	/* A file that is too short is damaged: go on behind what is left. */
	if (f->size <= len)
		return 0;
	if (ftruncate(f->fd, (off_t)len) == -1)
		return err_sys_code(err, NTDB_EIO, f->name, "cannot cut");
	f->size = len;
	return 0;
}

/* Make room among the open files: close the one not used for longest. */
static unsigned
free_slot(struct flush *fl)
{
	unsigned i, oldest = 0;

	if (fl->n_files < OPEN_FILES)
		return fl->n_files++;
	for (i = 1; i < OPEN_FILES; i++)
		if (fl->used[i] < fl->used[oldest])
			oldest = i;
	datafile_close(&fl->files[oldest]);
	fl->closed_unsynced = true;
	return oldest;
}

static int
open_file(struct flush *fl, struct partition part, struct datafile **out,
    struct ntdb_error *err)
{
	struct datafile f;
	bool created;
	unsigned i;
	int r;

	for (i = 0; i < fl->n_files; i++)
		if (partition_compare(fl->files[i].part, part) == 0)
			goto found;
	r = datafile_create(&f, fl->w->dir.fd, part, &fl->w->dir.owner,
	    &created, err);
	if (r != 0)
		return r;
	if ((r = cut_residue(fl, &f, err)) != 0) {
		datafile_close(&f);
		return r;
	}
	fl->dir_changed |= created;
	i = free_slot(fl);
	fl->files[i] = f;
found:
	fl->used[i] = ++fl->clock;
	*out = &fl->files[i];
	return 0;
}

static int
write_page(struct flush *fl, struct partition part, struct ntdb_error *err)
{
	const struct buf *page = &fl->mem->page;
	struct datafile *f;
	int r;

	if ((r = open_file(fl, part, &f, err)) != 0 ||
	    (r = io_pwrite(f->fd, page->data, page->len, f->size, f->name,
	    err)) != 0)
		return r;
	f->size += page->len;
	fl->res.pages++;
	fl->res.bytes += page->len;
	return log_head_put(&fl->next, part.kind, part.start, f->size, err);
}

static int
write_chunk(struct flush *fl, struct ntdb_error *err)
{
	enum partition_kind kind = fl->w->manifest.partition;
	struct state *s = &fl->w->state;
	struct chunk *c = &fl->mem->chunk;
	struct partition part;
	uint32_t from = 0;
	size_t n_runs;
	int r;

	if (c->n == 0)
		return 0;
	if ((r = chunk_sort(c, kind, s->max_id + 1, err)) != 0)
		return r;
	while (from < c->n) {
		r = chunk_runs(c, s, kind, &from, &part, &n_runs, err);
		if (r != 0)
			return r;
		buf_clear(&fl->mem->page);
		r = page_pack(fl->mem->packer, c->runs, n_runs,
		    fl->w->wal.key.epoch, false, PAGE_SNAPPY, &fl->mem->page,
		    err);
		if (r != 0 || (r = write_page(fl, part, err)) != 0)
			return r;
	}
	fl->res.samples += c->n;
	c->n = 0;
	return 0;
}

static int
add_sample(struct flush *fl, uint32_t id, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err)
{
	struct chunk *c = &fl->mem->chunk;

	state_see_id(&fl->w->state, id);
	chunk_add(c, id, t, m, scale);
	return c->n < CHUNK_SAMPLES ? 0 : write_chunk(fl, err);
}

static int
write_log_samples(struct flush *fl, struct ntdb_error *err)
{
	struct writer *w = fl->w;
	struct wal_reader r;
	struct record rec;
	int rc;

	wal_reader_init(&r, &w->wal, w->wal.head.len, w->state.log_pos,
	    w->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		fl->damaged |= r.damage_len > 0;
		while ((rc = batch_next(&r.batch, &rec)) == 0) {
			if (rec.kind != REC_SAMPLE)
				continue;
			rc = add_sample(fl, rec.id, rec.t, rec.m,
			    rec.is_int ? CHUNK_INT : rec.scale, err);
			if (rc != 0)
				goto done;
		}
	}
	if (rc == NTDB_END)
		rc = 0;
done:
	wal_reader_release(&r);
	return rc;
}

static int
write_samples(struct flush *fl, const struct flush_extra *extra,
    struct ntdb_error *err)
{
	size_t i;
	int r;

	fl->mem->chunk.n = 0;
	if ((r = write_log_samples(fl, err)) != 0)
		return r;
	for (i = 0; extra != NULL && i < extra->n; i++) {
		const struct metric *m = state_metric(&fl->w->state,
		    extra->id[i]);
		bool is_int = m != NULL && ntdb_type_is_int(m->type);

		r = add_sample(fl, extra->id[i], extra->t[i], extra->m[i],
		    is_int ? CHUNK_INT : extra->scale[i], err);
		if (r != 0)
			return r;
	}
	return write_chunk(fl, err);
}

static int
sync_files(struct flush *fl, struct ntdb_error *err)
{
	unsigned i;
	int r;

	if (fl->w->engine->profile == DURABLE_THROUGHPUT)
		return 0;
	/* Many files cost less in one sweep over the file system. */
	if (fl->closed_unsynced) {
		fl->w->state.counters[COUNT_FSYNCS]++;
		if (syncfs(fl->w->dir.fd) == -1)
			return err_sys_code(err, NTDB_EIO, fl->w->dir.name,
			    "cannot sync");
		return 0;
	}
	for (i = 0; i < fl->n_files; i++) {
		fl->w->state.counters[COUNT_FSYNCS]++;
		r = io_sync(fl->files[i].fd, fl->files[i].name, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* ------------------------------------------------------ catalog and log */

static bool
any_flag(const struct state *s, uint8_t flag)
{
	uint32_t id;

	for (id = 1; id < s->n_slots; id++)
		if ((s->metrics[id].flags & METRIC_NAMED) &&
		    (s->metrics[id].flags & flag))
			return true;
	return false;
}

static void
clear_flag(struct state *s, uint8_t flag)
{
	uint32_t id;

	for (id = 1; id < s->n_slots; id++)
		s->metrics[id].flags &= (uint8_t)~flag;
}

static int
write_catalog(struct flush *fl, bool sync, struct ntdb_error *err)
{
	const struct dbdir *d = &fl->w->dir;
	struct state *s = &fl->w->state;
	struct buf text = BUF_INIT;
	bool first = true;
	uint32_t id;
	int r;

	catalog_begin(&text);
	for (id = 1; id < s->n_slots; id++) {
		const struct metric *m = state_metric(s, id);

		if (m == NULL)
			continue;
		catalog_add(&text, first, id, m->type, state_name(s, m),
		    m->name_len);
		first = false;
	}
	catalog_end(&text);
	if (!buf_ok(&text))
		r = err_nomem(err);
	else
		r = io_publish(d->fd, DBDIR_CATALOG, text.data, text.len,
		    sync, &d->owner, d->catalog_path, err);
	fl->res.bytes += text.len;
	buf_release(&text);
	if (r != 0)
		return r;
	fl->dir_changed = true;
	clear_flag(s, METRIC_DIRTY);
	if (sync) {
		s->counters[COUNT_FSYNCS]++;
		clear_flag(s, METRIC_UNSYNCED);
	}
	return 0;
}

/*
 * The catalog, if it does not say everything.  What it says counts as known
 * for good only once it is synced; until then each log repeats it.
 */
static int
publish_catalog(struct flush *fl, struct ntdb_error *err)
{
	bool sync = fl->w->engine->profile == DURABLE_STRICT;
	struct state *s = &fl->w->state;
	int r;

	if (any_flag(s, METRIC_DIRTY) ||
	    (sync && any_flag(s, METRIC_UNSYNCED))) {
		if ((r = write_catalog(fl, sync, err)) != 0)
			return r;
	}
	fl->next.max_id = s->max_id;
	if (!any_flag(s, METRIC_UNSYNCED))
		fl->next.synced_id = s->max_id;
	return 0;
}

/* Batches that define all metrics which no synced catalog holds. */
static int
pack_names(struct flush *fl, struct buf *out, struct ntdb_error *err)
{
	struct log_key key = { fl->next.epoch, fl->next.nonce };
	uint64_t head_len = LOG_HEAD_MIN + 16 * (uint64_t)fl->next.n_files;
	const struct state *s = &fl->w->state;
	struct batch b;
	uint32_t id;
	int r = 0;

	batch_init(&b);
	batch_begin(&b, 0);
	for (id = 1; r == 0 && id < s->n_slots; id++) {
		const struct metric *m = state_metric(s, id);

		if (m != NULL && (m->flags & METRIC_UNSYNCED))
			batch_add_metric(&b, id, m->type, state_name(s, m),
			    m->name_len);
		if (b.n == 0 || (b.out.len < NAMES_BATCH &&
		    id + 1 < s->n_slots))
			continue;
		r = batch_end(&b, &key, head_len + out->len, err);
		if (r == 0)
			buf_add(out, b.out.data, b.out.len);
		batch_begin(&b, 0);
	}
	batch_release(&b);
	return r != 0 ? r : buf_ok(out) ? 0 : err_nomem(err);
}

/* Keep a log that has damage in it, for whoever wants to look. */
static void
keep_damaged(struct flush *fl)
{
	const struct dbdir *d = &fl->w->dir;
	struct ntdb_error what = NTDB_ERROR_INIT;
	char name[DB_NAME_MAX + 48];

	snprintf(name, sizeof(name), "%s.damaged-%llu", d->wal,
	    (unsigned long long)fl->w->wal.key.epoch);
	if (linkat(d->fd, d->wal, d->fd, name, 0) == -1)
		err_sys(&what, d->wal_path, "damaged, and cannot be kept");
	else
		err_at(&what, NTDB_ECORRUPT, d->wal_path, -1,
		    "damaged log, kept as %s", name);
	root_note(d->root, &what);
}

static int
replace_log(struct flush *fl, struct ntdb_error *err)
{
	struct writer *w = fl->w;
	struct buf names = BUF_INIT;
	bool renamed;
	int r;

	if ((r = pack_names(fl, &names, err)) != 0)
		goto done;
	r = wal_replace(w->dir.fd, w->dir.wal, &fl->next, &names,
	    &w->dir.owner, &renamed, w->dir.wal_path, err);
	w->state.counters[COUNT_FSYNCS] += 2;
	if (r != 0)
		goto done;
	fl->res.bytes += fl->next.len + names.len;
	wal_release(&w->wal);
	r = wal_open(&w->wal, w->dir.fd, w->dir.wal, true, w->dir.wal_path,
	    err);
	if (r != 0)
		goto done;
	w->state.epoch = w->wal.key.epoch;
	w->state.nonce = w->wal.key.nonce;
	w->state.log_pos = w->wal.head.len + names.len;
	w->state.log_samples = 0;
	w->state.log_clock_ns = 0;
	w->state.damaged = false;
	clear_flag(&w->state, METRIC_SAID);
done:
	buf_release(&names);
	return r;
}

/* ---------------------------------------------------------------- flush */

/* The next log's header starts as a copy of the present one's. */
static int
start_head(struct flush *fl, struct ntdb_error *err)
{
	const struct log_head *h = &fl->w->wal.head;
	size_t bytes = h->n_files * sizeof(h->files[0]);

	fl->next = *h;
	fl->next.files = NULL;
	fl->next.epoch = h->epoch + 1;
	fl->next.nonce = io_random();
	if (h->n_files == 0)
		return 0;
	if ((fl->next.files = malloc(bytes)) == NULL)
		return err_nomem(err);
	memcpy(fl->next.files, h->files, bytes);
	return 0;
}

static int
run(struct flush *fl, const struct flush_extra *extra,
    struct ntdb_error *err)
{
	struct writer *w = fl->w;
	int r;

	if ((r = start_head(fl, err)) != 0 ||
	    (r = write_samples(fl, extra, err)) != 0 ||
	    (r = sync_files(fl, err)) != 0 ||
	    (r = publish_catalog(fl, err)) != 0)
		return r;
	/* What the new log relies on must be findable before it is there. */
	if (fl->dir_changed) {
		w->state.counters[COUNT_FSYNCS]++;
		r = io_sync_dir(w->dir.fd, w->dir.name, err);
		if (r != 0)
			return r;
	}
	if (fl->damaged)
		keep_damaged(fl);
	return replace_log(fl, err);
}

int
flush_log(struct writer *w, const struct flush_extra *extra,
    struct ntdb_flush_result *res, struct ntdb_error *err)
{
	struct flush fl;
	unsigned i;
	int r;

	memset(&fl, 0, sizeof(fl));
	fl.w = w;
	fl.res.flushed = true;
	fl.res.log_bytes = w->state.log_pos;
	if (w->flusher == NULL && (r = flusher_new(&w->flusher, err)) != 0)
		return r;
	fl.mem = w->flusher;
	r = run(&fl, extra, err);
	for (i = 0; i < fl.n_files; i++)
		datafile_close(&fl.files[i]);
	log_head_release(&fl.next);
	if (r != 0) {
		/* What of it happened is read from the disk. */
		w->flush_failed_at = w->state.log_pos;
		w->valid = false;
		return r;
	}
	w->flush_failed_at = 0;
	w->state.counters[COUNT_FLUSHES]++;
	w->state.counters[COUNT_PAGES] += fl.res.pages;
	w->state.counters[COUNT_BYTES] += fl.res.bytes;
	state_save_cache(&w->state, w->dir.fd, w->dir.cache, &w->dir.owner);
	if (res != NULL)
		*res = fl.res;
	return 0;
}

/* What a flush would do, for --dry-run: nothing is locked or changed. */
static int
foresee(struct ntdb *db, const char *name, bool force,
    struct ntdb_flush_result *res, struct ntdb_error *err)
{
	struct writer w;
	struct snapshot s;
	int r;

	memset(&w, 0, sizeof(w));
	if ((r = snapshot_open(&s, db, name, err)) != 0)
		goto done;
	if ((r = root_engine(db, &w.engine, err)) != 0 ||
	    (r = dbdir_manifest(&s.dir, &w.manifest, err)) != 0)
		goto done;
	w.dir = s.dir;
	w.wal = s.wal;
	w.state = s.state;
	res->log_bytes = s.log_end;
	res->samples = s.state.log_samples;
	res->flushed = s.wal.fd != -1 && s.state.log_samples > 0 &&
	    (force || writer_flush_is_due(&w));
done:
	manifest_release(&w.manifest);
	snapshot_release(&s);
	return r;
}

int
ntdb_flush(struct ntdb *db, const char *name,
    const struct ntdb_flush_options *opt, struct ntdb_flush_result *res,
    struct ntdb_error *err)
{
	bool force = opt != NULL && opt->force;
	struct ntdb_flush_result mine;
	struct writer w;
	int r;

	if (res == NULL)
		res = &mine;
	memset(res, 0, sizeof(*res));
	if (opt != NULL && opt->dry_run)
		return foresee(db, name, force, res, err);
	if ((r = writer_open(&w, db, name, false, err)) != 0)
		return r;
	if ((r = writer_lock(&w, err)) == 0) {
		res->log_bytes = w.state.log_pos;
		if (w.state.log_pos > w.wal.head.len &&
		    (force ? w.state.log_samples > 0 ||
		    any_flag(&w.state, METRIC_DIRTY) :
		    writer_flush_is_due(&w)))
			r = flush_log(&w, NULL, res, err);
		writer_unlock(&w);
	}
	writer_close(&w);
	return r;
}
