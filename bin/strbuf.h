/*
 * A string that grows.  Running out of memory is remembered, and what is
 * added afterwards is dropped: check strbuf_ok once, at the end.
 */
#ifndef NTDB_BIN_STRBUF_H
#define NTDB_BIN_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char	*s;		/* owned; NUL-terminated if not NULL */
	size_t	len, cap;
	bool	failed;
};

#define STRBUF_INIT { NULL, 0, 0, false }

void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_puts(struct strbuf *b, const char *s);

static inline void
strbuf_putc(struct strbuf *b, char c)
{
	if (b->len + 1 >= b->cap || b->failed) {
		strbuf_add(b, &c, 1);
		return;
	}
	b->s[b->len++] = c;
	b->s[b->len] = '\0';
}

static inline bool
strbuf_ok(const struct strbuf *b)
{
	return !b->failed;
}

/* The string; "" if nothing was added.  Borrowed until it changes. */
const char *strbuf_str(const struct strbuf *b);

/* Empty it; its memory is kept. */
void strbuf_clear(struct strbuf *b);
void strbuf_release(struct strbuf *b);

#endif
