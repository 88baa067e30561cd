#include <regex.h>
#include <stdlib.h>

#include "error.h"
#include "match.h"
#include "select.h"

struct target {
	const char *text;
	size_t	db_len;
	const char *metric;	/* NULL: all */
	bool	literal;	/* it has no wildcards */
	bool	missing_ok;	/* it need not be there */
	bool	is_pattern;	/* the database's part */
	bool	has_regex;
	regex_t	regex;		/* owned, if has_regex */
};

struct named {
	const char *name;	/* borrowed from the state */
	uint32_t id;
	uint16_t len;
};

void
selection_release(struct selection *sel)
{
	size_t i;

	for (i = 0; i < sel->n; i++) {
		free(sel->dbs[i].ids);
		snapshot_give_back(sel->dbs[i].snap);
	}
	free(sel->dbs);
	memset(sel, 0, sizeof(*sel));
}

static void
targets_free(struct target *t, size_t n)
{
	size_t i;

	for (i = 0; t != NULL && i < n; i++)
		if (t[i].has_regex)
			regfree(&t[i].regex);
	free(t);
}

static int
target_scan(struct target *t, const char *text,
    const struct ntdb_query_options *opt, struct ntdb_error *err)
{
	const char *slash = strchr(text, '/');
	char why[128];
	int rc;

	t->text = text;
	t->db_len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	t->metric = slash != NULL ? slash + 1 : NULL;
	t->literal = opt->literal;
	t->missing_ok = opt->missing_ok;
	t->is_pattern = !t->literal && glob_is_pattern(text, t->db_len);
	if (!t->is_pattern && !t->missing_ok &&
	    !ntdb_database_name_ok(text, t->db_len))
		return err_set(err, NTDB_ENOENT, "%s: no such database",
		    text);
	if (!opt->regex || t->metric == NULL)
		return 0;
	rc = regcomp(&t->regex, t->metric, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &t->regex, why, sizeof(why));
		return err_set(err, NTDB_EUSAGE, "%s: %s", t->metric, why);
	}
	t->has_regex = true;
	return 0;
}

/* Order of names as if each had a `/' behind it. */
static int
compare_dbs(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int c, d;

	while (*x == *y && *x != '\0') {
		x++;
		y++;
	}
	c = *x == '\0' ? '/' : (uint8_t)*x;
	d = *y == '\0' ? '/' : (uint8_t)*y;
	return c - d;
}

static int
compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = memcmp(x->name, y->name, n);

	return c != 0 ? c : (int)x->len - (int)y->len;
}

/* Whether a target concerns a database. */
static bool
concerns(const struct target *t, const char *db, bool internal)
{
	if (!t->is_pattern)
		return strlen(db) == t->db_len &&
		    memcmp(db, t->text, t->db_len) == 0;
	if (!internal && strcmp(db, INTERNAL_DB) == 0)
		return false;
	return glob_match(t->text, t->db_len, db, strlen(db));
}

static bool
name_matches(const struct target *t, const char *name, size_t len)
{
	char text[METRIC_NAME_MAX + 1];

	if (t->metric == NULL)
		return true;
	if (!t->has_regex)
		return glob_match(t->metric, strlen(t->metric), name, len);
	if (len > METRIC_NAME_MAX)
		return false;
	memcpy(text, name, len);
	text[len] = '\0';
	return regexec(&t->regex, text, 0, NULL, 0) == 0;
}

/* Mark the metrics that a target means. */
static int
mark(const struct state *s, const struct target *t, uint8_t *marks,
    struct ntdb_error *err)
{
	const struct metric *m;
	uint32_t id;

	if (t->metric != NULL && !t->has_regex) {
		id = state_find(s, t->metric, strlen(t->metric));
		if (id != 0) {
			marks[id] = 1;
			return 0;
		}
		if (t->literal ||
		    !glob_is_pattern(t->metric, strlen(t->metric)))
			return t->is_pattern || t->missing_ok ? 0 : err_set(err, NTDB_ENOENT,
			    "%s: no such metric", t->text);
	}
	for (id = 1; id < s->n_slots; id++)
		if ((m = state_metric(s, id)) != NULL && !marks[id] &&
		    name_matches(t, state_name(s, m), m->name_len))
			marks[id] = 1;
	return 0;
}

/* Leave out what the caller does not want. */
static int
unmark(const struct state *s, const struct ntdb_query_options *opt,
    const char *db, uint8_t *marks, struct ntdb_error *err)
{
	char text[METRIC_NAME_MAX + 1];
	const struct metric *m;
	uint32_t id;
	int wanted;

	for (id = 1; id < s->n_slots; id++) {
		if (!marks[id])
			continue;
		m = &s->metrics[id];
		memcpy(text, state_name(s, m), m->name_len);
		text[m->name_len] = '\0';
		wanted = opt->match(opt->match_arg, db, text);
		if (wanted < 0)
			return err_nomem(err);
		marks[id] = wanted > 0;
	}
	return 0;
}

/* The marked ids, sorted by name. */
static int
collect(const struct state *s, const uint8_t *marks, struct selected *d,
    struct ntdb_error *err)
{
	struct named *names;
	uint32_t id;
	size_t n = 0;

	for (id = 1; id < s->n_slots; id++)
		n += marks[id];
	d->n = n;
	d->ids = malloc((n + 1) * sizeof(*d->ids));
	names = malloc((n + 1) * sizeof(*names));
	if (d->ids == NULL || names == NULL) {
		free(names);
		return err_nomem(err);
	}
	for (id = 1, n = 0; id < s->n_slots; id++)
		if (marks[id]) {
			names[n].name = state_name(s, &s->metrics[id]);
			names[n].len = s->metrics[id].name_len;
			names[n++].id = id;
		}
	qsort(names, n, sizeof(*names), compare_names);
	for (n = 0; n < d->n; n++)
		d->ids[n] = names[n].id;
	free(names);
	return 0;
}

/* What the targets mean among the names of a database. */
static int
choose(const struct state *s, const char *db, const struct target *targets,
    size_t n, const struct ntdb_query_options *opt, struct selected *d,
    struct ntdb_error *err)
{
	uint8_t *marks = calloc((size_t)s->n_slots + 1, 1);
	size_t i;
	int r = 0;

	if (marks == NULL)
		return err_nomem(err);
	for (i = 0; i < n && r == 0; i++)
		if (concerns(&targets[i], db, opt->internal))
			r = mark(s, &targets[i], marks, err);
	if (r == 0 && opt->match != NULL)
		r = unmark(s, opt, db, marks, err);
	if (r == 0)
		r = collect(s, marks, d, err);
	free(marks);
	return r;
}

/* The same, if it was chosen before.  NTDB_END: it was not. */
static int
choose_again(const struct snapshot *snap, const char *key,
    struct selected *d, struct ntdb_error *err)
{
	const struct chosen *c;

	if (key == NULL ||
	    (c = chosen_find(&snap->chosen, &snap->state, key)) == NULL)
		return NTDB_END;
	if ((d->ids = malloc((c->n + 1) * sizeof(*d->ids))) == NULL)
		return err_nomem(err);
	if (c->n > 0)
		memcpy(d->ids, c->ids, c->n * sizeof(*d->ids));
	d->n = c->n;
	return 0;
}

/* Whether the targets mean anything of a database that is wanted. */
static int
may_choose(const char *db, const struct target *targets, size_t n,
    const struct ntdb_query_options *opt, struct ntdb_error *err)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		if (concerns(&targets[i], db, opt->internal))
			break;
	if (i == n || opt->match == NULL)
		return i < n;
	r = opt->match(opt->match_arg, db, NULL);
	return r < 0 ? err_nomem(err) : r;
}

/* Whether a target names this database, which then has to be there. */
static bool
is_named(const char *db, const struct target *targets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!targets[i].is_pattern && !targets[i].missing_ok &&
		    concerns(&targets[i], db, true))
			return true;
	return false;
}

/* What the targets mean in a database, or in what turns out not to be one. */
static int
select_in(struct ntdb *root, const char *db, const struct target *targets,
    size_t n, const struct ntdb_query_options *opt, struct selected *d,
    struct ntdb_error *err)
{
	const char *key = n == 1 && strcmp(targets->text, "*") == 0 &&
	    opt->match != NULL ? opt->match_key : NULL;
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct snapshot *snap;
	int r;

	if ((r = may_choose(db, targets, n, opt, err)) <= 0)
		return r;
	if ((r = snapshot_borrow(&snap, root, db, &why)) != 0) {
		if (r == NTDB_ENOENT && !is_named(db, targets, n))
			return 0;
		return err_take(err, &why);
	}
	memcpy(d->db, db, strlen(db) + 1);
	r = choose_again(snap, key, d, err);
	if (r == NTDB_END) {
		r = choose(&snap->state, db, targets, n, opt, d, err);
		if (r == 0 && key != NULL)
			chosen_add(&snap->chosen, &snap->state, key, d->ids,
			    d->n);
	}
	if (r == 0 && d->n > 0)
		d->snap = snap;
	else
		snapshot_give_back(snap);
	return r;
}

/*
 * Of every name without wildcards there must be a directory; whether that is a
 * database shows when it is opened.
 */
static int
check_named(const struct target *targets, size_t n, char *const *names,
    size_t n_names, struct ntdb_error *err)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (targets[i].is_pattern || targets[i].missing_ok)
			continue;
		for (k = 0; k < n_names; k++)
			if (concerns(&targets[i], names[k], true))
				break;
		if (k == n_names)
			return err_set(err, NTDB_ENOENT,
			    "%.*s: no such database", (int)targets[i].db_len,
			    targets[i].text);
	}
	return 0;
}

static int
select_all(struct ntdb *root, const struct target *targets, size_t n,
    const struct ntdb_query_options *opt, struct selection *sel,
    struct ntdb_error *err)
{
	char **names = NULL;
	size_t n_names = 0, i;
	int r;

	r = root_names(root, &names, &n_names, err);
	if (r != 0)
		return r;
	if ((r = check_named(targets, n, names, n_names, err)) != 0)
		goto done;
	qsort(names, n_names, sizeof(*names), compare_dbs);
	sel->dbs = calloc(n_names + 1, sizeof(*sel->dbs));
	if (sel->dbs == NULL) {
		r = err_nomem(err);
		goto done;
	}
	for (i = 0; i < n_names && r == 0; i++) {
		struct selected *d = &sel->dbs[sel->n];

		r = select_in(root, names[i], targets, n, opt, d, err);
		if (d->n > 0) {
			/* The others are opened when they are read. */
			if (sel->n++ > 0) {
				snapshot_give_back(d->snap);
				d->snap = NULL;
			}
		} else {
			free(d->ids);
			d->ids = NULL;
		}
	}
done:
	ntdb_databases_free(names);
	return r;
}

int
select_targets(struct ntdb *root, const struct ntdb_query_options *opt,
    const char *const *targets, size_t n, struct selection *sel,
    struct ntdb_error *err)
{
	struct target *t;
	size_t i;
	int r = 0;

	memset(sel, 0, sizeof(*sel));
	if ((t = calloc(n + 1, sizeof(*t))) == NULL)
		return err_nomem(err);
	if ((r = root_open(root, false, err)) != 0)
		goto done;
	for (i = 0; i < n && r == 0; i++)
		r = target_scan(&t[i], targets[i], opt, err);
	if (r == 0)
		r = select_all(root, t, n, opt, sel, err);
	if (r != 0)
		selection_release(sel);
done:
	targets_free(t, n);
	return r;
}
