#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"

#define FILE_MAX (1 << 20)	/* bytes of a file of tokens */

/* ------------------------------------------------------------- the file */

static int
fail(struct ntdb_error *err, int code, int sys, size_t line,
    const char *reason)
{
	if (err == NULL || err->code != 0)
		return code;
	err->code = code;
	err->sys = sys;
	err->line = (int64_t)line;
	snprintf(err->text, sizeof(err->text), "%s", reason);
	return code;
}

static bool
add_token(struct auth *a, const char *token, size_t len, bool write)
{
	struct auth_token *more;

	more = realloc(a->tokens, (a->n + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	a->tokens = more;
	more[a->n].at = a->text.len;
	more[a->n].len = len;
	more[a->n].write = write;
	strbuf_add(&a->text, token, len);
	if (!strbuf_ok(&a->text))
		return false;
	a->n++;
	return true;
}

/* The next word of s, which ends at end; its length is 0 after the last. */
static const char *
word(const char *s, const char *end, size_t *len)
{
	const char *p;

	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	for (p = s; p < end && *p > ' ' && *p < 0x7f; p++)
		;
	*len = (size_t)(p - s);
	return s;
}

/* One line: a right and a token, and nothing else. */
static int
scan_line(struct auth *a, const char *s, const char *end, size_t line,
    struct ntdb_error *err)
{
	const char *right, *token, *rest;
	size_t right_len, token_len, rest_len;
	bool write;

	right = word(s, end, &right_len);
	if (right == end || *right == '#')
		return 0;
	token = word(right + right_len, end, &token_len);
	rest = word(token + token_len, end, &rest_len);
	write = right_len == 5 && memcmp(right, "write", 5) == 0;
	if (!write && !(right_len == 4 && memcmp(right, "read", 4) == 0))
		return fail(err, NTDB_ECONFIG, 0, line,
		    "neither `read TOKEN' nor `write TOKEN'");
	if (token_len == 0 || rest != end)
		return fail(err, NTDB_ECONFIG, 0, line,
		    "not one token of visible ASCII characters");
	if (!add_token(a, token, token_len, write))
		return fail(err, NTDB_ESYS, ENOMEM, 0, "out of memory");
	return 0;
}

int
auth_scan(struct auth *a, const char *text, size_t len,
    struct ntdb_error *err)
{
	const char *end = text + len, *s, *eol;
	size_t line = 0;
	int r;

	for (s = text; s < end; s = eol + 1) {
		eol = memchr(s, '\n', (size_t)(end - s));
		if (eol == NULL)
			eol = end;
		if ((r = scan_line(a, s, eol, ++line, err)) != 0)
			return r;
	}
	return 0;
}

/* Read all of fd, a file that only its owner may read. */
static int
load(struct auth *a, int fd, struct ntdb_error *err)
{
	struct strbuf text = STRBUF_INIT;
	char buf[4096];
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(err, NTDB_ECONFIG, 0, 0, "not a file");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fail(err, NTDB_ECONFIG, 0, 0,
		    "others than its owner may use it (chmod 600)");
	while ((n = read(fd, buf, sizeof(buf))) > 0 && text.len < FILE_MAX)
		strbuf_add(&text, buf, (size_t)n);
	if (n != 0)
		r = fail(err, NTDB_ECONFIG, n < 0 ? errno : 0, 0,
		    n < 0 ? strerror(errno) : "too long");
	else if (!strbuf_ok(&text))
		r = fail(err, NTDB_ESYS, ENOMEM, 0, "out of memory");
	else
		r = auth_scan(a, strbuf_str(&text), text.len, err);
	strbuf_release(&text);
	return r;
}

int
auth_load(struct auth *a, const char *path, struct ntdb_error *err)
{
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		r = fail(err, NTDB_ECONFIG, errno, 0, strerror(errno));
	} else {
		r = load(a, fd, err);
		close(fd);
	}
	if (r != 0 && err != NULL)
		snprintf(err->path, sizeof(err->path), "%s", path);
	return r;
}

void
auth_release(struct auth *a)
{
	strbuf_release(&a->text);
	free(a->tokens);
	a->tokens = NULL;
	a->n = 0;
}

/* ----------------------------------------------------------- the header */

/* Whether two strings are equal, in a time that depends on len alone. */
static bool
same(const char *shown, size_t len, const char *token, size_t token_len)
{
	volatile size_t differ = len ^ token_len;
	size_t i;

	for (i = 0; i < len; i++)
		differ |= (size_t)(uint8_t)(shown[i] ^
		    token[i < token_len ? i : 0]);
	return differ == 0;
}

static void
check_token(const struct auth *a, const char *shown, size_t len,
    bool *may_read, bool *may_write)
{
	const struct auth_token *t;
	size_t i;

	for (i = 0; i < a->n; i++) {
		t = &a->tokens[i];
		if (same(shown, len, a->text.s + t->at, t->len)) {
			*may_read = true;
			*may_write |= t->write;
		}
	}
}

/* The value of a base64 digit, or -1. */
static int
digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode as far as s has digits of base64; false if more than `=' follows. */
static bool
decode64(const char *s, struct strbuf *out)
{
	uint32_t bits = 0;
	unsigned n = 0;
	int d;

	for (; (d = digit64(*s)) >= 0; s++) {
		bits = bits << 6 | (uint32_t)d;
		n += 6;
		if (n >= 8) {
			n -= 8;
			strbuf_putc(out, (char)(bits >> n & 0xff));
		}
	}
	return strspn(s, "=") == strlen(s) && strbuf_ok(out);
}

static void
check_basic(const struct auth *a, const char *s, bool *may_read,
    bool *may_write)
{
	struct strbuf plain = STRBUF_INIT;
	const char *password;

	if (decode64(s, &plain) && plain.len > 0 &&
	    (password = memchr(plain.s, ':', plain.len)) != NULL) {
		password++;
		check_token(a, password,
		    plain.len - (size_t)(password - plain.s), may_read,
		    may_write);
	}
	strbuf_release(&plain);
}

void
auth_check(const struct auth *a, const char *authorization, bool *may_read,
    bool *may_write)
{
	const char *s = authorization;
	size_t len;

	*may_read = *may_write = false;
	if (s == NULL)
		return;
	len = strcspn(s, " ");
	s += len + strspn(s + len, " ");
	if (len == 5 && strncasecmp(authorization, "Basic", 5) == 0)
		check_basic(a, s, may_read, may_write);
	else if ((len == 6 && strncasecmp(authorization, "Bearer", 6) == 0) ||
	    (len == 5 && strncasecmp(authorization, "Token", 5) == 0))
		check_token(a, s, strlen(s), may_read, may_write);
}
