/*
 * Damage a database in many ways, one after the other, and say what is left
 * of it: what damage.py judges.  In one process, so that a case costs a
 * millisecond or two.
 *
 *   damage ROOT WORK TABLE
 *
 * ROOT is a root with a database `k' and is not changed; WORK, which does not
 * exist yet, is its copy.  TABLE has all samples of k, one a line, in the
 * order of an export:
 *
 *   METRIC TIME i INTEGER | METRIC TIME f BITS-IN-HEX
 *
 * Each line of the standard input is a case:
 *
 *   NUMBER cold|cached read|write OPERATION FILE [ARGUMENT]...
 *
 * cold is without a state cache, cached with a valid one; write also stores
 * two samples, flushes, seals and reads again.  The operations:
 *
 *   none -                          flip FILE OFFSET BIT
 *   cut FILE LENGTH                 zero FILE OFFSET LENGTH
 *   swap FILE OFFSET OFFSET LENGTH  put FILE PATH (the bytes of that file)
 *   remove FILE                     directory FILE
 *
 * For each case a line of JSON is printed:
 *
 *   n      NUMBER
 *   q      [status, lost, wrong, twice, disorder] of the export
 *   l      [status, wrong, rows] of the last values
 *   v      [status, [[file, offset, samples or -1, reason], ...]] of verify
 *   s      as q, of what is salvaged, and the number without a name
 *   w      [ingest, flush, seal]: their statuses, then
 *   a      as q, after them, with
 *   new    how many of the two new samples are there
 *
 * lost is a list of ranges [from, to) of rows of TABLE; rows are indices of
 * it; wrong counts rows that are not in it, and `first' shows the first one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "ntdb.h"

#define FILES_MAX 256
#define NAME_LEN 512
#define PATH_LEN 1024
#define NOW_NS (INT64_C(1796000000) * 1000000000)
#define CACHE_STAMP_AT 80	/* ntdb-format(5) */
#define CACHE_TAIL 172		/* counters and their CRC */

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void *
need(void *p)
{
	if (p == NULL)
		die("memory");
	return p;
}

/* ------------------------------------------------- the files of the root */

struct file {
	char	name[NAME_LEN];	/* within the root */
	uint8_t	*bytes;
	size_t	len;
};

static struct file files[FILES_MAX];
static size_t n_files;
static const char *work;
static const char *subdirs[16];
static size_t n_subdirs;

static const char *
in_work(const char *name, char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, "%.500s/%s", work, name);
	return path;
}

static uint8_t *
slurp(const char *path, size_t *len)
{
	struct stat st;
	uint8_t *p;
	int fd;

	if ((fd = open(path, O_RDONLY)) == -1 || fstat(fd, &st) == -1)
		die(path);
	p = need(malloc((size_t)st.st_size + 1));
	*len = (size_t)st.st_size;
	if (read(fd, p, *len) != (ssize_t)*len)
		die(path);
	close(fd);
	return p;
}

static void
spill(const char *path, const uint8_t *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, p, len) != (ssize_t)len)
		die(path);
	close(fd);
}

/* Take in the files below ROOT/BELOW, and one level of directories. */
static void
take_in(const char *root, const char *below)
{
	char path[PATH_LEN], name[NAME_LEN];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "%.500s/%s", root, below);
	if ((dir = opendir(path)) == NULL)
		die(path);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%.200s%s%.250s", below,
		    *below == '\0' ? "" : "/", e->d_name);
		snprintf(path, sizeof(path), "%.500s/%s", root, name);
		if (stat(path, &st) == -1)
			die(path);
		if (S_ISDIR(st.st_mode)) {
			subdirs[n_subdirs++] = need(strdup(name));
			take_in(root, name);
			continue;
		}
		memcpy(files[n_files].name, name, sizeof(name));
		files[n_files].bytes = slurp(path, &files[n_files].len);
		if (++n_files == FILES_MAX)
			die("too many files");
	}
	closedir(dir);
}

static struct file *
find_file(const char *name)
{
	size_t i;

	for (i = 0; i < n_files; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

/* Remove what is in a directory of WORK but not in ROOT. */
static void
remove_strangers(const char *below)
{
	char path[PATH_LEN], name[NAME_LEN];
	struct dirent *e;
	DIR *dir;

	if ((dir = opendir(in_work(below, path))) == NULL)
		die(path);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%.200s%s%.250s", below,
		    *below == '\0' ? "" : "/", e->d_name);
		if (find_file(name) == NULL)
			unlink(in_work(name, path));
	}
	closedir(dir);
}

static void
restore(const char *name)
{
	const struct file *f = find_file(name);
	char path[PATH_LEN];

	in_work(name, path);
	if (f == NULL) {
		unlink(path);
		return;
	}
	rmdir(path);
	spill(path, f->bytes, f->len);
}

static void
restore_all(void)
{
	char path[PATH_LEN];
	size_t i;

	if (mkdir(work, 0700) == 0)
		for (i = 0; i < n_subdirs; i++)
			mkdir(in_work(subdirs[i], path), 0700);
	for (i = 0; i < n_subdirs; i++)
		remove_strangers(subdirs[i]);
	remove_strangers("");
	for (i = 0; i < n_files; i++)
		restore(files[i].name);
}

/* Make the cache of the copy belong to the catalog of the copy. */
static void
stamp_cache(void)
{
	char cache[PATH_LEN], catalog[PATH_LEN];
	const struct file *f = find_file("k/k.cache");
	size_t crc_at;
	struct stat st;
	uint8_t *p;

	if (f == NULL || f->len < CACHE_STAMP_AT + CACHE_TAIL + 24 ||
	    stat(in_work("k/catalog.json", catalog), &st) == -1)
		return;
	p = need(malloc(f->len));
	memcpy(p, f->bytes, f->len);
	put_u64(p + CACHE_STAMP_AT, (uint64_t)st.st_ino);
	put_u64(p + CACHE_STAMP_AT + 8, (uint64_t)st.st_size);
	put_u64(p + CACHE_STAMP_AT + 16,
	    (uint64_t)st.st_ctim.tv_sec * 1000000000 +
	    (uint64_t)st.st_ctim.tv_nsec);
	crc_at = f->len - CACHE_TAIL - 4;
	put_u32(p + crc_at, checksum(p, crc_at));
	spill(in_work("k/k.cache", cache), p, f->len);
	free(p);
}

/* ------------------------------------------------------------- the table */

struct row {
	char	*metric;
	int64_t	t;
	bool	is_int;
	uint64_t bits;
	bool	seen;
	size_t	nth;		/* metric */
};

#define METRICS_MAX 1024

static struct row *rows;
static size_t n_rows, *slots, n_slots;

static uint64_t
hash_row(const char *metric, int64_t t, bool is_int, uint64_t bits)
{
	uint64_t h = 1469598103934665603u ^ bits ^ (uint64_t)is_int;

	h = (h ^ (uint64_t)t * 0x9e3779b97f4a7c15u) * 1099511628211u;
	for (; *metric != '\0'; metric++)
		h = (h ^ (uint8_t)*metric) * 1099511628211u;
	return h ^ h >> 29;
}

/* The row of a sample, or n_rows. */
static size_t
find_row(const char *metric, int64_t t, bool is_int, uint64_t bits)
{
	size_t i = hash_row(metric, t, is_int, bits) & (n_slots - 1);

	for (; slots[i] != 0; i = (i + 1) & (n_slots - 1)) {
		const struct row *r = &rows[slots[i] - 1];

		if (r->t == t && r->bits == bits && r->is_int == is_int &&
		    strcmp(r->metric, metric) == 0)
			return slots[i] - 1;
	}
	return n_rows;
}

static void
read_table(const char *path)
{
	FILE *f = fopen(path, "r");
	char metric[1100], form, value[64];
	size_t i, cap = 0;
	int64_t t;

	if (f == NULL)
		die(path);
	while (fscanf(f, "%1099s %" SCNd64 " %c %63s", metric, &t, &form,
	    value) == 4) {
		if (n_rows == cap) {
			cap = cap * 2 + 1024;
			rows = need(realloc(rows, cap * sizeof(rows[0])));
		}
		rows[n_rows].metric = need(strdup(metric));
		rows[n_rows].nth = n_rows == 0 ? 0 : rows[n_rows - 1].nth +
		    (strcmp(metric, rows[n_rows - 1].metric) != 0);
		if (rows[n_rows].nth == METRICS_MAX)
			die("too many metrics");
		rows[n_rows].t = t;
		rows[n_rows].is_int = form == 'i';
		rows[n_rows].bits = form == 'i' ?
		    (uint64_t)strtoll(value, NULL, 10) :
		    (uint64_t)strtoull(value, NULL, 16);
		n_rows++;
	}
	fclose(f);
	for (n_slots = 1024; n_slots < 4 * n_rows; n_slots *= 2)
		;
	slots = need(calloc(n_slots, sizeof(slots[0])));
	for (i = 0; i < n_rows; i++) {
		size_t at = hash_row(rows[i].metric, rows[i].t,
		    rows[i].is_int, rows[i].bits) & (n_slots - 1);

		while (slots[at] != 0)
			at = (at + 1) & (n_slots - 1);
		slots[at] = i + 1;
	}
}

/* -------------------------------------------------------------- reading */

struct reading {
	uint64_t wrong, twice, disorder;
	char	first[1400];	/* of what is wrong */
	unsigned new_seen;
	uint64_t unnamed;
	int64_t	last_t[METRICS_MAX];
};

static const char added[] = "added", brand_new[] = "zz.brand.new";
#define ADDED_NS (NOW_NS - 1000000000)

static size_t
row_index(const struct ntdb_row *row)
{
	bool is_int = ntdb_type_is_int(row->type);
	uint64_t bits = is_int ? (uint64_t)row->value.i :
	    f64_bits(row->value.f);

	if (!is_int && isnan(row->value.f))
		bits = f64_bits((double)NAN);
	return find_row(row->metric, row->t_ns, is_int, bits);
}

static bool
is_added(const struct ntdb_row *row)
{
	return row->t_ns == ADDED_NS && ntdb_type_is_int(row->type) &&
	    row->value.i == 4711 && (strcmp(row->metric, added) == 0 ||
	    strcmp(row->metric, brand_new) == 0);
}

static void
begin_reading(struct reading *rd)
{
	size_t i;

	memset(rd, 0, sizeof(*rd));
	for (i = 0; i < METRICS_MAX; i++)
		rd->last_t[i] = INT64_MIN;
	for (i = 0; i < n_rows; i++)
		rows[i].seen = false;
}

static void
take_row(struct reading *rd, const struct ntdb_row *row)
{
	size_t i = row_index(row);
	char text[NTDB_TEXT_MAX];

	if (i < n_rows) {
		rd->twice += rows[i].seen;
		rows[i].seen = true;
		rd->disorder += row->t_ns < rd->last_t[rows[i].nth];
		rd->last_t[rows[i].nth] = row->t_ns;
	} else if (is_added(row)) {
		rd->new_seen++;
	} else if (rd->wrong++ == 0) {
		text[ntdb_row_format(row, text)] = '\0';
		snprintf(rd->first, sizeof(rd->first), "%.1000s %" PRId64 " %s %s",
		    row->metric, row->t_ns, ntdb_type_name(row->type), text);
	}
}

static int
read_all(struct ntdb *db, struct reading *rd)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *target = "k";
	struct ntdb_query *q = NULL;
	struct ntdb_row row;
	int r;

	begin_reading(rd);
	r = ntdb_query_open(db, &opt, &target, 1, &q, NULL);
	while (r == 0 && (r = ntdb_query_next(q, &row, NULL)) == 0)
		take_row(rd, &row);
	ntdb_query_close(q);
	return r == NTDB_END ? 0 : -r;
}

static void
print_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++)
		if ((uint8_t)*s < 32 || *s == '"' || *s == '\\' ||
		    (uint8_t)*s > 126)
			printf("\\u%04x", (uint8_t)*s);
		else
			putchar(*s);
	putchar('"');
}

static void
print_reading(const char *key, int status, const struct reading *rd)
{
	const char *comma = "";
	size_t i, from;

	printf(",\"%s\":[%d,[", key, status);
	for (i = 0; i < n_rows; i++) {
		if (rows[i].seen)
			continue;
		for (from = i; i < n_rows && !rows[i].seen; i++)
			;
		printf("%s[%zu,%zu]", comma, from, i);
		comma = ",";
	}
	printf("],%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", rd->wrong, rd->twice,
	    rd->disorder);
	if (rd->wrong > 0) {
		printf(",\"first\":");
		print_string(rd->first);
	}
}

static int
on_salvaged(void *arg, const struct ntdb_row *row)
{
	struct reading *rd = arg;

	if (row->metric == NULL)
		rd->unnamed++;
	else
		take_row(rd, row);
	return 0;
}

static void
print_salvaged(struct ntdb *db)
{
	struct reading rd;
	const struct ntdb_salvage_options opt = { on_salvaged, &rd, false };
	int r;

	begin_reading(&rd);
	r = ntdb_salvage(db, "k", &opt, NULL, NULL);
	print_reading("s", -r, &rd);
	printf(",\"unnamed\":%" PRIu64, rd.unnamed);
}

static void
print_lasts(struct ntdb *db)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *target = "k", *comma = "";
	struct ntdb_query *q = NULL;
	struct ntdb_row row;
	size_t found[1024], n = 0, i;
	uint64_t wrong = 0;
	int r;

	opt.last = true;
	r = ntdb_query_open(db, &opt, &target, 1, &q, NULL);
	while (r == 0 && (r = ntdb_query_next(q, &row, NULL)) == 0) {
		i = row_index(&row);
		if (i < n_rows && n < 1024)
			found[n++] = i;
		else
			wrong++;
	}
	ntdb_query_close(q);
	printf(",\"l\":[%d,%" PRIu64 ",[", r == NTDB_END ? 0 : -r, wrong);
	for (i = 0; i < n; i++, comma = ",")
		printf("%s%zu", comma, found[i]);
	printf("]]");
}

/* --------------------------------------------------------------- checking */

static int
on_found(void *arg, const struct ntdb_finding *found)
{
	const char **comma = arg;

	/* No damage: a file that was put aside. */
	if (found->what.code == 0)
		return 0;
	printf("%s[", *comma);
	print_string(found->what.path);
	printf(",%" PRId64 ",%" PRId64 ",", found->what.offset,
	    found->samples_known ? (int64_t)found->samples : -1);
	print_string(found->what.text);
	printf("]");
	*comma = ",";
	return 0;
}

static void
print_verify(struct ntdb *db)
{
	struct ntdb_verify_result res;
	const char *comma = "";
	int r;

	printf(",\"v\":[[");
	r = ntdb_verify(db, "k", on_found, &comma, &res, NULL);
	printf("],%d]", -r);
}

/* --------------------------------------------------------------- writing */

static int
store(struct ntdb *db)
{
	struct ntdb_ingest_options opt = NTDB_INGEST_OPTIONS_INIT;
	struct ntdb_ingest *in = NULL;
	int r;

	if ((r = ntdb_ingest_open(db, &opt, &in, NULL)) == 0 &&
	    (r = ntdb_ingest_int(in, "k", added, 4711, true, ADDED_NS,
	    NULL)) == 0 &&
	    (r = ntdb_ingest_int(in, "k", brand_new, 4711, true, ADDED_NS,
	    NULL)) == 0)
		r = ntdb_ingest_finish(in, NULL);
	ntdb_ingest_close(in);
	return r;
}

static struct ntdb *
open_root(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb *db;

	opt.root = work;
	opt.wait_ns = 0;
	opt.has_now = true;
	opt.now_ns = NOW_NS;
	if (ntdb_open(&opt, &db, NULL) != 0)
		die("ntdb_open");
	return db;
}

static void
print_writing(void)
{
	struct ntdb_flush_options fl = { true, false };
	struct ntdb_seal_options se = { true, false, NULL, NULL };
	struct ntdb_flush_result fr;
	struct ntdb_seal_result sr;
	struct ntdb *db = open_root();
	struct reading rd;
	int r;

	printf(",\"w\":[%d", -store(db));
	printf(",%d", -ntdb_flush(db, "k", &fl, &fr, NULL));
	printf(",%d]", -ntdb_seal(db, "k", &se, &sr, NULL));
	ntdb_close(db);
	db = open_root();
	r = read_all(db, &rd);
	print_reading("a", r, &rd);
	printf(",\"new\":%u", rd.new_seen);
	ntdb_close(db);
}

/* ----------------------------------------------------------------- cases */

struct op {
	char	verb[16], file[NAME_LEN], path[NAME_LEN];
	size_t	a, b, c;
};

static int
scan_op(const char *s, struct op *op)
{
	int used = 0;

	memset(op, 0, sizeof(*op));
	if (sscanf(s, "%15s %511s %n", op->verb, op->file, &used) != 2)
		return -1;
	if (strcmp(op->verb, "put") == 0)
		return sscanf(s + used, "%511s", op->path) == 1 ? 0 : -1;
	sscanf(s + used, "%zu %zu %zu", &op->a, &op->b, &op->c);
	return 0;
}

static void
swap_bytes(uint8_t *p, const struct op *op)
{
	size_t i;
	uint8_t x;

	for (i = 0; i < op->c; i++) {
		x = p[op->a + i];
		p[op->a + i] = p[op->b + i];
		p[op->b + i] = x;
	}
}

static void
damage(const struct op *op)
{
	const struct file *f = find_file(op->file);
	char path[PATH_LEN];
	size_t len = f == NULL ? 0 : f->len;
	uint8_t *p;

	in_work(op->file, path);
	if (strcmp(op->verb, "none") == 0)
		return;
	if (strcmp(op->verb, "remove") == 0 ||
	    strcmp(op->verb, "directory") == 0) {
		unlink(path);
		if (op->verb[0] == 'd')
			mkdir(path, 0700);
		return;
	}
	if (strcmp(op->verb, "put") == 0) {
		p = slurp(op->path, &len);
	} else {
		if (f == NULL)
			die(op->file);
		p = need(malloc(len + 1));
		memcpy(p, f->bytes, len);
	}
	if (strcmp(op->verb, "flip") == 0 && op->a < len)
		p[op->a] ^= (uint8_t)(1u << op->b);
	else if (strcmp(op->verb, "cut") == 0 && op->a <= len)
		len = op->a;
	else if (strcmp(op->verb, "zero") == 0 && op->a + op->b <= len)
		memset(p + op->a, 0, op->b);
	else if (strcmp(op->verb, "swap") == 0 && op->a + op->c <= len &&
	    op->b + op->c <= len)
		swap_bytes(p, op);
	else if (strcmp(op->verb, "put") != 0)
		die(op->verb);
	spill(path, p, len);
	free(p);
}

static void
one_case(const char *line)
{
	char number[32], cache[16], phase[16], path[PATH_LEN];
	struct reading rd;
	struct ntdb *db;
	struct op op;
	int used = 0, r;
	bool cached;

	if (sscanf(line, "%31s %15s %15s %n", number, cache, phase,
	    &used) != 3 || scan_op(line + used, &op) != 0)
		die(line);
	cached = strcmp(cache, "cached") == 0;
	if (!cached) {
		unlink(in_work("k/k.cache", path));
		damage(&op);
	} else if (strcmp(op.file, "k/k.cache") == 0) {
		/* The stamp is among what is damaged. */
		stamp_cache();
		free(find_file("k/k.cache")->bytes);
		find_file("k/k.cache")->bytes = slurp(in_work("k/k.cache",
		    path), &find_file("k/k.cache")->len);
		damage(&op);
	} else {
		damage(&op);
		stamp_cache();
	}
	printf("{\"n\":%s", number);
	fflush(stdout);
	db = open_root();
	r = read_all(db, &rd);
	print_reading("q", r, &rd);
	print_lasts(db);
	print_verify(db);
	print_salvaged(db);
	ntdb_close(db);
	if (strcmp(phase, "write") == 0) {
		print_writing();
		restore_all();
	} else {
		restore(op.file);
	}
	printf("}\n");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static char line[4 * PATH_LEN];

	if (argc != 4) {
		fprintf(stderr, "usage: damage ROOT WORK TABLE\n");
		return 2;
	}
	work = argv[2];
	take_in(argv[1], "");
	read_table(argv[3]);
	restore_all();
	while (fgets(line, sizeof(line), stdin) != NULL)
		one_case(line);
	return 0;
}
