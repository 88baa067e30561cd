#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../bin/auth.h"
#include "scratch.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char file[] =
	"# who may do what\n"
	"\n"
	"read  r-token\n"
	"\twrite w.token~1 \r\n"
	"read both\n"
	"write both";

/* Base64 by `printf ... | base64'. */
static const struct {
	const char *header;
	bool	read, write;
} headers[] = {
	{ NULL, false, false },
	{ "", false, false },
	{ "Bearer r-token", true, false },
	{ "bearer r-token", true, false },
	{ "BEARER   r-token", true, false },
	{ "Token r-token", true, false },
	{ "Bearer w.token~1", true, true },
	{ "Token w.token~1", true, true },
	{ "Bearer both", true, true },
	{ "Bearer r-toke", false, false },
	{ "Bearer r-tokens", false, false },
	{ "Bearer r-tokem", false, false },
	{ "Bearer R-token", false, false },
	{ "Bearer ", false, false },
	{ "Bearer", false, false },
	{ "Bearer r-token w.token~1", false, false },
	{ "Bearerr-token", false, false },
	{ "Digest r-token", false, false },
	{ "r-token", false, false },
	{ "read r-token", false, false },
	{ "Basic dXNlcjpyLXRva2Vu", true, false },	/* user:r-token */
	{ "basic Onctb2tlbg==", false, false },		/* :w-oken */
	{ "Basic eDp3LnRva2VufjE=", true, true },	/* x:w.token~1 */
	{ "Basic eDp3LnRva2VufjE", true, true },	/* without = */
	{ "Basic OmJvdGg=", true, true },		/* :both */
	{ "Basic Ym90aA==", false, false },		/* both */
	{ "Basic Ym90aDp4", false, false },		/* both:x */
	{ "Basic YTpiOmJvdGg=", false, false },		/* a:b:both */
	{ "Basic", false, false },
	{ "Basic =", false, false },
	{ "Basic OmJvdGg=x", false, false },
	{ "Basic OmJv!dGg=", false, false },
};

static const struct {
	const char *text;
	int64_t	line;
} bad[] = {
	{ "read", 1 },
	{ "read \n", 1 },
	{ "write\n", 1 },
	{ "read a b\n", 1 },
	{ "read a # b\n", 1 },
	{ "reader a\n", 1 },
	{ "Read a\n", 1 },
	{ "# x\n\nwrite a\nadmin a\n", 4 },
	{ "read \xc3\xa9\n", 1 },
	{ "read a\x01\n", 1 },
};

static void
check(const struct auth *a, const char *header, bool r, bool w)
{
	bool may_read = !r, may_write = !w;

	auth_check(a, header, &may_read, &may_write);
	ok(may_read == r && may_write == w, "%s: %s",
	    header != NULL ? header : "no header", w ? "may write" :
	    r ? "may read" : "may nothing");
}

static void
test_bad(void)
{
	size_t i;

	for (i = 0; i < N(bad); i++) {
		struct ntdb_error err = NTDB_ERROR_INIT;
		struct auth a = AUTH_INIT;

		is_int(auth_scan(&a, bad[i].text, strlen(bad[i].text), &err),
		    NTDB_ECONFIG, "file %zu is refused", i);
		is_int(err.line, bad[i].line, "in the right line");
		ok(strstr(err.text, "admin") == NULL &&
		    strstr(err.text, "a b") == NULL, "and nothing is shown");
		auth_release(&a);
	}
}

static int
load(const char *path, mode_t mode, struct ntdb_error *err)
{
	struct auth a = AUTH_INIT;
	int r;

	chmod(path, mode);
	err->code = 0;
	r = auth_load(&a, path, err);
	if (r == 0)
		is_u64(a.n, 4, "all tokens are there");
	auth_release(&a);
	return r;
}

static void
test_load(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	char path[512];
	int dir = scratch_dir();

	snprintf(path, sizeof(path), "%s/tokens", scratch_path);
	is_int(load(path, 0600, &err), NTDB_ECONFIG, "a missing file");
	is_str(err.path, path, "which is named");
	scratch_write(dir, "tokens", file, strlen(file));
	is_int(load(path, 0600, &err), 0, "only its owner can read it");
	is_int(load(path, 0400, &err), 0, "and need not write it");
	is_int(load(path, 0640, &err), NTDB_ECONFIG, "its group can");
	is_int(load(path, 0604, &err), NTDB_ECONFIG, "others can");
	is_int(load(path, 0620, &err), NTDB_ECONFIG, "its group can write");
	is_int(load(scratch_path, 0700, &err), NTDB_ECONFIG, "a directory");
}

int
main(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct auth a = AUTH_INIT, none = AUTH_INIT;
	size_t i;

	plan_later();
	is_int(auth_scan(&a, file, strlen(file), &err), 0, "a file of tokens");
	is_u64(a.n, 4, "has four");
	for (i = 0; i < N(headers); i++)
		check(&a, headers[i].header, headers[i].read,
		    headers[i].write);
	check(&none, "Bearer r-token", false, false);
	check(&none, "Bearer ", false, false);
	test_bad();
	test_load();
	auth_release(&a);
	return done_testing();
}
