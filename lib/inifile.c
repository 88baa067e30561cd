#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "error.h"
#include "inifile.h"
#include "io.h"

/*
 * What feeds inih.  Invariants: at <= end; line is the number of the line
 * that was given to inih last; once status is not 0 inih gets no more lines.
 */
struct feed {
	const char *at, *end;
	int64_t	line;
	bool	in_section;
	int	status;
	const char *display;
	const struct inifile_calls *calls;
	struct ntdb_error *err;
};

static int
refuse(struct feed *f, const char *reason)
{
	return err_line(f->err, NTDB_ECONFIG, f->display, f->line, "%s",
	    reason);
}

/* The white space of the C locale, as inih's isspace. */
static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Where the first of the characters in set is, or the end: like inih, up to
 * a `;' that has white space before it.
 */
static const char *
find_char(const char *s, const char *end, const char *set)
{
	bool after_space = false;

	for (; s < end && strchr(set, *s) == NULL; s++) {
		if (*s == ';' && after_space)
			return end;
		after_space = is_space(*s);
	}
	return s;
}

static int
check_section(struct feed *f, const char *s, const char *end)
{
	char name[INIFILE_SECTION_MAX + 1];
	const char *close = find_char(++s, end, "]");
	const char *rest = close + 1;
	size_t len = (size_t)(close - s);

	if (close == end)
		return refuse(f, "section without `]'");
	while (rest < end && is_space(*rest))
		rest++;
	if (rest < end && *rest != ';' && *rest != '#')
		return refuse(f, "text after a section's `]'");
	if (len > INIFILE_SECTION_MAX)
		return refuse(f, "section name over 49 bytes");
	memcpy(name, s, len);
	name[len] = '\0';
	f->in_section = true;
	return f->calls->section(f->calls->arg, name, f->line, f->err);
}

static int
check_key(struct feed *f, const char *s, const char *end)
{
	const char *mark = find_char(s, end, "=:");

	if (mark == end)
		return refuse(f, "neither `[section]' nor `key = value'");
	if (*mark == ':')
		return refuse(f, "`:' where `=' is wanted");
	if (mark == s)
		return refuse(f, "no key before `='");
	if (!f->in_section)
		return refuse(f, "a key before any section");

	/* inih keeps `a =;b' and drops `a = ;b', so take neither. */
	for (mark++; mark < end && is_space(*mark); mark++)
		;
	if (mark < end && *mark == ';')
		return refuse(f, "a value cannot begin with `;'");
	return 0;
}

/* Whether inih reads this line as what it says. */
static int
check_line(struct feed *f, const char *s, const char *end)
{
	const char *start = s;

	if (memchr(s, '\0', (size_t)(end - s)) != NULL)
		return refuse(f, "a zero byte");
	if (end - s > INIFILE_LINE_MAX)
		return refuse(f, "line over 198 bytes");
	while (s < end && is_space(*s))
		s++;
	if (s == end || *s == ';' || *s == '#')
		return 0;
	if (s > start)
		return refuse(f, "indented line");
	return *s == '[' ? check_section(f, s, end) : check_key(f, s, end);
}

/* An ini_reader: one checked line, as fgets gives it. */
static char *
next_line(char *str, int room, void *stream)
{
	struct feed *f = stream;
	const char *s = f->at, *end;
	size_t len;

	if (f->status != 0 || s == f->end)
		return NULL;
	f->line++;
	if ((end = memchr(s, '\n', (size_t)(f->end - s))) == NULL)
		end = f->end;
	f->at = end < f->end ? end + 1 : end;
	if (end > s && end[-1] == '\r')
		end--;
	f->status = check_line(f, s, end);

	/* An inih that was built with a shorter line buffer. */
	len = (size_t)(end - s);
	if (f->status == 0 && (room < 2 || len > (size_t)room - 2))
		f->status = refuse(f, "line too long for this inih");
	if (f->status != 0)
		return NULL;
	memcpy(str, s, len);
	str[len] = '\n';
	str[len + 1] = '\0';
	return str;
}

/* An ini_handler. */
static int
take_key(void *user, const char *section, const char *name,
    const char *value)
{
	struct feed *f = user;

	if (f->status == 0)
		f->status = f->calls->key(f->calls->arg, section, name,
		    value, f->line, f->err);
	return f->status == 0;
}

int
inifile_parse(const char *text, size_t len, const char *display,
    const struct inifile_calls *calls, struct ntdb_error *err)
{
	struct feed f = { NULL, NULL, 0, false, 0, display, calls, err };
	int rc;

	if (len == 0)
		return 0;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	f.at = text;
	f.end = text + len;
	rc = ini_parse_stream(next_line, &f, take_key, &f);
	if (f.status != 0)
		return f.status;
	if (rc > 0)
		return err_line(err, NTDB_ECONFIG, display, rc,
		    "not understood");
	return rc == 0 ? 0 : err_nomem(err);
}

static int
read_all(int fd, const char *display, struct buf *out,
    struct ntdb_error *err)
{
	struct stat st;
	uint8_t *to;
	size_t got;
	int rc;

	if (fstat(fd, &st) != 0)
		return err_sys(err, display, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return err_at(err, NTDB_ECONFIG, display, -1, "%s",
		    S_ISDIR(st.st_mode) ? "is a directory" :
		    "is not a regular file");

	/* One byte more than is allowed shows that there are more. */
	if ((to = buf_reserve(out, INIFILE_MAX + 1)) == NULL)
		return err_nomem(err);
	if ((rc = io_pread(fd, to, INIFILE_MAX + 1, 0, &got, display,
	    err)) != 0)
		return rc;
	if (got > INIFILE_MAX)
		return err_at(err, NTDB_ECONFIG, display, -1,
		    "longer than 1 MiB");
	out->len += got;
	return 0;
}

int
inifile_read(int dirfd, const char *path, const char *display,
    struct buf *out, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	int fd, rc;

	/* O_NONBLOCK, lest a FIFO of that name make us wait. */
	fd = io_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
	    display, &why);
	if (fd < 0) {
		if (why.sys == ENOENT)
			return 0;
		if (err != NULL && err->code == 0)
			*err = why;
		return fd;
	}
	rc = read_all(fd, display, out, err);
	io_close(&fd);
	return rc;
}
