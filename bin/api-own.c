/*
 * /metrics: the suite's own metrics as Prometheus wants them, one after the
 * other, each with its help, its type and the values of all databases.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

struct own {
	char	db[72];
	const char *name, *help;	/* constants of the library */
	bool	counter;
	uint64_t value;
	size_t	order;			/* in which they were told */
};

struct list {
	struct own *at;			/* owned */
	size_t	n, cap;
};

static int
note(void *arg, const struct ntdb_self_metric *m)
{
	struct list *l = arg;
	struct own *at;
	size_t cap;

	if (l->n == l->cap) {
		cap = l->cap > 0 ? 2 * l->cap : 256;
		if ((at = realloc(l->at, cap * sizeof(*at))) == NULL)
			return NTDB_ESYS;
		l->at = at;
		l->cap = cap;
	}
	at = &l->at[l->n];
	snprintf(at->db, sizeof(at->db), "%s", m->db);
	at->name = m->name;
	at->help = m->help;
	at->counter = m->counter;
	at->value = m->value;
	at->order = l->n++;
	return 0;
}

/* By name, then by database. */
static int
compare(const void *a, const void *b)
{
	const struct own *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

/* What is before the reason in refused/REASON; all of other names. */
static int
stem_len(const struct own *o)
{
	return (int)strcspn(o->name, "/");
}

static void
put_heading(struct exchange *x, const struct own *o)
{
	const char *suffix = o->counter ? "_total" : "";
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "# HELP ntdb_%s%s %s\n"
	    "# TYPE ntdb_%s%s %s\n", o->name, suffix, o->help, o->name,
	    suffix, o->counter ? "counter" : "gauge");
	exchange_put(x, text, (size_t)n);
}

static void
put_value(struct exchange *x, const struct own *o)
{
	const char *reason = o->name + stem_len(o);
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "ntdb_%.*s%s{db=\"%s\"", stem_len(o),
	    o->name, o->counter ? "_total" : "", o->db);
	if (*reason != '\0')
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    ",reason=\"%s\"", reason + 1);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "} %" PRIu64 "\n",
	    o->value);
	exchange_put(x, text, (size_t)n);
}

/*
 * Sorted, refused/REASON comes behind refused, which is their sum: it gives
 * the heading only, since whoever wants the sum adds them up.
 */
static void
put_list(struct exchange *x, const struct list *l)
{
	const struct own *o, *head = NULL;
	size_t i;

	for (i = 0; i < l->n; i++) {
		o = &l->at[i];
		if (head == NULL || (int)strlen(head->name) != stem_len(o) ||
		    strncmp(head->name, o->name, strlen(head->name)) != 0)
			put_heading(x, head = o);
		if (strcmp(o->name, "refused") != 0)
			put_value(x, o);
	}
}

void
api_own_metrics(struct api *a, struct exchange *x)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct list l = { NULL, 0, 0 };
	int r;

	r = ntdb_self_metrics(a->db, note, &l, &err);
	if (r == NTDB_ESYS && err.code == 0) {
		api_error(x, 503, "unavailable", "out of memory");
	} else if (r != 0 && r != NTDB_ENOENT) {
		api_fail(x, &err, false);
	} else {
		if (l.n > 0)
			qsort(l.at, l.n, sizeof(*l.at), compare);
		exchange_begin(x, 200, "text/plain; version=0.0.4; "
		    "charset=utf-8");
		put_list(x, &l);
	}
	free(l.at);
}
