/*
 * The end of a flush: what the new log relies on, then the log itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "catalog.h"
#include "error.h"
#include "flush-impl.h"

#define NAMES_BATCH (1u << 20)	/* bytes of names in one batch */

bool
flush_any_flag(const struct state *s, uint8_t flag)
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

static void
set_flag(struct state *s, uint8_t flag)
{
	uint32_t id;

	for (id = 1; id < s->n_slots; id++)
		if (s->metrics[id].flags & METRIC_NAMED)
			s->metrics[id].flags |= flag;
}

/* Keep a catalog that is replaced by what could be read of it. */
static int
keep_damaged_catalog(const struct writer *w, struct ntdb_error *err)
{
	const struct dbdir *d = &w->dir;
	struct ntdb_error why = NTDB_ERROR_INIT;
	char name[64];
	struct state s;
	int r;

	state_init(&s);
	r = state_read_catalog(&s, d->fd, d->catalog_path, &why);
	state_release(&s);
	if (r != 0 && r != NTDB_ECORRUPT)
		return err_take(err, &why);
	if (r == 0 || wal_names_all(&w->wal))
		return 0;
	snprintf(name, sizeof(name), DBDIR_CATALOG ".damaged-%016llx",
	    (unsigned long long)io_random());
	return dbdir_keep(d, DBDIR_CATALOG, name, d->catalog_path,
	    "damaged catalog", err);
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

	if ((r = keep_damaged_catalog(fl->w, err)) != 0)
		return r;
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
	if (r == 0)
		clear_flag(s, METRIC_DIRTY);
	return r;
}

/*
 * The catalog, if it does not say everything.  One that is not synced takes
 * the place of one that was, so it has to wait until a log with all the names
 * is there, and every log repeats them until a catalog is synced.
 */
int
flush_publish_catalog(struct flush *fl, struct ntdb_error *err)
{
	bool sync = fl->w->engine->profile == DURABLE_STRICT;
	struct state *s = &fl->w->state;
	int r;

	if (sync && (flush_any_flag(s, METRIC_DIRTY) ||
	    flush_any_flag(s, METRIC_UNSYNCED))) {
		if ((r = write_catalog(fl, true, err)) != 0)
			return r;
		fl->dir_changed = true;
		state_count(s, COUNT_FSYNCS, 1);
		clear_flag(s, METRIC_UNSYNCED);
	} else if (flush_any_flag(s, METRIC_DIRTY)) {
		fl->catalog_later = true;
		set_flag(s, METRIC_UNSYNCED);
		fl->next.synced_id = 0;
	}
	fl->next.max_id = s->max_id;
	if (!flush_any_flag(s, METRIC_UNSYNCED))
		fl->next.synced_id = s->max_id;
	return 0;
}

/* Batches that define all metrics which no synced catalog holds. */
static int
pack_names(struct flush *fl, struct buf *out, struct ntdb_error *err)
{
	struct log_key key = { fl->next.epoch, fl->next.nonce };
	uint64_t head_len = LOG_HEAD_MIN +
	    LOG_FILE_LEN * (uint64_t)fl->next.n_files;
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
static int
keep_damaged(struct flush *fl, struct ntdb_error *err)
{
	const struct dbdir *d = &fl->w->dir;
	char name[DB_NAME_MAX + 48];

	snprintf(name, sizeof(name), "%s.damaged-%llu", d->wal,
	    (unsigned long long)fl->w->wal.key.epoch);
	return dbdir_keep(d, d->wal, name, d->wal_path, "damaged log", err);
}

int
flush_replace_log(struct flush *fl, struct ntdb_error *err)
{
	struct writer *w = fl->w;
	struct buf names = BUF_INIT;
	bool renamed;
	int r;

	if (fl->damaged && (r = keep_damaged(fl, err)) != 0)
		return r;
	if ((r = pack_names(fl, &names, err)) != 0)
		goto done;
	r = wal_replace(w->dir.fd, w->dir.wal, &fl->next, &names,
	    &w->dir.owner, &renamed, w->dir.wal_path, err);
	state_count(&w->state, COUNT_FSYNCS, 2);
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
	/* If it cannot be written now, the next flush does it. */
	if (fl->catalog_later)
		write_catalog(fl, false, NULL);
done:
	buf_release(&names);
	return r;
}
