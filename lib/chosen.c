#include <stdlib.h>

#include "chosen.h"

#define KEY_LEN_MAX 512
#define IDS_MAX 1024

static void
forget(struct chosen *c)
{
	free(c->key);
	free(c->ids);
	memset(c, 0, sizeof(*c));
}

const struct chosen *
chosen_find(const struct chosen_list *list, const struct state *s,
    const char *key)
{
	const struct chosen *c;

	for (c = list->at; c < list->at + CHOSEN_MAX && c->key != NULL; c++)
		if (strcmp(c->key, key) == 0)
			return c->n_named == s->n_named ? c : NULL;
	return NULL;
}

/* The place for a key: that of the same key, or else the last one. */
static size_t
place_of(const struct chosen_list *list, const char *key)
{
	size_t i;

	for (i = 0; i < CHOSEN_MAX - 1 && list->at[i].key != NULL; i++)
		if (strcmp(list->at[i].key, key) == 0)
			break;
	return i;
}

void
chosen_add(struct chosen_list *list, const struct state *s, const char *key,
    const uint32_t *ids, size_t n)
{
	struct chosen c = { NULL, NULL, n, s->n_named };
	size_t i;

	if (strlen(key) > KEY_LEN_MAX || n > IDS_MAX)
		return;
	c.key = strdup(key);
	c.ids = malloc((n + 1) * sizeof(*c.ids));
	if (c.key == NULL || c.ids == NULL) {
		forget(&c);
		return;
	}
	if (n > 0)
		memcpy(c.ids, ids, n * sizeof(*ids));
	i = place_of(list, key);
	forget(&list->at[i]);
	memmove(&list->at[1], &list->at[0], i * sizeof(list->at[0]));
	list->at[0] = c;
}

void
chosen_release(struct chosen_list *list)
{
	size_t i;

	for (i = 0; i < CHOSEN_MAX; i++)
		forget(&list->at[i]);
}
