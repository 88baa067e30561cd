#include <stdlib.h>
#include <string.h>

#include "config-value.h"
#include "text.h"
#include "utf8.h"

/* --------------------------------------------------------------- strings */

/*
 * A name that is not one of ours: ntdb finds its files by what their names
 * end in.
 */
static bool
file_name_ok(const char *name)
{
	static const char *const ours[] = {
		".dat", ".wal", ".ini", ".json", ".cache", ".tar", "lock"
	};
	size_t len = strlen(name), n, i;

	if (name[0] == '.' || strchr(name, '/') != NULL ||
	    !utf8_name_ok(name, len))
		return false;
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		n = strlen(ours[i]);
		if (len >= n && strcmp(name + len - n, ours[i]) == 0)
			return false;
	}
	return strncmp(name, "data-", 5) != 0;
}

/* HOST:PORT, where HOST may have colons of its own in brackets. */
static bool
address_ok(const char *s)
{
	const char *colon = strrchr(s, ':'), *p;
	unsigned port = 0;

	if (colon == NULL || colon == s)
		return false;
	if (memchr(s, ':', (size_t)(colon - s)) != NULL &&
	    (s[0] != '[' || colon[-1] != ']'))
		return false;
	for (p = colon + 1; is_digit(*p) && port <= 65535; p++)
		port = port * 10 + (unsigned)(*p - '0');
	return p > colon + 1 && *p == '\0' && port <= 65535;
}

/* What is wrong with a string of that kind, or NULL. */
static const char *
string_fault(enum key_kind kind, const char *v)
{
	if (*v == '\0')
		return kind == KEY_OPTIONAL || kind == KEY_METRIC ? NULL :
		    "a value is wanted";
	if (*v == '"')
		return "values are not quoted";
	if (kind == KEY_FILE && !file_name_ok(v))
		return "not a name for this file";
	if (kind == KEY_ADDRESS && !address_ok(v))
		return "not of the form HOST:PORT";
	if (kind == KEY_METRIC && !utf8_name_ok(v, strlen(v)))
		return "not a metric's name";
	return NULL;
}

int
setting_string(const struct setting *s)
{
	const char *fault = string_fault(s->key->kind, s->value);
	char *copy = NULL, **to = s->member;

	if (fault != NULL)
		return value_bad(s, "%s%s%.64s", fault,
		    *s->value != '\0' ? ": " : "", s->value);
	if (*s->value != '\0' && (copy = strdup(s->value)) == NULL)
		return err_nomem(s->err);
	free(*to);
	*to = copy;
	return 0;
}

/* ----------------------------------------------------------------- lists */

void
list_release(struct str_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->at[i]);
	free(l->at);
	l->at = NULL;
	l->n = 0;
}

/*
 * The next word of a list, or one of length 0 at its end.  White space and
 * commas separate; in a glob a comma between braces, as of label parts, or
 * after a `\' does not.
 */
static size_t
list_next(const char **s, bool globs)
{
	const char *p;
	bool braces = false;

	*s += strspn(*s, " \t,");
	for (p = *s; *p != '\0' && *p != ' ' && *p != '\t'; p++) {
		if (*p == ',' && !braces)
			break;
		if (!globs)
			continue;
		if (*p == '{')
			braces = true;
		else if (*p == '}')
			braces = false;
		else if (*p == '\\' && p[1] == ',')
			p++;
	}
	return (size_t)(p - *s);
}

static int
check_word(const struct setting *s, const char *word, size_t len)
{
	int n = len > 64 ? 64 : (int)len;

	if (s->key->kind == KEY_AGGREGATES) {
		if (ntdb_aggregate_find(word, len) < 0)
			return value_bad(s, "no such aggregate: %.*s", n, word);
		return 0;
	}
	if (*word == ';')
		return value_bad(s, "a pattern cannot begin with `;'");
	if (*word == '"')
		return value_bad(s, "values are not quoted: %.*s", n, word);
	if (!utf8_name_ok(word, len))
		return value_bad(s, "not a pattern: %.*s", n, word);
	return 0;
}

static int
list_add(struct str_list *l, const char *word, size_t len)
{
	char **at = realloc(l->at, (l->n + 1) * sizeof(*at));

	if (at == NULL)
		return -1;
	l->at = at;
	if ((at[l->n] = strndup(word, len)) == NULL)
		return -1;
	l->n++;
	return 0;
}

int
setting_list(const struct setting *s)
{
	struct str_list list = { NULL, 0 }, *to = s->member;
	bool globs = s->key->kind == KEY_PATTERNS;
	const char *at = s->value;
	size_t len;
	int rc;

	for (; (len = list_next(&at, globs)) > 0; at += len) {
		if ((rc = check_word(s, at, len)) != 0)
			goto fail;
		if (list_add(&list, at, len) != 0) {
			rc = err_nomem(s->err);
			goto fail;
		}
	}
	if (list.n == 0 && !globs) {
		rc = value_bad(s, "an aggregate is wanted");
		goto fail;
	}
	list_release(to);
	*to = list;
	return 0;
fail:
	list_release(&list);
	return rc;
}
