#include <string.h>

#include "config-keys.h"
#include "config.h"
#include "error.h"
#include "inifile.h"

#define N_STATED 64		/* more than a manifest has keys */

static void
add_text(struct buf *out, const char *s)
{
	buf_add(out, s, strlen(s));
}

/* ------------------------------------------------------------- templates */

/* A comment, of which each `|' ends a line. */
static void
add_comment(struct buf *out, const char *s)
{
	size_t n;

	for (;;) {
		n = strcspn(s, "|");
		add_text(out, "# ");
		buf_add(out, s, n);
		buf_add_u8(out, '\n');
		if (s[n] == '\0')
			return;
		s += n + 1;
	}
}

/* `key = value', without the spaces where they make the line too long. */
static void
add_setting(struct buf *out, const struct key *k, const void *base)
{
	struct buf value = BUF_INIT;

	key_format(k, base, &value);
	add_text(out, k->name);
	if (value.len == 0)
		add_text(out, " =");
	else
		add_text(out, strlen(k->name) + 3 + value.len <=
		    INIFILE_LINE_MAX ? " = " : "=");
	buf_add(out, value.data, value.len);
	buf_add_u8(out, '\n');
	out->failed |= value.failed;
	buf_release(&value);
}

/* All keys with their values at base, commented out unless stated. */
static void
add_keys(struct buf *out, const struct key_table *t, const void *base,
    const bool *stated)
{
	const char *section = "";
	const struct key *k;
	size_t i;

	for (i = 0; i < t->n; i++) {
		k = &t->keys[i];
		if (strcmp(k->section, section) != 0) {
			section = k->section;
			add_text(out, "\n[");
			add_text(out, section);
			add_text(out, "]\n");
		}
		add_comment(out, k->comment);
		if (!stated[i])
			add_text(out, "# ");
		add_setting(out, k, base);
	}
}

int
engine_config_template(struct buf *out)
{
	static const bool none[N_STATED] = { false };
	struct engine_config c;
	int rc;

	memset(&c, 0, sizeof(c));
	if ((rc = key_set_defaults(&engine_keys, &c, NULL)) == 0) {
		add_text(out, "# Settings of all databases under this root; "
		    "see ntdb-config(5).\n");
		add_keys(out, &engine_keys, &c, none);
		add_text(out, "\n# Defaults for each manifest.ini:\n"
		    "# [manifest_defaults.retention]\n"
		    "# partition = month\n");
	}
	engine_config_release(&c);
	return rc != 0 || buf_ok(out) ? rc : NTDB_ESYS;
}

int
manifest_template(const struct engine_config *engine, struct buf *out)
{
	bool stated[N_STATED] = { false };
	struct manifest m;
	int rc;

	if ((rc = manifest_init(&m, engine, stated, NULL)) == 0) {
		add_text(out, "# Settings of this database; see "
		    "ntdb-config(5).\n");
		add_keys(out, &manifest_keys, &m, stated);
		add_text(out, "\n# A rollup job:\n"
		    "# [rollup.hourly]\n"
		    "# source_pattern = *\n"
		    "# interval = 1h\n"
		    "# destination_db = hourly\n");
	}
	manifest_release(&m);
	return rc != 0 || buf_ok(out) ? rc : NTDB_ESYS;
}

/* ---------------------------------------------------------------- values */

struct walk {
	int	(*fn)(void *arg, const struct ntdb_setting_info *);
	void	*arg;
	struct buf value;
};

static int
show(struct walk *w, const char *section, const struct key *k,
    const void *base)
{
	struct ntdb_setting_info info = { section, k->name, NULL };

	buf_clear(&w->value);
	key_format(k, base, &w->value);
	buf_add_u8(&w->value, '\0');
	if (!buf_ok(&w->value))
		return NTDB_ESYS;
	info.value = (const char *)w->value.data;
	return w->fn(w->arg, &info);
}

/* Whether a job says something about a key. */
static bool
job_states(const struct rollup_job *j, const struct key *k)
{
	const void *member = (const char *)j + k->offset;
	int64_t i;

	switch (k->kind) {
	case KEY_DURATION:
		memcpy(&i, member, sizeof(i));
		return i >= 0;
	case KEY_PATTERNS:
	case KEY_AGGREGATES:
		return ((const struct str_list *)member)->n > 0;
	default:
		return *(char *const *)member != NULL;
	}
}

static int
show_job(struct walk *w, const struct rollup_job *j)
{
	char section[INIFILE_SECTION_MAX + 1] = "rollup.";
	const struct key *k = rollup_keys.keys;
	int rc = 0;

	strncat(section, j->id, sizeof(section) - strlen(section) - 1);
	for (; rc == 0 && k < rollup_keys.keys + rollup_keys.n; k++)
		if (job_states(j, k))
			rc = show(w, section, k, j);
	return rc;
}

int
manifest_walk(const struct manifest *m,
    int (*fn)(void *arg, const struct ntdb_setting_info *), void *arg)
{
	struct walk w = { fn, arg, BUF_INIT };
	const struct key *k = manifest_keys.keys;
	size_t i;
	int rc = 0;

	for (; rc == 0 && k < manifest_keys.keys + manifest_keys.n; k++)
		rc = show(&w, k->section, k, m);
	for (i = 0; rc == 0 && i < m->n_jobs; i++)
		rc = show_job(&w, &m->jobs[i]);
	buf_release(&w.value);
	return rc;
}
