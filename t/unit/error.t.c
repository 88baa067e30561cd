#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "tap.h"

static void
test_fields(void)
{
	struct ntdb_error e = NTDB_ERROR_INIT;

	is_int(err_set(&e, NTDB_EBUSY, "%s %d", "why", 7), NTDB_EBUSY,
	    "err_set returns the code");
	ok(e.code == NTDB_EBUSY && e.sys == 0 && e.line == 0 &&
	    e.offset == -1 && e.path[0] == '\0', "and fills the record");
	is_str(e.text, "why 7", "with the reason");
	is_int(err_at(&e, NTDB_ECORRUPT, "f", 12, "later"), NTDB_ECORRUPT,
	    "a second failure returns its own code");
	ok(e.code == NTDB_EBUSY && strcmp(e.text, "why 7") == 0,
	    "but the first one stays in the record");

	err_clear(&e);
	ok(e.code == 0 && e.offset == -1 && e.text[0] == '\0',
	    "err_clear forgets it");
	err_at(&e, NTDB_ECORRUPT, "data.dat", 4096, "page is bad");
	ok(e.code == NTDB_ECORRUPT && e.offset == 4096 && e.line == 0 &&
	    strcmp(e.path, "data.dat") == 0, "err_at: file and offset");
	err_clear(&e);
	err_line(&e, NTDB_ECONFIG, "engine.ini", 3, "bad key");
	ok(e.code == NTDB_ECONFIG && e.offset == -1 && e.line == 3 &&
	    strcmp(e.path, "engine.ini") == 0, "err_line: file and line");
	err_clear(&e);
	is_int(err_nomem(&e), NTDB_ESYS, "out of memory");
	is_int(e.code, NTDB_ESYS, "likewise in the record");
}

static void
test_null(void)
{
	is_int(err_set(NULL, NTDB_EBUSY, "x"), NTDB_EBUSY, "no record: set");
	is_int(err_at(NULL, NTDB_EIO, "p", 1, "x"), NTDB_EIO, "at");
	is_int(err_line(NULL, NTDB_ECONFIG, "p", 1, "x"), NTDB_ECONFIG,
	    "line");
	is_int(err_nomem(NULL), NTDB_ESYS, "memory");
	errno = ENOSPC;
	is_int(err_sys(NULL, "p", "cannot write"), NTDB_EIO, "system");
	err_clear(NULL);
}

static void
test_system(void)
{
	static const struct {
		int sys, code;
	} t[] = {
		{ EACCES, NTDB_EPERM }, { EPERM, NTDB_EPERM },
		{ ENOENT, NTDB_ENOENT }, { EIO, NTDB_EIO },
		{ ENOSPC, NTDB_EIO }, { ENOMEM, NTDB_ESYS },
		{ EMFILE, NTDB_ESYS },
	};
	struct ntdb_error e = NTDB_ERROR_INIT;
	char want[256];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		errno = t[i].sys;
		is_int(err_sys(&e, "f", "cannot open"), t[i].code,
		    "code of %s", strerror(t[i].sys));
		is_int(e.sys, t[i].sys, "its errno is kept");
		snprintf(want, sizeof(want), "cannot open: %s",
		    strerror(t[i].sys));
		is_str(e.text, want, "and told");
	}
	err_clear(&e);
	errno = ENOENT;
	is_int(err_sys_code(&e, NTDB_ECREATE, "f", "cannot create"),
	    NTDB_ECREATE, "a code of the caller's choice");
	ok(e.code == NTDB_ECREATE && e.sys == ENOENT &&
	    strcmp(e.path, "f") == 0, "is in the record");
	errno = EIO;
	is_int(err_sys(&e, "g", "cannot read"), NTDB_EIO,
	    "a later failed call returns its code");
	ok(e.sys == ENOENT && strcmp(e.path, "f") == 0,
	    "and leaves the first one's record");
}

static void
test_cut(void)
{
	struct ntdb_error e = NTDB_ERROR_INIT;
	char longer[600];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	err_at(&e, NTDB_EIO, longer, -1, "%s", longer);
	is_int((int64_t)strlen(e.path), 255, "a long path is cut");
	is_int((int64_t)strlen(e.text), 255, "a long reason too");
}

static const char *
text_of(const char *path, int64_t line, int64_t offset, const char *text)
{
	static char buf[512];
	struct ntdb_error e = NTDB_ERROR_INIT;

	e.code = NTDB_ECORRUPT;
	e.line = line;
	e.offset = offset;
	snprintf(e.path, sizeof(e.path), "%s", path);
	snprintf(e.text, sizeof(e.text), "%s", text);
	ntdb_error_format(&e, buf, sizeof(buf));
	return buf;
}

static void
test_format(void)
{
	struct ntdb_error e = NTDB_ERROR_INIT;
	char small[6] = "#####";

	is_str(text_of("", 0, -1, "why"), "why", "a reason");
	is_str(text_of("db/f", 0, -1, "why"), "db/f: why", "a file");
	is_str(text_of("db/f", 3, -1, "why"), "db/f: line 3: why", "a line");
	is_str(text_of("db/f", 0, 0, "why"), "db/f: offset 0: why",
	    "an offset of 0");
	is_str(text_of("db/f", 0, INT64_C(5000000000), "why"),
	    "db/f: offset 5000000000: why", "a large offset");
	is_str(text_of("a\nb", 0, -1, "x\x1b[1m\ty"),
	    "a\\nb: x\\x1b[1m\\ty", "control characters are escaped");
	is_str(text_of("\xff", 0, -1, "gr\xc3\xbc\xc3\x9f \x80"),
	    "\\xff: gr\xc3\xbc\xc3\x9f \\x80",
	    "so is what is no UTF-8, and nothing else");

	err_set(&e, NTDB_EIO, "0123456789");
	is_int((int64_t)ntdb_error_format(&e, small, sizeof(small)), 10,
	    "the whole length is told");
	is_str(small, "01234", "what fits is there, with its NUL");
	small[0] = '#';
	is_int((int64_t)ntdb_error_format(&e, small, 0), 10, "without room");
	ok(small[0] == '#', "nothing is written");
	ntdb_error_format(&e, small, 1);
	is_str(small, "", "room for the NUL alone");
}

int
main(void)
{
	plan_later();
	test_fields();
	test_null();
	test_system();
	test_cut();
	test_format();
	return done_testing();
}
