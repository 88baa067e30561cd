/*
 * Lines of Prometheus text, and the names that their samples are kept under.
 * Input: lines; each is scanned alone, and with two labels from outside.
 *
 *   - What is bad has a reason, and what is a sample has a name; labels are
 *     sorted, no two are alike, and none is empty.
 *   - The stored form may name a metric, if it is not too long, and means
 *     that name and those labels.
 *   - The same written with all names in quotes is the same sample.
 */
#include <stdlib.h>
#include <string.h>

#include "../../bin/prom-text.h"
#include "fuzz.h"

static void
check_labels(const struct labels *l)
{
	size_t i;

	must(l->name[0] != '\0' && l->n <= LABELS_MAX);
	for (i = 0; i < l->n; i++) {
		must(l->at[i].name[0] != '\0' && l->at[i].value[0] != '\0');
		must(i == 0 || strcmp(l->at[i - 1].name, l->at[i].name) < 0);
	}
}

static void
check_same(const struct labels *a, const struct labels *b)
{
	size_t i;

	must(a->n == b->n && strcmp(a->name, b->name) == 0);
	for (i = 0; i < a->n; i++)
		must(strcmp(a->at[i].name, b->at[i].name) == 0 &&
		    strcmp(a->at[i].value, b->at[i].value) == 0);
}

static void
check_stored(const struct labels *l)
{
	struct strbuf metric = STRBUF_INIT;
	struct labels back = LABELS_INIT;

	labels_format(l, &metric);
	must(strbuf_ok(&metric));
	must(metric.len > 1023 ||
	    ntdb_metric_name_ok(metric.s, metric.len));
	must(labels_scan(&back, strbuf_str(&metric)) == 0);
	check_same(l, &back);
	labels_release(&back);
	strbuf_release(&metric);
}

static void
put_quoted(struct strbuf *out, const char *s)
{
	strbuf_putc(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			strbuf_puts(out, "\\n");
		else if (*s == '"' || *s == '\\')
			strbuf_putc(out, '\\');
		if (*s != '\n')
			strbuf_putc(out, *s);
	}
	strbuf_putc(out, '"');
}

static void
check_again(const struct prom_line *line)
{
	const struct labels *l = &line->labels;
	struct prom_line back = PROM_LINE_INIT;
	struct strbuf text = STRBUF_INIT;
	char number[NTDB_TEXT_MAX];
	size_t i;

	strbuf_putc(&text, '{');
	put_quoted(&text, l->name);
	for (i = 0; i < l->n; i++) {
		strbuf_putc(&text, ',');
		put_quoted(&text, l->at[i].name);
		strbuf_putc(&text, '=');
		put_quoted(&text, l->at[i].value);
	}
	strbuf_puts(&text, "} ");
	strbuf_add(&text, number, ntdb_float_format(line->value, number));
	if (line->has_time) {
		strbuf_putc(&text, '\t');
		strbuf_add(&text, number, ntdb_int_format(line->t_ms, number));
	}
	must(strbuf_ok(&text));
	if (text.len <= PROM_LINE_MAX) {
		must(prom_scan(&back, text.s, text.len, NULL, 0) ==
		    PROM_SAMPLE);
		check_same(l, &back.labels);
		must(memcmp(&line->value, &back.value, sizeof(back.value)) ==
		    0 || line->value != line->value);
		must(line->has_time == back.has_time &&
		    (!line->has_time || line->t_ms == back.t_ms));
	}
	prom_line_release(&back);
	strbuf_release(&text);
}

static void
check_line(const char *p, size_t len, const struct prom_extra *extra,
    size_t n_extra)
{
	struct prom_line line = PROM_LINE_INIT;
	char *copy = (char *)fuzz_copy(p, len);

	switch (prom_scan(&line, copy, len, extra, n_extra)) {
	case PROM_SAMPLE:
		check_labels(&line.labels);
		check_stored(&line.labels);
		check_again(&line);
		break;
	case PROM_BAD:
		must(line.reason != NULL && line.reason[0] != '\0');
		break;
	case PROM_NO_MEMORY:
		must(!"enough memory");
		break;
	case PROM_BLANK:
		break;
	}
	prom_line_release(&line);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct prom_extra extra[] = {
		{ "a", "x" }, { "job", "" },
	};
	const char *p = (const char *)data, *end = p + size, *nl;

	while (p < end) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		check_line(p, (size_t)(nl - p), NULL, 0);
		check_line(p, (size_t)(nl - p), extra, 2);
		p = nl + 1;
	}
	return 0;
}
