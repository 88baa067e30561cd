/*
 * A whole database.  Input: files, each a byte that says which, its length
 * (2) and its bytes.  Checksums of log, data files, pages and directories are
 * made right.
 *
 *   - Whatever the files, reading and writing end as they may, and what could
 *     be read before can be read afterwards.
 *   - One that verifies reads without an error; it has the same samples, and
 *     verifies, when it was flushed and sealed.
 *   - Aggregates count the samples that there are.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "mend.h"
#include "partition.h"

#define NOW INT64_C(1893456000000000000)	/* 2030-01-01 */

static const char *const files[] = {
	"db/db.wal", "db/data-2026-05-01.dat", "db/data-2026-05-02.dat",
	"db/data-2026-05.dat", "db/data-2026.dat", "db/data-forever.dat",
	"db/catalog.json", "db/manifest.ini"
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static void
write_files(const char *dir, struct input in)
{
	struct partition part;
	struct input bytes;
	uint8_t *copy;
	size_t which;

	fuzz_write(dir, "db/lock", "", 0);
	fuzz_write(dir, "db/maint.lock", "", 0);
	fuzz_write(dir, "db/manifest.ini", "", 0);
	fuzz_write(dir, "engine.ini", "", 0);
	while (in.n > 0) {
		which = in_u8(&in) % N_FILES;
		bytes = in_part(&in, in_u16(&in));
		copy = fuzz_copy(bytes.at, bytes.n);
		if (which == 0)
			mend_log(copy, bytes.n);
		else if (partition_scan(files[which] + 3, &part))
			mend_data(copy, bytes.n, part.kind, part.start);
		fuzz_write(dir, files[which], copy, bytes.n);
		free(copy);
	}
}

/*
 * What may be wrong with a database that is not of our making; its log may
 * promise a file longer than the file system can have.
 */
static bool
is_verdict(int code)
{
	return code == 0 || code == NTDB_ECORRUPT || code == NTDB_EVERSION ||
	    code == NTDB_ECONFIG || code == NTDB_EIO;
}

static int
see_page(void *arg, const struct ntdb_page_info *p)
{
	(void)arg;
	must(p->first_ns <= p->last_ns && p->n_samples > 0);
	return 0;
}

static int
see_run(void *arg, const struct ntdb_run_info *r)
{
	(void)arg;
	must(r->n_samples > 0 && r->coding != NULL);
	return 0;
}

static int
see_record(void *arg, const struct ntdb_record_info *r)
{
	*(uint64_t *)arg += r->kind == NTDB_RECORD_SAMPLE;
	return 0;
}

static int
see_metric(void *arg, const struct ntdb_metric_info *m)
{
	(void)arg;
	must(m->id > 0 && m->name != NULL);
	return 0;
}

static int
see_finding(void *arg, const struct ntdb_finding *found)
{
	const struct ntdb_error *what = &found->what;
	char text[1024];

	++*(uint64_t *)arg;
	must(is_verdict(what->code) && what->code != 0);
	must(ntdb_error_format(what, text, sizeof(text)) > 0);
	return 0;
}

static int
verify(struct ntdb *db, struct ntdb_verify_result *res)
{
	uint64_t findings = 0;
	int r = ntdb_verify(db, "db", see_finding, &findings, res, NULL);

	must(is_verdict(r));
	must((r == 0) == (findings == 0) && findings == res->damaged);
	return r;
}

static void
inspect(struct ntdb *db)
{
	struct ntdb_db_info info;
	uint64_t n = 0;

	must(is_verdict(ntdb_inspect_db(db, "db", &info, NULL)));
	must(is_verdict(ntdb_inspect_pages(db, "db", see_page, see_run, NULL,
	    NULL)));
	must(is_verdict(ntdb_inspect_log(db, "db", see_record, &n, NULL)));
	must(is_verdict(ntdb_inspect_catalog(db, "db", see_metric, NULL,
	    NULL)));
}

/* How many samples count aggregates count. */
static uint64_t
count(struct ntdb *db, int64_t window_ns)
{
	static const uint8_t what[] = { NTDB_COUNT, NTDB_AVG, NTDB_P95,
	    NTDB_LAST };
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *all = "db";
	struct ntdb_query *q;
	struct ntdb_row row;
	uint64_t n = 0;
	int r;

	opt.aggregates = what;
	opt.n_aggregates = sizeof(what);
	opt.window_ns = window_ns;
	if (ntdb_query_open(db, &opt, &all, 1, &q, NULL) != 0)
		return UINT64_MAX;
	while ((r = ntdb_query_next(q, &row, NULL)) == 0)
		if (row.aggregate == NTDB_COUNT) {
			must(row.value.i > 0);
			n += (uint64_t)row.value.i;
		}
	ntdb_query_close(q);
	must(r == NTDB_END || is_verdict(r));
	return r == NTDB_END ? n : UINT64_MAX;
}

/* Only the newest of each metric; NTDB_ENOENT: there is none. */
static void
query_last(struct ntdb *db)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *all = "db/*";
	struct ntdb_query *q;
	struct ntdb_row row;
	int r;

	opt.last = true;
	r = ntdb_query_open(db, &opt, &all, 1, &q, NULL);
	must(is_verdict(r));
	if (r != 0)
		return;
	while ((r = ntdb_query_next(q, &row, NULL)) == 0)
		must(row.db != NULL && row.metric != NULL);
	must(r == NTDB_END || is_verdict(r));
	ntdb_query_close(q);
}

static void
same_samples(struct ntdb *db, const struct buf *want)
{
	struct ntdb_verify_result res;
	struct buf got = BUF_INIT;
	int code;

	fuzz_export(db, &got, &code);
	must(code == 0);
	must(got.len == want->len &&
	    (got.len == 0 || memcmp(got.data, want->data, got.len) == 0));
	buf_release(&got);
	must(verify(db, &res) == 0);
}

/* Whether a handle that is new sees what this one does. */
static struct ntdb *
open_root(const char *dir)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb *db;

	opt.root = dir;
	opt.has_now = true;
	opt.now_ns = NOW;
	must(ntdb_open(&opt, &db, NULL) == 0);
	return db;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = fuzz_dir();
	struct ntdb_flush_options flush = { .force = true };
	struct ntdb_seal_options seal = { .force = true };
	struct ntdb_flush_result flushed;
	struct ntdb_seal_result sealed;
	struct ntdb_verify_result res;
	struct buf before = BUF_INIT;
	uint64_t n, n_after, counted;
	struct ntdb *db;
	int verdict, code, r;

	write_files(dir, (struct input){ data, size });
	db = open_root(dir);
	verdict = verify(db, &res);
	inspect(db);
	query_last(db);
	n = fuzz_export(db, &before, &code);
	must(is_verdict(code) && (verdict != 0 || code == 0));
	counted = count(db, 0);
	must(counted == n || code != 0 || counted == UINT64_MAX);
	must(verdict != 0 || counted == n);
	if (verdict == 0 && n < 2000)
		must(count(db, INT64_C(86400000000000)) == n);
	r = ntdb_flush(db, "db", &flush, &flushed, NULL);
	must(is_verdict(r) && (verdict != 0 || r == 0));
	if (verdict == 0)
		same_samples(db, &before);
	r = ntdb_seal(db, "db", &seal, &sealed, NULL);
	must(is_verdict(r) && (verdict != 0 || r == 0));
	if (verdict == 0)
		same_samples(db, &before);
	before.len = 0;
	n_after = fuzz_export(db, &before, &r);
	must(is_verdict(r));
	must(code != 0 || r != 0 || n_after >= n);
	buf_release(&before);
	ntdb_close(db);
	return 0;
}
