#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root.h"
#include "scratch.h"
#include "tap.h"

static int dirfd = -1;
static char path[128];

static int n_notes;
static char noted[256];

static void
note(void *arg, const struct ntdb_error *what)
{
	*(int *)arg += 1;
	strcpy(noted, what->path);
}

static struct ntdb *
open_root(const char *name)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb *db;

	strcpy(path, scratch_path);
	strcat(path, "/");
	strcat(path, name);
	opt.root = path;
	opt.note = note;
	opt.note_arg = &n_notes;
	if (ntdb_open(&opt, &db, NULL) != 0)
		bail("out of memory");
	return db;
}

static void
test_options(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	char text[] = "/some/where";
	struct ntdb *db;

	unsetenv("NTDB_ROOT");
	ntdb_open(NULL, &db, NULL);
	is_str(ntdb_root(db), "/var/lib/ntdb", "the default root");
	is_int(db->opt.wait_ns, INT64_C(30000000000), "wait for 30 s");
	ok(llabs(ntdb_now(db) - io_clock_ns()) < INT64_C(60000000000),
	    "the clock is the system's");
	ntdb_close(db);
	setenv("NTDB_ROOT", "/from/env", 1);
	ntdb_open(NULL, &db, NULL);
	is_str(ntdb_root(db), "/from/env", "the environment's root");
	ntdb_close(db);

	opt.root = text;
	opt.wait_ns = 0;
	opt.has_now = true;
	opt.now_ns = -5;
	ntdb_open(&opt, &db, NULL);
	memset(text, 'x', 5);
	is_str(ntdb_root(db), "/some/where", "a root that is given");
	is_int(db->opt.wait_ns, 0, "no waiting");
	is_int(ntdb_now(db), -5, "a clock that is given");
	ntdb_close(db);
	setenv("NTDB_ROOT", "", 1);
	ntdb_open(NULL, &db, NULL);
	is_str(ntdb_root(db), "/var/lib/ntdb", "an empty one is none");
	ntdb_close(db);
	ntdb_close(NULL);
}

static void
test_open(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = open_root("made");
	struct stat st;
	uint8_t *p;
	size_t len;

	is_int(root_open(db, false, &err), NTDB_ENOENT, "no root to read");
	ok(access(path, F_OK) == -1, "nor is it made by that");
	umask(027);
	is_int(root_open(db, true, NULL), 0, "the first write makes it");
	ok(fstat(db->fd, &st) == 0 && (st.st_mode & 0777) == 0750,
	    "as the umask wants it");
	is_int(scratch_count(db->fd), 1, "with one file");
	ok(fstatat(db->fd, "engine.ini", &st, 0) == 0 &&
	    (st.st_mode & 0777) == 0640, "engine.ini, readable like it");
	is_int(root_open(db, true, NULL), 0, "once more");
	is_int(root_open(db, false, NULL), 0, "and for reading");
	ntdb_close(db);

	db = open_root("made");
	scratch_write(dirfd, "made/engine.ini", "# mine\n", 7);
	is_int(root_open(db, true, NULL), 0, "a root that is there");
	p = scratch_read(db->fd, "engine.ini", &len);
	is_mem(p, len, "# mine\n", 7, "keeps its engine.ini");
	free(p);
	unlinkat(db->fd, "engine.ini", 0);
	is_int(root_open(db, false, NULL), 0, "reading");
	is_int(scratch_count(db->fd), 0, "writes nothing");
	ntdb_close(db);

	db = open_root("no/parent");
	is_int(root_open(db, true, NULL), NTDB_ECREATE,
	    "a root without a parent cannot be made");
	ntdb_close(db);
	scratch_write(dirfd, "file", "", 0);
	db = open_root("file");
	ok(root_open(db, true, NULL) < 0, "nor in place of a file");
	ok(root_open(db, false, NULL) < 0, "nor is a file a root");
	ntdb_close(db);
}

static void
test_engine(void)
{
	const struct engine_config *c;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = open_root("none");

	is_int(root_engine(db, &c, NULL), 0,
	    "without a root there are the defaults");
	ok(c->fsync_policy == FSYNC_SEGMENT && c->max_segment_size ==
	    64 << 20 && c->profile == DURABLE_STRICT, "as they are told");
	ntdb_close(db);

	mkdirat(dirfd, "engine", 0700);
	scratch_write(dirfd, "engine/engine.ini",
	    "[wal]\nfsync_policy = always\nsurprise = 1\n", 41);
	db = open_root("engine");
	n_notes = 0;
	root_open(db, false, NULL);
	is_int(root_engine(db, &c, NULL), 0, "engine.ini is read");
	is_int(c->fsync_policy, FSYNC_ALWAYS, "what it says counts");
	is_int(n_notes, 1, "a key that is not known is noted");
	is_str(noted, "engine.ini", "where");
	is_int(root_engine(db, &c, NULL), 0, "asked again");
	is_int(n_notes, 1, "it is not read again");
	ntdb_close(db);

	scratch_write(dirfd, "engine/engine.ini", "[wal]\nfsync_policy = x\n",
	    23);
	db = open_root("engine");
	root_open(db, false, NULL);
	is_int(root_engine(db, &c, &err), NTDB_ECONFIG, "a bad value");
	ok(err.line == 2 && strcmp(err.path, "engine.ini") == 0,
	    "is told with file and line");
	ntdb_close(db);
}

/* 62 bytes. */
#define LONG_NAME \
	"01234567890123456789012345678901234567890123456789.123-567_901"

static void
test_names(void)
{
	static const char *const good[] = {
		"a", "Z9", "_", "a.b-c_d", "0", "a.", "a-", "internal",
		LONG_NAME "64",
	};
	static const char *const bad[] = {
		"", ".", "..", ".a", "-a", "a/b", "a b", "a\n", "\xc3\xbc",
		"a*", "a:", "a\x7f",
		LONG_NAME "065",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(ntdb_database_name_ok(good[i], strlen(good[i])), "%s",
		    good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!ntdb_database_name_ok(bad[i], strlen(bad[i])),
		    "no name: %zu", i);
	ok(!ntdb_database_name_ok("a\0b", 3), "nor is one with a NUL");
	ok(ntdb_database_name_ok("ab cd", 2), "only the length counts");
}

static void
test_list(void)
{
	struct ntdb *db = open_root("list");
	char **names;
	size_t n;

	is_int(ntdb_databases(db, true, &names, &n, NULL), NTDB_ENOENT,
	    "no root, no databases");
	ntdb_databases_free(names);
	mkdirat(dirfd, "list", 0700);
	is_int(ntdb_databases(db, true, &names, &n, NULL), 0, "an empty root");
	ok(n == 0 && names != NULL && names[0] == NULL, "has none");
	ntdb_databases_free(names);

	mkdirat(db->fd, "zoo", 0700);
	scratch_write(db->fd, "zoo/manifest.ini", "", 0);
	mkdirat(db->fd, "internal", 0700);
	scratch_write(db->fd, "internal/internal.wal", "", 0);
	mkdirat(db->fd, "Big", 0700);
	scratch_write(db->fd, "Big/Big.wal", "", 0);
	mkdirat(db->fd, "lost+found", 0700);
	mkdirat(db->fd, "empty", 0700);
	mkdirat(db->fd, ".new.new", 0700);
	scratch_write(db->fd, ".new.new/manifest.ini", "", 0);
	mkdirat(db->fd, "wrong", 0700);
	scratch_write(db->fd, "wrong/other.wal", "", 0);
	scratch_write(db->fd, "file", "", 0);
	ntdb_databases(db, false, &names, &n, NULL);
	ok(n == 2 && strcmp(names[0], "Big") == 0 &&
	    strcmp(names[1], "zoo") == 0 && names[2] == NULL,
	    "directories with a log or a manifest, by bytes");
	ntdb_databases_free(names);
	ntdb_databases(db, true, &names, &n, NULL);
	ok(n == 3 && strcmp(names[1], "internal") == 0,
	    "and the suite's own where it is asked for");
	ntdb_databases_free(names);
	ntdb_databases_free(NULL);
	ntdb_close(db);
}

/* The databases' names, and whether the list of entries was certain before. */
static void
lists(struct ntdb *db, bool kept, const char *want, const char *what)
{
	const bool certain = db->entries.stamp.certain;
	char text[256] = "";
	char **names;
	size_t n, i;

	if (ntdb_databases(db, true, &names, &n, NULL) != 0)
		bail("cannot list");
	for (i = 0; i < n; i++) {
		strcat(text, names[i]);
		strcat(text, " ");
	}
	ntdb_databases_free(names);
	is_str(text, want, "%s", what);
	ok(certain && db->entries.stamp.certain == kept, "%s: %s", what,
	    kept ? "what was read before is used" : "the root is read anew");
}

/* Let the root rest for so long that what is read of it is kept. */
static void
settle(struct ntdb *db)
{
	const int64_t deadline = io_clock_ns() + INT64_C(60000000000);
	char **names;
	size_t n;

	do {
		if (io_clock_ns() > deadline)
			bail("the list is never certain");
		usleep(10000);
		if (ntdb_databases(db, true, &names, &n, NULL) != 0)
			bail("cannot list");
		ntdb_databases_free(names);
	} while (!db->entries.stamp.certain);
}

/* Law 34, for the list of databases: every change shows at once. */
static void
test_kept_list(void)
{
	struct ntdb *db = open_root("kept");
	char name[32], **names;
	size_t n;
	int i;

	mkdirat(dirfd, "kept", 0777);
	mkdirat(dirfd, "kept/a", 0777);
	mkdirat(dirfd, "kept/b", 0777);
	mkdirat(dirfd, "elsewhere", 0777);
	if (symlinkat("../elsewhere", dirfd, "kept/c") == -1)
		bail("no link");
	scratch_write(dirfd, "kept/a/manifest.ini", "", 0);
	scratch_write(dirfd, "kept/engine.ini", "", 0);
	settle(db);
	lists(db, true, "a ", "as it was");
	scratch_write(dirfd, "kept/b/b.wal", "", 0);
	lists(db, true, "a b ", "a directory becomes a database");
	scratch_write(dirfd, "elsewhere/manifest.ini", "", 0);
	lists(db, true, "a b c ", "one that is elsewhere, too");
	unlinkat(dirfd, "kept/a/manifest.ini", 0);
	lists(db, true, "b c ", "one is none any more");
	mkdirat(dirfd, "kept/d", 0777);
	scratch_write(dirfd, "kept/d/d.wal", "", 0);
	lists(db, false, "b c d ", "another one");
	settle(db);
	renameat(dirfd, "kept/d", dirfd, "kept/e");
	lists(db, false, "b c ", "it gets another name");
	scratch_write(dirfd, "kept/e/e.wal", "", 0);
	settle(db);
	lists(db, true, "b c e ", "and is one again");
	renameat(dirfd, "kept", dirfd, "before");
	mkdirat(dirfd, "kept", 0777);
	lists(db, false, "", "another root in its place");
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "kept/%d", i);
		mkdirat(dirfd, name, 0777);
		strcat(name, "/manifest.ini");
		scratch_write(dirfd, name, "", 0);
		if (ntdb_databases(db, true, &names, &n, NULL) != 0)
			bail("cannot list");
		ntdb_databases_free(names);
		if (n != (size_t)i + 1)
			break;
	}
	is_int(i, 300, "each of many that are made in no time is seen");
	ntdb_close(db);
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	is_str(ntdb_version(), NTDB_VERSION, "the version");
	test_options();
	test_open();
	test_engine();
	test_names();
	test_list();
	test_kept_list();
	return done_testing();
}
