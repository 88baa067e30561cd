#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "labels.h"
#include "ntdb.h"

/* ---- scanning: the plain text goes to l->text, offsets until the end */

/* Of one label, in l->text. */
struct place {
	size_t	name, value;
};

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/*
 * What is escaped at p, as one byte, and how long its escape is; 0: nothing
 * is.  In names there is only \xHH.
 */
static size_t
unescape(const char *p, bool in_value, char *c)
{
	int high, low;

	if (p[0] != '\\')
		return 0;
	if (in_value && (p[1] == '\\' || p[1] == '"' || p[1] == 'n')) {
		*c = p[1] == 'n' ? '\n' : p[1];
		return 2;
	}
	if (p[1] != 'x' || (high = hex_value(p[2])) < 0 ||
	    (low = hex_value(p[3])) < 0 || high + low == 0)
		return 0;
	*c = (char)(high * 16 + low);
	return 4;
}

/*
 * Copy up to a character of ends but the backslash, which is the first of
 * them; that is not copied.  NULL: there is none.
 */
static const char *
copy_until(struct labels *l, const char *p, const char *ends, bool in_value)
{
	size_t used;
	char c;

	for (;;) {
		used = strcspn(p, ends);
		strbuf_add(&l->text, p, used);
		p += used;
		if (*p != '\\')
			break;
		if ((used = unescape(p, in_value, &c)) == 0) {
			c = *p;
			used = 1;
		}
		strbuf_putc(&l->text, c);
		p += used;
	}
	strbuf_putc(&l->text, '\0');
	return *p != '\0' ? p : NULL;
}

/* NAME="VALUE" at p; its end, or NULL. */
static const char *
scan_label(struct labels *l, const char *p, struct place *at)
{
	at->name = l->text.len;
	p = copy_until(l, p, "\\=,{}\"", false);
	if (p == NULL || p[0] != '=' || p[1] != '"' ||
	    l->text.len == at->name + 1)
		return NULL;
	at->value = l->text.len;
	p = copy_until(l, p + 2, "\\\"", true);
	return p == NULL ? NULL : p + 1;
}

/* All labels from behind the brace on; false: they are not of the form. */
static bool
scan_labels(struct labels *l, const char *p, struct place *at)
{
	while (*p != '}') {
		if (l->n == LABELS_MAX)
			return false;
		if ((p = scan_label(l, p, &at[l->n])) == NULL)
			return false;
		/* A label without a value is as good as none. */
		if (at[l->n].value + 1 < l->text.len)
			l->n++;
		if (*p == ',')
			p++;
		else if (*p != '}')
			return false;
	}
	return p[1] == '\0';
}

static int
compare(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Point into the text, which does not move any more, and sort. */
static bool
settle(struct labels *l, const struct place *at)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		/* NOLINTNEXTLINE(*Result): scan_labels has filled at[0..n) */
		l->at[i].name = l->text.s + at[i].name;
		l->at[i].value = l->text.s + at[i].value;
	}
	qsort(l->at, l->n, sizeof(l->at[0]), compare);
	for (i = 0; i < l->n; i++)
		if ((i > 0 && strcmp(l->at[i].name, l->at[i - 1].name) == 0) ||
		    strcmp(l->at[i].name, "__name__") == 0)
			return false;
	return true;
}

int
labels_scan(struct labels *l, const char *metric)
{
	struct place at[LABELS_MAX];
	const char *p;
	bool plain;

	strbuf_clear(&l->text);
	l->n = 0;
	p = copy_until(l, metric, "\\{", false);
	plain = p == metric || (p != NULL && !scan_labels(l, p + 1, at)) ||
	    !strbuf_ok(&l->text) || !settle(l, at);
	if (plain && strbuf_ok(&l->text)) {
		strbuf_clear(&l->text);
		l->n = 0;
		strbuf_add(&l->text, metric, strlen(metric) + 1);
	}
	l->name = l->text.s;
	return strbuf_ok(&l->text) ? 0 : -1;
}

const char *
labels_find(const struct labels *l, const char *name)
{
	size_t i;

	if (strcmp(name, "__name__") == 0)
		return l->name;
	for (i = 0; i < l->n; i++)
		if (strcmp(l->at[i].name, name) == 0)
			return l->at[i].value;
	return NULL;
}

void
labels_release(struct labels *l)
{
	strbuf_release(&l->text);
	l->n = 0;
	l->name = NULL;
}

/* ---- formatting */

static void
put_hex(struct strbuf *out, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		strbuf_puts(out, "\\x");
		strbuf_putc(out, digits[(unsigned char)s[i] >> 4]);
		strbuf_putc(out, digits[(unsigned char)s[i] & 15]);
	}
}

/* A name: what would end it is escaped too. */
static void
put_name(struct strbuf *out, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = escape_char_len(s, strlen(s));
		if (n == 0 || strchr("{}=,\"\\", *s) != NULL ||
		    !ntdb_metric_name_ok(s, n))
			put_hex(out, s, n = n == 0 ? 1 : n);
		else
			strbuf_add(out, s, n);
	}
}

static void
put_value(struct strbuf *out, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = escape_char_len(s, strlen(s));
		if (*s == '\n') {
			strbuf_puts(out, "\\n");
		} else if (*s == '\\' || *s == '"') {
			strbuf_putc(out, '\\');
			strbuf_putc(out, *s);
		} else if (n == 0 || !ntdb_metric_name_ok(s, n)) {
			put_hex(out, s, n = n == 0 ? 1 : n);
		} else {
			strbuf_add(out, s, n);
		}
	}
}

void
labels_format(const struct labels *l, struct strbuf *out)
{
	size_t i;

	put_name(out, l->name);
	for (i = 0; i < l->n; i++) {
		strbuf_putc(out, i == 0 ? '{' : ',');
		put_name(out, l->at[i].name);
		strbuf_puts(out, "=\"");
		put_value(out, l->at[i].value);
		strbuf_putc(out, '"');
	}
	if (l->n > 0)
		strbuf_putc(out, '}');
}
