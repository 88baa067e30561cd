/*
 * The HTTP API: what is behind each path, and what its answers have in
 * common.
 */
#ifndef NTDB_BIN_API_H
#define NTDB_BIN_API_H

#include "auth.h"
#include "exchange.h"
#include "ntdb.h"
#include "selector-cache.h"

struct api {
	struct ntdb *db;		/* borrowed */
	struct ntdb_httpd_config config;
	const struct auth *auth;	/* borrowed; NULL: no token is asked
					 * for */
	struct selector_cache selectors;	/* owned */
};

/* Answer one request. */
typedef void api_fn(struct api *a, struct exchange *x);

/*
 * Check the token, find the handler of the path and let it answer; else 401,
 * 403, 404 or 405.
 */
void api_handle(struct api *a, struct exchange *x);

/* What api_handle knows, by file. */
api_fn api_import, api_import_prometheus;		/* api-import.c */
api_fn api_query, api_query_range;			/* api-query.c */
api_fn api_export;					/* api-export.c */
api_fn api_databases, api_metrics, api_aggregates;	/* api-list.c */
api_fn api_labels, api_label_values, api_series, api_metadata,
    api_buildinfo;					/* api-labels.c */
api_fn api_own_metrics;					/* api-own.c */
api_fn api_backfill;					/* api-backfill.c */

/* The path of a request, without the prefix /prometheus.  Borrowed. */
const char *api_path(const struct exchange *x);

/* ---- answers (api.c) */

#define API_JSON "application/json"
#define API_TEXT "text/plain; charset=utf-8"

#if defined(__GNUC__)
#define API_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define API_PRINTF(f, a)
#endif

/*
 * {"status":"error","errorType":TYPE,"error":...} in place of what was begun;
 * if part of that has been sent the exchange is aborted.  503 comes with
 * Retry-After.
 */
void api_error(struct exchange *x, int status, const char *type,
    const char *fmt, ...) API_PRINTF(4, 5);

/* The same with a header of its own; NULL: none. */
void api_error_header(struct exchange *x, int status, const char *type,
    const char *header, const char *value, const char *text);

/*
 * The same for a failure of the library: by its code, and without any path.
 * writing: a full disk, a busy lock or missing permission is `unavailable'.
 */
void api_fail(struct exchange *x, const struct ntdb_error *err, bool writing);

/* A JSON string with its quotes, escaped. */
void api_put_string(struct exchange *x, const char *s);

#endif
