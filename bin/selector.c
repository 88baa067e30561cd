#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quoted.h"
#include "regex-cost.h"
#include "selector.h"

#define MATCHERS_MAX 64
#define METRIC_LABEL "__name__"

struct scanner {
	struct selector *s;
	const char *start, *at;
	struct strbuf word;	/* owned: the name or string read last */
	bool	has_name;	/* of the metric */
	struct ntdb_error *err;
};

static int
nomem(struct ntdb_error *err)
{
	err->code = NTDB_ESYS;
	snprintf(err->text, sizeof(err->text), "out of memory");
	return NTDB_ESYS;
}

/* What is wrong at the place that has been reached. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static int
wrong(struct scanner *sc, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	sc->err->code = NTDB_EUSAGE;
	snprintf(sc->err->text, sizeof(sc->err->text),
	    "1:%zu: parse error: %s", (size_t)(sc->at - sc->start) + 1, why);
	return NTDB_EUSAGE;
}

static void
skip_blanks(struct scanner *sc)
{
	for (;;) {
		sc->at += strspn(sc->at, " \t\r\n");
		if (*sc->at != '#')
			return;
		sc->at += strcspn(sc->at, "\n");
	}
}

/* Whether a character may be in a name, or begin it. */
static bool
in_name(char c, bool first, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (c >= '0' && c <= '9' && !first) || (c == ':' && colon);
}

/* Read a bare name; of a metric, it may have colons.  false: none is here. */
static bool
scan_name(struct scanner *sc, bool colon)
{
	const char *from = sc->at;

	while (in_name(*sc->at, sc->at == from, colon))
		sc->at++;
	strbuf_clear(&sc->word);
	strbuf_add(&sc->word, from, (size_t)(sc->at - from));
	return sc->at > from;
}

static int
scan_string(struct scanner *sc)
{
	const char *why = quoted_scan(&sc->at, &sc->word);

	return why != NULL ? wrong(sc, "%s", why) : 0;
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Compile a matcher's regex so that it matches whole values.  As regcomp. */
static int
compile_whole(struct matcher *m)
{
	struct strbuf whole = STRBUF_INIT;
	int rc = REG_ESPACE;

	strbuf_puts(&whole, "^(");
	strbuf_puts(&whole, m->value);
	strbuf_puts(&whole, ")$");
	if (strbuf_ok(&whole))
		rc = regcomp(&m->regex, strbuf_str(&whole),
		    REG_EXTENDED | REG_NOSUB);
	strbuf_release(&whole);
	m->compiled = rc == 0;
	return rc;
}

/* Check and compile a matcher's regex. */
static int
compile(struct scanner *sc, struct matcher *m)
{
	const char *why = regex_unfit(m->value);
	char text[128];
	int rc;

	if (why != NULL)
		return wrong(sc, "regular expression: %s", why);
	/* By itself first: what is put around it must not mend it. */
	if ((rc = regcomp(&m->regex, m->value, REG_EXTENDED)) == 0) {
		regfree(&m->regex);
		rc = compile_whole(m);
	}
	if (rc != 0) {
		regerror(rc, &m->regex, text, sizeof(text));
		return wrong(sc, "regular expression: %s", text);
	}
	m->is_regex = true;
	return 0;
}

/* NAME="VALUE", if that is how a metric with this label is written. */
static int
make_needle(struct scanner *sc, struct matcher *m)
{
	struct strbuf text = STRBUF_INIT;

	if (m->op != MATCH_EQUAL || m->value[0] == '\0' ||
	    strcmp(m->name, METRIC_LABEL) == 0 || strcmp(m->name, "db") == 0 ||
	    strncmp(m->name, "exported_", strlen("exported_")) == 0)
		return 0;
	strbuf_puts(&text, m->name);
	strbuf_puts(&text, "=\"");
	strbuf_puts(&text, m->value);
	strbuf_puts(&text, "\"");
	m->needle = text.s;
	return strbuf_ok(&text) ? 0 : nomem(sc->err);
}

/* Add a matcher of the label that was read, or is given, with the word. */
static int
add_matcher(struct scanner *sc, const char *label, enum matcher_op op)
{
	struct selector *s = sc->s;
	struct matcher *m;

	if (s->n >= MATCHERS_MAX)
		return wrong(sc, "more than %d matchers", MATCHERS_MAX);
	m = realloc(s->matchers, (s->n + 1) * sizeof(*m));
	if (m == NULL)
		return nomem(sc->err);
	s->matchers = m;
	m += s->n++;
	memset(m, 0, sizeof(*m));
	m->op = op;
	m->name = strdup(label);
	m->value = strdup(strbuf_str(&sc->word));
	if (m->name == NULL || m->value == NULL || !strbuf_ok(&sc->word))
		return nomem(sc->err);
	if ((op == MATCH_REGEX || op == MATCH_NOT_REGEX) &&
	    m->value[0] != '\0')
		return compile(sc, m);
	return make_needle(sc, m);
}

/* The metric's name, which is the word that was read. */
static int
add_name(struct scanner *sc)
{
	if (sc->has_name)
		return wrong(sc, "metric name must not be set twice");
	sc->has_name = true;
	return add_matcher(sc, METRIC_LABEL, MATCH_EQUAL);
}

static bool
scan_op(struct scanner *sc, enum matcher_op *op)
{
	static const struct {
		char	text[3];
		enum matcher_op op;
	} ops[] = {
		{ "=~", MATCH_REGEX }, { "!~", MATCH_NOT_REGEX },
		{ "!=", MATCH_NOT_EQUAL }, { "=", MATCH_EQUAL }
	};
	size_t i, len;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		len = strlen(ops[i].text);
		if (strncmp(sc->at, ops[i].text, len) == 0) {
			sc->at += len;
			*op = ops[i].op;
			return true;
		}
	}
	return false;
}

/* LABEL OP STRING, or a metric's name in quotes. */
static int
scan_matcher(struct scanner *sc)
{
	bool quoted = is_quote(*sc->at);
	enum matcher_op op;
	char *label;
	int r = 0;

	if (quoted)
		r = scan_string(sc);
	else if (!scan_name(sc, false))
		return wrong(sc, "a label's name is expected");
	if (r != 0)
		return r;
	skip_blanks(sc);
	if (!scan_op(sc, &op)) {
		if (quoted)
			return add_name(sc);
		return wrong(sc, "one of = != =~ !~ is expected");
	}
	if ((label = strdup(strbuf_str(&sc->word))) == NULL)
		return nomem(sc->err);
	skip_blanks(sc);
	if (!is_quote(*sc->at))
		r = wrong(sc, "a string in quotes is expected");
	else if ((r = scan_string(sc)) == 0 && sc->has_name &&
	    strcmp(label, METRIC_LABEL) == 0)
		r = wrong(sc, "metric name must not be set twice");
	else if (r == 0)
		r = add_matcher(sc, label, op);
	free(label);
	return r;
}

/* What is between braces; the first one has been read. */
static int
scan_matchers(struct scanner *sc)
{
	int r;

	for (;;) {
		skip_blanks(sc);
		if (*sc->at == '}')
			break;
		if ((r = scan_matcher(sc)) != 0)
			return r;
		skip_blanks(sc);
		if (*sc->at == ',')
			sc->at++;
		else if (*sc->at != '}')
			return wrong(sc, "`,' or `}' is expected");
	}
	sc->at++;
	return 0;
}

/* Whether a matcher matches a value. */
static bool
value_matches(const struct matcher *m, const char *value)
{
	bool same;

	if (m->is_regex)
		same = regexec(&m->regex, value, 0, NULL, 0) == 0;
	else
		same = strcmp(m->value, value) == 0;
	return same == (m->op == MATCH_EQUAL || m->op == MATCH_REGEX);
}

static bool
matches_all(const struct selector *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!value_matches(&s->matchers[i], ""))
			return false;
	return true;
}

static int
scan(struct scanner *sc)
{
	int r;

	skip_blanks(sc);
	if (scan_name(sc, true) && (r = add_name(sc)) != 0)
		return r;
	skip_blanks(sc);
	if (*sc->at == '{') {
		sc->at++;
		if ((r = scan_matchers(sc)) != 0)
			return r;
		skip_blanks(sc);
	} else if (!sc->has_name) {
		return wrong(sc, "a selector or DB/METRIC is expected");
	}
	if (*sc->at != '\0')
		return wrong(sc, "only a selector is supported here");
	if (matches_all(sc->s))
		return wrong(sc, "a selector must contain at least one "
		    "matcher that does not match the empty string");
	return 0;
}

static int
set_named(struct selector *s, const char *db, size_t db_len,
    const char *metric, struct ntdb_error *err)
{
	s->named = true;
	s->db = strndup(db, db_len);
	s->metric = strdup(metric);
	return s->db != NULL && s->metric != NULL ? 0 : nomem(err);
}

int
selector_scan(struct selector *s, const char *db, const char *text,
    struct ntdb_error *err)
{
	const char *slash = strchr(text, '/');
	struct scanner sc = { s, text, text, STRBUF_INIT, false, err };
	int r;

	if (db != NULL)
		return set_named(s, db, strlen(db), text, err);
	if (slash != NULL && ntdb_database_name_ok(text,
	    (size_t)(slash - text)))
		return set_named(s, text, (size_t)(slash - text), slash + 1,
		    err);
	s->text = text;
	r = scan(&sc);
	strbuf_release(&sc.word);
	return r;
}

void
selector_release(struct selector *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->matchers[i].name);
		free(s->matchers[i].value);
		free(s->matchers[i].needle);
		if (s->matchers[i].compiled)
			regfree(&s->matchers[i].regex);
	}
	free(s->matchers);
	free(s->db);
	free(s->metric);
	*s = (struct selector)SELECTOR_INIT;
}

void
selector_rest(struct selector *s)
{
	struct matcher *m;

	for (m = s->matchers; m < s->matchers + s->n; m++)
		if (m->compiled) {
			regfree(&m->regex);
			m->compiled = false;
		}
}

/* Compile the regex of a matcher that rested.  -1: out of memory. */
static int
wake(struct matcher *m)
{
	return m->is_regex && !m->compiled && compile_whole(m) != 0 ? -1 : 0;
}

int
selector_ready(struct selector *s)
{
	struct matcher *m;

	for (m = s->matchers; m < s->matchers + s->n; m++)
		if (wake(m) != 0)
			return -1;
	return 0;
}

bool
selector_matches(const struct selector *s, const struct series *series)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!value_matches(&s->matchers[i],
		    series_label(series, s->matchers[i].name)))
			return false;
	return true;
}

int
selector_may_match_db(struct selector *s, const char *db)
{
	struct matcher *m;

	for (m = s->matchers; m < s->matchers + s->n; m++) {
		if (strcmp(m->name, "db") != 0)
			continue;
		if (wake(m) != 0)
			return -1;
		if (!value_matches(m, db))
			return 0;
	}
	return 1;
}

/* Whether a name without escapes can be that of a metric with this label. */
static bool
may_match(const struct matcher *m, const char *metric)
{
	size_t len;

	if (m->needle != NULL)
		return strstr(metric, m->needle) != NULL;
	if (m->op != MATCH_EQUAL || strcmp(m->name, METRIC_LABEL) != 0)
		return true;
	len = strlen(m->value);
	return strncmp(metric, m->value, len) == 0 &&
	    (metric[len] == '\0' || metric[len] == '{');
}

bool
selector_may_match_metric(const struct selector *s, const char *metric)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!may_match(&s->matchers[i], metric))
			return strchr(metric, '\\') != NULL;
	return true;
}
