#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "url.h"

/* The byte that %HH at s means, or -1; NUL is not meant by anybody. */
static int
escaped(const char *s, size_t len)
{
	int high, low;

	if (len < 3 || (high = hex_digit(s[1])) < 0 || (low = hex_digit(s[2])) < 0)
		return -1;
	return high + low > 0 ? high << 4 | low : -1;
}

/* Decode; plus: a `+' is a blank. */
static bool
decode(const char *s, size_t len, bool plus, struct strbuf *out)
{
	size_t n, i = 0;
	int c;

	while (i < len) {
		for (n = i; n < len && s[n] != '%' && s[n] != '+' &&
		    s[n] != '\0'; n++)
			;
		strbuf_add(out, s + i, n - i);
		if (n == len)
			break;
		i = n + 1;
		if (s[n] == '+') {
			strbuf_putc(out, plus ? ' ' : '+');
			continue;
		}
		if (s[n] == '\0' || (c = escaped(s + n, len - n)) < 0)
			return false;
		strbuf_putc(out, (char)c);
		i = n + 3;
	}
	return strbuf_ok(out);
}

bool
url_decode(const char *s, size_t len, struct strbuf *out)
{
	return decode(s, len, false, out);
}

bool
url_path_ok(const char *path, size_t len)
{
	size_t i, start = 0, seg;

	if (len == 0 || path[0] != '/')
		return false;
	for (i = 0; i <= len; i++) {
		if (i < len && ((unsigned char)path[i] < ' ' ||
		    path[i] == 0x7f || path[i] == '\\'))
			return false;
		if (i < len && path[i] != '/')
			continue;
		seg = i - start;
		if (seg > 0 && seg <= 2 && memcmp(path + start, "..", seg) == 0)
			return false;
		start = i + 1;
	}
	return true;
}

/* Add one `name=value'; without `=' the value is empty. */
static bool
add(struct url_params *p, const char *s, size_t len)
{
	const char *eq = len > 0 ? memchr(s, '=', len) : NULL;
	size_t name_len = eq != NULL ? (size_t)(eq - s) : len, cap;
	struct url_param *more;

	if (p->n == URL_PARAMS_MAX)
		return false;
	if (p->n == p->cap) {
		cap = p->cap > 0 ? 2 * p->cap : 8;
		more = realloc(p->at, cap * sizeof(*more));
		if (more == NULL)
			return false;
		p->at = more;
		p->cap = cap;
	}
	p->at[p->n].name = p->text.len;
	if (!decode(s, name_len, true, &p->text))
		return false;
	strbuf_putc(&p->text, '\0');
	p->at[p->n].value = p->text.len;
	if (eq != NULL && !decode(eq + 1, len - name_len - 1, true, &p->text))
		return false;
	strbuf_putc(&p->text, '\0');
	if (!strbuf_ok(&p->text))
		return false;
	p->n++;
	return true;
}

bool
url_params_scan(struct url_params *p, const char *s, size_t len)
{
	const char *end = s + len, *amp;

	for (; s < end; s = amp + 1) {
		amp = memchr(s, '&', (size_t)(end - s));
		if (amp == NULL)
			amp = end;
		if (amp > s && !add(p, s, (size_t)(amp - s)))
			return false;
	}
	return true;
}

const char *
url_params_next(const struct url_params *p, const char *name, size_t *at)
{
	const struct url_param *q;

	while (*at < p->n) {
		q = &p->at[(*at)++];
		if (strcmp(p->text.s + q->name, name) == 0)
			return p->text.s + q->value;
	}
	return NULL;
}

void
url_params_clear(struct url_params *p)
{
	strbuf_clear(&p->text);
	p->n = 0;
}

void
url_params_release(struct url_params *p)
{
	strbuf_release(&p->text);
	free(p->at);
	p->at = NULL;
	p->n = p->cap = 0;
}
