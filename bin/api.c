#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "escape.h"

#define PREFIX "/prometheus"		/* before any path, and ignored */
#define LABEL_PATH "/api/v1/label/"	/* NAME/values */

/* Who may ask. */
enum need { NEED_NOTHING, NEED_READ, NEED_WRITE };

enum { GET = 1, POST = 2, PUT = 4 };	/* HEAD goes with GET */

struct endpoint {
	const char *path;
	unsigned methods;
	enum need need;
	bool	form;			/* parameters may be in the body */
	api_fn	*fn;
};

static api_fn answer_health;

static const struct endpoint endpoints[] = {
	{ "/health", GET, NEED_NOTHING, false, answer_health },
	{ "/-/healthy", GET, NEED_NOTHING, false, answer_health },
	{ "/-/ready", GET, NEED_NOTHING, false, answer_health },
	{ "/metrics", GET, NEED_READ, false, api_own_metrics },
	{ "/api/v1/import", POST, NEED_WRITE, false, api_import },
	{ "/api/v1/import/prometheus", POST | PUT, NEED_WRITE, false,
	  api_import_prometheus },
	{ "/api/v1/query", GET | POST, NEED_READ, true, api_query },
	{ "/api/v1/query_range", GET | POST, NEED_READ, true,
	  api_query_range },
	{ "/api/v1/export", GET, NEED_READ, false, api_export },
	{ "/api/v1/databases", GET, NEED_READ, false, api_databases },
	{ "/api/v1/metrics", GET, NEED_READ, false, api_metrics },
	{ "/api/v1/aggregates", GET, NEED_READ, false, api_aggregates },
	{ "/api/v1/labels", GET | POST, NEED_READ, true, api_labels },
	{ LABEL_PATH, GET | POST, NEED_READ, true, api_label_values },
	{ "/api/v1/series", GET | POST, NEED_READ, true, api_series },
	{ "/api/v1/metadata", GET | POST, NEED_READ, true, api_metadata },
	{ "/api/v1/status/buildinfo", GET | POST, NEED_READ, true,
	  api_buildinfo },
	{ "/api/v1/rollup/backfill", POST, NEED_WRITE, false, api_backfill },
};

static void
answer_health(struct api *a, struct exchange *x)
{
	(void)a;
	exchange_begin(x, 200, API_TEXT);
	exchange_puts(x, "OK\n");
}

const char *
api_path(const struct exchange *x)
{
	const char *path = exchange_path(x);
	size_t len = strlen(PREFIX);

	return strncmp(path, PREFIX "/", len + 1) == 0 ? path + len : path;
}

/* Whether a path is LABEL_PATH NAME/values. */
static bool
is_label_path(const char *path)
{
	const char *name = path + strlen(LABEL_PATH);
	const char *slash;

	if (strncmp(path, LABEL_PATH, strlen(LABEL_PATH)) != 0)
		return false;
	slash = strrchr(name, '/');
	return slash != NULL && slash > name && strcmp(slash, "/values") == 0;
}

static const struct endpoint *
find(const char *path)
{
	size_t i;

	if (is_label_path(path))
		path = LABEL_PATH;
	else if (strcmp(path, LABEL_PATH) == 0)
		return NULL;
	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
		if (strcmp(endpoints[i].path, path) == 0)
			return &endpoints[i];
	return NULL;
}

/* ---- what has to be right before a handler is asked */

static bool
check_method(const struct endpoint *e, struct exchange *x)
{
	static const char *const lists[] = {
		[GET] = "GET, HEAD",
		[POST] = "POST",
		[GET | POST] = "GET, HEAD, POST",
		[POST | PUT] = "POST, PUT",
	};
	static const unsigned bits[] = {
		[HTTP_GET] = GET, [HTTP_HEAD] = GET, [HTTP_POST] = POST,
		[HTTP_PUT] = PUT, [HTTP_OTHER] = 0,
	};

	if (e->methods & bits[exchange_method(x)])
		return true;
	api_error_header(x, 405, "bad_data", "Allow", lists[e->methods],
	    "method not allowed");
	return false;
}

static bool
check_token(const struct api *a, enum need need, struct exchange *x)
{
	bool may_read = true, may_write = true;

	if (need == NEED_NOTHING)
		return true;
	if (a->auth != NULL)
		auth_check(a->auth, exchange_authorization(x), &may_read,
		    &may_write);
	if (!may_read) {
		api_error_header(x, 401, "unauthorized", "WWW-Authenticate",
		    "Basic realm=\"ntdb\"", "a token is needed");
		return false;
	}
	if (need == NEED_WRITE && a->config.read_only) {
		api_error(x, 403, "forbidden", "this server is read-only");
		return false;
	}
	if (need == NEED_WRITE && !may_write) {
		api_error(x, 403, "forbidden",
		    "this token does not allow to write");
		return false;
	}
	return true;
}

void
api_handle(struct api *a, struct exchange *x)
{
	const struct endpoint *e = find(api_path(x));

	if (!check_token(a, e != NULL ? e->need : NEED_READ, x))
		return;
	if (e == NULL)
		api_error(x, 404, "not_found", "no such endpoint");
	else if (check_method(e, x) && (!e->form || exchange_read_form(x)))
		e->fn(a, x);
}

/* ---- answers */

void
api_put_string(struct exchange *x, const char *s)
{
	size_t len = strlen(s), plain, used, n;
	char piece[ESCAPE_PIECE];

	exchange_put(x, "\"", 1);
	while (len > 0) {
		/* What needs no escape goes in one piece. */
		for (plain = 0; plain < len && s[plain] >= ' ' &&
		    s[plain] != '"' && s[plain] != '\\' &&
		    s[plain] != 0x7f; plain++)
			;
		exchange_put(x, s, plain);
		s += plain;
		len -= plain;
		if (len == 0)
			break;
		used = escape_json(s, len, piece, &n);
		exchange_put(x, piece, n);
		s += used;
		len -= used;
	}
	exchange_put(x, "\"", 1);
}

void
api_error_header(struct exchange *x, int status, const char *type,
    const char *header, const char *value, const char *text)
{
	if (!exchange_restart(x)) {
		exchange_abort(x);
		return;
	}
	exchange_begin(x, status, API_JSON);
	if (header != NULL)
		exchange_header(x, header, value);
	exchange_puts(x, "{\"status\":\"error\",\"errorType\":");
	api_put_string(x, type);
	exchange_puts(x, ",\"error\":");
	api_put_string(x, text);
	exchange_puts(x, "}\n");
}

void
api_error(struct exchange *x, int status, const char *type, const char *fmt,
    ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	api_error_header(x, status, type, status == 503 ? "Retry-After" :
	    NULL, "5", text);
}

void
api_fail(struct exchange *x, const struct ntdb_error *err, bool writing)
{
	switch (err->code) {
	case NTDB_EUSAGE:
		api_error(x, 400, "bad_data", "%s", err->text);
		break;
	case NTDB_ENOENT:
		api_error(x, writing ? 400 : 404, writing ? "bad_data" :
		    "not_found", "%s", err->text);
		break;
	case NTDB_EBUSY:
		api_error(x, 503, "unavailable", "%s", err->text);
		break;
	case NTDB_ESYS:
	case NTDB_ECREATE:
	case NTDB_EIO:
	case NTDB_EPERM:
		api_error(x, writing ? 503 : 500, writing ? "unavailable" :
		    "internal", "%s", err->text);
		break;
	default:
		api_error(x, 500, "internal", "%s", err->text);
		break;
	}
}
