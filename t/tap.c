#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static int planned = -1;	/* -1: not known before the end */
static int n_run;
static int n_failed;

/* Results must not be lost in a buffer when a test crashes. */
static void
begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void
plan(int n)
{
	begin();
	planned = n;
	printf("1..%d\n", n);
}

void
plan_later(void)
{
	begin();
	planned = -1;
}

int
done_testing(void)
{
	if (planned < 0) {
		planned = n_run;
		printf("1..%d\n", n_run);
	}
	if (n_run != planned)
		diag("planned %d tests, ran %d", planned, n_run);
	if (n_failed > 0)
		diag("failed %d of %d", n_failed, n_run);
	fflush(stdout);
	return n_failed > 0 || n_run != planned;
}

void
skip_all(const char *fmt, ...)
{
	va_list ap;

	printf("1..0 # SKIP ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(0);
}

void
skip(int n, const char *fmt, ...)
{
	va_list ap;

	while (n-- > 0) {
		printf("ok %d # SKIP ", ++n_run);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
}

static void print_name(const char *fmt, va_list ap) TAP_PRINTF(1, 0);
static bool result(bool cond, const char *fmt, va_list ap) TAP_PRINTF(2, 0);

/* A `#' in a name would begin a directive. */
static void
print_name(const char *fmt, va_list ap)
{
	char name[512], *p;

	vsnprintf(name, sizeof(name), fmt, ap);
	for (p = name; *p != '\0'; p++)
		if (*p == '#' || *p == '\n')
			*p = '_';
	printf(" - %s\n", name);
}

static bool
result(bool cond, const char *fmt, va_list ap)
{
	n_run++;
	if (!cond)
		n_failed++;
	printf("%s %d", cond ? "ok" : "not ok", n_run);
	print_name(fmt, ap);
	return cond;
}

bool
ok(bool cond, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(cond, fmt, ap);
	va_end(ap);
	return cond;
}

bool
is_int(int64_t got, int64_t want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		diag(" got %" PRId64 "\nwant %" PRId64, got, want);
	return got == want;
}

bool
is_u64(uint64_t got, uint64_t want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		diag(" got %" PRIu64 " (0x%" PRIx64 ")\nwant %" PRIu64
		    " (0x%" PRIx64 ")", got, got, want, want);
	return got == want;
}

bool
is_str(const char *got, const char *want, const char *fmt, ...)
{
	va_list ap;
	bool same;

	if (got == NULL || want == NULL)
		same = got == want;
	else
		same = strcmp(got, want) == 0;
	va_start(ap, fmt);
	result(same, fmt, ap);
	va_end(ap);
	if (!same)
		diag(" got %s\nwant %s", got != NULL ? got : "(null)",
		    want != NULL ? want : "(null)");
	return same;
}

/* Up to 16 bytes from the place where two byte strings part. */
static void
show_bytes(const char *title, const uint8_t *p, size_t len, size_t at)
{
	size_t i;

	printf("# %s at %zu:", title, at);
	for (i = at; i < len && i < at + 16; i++)
		printf(" %02x", p[i]);
	printf("%s\n", i >= len ? " (end)" : " ...");
}

bool
is_mem(const void *got, size_t got_len, const void *want, size_t want_len,
    const char *fmt, ...)
{
	const uint8_t *g = got, *w = want;
	va_list ap;
	size_t at = 0;
	bool same;

	while (at < got_len && at < want_len && g[at] == w[at])
		at++;
	same = at == got_len && at == want_len;
	va_start(ap, fmt);
	result(same, fmt, ap);
	va_end(ap);
	if (!same) {
		diag("got %zu bytes, want %zu", got_len, want_len);
		show_bytes(" got", g, got_len, at);
		show_bytes("want", w, want_len, at);
	}
	return same;
}

void
diag(const char *fmt, ...)
{
	char text[2048], *line, *next;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (line = text; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		printf("# %s\n", line);
	}
	fflush(stdout);
}

void
bail(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_Exit(255);
}
