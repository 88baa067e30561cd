/*
 * The order of jobs: one that writes to a database comes before those that
 * read it.
 *
 * Where databases feed each other in a circle, or a job writes to the
 * database that it reads, it depends on the names of metrics which job feeds
 * which: the names that are there, and one that stands for those to come of
 * each pattern, are followed through the jobs.  A name that would come out of
 * a job twice on its way is a circle, and an error.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"

#define NAMES_MAX 1000000u	/* that are followed */

/* A name, on its way through the jobs. */
struct track {
	char	*name;		/* owned */
	uint32_t len;
	uint32_t db;
	uint32_t parent;	/* index + 1 of the track it came from; 0 */
	uint32_t def;		/* and the job that it came from */
};

/*
 * Invariant: feeds[a * n + b] tells that job a writes what job b reads, n
 * being the number of jobs in the plan.
 */
struct orderer {
	struct rollup_plan *p;
	bool	*feeds;		/* owned; NULL: names do not matter */
	bool	*taken;		/* owned: the job is in order */
	size_t	n_order;
	struct track *tracks;	/* owned */
	size_t	n_tracks, tracks_cap;
	struct buf name;
};

/*
 * Append to the order jobs whose source no job writes to that is not in it,
 * as long as there are any.
 */
static int
take_by_database(struct orderer *o, struct ntdb_error *err)
{
	struct rollup_plan *p = o->p;
	uint32_t *writers = calloc(p->n_dbs + 1, sizeof(*writers)), i;
	bool more = true;

	if (writers == NULL)
		return err_nomem(err);
	for (i = 0; i < p->n_defs; i++)
		writers[p->defs[i].dest]++;
	while (more) {
		more = false;
		for (i = 0; i < p->n_defs; i++) {
			if (o->taken[i] || writers[p->defs[i].source] > 0)
				continue;
			o->taken[i] = more = true;
			writers[p->defs[i].dest]--;
			p->order[o->n_order++] = i;
		}
	}
	free(writers);
	return 0;
}

/* The same for jobs that no job feeds. */
static int
take_by_name(struct orderer *o, struct ntdb_error *err)
{
	struct rollup_plan *p = o->p;
	const size_t n = p->n_defs;
	uint32_t *feeders = calloc(n + 1, sizeof(*feeders)), i;
	bool more = true;
	size_t k;

	if (feeders == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++)
			feeders[k] += o->feeds[i * n + k];
	while (more) {
		more = false;
		for (i = 0; i < n; i++) {
			if (o->taken[i] || feeders[i] > 0)
				continue;
			o->taken[i] = more = true;
			for (k = 0; k < n; k++)
				feeders[k] -= o->feeds[i * n + k];
			p->order[o->n_order++] = i;
		}
	}
	free(feeders);
	return o->n_order == n ? 0 :
	    err_set(err, NTDB_EBUG, "rollups in a circle");
}

/* ---- by name */

static int
add_track(struct orderer *o, uint32_t db, const char *name, size_t len,
    uint32_t parent, uint32_t def, struct ntdb_error *err)
{
	struct track *t;
	size_t cap;

	if (o->n_tracks == NAMES_MAX)
		return err_set(err, NTDB_ECONFIG, "rollups that write to "
		    "databases which they read have too many metrics");
	if (o->n_tracks == o->tracks_cap) {
		cap = o->tracks_cap == 0 ? 256 : 2 * o->tracks_cap;
		t = realloc(o->tracks, cap * sizeof(*t));
		if (t == NULL)
			return err_nomem(err);
		o->tracks = t;
		o->tracks_cap = cap;
	}
	t = &o->tracks[o->n_tracks];
	if ((t->name = malloc(len + 1)) == NULL)
		return err_nomem(err);
	memcpy(t->name, name, len);
	t->len = (uint32_t)len;
	t->db = db;
	t->parent = parent;
	t->def = def;
	o->n_tracks++;
	return 0;
}

static int
add_example(struct orderer *o, const struct rollup_def *d,
    struct ntdb_error *err)
{
	rollup_example(d, &o->name);
	if (!buf_ok(&o->name))
		return err_nomem(err);
	return add_track(o, d->source, (const char *)o->name.data,
	    o->name.len, 0, 0, err);
}

/* The metrics that a database has. */
static int
add_present(struct orderer *o, struct ntdb *root, uint32_t db,
    struct ntdb_error *err)
{
	struct snapshot s;
	uint32_t id;
	int r;

	if (!o->p->dbs[db].has_manifest)
		return 0;
	r = snapshot_open(&s, root, o->p->dbs[db].name, err);
	for (id = 1; r == 0 && id < s.state.n_slots; id++) {
		const struct metric *m = state_metric(&s.state, id);

		if (m != NULL)
			r = add_track(o, db, state_name(&s.state, m),
			    m->name_len, 0, 0, err);
	}
	snapshot_release(&s);
	return r;
}

/* Whether a track has come out of a job before. */
static bool
has_passed(const struct orderer *o, size_t track, uint32_t def)
{
	const struct track *t = &o->tracks[track];

	for (; t->parent != 0; t = &o->tracks[t->parent - 1])
		if (t->def == def)
			return true;
	return false;
}

/* Let a name go through a job: its results are followed in turn. */
static int
pass(struct orderer *o, size_t track, uint32_t def, struct ntdb_error *err)
{
	const struct rollup_def *d = &o->p->defs[def];
	const struct rollup_db *db = &o->p->dbs[d->source];
	struct track t = o->tracks[track];
	size_t a;
	int r;

	if (t.parent != 0)
		o->feeds[t.def * o->p->n_defs + def] = true;
	if (has_passed(o, track, def))
		return err_line(err, NTDB_ECONFIG, db->display, d->job->line,
		    "[rollup.%s] reads what comes of its own results: %.*s",
		    d->job->id, (int)t.len, t.name);
	for (a = 0; a < d->n_aggregates; a++) {
		rollup_name(d, t.name, t.len, d->aggregates[a], &o->name);
		if (!buf_ok(&o->name))
			return err_nomem(err);
		r = add_track(o, d->dest, (const char *)o->name.data,
		    o->name.len, (uint32_t)track + 1, def, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Follow all names through the jobs that are not in order yet. */
static int
feeds_by_name(struct orderer *o, struct ntdb *root, struct ntdb_error *err)
{
	const struct rollup_plan *p = o->p;
	const bool *taken = o->taken;
	uint32_t i;
	size_t k;
	int r;

	o->feeds = calloc(p->n_defs, p->n_defs * sizeof(*o->feeds));
	if (o->feeds == NULL)
		return err_nomem(err);
	for (i = 0; i < p->n_defs; i++)
		if (!taken[i] && (r = add_example(o, &p->defs[i], err)) != 0)
			return r;
	for (i = 0; i < p->n_dbs; i++) {
		for (k = 0; k < p->n_defs; k++)
			if (!taken[k] && p->defs[k].source == i)
				break;
		if (k < p->n_defs && (r = add_present(o, root, i, err)) != 0)
			return r;
	}
	for (k = 0; k < o->n_tracks; k++) {
		for (i = 0; i < p->n_defs; i++) {
			const struct track *t = &o->tracks[k];

			if (taken[i] || p->defs[i].source != t->db ||
			    !rollup_reads(p, &p->defs[i], t->name, t->len))
				continue;
			if ((r = pass(o, k, i, err)) != 0)
				return r;
		}
	}
	return 0;
}

static int
put_in_order(struct orderer *o, struct ntdb *root, struct ntdb_error *err)
{
	int r;

	if ((r = take_by_database(o, err)) != 0 ||
	    o->n_order == o->p->n_defs ||
	    (r = feeds_by_name(o, root, err)) != 0)
		return r;
	return take_by_name(o, err);
}

int
rollup_plan_order(struct rollup_plan *p, struct ntdb *root,
    struct ntdb_error *err)
{
	struct orderer o = { .p = p };
	size_t i;
	int r;

	o.taken = calloc(p->n_defs + 1, sizeof(*o.taken));
	p->order = calloc(p->n_defs + 1, sizeof(*p->order));
	if (o.taken == NULL || p->order == NULL)
		r = err_nomem(err);
	else
		r = put_in_order(&o, root, err);
	for (i = 0; i < o.n_tracks; i++)
		free(o.tracks[i].name);
	free(o.tracks);
	free(o.feeds);
	free(o.taken);
	buf_release(&o.name);
	return r;
}
