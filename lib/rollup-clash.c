/*
 * Whether two jobs write the same metric.
 *
 * Results of metrics that the sources have, and of those that jobs name, may
 * not meet.  A name that only stands for those to come of a pattern does not
 * say what else there will be: over it two jobs clash only if both read it.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"

/* A metric that a job writes, with any aggregate in its name. */
struct output {
	size_t	name;		/* offset in names; its source is behind it */
	uint32_t len, source_len, def;
	bool	is_example;	/* its source stands for metrics to come */
};

struct clash {
	const struct rollup_plan *p;
	struct buf names;
	struct buf outputs;	/* struct output */
	struct buf name;
};

static void
add_output(struct clash *c, uint32_t def, const char *source, size_t len,
    bool is_example)
{
	const struct rollup_def *d = &c->p->defs[def];
	struct output o = { c->names.len, 0, (uint32_t)len, def, is_example };

	/* Two of different aggregates differ in these alone. */
	rollup_name(d, source, len, 0, &c->name);
	o.len = (uint32_t)c->name.len;
	buf_add(&c->names, c->name.data, c->name.len);
	buf_add(&c->names, source, len);
	buf_add(&c->outputs, &o, sizeof(o));
}

/* ---- finding two */

static int
compare(const void *a, const void *b, void *arg)
{
	const struct output *x = a, *y = b;
	const struct clash *c = arg;
	const struct rollup_def *defs = c->p->defs;
	uint32_t n = x->len < y->len ? x->len : y->len;
	int r;

	if (defs[x->def].dest != defs[y->def].dest)
		return defs[x->def].dest < defs[y->def].dest ? -1 : 1;
	r = memcmp(c->names.data + x->name, c->names.data + y->name, n);
	if (r != 0)
		return r;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (x->def > y->def) - (x->def < y->def);
}

static bool
is_same(const struct clash *c, const struct output *x, const struct output *y)
{
	const struct rollup_def *defs = c->p->defs;

	return defs[x->def].dest == defs[y->def].dest && x->len == y->len &&
	    memcmp(c->names.data + x->name, c->names.data + y->name,
	    x->len) == 0;
}

static const char *
source_of(const struct clash *c, const struct output *o)
{
	return (const char *)c->names.data + o->name + o->len;
}

/* Whether two outputs of the same name are certain to meet. */
static bool
do_meet(const struct clash *c, const struct output *x,
    const struct output *y)
{
	const struct rollup_def *defs = c->p->defs;

	if (x->def == y->def)
		return false;
	return (!x->is_example && !y->is_example) ||
	    (defs[x->def].source == defs[y->def].source &&
	    x->source_len == y->source_len &&
	    memcmp(source_of(c, x), source_of(c, y), x->source_len) == 0);
}

/* An aggregate that both jobs compute, or -1. */
static int
common_aggregate(const struct rollup_def *x, const struct rollup_def *y)
{
	size_t i, k;

	for (i = 0; i < x->n_aggregates; i++)
		for (k = 0; k < y->n_aggregates; k++)
			if (x->aggregates[i] == y->aggregates[k])
				return x->aggregates[i];
	return -1;
}

static int
complain(struct clash *c, const struct rollup_def *x,
    const struct rollup_def *y, const struct output *o, int aggregate,
    struct ntdb_error *err)
{
	const struct rollup_db *db = &c->p->dbs[x->source];

	rollup_name(x, source_of(c, o), o->source_len, aggregate, &c->name);
	return err_line(err, NTDB_ECONFIG, db->display, x->job->line,
	    "[rollup.%s] writes %s/%.*s, as [rollup.%s] of %s does",
	    x->job->id, c->p->dbs[x->dest].name, (int)c->name.len,
	    (const char *)c->name.data, y->job->id,
	    c->p->dbs[y->source].name);
}

static int
find_two(struct clash *c, struct ntdb_error *err)
{
	const struct output *o = (const void *)c->outputs.data;
	const size_t n = c->outputs.len / sizeof(*o);
	size_t i, k;
	int a;

	for (i = 0; i < n; i++) {
		for (k = i + 1; k < n && is_same(c, &o[i], &o[k]); k++) {
			const struct rollup_def *x = &c->p->defs[o[i].def];
			const struct rollup_def *y = &c->p->defs[o[k].def];

			if (do_meet(c, &o[i], &o[k]) && (a = common_aggregate(x, y)) >= 0)
				return complain(c, y, x, &o[k], a, err);
		}
	}
	return 0;
}

/* ---- all that is written */

/* Whether another job writes to the same database. */
static bool
has_company(const struct rollup_plan *p, const uint32_t *writers,
    uint32_t def)
{
	return writers[p->defs[def].dest] > 1;
}

/* What the jobs of one source write; its metrics are read if need be. */
static int
add_source(struct clash *c, struct ntdb *root, uint32_t db,
    const uint32_t *writers, struct ntdb_error *err)
{
	const struct rollup_plan *p = c->p;
	struct snapshot s;
	bool any = false;
	uint32_t id, i;
	int r;

	for (i = 0; i < p->n_defs; i++)
		any |= p->defs[i].source == db && has_company(p, writers, i);
	if (!any)
		return 0;
	r = snapshot_open(&s, root, p->dbs[db].name, err);
	for (i = 0; r == 0 && i < p->n_defs; i++) {
		if (p->defs[i].source != db || !has_company(p, writers, i))
			continue;
		for (id = 1; id < s.state.n_slots; id++) {
			const struct metric *m = state_metric(&s.state, id);

			if (m != NULL && rollup_reads(p, &p->defs[i],
			    state_name(&s.state, m), m->name_len))
				add_output(c, i, state_name(&s.state, m),
				    m->name_len, false);
		}
	}
	snapshot_release(&s);
	return r;
}

/* The name that each job has, or an example, and all that would read it. */
static int
add_examples(struct clash *c, const uint32_t *writers)
{
	const struct rollup_def *defs = c->p->defs;
	struct buf b = BUF_INIT;
	uint32_t i, k;
	int r = 0;

	for (i = 0; i < c->p->n_defs; i++) {
		if (!has_company(c->p, writers, i))
			continue;
		rollup_example(&defs[i], &b);
		if (!buf_ok(&b))
			r = NTDB_ESYS;
		for (k = 0; r == 0 && k < c->p->n_defs; k++)
			if (defs[k].source == defs[i].source &&
			    has_company(c->p, writers, k) &&
			    rollup_reads(c->p, &defs[k],
			    (const char *)b.data, b.len))
				add_output(c, k, (const char *)b.data, b.len,
				    defs[k].job->source_metric == NULL);
	}
	buf_release(&b);
	return r;
}

int
rollup_plan_clash(const struct rollup_plan *p, struct ntdb *root,
    struct ntdb_error *err)
{
	struct clash c = { p, BUF_INIT, BUF_INIT, BUF_INIT };
	uint32_t *writers = calloc(p->n_dbs + 1, sizeof(*writers)), i;
	int r = 0;

	if (writers == NULL)
		return err_nomem(err);
	for (i = 0; i < p->n_defs; i++)
		writers[p->defs[i].dest]++;
	for (i = 0; r == 0 && i < p->n_dbs; i++)
		if (p->dbs[i].has_manifest)
			r = add_source(&c, root, i, writers, err);
	if (r == 0 && (add_examples(&c, writers) != 0 || !buf_ok(&c.names) ||
	    !buf_ok(&c.outputs) || !buf_ok(&c.name)))
		r = err_nomem(err);
	if (r == 0 && c.outputs.len > 0) {
		qsort_r(c.outputs.data, c.outputs.len / sizeof(struct output),
		    sizeof(struct output), compare, &c);
		r = find_two(&c, err);
	}
	free(writers);
	buf_release(&c.names);
	buf_release(&c.outputs);
	buf_release(&c.name);
	return r;
}
