#include <stdio.h>
#include <stdlib.h>

#include "catalog.h"
#include "tap.h"

/* What was scanned, as `ID TYPE NAME;' each. */
static char seen[4096];
static int stop_at;

static int
note(void *arg, uint32_t id, int type, const char *name, size_t len,
    struct ntdb_error *err)
{
	size_t at = strlen(seen);

	(void)err;
	if (arg != seen)
		return NTDB_EBUG;
	snprintf(seen + at, sizeof(seen) - at, "%u %d %.*s;", id, type,
	    (int)len, name);
	return stop_at != 0 && id == (uint32_t)stop_at ? -12345 : 0;
}

static struct ntdb_error err;

/* Scan a copy of exactly this length, so that sanitizers see its end. */
static int
scan_len(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	int r;

	if (copy == NULL)
		bail("out of memory");
	memcpy(copy + 1, text, len);
	seen[0] = '\0';
	err = (struct ntdb_error)NTDB_ERROR_INIT;
	r = catalog_scan(copy + 1, len, "db/catalog.json", note, seen, &err);
	free(copy);
	return r;
}

static int
scan(const char *text)
{
	return scan_len(text, strlen(text));
}

#define HEAD "{\"metrics\":[\n"
#define TAIL "\n]}\n"

static void
test_write(void)
{
	struct buf b = BUF_INIT;
	static const char want[] =
	    HEAD
	    "{\"name\":\"room.temp\",\"id\":1,\"type\":\"float32\","
	    "\"crc\":1156668389},\n"
	    "{\"name\":\"http{code=\\\"200\\\"}\",\"id\":3,\"type\":\"int64\","
	    "\"crc\":4105456255},\n"
	    "{\"name\":\"a\\\\b\xc3\xbc\",\"id\":4294967294,"
	    "\"type\":\"float64\",\"crc\":286832681}"
	    TAIL;

	catalog_begin(&b);
	catalog_end(&b);
	is_mem(b.data, b.len, "{\"metrics\":[\n]}\n", 16, "an empty catalog");
	is_int(scan_len((char *)b.data, b.len), 0, "is read");
	is_str(seen, "", "and empty");

	catalog_begin(&b);
	catalog_add(&b, true, 1, NTDB_FLOAT32, "room.temp", 9);
	catalog_add(&b, false, 3, NTDB_INT64, "http{code=\"200\"}", 16);
	catalog_add(&b, false, 4294967294u, NTDB_FLOAT64, "a\\b\xc3\xbc", 5);
	catalog_end(&b);
	is_mem(b.data, b.len, want, strlen(want),
	    "one metric a line, quotes and backslashes escaped");
	is_int(scan_len((char *)b.data, b.len), 0, "it is read");
	is_str(seen, "1 3 room.temp;3 2 http{code=\"200\"};"
	    "4294967294 4 a\\b\xc3\xbc;", "as it was written");
	buf_release(&b);
}

static void
test_forms(void)
{
	is_int(scan("{\"metrics\": []}"), 0, "an empty list on one line");
	is_int(scan("{\n  \"metrics\": [\n    {\n      \"name\": \"m\",\n"
	    "      \"id\": 2,\n      \"type\": \"int32\"\n    },\n    {\n"
	    "      \"id\": 1, \"type\": \"int64\", \"name\": \"n\"\n    }\n"
	    "  ]\n}\n"), 0, "laid out otherwise");
	is_str(seen, "2 1 m;1 2 n;", "the same metrics");
	is_int(scan(HEAD "{ \"type\":\"int32\", \"id\":7, \"unit\":\"K\", "
	    "\"name\":\"\\u00fc\\\"\\\\\" }" TAIL), 0,
	    "a line in another order, with escapes and a further member");
	is_str(seen, "7 1 \xc3\xbc\"\\;", "means the same");
	is_int(scan("{\"version\":9,\"metrics\":[{\"name\":\"m\",\"id\":1,"
	    "\"type\":\"int32\"}],\"more\":{}}"), 0,
	    "further members of the whole");
	is_str(seen, "1 1 m;", "are ignored");
}

static void
test_stop(void)
{
	stop_at = 2;
	is_int(scan(HEAD "{\"name\":\"a\",\"id\":1,\"type\":\"int32\"},\n"
	    "{\"name\":\"b\",\"id\":2,\"type\":\"int32\"},\n"
	    "{\"name\":\"c\",\"id\":3,\"type\":\"int32\"}" TAIL), -12345,
	    "what the function returns stops the scan");
	is_str(seen, "1 1 a;2 1 b;", "there");
	is_int(scan("{ \"metrics\":[{\"name\":\"b\",\"id\":2,\"type\":"
	    "\"int32\"},{\"name\":\"c\",\"id\":3,\"type\":\"int32\"}]}"),
	    -12345, "in any layout");
	is_str(seen, "2 1 b;", "likewise");
	stop_at = 0;
}

/* A metric of these members, alone in a catalog, in both layouts. */
static bool
is_bad(const char *members)
{
	char line[2048], whole[2048];
	int r, again;

	snprintf(line, sizeof(line), HEAD "{%s}" TAIL, members);
	snprintf(whole, sizeof(whole), "{ \"metrics\" : [{%s}]}", members);
	r = scan(line);
	if (r == NTDB_ECORRUPT && (err.code != r ||
	    strcmp(err.path, "db/catalog.json") != 0))
		diag("the record does not name the file");
	again = scan(whole);
	return r == NTDB_ECORRUPT && again == NTDB_ECORRUPT;
}

static void
test_bad_metrics(void)
{
	static const char *const bad[] = {
		"\"name\":\"m\",\"id\":1,\"type\":\"int16\"",
		"\"name\":\"m\",\"id\":1,\"type\":\"\"",
		"\"name\":\"m\",\"id\":1,\"type\":\"INT32\"",
		"\"name\":\"m\",\"id\":1,\"type\":\"float32float32float32\"",
		"\"name\":\"m\",\"id\":1,\"type\":1",
		"\"name\":\"m\",\"id\":0,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":-1,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":4294967295,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":4294967297,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":99999999999999999999,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":1.5,\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":\"1\",\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":,\"type\":\"int32\"",
		"\"name\":\"\",\"id\":1,\"type\":\"int32\"",
		"\"name\":\"a b\",\"id\":1,\"type\":\"int32\"",
		"\"name\":\"a\\nb\",\"id\":1,\"type\":\"int32\"",
		"\"name\":\"a\\u0000b\",\"id\":1,\"type\":\"int32\"",
		"\"name\":\"a\xff\",\"id\":1,\"type\":\"int32\"",
		"\"name\":1,\"id\":1,\"type\":\"int32\"",
		"\"id\":1,\"type\":\"int32\"",
		"\"name\":\"m\",\"type\":\"int32\"",
		"\"name\":\"m\",\"id\":1",
		"\"name\":\"m\",\"id\":1,\"type\":\"int32\"} {",
		"\"name\":\"m\",\"id\":1,\"type\":\"int32\",\"id\":2",
		"",
	};
	char longest[1200];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(is_bad(bad[i]), "refused: %s", bad[i]);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "\"name\":\"", 8);
	strcpy(longest + 8 + 1024, "\",\"id\":1,\"type\":\"int32\"");
	ok(is_bad(longest), "a name of 1024 bytes");
	strcpy(longest + 8 + 1023, "\",\"id\":1,\"type\":\"int32\"");
	ok(!is_bad(longest), "one of 1023 bytes is not");
}

#define ONE "{\"name\":\"a\",\"id\":1,\"type\":\"int32\"}"
#define TWO "{\"name\":\"b\",\"id\":2,\"type\":\"int32\"}"

static void
test_bad_files(void)
{
	static const char *const bad[] = {
		"", "\n", "null", "[]", "{}", "{\"metrics\":{}}",
		"{\"metrics\":[1]}", "{\"metrics\":[null]}",
		"{\"metrics\":[],\"metrics\":[]}",
		"{\"metrics\":[\n", HEAD ONE, HEAD ONE "\n", HEAD ONE ",\n",
		HEAD ONE "\n]", HEAD ONE "\n]}\n]}\n",
		HEAD ONE TAIL "x", HEAD ONE TAIL "\n" ONE,
		HEAD ONE ",\n\n" TWO TAIL, HEAD "rubbish" TAIL,
		"rubbish", "\xef\xbb\xbf" HEAD TAIL,
	};
	static const char good[] = HEAD ONE ",\n" TWO TAIL;
	bool cuts = true;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(scan(bad[i]), NTDB_ECORRUPT, "no catalog: %zu", i);
	/* The newline at the very end is all that may be missing. */
	for (i = 0; i < strlen(good) - 1; i++)
		cuts = cuts && scan_len(good, i) == NTDB_ECORRUPT;
	ok(cuts, "a catalog cut short anywhere is refused");
	is_int(scan(HEAD ONE ",\n" "{\"name\":\"b\",\"id\":2}" TAIL),
	    NTDB_ECORRUPT, "a bad line behind a good one");
	is_int(err.line, 3, "is told by its number");
	is_str(seen, "1 1 a;", "and what was before it was handed on");
}

int
main(void)
{
	plan_later();
	test_write();
	test_forms();
	test_stop();
	test_bad_metrics();
	test_bad_files();
	return done_testing();
}
