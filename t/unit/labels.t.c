#include <string.h>

#include "../bin/labels.h"
#include "tap.h"

/* Name and labels as `NAME|a=x|b=y', plain. */
static const char *
scanned(const char *metric, struct strbuf *out)
{
	struct labels l = LABELS_INIT;
	size_t i;

	strbuf_clear(out);
	if (labels_scan(&l, metric) != 0)
		return "out of memory";
	strbuf_puts(out, l.name);
	for (i = 0; i < l.n; i++) {
		strbuf_putc(out, '|');
		strbuf_puts(out, l.at[i].name);
		strbuf_putc(out, '=');
		strbuf_puts(out, l.at[i].value);
	}
	labels_release(&l);
	return strbuf_str(out);
}

static const char *
formatted(const char *metric, struct strbuf *out)
{
	struct labels l = LABELS_INIT;

	strbuf_clear(out);
	if (labels_scan(&l, metric) != 0)
		return "out of memory";
	labels_format(&l, out);
	labels_release(&l);
	return strbuf_str(out);
}

/* What stands in a database, and what it means. */
static const struct {
	const char *metric, *plain;
} cases[] = {
	{ "room.temp", "room.temp" },
	{ "a/b=c,d", "a/b=c,d" },
	{ "up{job=\"node\"}", "up|job=node" },
	{ "up{b=\"2\",a=\"1\"}", "up|a=1|b=2" },
	{ "up{a=\"1\",}", "up|a=1" },
	{ "up{}", "up" },
	{ "up{a=\"\",b=\"1\"}", "up|b=1" },
	{ "up{a=\"x\\\\y\\\"z\\n\"}", "up|a=x\\y\"z\n" },
	{ "up{a=\"two\\x20words\\x09\"}", "up|a=two words\t" },
	{ "up{a=\"{,=}\"}", "up|a={,=}" },
	{ "up{a=\"\xc3\xa9\\xc2\\xa0\"}", "up|a=\xc3\xa9\xc2\xa0" },
	{ "my\\x20name{a=\"1\"}", "my name|a=1" },
	/* A backslash in a name is one, unless it is \xHH. */
	{ "C:\\new", "C:\\new" },
	/* What is not of the form is a name as a whole. */
	{ "{a=\"1\"}", "{a=\"1\"}" },
	{ "up{a=1}", "up{a=1}" },
	{ "up{a=\"1\"", "up{a=\"1\"" },
	{ "up{a=\"1\"}x", "up{a=\"1\"}x" },
	{ "up{=\"1\"}", "up{=\"1\"}" },
	{ "up{a=\"1\",a=\"2\"}", "up{a=\"1\",a=\"2\"}" },
	{ "up{__name__=\"x\"}", "up{__name__=\"x\"}" },
	{ "up{a=\"1\"b=\"2\"}", "up{a=\"1\"b=\"2\"}" },
	{ "up{a=\"1\\\"}", "up{a=\"1\\\"}" },
};

/* What is stored in the one form stays as it is. */
static const char *const canonical[] = {
	"room.temp",
	"up{job=\"node\"}",
	"up{a=\"x\\\\y\\\"z\\n\",b=\"two\\x20words\\x09\"}",
	"my\\x20name{a=\"1\",b\\x3d=\"2\"}",
	"up{a=\"\xc3\xa9\\xc2\\xa0\\xe2\\x80\\xa8\"}",
};

static void
test_many(void)
{
	struct strbuf metric = STRBUF_INIT, out = STRBUF_INIT;
	char label[32];
	int i, n;

	for (n = LABELS_MAX; n <= LABELS_MAX + 1; n++) {
		strbuf_clear(&metric);
		for (i = 0; i < n; i++) {
			strbuf_puts(&metric, i == 0 ? "m{" : ",");
			label[0] = (char)('a' + i / 26);
			label[1] = (char)('a' + i % 26);
			strcpy(label + 2, "=\"v\"");
			strbuf_puts(&metric, label);
		}
		strbuf_putc(&metric, '}');
		ok((strchr(scanned(strbuf_str(&metric), &out), '|') != NULL) ==
		    (n == LABELS_MAX), "%d labels", n);
	}
	strbuf_release(&metric);
	strbuf_release(&out);
}

static void
test_find(void)
{
	struct labels l = LABELS_INIT;

	ok(labels_scan(&l, "up{a=\"1\",b=\"2\"}") == 0, "labels to find");
	is_str(labels_find(&l, "b"), "2", "a label");
	is_str(labels_find(&l, "__name__"), "up", "the name");
	ok(labels_find(&l, "c") == NULL, "none of that name");
	labels_release(&l);
}

int
main(void)
{
	struct strbuf out = STRBUF_INIT;
	size_t i;

	plan_later();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(scanned(cases[i].metric, &out), cases[i].plain, "%s",
		    cases[i].metric);
	for (i = 0; i < sizeof(canonical) / sizeof(canonical[0]); i++)
		is_str(formatted(canonical[i], &out), canonical[i],
		    "as it was: %s", canonical[i]);
	is_str(formatted("up{b=\"2\",a=\"1\",}", &out),
	    "up{a=\"1\",b=\"2\"}", "the one form of others");
	strbuf_release(&out);
	test_many();
	test_find();
	return done_testing();
}
