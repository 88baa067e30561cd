#include "api-answer.h"
#include "api-param.h"
#include "eval.h"

#define STEPS_MAX 11000
#define PIECE 4096		/* bytes of values that are put at once */

/* ---- what is asked for */

/* Begin with the selector; false: it was refused. */
static bool
begin_request(struct api *a, struct exchange *x, struct eval_request *req)
{
	*req = (struct eval_request){
		.lookback_ns = a->config.lookback_ns,
		.max_samples = a->config.max_samples,
		.stop = answer_stop,
		.stop_arg = x,
	};
	req->end_ns = ntdb_now(a->db);
	return param_selector(x, &a->selectors, &req->selector);
}

static bool
instant_request(struct exchange *x, struct eval_request *req)
{
	bool has_time;

	if (!param_time(x, "time", &req->end_ns, &has_time) ||
	    !param_duration(x, "lookback_delta", &req->lookback_ns, NULL))
		return false;
	req->kind = req->selector->named && !has_time ? EVAL_NEWEST :
	    EVAL_INSTANT;
	return true;
}

/* Where the request for a range contradicts itself. */
static bool
check_range(struct exchange *x, const struct eval_request *req,
    bool has_step, bool has_aggregate, bool has_window)
{
	const uint64_t span = (uint64_t)req->end_ns - (uint64_t)req->start_ns;

	if (req->end_ns < req->start_ns)
		api_error(x, 400, "bad_data", "invalid parameter \"end\": "
		    "it must not be before start");
	else if (has_step && has_aggregate)
		api_error(x, 400, "bad_data", "invalid parameter \"step\": "
		    "it does not go with aggregate");
	else if (has_aggregate && !has_window)
		api_error(x, 400, "bad_data", "invalid parameter \"window\": "
		    "it is empty");
	else if (has_window && !has_aggregate)
		api_error(x, 400, "bad_data", "invalid parameter "
		    "\"aggregate\": it is empty");
	else if (has_step && span / (uint64_t)req->step_ns > STEPS_MAX)
		api_error(x, 400, "bad_data", "invalid parameter \"step\": "
		    "more than %d steps for each series", STEPS_MAX);
	else
		return true;
	return false;
}

static bool
range_request(struct exchange *x, struct eval_request *req, uint8_t *list)
{
	bool has_start, has_step, has_window, has_aggregate;
	const char *text = exchange_param(x, "aggregate"), *start;

	has_aggregate = text != NULL && text[0] != '\0';
	req->aggregates = list;
	req->window = exchange_param(x, "window");
	if (!param_text(x, "start", &start) ||
	    !param_time(x, "start", &req->start_ns, &has_start) ||
	    !param_time(x, "end", &req->end_ns, NULL) ||
	    !param_duration(x, "step", &req->step_ns, &has_step) ||
	    !param_duration(x, "lookback_delta", &req->lookback_ns, NULL) ||
	    !param_duration(x, "window", &req->window_ns, &has_window) ||
	    (has_aggregate && !param_aggregates(x, text, list,
	    &req->n_aggregates)))
		return false;
	req->kind = has_step ? EVAL_STEPS : has_aggregate ? EVAL_WINDOWS :
	    EVAL_SAMPLES;
	return check_range(x, req, has_step, has_aggregate, has_window);
}

/* ---- the answer */

/* The values of a series: the one there is, or an array. */
static int
put_values(struct exchange *x, struct eval *ev, bool vector,
    struct ntdb_error *err)
{
	const struct ntdb_row *row;
	char text[PIECE + ANSWER_VALUE_MAX];
	bool more = false;
	size_t n = 0;
	int r;

	exchange_puts(x, vector ? ",\"value\":" : ",\"values\":[");
	while ((r = eval_next_value(ev, &row, err)) == 0) {
		if (n >= PIECE) {
			exchange_put(x, text, n);
			n = 0;
		}
		if (more)
			text[n++] = ',';
		more = true;
		n += answer_format_value(row, text + n);
	}
	exchange_put(x, text, n);
	if (r != NTDB_END)
		return r;
	exchange_puts(x, vector ? "}" : "]}");
	return 0;
}

static int
put_result(struct exchange *x, struct eval *ev, bool vector,
    struct ntdb_error *err)
{
	const struct series *series;
	bool more = false;
	int r;

	exchange_puts(x, vector ?
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[" :
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\","
	    "\"result\":[");
	while ((r = eval_next_series(ev, &series, err)) == 0) {
		exchange_puts(x, more ? ",{\"metric\":" : "{\"metric\":");
		more = true;
		answer_put_series(x, series);
		if ((r = put_values(x, ev, vector, err)) != 0)
			return r;
	}
	if (r != NTDB_END)
		return r;
	exchange_puts(x, "]}");
	answer_put_warning(x, eval_damage(ev));
	exchange_puts(x, "}\n");
	return 0;
}

static void
answer(const struct api *a, struct exchange *x,
    const struct eval_request *req)
{
	const bool vector = req->kind == EVAL_NEWEST ||
	    req->kind == EVAL_INSTANT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct eval *ev;
	int r;

	exchange_begin(x, 200, API_JSON);
	if ((r = eval_open(&ev, a->db, req, &err)) == 0)
		r = put_result(x, ev, vector, &err);
	if (r != 0)
		answer_failed(x, &err);
	eval_close(ev);
}

void
api_query(struct api *a, struct exchange *x)
{
	struct eval_request req;

	if (begin_request(a, x, &req) && instant_request(x, &req))
		answer(a, x, &req);
	selector_cache_rest(&a->selectors);
}

void
api_query_range(struct api *a, struct exchange *x)
{
	uint8_t list[NTDB_AGGREGATE_N];
	struct eval_request req;

	if (begin_request(a, x, &req) && range_request(x, &req, list))
		answer(a, x, &req);
	selector_cache_rest(&a->selectors);
}
