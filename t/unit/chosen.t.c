/* What was chosen among a state's names, and when it does not hold. */
#include <stdio.h>
#include <stdlib.h>

#include "chosen.h"
#include "tap.h"

static struct chosen_list list;
static struct state state;

static void
name(uint32_t id, const char *text)
{
	if (state_define(&state, id, NTDB_INT64, text, strlen(text), 0,
	    NULL) != 0)
		bail("cannot name a metric");
}

static void
finds(const char *key, const char *want, const char *what)
{
	const struct chosen *c = chosen_find(&list, &state, key);
	char text[256] = "none";
	size_t i, len = 0;

	if (c != NULL)
		text[0] = '\0';
	for (i = 0; c != NULL && i < c->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u ",
		    (unsigned)c->ids[i]);
	is_str(text, want, "%s", what);
}

static void
check_keys(void)
{
	const uint32_t a[] = { 3, 1 }, b[] = { 2 };
	char key[16];
	unsigned i;

	finds("a", "none", "nothing at first");
	chosen_add(&list, &state, "a", a, 2);
	chosen_add(&list, &state, "b", b, 1);
	chosen_add(&list, &state, "c", NULL, 0);
	finds("a", "3 1 ", "ids in their order");
	finds("b", "2 ", "of another key");
	finds("c", "", "none chosen is an answer");
	finds("", "none", "a key that was not there");
	chosen_add(&list, &state, "a", b, 1);
	finds("a", "2 ", "what was added last counts");
	finds("b", "2 ", "and the others stay");
	for (i = 0; i < CHOSEN_MAX - 1; i++) {
		snprintf(key, sizeof(key), "key%u", i);
		chosen_add(&list, &state, key, a, 2);
	}
	finds("a", "2 ", "as many as there is room for");
	finds("b", "none", "the oldest makes room");
	finds("key0", "3 1 ", "the first of the new ones");
}

static void
check_limits(void)
{
	static uint32_t many[100000];
	static char key[100000];

	chosen_add(&list, &state, "many", many, 100000);
	finds("many", "none", "too many ids");
	memset(key, 'x', sizeof(key) - 1);
	chosen_add(&list, &state, key, many, 1);
	finds(key, "none", "a key that is too long");
}

int
main(void)
{
	plan_later();
	state_init(&state);
	name(1, "one");
	name(2, "two");
	name(3, "three");
	check_keys();
	check_limits();
	name(5, "five");
	finds("a", "none", "another name may be chosen, too");
	chosen_add(&list, &state, "a", NULL, 0);
	name(5, "five");
	finds("a", "", "a name that was there changes nothing");
	chosen_release(&list);
	finds("a", "none", "released");
	state_release(&state);
	return done_testing();
}
