/*
 * Selectors, and series that they match.  Input: a selector, a zero byte, a
 * metric's name.
 *
 *   - What is refused says why; what is not needs a label.
 *   - Labels are sorted, none twice, none empty.
 *   - A selector matches only what a quick look lets pass.
 */
#include <stdlib.h>
#include <string.h>

#include "../bin/selector.h"
#include "fuzz.h"

/* A part of the input up to a zero byte, as a string. */
static char *
take_string(struct input *in)
{
	const uint8_t *nul = in->n == 0 ? NULL : memchr(in->at, '\0', in->n);
	struct input part;
	char *s;

	part = in_part(in, nul == NULL ? in->n : (size_t)(nul - in->at));
	in_u8(in);
	s = fuzz_alloc(part.n + 1);
	if (part.n > 0)
		memcpy(s, part.at, part.n);
	s[part.n] = '\0';
	return s;
}

static void
check_labels(const struct series *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		must(s->at[i].name[0] != '\0' && s->at[i].value[0] != '\0');
		must(i == 0 || strcmp(s->at[i - 1].name, s->at[i].name) < 0);
		must(series_label(s, s->at[i].name) == s->at[i].value);
	}
	must(strcmp(series_label(s, "db"), "d") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selector s = SELECTOR_INIT;
	struct series series = SERIES_INIT;
	struct input in = { data, size };
	char *text = take_string(&in), *metric = take_string(&in);
	int r = selector_scan(&s, NULL, text, &err);

	must(r == 0 || (r == NTDB_EUSAGE && err.text[0] != '\0'));
	must(r != 0 || s.named || s.n > 0);
	must(series_scan(&series, "d", metric) == 0);
	check_labels(&series);
	if (r == 0 && !s.named && selector_matches(&s, &series))
		must(selector_may_match_db(&s, "d") &&
		    selector_may_match_metric(&s, metric));
	series.n = 0;
	must(r != 0 || s.named || !selector_matches(&s, &series));
	series_release(&series);
	selector_release(&s);
	free(text);
	free(metric);
	return 0;
}
