#include <stdlib.h>

#include "cursor.h"
#include "error.h"
#include "inspect.h"
#include "number.h"

/* The last samples of all metrics, by their place in ids. */
static int
find_lasts(struct inspection *in, const uint32_t *ids, size_t n,
    struct last_sample *lasts, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	size_t i;

	if (!in->s.state.complete) {
		if (scan_find_lasts(&in->s, NULL, ids, n, INT64_MIN,
		    INT64_MAX, lasts, &why) == 0)
			return 0;
		return inspect_failed(in, &why, err);
	}
	for (i = 0; i < n; i++) {
		const struct metric *m = &in->s.state.metrics[ids[i]];

		lasts[i].found = (m->flags & METRIC_HAS_LAST) != 0;
		lasts[i].t = m->last_t;
		lasts[i].m = m->last_m;
		lasts[i].scale = m->last_scale;
		if (!ntdb_type_is_int(m->type) && m->last_scale == 0)
			int_to_decimal(&lasts[i].m, &lasts[i].scale);
	}
	return 0;
}

/* Tell the metrics; in the state their place may have changed. */
static int
tell(const struct inspection *in, const uint32_t *ids, size_t n,
    const struct last_sample *lasts,
    int (*fn)(void *arg, const struct ntdb_metric_info *), void *arg)
{
	char name[METRIC_NAME_MAX + 1];
	struct ntdb_metric_info info;
	const struct metric *m;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		if ((m = state_metric(&in->s.state, ids[i])) == NULL)
			continue;
		memset(&info, 0, sizeof(info));
		info.id = ids[i];
		info.name = inspect_name(&in->s.state, ids[i], name);
		info.type = m->type;
		info.has_last = lasts[i].found;
		if (info.has_last) {
			info.last_ns = lasts[i].t;
			info.last = inspect_sample(m->type, lasts[i].m,
			    lasts[i].scale);
		}
		if ((r = fn(arg, &info)) != 0)
			return r;
	}
	return 0;
}

int
ntdb_inspect_catalog(struct ntdb *db, const char *name,
    int (*fn)(void *arg, const struct ntdb_metric_info *), void *arg,
    struct ntdb_error *err)
{
	struct last_sample *lasts = NULL;
	struct inspection in;
	uint32_t *ids = NULL, id;
	size_t n = 0;
	int r;

	if ((r = inspect_open(&in, db, name, err)) != 0)
		goto done;
	ids = calloc((size_t)in.s.state.n_named + 1, sizeof(ids[0]));
	lasts = calloc((size_t)in.s.state.n_named + 1, sizeof(lasts[0]));
	if (ids == NULL || lasts == NULL) {
		r = err_nomem(err);
		goto done;
	}
	for (id = 1; id < in.s.state.n_slots; id++)
		if (state_metric(&in.s.state, id) != NULL)
			ids[n++] = id;
	if ((r = find_lasts(&in, ids, n, lasts, err)) == 0)
		r = tell(&in, ids, n, lasts, fn, arg);
done:
	free(ids);
	free(lasts);
	return inspect_close(&in, r, err);
}
