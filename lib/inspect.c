#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "inspect.h"
#include "listing.h"
#include "number.h"

#define REFRESH_MAX 100		/* then the database changes too often */

/* -------------------------------------------------- what all of them do */

int
inspect_copy(struct ntdb_error *err, const struct ntdb_error *why)
{
	if (err != NULL && err->code == 0)
		*err = *why;
	return why->code;
}

void
inspect_qualify(const struct dbdir *d, struct ntdb_error *why)
{
	char file[sizeof(why->path)];
	struct partition part;

	if (!partition_scan(why->path, &part))
		return;
	memcpy(file, why->path, sizeof(file));
	snprintf(why->path, sizeof(why->path), "%s/%.*s", d->name,
	    PARTITION_NAME_MAX, file);
}

int
inspect_failed(struct inspection *in, struct ntdb_error *why,
    struct ntdb_error *err)
{
	inspect_qualify(&in->s.dir, why);
	if (why->code != NTDB_ECORRUPT && why->code != NTDB_EVERSION)
		return inspect_copy(err, why);
	if (in->damage.code == 0)
		in->damage = *why;
	else
		root_note(in->s.dir.root, why);
	return 0;
}

int
inspect_open(struct inspection *in, struct ntdb *db, const char *name,
    struct ntdb_error *err)
{
	int r;

	memset(in, 0, sizeof(*in));
	r = snapshot_open(&in->s, db, name, err);
	if (r == 0)
		in->damage = in->s.damage;
	return r;
}

int
inspect_close(struct inspection *in, int r, struct ntdb_error *err)
{
	snapshot_release(&in->s);
	return r == 0 && in->damage.code != 0 ?
	    inspect_copy(err, &in->damage) : r;
}

int
inspect_file(struct inspection *in, struct partition part,
    struct datafile *f, uint64_t *limit, struct ntdb_error *err)
{
	int r;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = snapshot_file(&in->s, part, f, limit, &why);
		if (r == 0)
			return 0;
		if (r == NTDB_ENOENT)
			return NTDB_END;
		if (r != NTDB_EBUSY) {
			r = inspect_failed(in, &why, err);
			return r == 0 ? NTDB_END : r;
		}
		if (++in->refreshed > REFRESH_MAX)
			return err_at(err, NTDB_EBUSY, in->s.dir.name, -1,
			    "changes too often to be read");
		if ((r = snapshot_refresh(&in->s, err)) != 0)
			return r;
	}
}

union ntdb_value
inspect_sample(int type, int64_t m, uint8_t scale)
{
	union ntdb_value v;

	if (ntdb_type_is_int(type))
		v.i = m;
	else
		v.f = dec_to_f64(m, scale);
	return v;
}

const char *
inspect_name(const struct state *s, uint32_t id,
    char buf[METRIC_NAME_MAX + 1])
{
	const struct metric *m = state_metric(s, id);

	if (m == NULL || m->name_len > METRIC_NAME_MAX)
		return NULL;
	memcpy(buf, state_name(s, m), m->name_len);
	buf[m->name_len] = '\0';
	return buf;
}

/* ------------------------------------------------ the database as a whole */

static int
count_files(const struct dbdir *d, struct ntdb_db_info *info,
    struct ntdb_error *err)
{
	struct partition part;
	const char *name;
	struct stat st;
	DIR *dir;
	int r;

	if ((r = listing_open(&dir, d->fd, d->name, err)) != 0)
		return r;
	while ((r = listing_next(dir, &name, d->name, err)) == 0) {
		if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		info->n_files++;
		info->bytes += (uint64_t)st.st_size;
		if (partition_scan(name, &part)) {
			info->n_data_files++;
			info->data_bytes += (uint64_t)st.st_size;
		}
	}
	closedir(dir);
	return r == NTDB_END ? 0 : r;
}

/* Widen the range of times. */
static void
note_times(struct ntdb_db_info *info, int64_t first, int64_t last)
{
	if (!info->has_samples || first < info->first_ns)
		info->first_ns = first;
	if (!info->has_samples || last > info->last_ns)
		info->last_ns = last;
	info->has_samples = true;
}

/* The headers of the pages that count. */
static int
count_pages(struct inspection *in, const struct datafile *f, uint64_t limit,
    struct ntdb_db_info *info, struct ntdb_error *err)
{
	uint64_t pos = DATA_HEAD_LEN;
	struct page_ref ref;
	int r;

	for (;;) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		r = datafile_next(f, &pos, limit, &ref, &why);
		if (r == NTDB_END)
			return 0;
		if (r != 0) {
			int code = inspect_failed(in, &why, err);

			if (r != NTDB_ECORRUPT || code != 0)
				return code;
		} else if (snapshot_counts(&in->s, &ref)) {
			info->n_pages++;
			info->page_samples += ref.head.n_samples;
			note_times(info, ref.head.t_min, ref.head.t_max);
		}
	}
}

static int
count_data(struct inspection *in, struct ntdb_db_info *info,
    struct ntdb_error *err)
{
	struct partition *parts;
	struct datafile f;
	uint64_t limit;
	size_t n, i;
	int r;

	r = dbdir_partitions(&in->s.dir, INT64_MIN, INT64_MAX, &parts, &n,
	    err);
	for (i = 0; r == 0 && i < n; i++) {
		r = inspect_file(in, parts[i], &f, &limit, err);
		if (r == 0) {
			r = count_pages(in, &f, limit, info, err);
			datafile_close(&f);
		}
		if (r == NTDB_END)
			r = 0;
	}
	free(parts);
	return r;
}

static int
count_log(struct inspection *in, struct ntdb_db_info *info,
    struct ntdb_error *err)
{
	const struct wal *w = &in->s.wal;
	struct wal_reader rd;
	struct record rec;
	int r;

	if (w->fd == -1)
		return 0;
	info->epoch = w->head.epoch;
	r = wal_size(w, &info->log_bytes, in->s.dir.wal_path, err);
	if (r != 0)
		return r;
	wal_reader_init(&rd, w, w->head.len, in->s.log_end,
	    in->s.dir.wal_path);
	while ((r = wal_reader_next(&rd, err)) == 0) {
		info->log_batches++;
		while (batch_next(&rd.batch, &rec) == 0)
			if (rec.kind == REC_SAMPLE) {
				info->log_samples++;
				note_times(info, rec.t, rec.t);
			}
	}
	wal_reader_release(&rd);
	return r == NTDB_END ? 0 : r;
}

static void
count_metrics(const struct state *s, struct ntdb_db_info *info)
{
	const struct metric *m;
	uint32_t id;

	info->n_metrics = s->n_named;
	for (id = 1; id < s->n_slots; id++)
		if ((m = state_metric(s, id)) != NULL &&
		    m->type <= NTDB_FLOAT64)
			info->n_by_type[m->type]++;
}

int
ntdb_inspect_db(struct ntdb *db, const char *name, struct ntdb_db_info *info,
    struct ntdb_error *err)
{
	struct inspection in;
	unsigned before;
	int r;

	if ((r = inspect_open(&in, db, name, err)) != 0)
		goto done;
	/* If the log was replaced meanwhile, samples would count twice. */
	do {
		memset(info, 0, sizeof(*info));
		before = in.refreshed;
		if ((r = count_data(&in, info, err)) != 0)
			goto done;
	} while (in.refreshed != before);
	if ((r = count_files(&in.s.dir, info, err)) == 0)
		r = count_log(&in, info, err);
	count_metrics(&in.s.state, info);
done:
	return inspect_close(&in, r, err);
}

int
ntdb_inspect_manifest(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_setting_info *), void *arg,
    struct ntdb_error *err)
{
	struct manifest m;
	struct dbdir d;
	int r;

	if ((r = dbdir_open(&d, db, name, err)) != 0)
		return r;
	if ((r = dbdir_manifest(&d, &m, err)) == 0)
		r = manifest_walk(&m, fn, arg);
	manifest_release(&m);
	dbdir_close(&d);
	return r;
}
