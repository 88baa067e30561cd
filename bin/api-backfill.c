/*
 * /api/v1/rollup/backfill: what ntdb-rollup --rebuild does, for the databases
 * named in a JSON object, or for all.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "strbuf.h"

#define BODY_MAX (1u << 20)

/* The whole body; false: an error was replied. */
static bool
read_body(struct exchange *x, struct strbuf *body)
{
	char piece[4096];
	size_t n;
	int r;

	while ((r = exchange_read(x, piece, sizeof(piece), &n)) == 0) {
		strbuf_add(body, piece, n);
		if (!strbuf_ok(body) || body->len > BODY_MAX) {
			api_error(x, 413, "bad_data", "the body is larger "
			    "than 1 MiB");
			return false;
		}
	}
	if (r != NTDB_END)
		exchange_refuse_body(x);
	return r == NTDB_END;
}

/* The names to be rebuilt; borrowed from the JSON. */
struct names {
	char	**at;		/* owned */
	size_t	n;
};

/* One name, which is added; what is wrong with it, or NULL. */
static const char *
add_name(struct names *names, const json_t *j)
{
	const char *s = json_string_value(j);
	char **at;

	if (s == NULL)
		return "the name of a database is a string";
	if (strlen(s) != json_string_length(j) ||
	    !ntdb_database_name_ok(s, strlen(s)))
		return "not a name of a database";
	at = realloc(names->at, (names->n + 1) * sizeof(*at));
	if (at == NULL)
		return "out of memory";
	names->at = at;
	names->at[names->n++] = (char *)(uintptr_t)s;
	return NULL;
}

/* {"source_db":"x"}, {"source_dbs":[...]} or {}; what is wrong, or NULL. */
static const char *
find_names(struct names *names, const json_t *root)
{
	const json_t *one = json_object_get(root, "source_db");
	const json_t *many = json_object_get(root, "source_dbs");
	const char *wrong = NULL;
	size_t i;

	if (!json_is_object(root))
		return "the body is not a JSON object";
	if (json_object_size(root) != (size_t)(one != NULL) + (size_t)(many != NULL))
		return "only source_db and source_dbs are known";
	if (one != NULL && (wrong = add_name(names, one)) != NULL)
		return wrong;
	if (many != NULL && (!json_is_array(many) ||
	    json_array_size(many) == 0))
		return "source_dbs is not a list of names";
	for (i = 0; wrong == NULL && i < json_array_size(many); i++)
		wrong = add_name(names, json_array_get(many, i));
	return wrong;
}

static bool
is_over(void *arg)
{
	return exchange_over(arg);
}

static void
rebuild(struct api *a, struct exchange *x, const struct names *names)
{
	struct ntdb_rollup_options opt = { .rebuild = true, .stop = is_over,
	    .arg = x };
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb_rollup_result res;
	char text[256];
	int n;

	if (ntdb_rollup(a->db, names->at, names->n, &opt, &res, &err) != 0) {
		api_fail(x, &err, true);
		return;
	}
	if (exchange_timed_out(x)) {
		api_error(x, 503, "timeout", "not done in time; what is "
		    "missing comes with the next run");
		return;
	}
	n = snprintf(text, sizeof(text), "{\"status\":\"success\",\"data\":"
	    "{\"jobs\":%" PRIu64 ",\"metrics\":%" PRIu64 ",\"written\":%"
	    PRIu64 ",\"replaced\":%" PRIu64 "}}\n", res.jobs, res.metrics,
	    res.written, res.replaced);
	exchange_begin(x, 200, API_JSON);
	exchange_put(x, text, (size_t)n);
}

void
api_backfill(struct api *a, struct exchange *x)
{
	struct strbuf body = STRBUF_INIT;
	struct names names = { NULL, 0 };
	const char *wrong;
	json_t *root;

	if (read_body(x, &body)) {
		root = json_loadb(strbuf_str(&body), body.len,
		    JSON_REJECT_DUPLICATES, NULL);
		/* Without a body it is all of them. */
		wrong = root == NULL && body.len == 0 ? NULL : root == NULL ?
		    "the body is not JSON" : find_names(&names, root);
		if (wrong != NULL)
			api_error(x, 400, "bad_data", "%s", wrong);
		else
			rebuild(a, x, &names);
		json_decref(root);
	}
	free(names.at);
	strbuf_release(&body);
}
