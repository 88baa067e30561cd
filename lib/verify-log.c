#include <stdio.h>

#include "error.h"
#include "verify.h"

/* What is wrong with the records of one batch: how many, and the first. */
struct tally {
	uint32_t unnamed, unnamed_id;
	uint32_t wrong, wrong_id;
};

static void
count(uint32_t *n, uint32_t *first, uint32_t id)
{
	if ((*n)++ == 0)
		*first = id;
}

static void
place(const struct verify *v, uint64_t offset, struct ntdb_error *why)
{
	if (why->path[0] == '\0') {
		snprintf(why->path, sizeof(why->path), "%s",
		    v->s.dir.wal_path);
		why->offset = (int64_t)offset;
	}
}

/* Tell something of the log at this offset, which costs so many samples. */
static int
tell(struct verify *v, uint64_t offset, struct ntdb_error *why, uint64_t n,
    struct ntdb_error *err)
{
	place(v, offset, why);
	return verify_lost(v, why, n, err);
}

/* Bytes [from, to) are no batch: what they were, if it is one bit. */
static int
tell_damage(struct verify *v, uint64_t from, uint64_t to,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint64_t n;

	err_set(&why, NTDB_ECORRUPT, "not a valid batch (%llu bytes passed over)",
	    (unsigned long long)(to - from));
	place(v, from, &why);
	if (wal_was_batch(&v->s.wal, from, to, &n))
		return verify_lost(v, &why, n, err);
	return verify_failed(v, &why, 0, NULL, err);
}

/* The data files that the header lists. */
static int
check_listed(struct verify *v, struct ntdb_error *err)
{
	const struct log_head *h = &v->s.wal.head;
	uint32_t i, bad = 0;

	for (i = 0; i < h->n_files; i++)
		bad += h->files[i].kind > PART_FOREVER ||
		    h->files[i].len < DATA_HEAD_LEN;
	if (bad > 0) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		err_set(&why, NTDB_ECORRUPT,
		    "log header lists impossible data files");
		return tell(v, 0, &why, 0, err);
	}
	return 0;
}

static int
check_mended(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (!v->s.wal.head.mended)
		return 0;
	err_set(&why, NTDB_ECORRUPT, "log header has a wrong checksum: one bit "
	    "is wrong, and read as if it were right");
	return tell(v, 0, &why, 0, err);
}

int
verify_log_head(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct dbdir *d = &v->s.dir;
	int r;

	r = wal_open(&v->s.wal, d->fd, d->wal, false, d->wal_path, &why);
	if (r == 0) {
		v->res->files++;
		if ((r = check_mended(v, err)) == 0)
			r = check_listed(v, err);
		return r;
	}
	wal_init(&v->s.wal);
	v->s.all_pages = true;
	if (r == NTDB_ENOENT)
		return 0;
	v->res->files++;
	v->s.damage = why;
	v->newer = r == NTDB_EVERSION;
	return verify_failed(v, &why, 0, NULL, err);
}

static void
check_sample(struct verify *v, const struct record *rec, struct tally *t)
{
	const struct metric *m = state_metric(&v->s.state, rec->id);

	v->res->samples++;
	if (m == NULL) {
		if (v->names_known)
			count(&t->unnamed, &t->unnamed_id, rec->id);
		return;
	}
	if ((!rec->is_int && ntdb_type_is_int(m->type)) ||
	    (m->type == NTDB_INT32 && rec->is_int &&
	    (rec->m < INT32_MIN || rec->m > INT32_MAX)))
		count(&t->wrong, &t->wrong_id, rec->id);
}

/* A definition; names differ and stay. */
static int
check_metric(struct verify *v, uint64_t offset, const struct record *rec,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;

	if (state_define(&v->s.state, rec->id, rec->type, rec->name,
	    rec->name_len, 0, &why) != 0)
		return tell(v, offset, &why, 0, err);
	return 0;
}

static int
check_record(struct verify *v, uint64_t offset, const struct record *rec,
    struct tally *t, struct ntdb_error *err)
{
	struct metric *m;

	switch (rec->kind) {
	case REC_SAMPLE:
		check_sample(v, rec, t);
		verify_cache_record(v, rec);
		return 0;
	case REC_METRIC:
		return check_metric(v, offset, rec, err);
	case REC_TYPE:
		if ((m = state_metric(&v->s.state, rec->id)) != NULL)
			m->type = rec->type;
		else if (v->names_known)
			count(&t->unnamed, &t->unnamed_id, rec->id);
		return 0;
	default:
		return 0;
	}
}

static int
tell_tally(struct verify *v, uint64_t offset, const struct tally *t,
    struct ntdb_error *err)
{
	struct ntdb_error unnamed = NTDB_ERROR_INIT, wrong = NTDB_ERROR_INIT;
	int r = 0;

	if (t->unnamed > 0) {
		err_set(&unnamed, NTDB_ECORRUPT,
		    "metric id %u has no name", t->unnamed_id);
		r = tell(v, offset, &unnamed, t->unnamed, err);
	}
	if (r == 0 && t->wrong > 0) {
		err_set(&wrong, NTDB_ECORRUPT,
		    "values are not of the type of metric id %u",
		    t->wrong_id);
		r = tell(v, offset, &wrong, t->wrong, err);
	}
	return r;
}

static int
check_batch(struct verify *v, struct wal_reader *rd, struct ntdb_error *err)
{
	struct tally t = { 0, 0, 0, 0 };
	struct record rec;
	int r;

	v->res->batches++;
	v->before_cache = rd->batch_pos < v->cached.log_pos;
	if (rd->damage_len > 0 && (r = tell_damage(v, rd->damage_pos,
	    rd->damage_pos + rd->damage_len, err)) != 0)
		return r;
	while (batch_next(&rd->batch, &rec) == 0)
		if ((r = check_record(v, rd->batch_pos, &rec, &t, err)) != 0)
			return r;
	return tell_tally(v, rd->batch_pos, &t, err);
}

int
verify_log(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const char *display = v->s.dir.wal_path;
	const struct wal *w = &v->s.wal;
	struct wal_reader rd;
	uint64_t size, pos, n;
	int r;

	if (w->fd == -1)
		return 0;
	if ((r = wal_size(w, &size, display, err)) != 0)
		return r;
	/* What is appended from now on may be there in part only. */
	wal_reader_init(&rd, w, w->head.len, size, display);
	while ((r = wal_reader_next(&rd, &why)) == 0)
		if ((r = check_batch(v, &rd, err)) != 0)
			break;
	pos = v->log_end = rd.pos;
	wal_reader_release(&rd);
	if (why.code != 0)
		return verify_failed(v, &why, 0, NULL, err);
	if (r != NTDB_END)
		return r;
	/* A tail that is no more than that is what a killed writer left. */
	return pos < size && wal_was_batch(w, pos, size, &n) ?
	    tell_damage(v, pos, size, err) : 0;
}
