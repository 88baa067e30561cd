/*
 * Line protocol from its text to the pages.  Input: a byte for the unit of
 * times and options, a byte for the manifest and how the text is cut up, then
 * text.
 *
 *   - Every line is counted once: stored, a duplicate, refused, or blank.
 *   - What is stored comes back, and verifies, in the log, flushed and
 *     sealed.
 *   - What is exported is a duplicate here, and the same database elsewhere.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#define NOW INT64_C(1893456000000000000)	/* 2030-01-01 */

struct shop {
	struct ntdb *db;
	struct ntdb_ingest_options opt;
	uint64_t refused;
};

static void
refused(void *arg, uint64_t line, const char *text, size_t len,
    enum ntdb_refusal why, const char *reason)
{
	struct shop *s = arg;

	must(line >= 1 && why >= 0 && why < NTDB_REFUSE_N);
	must(memchr(text, '\n', len) == NULL && reason[0] != '\0');
	s->refused++;
}

static void
open_root(struct shop *s, const char *root, uint8_t how)
{
	static const char *const partitions[] = { "day", "month", "year",
	    "forever" };
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	char ini[512];
	int n;

	n = snprintf(ini, sizeof(ini), "[manifest_defaults.metrics]\n"
	    "widen = %s\nintegers = %s\nlate = %s\nmax_future = 0\n"
	    "[manifest_defaults.wal]\nenabled = %s\n"
	    "[manifest_defaults.retention]\npartition = %s\n",
	    how & 1 ? "no" : "yes", how & 2 ? "float" : "int",
	    how & 4 ? "accept" : "reject", how & 8 ? "no" : "yes",
	    partitions[how >> 4 & 3]);
	fuzz_write(root, "engine.ini", ini, (size_t)n);
	opt.root = root;
	opt.has_now = true;
	opt.now_ns = NOW;
	must(ntdb_open(&opt, &s->db, NULL) == 0);
}

/* Give a text, in pieces; returns what became of it. */
static struct ntdb_ingest_stats
give(struct shop *s, const char *text, size_t len, size_t piece)
{
	struct ntdb_ingest_stats st;
	struct ntdb_ingest *in;
	size_t used = 0, n, at = 0;
	int r;

	if (text == NULL)
		text = "";
	s->refused = 0;
	must(ntdb_ingest_open(s->db, &s->opt, &in, NULL) == 0);
	do {
		n = len - at < piece ? len - at : piece;
		do {
			r = ntdb_ingest_lines(in, text + at, n, at + n == len,
			    &used, NULL);
			must(r == 0 && used <= n);
			r = ntdb_ingest_commit(in, NULL);
			must(r == 0 || (r == NTDB_ECORRUPT && s->opt.strict));
			n += piece;
			if (n > len - at)
				n = len - at;
		} while (r == 0 && used == 0 && at < len);
		at += used;
	} while (r == 0 && at < len);
	if (r == 0)
		r = ntdb_ingest_finish(in, NULL);
	must(r == 0 || (r == NTDB_ECORRUPT && s->opt.strict));
	st = *ntdb_ingest_stats(in);
	ntdb_ingest_close(in);
	return st;
}

static void
check_stats(const struct shop *s, const struct ntdb_ingest_stats *st,
    const char *text, size_t len)
{
	uint64_t by = 0, lines;
	size_t i;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	lines = len > 0 && text[len - 1] != '\n';
	for (i = 0; i < NTDB_REFUSE_N; i++)
		by += st->refused_by[i];
	must(by == st->refused && s->refused == st->refused);
	must(st->samples + st->duplicates + st->refused <= st->lines);
	for (i = 0; i < len; i++)
		lines += text[i] == '\n';
	must(s->opt.strict ? st->lines <= lines : st->lines == lines);
	must(s->opt.strict ? st->committed <= st->lines :
	    st->committed == st->lines);
}

static void
verify(struct ntdb *db)
{
	struct ntdb_verify_result res;
	struct ntdb_error err = NTDB_ERROR_INIT;
	char **names;
	size_t n, i;

	must(ntdb_databases(db, true, &names, &n, NULL) == 0);
	for (i = 0; i < n; i++)
		if (ntdb_verify(db, names[i], NULL, NULL, &res, &err) != 0)
			fuzz_fail(err.path, (int)err.offset, err.text);
	ntdb_databases_free(names);
}

/* Flush, then seal, all databases. */
static void
move(struct ntdb *db, bool seal)
{
	struct ntdb_flush_options flush = { .force = true };
	struct ntdb_seal_options opt = { .force = true };
	struct ntdb_flush_result flushed;
	struct ntdb_seal_result sealed;
	char **names;
	size_t n, i;

	must(ntdb_databases(db, true, &names, &n, NULL) == 0);
	for (i = 0; i < n; i++)
		must((seal ? ntdb_seal(db, names[i], &opt, &sealed, NULL) :
		    ntdb_flush(db, names[i], &flush, &flushed, NULL)) == 0);
	ntdb_databases_free(names);
}

static void
same_export(struct ntdb *db, const struct buf *want)
{
	struct buf got = BUF_INIT;
	int code;

	fuzz_export(db, &got, &code);
	must(code == 0 || want->len == 0);
	must(got.len == want->len &&
	    (got.len == 0 || memcmp(got.data, want->data, got.len) == 0));
	buf_release(&got);
	verify(db);
}

/* All samples again, as typed ones: they are duplicates. */
static void
give_typed(struct shop *s, uint64_t n)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *all = "*";
	struct ntdb_ingest *in;
	struct ntdb_query *q;
	struct ntdb_row row;
	int r;

	if (n == 0)
		return;
	opt.internal = true;
	must(ntdb_query_open(s->db, &opt, &all, 1, &q, NULL) == 0);
	must(ntdb_ingest_open(s->db, &s->opt, &in, NULL) == 0);
	while ((r = ntdb_query_next(q, &row, NULL)) == 0)
		must((ntdb_type_is_int(row.type) ?
		    ntdb_ingest_int(in, row.db, row.metric, row.value.i, true,
		    row.t_ns, NULL) :
		    ntdb_ingest_float(in, row.db, row.metric, row.value.f,
		    true, row.t_ns, NULL)) == 0);
	must(r == NTDB_END);
	must(ntdb_ingest_finish(in, NULL) == 0);
	must(ntdb_ingest_stats(in)->duplicates == n);
	must(ntdb_ingest_stats(in)->samples == 0);
	ntdb_ingest_close(in);
	ntdb_query_close(q);
}

/* The same database elsewhere: its export is the same. */
static void
restore(struct shop *s, const char *root, const struct buf *text, uint8_t how)
{
	char path[4200];
	struct ntdb_ingest_stats st;
	struct shop other = *s;

	snprintf(path, sizeof(path), "%s/restored", root);
	other.opt.arg = &other;
	open_root(&other, path, how);
	st = give(&other, (const char *)text->data, text->len, 1u << 20);
	must(st.refused == 0 && st.duplicates == 0);
	same_export(other.db, text);
	ntdb_close(other.db);
}

/* A text in one piece stores what it stored in small ones. */
static void
give_whole(struct shop *s, const char *root, const char *text, size_t len,
    const struct ntdb_ingest_stats *want, const struct buf *export,
    uint8_t how)
{
	char path[4200];
	struct ntdb_ingest_stats st;
	struct shop other = *s;

	snprintf(path, sizeof(path), "%s/whole", root);
	other.opt.arg = &other;
	open_root(&other, path, how);
	st = give(&other, text, len, 1u << 20);
	must(st.samples == want->samples && st.refused == want->refused &&
	    st.duplicates == want->duplicates);
	same_export(other.db, export);
	ntdb_close(other.db);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t what = in_u8(&in), how = in_u8(&in);
	const char *dir = fuzz_dir();
	struct buf text = BUF_INIT;
	struct ntdb_ingest_stats st;
	struct shop s;
	char root[4200];
	uint64_t n;
	char *copy;
	int code;

	s.opt = (struct ntdb_ingest_options)NTDB_INGEST_OPTIONS_INIT;
	s.opt.unit = (enum ntdb_unit)(what % 8 % (NTDB_UNIT_NS + 1));
	s.opt.strict = what & 8;
	s.opt.db = what & 16 ? "db" : NULL;
	s.opt.refused = refused;
	s.opt.arg = &s;
	snprintf(root, sizeof(root), "%s/root", dir);
	open_root(&s, root, how);
	copy = (char *)fuzz_copy(in.at, in.n);
	st = give(&s, copy, in.n, how & 0x40 ? 2 : 1u << 20);
	check_stats(&s, &st, copy, in.n);
	n = fuzz_export(s.db, &text, &code);
	if (how & 0x40)
		give_whole(&s, dir, copy, in.n, &st, &text, how);
	free(copy);
	must(code == 0 || st.samples == 0);
	must(n == st.samples);
	verify(s.db);
	s.opt.strict = false;
	s.opt.db = NULL;
	s.opt.unit = NTDB_UNIT_DEFAULT;
	st = give(&s, (const char *)text.data, text.len, 1u << 20);
	must(st.samples == 0 && st.refused == 0 && st.duplicates == n);
	move(s.db, false);
	same_export(s.db, &text);
	st = give(&s, (const char *)text.data, text.len, 1u << 20);
	must(st.samples == 0 && st.refused == 0 && st.duplicates == n);
	move(s.db, true);
	same_export(s.db, &text);
	give_typed(&s, n);
	ntdb_close(s.db);
	if (how & 0x80)
		restore(&s, dir, &text, how & 0x3e);
	buf_release(&text);
	return 0;
}
