#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

static void fill(struct ntdb_error *err, int code, const char *path,
    int64_t line, int64_t offset, const char *fmt, va_list ap)
    ERR_PRINTF(6, 0);

static void
fill(struct ntdb_error *err, int code, const char *path, int64_t line,
    int64_t offset, const char *fmt, va_list ap)
{
	if (err == NULL || err->code != 0)
		return;
	err->code = code;
	err->sys = 0;
	err->line = line;
	err->offset = offset;
	snprintf(err->path, sizeof(err->path), "%s", path != NULL ? path : "");
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int
err_set(struct ntdb_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, NULL, 0, -1, fmt, ap);
	va_end(ap);
	return code;
}

int
err_at(struct ntdb_error *err, int code, const char *path, int64_t offset,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, path, 0, offset, fmt, ap);
	va_end(ap);
	return code;
}

int
err_line(struct ntdb_error *err, int code, const char *path, int64_t line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, path, line, -1, fmt, ap);
	va_end(ap);
	return code;
}

static int
code_of_errno(int sys)
{
	switch (sys) {
	case EACCES:
	case EPERM:
	case EROFS:
		return NTDB_EPERM;
	case ENOENT:
	case ENOTDIR:
		return NTDB_ENOENT;
	case EIO:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EPIPE:
		return NTDB_EIO;
	default:
		return NTDB_ESYS;
	}
}

int
err_sys_code(struct ntdb_error *err, int code, const char *path,
    const char *what)
{
	int sys = errno;

	if (err == NULL || err->code != 0)
		return code;
	err_at(err, code, path, -1, "%s: %s", what, strerror(sys));
	err->sys = sys;
	return code;
}

int
err_sys(struct ntdb_error *err, const char *path, const char *what)
{
	return err_sys_code(err, code_of_errno(errno), path, what);
}

int
err_take(struct ntdb_error *err, const struct ntdb_error *from)
{
	if (err != NULL && err->code == 0)
		*err = *from;
	return from->code;
}

void
err_clear(struct ntdb_error *err)
{
	if (err == NULL)
		return;
	err->code = 0;
	err->sys = 0;
	err->line = 0;
	err->offset = -1;
	err->path[0] = '\0';
	err->text[0] = '\0';
}

/* Append len bytes of s at *at, escaped; counts on past the room. */
static void
put_escaped(char *buf, size_t room, size_t *at, const char *s, size_t len)
{
	char piece[8];
	size_t used, n, i;

	while (len > 0) {
		used = utf8_escape(s, len, piece, &n);
		for (i = 0; i < n; i++, (*at)++)
			if (*at + 1 < room)
				buf[*at] = piece[i];
		s += used;
		len -= used;
	}
}

size_t
ntdb_error_format(const struct ntdb_error *err, char *buf, size_t room)
{
	char where[48] = "";
	size_t at = 0;

	if (err->line > 0)
		snprintf(where, sizeof(where), "line %lld: ",
		    (long long)err->line);
	else if (err->offset >= 0)
		snprintf(where, sizeof(where), "offset %lld: ",
		    (long long)err->offset);
	if (err->path[0] != '\0') {
		put_escaped(buf, room, &at, err->path, strlen(err->path));
		put_escaped(buf, room, &at, ": ", 2);
	}
	put_escaped(buf, room, &at, where, strlen(where));
	put_escaped(buf, room, &at, err->text, strlen(err->text));
	if (room > 0)
		buf[at < room ? at : room - 1] = '\0';
	return at;
}
