#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "escape.h"

#define BUFFER_LEN 65536
#define ROW_MAX 512		/* of a row, but for the metric's name */
#define NAME_MAX_LEN (BUFFER_LEN - ROW_MAX)

#define TIME_WIDTH 29
#define AGGREGATE_WIDTH 11
#define VALUE_WIDTH 24

/*
 * Invariants: buf[0, len) is not yet written.  name[0, name_len) is
 * `DB/METRIC' of (db, id) as the format writes it; split is where a label
 * part begins in it (line protocol), name_len if there is none.
 */
struct out {
	int	fd;
	enum out_format format;
	enum ntdb_time_style style;
	bool	aggregates;
	bool	has_rows, has_name;
	size_t	time_width;
	uint32_t id;
	char	db[256];
	size_t	len, name_len, split;
	char	name[NAME_MAX_LEN];
	char	buf[BUFFER_LEN];
};

static int
flush(struct out *o)
{
	size_t done = 0;
	ssize_t n;

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

/* The functions below add to the buffer, which has room for them. */

static inline void
put(struct out *o, const char *s, size_t len)
{
	memcpy(o->buf + o->len, s, len);
	o->len += len;
}

static void
put_text(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

static inline void
put_char(struct out *o, char c)
{
	o->buf[o->len++] = c;
}

/* Fill up with spaces a field that began at from. */
static void
pad(struct out *o, size_t from, size_t width)
{
	while (o->len - from < width)
		o->buf[o->len++] = ' ';
	put_char(o, ' ');
}

static void
put_time(struct out *o, int64_t t_ns)
{
	o->len += ntdb_time_format(t_ns, o->style, o->buf + o->len);
}

static size_t
format_value(const struct ntdb_row *row, char *text)
{
	if (ntdb_type_is_int(row->type))
		return ntdb_int_format(row->value.i, text);
	return ntdb_float_format(row->value.f, text);
}

static void
put_value(struct out *o, const struct ntdb_row *row)
{
	o->len += format_value(row, o->buf + o->len);
}

/* ---------------------------------------------------------------- name */

static void
add_name(struct out *o, const char *s, size_t len)
{
	if (len > NAME_MAX_LEN - o->name_len)
		len = NAME_MAX_LEN - o->name_len;
	memcpy(o->name + o->name_len, s, len);
	o->name_len += len;
}

/* Add text with each character in the form of the format. */
static void
add_escaped(struct out *o, const char *s)
{
	size_t len = strlen(s), used, n;
	char piece[ESCAPE_PIECE];

	while (len > 0) {
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
		add_name(o, piece, n);
		s += used;
		len -= used;
	}
}

/* Make the name ready, so that a row costs one copy of it. */
static void
set_name(struct out *o, const struct ntdb_row *row)
{
	const char *brace = strchr(row->metric, '{');
	bool quote = o->format == OUT_CSV &&
	    (strpbrk(row->db, "\",\r\n") != NULL ||
	    strpbrk(row->metric, "\",\r\n") != NULL);

	o->name_len = 0;
	if (quote)
		add_name(o, "\"", 1);
	add_escaped(o, row->db);
	add_name(o, "/", 1);
	o->split = o->name_len +
	    (brace != NULL ? (size_t)(brace - row->metric) : 0);
	add_escaped(o, row->metric);
	if (quote)
		add_name(o, "\"", 1);
	if (brace == NULL || o->split > o->name_len)
		o->split = o->name_len;
	o->id = row->id;
	o->has_name = strlen(row->db) < sizeof(o->db);
	if (o->has_name)
		strcpy(o->db, row->db);
}

/* ---------------------------------------------------------------- rows */

static void
row_table(struct out *o, const struct ntdb_row *row)
{
	char text[NTDB_TEXT_MAX];
	size_t at = o->len, n;

	put_time(o, row->aggregate < 0 ? row->t_ns : row->start_ns);
	pad(o, at, o->time_width);
	if (row->aggregate >= 0) {
		at = o->len;
		put_time(o, row->end_ns);
		pad(o, at, o->time_width);
		at = o->len;
		put_text(o, ntdb_aggregate_name(row->aggregate));
		pad(o, at, AGGREGATE_WIDTH);
	}
	n = format_value(row, text);
	for (at = n; at < VALUE_WIDTH; at++)
		put_char(o, ' ');
	put(o, text, n);
	put_char(o, ' ');
	put(o, o->name, o->name_len);
	put_char(o, '\n');
}

static void
row_csv(struct out *o, const struct ntdb_row *row)
{
	put(o, o->name, o->name_len);
	put_char(o, ',');
	if (row->aggregate < 0) {
		put_time(o, row->t_ns);
	} else {
		put_text(o, ntdb_aggregate_name(row->aggregate));
		put_char(o, ',');
		put_time(o, row->start_ns);
		put_char(o, ',');
		put_time(o, row->end_ns);
	}
	put_char(o, ',');
	put_text(o, ntdb_type_name(row->type));
	put_char(o, ',');
	put_value(o, row);
	put_char(o, '\n');
}

/* `,"KEY":TIME': a string in the styles for people, else a number. */
static void
json_time(struct out *o, const char *key, int64_t t_ns)
{
	bool quote = o->style == NTDB_TIME_HUMAN ||
	    o->style == NTDB_TIME_RFC3339;

	put_text(o, key);
	if (quote)
		put_char(o, '"');
	put_time(o, t_ns);
	if (quote)
		put_char(o, '"');
}

static void
row_json(struct out *o, const struct ntdb_row *row)
{
	bool quote = !ntdb_type_is_int(row->type) &&
	    !isfinite(row->value.f);

	if (o->format == OUT_JSON)
		put_text(o, o->has_rows ? ",\n" : "[\n");
	put_text(o, "{\"metric\":\"");
	put(o, o->name, o->name_len);
	if (row->aggregate < 0) {
		json_time(o, "\",\"time\":", row->t_ns);
	} else {
		put_text(o, "\",\"aggregate\":\"");
		put_text(o, ntdb_aggregate_name(row->aggregate));
		json_time(o, "\",\"start\":", row->start_ns);
		json_time(o, ",\"end\":", row->end_ns);
	}
	put_text(o, ",\"type\":\"");
	put_text(o, ntdb_type_name(row->type));
	put_text(o, quote ? "\",\"value\":\"" : "\",\"value\":");
	put_value(o, row);
	if (quote)
		put_char(o, '"');
	put_char(o, '}');
	if (o->format == OUT_JSONL)
		put_char(o, '\n');
}

/* The suffix or fraction that keeps a value in its class when read back. */
static void
put_class(struct out *o, const struct ntdb_row *row, size_t from)
{
	if (ntdb_type_is_int(row->type)) {
		put_char(o, 'i');
		return;
	}
	for (; from < o->len; from++)
		if (o->buf[from] != '-' &&
		    (o->buf[from] < '0' || o->buf[from] > '9'))
			return;
	put(o, ".0", 2);
}

static void
row_lp(struct out *o, const struct ntdb_row *row)
{
	size_t at;

	if (row->aggregate < 0) {
		put(o, o->name, o->name_len);
	} else {
		put(o, o->name, o->split);
		put_char(o, '.');
		put_text(o, ntdb_aggregate_name(row->aggregate));
		put(o, o->name + o->split, o->name_len - o->split);
	}
	put_char(o, ' ');
	at = o->len;
	put_value(o, row);
	put_class(o, row, at);
	put_char(o, ' ');
	put_time(o, row->aggregate < 0 ? row->t_ns : row->bucket_ns);
	put_char(o, '\n');
}

int
out_row(struct out *o, const struct ntdb_row *row)
{
	if (!o->has_name || o->id != row->id || strcmp(o->db, row->db) != 0)
		set_name(o, row);
	if (BUFFER_LEN - o->len < o->name_len + ROW_MAX && flush(o) != 0)
		return -1;
	switch (o->format) {
	case OUT_TABLE:
		row_table(o, row);
		break;
	case OUT_CSV:
		row_csv(o, row);
		break;
	case OUT_LP:
		row_lp(o, row);
		break;
	case OUT_JSON:
	case OUT_JSONL:
		row_json(o, row);
		break;
	}
	o->has_rows = true;
	return 0;
}

/* ------------------------------------------------------- begin and end */

static void
heading(struct out *o)
{
	size_t at = o->len;

	if (o->format == OUT_CSV)
		put_text(o, o->aggregates ?
		    "metric,aggregate,start,end,type,value\n" :
		    "metric,time,type,value\n");
	if (o->format != OUT_TABLE)
		return;
	put_text(o, o->aggregates ? "START" : "TIME");
	pad(o, at, o->time_width);
	if (o->aggregates) {
		at = o->len;
		put_text(o, "END");
		pad(o, at, o->time_width);
		at = o->len;
		put_text(o, "AGGREGATE");
		pad(o, at, AGGREGATE_WIDTH);
	}
	for (at = strlen("VALUE"); at < VALUE_WIDTH; at++)
		put_char(o, ' ');
	put_text(o, "VALUE METRIC\n");
}

struct out *
out_new(int fd, enum out_format format, enum ntdb_time_style style,
    bool aggregates)
{
	struct out *o = malloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	o->fd = fd;
	o->format = format;
	o->style = style;
	o->aggregates = aggregates;
	o->has_rows = o->has_name = false;
	o->time_width = TIME_WIDTH + (style == NTDB_TIME_RFC3339);
	o->len = o->name_len = o->split = 0;
	heading(o);
	return o;
}

void
out_free(struct out *o)
{
	free(o);
}

int
out_finish(struct out *o, bool complete)
{
	if (BUFFER_LEN - o->len < ROW_MAX && flush(o) != 0)
		return -1;
	if (o->format == OUT_JSON && complete)
		put_text(o, o->has_rows ? "\n]\n" : "[]\n");
	return flush(o);
}
