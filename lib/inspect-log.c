#include "error.h"
#include "inspect.h"

struct log_walk {
	struct inspection in;
	int	(*fn)(void *arg, const struct ntdb_record_info *);
	void	*arg;
	char	name[METRIC_NAME_MAX + 1];
};

/* An integer that a metric of floats had before is told as a float. */
static void
set_sample(struct ntdb_record_info *info, const struct record *rec)
{
	if (info->type == 0 || (!rec->is_int && ntdb_type_is_int(info->type)))
		info->type = rec->is_int ? NTDB_INT64 : NTDB_FLOAT64;
	info->t_ns = rec->t;
	info->value = inspect_sample(info->type, rec->m, rec->scale);
}

static int
tell_record(struct log_walk *w, uint64_t offset, const struct record *rec)
{
	const struct state *s = &w->in.s.state;
	const struct metric *m = state_metric(s, rec->id);
	struct ntdb_record_info info;

	memset(&info, 0, sizeof(info));
	info.offset = offset;
	info.id = rec->id;
	info.metric = inspect_name(s, rec->id, w->name);
	info.type = rec->type;
	switch (rec->kind) {
	case REC_SAMPLE:
		info.kind = NTDB_RECORD_SAMPLE;
		info.type = m == NULL ? 0 : m->type;
		set_sample(&info, rec);
		break;
	case REC_METRIC:
		info.kind = NTDB_RECORD_METRIC;
		memcpy(w->name, rec->name, rec->name_len);
		w->name[rec->name_len] = '\0';
		info.metric = w->name;
		break;
	case REC_TYPE:
		info.kind = NTDB_RECORD_TYPE;
		break;
	default:
		info.kind = NTDB_RECORD_CLOCK;
		info.metric = NULL;
		info.t_ns = rec->t;
	}
	return w->fn(w->arg, &info);
}

/* Bytes that are no batch. */
static int
tell_bytes(struct log_walk *w, enum ntdb_record_kind kind, uint64_t offset,
    uint64_t bytes)
{
	struct ntdb_record_info info;

	memset(&info, 0, sizeof(info));
	info.kind = kind;
	info.offset = offset;
	info.bytes = bytes;
	return w->fn(w->arg, &info);
}

static int
tell_damage(struct log_walk *w, uint64_t offset, uint64_t bytes,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int r;

	err_at(&why, NTDB_ECORRUPT, w->in.s.dir.wal_path, (int64_t)offset,
	    "%llu bytes are no valid batch", (unsigned long long)bytes);
	r = inspect_failed(&w->in, &why, err);
	return r != 0 ? r :
	    tell_bytes(w, NTDB_RECORD_DAMAGE, offset, bytes);
}

static int
walk(struct log_walk *w, struct wal_reader *rd, uint64_t size,
    struct ntdb_error *err)
{
	struct record rec;
	int r;

	while ((r = wal_reader_next(rd, err)) == 0) {
		if (rd->damage_len > 0 &&
		    (r = tell_damage(w, rd->damage_pos, rd->damage_len,
		    err)) != 0)
			return r;
		while (batch_next(&rd->batch, &rec) == 0)
			if ((r = tell_record(w, rd->batch_pos, &rec)) != 0)
				return r;
	}
	if (r != NTDB_END)
		return r;
	return rd->pos >= size ? 0 :
	    tell_bytes(w, NTDB_RECORD_TAIL, rd->pos, size - rd->pos);
}

int
ntdb_inspect_log(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_record_info *), void *arg,
    struct ntdb_error *err)
{
	struct wal_reader rd;
	struct log_walk w;
	const struct wal *wal = &w.in.s.wal;
	const char *display;
	uint64_t size;
	int r;

	w.fn = fn;
	w.arg = arg;
	if ((r = inspect_open(&w.in, db, name, err)) != 0 || wal->fd == -1)
		goto done;
	display = w.in.s.dir.wal_path;
	if ((r = wal_size(wal, &size, display, err)) != 0)
		goto done;
	wal_reader_init(&rd, wal, wal->head.len, size, display);
	r = walk(&w, &rd, size, err);
	wal_reader_release(&rd);
done:
	return inspect_close(&w.in, r, err);
}
