#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "api-param.h"
#include "seconds.h"

/* What Prometheus writes for the earliest and the latest time it knows. */
#define EARLIEST "-292273086-05-16T16:47:06Z"
#define LATEST "292277025-08-18T07:12:54.999999999Z"

static bool
refuse(struct exchange *x, const char *name, const char *text,
    const char *kind)
{
	api_error(x, 400, "bad_data",
	    "invalid parameter \"%s\": cannot parse \"%.200s\" to a valid %s",
	    name, text, kind);
	return false;
}

/* Whether text is a date and a time with a zone. */
static bool
is_rfc3339(const char *text)
{
	const size_t len = strlen(text);
	const char *end = text + len;

	return len >= 20 && (text[10] == 'T' || text[10] == 't') &&
	    text[13] == ':' && text[16] == ':' &&
	    (end[-1] == 'Z' || end[-1] == 'z' ||
	    ((end[-6] == '+' || end[-6] == '-') && end[-3] == ':'));
}

bool
param_time(struct exchange *x, const char *name, int64_t *t_ns, bool *there)
{
	const char *text = exchange_param(x, name);

	if (there != NULL)
		*there = text != NULL && text[0] != '\0';
	if (text == NULL || text[0] == '\0')
		return true;
	if (seconds_scan(text, t_ns) >= 0)
		return true;
	if (strcmp(text, EARLIEST) == 0)
		*t_ns = INT64_MIN;
	else if (strcmp(text, LATEST) == 0)
		*t_ns = INT64_MAX;
	else if (!is_rfc3339(text) ||
	    ntdb_time_scan(text, 0, t_ns, NULL, NULL) != 0)
		return refuse(x, name, text, "timestamp");
	return true;
}

bool
param_duration(struct exchange *x, const char *name, int64_t *ns,
    bool *there)
{
	const char *text = exchange_param(x, name);
	int r;

	if (there != NULL)
		*there = text != NULL && text[0] != '\0';
	if (text == NULL || text[0] == '\0')
		return true;
	if ((r = seconds_scan(text, ns)) == 1 ||
	    (r == -1 && ntdb_duration_scan(text, ns, NULL) != 0))
		return refuse(x, name, text, "duration");
	if (*ns > 0)
		return true;
	api_error(x, 400, "bad_data",
	    "invalid parameter \"%s\": it must be above zero", name);
	return false;
}

bool
param_count(struct exchange *x, const char *name, uint64_t *n)
{
	const char *text = exchange_param(x, name), *p;
	uint64_t value = 0;

	if (text == NULL || text[0] == '\0')
		return true;
	for (p = text; *p >= '0' && *p <= '9'; p++)
		if (value < UINT32_MAX)
			value = value * 10 + (uint64_t)(*p - '0');
	if (*p != '\0')
		return refuse(x, name, text, "number");
	*n = value;
	return true;
}

bool
param_flag(const struct exchange *x, const char *name)
{
	const char *text = exchange_param(x, name);

	return text != NULL && (strcmp(text, "true") == 0 ||
	    strcmp(text, "1") == 0);
}

bool
param_text(struct exchange *x, const char *name, const char **text)
{
	*text = exchange_param(x, name);
	if (*text != NULL && (*text)[0] != '\0')
		return true;
	api_error(x, 400, "bad_data", "invalid parameter \"%s\": it is empty",
	    name);
	return false;
}

bool
param_database(struct exchange *x, const char *name, const char **db)
{
	*db = exchange_param(x, name);
	if (*db == NULL || ntdb_database_name_ok(*db, strlen(*db)))
		return true;
	api_error(x, 400, "bad_data",
	    "invalid parameter \"%s\": not a valid name of a database", name);
	return false;
}

/* A selector that stands in a parameter could not be read. */
static bool
not_scanned(struct exchange *x, const char *name,
    const struct ntdb_error *err)
{
	if (err->code == NTDB_EUSAGE)
		api_error(x, 400, "bad_data", "invalid parameter \"%s\": %s",
		    name, err->text);
	else
		api_fail(x, err, false);
	return false;
}

bool
param_selector(struct exchange *x, struct selector_cache *c,
    struct selector **s)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *db, *query;

	if (!param_database(x, "db", &db) || !param_text(x, "query", &query))
		return false;
	return selector_cache_get(c, db, query, s, &err) == 0 ||
	    not_scanned(x, "query", &err);
}

bool
param_selectors(struct exchange *x, struct selector **list, size_t *n)
{
	const struct selector none = SELECTOR_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selector *more;
	const char *text;
	size_t at = 0;

	*list = NULL;
	*n = 0;
	while ((text = exchange_next_param(x, "match[]", &at)) != NULL) {
		more = realloc(*list, (*n + 1) * sizeof(*more));
		if (more == NULL) {
			err.code = NTDB_ESYS;
			strcpy(err.text, "out of memory");
			api_fail(x, &err, false);
			return false;
		}
		*list = more;
		more += (*n)++;
		*more = none;
		if (selector_scan(more, NULL, text, &err) != 0)
			return not_scanned(x, "match[]", &err);
	}
	return true;
}

void
param_selectors_free(struct selector *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		selector_release(&s[i]);
	free(s);
}

bool
param_aggregates(struct exchange *x, const char *text, uint8_t *list,
    size_t *n)
{
	const char *p = text;
	size_t len, i;
	int which;

	for (*n = 0;; p += len + 1) {
		len = strcspn(p, ",");
		if ((which = ntdb_aggregate_find(p, len)) == -1)
			return refuse(x, "aggregate", text, "aggregate");
		for (i = 0; i < *n && list[i] != which; i++)
			;
		if (i == *n)
			list[(*n)++] = (uint8_t)which;
		if (p[len] == '\0')
			return true;
	}
}
