#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "verify.h"

/* Damage, also where the medium cannot be read, and wrong configuration. */
static bool
is_finding(int code)
{
	return code == NTDB_ECORRUPT || code == NTDB_EVERSION ||
	    code == NTDB_EIO || code == NTDB_ECONFIG;
}

static int
tell(struct verify *v, const struct ntdb_finding *f, struct ntdb_error *err)
{
	if (!is_finding(f->what.code))
		return inspect_copy(err, &f->what);
	if (v->first.code == 0)
		v->first = f->what;
	if (v->verdict != NTDB_ECORRUPT)
		v->verdict = f->what.code == NTDB_EVERSION ? NTDB_EVERSION :
		    NTDB_ECORRUPT;
	v->res->damaged++;
	return v->found == NULL ? 0 : v->found(v->arg, f);
}

static void
add_count(struct ntdb_error *why, uint64_t n, const char *things)
{
	size_t len = strlen(why->text);

	snprintf(why->text + len, sizeof(why->text) - len, " (%llu %s)",
	    (unsigned long long)n, things);
}

/* Name the file as the user knows it. */
static void
qualify(const struct verify *v, struct ntdb_error *why)
{
	size_t len = strlen(why->text);

	if (v->archive == NULL) {
		inspect_qualify(&v->s.dir, why);
		return;
	}
	snprintf(why->path, sizeof(why->path), "%s/%s", v->s.dir.name,
	    v->archive);
	if (v->member == NULL)
		return;
	if (why->offset >= 0)
		why->offset += (int64_t)v->member_at;
	snprintf(why->text + len, sizeof(why->text) - len, ", in %s",
	    v->member);
}

int
verify_failed(struct verify *v, struct ntdb_error *why, uint64_t n,
    const char *things, struct ntdb_error *err)
{
	struct ntdb_finding f;

	qualify(v, why);
	if (things != NULL)
		add_count(why, n, things);
	f.what = *why;
	f.samples_known = false;
	f.samples = 0;
	return tell(v, &f, err);
}

int
verify_lost(struct verify *v, struct ntdb_error *why, uint64_t samples,
    struct ntdb_error *err)
{
	struct ntdb_finding f;

	qualify(v, why);
	if (samples > 0)
		add_count(why, samples, "samples");
	f.what = *why;
	f.samples_known = true;
	f.samples = samples;
	return tell(v, &f, err);
}

int
verify_note(struct verify *v, const char *file, const char *what)
{
	struct ntdb_finding f;

	memset(&f, 0, sizeof(f));
	snprintf(f.what.path, sizeof(f.what.path), "%s/%s", v->s.dir.name,
	    file);
	f.what.offset = -1;
	snprintf(f.what.text, sizeof(f.what.text), "%s", what);
	v->res->aside++;
	return v->found == NULL ? 0 : v->found(v->arg, &f);
}

/* ----------------------------------------------------- the files of text */

static void
count_file(struct verify *v, int dirfd, const char *path)
{
	if (faccessat(dirfd, path, F_OK, 0) == 0)
		v->res->files++;
}

static int
check_config(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct engine_config *engine;
	struct manifest m;

	count_file(v, v->s.dir.root->fd, "engine.ini");
	count_file(v, v->s.dir.fd, DBDIR_MANIFEST);
	/* A manifest is read over the defaults of the engine. */
	if (root_engine(v->s.dir.root, &engine, &why) != 0)
		return verify_failed(v, &why, 0, NULL, err);
	dbdir_manifest(&v->s.dir, &m, &why);
	manifest_release(&m);
	return why.code == 0 ? 0 : verify_failed(v, &why, 0, NULL, err);
}

static int
check_catalog(struct verify *v, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct dbdir *d = &v->s.dir;

	v->names_known = true;
	if (faccessat(d->fd, DBDIR_CATALOG, F_OK, 0) == 0) {
		v->res->files++;
		if (state_read_catalog(&v->s.state, d->fd, d->catalog_path,
		    &why) == NTDB_ECORRUPT &&
		    wal_names_all(&v->s.wal))
			return 0;
	} else if (v->s.wal.head.synced_id > 0) {
		err_at(&why, NTDB_ECORRUPT, d->catalog_path, -1,
		    "is missing, with the names of metrics");
	}
	if (why.code == 0)
		return 0;
	v->names_known = false;
	if (why.path[0] == '\0')
		snprintf(why.path, sizeof(why.path), "%s", d->catalog_path);
	return verify_failed(v, &why, 0, NULL, err);
}

int
verify_texts(struct verify *v, struct ntdb_error *err)
{
	int r = check_config(v, err);

	return r != 0 ? r : check_catalog(v, err);
}

int
ntdb_verify(struct ntdb *db, const char *name,
    int (*found)(void *arg, const struct ntdb_finding *), void *arg,
    struct ntdb_verify_result *res, struct ntdb_error *err)
{
	struct ntdb_verify_result own = { 0 };
	struct verify *v;
	int r;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return err_nomem(err);
	v->res = res != NULL ? res : &own;
	memset(v->res, 0, sizeof(*v->res));
	v->found = found;
	v->arg = arg;
	wal_init(&v->s.wal);
	state_init(&v->s.state);
	state_init(&v->cached);
	if ((r = dbdir_open(&v->s.dir, db, name, err)) == 0 &&
	    (r = verify_log_head(v, err)) == 0 &&
	    (r = verify_cache_begin(v, err)) == 0 &&
	    (r = verify_texts(v, err)) == 0 &&
	    (r = verify_log(v, err)) == 0 &&
	    (r = verify_data(v, err)) == 0 &&
	    (r = verify_cache_end(v, err)) == 0)
		r = verify_others(v, err);
	if (r == 0 && v->verdict != 0) {
		r = v->verdict;
		inspect_copy(err, &v->first);
	}
	snapshot_release(&v->s);
	state_release(&v->cached);
	free(v->newest);
	verify_list_release(&v->list);
	free(v);
	return r;
}
