#include <string.h>

#include "api-answer.h"
#include "api-param.h"

static void
begin(struct exchange *x, const char *type)
{
	exchange_begin(x, 200, API_JSON);
	exchange_puts(x, "{\"status\":\"success\",\"data\":{\"resultType\":");
	api_put_string(x, type);
	exchange_puts(x, ",\"result\":[");
}

static void
end(struct exchange *x)
{
	exchange_puts(x, "]}}\n");
}

void
api_databases(struct api *a, struct exchange *x)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	char **names = NULL;
	size_t n = 0, i;
	int r;

	r = ntdb_databases(a->db, param_flag(x, "include_internal"), &names,
	    &n, &err);
	if (r != 0 && r != NTDB_ENOENT) {
		api_fail(x, &err, false);
		return;
	}
	begin(x, "databases");
	for (i = 0; i < n; i++) {
		if (i > 0)
			exchange_put(x, ",", 1);
		api_put_string(x, names[i]);
	}
	end(x);
	ntdb_databases_free(names);
}

/* One metric: its name, or an object. */
static void
put_metric(struct exchange *x, const struct ntdb_row *row, bool details)
{
	char id[NTDB_TEXT_MAX];

	if (!details) {
		api_put_string(x, row->metric);
		return;
	}
	exchange_puts(x, "{\"name\":");
	api_put_string(x, row->metric);
	exchange_puts(x, ",\"id\":");
	exchange_put(x, id, ntdb_int_format(row->id, id));
	exchange_puts(x, ",\"type\":");
	api_put_string(x, ntdb_type_name(row->type));
	exchange_puts(x, "}");
}

static int
put_metrics(struct exchange *x, struct ntdb_query *q, bool details,
    struct ntdb_error *err)
{
	struct ntdb_row row;
	bool more = false;
	int r;

	while ((r = ntdb_query_next(q, &row, err)) == 0) {
		if (more)
			exchange_put(x, ",", 1);
		more = true;
		put_metric(x, &row, details);
	}
	return r;
}

void
api_metrics(struct api *a, struct exchange *x)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_query *q = NULL;
	const char *db;
	int r;

	if (!param_text(x, "db", &db) || !param_database(x, "db", &db))
		return;
	opt.names = opt.literal = opt.missing_ok = true;
	opt.stop = answer_stop;
	opt.stop_arg = x;
	begin(x, "metrics");
	r = ntdb_query_open(a->db, &opt, &db, 1, &q, &err);
	if (r == 0)
		r = put_metrics(x, q, param_flag(x, "details"), &err);
	ntdb_query_close(q);
	if (r < 0 && r != NTDB_ENOENT && r != NTDB_ECORRUPT)
		answer_failed(x, &err);
	else
		end(x);
}

void
api_aggregates(struct api *a, struct exchange *x)
{
	int i;

	(void)a;
	begin(x, "aggregates");
	for (i = 0; i < NTDB_AGGREGATE_N; i++) {
		if (i > 0)
			exchange_put(x, ",", 1);
		api_put_string(x, ntdb_aggregate_name(i));
	}
	end(x);
}
