#include <string.h>

#include "api-answer.h"
#include "api-param.h"
#include "out.h"

#define MATCHES_MAX 64

static void
put(void *x, const void *data, size_t len)
{
	exchange_put(x, data, len);
}

/* What `match' selects; what names no database is refused. */
static bool
read_targets(struct exchange *x, const char **targets, size_t *n)
{
	const char *text;
	size_t at = 0, len;

	if (!param_text(x, "match", &text))
		return false;
	for (*n = 0; (text = exchange_next_param(x, "match", &at)) != NULL;
	    (*n)++) {
		len = strcspn(text, "/");
		if (*n == MATCHES_MAX || (!ntdb_database_name_ok(text, len) &&
		    strcspn(text, "*?[\\") >= len)) {
			api_error(x, 400, "bad_data", *n == MATCHES_MAX ?
			    "invalid parameter \"match\": too many" :
			    "invalid parameter \"match\": "
			    "neither DB nor DB/METRIC");
			return false;
		}
		targets[*n] = text;
	}
	return true;
}

/* Write all rows.  What is damaged has been told to the log. */
static int
put_rows(struct exchange *x, struct ntdb_query *q, struct ntdb_error *err)
{
	struct out *o = out_new_put(put, x, OUT_LP, NTDB_TIME_HUMAN, false);
	struct ntdb_row row;
	int r;

	if (o == NULL) {
		err->code = NTDB_ESYS;
		strcpy(err->text, "out of memory");
		return err->code;
	}
	while ((r = ntdb_query_next(q, &row, err)) == 0)
		out_row(o, &row);
	out_finish(o, r == NTDB_END);
	out_free(o);
	return r;
}

void
api_export(struct api *a, struct exchange *x)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *targets[MATCHES_MAX];
	struct ntdb_query *q = NULL;
	size_t n;
	int r;

	opt.missing_ok = true;
	opt.order = NTDB_ORDER_DAY;
	opt.max_samples = a->config.max_samples;
	opt.stop = answer_stop;
	opt.stop_arg = x;
	if (!read_targets(x, targets, &n) ||
	    !param_time(x, "start", &opt.start_ns, &opt.has_start) ||
	    !param_time(x, "end", &opt.end_ns, &opt.has_end))
		return;
	exchange_begin(x, 200, API_TEXT);
	r = ntdb_query_open(a->db, &opt, targets, n, &q, &err);
	if (r == 0)
		r = put_rows(x, q, &err);
	/* No root is no failure; damage is, as the copy is not complete. */
	if (r < 0 && r != NTDB_ENOENT)
		answer_failed(x, &err);
	ntdb_query_close(q);
}
