#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "escape.h"

static void
put_string(const char *s)
{
	size_t len = strlen(s), used, n;
	char piece[ESCAPE_PIECE];

	putchar('"');
	while (len > 0) {
		used = escape_json(s, len, piece, &n);
		fwrite(piece, 1, n, stdout);
		s += used;
		len -= used;
	}
	putchar('"');
}

/* What stands before an element: a comma, a new line, the key. */
static void
lead(struct json *j, const char *key)
{
	if (j->more)
		putchar(',');
	if (j->depth == 1)
		putchar('\n');
	if (key != NULL) {
		put_string(key);
		putchar(':');
	}
	j->more = true;
}

void
json_open(struct json *j, const char *key, char bracket)
{
	lead(j, key);
	putchar(bracket);
	j->depth++;
	j->more = false;
}

void
json_close(struct json *j, char bracket)
{
	j->depth--;
	if (j->depth == 0 && j->more)
		putchar('\n');
	putchar(bracket);
	if (j->depth == 0)
		putchar('\n');
	j->more = true;
}

void
json_text(struct json *j, const char *key, const char *s)
{
	lead(j, key);
	put_string(s);
}

void
json_u64(struct json *j, const char *key, uint64_t v)
{
	lead(j, key);
	printf("%" PRIu64, v);
}

void
json_bool(struct json *j, const char *key, bool v)
{
	lead(j, key);
	fputs(v ? "true" : "false", stdout);
}

void
json_none(struct json *j, const char *key)
{
	lead(j, key);
	fputs("null", stdout);
}

void
json_time(struct json *j, const char *key, int64_t t_ns)
{
	char text[NTDB_TEXT_MAX];
	size_t len = ntdb_time_format(t_ns, NTDB_TIME_RFC3339, text);

	lead(j, key);
	printf("\"%.*s\"", (int)len, text);
}

void
json_value(struct json *j, const char *key, int type, union ntdb_value value)
{
	bool quote = !ntdb_type_is_int(type) && !isfinite(value.f);
	char text[NTDB_TEXT_MAX];
	size_t len;

	len = ntdb_type_is_int(type) ? ntdb_int_format(value.i, text) :
	    ntdb_float_format(value.f, text);
	lead(j, key);
	printf(quote ? "\"%.*s\"" : "%.*s", (int)len, text);
}
