#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

/* Room for len more bytes and a NUL. */
static bool
reserve(struct strbuf *b, size_t len)
{
	size_t cap = b->cap > 0 ? b->cap : 64;
	char *s;

	if (b->failed || len >= SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + len < b->cap)
		return true;
	while (cap <= b->len + len)
		cap *= 2;
	if ((s = realloc(b->s, cap)) == NULL) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void
strbuf_add(struct strbuf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->s + b->len, data, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void
strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

const char *
strbuf_str(const struct strbuf *b)
{
	return b->len > 0 ? b->s : "";
}

void
strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->s != NULL)
		b->s[0] = '\0';
}

void
strbuf_release(struct strbuf *b)
{
	free(b->s);
	b->s = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}
