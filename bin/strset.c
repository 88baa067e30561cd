#include <stdlib.h>
#include <string.h>

#include "strset.h"

#define SIZE_MIN 64

/* FNV-1a. */
static uint32_t
hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

/* Where a string is in the table, or the free place for it. */
static uint32_t *
find(const struct strset *s, const char *string)
{
	size_t i = hash(string) & (s->size - 1);

	while (s->table[i] != 0 &&
	    strcmp(s->text.s + s->table[i] - 1, string) != 0)
		i = (i + 1) & (s->size - 1);
	return &s->table[i];
}

/* Have room for one more at a load of at most one half. */
static bool
grow(struct strset *s)
{
	uint32_t *old = s->table;
	size_t old_size = s->size, i;

	if (s->n < s->size / 2)
		return true;
	s->size = old_size > 0 ? old_size * 2 : SIZE_MIN;
	if ((s->table = calloc(s->size, sizeof(*s->table))) == NULL) {
		s->table = old;
		s->size = old_size;
		return false;
	}
	for (i = 0; i < old_size; i++)
		if (old[i] != 0)
			*find(s, s->text.s + old[i] - 1) = old[i];
	free(old);
	return true;
}

void
strset_add(struct strset *s, const char *string)
{
	uint32_t *at;

	if (!grow(s)) {
		s->failed = true;
		return;
	}
	if (*(at = find(s, string)) != 0)
		return;
	if (s->text.len >= UINT32_MAX / 2) {
		s->failed = true;
		return;
	}
	*at = (uint32_t)s->text.len + 1;
	strbuf_add(&s->text, string, strlen(string) + 1);
	if (!strbuf_ok(&s->text)) {
		*at = 0;
		s->failed = true;
		return;
	}
	s->n++;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
strset_sort(struct strset *s)
{
	const char *p = s->text.s;
	size_t i;

	s->sorted = malloc((s->n + 1) * sizeof(*s->sorted));
	if (s->sorted == NULL || s->failed)
		return -1;
	for (i = 0; i < s->n; i++, p += strlen(p) + 1)
		s->sorted[i] = p;
	qsort(s->sorted, s->n, sizeof(*s->sorted), compare);
	return 0;
}

void
strset_release(struct strset *s)
{
	strbuf_release(&s->text);
	free(s->table);
	free(s->sorted);
	*s = (struct strset)STRSET_INIT;
}
