#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "salvage.h"

static int
compare(const void *a, const void *b)
{
	const struct salvage_sample *p = a, *q = b;

	if (p->id != q->id)
		return p->id < q->id ? -1 : 1;
	if (p->t != q->t)
		return p->t < q->t ? -1 : 1;
	return p->seq < q->seq ? -1 : 1;
}

/* The sample as one of a metric of this class. */
static void
convert(struct salvage_sample *s, bool is_float)
{
	struct dec d;

	if (s->scale != SALVAGE_INT || !is_float)
		return;
	d = dec_from_f64((double)s->m);
	s->m = d.m;
	s->scale = d.scale;
}

static bool
same_value(const struct salvage_sample *a, const struct salvage_sample *b)
{
	if (a->scale == SALVAGE_INT || b->scale == SALVAGE_INT)
		return a->scale == b->scale && a->m == b->m;
	return f64_bits(dec_to_f64(a->m, a->scale)) ==
	    f64_bits(dec_to_f64(b->m, b->scale));
}

/* Whether it is there already, among those of the same time before it. */
static bool
is_again(const struct salvage *v, size_t i)
{
	const struct salvage_sample *s = &v->samples[i];
	size_t k;

	for (k = i; k > 0; k--) {
		if (v->samples[k - 1].id != s->id ||
		    v->samples[k - 1].t != s->t)
			return false;
		if (same_value(&v->samples[k - 1], s))
			return true;
	}
	return false;
}

static int
tell(struct salvage *v, const struct salvage_sample *s, const char *name,
    int type)
{
	struct ntdb_row row;

	memset(&row, 0, sizeof(row));
	row.db = v->s.dir.name;
	row.metric = name;
	row.id = s->id;
	row.type = type;
	row.aggregate = -1;
	row.t_ns = s->t;
	row.value = inspect_sample(type, s->m, s->scale);
	row.dec_m = s->m;
	row.dec_scale = s->scale;
	v->res->samples++;
	v->res->unnamed += name == NULL;
	return v->opt->row(v->opt->arg, &row);
}

/* Tell what was collected, and forget it. */
static int
tell_all(struct salvage *v)
{
	const struct metric *m;
	const char *name = NULL;
	bool is_float = false;
	size_t i;
	int r = 0;

	if (v->n_samples > 0)
		qsort(v->samples, v->n_samples, sizeof(v->samples[0]),
		    compare);
	for (i = 0; r == 0 && i < v->n_samples; i++) {
		struct salvage_sample *s = &v->samples[i];

		if (i == 0 || s->id != v->samples[i - 1].id) {
			name = inspect_name(&v->s.state, s->id, v->name);
			m = state_metric(&v->s.state, s->id);
			is_float = m != NULL && !ntdb_type_is_int(m->type);
		}
		convert(s, is_float);
		if (!is_again(v, i))
			r = tell(v, s, name, s->scale == SALVAGE_INT ?
			    NTDB_INT64 : NTDB_FLOAT64);
	}
	v->n_samples = 0;
	return r;
}

/* The span of all samples; false: there are none. */
static bool
whole_span(const struct salvage *v, int64_t *first, int64_t *last)
{
	size_t i;

	*first = INT64_MAX;
	*last = INT64_MIN;
	for (i = 0; i < v->n_pages; i++) {
		*first = v->pages[i].t_min < *first ? v->pages[i].t_min :
		    *first;
		*last = v->pages[i].t_max > *last ? v->pages[i].t_max : *last;
	}
	for (i = 0; i < v->n_logs; i++) {
		*first = v->logs[i].t_min < *first ? v->logs[i].t_min :
		    *first;
		*last = v->logs[i].t_max > *last ? v->logs[i].t_max : *last;
	}
	return *first <= *last;
}

/* Span by span, each as long as there is room for its samples. */
static int
read_all(struct salvage *v, struct ntdb_error *err)
{
	uint64_t len;
	int64_t end;
	int r;

	if (!whole_span(v, &v->first, &end))
		return 0;
	len = (uint64_t)end - (uint64_t)v->first;
	for (;;) {
		v->last = (uint64_t)end - (uint64_t)v->first <= len ? end :
		    (int64_t)((uint64_t)v->first + len);
		v->full = false;
		v->n_samples = 0;
		v->seq = 0;
		if ((r = salvage_read_pages(v, err)) != 0 ||
		    (r = salvage_read_logs(v, err)) != 0)
			return r;
		if (v->full) {
			len /= 2;
			continue;
		}
		/* The next one may be longer, if this one was short. */
		if (v->n_samples < v->cap_samples / 4 &&
		    len <= UINT64_MAX / 2)
			len = len * 2 + 1;
		if ((r = tell_all(v)) != 0 || v->last == end)
			return r;
		v->first = v->last + 1;
	}
}

static void
release(struct salvage *v)
{
	uint32_t i;

	for (i = 0; i < v->n_files; i++)
		free(v->files[i]);
	free(v->files);
	for (i = 0; i < v->n_logs; i++)
		free(v->logs[i].name);
	free(v->logs);
	free(v->pages);
	free(v->samples);
	snapshot_release(&v->s);
	free(v);
}

int
ntdb_salvage(struct ntdb *db, const char *name,
    const struct ntdb_salvage_options *opt, struct ntdb_salvage_result *res,
    struct ntdb_error *err)
{
	struct ntdb_salvage_result own = { 0 };
	struct salvage *v;
	int r;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return err_nomem(err);
	v->opt = opt;
	v->res = res != NULL ? res : &own;
	memset(v->res, 0, sizeof(*v->res));
	wal_init(&v->s.wal);
	state_init(&v->s.state);
	v->cap_samples = SALVAGE_SAMPLES;
	v->samples = malloc(v->cap_samples * sizeof(v->samples[0]));
	if (v->samples == NULL)
		r = err_nomem(err);
	else if ((r = dbdir_open(&v->s.dir, db, name, err)) == 0 &&
	    (r = salvage_find(v, err)) == 0)
		r = read_all(v, err);
	release(v);
	return r;
}
