/*
 * Floor 0.  A growable byte buffer.
 *
 * Invariants: len <= cap; data is NULL only if cap is 0.  After a failed
 * growth the buffer is unchanged and `failed' is set, later additions do
 * nothing: a writer adds freely and checks buf_ok once at the end.
 */
#ifndef NTDB_BUF_H
#define NTDB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t	*data;		/* owned */
	size_t	len, cap;
	bool	failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_init(struct buf *b);
void buf_release(struct buf *b);

/* Make the buffer larger: see buf_reserve. */
uint8_t *buf_grow(struct buf *b, size_t more);

/* Room for `more' bytes at the end; NULL when memory is out. */
static inline uint8_t *
buf_reserve(struct buf *b, size_t more)
{
	if (!b->failed && more <= b->cap - b->len && b->data != NULL)
		return b->data + b->len;
	return buf_grow(b, more);
}

/* Add n bytes, which are left uninitialised; NULL when memory is out. */
uint8_t *buf_extend(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_u16(struct buf *b, uint16_t v);
void buf_add_u32(struct buf *b, uint32_t v);
void buf_add_u64(struct buf *b, uint64_t v);

static inline bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

#endif
