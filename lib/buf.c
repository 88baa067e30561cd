#include <stdlib.h>

#include "buf.h"
#include "bytes.h"

#define BUF_MIN 256

void
buf_init(struct buf *b)
{
	memset(b, 0, sizeof(*b));
}

void
buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

uint8_t *
buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap > 0 ? b->cap : BUF_MIN;
	uint8_t *data;

	if (b->failed)
		return NULL;
	if (more <= b->cap - b->len && b->data != NULL)
		return b->data + b->len;
	while (cap - b->len < more) {
		if (cap > SIZE_MAX / 2)
			goto fail;
		cap *= 2;
	}
	if ((data = realloc(b->data, cap)) == NULL)
		goto fail;
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
fail:
	b->failed = true;
	return NULL;
}

uint8_t *
buf_extend(struct buf *b, size_t n)
{
	uint8_t *p = buf_reserve(b, n);

	if (p != NULL)
		b->len += n;
	return p;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	if (n > 0 && (to = buf_extend(b, n)) != NULL)
		memcpy(to, p, n);
}

void
buf_add_u8(struct buf *b, uint8_t v)
{
	uint8_t *to = buf_extend(b, 1);

	if (to != NULL)
		*to = v;
}

void
buf_add_u16(struct buf *b, uint16_t v)
{
	uint8_t *to = buf_extend(b, 2);

	if (to != NULL)
		put_u16(to, v);
}

void
buf_add_u32(struct buf *b, uint32_t v)
{
	uint8_t *to = buf_extend(b, 4);

	if (to != NULL)
		put_u32(to, v);
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	uint8_t *to = buf_extend(b, 8);

	if (to != NULL)
		put_u64(to, v);
}
