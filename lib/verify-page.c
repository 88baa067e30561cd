#include <stdlib.h>

#include "error.h"
#include "verify.h"

#define GROUPS_MAX (4u << 20)	/* bytes of unpacked groups that are kept */

/* A page being checked, with some of its groups. */
struct page_check {
	struct verify *v;
	const struct datafile *f;
	const struct page_ref *ref;
	struct page_dir dir;
	uint8_t	**raw;		/* owned, by group; NULL: not at hand */
	uint8_t	*bad;		/* by group: told already */
	size_t	bytes;		/* in raw */
};

static void
place(const struct page_check *pc, struct ntdb_error *why, uint64_t offset)
{
	if (why->path[0] == '\0') {
		memcpy(why->path, pc->f->name, sizeof(pc->f->name));
		why->offset = (int64_t)offset;
	}
}

static int
tell(struct page_check *pc, struct ntdb_error *why, uint64_t n,
    struct ntdb_error *err)
{
	place(pc, why, pc->ref->offset);
	return verify_lost(pc->v, why, n, err);
}

/* ------------------------------------------------------- the directory */

/* What is wrong with the metrics of a page: samples, and the first id. */
struct tally {
	uint64_t unnamed, wrong;
	uint32_t unnamed_id, wrong_id;
};

static void
count(uint64_t *n, uint32_t *first, const struct page_run *run)
{
	if (*n == 0)
		*first = run->id;
	*n += run->n;
}

static int
check_metrics(struct page_check *pc, struct ntdb_error *err)
{
	struct ntdb_error unnamed = NTDB_ERROR_INIT, wrong = NTDB_ERROR_INIT;
	struct tally t = { 0, 0, 0, 0 };
	struct verify *v = pc->v;
	uint32_t i;
	int r = 0;

	for (i = 0; i < pc->dir.n_runs; i++) {
		const struct page_run *run = &pc->dir.runs[i];
		const struct metric *m = state_metric(&v->s.state, run->id);

		if (m == NULL) {
			if (v->names_known)
				count(&t.unnamed, &t.unnamed_id, run);
			continue;
		}
		if (!ntdb_type_is_int(run->type) &&
		    ntdb_type_is_int(m->type))
			count(&t.wrong, &t.wrong_id, run);
	}
	if (t.unnamed > 0) {
		err_set(&unnamed, NTDB_ECORRUPT, "metric id %u has no name",
		    t.unnamed_id);
		r = tell(pc, &unnamed, t.unnamed, err);
	}
	if (r == 0 && t.wrong > 0) {
		err_set(&wrong, NTDB_ECORRUPT,
		    "values are not of the type of metric id %u",
		    t.wrong_id);
		r = tell(pc, &wrong, t.wrong, err);
	}
	return r;
}

/* ---------------------------------------------------------- the groups */

static void
drop_groups(struct page_check *pc)
{
	uint32_t i;

	for (i = 0; pc->raw != NULL && i < pc->dir.n_groups; i++) {
		free(pc->raw[i]);
		pc->raw[i] = NULL;
	}
	pc->bytes = 0;
}

/* Have a group (UINT32_MAX: none) at hand. */
static int
have_group(struct page_check *pc, uint32_t i, struct ntdb_error *why)
{
	const struct page_group *g;
	uint8_t *raw;
	int r;

	if (i == UINT32_MAX || pc->raw[i] != NULL)
		return 0;
	g = &pc->dir.groups[i];
	if ((raw = malloc(g->raw_len + 1)) == NULL)
		return err_nomem(why);
	if ((r = datafile_group(pc->f, pc->ref, g, raw, why)) != 0) {
		free(raw);
		return r;
	}
	pc->raw[i] = raw;
	pc->bytes += g->raw_len;
	return 0;
}

static bool
uses(const struct page_dir *dir, const struct page_run *run, uint32_t group)
{
	uint32_t times, values;

	page_run_groups(dir, run, &times, &values);
	return times == group || values == group;
}

/* Samples that cannot be read without a group. */
static uint64_t
cost(const struct page_dir *dir, uint32_t group)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < dir->n_runs; i++)
		if (uses(dir, &dir->runs[i], group))
			n += dir->runs[i].n;
	return n;
}

/* Unpack all groups, those too that no run needs. */
static int
check_groups(struct page_check *pc, struct ntdb_error *err)
{
	uint32_t i;
	int r;

	for (i = 0; i < pc->dir.n_groups; i++) {
		struct ntdb_error why = NTDB_ERROR_INIT;

		if (pc->bytes > GROUPS_MAX)
			drop_groups(pc);
		if (have_group(pc, i, &why) == 0)
			continue;
		pc->bad[i] = 1;
		if ((r = tell(pc, &why, cost(&pc->dir, i), err)) != 0)
			return r;
	}
	return 0;
}

/* ------------------------------------------------------------ the runs */

static int
check_run(struct page_check *pc, const struct page_run *run,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	uint32_t times, values;
	int r;

	pc->v->res->runs++;
	page_run_groups(&pc->dir, run, &times, &values);
	if ((times != UINT32_MAX && pc->bad[times]) ||
	    (values != UINT32_MAX && pc->bad[values]))
		return 0;
	if (pc->bytes > GROUPS_MAX)
		drop_groups(pc);
	if ((r = have_group(pc, times, &why)) == 0 &&
	    (r = have_group(pc, values, &why)) == 0)
		r = verify_run(pc->v, &pc->dir, run,
		    times == UINT32_MAX ? NULL : pc->raw[times],
		    values == UINT32_MAX ? NULL : pc->raw[values], &why);
	if (r != 0)
		return tell(pc, &why, run->n, err);
	verify_list_run(pc->v, pc->ref, &pc->dir, run);
	verify_cache_run(pc->v, pc->f, run);
	pc->v->res->samples += run->n;
	return 0;
}

/* The group of a run's values, from 1; 0: it needs none. */
static uint32_t
key(const struct page_dir *dir, const struct page_run *run)
{
	uint32_t times, values;

	page_run_groups(dir, run, &times, &values);
	return values == UINT32_MAX ? 0 : values + 1;
}

/*
 * Runs in the order of the groups of their values, so that a page whose
 * groups are not kept all at once has few of them unpacked again.
 */
static int
check_runs(struct page_check *pc, struct ntdb_error *err)
{
	const struct page_dir *dir = &pc->dir;
	uint32_t *at, *sorted, i;
	int r = 0;

	at = calloc((size_t)dir->n_groups + 3, sizeof(*at));
	sorted = calloc((size_t)dir->n_runs + 1, sizeof(*sorted));
	if (at == NULL || sorted == NULL) {
		r = err_nomem(err);
		goto done;
	}
	/* A counting sort. */
	for (i = 0; i < dir->n_runs; i++)
		at[key(dir, &dir->runs[i]) + 1]++;
	for (i = 1; i < dir->n_groups + 2; i++)
		at[i] += at[i - 1];
	for (i = 0; i < dir->n_runs; i++)
		sorted[at[key(dir, &dir->runs[i])]++] = i;
	for (i = 0; r == 0 && i < dir->n_runs; i++)
		r = check_run(pc, &dir->runs[sorted[i]], err);
done:
	free(at);
	free(sorted);
	return r;
}

int
verify_page(struct verify *v, const struct datafile *f,
    const struct page_ref *ref, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct page_check pc;
	int r;

	memset(&pc, 0, sizeof(pc));
	pc.v = v;
	pc.f = f;
	pc.ref = ref;
	if (datafile_dir(f, ref, &pc.dir, &why) != 0) {
		page_dir_release(&pc.dir);
		return tell(&pc, &why, ref->head.n_samples, err);
	}
	pc.raw = calloc((size_t)pc.dir.n_groups + 1, sizeof(pc.raw[0]));
	pc.bad = calloc((size_t)pc.dir.n_groups + 1, 1);
	if (pc.raw == NULL || pc.bad == NULL)
		r = err_nomem(err);
	else if ((r = check_metrics(&pc, err)) == 0 &&
	    (r = check_groups(&pc, err)) == 0)
		r = check_runs(&pc, err);
	drop_groups(&pc);
	free(pc.raw);
	free(pc.bad);
	page_dir_release(&pc.dir);
	return r;
}
