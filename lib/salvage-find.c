/*
 * What there is to be salvaged: files, pages, logs, names.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "salvage.h"

/* ---------------------------------------------------------- data files */

/* The partition that a file's name begins with: data-X.dat, data-X.dat.* */
static bool
scan_name(const char *name, struct partition *part, bool *aside)
{
	const char *end = strstr(name, ".dat");
	char own[PARTITION_NAME_MAX];
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - name) + strlen(".dat");
	if (len >= sizeof(own) || (name[len] != '\0' && name[len] != '.'))
		return false;
	memcpy(own, name, len);
	own[len] = '\0';
	*aside = name[len] == '.';
	return partition_scan(own, part);
}

/* A file as it is: all of it counts. */
static int
open_raw(const struct salvage *v, const char *name, struct partition part,
    struct datafile *f, struct ntdb_error *err)
{
	struct stat st;

	memset(f, 0, sizeof(*f));
	f->part = part;
	partition_name(part, f->name);
	f->fd = io_open(v->s.dir.fd, name, O_RDONLY, 0, name, err);
	if (f->fd < 0)
		return f->fd;
	if (fstat(f->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		datafile_close(f);
		return err_at(err, NTDB_ECORRUPT, name, -1, "not a file");
	}
	f->size = (uint64_t)st.st_size;
	return 0;
}

int
salvage_open_file(struct salvage *v, const char *name, struct datafile *f,
    uint64_t *limit, struct ntdb_error *err)
{
	struct partition part;
	bool aside;
	int r, tries;

	if (!scan_name(name, &part, &aside))
		return err_set(err, NTDB_EBUG, "no data file: %s", name);
	/* Twice: the first may find out that the log is an old one. */
	for (tries = 0; !aside && tries < 2; tries++) {
		r = snapshot_file(&v->s, part, f, limit, NULL);
		if (r == NTDB_EBUSY)
			v->s.all_pages = true;
		if (r == 0 && v->s.all_pages)
			*limit = UINT64_MAX;
		if (r == 0)
			return 0;
	}
	r = open_raw(v, name, part, f, err);
	*limit = UINT64_MAX;
	return r;
}

static int
add_page(struct salvage *v, uint32_t file, const struct page_ref *ref,
    struct ntdb_error *err)
{
	struct salvage_page *p;
	size_t cap;

	if (v->n_pages == v->cap_pages) {
		cap = v->cap_pages * 2 + 256;
		p = realloc(v->pages, cap * sizeof(p[0]));
		if (p == NULL)
			return err_nomem(err);
		v->pages = p;
		v->cap_pages = cap;
	}
	p = &v->pages[v->n_pages++];
	p->file = file;
	p->offset = ref->offset;
	p->t_min = ref->head.t_min;
	p->t_max = ref->head.t_max;
	return 0;
}

/* A metric that has floats is one of floats, whatever is said of it. */
static void
note_float(struct salvage *v, uint32_t id)
{
	struct metric *m = state_metric(&v->s.state, id);

	if (m != NULL && ntdb_type_is_int(m->type))
		m->type = NTDB_FLOAT64;
}

static void
note_types(struct salvage *v, const struct datafile *f,
    const struct page_ref *ref)
{
	struct page_dir dir;
	uint32_t i;

	if (datafile_dir(f, ref, &dir, NULL) == 0)
		for (i = 0; i < dir.n_runs; i++)
			if (!ntdb_type_is_int(dir.runs[i].type))
				note_float(v, dir.runs[i].id);
	page_dir_release(&dir);
}

/* The pages of a file that count. */
static int
find_pages(struct salvage *v, uint32_t file, struct ntdb_error *err)
{
	struct datafile f = { .fd = -1 };
	struct page_ref ref;
	uint64_t pos = DATA_HEAD_LEN, limit = 0;
	bool aside = strcmp(v->files[file] + strlen(v->files[file]) - 4,
	    ".dat") != 0;
	int r;

	r = salvage_open_file(v, v->files[file], &f, &limit, NULL);
	if (r != 0)
		return r == NTDB_ESYS ? err_nomem(err) : 0;
	/* Where there is no header, pages may begin anywhere. */
	if (f.file_id == 0)
		pos = 0;
	while ((r = datafile_next(&f, &pos, limit, &ref, NULL)) == 0 ||
	    r == NTDB_ECORRUPT) {
		if (r != 0 || !(aside || snapshot_counts(&v->s, &ref)))
			continue;
		note_types(v, &f, &ref);
		if ((r = add_page(v, file, &ref, err)) != 0)
			break;
	}
	datafile_close(&f);
	return r == NTDB_ESYS ? r : 0;
}

/* ---------------------------------------------------------------- logs */

/* The span of a log's samples, and their types; also names that it tells. */
static int
look_at_log(struct salvage *v, struct salvage_log *log,
    struct ntdb_error *err)
{
	struct state *st = &v->s.state;
	struct wal_reader rd;
	struct record rec;
	int r;

	log->t_min = INT64_MAX;
	log->t_max = INT64_MIN;
	if ((r = salvage_open_log(v, log, err)) != 0)
		return r == NTDB_ESYS ? r : 0;
	wal_reader_init(&rd, &log->wal, log->from, UINT64_MAX, log->name);
	while (wal_reader_next(&rd, NULL) == 0)
		while (batch_next(&rd.batch, &rec) == 0) {
			if (rec.kind == REC_METRIC) {
				state_define(st, rec.id, rec.type, rec.name,
				    rec.name_len, 0, NULL);
			} else if (rec.kind == REC_SAMPLE) {
				if (!rec.is_int)
					note_float(v, rec.id);
				log->t_min = rec.t < log->t_min ? rec.t :
				    log->t_min;
				log->t_max = rec.t > log->t_max ? rec.t :
				    log->t_max;
			}
		}
	wal_reader_release(&rd);
	wal_release(&log->wal);
	return 0;
}

/* --------------------------------------------------------------- names */

static int
keep(char ***list, uint32_t *n, const char *name)
{
	char **more = realloc(*list, (*n + 1) * sizeof(**list));

	if (more == NULL)
		return -1;
	*list = more;
	if ((more[*n] = strdup(name)) == NULL)
		return -1;
	(*n)++;
	return 0;
}

static int
keep_log(struct salvage *v, const char *name)
{
	struct salvage_log *more = realloc(v->logs,
	    (v->n_logs + 1) * sizeof(*more));

	if (more == NULL)
		return -1;
	v->logs = more;
	memset(&more[v->n_logs], 0, sizeof(*more));
	wal_init(&more[v->n_logs].wal);
	if ((more[v->n_logs].name = strdup(name)) == NULL)
		return -1;
	v->n_logs++;
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of the directory: what was put aside only if it is wanted. */
static int
list_files(struct salvage *v, struct ntdb_error *err)
{
	const struct dbdir *d = &v->s.dir;
	size_t len = strlen(d->wal);
	struct partition part;
	struct dirent *e;
	bool aside;
	DIR *dir;
	int fd, r = 0;

	fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		r = err_sys(err, d->name, "cannot read directory");
		io_close(&fd);
		return r;
	}
	while (r == 0 && (e = readdir(dir)) != NULL) {
		if (scan_name(e->d_name, &part, &aside)) {
			if (!aside || v->opt->aside)
				r = keep(&v->files, &v->n_files, e->d_name);
		} else if (v->opt->aside && e->d_name[len] == '.' &&
		    strncmp(e->d_name, d->wal, len) == 0) {
			r = keep_log(v, e->d_name);
		}
	}
	closedir(dir);
	if (v->n_files > 0)
		qsort(v->files, v->n_files, sizeof(v->files[0]),
		    compare_names);
	return r == 0 ? 0 : err_nomem(err);
}

int
salvage_find(struct salvage *v, struct ntdb_error *err)
{
	struct dbdir *d = &v->s.dir;
	struct datafile f;
	uint64_t limit;
	uint32_t i;
	int r;

	/* Names that are wrong or twice cost what they are of. */
	state_read_catalog(&v->s.state, d->fd, d->catalog_path, NULL);
	r = wal_open(&v->s.wal, d->fd, d->wal, false, d->wal_path, NULL);
	if (r != 0) {
		wal_init(&v->s.wal);
		v->s.all_pages = true;
	}
	if ((r = list_files(v, err)) != 0)
		return r;
	if (keep_log(v, d->wal) != 0)
		return err_nomem(err);
	for (i = 0; i < v->n_logs; i++)
		if ((r = look_at_log(v, &v->logs[i], err)) != 0)
			return r;
	state_find_names(&v->s.state, d->fd, d->cache, &v->s.wal);
	/* Whether the log is an old one: then all pages count. */
	for (i = 0; i < v->n_files && !v->s.all_pages; i++)
		if (salvage_open_file(v, v->files[i], &f, &limit, NULL) == 0)
			datafile_close(&f);
	for (i = 0; i < v->n_files; i++)
		if ((r = find_pages(v, i, err)) != 0)
			return r;
	return 0;
}
