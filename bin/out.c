#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "out-time.h"
#include "out.h"

#define BUFFER_LEN 65536
#define ROW_MAX 512		/* of a row, but for its head, and more */
#define HEAD_MAX (BUFFER_LEN - ROW_MAX)
#define STEP 16			/* bytes that are copied at a time */

#define AGGREGATE_WIDTH 11
#define VALUE_WIDTH 24

/* Keeps out of a function what it would save registers for in every row. */
#if defined(__GNUC__)
#define SELDOM __attribute__((noinline))
#else
#define SELDOM
#endif

/*
 * What rows have in common, head with the name of the metric and mid without,
 * is made once for those of one metric, type and aggregate.  For a sample:
 *
 *	table	TIME VALUE[head]
 *	csv	[head]TIME[mid]VALUE
 *	json	[head]TIME[mid]VALUE[tail]
 *	lp	[head]VALUE TIME
 *
 * Invariants: buf[0, len) is not yet written; while len is not above limit
 * there is room for a row.  head[0, head_len) and mid[0, mid_len) are those of
 * (db, id, type, aggregate), of which the first is a pointer that the rows of
 * one database share; NULL: there was no row yet.  Behind head and mid are
 * STEP bytes that may be read.
 */
struct out {
	int	fd;		/* -1: put is called instead */
	out_put_fn *put;
	void	*put_arg;
	enum out_format format;
	bool	aggregates;
	const char *db;
	uint32_t id;
	int	type, aggregate;
	char	*(*row)(struct out *, const struct ntdb_row *, char *);
	size_t	len, limit, head_len, mid_len, tail_len;
	struct clock start, end;
	char	tail[4];
	char	mid[64 + STEP];
	char	head[HEAD_MAX + STEP];
	char	buf[BUFFER_LEN];
};

static SELDOM int
flush(struct out *o)
{
	size_t done = 0;
	ssize_t n;

	if (o->fd == -1) {
		o->put(o->put_arg, o->buf, o->len);
		o->len = 0;
	}
	while (done < o->len) {
		n = write(o->fd, o->buf + done, o->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	o->len = 0;
	return 0;
}

/* The functions below write at p, where there is room, and return the end. */

static char *
put_text(char *p, const char *s)
{
	size_t len = strlen(s);

	memcpy(p, s, len);
	return p + len;
}

/* Whole steps are copied, the last of them also what is behind the piece. */
static inline char *
put_piece(char *p, const char *s, size_t len)
{
	char *end = p + len;

	for (; p < end; p += STEP, s += STEP)
		memcpy(p, s, STEP);
	return end;
}

/* Fill up with spaces to the width of a field, and one more. */
static char *
pad(char *p, const char *from, size_t width)
{
	while ((size_t)(p - from) < width)
		*p++ = ' ';
	*p++ = ' ';
	return p;
}

/* -------------------------------------------------------- head and mid */

static void
add(struct out *o, const char *s, size_t len)
{
	if (len > HEAD_MAX - o->head_len)
		len = HEAD_MAX - o->head_len;
	memcpy(o->head + o->head_len, s, len);
	o->head_len += len;
}

static void
add_text(struct out *o, const char *s)
{
	add(o, s, strlen(s));
}

/* The number of bytes that have the same form in every format. */
static size_t
plain_len(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
			break;
	return i;
}

/* Add text with each character in the form of the format. */
static void
add_escaped(struct out *o, const char *s, size_t len)
{
	size_t used, n;
	char piece[ESCAPE_PIECE];

	while (len > 0) {
		n = plain_len(s, len);
		add(o, s, n);
		s += n;
		len -= n;
		if (len == 0)
			break;
		if (o->format == OUT_JSON || o->format == OUT_JSONL) {
			used = escape_json(s, len, piece, &n);
		} else if (o->format == OUT_TABLE) {
			used = escape_plain(s, len, piece, &n);
		} else {
			used = n = 1;
			piece[0] = *s;
			if (o->format == OUT_CSV && *s == '"')
				piece[n++] = '"';
		}
		add(o, piece, n);
		s += used;
		len -= used;
	}
}

/* DB/METRIC, in line protocol with the aggregate before a label part. */
static void
add_name(struct out *o, const struct ntdb_row *row)
{
	size_t len = strlen(row->metric), split = len;
	const char *brace;
	bool quote = o->format == OUT_CSV &&
	    (strpbrk(row->db, "\",\r\n") != NULL ||
	    strpbrk(row->metric, "\",\r\n") != NULL);

	if (quote)
		add(o, "\"", 1);
	add_escaped(o, row->db, strlen(row->db));
	add(o, "/", 1);
	if (o->format == OUT_LP && row->aggregate >= 0) {
		if ((brace = strchr(row->metric, '{')) != NULL)
			split = (size_t)(brace - row->metric);
		add(o, row->metric, split);
		add(o, ".", 1);
		add_text(o, ntdb_aggregate_name(row->aggregate));
		add(o, row->metric + split, len - split);
	} else {
		add_escaped(o, row->metric, len);
	}
	if (quote)
		add(o, "\"", 1);
}

static void
add_mid(struct out *o, const char *s)
{
	size_t len = strlen(s), room = sizeof(o->mid) - STEP - o->mid_len;

	if (len > room)
		len = room;
	memcpy(o->mid + o->mid_len, s, len);
	o->mid_len += len;
}

static void
head_table(struct out *o, const struct ntdb_row *row)
{
	add(o, " ", 1);
	add_name(o, row);
	add(o, "\n", 1);
}

static void
head_csv(struct out *o, const struct ntdb_row *row)
{
	add_name(o, row);
	add(o, ",", 1);
	if (row->aggregate >= 0) {
		add_text(o, ntdb_aggregate_name(row->aggregate));
		add(o, ",", 1);
	}
	add_mid(o, ",");
	add_mid(o, ntdb_type_name(row->type));
	add_mid(o, ",");
}

static void
head_json(struct out *o, const struct ntdb_row *row)
{
	add_text(o, "{\"metric\":\"");
	add_name(o, row);
	if (row->aggregate < 0) {
		add_text(o, "\",\"time\":");
	} else {
		add_text(o, "\",\"aggregate\":\"");
		add_text(o, ntdb_aggregate_name(row->aggregate));
		add_text(o, "\",\"start\":");
	}
	if (o->start.civil)
		add(o, "\"", 1);
	add_mid(o, o->start.civil ? "\",\"type\":\"" : ",\"type\":\"");
	add_mid(o, ntdb_type_name(row->type));
	add_mid(o, "\",\"value\":");
}

static SELDOM void
set_head(struct out *o, const struct ntdb_row *row)
{
	o->head_len = o->mid_len = 0;
	switch (o->format) {
	case OUT_TABLE:
		head_table(o, row);
		break;
	case OUT_CSV:
		head_csv(o, row);
		break;
	case OUT_LP:
		add_name(o, row);
		add(o, " ", 1);
		break;
	case OUT_JSON:
	case OUT_JSONL:
		head_json(o, row);
		break;
	}
	o->limit = BUFFER_LEN - ROW_MAX - o->head_len;
	o->db = row->db;
	o->id = row->id;
	o->type = row->type;
	o->aggregate = row->aggregate;
}

/* ---------------------------------------------------------------- rows */

static char *
end_table(struct out *o, const struct ntdb_row *row, char *p)
{
	char *from = p;

	p = pad(clock_put(&o->end, p, row->end_ns), from, o->start.len);
	from = p;
	p = put_text(p, ntdb_aggregate_name(row->aggregate));
	return pad(p, from, AGGREGATE_WIDTH);
}

static char *
row_table(struct out *o, const struct ntdb_row *row, char *p)
{
	char text[NTDB_TEXT_MAX], *from = p;
	size_t n;

	p = clock_put(&o->start, p,
	    row->aggregate < 0 ? row->t_ns : row->start_ns);
	p = pad(p, from, o->start.len);
	if (row->aggregate >= 0)
		p = end_table(o, row, p);
	n = ntdb_row_format(row, text);
	if (n < VALUE_WIDTH) {
		memset(p, ' ', VALUE_WIDTH);
		p += VALUE_WIDTH - n;
	}
	memcpy(p, text, 2 * STEP);
	return put_piece(p + n, o->head, o->head_len);
}

static char *
end_csv(struct out *o, const struct ntdb_row *row, char *p)
{
	*p++ = ',';
	return clock_put(&o->end, p, row->end_ns);
}

static char *
row_csv(struct out *o, const struct ntdb_row *row, char *p)
{
	p = put_piece(p, o->head, o->head_len);
	p = clock_put(&o->start, p,
	    row->aggregate < 0 ? row->t_ns : row->start_ns);
	if (row->aggregate >= 0)
		p = end_csv(o, row, p);
	p = put_piece(p, o->mid, o->mid_len);
	p += ntdb_row_format(row, p);
	*p++ = '\n';
	return p;
}

static char *
end_json(struct out *o, const struct ntdb_row *row, char *p)
{
	p = put_text(p, o->start.civil ? "\",\"end\":\"" : ",\"end\":");
	return clock_put(&o->end, p, row->end_ns);
}

static char *
row_json(struct out *o, const struct ntdb_row *row, char *p)
{
	size_t n;

	p = put_piece(p, o->head, o->head_len);
	p = clock_put(&o->start, p,
	    row->aggregate < 0 ? row->t_ns : row->start_ns);
	if (row->aggregate >= 0)
		p = end_json(o, row, p);
	p = put_piece(p, o->mid, o->mid_len);
	n = ntdb_row_format(row, p);

	/* What ends with a letter is NaN, +Inf or -Inf: a string. */
	if (p[n - 1] > '9') {
		memmove(p + 1, p, n);
		p[0] = p[n + 1] = '"';
		n += 2;
	}
	p += n;
	memcpy(p, o->tail, sizeof(o->tail));
	return p + o->tail_len;
}

/* The suffix or fraction that keeps a value in its class when read back. */
static inline char *
put_class(char *p, const struct ntdb_row *row, const char *value)
{
	const double f = row->value.f;

	if (ntdb_type_is_int(row->type)) {
		*p++ = 'i';
		return p;
	}
	/* What is not whole shows it. */
	if (f > -1e15 && f < 1e15 && (double)(int64_t)f != f)
		return p;
	for (; value < p; value++)
		if (*value != '-' && (*value < '0' || *value > '9'))
			return p;
	*p++ = '.';
	*p++ = '0';
	return p;
}

static char *
row_lp(struct out *o, const struct ntdb_row *row, char *p)
{
	char *value = put_piece(p, o->head, o->head_len);

	p = put_class(value + ntdb_row_format(row, value), row, value);
	*p++ = ' ';
	p = clock_put(&o->start, p,
	    row->aggregate < 0 ? row->t_ns : row->bucket_ns);
	*p++ = '\n';
	return p;
}

int
out_row(struct out *o, const struct ntdb_row *row)
{
	if (o->db != row->db || o->id != row->id || o->type != row->type ||
	    o->aggregate != row->aggregate)
		set_head(o, row);
	if (o->len > o->limit && flush(o) != 0)
		return -1;
	o->len = (size_t)(o->row(o, row, o->buf + o->len) - o->buf);
	return 0;
}

/* ------------------------------------------------------- begin and end */

static void
heading(struct out *o)
{
	char *p = o->buf, *from = p;

	if (o->format == OUT_CSV)
		p = put_text(p, o->aggregates ?
		    "metric,aggregate,start,end,type,value\n" :
		    "metric,time,type,value\n");
	if (o->format == OUT_JSON)
		p = put_text(p, "[\n");
	if (o->format == OUT_TABLE) {
		p = put_text(p, o->aggregates ? "START" : "TIME");
		p = pad(p, from, o->start.len);
		if (o->aggregates) {
			from = p;
			p = pad(put_text(p, "END"), from, o->start.len);
			from = p;
			p = pad(put_text(p, "AGGREGATE"), from,
			    AGGREGATE_WIDTH);
		}
		memset(p, ' ', VALUE_WIDTH);
		p = put_text(p + VALUE_WIDTH - strlen("VALUE"),
		    "VALUE METRIC\n");
	}
	o->len = (size_t)(p - o->buf);
}

/* How the rows of each format are written and what ends an object. */
static void
set_format(struct out *o, enum out_format format)
{
	const char *tail = format == OUT_JSON ? "},\n" : "}\n";

	o->format = format;
	o->row = format == OUT_TABLE ? row_table : format == OUT_CSV ? row_csv :
	    format == OUT_LP ? row_lp : row_json;
	memset(o->tail, 0, sizeof(o->tail));
	o->tail_len = strlen(tail);
	memcpy(o->tail, tail, o->tail_len);
}

static struct out *
make(enum out_format format, enum ntdb_time_style style, bool aggregates)
{
	struct out *o = malloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	o->fd = -1;
	set_format(o, format);
	o->aggregates = aggregates;
	o->db = NULL;
	clock_init(&o->start, style);
	clock_init(&o->end, style);
	o->head_len = o->mid_len = 0;
	heading(o);
	return o;
}

struct out *
out_new(int fd, enum out_format format, enum ntdb_time_style style,
    bool aggregates)
{
	struct out *o = make(format, style, aggregates);

	if (o != NULL)
		o->fd = fd;
	return o;
}

struct out *
out_new_put(out_put_fn *put, void *arg, enum out_format format,
    enum ntdb_time_style style, bool aggregates)
{
	struct out *o = make(format, style, aggregates);

	if (o != NULL) {
		o->put = put;
		o->put_arg = arg;
	}
	return o;
}

void
out_free(struct out *o)
{
	free(o);
}

/* The last row, which is still there, or the `[' has nothing behind it. */
static void
end_array(struct out *o, bool complete)
{
	const char *end = o->db != NULL ? "\n]\n" : "[]\n";

	o->len -= 2;
	if (complete)
		o->len = (size_t)(put_text(o->buf + o->len, end) - o->buf);
}

int
out_finish(struct out *o, bool complete)
{
	if (o->format == OUT_JSON)
		end_array(o, complete);
	return flush(o);
}
