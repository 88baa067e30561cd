#include <stdlib.h>

#include "dictionary.h"
#include "tap.h"

#define N 8192

int
main(void)
{
	static int64_t v[N];
	static uint64_t index[N];
	struct dictionary *d = malloc(sizeof(*d));
	int i, bad = 0;

	plan(8);
	if (d == NULL)
		bail("out of memory");
	/* 4000 values, all over the range, of which 3999 is not last. */
	for (i = 0; i < N; i++)
		v[i] = (int64_t)(i * 17 % 4000 - 2000) * 4611686018427387;
	ok(dictionary_make(d, v, N, 4000), "4000 distinct values");
	is_int(d->n, 4000, "are so many");
	for (i = 0; i < 4000; i++)
		bad += d->sorted[i] != (int64_t)(i - 2000) * 4611686018427387;
	is_int(bad, 0, "in order");
	dictionary_indices(d, v, N, index);
	for (i = 0; i < N; i++)
		bad += index[i] != (uint64_t)(i * 17 % 4000);
	is_int(bad, 0, "and are found");
	ok(!dictionary_make(d, v, N, 3999), "they are not 3999");
	v[1] = v[0];
	ok(dictionary_make(d, v, 2, 1), "one value");
	is_int(d->n, 1, "is one");
	is_int(d->sorted[0], v[0], "and the one");
	free(d);
	return done_testing();
}
