#include <jansson.h>
#include <string.h>

#include "catalog.h"
#include "checksum.h"
#include "error.h"
#include "logrec.h"
#include "number.h"
#include "utf8.h"

static int
type_find(const char *name)
{
	int type;

	for (type = NTDB_INT32; type <= NTDB_FLOAT64; type++)
		if (strcmp(name, ntdb_type_name(type)) == 0)
			return type;
	return 0;
}

/* The CRC of `ID TYPE NAME'. */
static uint32_t
line_crc(uint32_t id, const char *type_name, const char *name, size_t len)
{
	char number[NTDB_TEXT_MAX];
	uint32_t crc;

	crc = checksum(number, number_format_u64(id, number));
	crc = checksum_add(crc, " ", 1);
	crc = checksum_add(crc, type_name, strlen(type_name));
	crc = checksum_add(crc, " ", 1);
	return checksum_add(crc, name, len);
}

/* Check one metric's members and hand them on.  crc is -1 if it has none. */
static int
take(const char *name, size_t len, json_int_t id, const char *type_name,
    json_int_t crc, const char *display, int64_t line, catalog_fn *fn,
    void *arg, struct ntdb_error *err)
{
	int type = type_find(type_name);

	if (type == 0)
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "unknown type of a metric");
	if (id < 1 || id > UINT32_MAX - 1)
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "metric id out of range");
	if (len == 0 || len > METRIC_NAME_MAX || !utf8_name_ok(name, len))
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "not a valid metric name");
	if (crc != -1 && crc != line_crc((uint32_t)id, type_name, name, len))
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "metric has a wrong checksum");
	return fn(arg, (uint32_t)id, type, name, len, err);
}

static int
take_json(json_t *o, const char *display, int64_t line, catalog_fn *fn,
    void *arg, struct ntdb_error *err)
{
	json_t *name = json_object_get(o, "name");
	json_t *id = json_object_get(o, "id");
	json_t *type = json_object_get(o, "type");
	json_t *crc = json_object_get(o, "crc");

	if (!json_is_string(name) || !json_is_integer(id) ||
	    !json_is_string(type) || (crc != NULL && !json_is_integer(crc)))
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "not a metric of the form {\"name\",\"id\",\"type\"}");
	return take(json_string_value(name), json_string_length(name),
	    json_integer_value(id), json_string_value(type),
	    crc == NULL ? -1 : json_integer_value(crc), display, line, fn,
	    arg, err);
}

/* Skip the literal `want' at *p; false if it is not there. */
static bool
skip(const char **p, const char *end, const char *want)
{
	size_t len = strlen(want);

	if ((size_t)(end - *p) < len || memcmp(*p, want, len) != 0)
		return false;
	*p += len;
	return true;
}

/* A number of 32 bits; what is longer fails what is expected behind it. */
static json_int_t
take_number(const char **p, const char *end)
{
	json_int_t n = 0;

	while (*p < end && **p >= '0' && **p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (*(*p)++ - '0');
	return n;
}

/*
 * A line as catalog_add writes it, without escapes in the name: what nearly
 * all lines are.  NTDB_END: it is not of that form.
 */
static int
take_plain(const char *p, const char *end, const char *display,
    int64_t line, catalog_fn *fn, void *arg, struct ntdb_error *err)
{
	char type[16];
	const char *name, *quote;
	json_int_t id, crc = -1;
	size_t len;

	if (!skip(&p, end, "{\"name\":\""))
		return NTDB_END;
	name = p;
	quote = memchr(p, '"', (size_t)(end - p));
	if (quote == NULL)
		return NTDB_END;
	len = (size_t)(quote - name);
	if (memchr(name, '\\', len) != NULL)
		return NTDB_END;
	p = quote;
	if (!skip(&p, end, "\",\"id\":"))
		return NTDB_END;
	id = take_number(&p, end);
	if (!skip(&p, end, ",\"type\":\""))
		return NTDB_END;
	quote = memchr(p, '"', (size_t)(end - p));
	if (quote == NULL || (size_t)(quote - p) >= sizeof(type))
		return NTDB_END;
	memcpy(type, p, (size_t)(quote - p));
	type[quote - p] = '\0';
	p = quote + 1;
	if (skip(&p, end, ",\"crc\":"))
		crc = take_number(&p, end);
	if (end - p != 1 || *p != '}')
		return NTDB_END;
	return take(name, len, id, type, crc, display, line, fn, arg, err);
}

static int
take_line(const char *p, const char *end, const char *display, int64_t line,
    catalog_fn *fn, void *arg, struct ntdb_error *err)
{
	json_error_t why;
	json_t *o;
	int r;

	r = take_plain(p, end, display, line, fn, arg, err);
	if (r != NTDB_END)
		return r;
	o = json_loadb(p, (size_t)(end - p), JSON_REJECT_DUPLICATES, &why);
	if (o == NULL)
		return err_line(err, NTDB_ECORRUPT, display, line,
		    "not JSON: %s", why.text);
	r = take_json(o, display, line, fn, arg, err);
	json_decref(o);
	return r;
}

/* A catalog that somebody has laid out otherwise: read as a whole. */
static int
scan_whole(const char *text, size_t len, const char *display,
    catalog_fn *fn, void *arg, struct ntdb_error *err)
{
	json_error_t why;
	json_t *root, *list, *o;
	size_t i;
	int r = 0;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (root == NULL)
		return err_line(err, NTDB_ECORRUPT, display, why.line,
		    "not JSON: %s", why.text);
	list = json_object_get(root, "metrics");
	if (!json_is_array(list))
		r = err_line(err, NTDB_ECORRUPT, display, 1,
		    "no list of metrics");
	else
		json_array_foreach(list, i, o)
			if ((r = take_json(o, display, 0, fn, arg, err)) != 0)
				break;
	json_decref(root);
	return r;
}

#define FIRST_LINE "{\"metrics\":["

int
catalog_scan(const char *text, size_t len, const char *display,
    catalog_fn *fn, void *arg, struct ntdb_error *err)
{
	const char *p, *end, *nl;
	int64_t line = 1;
	int r, bad = 0;

	/* An empty buffer may have no bytes at all. */
	if (len == 0)
		text = "";
	p = text;
	/* cppcheck-suppress pointerOutOfBoundsCond ; len is 0 for "" */
	end = text + len;
	if (len <= strlen(FIRST_LINE) || !skip(&p, end, FIRST_LINE "\n")) {
		bad = scan_whole(text, len, display, fn, arg, err);
		nl = memchr(text, '\n', len);
		if (bad != NTDB_ECORRUPT || nl == NULL)
			return bad;
		p = nl + 1;
	}
	/* A line that cannot be read does not hide the others. */
	for (; p < end; p = nl + 1) {
		const char *stop;

		line++;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			break;
		if (nl - p == 2 && memcmp(p, "]}", 2) == 0) {
			if (nl + 1 == end)
				return bad;
			break;
		}
		stop = nl > p && nl[-1] == ',' ? nl - 1 : nl;
		r = take_line(p, stop, display, line, fn, arg, err);
		if (r == NTDB_ECORRUPT)
			bad = r;
		else if (r != 0)
			return r;
	}
	if (bad != 0)
		return bad;
	return err_line(err, NTDB_ECORRUPT, display, line,
	    "catalog does not end as it should");
}

void
catalog_begin(struct buf *out)
{
	buf_clear(out);
	buf_add(out, FIRST_LINE "\n", strlen(FIRST_LINE "\n"));
}

void
catalog_add(struct buf *out, bool first, uint32_t id, int type,
    const char *name, size_t len)
{
	const char *type_name = ntdb_type_name(type);
	char number[NTDB_TEXT_MAX];
	size_t i;

	if (!first)
		buf_add(out, ",\n", 2);
	buf_add(out, "{\"name\":\"", 9);
	for (i = 0; i < len; i++) {
		/* Names have no control characters: two need escapes. */
		if (name[i] == '"' || name[i] == '\\')
			buf_add_u8(out, '\\');
		buf_add_u8(out, (uint8_t)name[i]);
	}
	buf_add(out, "\",\"id\":", 7);
	buf_add(out, number, number_format_u64(id, number));
	buf_add(out, ",\"type\":\"", 9);
	buf_add(out, type_name, strlen(type_name));
	buf_add(out, "\",\"crc\":", 8);
	buf_add(out, number, number_format_u64(line_crc(id, type_name, name,
	    len), number));
	buf_add(out, "}", 1);
}

void
catalog_end(struct buf *out)
{
	/* An empty catalog has no line to end. */
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_add(out, "\n", 1);
	buf_add(out, "]}\n", 3);
}
