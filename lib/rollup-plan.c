/*
 * Which jobs there are: the manifests of all databases, defaults filled in.
 */
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "match.h"
#include "rollup.h"

static int
bad_job(const struct rollup_db *db, const struct rollup_job *job,
    struct ntdb_error *err, const char *what)
{
	return err_line(err, NTDB_ECONFIG, db->display, job->line,
	    "[rollup.%s] %s", job->id, what);
}

/* ---- databases */

static int
add_db(struct rollup_plan *p, const char *name, uint32_t *index,
    struct ntdb_error *err)
{
	struct rollup_db *dbs;
	size_t i;

	for (i = 0; i < p->n_dbs; i++)
		if (strcmp(p->dbs[i].name, name) == 0)
			break;
	*index = (uint32_t)i;
	if (i < p->n_dbs)
		return 0;
	dbs = realloc(p->dbs, (i + 1) * sizeof(*dbs));
	if (dbs == NULL)
		return err_nomem(err);
	p->dbs = dbs;
	memset(&dbs[i], 0, sizeof(dbs[i]));
	snprintf(dbs[i].name, sizeof(dbs[i].name), "%s", name);
	p->n_dbs++;
	return 0;
}

/* A database that exists, with its manifest. */
static int
add_source(struct rollup_plan *p, struct ntdb *root, const char *name,
    struct ntdb_error *err)
{
	struct rollup_db *db;
	struct dbdir d;
	uint32_t i;
	int r;

	if ((r = add_db(p, name, &i, err)) != 0 ||
	    (r = dbdir_open(&d, root, name, err)) != 0)
		return r;
	db = &p->dbs[i];
	if ((db->display = strdup(d.manifest_path)) == NULL)
		r = err_nomem(err);
	else
		r = dbdir_manifest(&d, &db->manifest, err);
	db->has_manifest = true;
	dbdir_close(&d);
	return r;
}

/* ---- jobs */

static int
fill_aggregates(struct rollup_def *d, const struct str_list *list)
{
	size_t i, k;
	int a;

	for (i = 0; i < list->n; i++) {
		a = ntdb_aggregate_find(list->at[i], strlen(list->at[i]));
		if (a < 0)
			return NTDB_ECONFIG;
		for (k = 0; k < d->n_aggregates; k++)
			if (d->aggregates[k] == a)
				break;
		if (k == d->n_aggregates)
			d->aggregates[d->n_aggregates++] = (uint8_t)a;
	}
	return d->n_aggregates > 0 ? 0 : NTDB_ECONFIG;
}

static uint64_t
hash_text(uint64_t h, const char *text)
{
	return text == NULL ? rollup_hash(h, "", 1) :
	    rollup_hash(h, text, strlen(text) + 1);
}

/* What the results depend on: if it changes the job begins anew. */
static uint64_t
hash_def(const struct rollup_def *d, const char *dest)
{
	char interval[NTDB_TEXT_MAX];
	uint64_t h = ROLLUP_HASH;
	size_t n = ntdb_int_format(d->interval_ns, interval);

	h = rollup_hash(h, interval, n);
	h = rollup_hash(h, d->aggregates, d->n_aggregates);
	h = hash_text(h, dest);
	return hash_text(h, d->job->destination_metric_prefix) >> 1;
}

static int
add_def(struct rollup_plan *p, uint32_t source, const struct rollup_job *job,
    struct ntdb_error *err)
{
	const struct manifest *m = &p->dbs[source].manifest;
	struct rollup_def *d = &p->defs[p->n_defs];
	const char *dest = job->destination_db != NULL ?
	    job->destination_db : m->default_destination_db;
	int r;

	memset(d, 0, sizeof(*d));
	d->job = job;
	d->source = source;
	d->interval_ns = job->interval_ns > 0 ? job->interval_ns :
	    m->default_interval_ns;
	d->grace_ns = job->grace_ns >= 0 ? job->grace_ns :
	    m->default_grace_ns;
	if (dest == NULL)
		return bad_job(&p->dbs[source], job, err,
		    "has no destination_db");
	if (!ntdb_database_name_ok(dest, strlen(dest)))
		return bad_job(&p->dbs[source], job, err,
		    "has a destination_db that is no database's name");
	if (strcmp(dest, INTERNAL_DB) == 0)
		return bad_job(&p->dbs[source], job, err,
		    "writes to internal, which is the suite's own");
	if (fill_aggregates(d, job->aggregates.n > 0 ? &job->aggregates :
	    &m->default_aggregates) != 0)
		return bad_job(&p->dbs[source], job, err,
		    "has no aggregates");
	if ((r = add_db(p, dest, &d->dest, err)) != 0)
		return r;
	d->hash = hash_def(d, dest);
	p->n_defs++;
	return 0;
}

static int
add_defs(struct rollup_plan *p, struct ntdb_error *err)
{
	size_t n = p->n_dbs, total = 0, i, k;
	int r;

	for (i = 0; i < n; i++)
		total += p->dbs[i].manifest.n_jobs;
	p->defs = calloc(total + 1, sizeof(*p->defs));
	if (p->defs == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		if (!p->dbs[i].manifest.rollups_enabled)
			continue;
		for (k = 0; k < p->dbs[i].manifest.n_jobs; k++) {
			r = add_def(p, (uint32_t)i,
			    &p->dbs[i].manifest.jobs[k], err);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* Mark the databases whose jobs are asked for: all if none is named. */
static int
mark_wanted(struct rollup_plan *p, char *const *names, size_t n,
    struct ntdb_error *err)
{
	size_t i, k;

	for (i = 0; i < p->n_dbs; i++)
		p->dbs[i].wanted = n == 0;
	for (k = 0; k < n; k++) {
		for (i = 0; i < p->n_dbs; i++)
			if (p->dbs[i].has_manifest &&
			    strcmp(p->dbs[i].name, names[k]) == 0)
				break;
		if (i == p->n_dbs)
			return err_set(err, NTDB_ENOENT,
			    "no such database: %s", names[k]);
		p->dbs[i].wanted = true;
	}
	return 0;
}

int
rollup_plan_make(struct rollup_plan *p, struct ntdb *root,
    char *const *names, size_t n, struct ntdb_error *err)
{
	char **all;
	size_t n_all, i;
	int r;

	memset(p, 0, sizeof(*p));
	if ((r = ntdb_databases(root, true, &all, &n_all, err)) != 0)
		return r;
	for (i = 0; r == 0 && i < n_all; i++)
		r = add_source(p, root, all[i], err);
	ntdb_databases_free(all);
	if (r != 0 || (r = mark_wanted(p, names, n, err)) != 0 ||
	    (r = add_defs(p, err)) != 0)
		return r;
	r = rollup_plan_clash(p, root, err);
	return r != 0 ? r : rollup_plan_order(p, root, err);
}

void
rollup_plan_release(struct rollup_plan *p)
{
	size_t i;

	for (i = 0; i < p->n_dbs; i++) {
		if (p->dbs[i].has_manifest)
			manifest_release(&p->dbs[i].manifest);
		free(p->dbs[i].display);
	}
	free(p->dbs);
	free(p->defs);
	free(p->order);
	memset(p, 0, sizeof(*p));
}

/* ---- what a job reads and writes */

static bool
any_matches(const struct str_list *globs, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < globs->n; i++)
		if (glob_match(globs->at[i], strlen(globs->at[i]), name, len))
			return true;
	return false;
}

bool
rollup_reads(const struct rollup_plan *p, const struct rollup_def *d,
    const char *name, size_t len)
{
	const struct rollup_job *job = d->job;
	const char *metric = job->source_metric;
	const char *glob = job->source_pattern;

	if (metric != NULL ? strlen(metric) != len ||
	    memcmp(metric, name, len) != 0 :
	    !glob_match(glob, strlen(glob), name, len))
		return false;
	return !any_matches(&job->exclude_patterns, name, len) &&
	    !any_matches(&p->dbs[d->source].manifest.exclude_patterns, name,
	    len);
}

void
rollup_name(const struct rollup_def *d, const char *source, size_t len,
    int aggregate, struct buf *out)
{
	const char *prefix = d->job->destination_metric_prefix;
	const char *suffix = ntdb_aggregate_name(aggregate);
	uint8_t *label;
	size_t n, base;

	buf_clear(out);
	if (prefix != NULL)
		buf_add(out, prefix, strlen(prefix));
	if (prefix != NULL && d->job->source_pattern != NULL)
		buf_add_u8(out, '.');
	if (prefix == NULL || d->job->source_pattern != NULL)
		buf_add(out, source, len);
	/* Room for .AGG, which goes before {labels}. */
	base = out->len;
	n = strlen(suffix) + 1;
	if (buf_extend(out, n) == NULL)
		return;
	label = base > 0 && out->data[base - 1] == '}' ?
	    memchr(out->data, '{', base) : NULL;
	if (label == NULL)
		label = out->data + base;
	memmove(label + n, label, (size_t)(out->data + base - label));
	*label = '.';
	memcpy(label + 1, suffix, n - 1);
}

void
rollup_example(const struct rollup_def *d, struct buf *out)
{
	const bool is_glob = d->job->source_metric == NULL;
	const char *g = is_glob ? d->job->source_pattern :
	    d->job->source_metric;

	buf_clear(out);
	for (; *g != '\0'; g++) {
		const char *close = NULL;

		if (is_glob && *g == '[' && g[1] != '\0')
			close = strchr(g + 2, ']');
		if (is_glob && (*g == '*' || *g == '?')) {
			buf_add_u8(out, 'x');
		} else if (close != NULL) {
			buf_add_u8(out, (uint8_t)(g[1] == '!' ||
			    g[1] == '^' ? 'x' : g[1]));
			g = close;
		} else {
			if (is_glob && *g == '\\' && g[1] != '\0')
				g++;
			buf_add_u8(out, (uint8_t)*g);
		}
	}
}
