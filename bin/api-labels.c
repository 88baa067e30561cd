#include <string.h>

#include "api-answer.h"
#include "api-param.h"
#include "choice.h"
#include "strset.h"

#define LABEL_PATH "/api/v1/label/"

/* A walk over the series that `match[]', start and end choose. */
struct walk {
	struct exchange *x;
	struct selector *selectors;	/* owned */
	size_t	n;
	struct choice choice;
	int64_t	start, end;
	bool	has_start, has_end;
	uint64_t limit;			/* 0: none */
	struct series series;		/* the one at hand */
	struct ntdb_error damage;
};

/* false: the walk is to end. */
typedef bool walk_fn(struct walk *w, void *arg);

static bool
walk_begin(struct walk *w, struct exchange *x)
{
	memset(w, 0, sizeof(*w));
	w->x = x;
	w->series = (struct series)SERIES_INIT;
	if (!param_selectors(x, &w->selectors, &w->n))
		return false;
	choice_init(&w->choice, w->selectors, w->n);
	return param_time(x, "start", &w->start, &w->has_start) &&
	    param_time(x, "end", &w->end, &w->has_end) &&
	    param_count(x, "limit", &w->limit);
}

static void
walk_release(struct walk *w)
{
	param_selectors_free(w->selectors, w->n);
	choice_release(&w->choice);
	series_release(&w->series);
}

static void
set_options(struct walk *w, const struct api *a,
    struct ntdb_query_options *opt)
{
	choice_apply(&w->choice, opt);
	opt->stop = answer_stop;
	opt->stop_arg = w->x;
	opt->names = !w->has_start && !w->has_end;
	if (opt->names)
		return;
	/* Those with a sample there: the newest one is found fast. */
	opt->last = true;
	opt->max_samples = a->config.max_samples;
	opt->has_start = w->has_start;
	opt->start_ns = w->start;
	opt->has_end = w->has_end;
	opt->end_ns = w->end;
}

/* Call fn for each series.  0, or an error that has not been replied. */
static int
walk(struct walk *w, const struct api *a, walk_fn *fn, void *arg,
    struct ntdb_error *err)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *target = "*";
	struct ntdb_query *q;
	struct ntdb_row row;
	int r;

	set_options(w, a, &opt);
	r = ntdb_query_open(a->db, &opt, &target, 1, &q, err);
	if (r != 0)
		return r == NTDB_ENOENT ? 0 : r;
	while ((r = ntdb_query_next(q, &row, err)) == 0) {
		if (series_scan(&w->series, row.db, row.metric) != 0) {
			err->code = r = NTDB_ESYS;
			strcpy(err->text, "out of memory");
			break;
		}
		if (!fn(w, arg))
			break;
	}
	ntdb_query_close(q);
	if (r == NTDB_ECORRUPT || r == NTDB_EVERSION)
		w->damage = *err;
	return r == NTDB_ESYS || (r < 0 && w->damage.code == 0) ? r : 0;
}

static void
begin_answer(struct exchange *x)
{
	exchange_begin(x, 200, API_JSON);
	exchange_puts(x, "{\"status\":\"success\",\"data\":");
}

static void
end_answer(struct walk *w)
{
	answer_put_warning(w->x, &w->damage);
	exchange_puts(w->x, "}\n");
}

/* ---- sets of strings */

typedef void put_fn(struct exchange *x, const char *string);

/* Answer with a set that fn collects: sorted, up to the limit. */
static void
answer_set(struct walk *w, const struct api *a, walk_fn *fn,
    struct strset *set, void *arg, put_fn *put, const char *brackets)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	size_t i;
	int r;

	if ((r = walk(w, a, fn, arg, &err)) == 0 && strset_sort(set) != 0) {
		err.code = r = NTDB_ESYS;
		strcpy(err.text, "out of memory");
	}
	if (r != 0) {
		answer_failed(w->x, &err);
		return;
	}
	begin_answer(w->x);
	exchange_put(w->x, brackets, 1);
	for (i = 0; i < set->n && (w->limit == 0 || i < w->limit); i++) {
		if (i > 0)
			exchange_put(w->x, ",", 1);
		put(w->x, set->sorted[i]);
	}
	exchange_put(w->x, brackets + 1, 1);
	end_answer(w);
}

static bool
collect_names(struct walk *w, void *arg)
{
	struct strset *set = arg;
	size_t i;

	for (i = 0; i < w->series.n; i++)
		strset_add(set, w->series.at[i].name);
	return true;
}

void
api_labels(struct api *a, struct exchange *x)
{
	struct strset set = STRSET_INIT;
	struct walk w;

	if (walk_begin(&w, x))
		answer_set(&w, a, collect_names, &set, &set, api_put_string,
		    "[]");
	strset_release(&set);
	walk_release(&w);
}

struct values {
	const char *label;
	struct strset set;
};

static bool
collect_values(struct walk *w, void *arg)
{
	struct values *v = arg;
	const char *value = series_label(&w->series, v->label);

	if (value[0] != '\0')
		strset_add(&v->set, value);
	return true;
}

void
api_label_values(struct api *a, struct exchange *x)
{
	const char *path = api_path(x) + strlen(LABEL_PATH);
	struct values v = { NULL, STRSET_INIT };
	struct strbuf label = STRBUF_INIT;
	struct walk w;

	/* NAME/values */
	strbuf_add(&label, path, (size_t)(strrchr(path, '/') - path));
	v.label = strbuf_str(&label);
	if (walk_begin(&w, x))
		answer_set(&w, a, collect_values, &v.set, &v, api_put_string,
		    "[]");
	strbuf_release(&label);
	strset_release(&v.set);
	walk_release(&w);
}

/* ---- metadata: of each name, that nothing is known */

struct metadata {
	const char *only;		/* NULL: all names */
	struct strset set;
};

static bool
collect_metrics(struct walk *w, void *arg)
{
	struct metadata *m = arg;
	const char *name = series_label(&w->series, "__name__");

	if (m->only == NULL || strcmp(name, m->only) == 0)
		strset_add(&m->set, name);
	return true;
}

static void
put_metadata(struct exchange *x, const char *name)
{
	api_put_string(x, name);
	exchange_puts(x,
	    ":[{\"type\":\"unknown\",\"help\":\"\",\"unit\":\"\"}]");
}

void
api_metadata(struct api *a, struct exchange *x)
{
	struct metadata m = { exchange_param(x, "metric"), STRSET_INIT };
	struct walk w;

	if (walk_begin(&w, x))
		answer_set(&w, a, collect_metrics, &m.set, &m, put_metadata,
		    "{}");
	strset_release(&m.set);
	walk_release(&w);
}

/* ---- series */

static bool
put_series(struct walk *w, void *arg)
{
	uint64_t *n = arg;

	if (w->limit > 0 && *n == w->limit)
		return false;
	if ((*n)++ > 0)
		exchange_put(w->x, ",", 1);
	answer_put_series(w->x, &w->series);
	return true;
}

void
api_series(struct api *a, struct exchange *x)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct walk w;
	uint64_t n = 0;

	if (!walk_begin(&w, x))
		goto done;
	if (w.n == 0) {
		api_error(x, 400, "bad_data",
		    "invalid parameter \"match[]\": it is empty");
		goto done;
	}
	begin_answer(x);
	exchange_put(x, "[", 1);
	if (walk(&w, a, put_series, &n, &err) != 0) {
		answer_failed(x, &err);
		goto done;
	}
	exchange_put(x, "]", 1);
	end_answer(&w);
done:
	walk_release(&w);
}

void
api_buildinfo(struct api *a, struct exchange *x)
{
	(void)a;
	begin_answer(x);
	exchange_puts(x, "{\"version\":");
	api_put_string(x, ntdb_version());
	exchange_puts(x, ",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\","
	    "\"buildDate\":\"\",\"goVersion\":\"\"}}\n");
}
