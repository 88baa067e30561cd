/*
 * Lines of line protocol.  Input: a byte for the unit of times, then text.
 *
 *   - A line means the same whether the scanner has seen others before, and
 *     whether the length of its first word is known.
 *   - What is a sample is the same sample when it is written as exports are.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "line.h"

/* The length of the first word if a blank follows and it may be a target. */
static uint32_t
target_len(const char *p)
{
	const char *s = p;

	if (*p == '#')
		return 0;
	while (*s != '\n' && *s != ' ' && *s != '\t')
		s++;
	return *s == '\n' ? 0 : (uint32_t)(s - p);
}

static bool
same_value(const struct number *a, const struct number *b)
{
	return a->kind == b->kind && a->d.m == b->d.m &&
	    a->d.scale == b->d.scale && a->suffixed == b->suffixed &&
	    a->rounded == b->rounded;
}

static void
compare(enum line_kind kind, const struct line *a, const struct line *b)
{
	if (kind == LINE_BLANK)
		return;
	must(a->text == b->text && a->len == b->len);
	if (kind == LINE_BAD) {
		must(a->why == b->why);
		must(a->reason != NULL && strcmp(a->reason, b->reason) == 0);
		return;
	}
	must(a->target == b->target && a->target_len == b->target_len);
	must(a->target_len > 0 && a->target >= a->text &&
	    a->target + a->target_len < a->text + a->len);
	must(same_value(&a->value, &b->value));
	must(a->has_time == b->has_time);
	must(!a->has_time || a->t_ns == b->t_ns);
}

static void
write_again(const struct line *line)
{
	char *text = fuzz_alloc(line->target_len + 3 * NTDB_TEXT_MAX);
	struct line_scanner sc = { .unit = NTDB_UNIT_DEFAULT };
	size_t n = line->target_len;
	struct line again;
	const char *next;

	memcpy(text, line->target, n);
	text[n++] = ' ';
	if (line->value.kind == NUMBER_INT) {
		n += number_format_i64(line->value.d.m, text + n);
		text[n++] = 'i';
	} else {
		n += fuzz_float(dec_to_f64(line->value.d.m,
		    line->value.d.scale), text + n);
	}
	if (line->has_time) {
		text[n++] = ' ';
		n += ntdb_time_format(line->t_ns, NTDB_TIME_HUMAN, text + n);
	}
	text[n++] = '\n';
	must(line_scan(&sc, text, text + n, line->target_len, &again,
	    &next) == LINE_SAMPLE);
	must(next == text + n);
	must(again.value.kind == line->value.kind);
	must(again.value.d.m == line->value.d.m &&
	    again.value.d.scale == line->value.d.scale);
	must(!again.value.rounded);
	must(again.has_time == line->has_time);
	must(!line->has_time || again.t_ns == line->t_ns);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_scanner sc = { .unit = NTDB_UNIT_DEFAULT }, fresh;
	const char *p, *end, *next, *next2;
	struct line a, b;
	enum line_kind kind;
	char *text;

	if (size == 0)
		return 0;
	sc.unit = (enum ntdb_unit)(data[0] % (NTDB_UNIT_NS + 1));
	text = (char *)fuzz_copy(data, size);
	memmove(text, text + 1, size - 1);
	text[size - 1] = '\n';
	end = text + size;
	for (p = text; p < end; p = next) {
		memset(&fresh, 0, sizeof(fresh));
		fresh.unit = sc.unit;
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		kind = line_scan(&sc, p, end, target_len(p), &a, &next);
		must(line_scan(&fresh, p, end, 0, &b, &next2) == kind);
		must(next == next2 && next > p && next <= end);
		must(next[-1] == '\n' &&
		    memchr(p, '\n', (size_t)(next - 1 - p)) == NULL);
		compare(kind, &a, &b);
		/* Behind a blank a word may begin like a comment. */
		if (kind == LINE_SAMPLE && a.target[0] != '#')
			write_again(&a);
	}
	free(text);
	return 0;
}
