/*
 * The list of last samples of a data file, held against its pages.
 */
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "verify.h"

void
verify_list_release(struct verify_list *l)
{
	free(l->entries);
	free(l->seen);
	memset(l, 0, sizeof(*l));
}

int
verify_list_begin(struct verify *v, const struct datafile *f,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct verify_list *l = &v->list;
	int r;

	verify_list_release(l);
	l->damaged = v->res->damaged;
	r = datafile_lasts(f, &l->entries, &l->n, &why);
	if (r == NTDB_END)
		return 0;
	if (r != 0)
		return verify_lost(v, &why, 0, err);
	l->at = f->list_at;
	if ((l->seen = calloc(l->n, sizeof(l->seen[0]))) == NULL)
		return err_nomem(err);
	return 0;
}

/* The index of a metric in the list, or n. */
static uint32_t
find(const struct verify_list *l, uint32_t id)
{
	uint32_t lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (l->entries[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n && l->entries[lo].id == id ? lo : l->n;
}

/* Whether an entry says just that sample. */
static bool
is_same(const struct last_entry *e, const struct page_run *run, int64_t t,
    int64_t m, uint8_t scale)
{
	if (e->t != t ||
	    ntdb_type_is_int(e->type) != ntdb_type_is_int(run->type))
		return false;
	if (ntdb_type_is_int(e->type))
		return e->m == m;
	return f64_bits(dec_to_f64(e->m, e->scale)) ==
	    f64_bits(dec_to_f64(m, scale));
}

void
verify_list_run(struct verify *v, const struct page_ref *ref,
    const struct page_dir *dir, const struct page_run *run)
{
	const uint32_t last = (run->n - 1) % VERIFY_SLICE;
	struct verify_list *l = &v->list;
	struct verify_last *seen;
	uint32_t i;

	if (ref->offset >= l->at)
		return;
	if ((i = find(l, run->id)) == l->n) {
		l->wrong++;
		return;
	}
	/* Of equal times the one that stands last counts. */
	seen = &l->seen[i];
	if (seen->any && (v->t[last] < seen->t || (v->t[last] == seen->t &&
	    ref->offset == seen->page && run - dir->runs < seen->run)))
		return;
	seen->any = true;
	seen->t = v->t[last];
	seen->page = ref->offset;
	seen->run = run - dir->runs;
	seen->same = is_same(&l->entries[i], run, v->t[last], v->m[last],
	    v->scale[last]);
}

int
verify_list_end(struct verify *v, const struct datafile *f,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct verify_list *l = &v->list;
	uint32_t i;

	for (i = 0; i < l->n; i++)
		l->wrong += !l->seen[i].same;
	/* Where pages are damaged, that is enough. */
	if (l->wrong == 0 || l->damaged != v->res->damaged)
		return 0;
	err_at(&why, NTDB_ECORRUPT, f->name, (int64_t)l->at,
	    "list of last samples does not say what the pages hold");
	return verify_failed(v, &why, l->wrong, "metrics", err);
}
