#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "ntdb.h"
#include "prom-text.h"

/* What is being scanned: bytes from p on, up to end. */
struct scan {
	struct prom_line *line;
	const char *p, *end;
	/* Where name and labels begin in line->labels.text. */
	size_t	name;
	bool	has_name;
	struct { size_t name, value; } at[LABELS_MAX];
};

static bool
bad(struct scan *s, const char *reason)
{
	s->line->reason = reason;
	return false;
}

static void
skip_blanks(struct scan *s)
{
	/* cppcheck-suppress ctuuninitvar ; p and end are set by prom_scan */
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
	    *s->p == '\r'))
		s->p++;
}

/* ---- names and labels */

static bool
is_letter(char c, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (colon && c == ':');
}

/* A name without quotes, into the text; false: there is none. */
static bool
take_name(struct scan *s, bool colon)
{
	const char *p = s->p;

	if (p == s->end || !is_letter(*p, colon))
		return false;
	while (p < s->end && (is_letter(*p, colon) || (*p >= '0' &&
	    *p <= '9')))
		p++;
	strbuf_add(&s->line->labels.text, s->p, (size_t)(p - s->p));
	strbuf_putc(&s->line->labels.text, '\0');
	s->p = p;
	return true;
}

/* One character, or escape, inside quotes. */
static bool
take_char(struct scan *s)
{
	struct strbuf *text = &s->line->labels.text;
	size_t n;

	if (*s->p == '\\') {
		if (s->end - s->p < 2 || memchr("\\\"n", s->p[1], 3) == NULL)
			return bad(s, "not an escape: only \\\\, \\\" and \\n "
			    "are");
		strbuf_putc(text, s->p[1] == 'n' ? '\n' : s->p[1]);
		s->p += 2;
		return true;
	}
	n = escape_char_len(s->p, (size_t)(s->end - s->p));
	if (n == 0 || *s->p == '\0')
		return bad(s, "not valid UTF-8");
	strbuf_add(text, s->p, n);
	s->p += n;
	return true;
}

/* A string in quotes, into the text. */
static bool
take_string(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"')
		if (!take_char(s))
			return false;
	if (s->p == s->end)
		return bad(s, "a quote is not closed");
	s->p++;
	strbuf_putc(&s->line->labels.text, '\0');
	return true;
}

static bool
take_label_name(struct scan *s, bool *quoted)
{
	*quoted = s->p < s->end && *s->p == '"';
	if (*quoted)
		return take_string(s);
	return take_name(s, false) || bad(s, "not a name of a label");
}

/* NAME="VALUE", or in the first place the metric's name in quotes. */
static bool
take_label(struct scan *s)
{
	struct labels *l = &s->line->labels;
	size_t name = l->text.len, value;
	bool quoted;

	if (!take_label_name(s, &quoted))
		return false;
	skip_blanks(s);
	if (s->p == s->end || *s->p != '=') {
		if (!quoted || s->has_name)
			return bad(s, "no = behind the name of a label");
		s->name = name;
		s->has_name = true;
		return true;
	}
	s->p++;
	skip_blanks(s);
	if (s->p == s->end || *s->p != '"')
		return bad(s, "a label's value is not in quotes");
	value = l->text.len;
	if (!take_string(s))
		return false;
	if (value == name + 1)
		return bad(s, "not a name of a label");
	if (l->n == LABELS_MAX)
		return bad(s, "more than 128 labels");
	s->at[l->n].name = name;
	s->at[l->n++].value = value;
	return true;
}

/* All labels, from the brace on to behind the other. */
static bool
take_labels(struct scan *s)
{
	s->p++;
	for (;;) {
		skip_blanks(s);
		if (s->p < s->end && *s->p == '}')
			break;
		if (!take_label(s))
			return false;
		skip_blanks(s);
		if (s->p < s->end && *s->p == ',')
			s->p++;
		else if (s->p == s->end || *s->p != '}')
			return bad(s, "labels do not end in }");
	}
	s->p++;
	return true;
}

/* ---- putting labels together, once the text does not move any more */

static int
compare(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
drop_label(struct labels *l, size_t i)
{
	memmove(l->at + i, l->at + i + 1, (--l->n - i) * sizeof(l->at[0]));
}

static bool
add_extra(struct scan *s, const struct prom_extra *extra, size_t n)
{
	struct labels *l = &s->line->labels;
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < l->n && strcmp(l->at[k].name,
		    extra[i].name) != 0; k++)
			;
		if (k == LABELS_MAX)
			return bad(s, "more than 128 labels");
		if (k == l->n)
			l->n++;
		l->at[k].name = extra[i].name;
		l->at[k].value = extra[i].value;
	}
	return true;
}

static bool
settle_labels(struct scan *s, const struct prom_extra *extra, size_t n_extra)
{
	struct labels *l = &s->line->labels;
	size_t i;

	l->name = l->text.s + s->name;
	for (i = 0; i < l->n; i++) {
		/* NOLINTNEXTLINE(*Result): take_labels has filled at[0..n) */
		l->at[i].name = l->text.s + s->at[i].name;
		l->at[i].value = l->text.s + s->at[i].value;
		if (strcmp(l->at[i].name, "__name__") == 0)
			return bad(s, "the label __name__ is the metric's "
			    "name");
	}
	qsort(l->at, l->n, sizeof(l->at[0]), compare);
	for (i = 1; i < l->n; i++)
		if (compare(&l->at[i - 1], &l->at[i]) == 0)
			return bad(s, "two labels of one name");
	if (n_extra > 0) {
		if (!add_extra(s, extra, n_extra))
			return false;
		qsort(l->at, l->n, sizeof(l->at[0]), compare);
	}
	for (i = l->n; i-- > 0;)
		if (l->at[i].value[0] == '\0')
			drop_label(l, i);
	return true;
}

/* ---- value and time */

/* Pass over the next word; its length. */
static size_t
take_word(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p != ' ' && *s->p != '\t' &&
	    *s->p != '\r')
		s->p++;
	return (size_t)(s->p - from);
}

static bool
take_value(struct scan *s)
{
	const char *word = s->p;
	size_t len = take_word(s);

	if (len == 0)
		return bad(s, "no value");
	if (ntdb_float_scan(word, len, &s->line->value, NULL) != 0)
		return bad(s, "the value is not a number, or out of range");
	return true;
}

/* Digits, in *v with a sign; false: there are others, none, or too many. */
static bool
scan_integer(const char *p, size_t len, int64_t *v)
{
	const bool negative = len > 0 && *p == '-';
	const char *end = p + len;

	*v = 0;
	p += negative;
	if (p == end)
		return false;
	for (; p < end; p++) {
		int digit = *p - '0';

		if (digit < 0 || digit > 9 ||
		    __builtin_mul_overflow(*v, 10, v) ||
		    __builtin_sub_overflow(*v, digit, v))
			return false;
	}
	return negative || !__builtin_sub_overflow(0, *v, v);
}

static bool
take_time(struct scan *s)
{
	const char *word = s->p;
	size_t len = take_word(s);

	s->line->has_time = len > 0;
	if (len == 0 || scan_integer(word, len, &s->line->t_ms))
		return true;
	return bad(s, "the time is not in milliseconds");
}

/* ---- lines */

static bool
take_sample(struct scan *s, const struct prom_extra *extra, size_t n_extra)
{
	struct labels *l = &s->line->labels;

	l->n = 0;
	strbuf_clear(&l->text);
	s->name = 0;
	s->has_name = take_name(s, true);
	if (!s->has_name && (s->p == s->end || *s->p != '{'))
		return bad(s, "not a name of a metric");
	skip_blanks(s);
	if (s->p < s->end && *s->p == '{' && !take_labels(s))
		return false;
	if (!s->has_name || (strbuf_ok(&l->text) && l->text.s[s->name] == '\0'))
		return bad(s, "no name of a metric");
	if (strbuf_ok(&l->text) && !settle_labels(s, extra, n_extra))
		return false;
	skip_blanks(s);
	if (!take_value(s))
		return false;
	skip_blanks(s);
	if (!take_time(s))
		return false;
	skip_blanks(s);
	return s->p == s->end || bad(s, "a word too many");
}

enum prom_kind
prom_scan(struct prom_line *line, const char *text, size_t len,
    const struct prom_extra *extra, size_t n_extra)
{
	struct scan s;
	bool taken;

	s.line = line;
	s.p = text;
	s.end = text + len;
	skip_blanks(&s);
	if (s.p == s.end || *s.p == '#')
		return PROM_BLANK;
	if (len > PROM_LINE_MAX) {
		line->reason = "line is longer than 64 KiB";
		return PROM_BAD;
	}
	taken = take_sample(&s, extra, n_extra);
	if (!strbuf_ok(&line->labels.text))
		return PROM_NO_MEMORY;
	return taken ? PROM_SAMPLE : PROM_BAD;
}

void
prom_line_release(struct prom_line *line)
{
	labels_release(&line->labels);
}
