#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "ingest.h"

int
ntdb_ingest_open(struct ntdb *db, const struct ntdb_ingest_options *opt,
    struct ntdb_ingest **out, struct ntdb_error *err)
{
	static const struct ntdb_ingest_options defaults =
	    NTDB_INGEST_OPTIONS_INIT;
	struct ntdb_ingest *in;

	*out = NULL;
	if (opt == NULL)
		opt = &defaults;
	if (opt->db != NULL && !ntdb_database_name_ok(opt->db,
	    strlen(opt->db)))
		return err_set(err, NTDB_EUSAGE,
		    "not a valid database name");
	if ((in = calloc(1, sizeof(*in))) == NULL)
		return err_nomem(err);
	in->root = db;
	in->opt = *opt;
	in->scanner.unit = opt->unit;
	in->at_start = true;
	batch_init(&in->batch);
	if (opt->db != NULL && (in->default_db = strdup(opt->db)) == NULL) {
		ntdb_ingest_close(in);
		return err_nomem(err);
	}
	*out = in;
	return 0;
}

void
ntdb_ingest_close(struct ntdb_ingest *in)
{
	if (in == NULL)
		return;
	ingest_release_commit(in);
	target_table_release(&in->targets);
	batch_release(&in->batch);
	dupset_release(&in->seen);
	suspects_release(&in->suspects);
	buf_release(&in->tail);
	free(in->default_db);
	free(in->dbs);
	free(in->pending);
	free(in);
}

void
ntdb_ingest_source(struct ntdb_ingest *in)
{
	in->source_base = in->ordinal;
	in->at_start = true;
	in->skipping = false;
}

void
ntdb_ingest_line(struct ntdb_ingest *in)
{
	in->ordinal++;
	in->stats.lines++;
}

const struct ntdb_ingest_stats *
ntdb_ingest_stats(const struct ntdb_ingest *in)
{
	return &in->stats;
}

static bool
grow_pending(struct ntdb_ingest *in)
{
	/* A trickle needs few, a stream a whole batch. */
	uint32_t cap = in->cap_pending == 0 ? 256 :
	    in->cap_pending < PENDING_BATCH ? PENDING_BATCH :
	    2 * in->cap_pending;
	struct pending *p = realloc(in->pending,
	    cap * sizeof(in->pending[0]));

	if (p == NULL)
		return false;
	in->pending = p;
	in->cap_pending = cap;
	return true;
}

/* Room for one more pending sample. */
static inline struct pending *
new_pending(struct ntdb_ingest *in)
{
	if (in->n_pending == in->cap_pending && !grow_pending(in))
		return NULL;
	return &in->pending[in->n_pending++];
}

static inline bool
batch_is_full(const struct ntdb_ingest *in)
{
	return in->n_pending - in->n_held >= PENDING_BATCH ||
	    in->text_bytes >= TEXT_BATCH;
}

static void
set_bad(struct ntdb_ingest *in, struct pending *p, enum ntdb_refusal why,
    const char *reason)
{
	p->kind = PENDING_BAD;
	p->why = (uint8_t)why;
	p->u.reason = reason;
	if (in->opt.strict)
		in->stopped = true;
}

/* What a line says, for a target. */
static inline void
set_sample(struct pending *p, const struct line *line, uint32_t target)
{
	p->target = target;
	p->kind = line->value.kind == NUMBER_INT ? PENDING_INT :
	    PENDING_FLOAT;
	p->m = line->value.d.m;
	p->scale = line->value.d.scale;
	p->t = line->t_ns;
	p->flags = (uint8_t)(line->has_time * PENDING_HAS_TIME |
	    line->value.suffixed * PENDING_SUFFIXED |
	    line->value.rounded * PENDING_ROUNDED);
}

/* A line that is bad, or whose target is not the one expected. */
static int
look_up_line(struct ntdb_ingest *in, struct pending *p,
    const struct line *line, enum line_kind kind, struct ntdb_error *err)
{
	enum ntdb_refusal why;
	const char *reason;
	uint32_t target = 0;

	if (kind == LINE_BAD) {
		why = line->why;
		reason = line->reason;
	} else {
		target = target_find(in, line->target, line->target_len, &why,
		    &reason);
	}
	if (target == UINT32_MAX) {
		in->n_pending--;
		return err_nomem(err);
	}
	if (target == 0) {
		p->target = 0;
		p->flags = 0;
		set_bad(in, p, why, reason);
		return 0;
	}
	target_follow(in, target);
	set_sample(p, line, target);
	return 0;
}

/*
 * Turn a line into a pending sample, of that target if it is not 0: it is the
 * one that was expected.
 */
static inline int
add_line(struct ntdb_ingest *in, const struct line *line,
    enum line_kind kind, uint32_t target, struct ntdb_error *err)
{
	struct pending *p = new_pending(in);

	if (p == NULL)
		return err_nomem(err);
	p->text = line->text;
	p->text_len = line->len;
	p->ordinal = in->ordinal;
	p->verdict = VERDICT_NONE;
	in->text_bytes += line->len + 1;
	if (target == 0 || kind == LINE_BAD)
		return look_up_line(in, p, line, kind, err);
	in->last_target = target;
	set_sample(p, line, target);
	return 0;
}

/* An over-long line without its end: refuse it once, skip the rest. */
static int
refuse_long(struct ntdb_ingest *in, const char *text, size_t len,
    struct ntdb_error *err)
{
	struct line line;

	if (in->skipping)
		return 0;
	memset(&line, 0, sizeof(line));
	line.text = text;
	line.len = (uint32_t)(len < LINE_MAX_LEN ? len : LINE_MAX_LEN);
	line.why = NTDB_REFUSE_SYNTAX;
	line.reason = "line is longer than 64 KiB";
	in->skipping = true;
	in->ordinal++;
	in->stats.lines++;
	return add_line(in, &line, LINE_BAD, 0, err);
}

/* Whole lines from p up to end, which stands behind a newline. */
static int
add_lines(struct ntdb_ingest *in, const char **p, const char *end,
    struct ntdb_error *err)
{
	uint32_t target, target_len;
	enum line_kind kind;
	struct line line;
	int r;

	while (*p < end && !batch_is_full(in) && !in->stopped) {
		if (in->skipping) {
			*p = (const char *)memchr(*p, '\n',
			    (size_t)(end - *p)) + 1;
			in->skipping = false;
			continue;
		}
		target = target_guess(in, *p, end, &target_len);
		kind = line_scan(&in->scanner, *p, end, target_len, &line, p);
		in->ordinal++;
		in->stats.lines++;
		if (kind != LINE_BLANK &&
		    (r = add_line(in, &line, kind, target, err)) != 0)
			return r;
	}
	return 0;
}

/* A last line without its newline, which is given one. */
static int
add_tail(struct ntdb_ingest *in, const char *text, size_t len,
    struct ntdb_error *err)
{
	const char *p;

	buf_clear(&in->tail);
	buf_add(&in->tail, text, len);
	buf_add_u8(&in->tail, '\n');
	if (!buf_ok(&in->tail))
		return err_nomem(err);
	p = (const char *)in->tail.data;
	return add_lines(in, &p, p + in->tail.len, err);
}

int
ntdb_ingest_lines(struct ntdb_ingest *in, const char *text, size_t len,
    bool last, size_t *used, struct ntdb_error *err)
{
	const char *p = text, *end = text + len, *nl;
	int r;

	*used = 0;
	if (in->at_start && len >= 3) {
		in->at_start = false;
		if (memcmp(p, "\xef\xbb\xbf", 3) == 0)
			p += 3;
	}
	nl = memrchr(p, '\n', (size_t)(end - p));
	if (nl != NULL && (r = add_lines(in, &p, nl + 1, err)) != 0)
		return r;
	if (p < end && (nl == NULL || p == nl + 1) && !batch_is_full(in) &&
	    !in->stopped) {
		size_t rest = (size_t)(end - p);

		if (rest > LINE_MAX_LEN + 1 || in->skipping) {
			r = refuse_long(in, p, rest, err);
			p = end;
		} else if (last) {
			r = add_tail(in, p, rest, err);
			p = end;
		} else {
			r = 0;
		}
		if (r != 0)
			return r;
	}
	*used = (size_t)(p - text);
	if (*used > 0)
		in->at_start = false;
	return 0;
}

static int
add_typed(struct ntdb_ingest *in, const char *db, const char *metric,
    struct pending *sample, struct ntdb_error *err)
{
	size_t db_len = strlen(db), len = db_len + 1 + strlen(metric);
	const char *reason = NULL;
	enum ntdb_refusal why = NTDB_REFUSE_NAME;
	struct pending *p;
	uint32_t target;
	char *word;
	int r;

	if (batch_is_full(in) && (r = ingest_commit(in, false, err)) != 0)
		return r;
	if ((word = malloc(len + 1)) == NULL || (p = new_pending(in)) == NULL) {
		free(word);
		return err_nomem(err);
	}
	memcpy(word, db, db_len);
	word[db_len] = '/';
	memcpy(word + db_len + 1, metric, len - db_len);
	*p = *sample;
	p->ordinal = in->ordinal;
	p->flags |= PENDING_TYPED;
	if (in->derived)
		p->flags |= PENDING_DERIVED;
	target = target_find(in, word, len, &why, &reason);
	if (target == UINT32_MAX) {
		in->n_pending--;
		free(word);
		return err_nomem(err);
	}
	p->target = target;
	p->text_len = (uint32_t)len;
	in->text_bytes += len;
	if (target == 0) {
		p->text = word;
		p->flags |= PENDING_HELD;
		set_bad(in, p, why, reason);
		return 0;
	}
	free(word);
	p->text = in->targets.at[target].word;
	return 0;
}

int
ntdb_ingest_int(struct ntdb_ingest *in, const char *db, const char *metric,
    int64_t value, bool has_time, int64_t t_ns, struct ntdb_error *err)
{
	struct pending p;

	memset(&p, 0, sizeof(p));
	p.kind = PENDING_INT;
	p.m = value;
	p.t = t_ns;
	p.flags = has_time ? PENDING_HAS_TIME : 0;
	return add_typed(in, db, metric, &p, err);
}

int
ntdb_ingest_float(struct ntdb_ingest *in, const char *db, const char *metric,
    double value, bool has_time, int64_t t_ns, struct ntdb_error *err)
{
	struct dec d = dec_from_f64(value);
	struct pending p;

	memset(&p, 0, sizeof(p));
	p.kind = PENDING_FLOAT;
	p.m = d.m;
	p.scale = d.scale;
	p.t = t_ns;
	p.flags = has_time ? PENDING_HAS_TIME : 0;
	return add_typed(in, db, metric, &p, err);
}

int
ntdb_ingest_commit(struct ntdb_ingest *in, struct ntdb_error *err)
{
	return ingest_commit(in, false, err);
}

int
ntdb_ingest_finish(struct ntdb_ingest *in, struct ntdb_error *err)
{
	return ingest_commit(in, true, err);
}
