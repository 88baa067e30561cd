#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "listing.h"
#include "scratch.h"
#include "tap.h"

/* How many names there are, and how many of them are `want'. */
static int
count(DIR *dir, const char *want, int *found)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *name;
	int n = 0, r;

	*found = 0;
	while ((r = listing_next(dir, &name, "there", &err)) == 0) {
		n++;
		*found += strcmp(name, want) == 0;
	}
	is_int(r, NTDB_END, "it ends");
	is_int(err.code, 0, "without an error");
	return n;
}

int
main(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	const char *name;
	int fd, found;
	DIR *dir;

	plan_later();
	fd = scratch_dir();
	scratch_write(fd, "one", "", 0);
	scratch_write(fd, "two", "", 0);
	is_int(listing_open(&dir, fd, "there", NULL), 0, "opened");
	is_int(count(dir, "two", &found), 4, "., .. and two names");
	is_int(found, 1, "each once");
	closedir(dir);
	is_int(listing_open(&dir, fd, "there", NULL), 0,
	    "the descriptor has kept its place");
	count(dir, "one", &found);
	is_int(found, 1, "all is there again");
	closedir(dir);

	is_int(listing_open(&dir, fd, "there", NULL), 0, "once more");
	close(dirfd(dir));
	is_int(listing_next(dir, &name, "there", &err), NTDB_ESYS,
	    "what cannot be read is not the end");
	is_str(err.text, "cannot read directory: Bad file descriptor",
	    "and it is told why");
	is_str(err.path, "there", "and of what");
	ok(dir != NULL, "there is a list");
	closedir(dir);
	is_int(listing_open(&dir, -1, "there", NULL), NTDB_ESYS,
	    "no directory");
	ok(dir == NULL, "and no list");
	return done_testing();
}
