#include <stdio.h>
#include <string.h>

#include "../bin/strset.h"
#include "tap.h"

#define N 5000

int
main(void)
{
	struct strset s = STRSET_INIT;
	char text[16];
	bool sorted = true;
	unsigned i;

	plan(5);
	is_int(strset_sort(&s), 0, "an empty set");
	is_int((int64_t)s.n, 0, "has nothing in it");
	strset_release(&s);
	/* 7919 is prime, so that all come, in a strange order, twice. */
	for (i = 0; i < 2 * N; i++) {
		snprintf(text, sizeof(text), "%05u", i * 7919 % N);
		strset_add(&s, text);
	}
	is_int(strset_sort(&s), 0, "a large one");
	is_int((int64_t)s.n, N, "has each string once");
	for (i = 0; i < N && i < s.n; i++) {
		snprintf(text, sizeof(text), "%05u", i);
		sorted &= strcmp(s.sorted[i], text) == 0;
	}
	ok(sorted, "in order");
	strset_release(&s);
	return done_testing();
}
