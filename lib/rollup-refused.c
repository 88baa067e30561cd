/*
 * Results that the destination refuses: because it has as many metrics as it
 * may have, or a name would be too long.  The first is told of with its
 * reason, the others are counted; what they came of stays due.
 */
#include <stdlib.h>

#include "error.h"
#include "rollup.h"

#define SHOWN 80	/* bytes of a name in a message */

void
rollup_refuse(struct rollup_refused *f, const char *text, size_t len,
    const char *reason)
{
	uint64_t h = rollup_hash(ROLLUP_HASH, text, len);

	buf_add(&f->hashes, &h, sizeof(h));
	if (f->first.code != 0)
		return;
	err_set(&f->first, NTDB_ECORRUPT, "cannot store %.*s%s: %s",
	    (int)(len < SHOWN ? len : SHOWN), text, len < SHOWN ? "" : "...",
	    reason);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How many different ones there are, sorted. */
static size_t
sort_hashes(struct rollup_refused *f)
{
	uint64_t *h = (uint64_t *)(void *)f->hashes.data;
	size_t n = f->hashes.len / sizeof(*h), i, k = 0;

	qsort(h, n, sizeof(*h), compare);
	for (i = 1; i < n; i++)
		if (h[i] != h[k])
			h[++k] = h[i];
	return k + 1;
}

static bool
is_refused(const struct rollup_work *w, const struct rollup_item *item,
    const struct rollup_refused *f, size_t n, struct buf *name)
{
	const struct state *s = &w->source->state;
	const struct metric *m = state_metric(s, item->id);
	const char *db = w->plan->dbs[w->def->dest].name;
	uint64_t h;
	size_t a;

	for (a = 0; a < w->def->n_aggregates; a++) {
		/* -fanalyzer: items are metrics that have a name */
		rollup_name(w->def, state_name(s, m), m->name_len,
		    w->def->aggregates[a], name);
		h = rollup_hash(ROLLUP_HASH, db, strlen(db));
		h = rollup_hash(h, "/", 1);
		h = rollup_hash(h, name->data, name->len);
		if (bsearch(&h, f->hashes.data, n, sizeof(h), compare) != NULL)
			return true;
	}
	return false;
}

int
rollup_settle_refused(struct rollup_work *w, struct rollup_refused *f,
    struct ntdb_error *err)
{
	struct buf name = BUF_INIT;
	size_t i, n;
	bool ok;

	if (f->first.code == 0)
		return 0;
	if (!buf_ok(&f->hashes))
		return err_nomem(err);
	n = sort_hashes(f);
	for (i = 0; i < w->n_items; i++)
		if (w->items[i].done != w->items[i].next &&
		    is_refused(w, &w->items[i], f, n, &name))
			w->items[i].done = w->items[i].next;
	ok = buf_ok(&name);
	buf_release(&name);
	if (!ok)
		return err_nomem(err);
	if (n > 1)
		err_set(&w->refused, f->first.code, "%s (and %zu more)",
		    f->first.text, n - 1);
	else
		err_set(&w->refused, f->first.code, "%s", f->first.text);
	return 0;
}
