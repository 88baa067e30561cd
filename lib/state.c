#include <stdlib.h>

#include "bytes.h"
#include "catalog.h"
#include "dbdir.h"
#include "error.h"
#include "number.h"
#include "state.h"

#define SLOTS_MIN 64
#define NAMES_MIN 4096
#define CATALOG_MAX ((size_t)1 << 30)
#define ID_GAP (1u << 20)	/* from an id with a name to the next */

void
state_init(struct state *s)
{
	memset(s, 0, sizeof(*s));
}

void
state_release(struct state *s)
{
	free(s->metrics);
	free(s->names);
	free(s->index);
	state_init(s);
}

/* FNV-1a over eight bytes at a time, mixed at the end: names are short. */
uint32_t
state_hash(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ len, w;

	for (; len >= 8; name += 8, len -= 8) {
		h = (h ^ get_u64((const uint8_t *)name)) *
		    UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (w = 0; len > 0; len--)
		w = w << 8 | (uint8_t)name[len - 1];
	h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

uint32_t
state_find(const struct state *s, const char *name, size_t len)
{
	uint32_t hash, i, id;

	if (s->index_size == 0)
		return 0;
	hash = state_hash(name, len);
	for (i = hash & (s->index_size - 1); (id = s->index[i]) != 0;
	    i = (i + 1) & (s->index_size - 1)) {
		const struct metric *m = &s->metrics[id];

		if (m->hash == hash && m->name_len == len &&
		    memcmp(s->names + m->name, name, len) == 0)
			return id;
	}
	return 0;
}

static void
index_put(struct state *s, uint32_t id)
{
	uint32_t i = s->metrics[id].hash & (s->index_size - 1);

	while (s->index[i] != 0)
		i = (i + 1) & (s->index_size - 1);
	s->index[i] = id;
}

/* Have room for n names at a load of at most one half. */
int
state_reserve_index(struct state *s, uint32_t n, struct ntdb_error *err)
{
	uint32_t size = s->index_size > 0 ? s->index_size : SLOTS_MIN, id;
	uint32_t *index;

	while (size / 2 < n) {
		if (size > UINT32_MAX / 4)
			return err_nomem(err);
		size *= 2;
	}
	if (size == s->index_size)
		return 0;
	if ((index = calloc(size, sizeof(index[0]))) == NULL)
		return err_nomem(err);
	free(s->index);
	s->index = index;
	s->index_size = size;
	for (id = 1; id < s->n_slots; id++)
		if (s->metrics[id].flags & METRIC_NAMED)
			index_put(s, id);
	return 0;
}

int
state_reserve_slots(struct state *s, uint32_t n, struct ntdb_error *err)
{
	uint32_t cap = s->cap > 0 ? s->cap : SLOTS_MIN;
	struct metric *metrics;
	size_t len;

	if (n > s->cap) {
		while (cap < n) {
			if (cap > UINT32_MAX / 2)
				return err_nomem(err);
			cap *= 2;
		}
		/* 2^31 of them are more than 32 bits can address. */
		if (__builtin_mul_overflow(cap, sizeof(metrics[0]), &len))
			return err_nomem(err);
		metrics = realloc(s->metrics, len);
		if (metrics == NULL)
			return err_nomem(err);
		s->metrics = metrics;
		s->cap = cap;
	}
	if (n > s->n_slots) {
		memset(&s->metrics[s->n_slots], 0,
		    (n - s->n_slots) * sizeof(s->metrics[0]));
		s->n_slots = n;
	}
	return 0;
}

static int
reserve_names(struct state *s, size_t more, struct ntdb_error *err)
{
	size_t cap = s->names_cap > 0 ? s->names_cap : NAMES_MIN;
	char *names;

	if (more <= s->names_cap - s->names_len)
		return 0;
	while (cap - s->names_len < more) {
		if (cap > UINT32_MAX / 2)
			return err_nomem(err);
		cap *= 2;
	}
	if ((names = realloc(s->names, cap)) == NULL)
		return err_nomem(err);
	s->names = names;
	s->names_cap = cap;
	return 0;
}

static bool
has_name(const struct state *s, const struct metric *m, const char *name,
    size_t len)
{
	return m->name_len == len &&
	    memcmp(s->names + m->name, name, len) == 0;
}

bool
state_has_id(const struct state *s)
{
	return s->max_id < s->n_slots + ID_GAP;
}

int
state_define(struct state *s, uint32_t id, int type, const char *name,
    size_t len, uint8_t flags, struct ntdb_error *err)
{
	struct metric *m = state_metric(s, id);
	int r;

	if (m != NULL) {
		if (!has_name(s, m, name, len))
			return err_set(err, NTDB_ECORRUPT,
			    "metric id %u has two names", id);
		m->type = (uint8_t)type;
		return 0;
	}
	if (state_find(s, name, len) != 0)
		return err_set(err, NTDB_ECORRUPT,
		    "metric id %u has the name of another", id);
	/* A sparse id would make the table large: nobody allocates those. */
	if (id == 0 || id > s->n_slots + ID_GAP)
		return err_set(err, NTDB_ECORRUPT,
		    "metric id %u is out of range", id);
	if ((r = state_reserve_slots(s, id + 1, err)) != 0 ||
	    (r = state_reserve_index(s, s->n_named + 1, err)) != 0 ||
	    (r = reserve_names(s, len, err)) != 0)
		return r;
	m = &s->metrics[id];
	m->name = (uint32_t)s->names_len;
	m->name_len = (uint16_t)len;
	m->hash = state_hash(name, len);
	m->type = (uint8_t)type;
	m->flags = (uint8_t)((m->flags & METRIC_HAS_LAST) | METRIC_NAMED |
	    flags);
	memcpy(s->names + s->names_len, name, len);
	s->names_len += len;
	s->n_named++;
	index_put(s, id);
	state_see_id(s, id);
	return 0;
}

void
state_sample(struct state *s, uint32_t id, int64_t t, int64_t m,
    uint8_t scale)
{
	struct metric *mt = state_metric(s, id);

	if (mt == NULL) {
		state_see_id(s, id);
		return;
	}
	if ((mt->flags & METRIC_HAS_LAST) && t < mt->last_t)
		return;
	metric_set_last(mt, t, m, scale);
}

/* Account for one record of the log. */
static int
take_record(struct state *s, const struct record *rec,
    struct ntdb_error *err)
{
	const uint8_t fresh = METRIC_UNSYNCED | METRIC_DIRTY;
	struct metric *m;

	switch (rec->kind) {
	case REC_SAMPLE:
		state_sample(s, rec->id, rec->t, rec->m, rec->scale);
		s->log_samples++;
		s->counters[COUNT_SAMPLES]++;
		m = state_metric(s, rec->id);
		if (m != NULL && m->last_t == rec->t)
			m->in_log = true;
		return 0;
	case REC_METRIC:
		m = state_metric(s, rec->id);
		if (m != NULL && m->type == rec->type &&
		    has_name(s, m, rec->name, rec->name_len)) {
			/* A catalog that says so may not have been synced. */
			m->flags |= METRIC_UNSYNCED;
			return 0;
		}
		if (m != NULL)
			m->flags |= fresh;
		return state_define(s, rec->id, rec->type, rec->name,
		    rec->name_len, fresh, err);
	case REC_TYPE:
		m = state_metric(s, rec->id);
		if (m == NULL)
			return 0;
		m->flags |= m->type != rec->type ? fresh : METRIC_UNSYNCED;
		m->type = rec->type;
		return 0;
	default:
		if (s->log_clock_ns == 0)
			s->log_clock_ns = rec->t;
		return 0;
	}
}

int
state_replay(struct state *s, const struct wal *w, uint64_t *tail,
    const char *display, struct ntdb_error *err)
{
	struct wal_reader r;
	struct record rec;
	uint64_t size;
	int rc;

	*tail = 0;
	if ((rc = wal_size(w, &size, display, err)) != 0)
		return rc;
	if (size <= s->log_pos)
		return 0;
	wal_reader_init(&r, w, s->log_pos, size, display);
	while ((rc = wal_reader_next(&r, err)) == 0) {
		if (r.damage_len > 0)
			s->damaged = true;
		while (batch_next(&r.batch, &rec) == 0)
			if ((rc = take_record(s, &rec, err)) != 0)
				goto done;
		s->log_pos = r.pos;
		s->last_batch = r.batch_pos;
		memcpy(s->last_head, r.buf.data + (r.batch_pos - r.buf_pos),
		    BATCH_HEAD_LEN);
		s->counters[COUNT_COMMITS]++;
		s->counters[COUNT_LOG_BYTES] += r.pos - r.batch_pos;
	}
	if (rc == NTDB_END) {
		rc = 0;
		*tail = size - s->log_pos;
	}
done:
	wal_reader_release(&r);
	return rc;
}

/* Reading a catalog: how many metrics it has told of. */
struct catalog_reading {
	struct state *state;
	uint64_t n;
};

static int
take_metric(void *arg, uint32_t id, int type, const char *name, size_t len,
    struct ntdb_error *err)
{
	struct catalog_reading *c = arg;

	c->n++;
	return state_define(c->state, id, type, name, len, 0, err);
}

int
state_take_catalog(struct state *s, const char *text, size_t len,
    const char *display, struct ntdb_error *err)
{
	struct catalog_reading c = { s, 0 };
	const bool empty = s->n_named == 0;
	int r;

	r = catalog_scan(text, len, display, take_metric, &c, err);
	if (r == 0 && empty && c.n > s->n_named)
		r = err_at(err, NTDB_ECORRUPT, display, -1,
		    "a metric is there twice");
	return r;
}

int
state_read_catalog(struct state *s, int dirfd, const char *display,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct buf text = BUF_INIT;
	int r;

	r = io_read_file(dirfd, DBDIR_CATALOG, CATALOG_MAX, &text, display,
	    &why);
	if (r == NTDB_ENOENT)
		r = 0;
	else if (r != 0)
		r = err_at(err, r, display, -1, "%s", why.text);
	else
		r = state_take_catalog(s, (const char *)text.data, text.len,
		    display, err);
	buf_release(&text);
	return r;
}
