/*
 * A target without a fuzzer: runs it on the files that are named, or on all
 * files of the directories that are.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static unsigned long n_inputs;

static void
run_file(const char *dir, const char *name)
{
	struct buf b = BUF_INIT;
	uint8_t *copy;

	if (!fuzz_read(dir, name, &b)) {
		fprintf(stderr, "%s/%s: cannot be read\n", dir, name);
		exit(66);
	}
	copy = fuzz_copy(b.data, b.len);
	LLVMFuzzerTestOneInput(copy, b.len);
	free(copy);
	buf_release(&b);
	n_inputs++;
}

int
main(int argc, char **argv)
{
	struct dirent *e;
	DIR *dir;
	int i;

	for (i = 1; i < argc; i++) {
		if ((dir = opendir(argv[i])) == NULL) {
			run_file(".", argv[i]);
			continue;
		}
		while ((e = readdir(dir)) != NULL)
			if (e->d_name[0] != '.')
				run_file(argv[i], e->d_name);
		closedir(dir);
	}
	printf("%lu inputs\n", n_inputs);
	return n_inputs > 0 ? 0 : 66;
}
