#include <stdlib.h>

#include "error.h"
#include "rollup-group.h"

static uint32_t
source_at(const struct rollup_plan *p, size_t at)
{
	return p->defs[p->order[at]].source;
}

static bool
comes_again(const struct rollup_plan *p, uint32_t source, size_t from)
{
	for (; from < p->n_defs; from++)
		if (source_at(p, from) == source)
			return true;
	return false;
}

/*
 * All jobs in order, those of a database that stand together at once.  What
 * fails in one database does not keep the others waiting.
 */
static int
run_all(struct rollup_run *run, struct ntdb_error *err)
{
	const struct rollup_plan *p = &run->plan;
	size_t at, n, i;
	int r, first = 0;

	run->progress = calloc(p->n_dbs + 1, sizeof(*run->progress));
	if (run->progress == NULL)
		return err_nomem(err);
	for (i = 0; i < p->n_dbs; i++)
		run->progress[i].due = INT64_MAX;
	for (at = 0; at < p->n_defs && !rollup_run_is_stopped(run); at += n) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		for (n = 1; at + n < p->n_defs &&
		    source_at(p, at + n) == source_at(p, at); n++)
			;
		r = rollup_run_group(run, p->order + at, n, !comes_again(p,
		    source_at(p, at), at + n), &why);
		if (r != 0 && first == 0)
			first = err_at(err, r, why.path, why.offset, "%s",
			    why.text);
		else if (r != 0)
			root_note(run->root, &why);
	}
	return first;
}

int
ntdb_rollup(struct ntdb *db, char *const *names, size_t n,
    const struct ntdb_rollup_options *opt, struct ntdb_rollup_result *res,
    struct ntdb_error *err)
{
	static const struct ntdb_rollup_options usual;
	struct ntdb_rollup_result mine = { 0 };
	struct rollup_run run = { .root = db };
	char **all = NULL;
	size_t n_all = 0;
	bool idle = false;
	int r = 0;

	run.opt = opt != NULL ? opt : &usual;
	run.res = res != NULL ? res : &mine;
	memset(run.res, 0, sizeof(*run.res));
	if (!run.opt->rebuild) {
		if (n == 0)
			r = ntdb_databases(db, true, &all, &n_all, err);
		if (r == 0)
			r = rollup_all_idle(db, n == 0 ? all : names,
			    n == 0 ? n_all : n, &idle, err);
		ntdb_databases_free(all);
	}
	if (r != 0 || idle)
		return r;
	if ((r = rollup_plan_make(&run.plan, db, names, n, err)) == 0)
		r = run_all(&run, err);
	free(run.progress);
	rollup_foresight_release(&run.foresight);
	rollup_plan_release(&run.plan);
	return r;
}
