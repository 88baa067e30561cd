#include <stdlib.h>

#include "error.h"
#include "flush-impl.h"

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

int
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

static bool
keeps(const struct flusher *f, const struct wal *w)
{
	return f->kept.epoch == w->key.epoch && f->kept.nonce == w->key.nonce;
}

/* Begin to keep the samples of a log that has none before pos. */
static void
keep_from(struct flusher *f, const struct wal *w, uint64_t pos)
{
	f->kept = w->key;
	f->kept_to = pos;
	f->n_kept = 0;
}

struct chunk *
flusher_chunk(struct flusher *f, const struct writer *w, uint32_t n)
{
	uint64_t pos = w->state.log_pos;

	if (pos == w->wal.head.len)
		keep_from(f, &w->wal, pos);
	/* Not if another process has logged something in between. */
	if (!keeps(f, &w->wal) || f->kept_to != pos ||
	    n > CHUNK_SAMPLES - f->n_kept)
		return NULL;
	f->chunk.n = f->n_kept;
	return &f->chunk;
}

void
flusher_logged(struct flusher *f, const struct writer *w)
{
	f->n_kept = f->chunk.n;
	f->kept_to = w->state.log_pos;
}

/*
 * Read samples of the log from kept_to on into the chunk; whether they are
 * all there.  A damaged log is left to the flush, which keeps a copy of it.
 */
static int
read_on(struct flusher *f, const struct writer *w, bool *all,
    struct ntdb_error *err)
{
	struct chunk *c = &f->chunk;
	struct wal_reader r;
	struct record rec;
	int rc;

	c->n = f->n_kept;
	*all = true;
	wal_reader_init(&r, &w->wal, f->kept_to, w->state.log_pos,
	    w->dir.wal_path);
	while (*all && (rc = wal_reader_next(&r, err)) == 0) {
		*all = r.damage_len == 0;
		while (*all && batch_next(&r.batch, &rec) == 0) {
			if (rec.kind != REC_SAMPLE)
				continue;
			if ((*all = c->n < CHUNK_SAMPLES))
				chunk_add(c, rec.id, rec.t, rec.m,
				    rec.is_int ? CHUNK_INT : rec.scale);
		}
	}
	wal_reader_release(&r);
	return *all && rc != NTDB_END ? rc : 0;
}

int
flusher_kept(struct flusher *f, const struct writer *w,
    const struct chunk **c, struct ntdb_error *err)
{
	bool all = true;
	int r;

	*c = NULL;
	if (w->state.log_samples > CHUNK_SAMPLES)
		return 0;
	if (!keeps(f, &w->wal))
		keep_from(f, &w->wal, w->wal.head.len);
	if (f->kept_to != w->state.log_pos) {
		if ((r = read_on(f, w, &all, err)) != 0)
			return r;
		if (!all)
			return 0;
		flusher_logged(f, w);
	}
	f->chunk.n = f->n_kept;
	*c = &f->chunk;
	return 0;
}

static int
write_chunk(struct flush *fl, struct ntdb_error *err)
{
	enum partition_kind kind = fl->w->manifest.partition;
	struct state *s = &fl->w->state;
	struct chunk *c = &fl->mem->chunk;
	struct partition part;
	size_t n_runs;
	int r;

	if (c->n == 0)
		return 0;
	if ((r = chunk_sort(c, (uint64_t)s->max_id + 1, err)) != 0)
		return r;
	while ((r = chunk_runs(c, s, kind, &part, &n_runs, err)) == 0) {
		buf_clear(&fl->mem->page);
		r = page_pack(fl->mem->packer, c->runs, n_runs,
		    fl->w->wal.key.epoch, false, PAGE_SNAPPY, &fl->mem->page,
		    err);
		if (r != 0 || (r = flush_write_page(fl, part, err)) != 0)
			return r;
	}
	if (r != NTDB_END)
		return r;
	fl->res.samples += c->n;
	c->n = 0;
	return 0;
}

static int
add_sample(struct flush *fl, uint32_t id, int64_t t, int64_t m,
    uint8_t scale, struct ntdb_error *err)
{
	struct chunk *c = &fl->mem->chunk;

	int r;

	state_see_id(&fl->w->state, id);
	if (c->n == CHUNK_SAMPLES && (r = write_chunk(fl, err)) != 0)
		return r;
	chunk_add(c, id, t, m, scale);
	return 0;
}

/* All samples of the log: those that are kept, and those behind them. */
static int
write_log_samples(struct flush *fl, struct ntdb_error *err)
{
	struct flusher *mem = fl->mem;
	struct writer *w = fl->w;
	uint64_t pos = w->wal.head.len;
	struct wal_reader r;
	struct record rec;
	int rc;

	mem->chunk.n = 0;
	if (keeps(mem, &w->wal)) {
		mem->chunk.n = mem->n_kept;
		pos = mem->kept_to;
	}
	mem->kept.epoch = mem->kept.nonce = 0;
	wal_reader_init(&r, &w->wal, pos, w->state.log_pos, w->dir.wal_path);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		fl->damaged |= r.damage_len > 0;
		while (batch_next(&r.batch, &rec) == 0) {
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
write_samples(struct flush *fl, struct ntdb_error *err)
{
	int r;

	/* The chunk of a direct one has what is kept of the log, and more. */
	if (fl->direct)
		fl->mem->kept.epoch = fl->mem->kept.nonce = 0;
	else if ((r = write_log_samples(fl, err)) != 0)
		return r;
	return write_chunk(fl, err);
}

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
run(struct flush *fl, struct ntdb_error *err)
{
	struct writer *w = fl->w;
	int r;

	if ((r = start_head(fl, err)) != 0 ||
	    (r = write_samples(fl, err)) != 0)
		return r;
	if (flush_drop_void(fl, fl->renew ? UINT32_MAX : LOOK_FILES) == 0 &&
	    fl->renew)
		return NTDB_END;
	if ((r = flush_sync_files(fl, err)) != 0 ||
	    (r = flush_publish_catalog(fl, err)) != 0)
		return r;
	/* What the new log relies on must be findable before it is there. */
	if (fl->dir_changed) {
		state_count(&w->state, COUNT_FSYNCS, 1);
		r = io_sync_dir(w->dir.fd, w->dir.name, err);
		if (r != 0)
			return r;
	}
	return flush_replace_log(fl, err);
}

static int
flush_once(struct writer *w, bool direct, bool renew,
    struct ntdb_flush_result *res, struct ntdb_error *err)
{
	int64_t start_ns = io_elapsed_ns();
	struct flush fl;
	int r;

	memset(&fl, 0, sizeof(fl));
	fl.w = w;
	fl.direct = direct;
	fl.renew = renew;
	fl.mem = w->flusher;
	fl.res.flushed = true;
	fl.res.log_bytes = w->state.log_pos;
	if (fl.mem == NULL && (r = flusher_new(&fl.mem, err)) != 0)
		return r;
	if (!w->swept)
		io_remove_temps(w->dir.fd, IO_TEMP);
	w->swept = true;
	r = run(&fl, err);
	flush_close_files(&fl);
	log_head_release(&fl.next);
	if (fl.mem != w->flusher)
		flusher_free(fl.mem);
	if (r == NTDB_END) {
		state_save_cache(&w->state, w->dir.fd, w->dir.cache,
		    &w->dir.owner);
		return 0;
	}
	if (r != 0) {
		/* What of it happened is read from the disk. */
		w->flush_failed_at = w->state.log_pos;
		w->valid = false;
		return r;
	}
	w->flush_failed_at = 0;
	if (w->flusher != NULL)
		keep_from(w->flusher, &w->wal, w->state.log_pos);
	if (!renew) {
		state_count(&w->state, COUNT_FLUSHES, 1);
		state_took(&w->state, COUNT_FLUSH_NS,
		    io_elapsed_ns() - start_ns);
	}
	state_count(&w->state, COUNT_PAGES, fl.res.pages);
	state_count(&w->state, COUNT_BYTES, fl.res.bytes);
	state_save_cache(&w->state, w->dir.fd, w->dir.cache, &w->dir.owner);
	if (res != NULL)
		*res = fl.res;
	return 0;
}

int
flush_log(struct writer *w, struct ntdb_flush_result *res,
    struct ntdb_error *err)
{
	return flush_once(w, false, false, res, err);
}

int
flusher_direct(struct writer *w, uint32_t n, struct chunk **chunk,
    struct ntdb_error *err)
{
	int r;

	if ((*chunk = flusher_chunk(w->flusher, w, n)) != NULL)
		return 0;
	if ((r = flush_log(w, NULL, err)) != 0)
		return r;
	/* Nothing is in the log now but perhaps names. */
	*chunk = flusher_chunk(w->flusher, w, n);
	return *chunk != NULL ? 0 :
	    err_set(err, NTDB_EBUG, "too many samples for a flush");
}

int
flush_direct(struct writer *w, struct ntdb_error *err)
{
	return flush_once(w, true, false, NULL, err);
}

int
flush_renew_log(struct writer *w, struct ntdb_error *err)
{
	return flush_once(w, false, true, NULL, err);
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
	struct ntdb_flush_result mine = { 0 };
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
		io_remove_temps(w.dir.fd, IO_TEMP);
		w.swept = true;
		if (w.state.log_pos > w.wal.head.len &&
		    (force ? w.state.log_samples > 0 ||
		    flush_any_flag(&w.state, METRIC_DIRTY) :
		    writer_flush_is_due(&w)))
			r = flush_log(&w, res, err);
		writer_unlock(&w);
	}
	writer_close(&w);
	return r;
}
