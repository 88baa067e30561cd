#include <errno.h>
#include <fcntl.h>

#include "error.h"
#include "io.h"
#include "listing.h"

int
listing_open(DIR **dir, int fd, const char *display, struct ntdb_error *err)
{
	int r;

	*dir = NULL;
	fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1 && (*dir = fdopendir(fd)) != NULL)
		return 0;
	r = err_sys(err, display, "cannot read directory");
	io_close(&fd);
	return r;
}

int
listing_next(DIR *dir, const char **name, const char *display,
    struct ntdb_error *err)
{
	struct dirent *e;

	errno = 0;
	if ((e = readdir(dir)) != NULL) {
		*name = e->d_name;
		return 0;
	}
	return errno == 0 ? NTDB_END :
	    err_sys(err, display, "cannot read directory");
}
