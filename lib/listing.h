/*
 * Floor 1.  The names in a directory, and failures to read them: a name that
 * is left out would be data that are.
 */
#ifndef NTDB_LISTING_H
#define NTDB_LISTING_H

#include <dirent.h>

#include "ntdb.h"

/* List the directory that fd is open on; fd keeps its place.  closedir. */
int listing_open(DIR **dir, int fd, const char *display,
    struct ntdb_error *err);

/* The next name, . and .. among them; NTDB_END after the last. */
int listing_next(DIR *dir, const char **name, const char *display,
    struct ntdb_error *err);

#endif
