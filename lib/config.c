#include <stdlib.h>
#include <string.h>

#include "config-keys.h"
#include "config.h"
#include "error.h"
#include "inifile.h"

#define JOB_PREFIX "rollup."
#define JOB_PREFIX_LEN (sizeof(JOB_PREFIX) - 1)
#define DEFAULTS_PREFIX "manifest_defaults."
#define DEFAULTS_PREFIX_LEN (sizeof(DEFAULTS_PREFIX) - 1)
#define MAX_JOBS 4096

/* Reading one file; engine and job are NULL where they do not apply. */
struct reading {
	const char *display;
	config_note_fn *note;
	void	*arg;
	struct engine_config *engine;
	struct manifest *manifest;
	int64_t	retention_line;	/* of the last retention_... key */
	bool	*stated;	/* per key of a manifest; may be NULL */
};

/* ----------------------------------------------------------------- notes */

static void
tell(const struct reading *r, const struct ntdb_error *what)
{
	if (r->note != NULL)
		r->note(r->arg, what);
}

static void
note_section(const struct reading *r, const char *prefix,
    const struct key_table *t, const char *name, int64_t line)
{
	struct ntdb_error what = NTDB_ERROR_INIT;
	const char *guess = key_guess_section(t, name);

	if (guess != NULL)
		err_line(&what, NTDB_ECONFIG, r->display, line,
		    "unknown section [%s%s], did you mean [%s%s]?", prefix,
		    name, prefix, guess);
	else
		err_line(&what, NTDB_ECONFIG, r->display, line,
		    "unknown section [%s%s]", prefix, name);
	tell(r, &what);
}

static void
note_key(const struct reading *r, const struct key_table *t,
    const char *section, const char *shown, const char *name, int64_t line)
{
	struct ntdb_error what = NTDB_ERROR_INIT;
	const char *guess = key_guess(t, section, name);

	if (guess != NULL)
		err_line(&what, NTDB_ECONFIG, r->display, line,
		    "unknown key `%s' in [%s], did you mean `%s'?", name,
		    shown, guess);
	else
		err_line(&what, NTDB_ECONFIG, r->display, line,
		    "unknown key `%s' in [%s]", name, shown);
	tell(r, &what);
}

/* ---------------------------------------------------------- rollup jobs */

static void
job_release(struct rollup_job *j)
{
	key_release_all(&rollup_keys, j);
	free(j->id);
}

static bool
job_id_ok(const char *id)
{
	return *id != '\0' && id[strspn(id, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

static struct rollup_job *
job_find(struct manifest *m, const char *id)
{
	size_t i;

	for (i = 0; i < m->n_jobs; i++)
		if (strcmp(m->jobs[i].id, id) == 0)
			return &m->jobs[i];
	return NULL;
}

static int
job_begin(struct reading *r, const char *id, int64_t line,
    struct ntdb_error *err)
{
	struct manifest *m = r->manifest;
	struct rollup_job *jobs, *j;

	if (!job_id_ok(id))
		return err_line(err, NTDB_ECONFIG, r->display, line,
		    "not a job's name (letters, digits, `_', `.', `-'): %s",
		    id);
	if (job_find(m, id) != NULL)
		return 0;
	if (m->n_jobs == MAX_JOBS)
		return err_line(err, NTDB_ECONFIG, r->display, line,
		    "more than %d rollup jobs", MAX_JOBS);
	jobs = realloc(m->jobs, (m->n_jobs + 1) * sizeof(*jobs));
	if (jobs == NULL)
		return err_nomem(err);
	m->jobs = jobs;
	j = &jobs[m->n_jobs];
	memset(j, 0, sizeof(*j));
	j->interval_ns = -1;
	j->grace_ns = -1;
	j->line = line;
	if ((j->id = strdup(id)) == NULL)
		return err_nomem(err);
	m->n_jobs++;
	return 0;
}

static int
check_jobs(const struct reading *r, struct ntdb_error *err)
{
	size_t i;

	for (i = 0; i < r->manifest->n_jobs; i++) {
		const struct rollup_job *j = &r->manifest->jobs[i];

		if (j->source_metric != NULL && j->source_pattern != NULL)
			return err_line(err, NTDB_ECONFIG, r->display,
			    j->line, "[rollup.%s] has both source_metric "
			    "and source_pattern", j->id);
		if (j->source_metric == NULL && j->source_pattern == NULL)
			return err_line(err, NTDB_ECONFIG, r->display,
			    j->line, "[rollup.%s] has neither source_metric "
			    "nor source_pattern", j->id);
	}
	return 0;
}

/* -------------------------------------------------------------- manifest */

static int
manifest_section(void *arg, const char *name, int64_t line,
    struct ntdb_error *err)
{
	struct reading *r = arg;

	if (strncmp(name, JOB_PREFIX, JOB_PREFIX_LEN) == 0)
		return job_begin(r, name + JOB_PREFIX_LEN, line, err);
	if (!key_has_section(&manifest_keys, name))
		note_section(r, "", &manifest_keys, name, line);
	return 0;
}

/*
 * Set a key of a section that is known; shown is the section's full name.
 * Returns NTDB_END for a key that is not known.
 */
static int
manifest_set(struct reading *r, const char *section, const char *shown,
    const char *name, const char *value, int64_t line,
    struct ntdb_error *err)
{
	struct place at = { r->display, line };
	long i = key_find(&manifest_keys, section, name);

	if (i < 0) {
		note_key(r, &manifest_keys, section, shown, name, line);
		return NTDB_END;
	}
	if (strncmp(name, "retention_", 10) == 0)
		r->retention_line = line;
	if (r->stated != NULL)
		r->stated[i] = true;
	return key_set(&manifest_keys.keys[i], r->manifest, value, &at, err);
}

static int
job_set(struct reading *r, const char *section, const char *name,
    const char *value, int64_t line, struct ntdb_error *err)
{
	struct rollup_job *j = job_find(r->manifest,
	    section + JOB_PREFIX_LEN);
	struct place at = { r->display, line };
	long i = key_find(&rollup_keys, "rollup", name);

	if (j == NULL)
		return err_set(err, NTDB_EBUG, "key of no rollup job");
	if (i < 0) {
		note_key(r, &rollup_keys, "rollup", section, name, line);
		return 0;
	}
	return key_set(&rollup_keys.keys[i], j, value, &at, err);
}

static int
manifest_key(void *arg, const char *section, const char *name,
    const char *value, int64_t line, struct ntdb_error *err)
{
	struct reading *r = arg;
	int rc;

	if (strncmp(section, JOB_PREFIX, JOB_PREFIX_LEN) == 0)
		return job_set(r, section, name, value, line, err);
	if (!key_has_section(&manifest_keys, section))
		return 0;
	rc = manifest_set(r, section, section, name, value, line, err);
	return rc < 0 ? rc : 0;
}

static int
check_retention(const struct reading *r, struct ntdb_error *err)
{
	const struct manifest *m = r->manifest;

	if (m->retention_action == RETAIN_KEEP &&
	    (m->retention_days > 0 || m->retention_size > 0))
		return err_line(err, NTDB_ECONFIG, r->display,
		    r->retention_line, "%s needs retention_action = delete "
		    "or archive", m->retention_days > 0 ? "retention_days" :
		    "retention_size");
	return 0;
}

static int
manifest_parse(struct reading *r, const struct buf *text,
    struct ntdb_error *err)
{
	struct inifile_calls calls = { manifest_section, manifest_key, r };
	int rc;

	rc = inifile_parse((const char *)text->data, text->len, r->display,
	    &calls, err);
	if (rc == 0)
		rc = check_jobs(r, err);
	return rc == 0 ? check_retention(r, err) : rc;
}

int
manifest_init(struct manifest *m, const struct engine_config *engine,
    bool *stated, struct ntdb_error *err)
{
	struct reading r = {
		/* cppcheck-suppress ctuuninitvar ; m is filled below */
		"engine.ini", NULL, NULL, NULL, m, 0, stated
	};
	int rc;

	memset(m, 0, sizeof(*m));
	rc = key_set_defaults(&manifest_keys, m, err);
	if (rc == 0 && engine != NULL)
		rc = manifest_parse(&r, &engine->manifest_defaults, err);
	return rc;
}

int
manifest_read(int dirfd, const char *path, const char *display,
    const struct engine_config *engine, struct manifest *m,
    config_note_fn *note, void *arg, struct ntdb_error *err)
{
	struct reading r = { display, note, arg, NULL, m, 0, NULL };
	struct buf text = BUF_INIT;
	int rc;

	rc = manifest_init(m, engine, NULL, err);
	if (rc == 0)
		rc = inifile_read(dirfd, path, display, &text, err);
	if (rc == 0)
		rc = manifest_parse(&r, &text, err);
	buf_release(&text);
	return rc;
}

void
manifest_release(struct manifest *m)
{
	size_t i;

	key_release_all(&manifest_keys, m);
	for (i = 0; i < m->n_jobs; i++)
		job_release(&m->jobs[i]);
	free(m->jobs);
	m->jobs = NULL;
	m->n_jobs = 0;
}

/* ---------------------------------------------------------------- engine */

static int
engine_section(void *arg, const char *name, int64_t line,
    struct ntdb_error *err)
{
	struct reading *r = arg;
	const struct key_table *t = &engine_keys;
	const char *prefix = "";

	(void)err;
	if (strncmp(name, DEFAULTS_PREFIX, DEFAULTS_PREFIX_LEN) == 0) {
		prefix = DEFAULTS_PREFIX;
		t = &manifest_keys;
		name += DEFAULTS_PREFIX_LEN;
	}
	if (!key_has_section(t, name))
		note_section(r, prefix, t, name, line);
	return 0;
}

/*
 * A key of [manifest_defaults.*]: checked as that of a manifest, and kept as
 * text, no longer than it was in the file.
 */
static int
default_key(struct reading *r, const char *shown, const char *name,
    const char *value, int64_t line, struct ntdb_error *err)
{
	const char *section = shown + DEFAULTS_PREFIX_LEN;
	struct buf *out = &r->engine->manifest_defaults;
	int rc;

	if (!key_has_section(&manifest_keys, section))
		return 0;
	rc = manifest_set(r, section, shown, name, value, line, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	buf_add_u8(out, '[');
	buf_add(out, section, strlen(section));
	buf_add(out, "]\n", 2);
	buf_add(out, name, strlen(name));
	buf_add_u8(out, '=');
	buf_add(out, value, strlen(value));
	buf_add_u8(out, '\n');
	return buf_ok(out) ? 0 : err_nomem(err);
}

static int
engine_key(void *arg, const char *section, const char *name,
    const char *value, int64_t line, struct ntdb_error *err)
{
	struct reading *r = arg;
	struct place at = { r->display, line };
	long i;

	if (strncmp(section, DEFAULTS_PREFIX, DEFAULTS_PREFIX_LEN) == 0)
		return default_key(r, section, name, value, line, err);
	if (!key_has_section(&engine_keys, section))
		return 0;
	if ((i = key_find(&engine_keys, section, name)) < 0) {
		note_key(r, &engine_keys, section, section, name, line);
		return 0;
	}
	return key_set(&engine_keys.keys[i], r->engine, value, &at, err);
}

static int
engine_parse(struct reading *r, const struct buf *text,
    struct ntdb_error *err)
{
	struct inifile_calls calls = { engine_section, engine_key, r };
	int rc;

	rc = inifile_parse((const char *)text->data, text->len, r->display,
	    &calls, err);
	return rc == 0 ? check_retention(r, err) : rc;
}

int
engine_config_read(int dirfd, const char *path, const char *display,
    struct engine_config *c, config_note_fn *note, void *arg,
    struct ntdb_error *err)
{
	struct manifest scratch;
	struct reading r = { display, note, arg, c, &scratch, 0, NULL };
	struct buf text = BUF_INIT;
	int rc;

	memset(c, 0, sizeof(*c));
	rc = manifest_init(&scratch, NULL, NULL, err);
	if (rc == 0)
		rc = key_set_defaults(&engine_keys, c, err);
	if (rc == 0)
		rc = inifile_read(dirfd, path, display, &text, err);
	if (rc == 0)
		rc = engine_parse(&r, &text, err);
	buf_release(&text);
	manifest_release(&scratch);
	return rc;
}

void
engine_config_release(struct engine_config *c)
{
	key_release_all(&engine_keys, c);
	buf_release(&c->manifest_defaults);
}
