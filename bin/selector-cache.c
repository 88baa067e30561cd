#include <stdlib.h>
#include <string.h>

#include "selector-cache.h"

#define TEXT_MAX 1024		/* longer ones are not kept */

static void
drop(struct kept_selector *k)
{
	selector_release(&k->s);
	free(k->db);
	free(k->text);
	k->db = k->text = NULL;
}

static bool
is_same(const struct kept_selector *k, const char *db, const char *text)
{
	return k->text != NULL && strcmp(k->text, text) == 0 &&
	    (db == NULL) == (k->db == NULL) &&
	    (db == NULL || strcmp(k->db, db) == 0);
}

/* Bring the i-th to the front; the others move back. */
static void
move_to_front(struct selector_cache *c, size_t i)
{
	const struct kept_selector k = c->at[i];

	memmove(&c->at[1], &c->at[0], i * sizeof(c->at[0]));
	c->at[0] = k;
}

/* Read one in place of the first. */
static int
read_first(struct kept_selector *k, const char *db, const char *text,
    struct ntdb_error *err)
{
	int r = 0;

	drop(k);
	if ((k->text = strdup(text)) == NULL ||
	    (db != NULL && (k->db = strdup(db)) == NULL)) {
		strcpy(err->text, "out of memory");
		r = err->code = NTDB_ESYS;
	}
	if (r == 0)
		r = selector_scan(&k->s, k->db, k->text, err);
	if (r != 0)
		drop(k);
	return r;
}

int
selector_cache_get(struct selector_cache *c, const char *db,
    const char *text, struct selector **s, struct ntdb_error *err)
{
	size_t i, room = SELECTORS_KEPT - 1;
	int r = 0;

	*s = NULL;
	for (i = 0; i < SELECTORS_KEPT; i++) {
		if (is_same(&c->at[i], db, text))
			break;
		if (c->at[i].text == NULL)
			room = i;
	}
	move_to_front(c, i < SELECTORS_KEPT ? i : room);
	if (i == SELECTORS_KEPT)
		r = read_first(&c->at[0], db, text, err);
	if (r == 0)
		*s = &c->at[0].s;
	return r;
}

void
selector_cache_rest(struct selector_cache *c)
{
	struct kept_selector *k = &c->at[0];

	if (k->text != NULL && strlen(k->text) > TEXT_MAX)
		drop(k);
	selector_rest(&k->s);
}

void
selector_cache_release(struct selector_cache *c)
{
	size_t i;

	for (i = 0; i < SELECTORS_KEPT; i++)
		drop(&c->at[i]);
}
