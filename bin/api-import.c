/*
 * What writes samples: line protocol, and the text of Prometheus.  A body is
 * stored while it comes in, a batch at a time, whatever its size.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "prom-text.h"

#define BUFFER_LEN (256u << 10)
#define EXTRA_MAX 32		/* labels given for all samples */
#define FIRST_MAX 160		/* bytes of a reason that are told */

struct import {
	struct exchange *x;
	struct ntdb_ingest *in;
	struct ntdb_ingest_options opt;
	char	*buf;		/* owned: BUFFER_LEN bytes */
	size_t	len, fed;
	uint64_t refused;
	char	first[FIRST_MAX + 32];	/* the first of them */
	bool	bad_body;
	struct ntdb_error err;	/* of the library */

	/* Prometheus text. */
	struct prom_line line;
	struct strbuf metric;
	struct prom_extra extra[EXTRA_MAX];	/* names owned */
	size_t	n_extra;
	bool	skipping;	/* the rest of a line that is too long */
};

/* Take what is in the buffer, whole lines unless it is the last of all. */
typedef int take_fn(struct import *im, bool last);

static void
refuse(struct import *im, uint64_t line, const char *reason)
{
	if (im->refused++ == 0)
		snprintf(im->first, sizeof(im->first), "line %" PRIu64
		    ": %.*s", line, FIRST_MAX, reason);
}

static void
note_refused(void *arg, uint64_t line, const char *text, size_t len,
    enum ntdb_refusal why, const char *reason)
{
	(void)text;
	(void)len;
	(void)why;
	refuse(arg, line, reason);
}

/* ---- the body */

/* Fill the buffer: 0, NTDB_END, or the body is bad. */
static int
fill(struct import *im)
{
	size_t n;
	int r = 0;

	memmove(im->buf, im->buf + im->fed, im->len - im->fed);
	im->len -= im->fed;
	im->fed = 0;
	while (r == 0 && im->len < BUFFER_LEN) {
		r = exchange_read(im->x, im->buf + im->len,
		    BUFFER_LEN - im->len, &n);
		if (r == 0)
			im->len += n;
	}
	im->bad_body = r != 0 && r != NTDB_END;
	return r;
}

static int
take_body(struct import *im, take_fn *take)
{
	int r, end;

	do {
		end = fill(im);
		if (im->bad_body)
			return end;
		if ((r = take(im, end == NTDB_END)) != 0)
			return r;
	} while (end == 0);
	return ntdb_ingest_finish(im->in, &im->err);
}

static int
take_lines(struct import *im, bool last)
{
	size_t used;
	int r;

	do {
		r = ntdb_ingest_lines(im->in, im->buf + im->fed,
		    im->len - im->fed, last, &used, &im->err);
		if (r != 0 ||
		    (r = ntdb_ingest_commit(im->in, &im->err)) != 0)
			return r;
		im->fed += used;
	} while (used > 0);
	return 0;
}

/* ---- Prometheus text */

static int
store_sample(struct import *im, const char *db)
{
	const struct prom_line *l = &im->line;
	int64_t t_ns = 0;

	if (l->has_time && __builtin_mul_overflow(l->t_ms, 1000000, &t_ns)) {
		refuse(im, ntdb_ingest_stats(im->in)->lines,
		    "the time is out of range");
		return 0;
	}
	strbuf_clear(&im->metric);
	labels_format(&l->labels, &im->metric);
	if (!strbuf_ok(&im->metric))
		return NTDB_ESYS;
	return ntdb_ingest_float(im->in, db, strbuf_str(&im->metric),
	    l->value, l->has_time, t_ns, &im->err);
}

static int
take_line(struct import *im, const char *p, size_t len)
{
	ntdb_ingest_line(im->in);
	switch (prom_scan(&im->line, p, len, im->extra, im->n_extra)) {
	case PROM_SAMPLE:
		return store_sample(im, im->opt.db);
	case PROM_BAD:
		refuse(im, ntdb_ingest_stats(im->in)->lines,
		    im->line.reason);
		return 0;
	case PROM_NO_MEMORY:
		return NTDB_ESYS;
	default:
		return 0;
	}
}

static int
take_prometheus(struct import *im, bool last)
{
	int r = 0;

	while (r == 0 && im->fed < im->len) {
		const char *p = im->buf + im->fed;
		size_t rest = im->len - im->fed, len;
		const char *nl = memchr(p, '\n', rest);

		/* Unless it is too long anyway it may go on. */
		if (nl == NULL && !last && rest <= PROM_LINE_MAX)
			break;
		len = nl != NULL ? (size_t)(nl - p) : rest;
		im->fed += len + (nl != NULL);
		if (!im->skipping)
			r = take_line(im, p, len);
		im->skipping = nl == NULL;
	}
	return r != 0 ? r : ntdb_ingest_commit(im->in, &im->err);
}

/* extra_label=NAME=VALUE, any number of them; false: an error was replied. */
static bool
read_extra(struct import *im)
{
	const char *text;
	size_t at = 0, len;
	char *copy;

	while ((text = exchange_next_param(im->x, "extra_label", &at)) !=
	    NULL) {
		struct prom_extra *e = &im->extra[im->n_extra];

		len = strcspn(text, "=");
		if (im->n_extra == EXTRA_MAX || len == 0 ||
		    text[len] == '\0') {
			api_error(im->x, 400, "bad_data", "invalid parameter "
			    "\"extra_label\": up to %d of the form NAME=VALUE",
			    EXTRA_MAX);
			return false;
		}
		if ((copy = strdup(text)) == NULL) {
			api_error(im->x, 503, "unavailable", "out of memory");
			return false;
		}
		copy[len] = '\0';
		e->name = copy;
		e->value = copy + len + 1;
		im->n_extra++;
	}
	return true;
}

/* ---- requests */

/* A parameter that names a database; false: it cannot, and that was replied. */
static bool
read_db(struct import *im, const char *otherwise)
{
	const char *db = exchange_param(im->x, "db");

	im->opt.db = db != NULL && db[0] != '\0' ? db : otherwise;
	if (im->opt.db == NULL || ntdb_database_name_ok(im->opt.db,
	    strlen(im->opt.db)))
		return true;
	api_error(im->x, 400, "bad_data", "invalid parameter \"db\": not a "
	    "name of a database");
	return false;
}

static bool
read_unit(struct import *im)
{
	static const char *const units[] = { "s", "ms", "us", "ns" };
	const char *text = exchange_param(im->x, "precision");
	int i;

	if (text == NULL || text[0] == '\0')
		return true;
	for (i = 0; i < 4; i++)
		if (strcmp(text, units[i]) == 0)
			im->opt.unit = (enum ntdb_unit)(NTDB_UNIT_S + i);
	if (im->opt.unit != NTDB_UNIT_DEFAULT)
		return true;
	api_error(im->x, 400, "bad_data", "invalid parameter "
	    "\"precision\": not s, ms, us or ns");
	return false;
}

static void
reply(struct import *im, int r)
{
	const uint64_t lines = ntdb_ingest_stats(im->in)->lines;

	if (im->bad_body)
		exchange_refuse_body(im->x);
	else if (r != 0 && im->err.code == 0)
		api_error(im->x, 503, "unavailable", "out of memory");
	else if (r != 0)
		api_fail(im->x, &im->err, true);
	else if (im->refused > 0)
		api_error(im->x, 400, "bad_data", "%" PRIu64 " of %" PRIu64
		    " lines refused; first: %s", im->refused, lines,
		    im->first);
	else
		exchange_begin(im->x, 204, NULL);
}

static void
run(struct import *im, struct api *a, take_fn *take)
{
	int r;

	im->opt.refused = note_refused;
	im->opt.arg = im;
	im->opt.has_arrival = true;
	im->opt.arrival_ns = ntdb_now(a->db);
	r = ntdb_ingest_open(a->db, &im->opt, &im->in, &im->err);
	if (r != 0) {
		api_fail(im->x, &im->err, true);
		return;
	}
	if ((im->buf = malloc(BUFFER_LEN)) != NULL)
		r = take_body(im, take);
	else
		r = NTDB_ESYS;
	reply(im, r);
	ntdb_ingest_close(im->in);
	free(im->buf);
}

void
api_import(struct api *a, struct exchange *x)
{
	struct import im = { .x = x, .opt = NTDB_INGEST_OPTIONS_INIT,
	    .err = NTDB_ERROR_INIT };

	if (read_db(&im, NULL) && read_unit(&im))
		run(&im, a, take_lines);
}

void
api_import_prometheus(struct api *a, struct exchange *x)
{
	struct import im = { .x = x, .opt = NTDB_INGEST_OPTIONS_INIT,
	    .err = NTDB_ERROR_INIT, .line = PROM_LINE_INIT,
	    .metric = STRBUF_INIT };
	size_t i;

	if (strcmp(exchange_content_type(x), "application/openmetrics-text") ==
	    0)
		api_error(x, 415, "bad_data", "OpenMetrics is not read: ask "
		    "for text/plain; version=0.0.4");
	else if (read_db(&im, "prometheus") && read_extra(&im))
		run(&im, a, take_prometheus);
	for (i = 0; i < im.n_extra; i++)
		free((char *)(uintptr_t)im.extra[i].name);
	prom_line_release(&im.line);
	strbuf_release(&im.metric);
}
