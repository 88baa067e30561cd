/*
 * Floor 3.  INI files, through inih, without what it does in silence.
 *
 * Refused with file and line (NTDB_ECONFIG): lines over INIFILE_LINE_MAX
 * bytes, section names over INIFILE_SECTION_MAX, indented lines (inih adds
 * them to the value above), lines that are neither blank, a comment, a
 * `[section]' nor `key = value', a key before any section, values that begin
 * with `;', and NUL bytes.  A line that starts with `;' or `#' is a comment,
 * and so is what follows a `;' with white space before it.
 */
#ifndef NTDB_INIFILE_H
#define NTDB_INIFILE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ntdb.h"

#define INIFILE_LINE_MAX 198
#define INIFILE_SECTION_MAX 49
#define INIFILE_MAX ((size_t)1 << 20)	/* bytes of a file */

/*
 * Told of each section's header and of each key, in the order of the file,
 * with its line from 1; all strings are borrowed for the call.  A negative
 * result ends the parse, which returns it.
 */
struct inifile_calls {
	int	(*section)(void *arg, const char *name, int64_t line,
		    struct ntdb_error *err);
	int	(*key)(void *arg, const char *section, const char *key,
		    const char *value, int64_t line, struct ntdb_error *err);
	void	*arg;
};

/*
 * Put a whole file at the end of out; a missing one is as good as an empty
 * one.  NTDB_EPERM if it may not be read, NTDB_ECONFIG if it is a directory
 * or too long.
 */
int inifile_read(int dirfd, const char *path, const char *display,
    struct buf *out, struct ntdb_error *err);

/* Parse a text; display is its name in messages. */
int inifile_parse(const char *text, size_t len, const char *display,
    const struct inifile_calls *calls, struct ntdb_error *err);

#endif
