#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbdir.h"
#include "scratch.h"
#include "tap.h"
#include "wal.h"

static int dirfd = -1;
static char root_path[64];

static struct ntdb *
open_root(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb *db;

	opt.root = root_path;
	if (ntdb_open(&opt, &db, NULL) != 0)
		bail("out of memory");
	return db;
}

/* The root's directory, with another mode; the umask must not matter. */
static int
make_root(const char *name, mode_t mode)
{
	int fd;

	strcpy(root_path, scratch_path);
	strcat(root_path, "/");
	strcat(root_path, name);
	if (mkdirat(dirfd, name, 0700) != 0 ||
	    fchmodat(dirfd, name, mode, 0) != 0)
		bail("no directory");
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY);
	if (fd == -1)
		bail("no root");
	return fd;
}

static int
create(const char *name, struct ntdb_error *err)
{
	struct ntdb *db = open_root();
	struct dbdir d;
	int r = dbdir_create(&d, db, name, NULL, err);

	if (r == 0)
		dbdir_close(&d);
	ntdb_close(db);
	return r;
}

static mode_t
mode_of(int fd, const char *path)
{
	struct stat st;

	return fstatat(fd, path, &st, 0) == -1 ? 0 : st.st_mode & 07777;
}

static void
test_create(void)
{
	static const char *const files[] = { "catalog.json", "db.wal",
		"lock", "maint.lock", "manifest.ini" };
	struct ntdb *db;
	struct dbdir d;
	struct wal w;
	size_t i, len;
	uint8_t *p;
	int fd;

	umask(077);
	fd = make_root("create", 0750);
	db = open_root();
	is_int(dbdir_create(&d, db, "db", NULL, NULL), 0, "a database is made");
	ok(scratch_exists(fd, "db") && scratch_exists(fd, "engine.ini") &&
	    scratch_count(fd) == 2, "it and engine.ini are in the root");
	is_int(scratch_count(d.fd), 5, "in it are five files");
	is_int(mode_of(fd, "db"), 0750, "its permissions are the root's");
	for (i = 0; i < 5; i++)
		is_int(mode_of(d.fd, files[i]), 0640, "those of %s", files[i]);

	p = scratch_read(d.fd, "catalog.json", &len);
	is_mem(p, len, "{\"metrics\":[\n]}\n", 16, "the catalog is empty");
	free(p);
	p = scratch_read(d.fd, "lock", &len);
	is_int((int64_t)len, 0, "the lock, too");
	free(p);
	is_int(wal_open(&w, d.fd, d.wal, false, d.wal_path, NULL), 0,
	    "there is a log");
	ok(w.head.epoch == 1 && w.head.nonce != 0 && w.head.n_files == 0 &&
	    w.head.max_id == 0 && w.head.len == LOG_HEAD_MIN,
	    "a new and empty one");
	wal_release(&w);
	ok(strcmp(d.wal, "db.wal") == 0 && strcmp(d.cache, "db.cache") == 0 &&
	    strcmp(d.wal_path, "db/db.wal") == 0 &&
	    strcmp(d.lock_path, "db/lock") == 0, "names of files");
	dbdir_close(&d);
	ok(d.fd == -1 && d.wal_path == NULL, "closed");
	dbdir_close(&d);
	ntdb_close(db);
	close(fd);
}

static void
test_open(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct ntdb *db = open_root();
	struct manifest m;
	struct dbdir d;

	is_int(dbdir_open(&d, db, "db", NULL), 0, "it is opened");
	is_int(d.owner.mode, 0750, "the owner of new files is known");
	is_int(dbdir_manifest(&d, &m, NULL), 0, "its manifest is read");
	ok(m.partition == PART_DAY && m.max_metrics == 65535,
	    "with the defaults");
	manifest_release(&m);
	dbdir_close(&d);
	is_int(dbdir_open(&d, db, "none", &err), NTDB_ENOENT,
	    "no such database");
	is_str(err.path, "none", "is told");
	ok(!scratch_exists(db->fd, "none"), "and not made by that");
	is_int(dbdir_open(&d, db, "engine.ini", NULL), NTDB_ENOENT,
	    "a file is no database");
	is_int(dbdir_open(&d, db, "../create/db", NULL), NTDB_EUSAGE,
	    "a path is no name");
	is_int(dbdir_create(&d, db, ".db", NULL, NULL), NTDB_EUSAGE,
	    "nor is what begins with a dot");
	ntdb_close(db);

	strcat(root_path, "/none");
	db = open_root();
	is_int(dbdir_open(&d, db, "db", NULL), NTDB_ENOENT, "no such root");
	ok(access(root_path, F_OK) == -1, "nor is that made");
	ntdb_close(db);
}

/* What a process leaves that was killed while it made a database. */
static void
test_leftover(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int fd = make_root("leftover", 0700);

	mkdirat(fd, ".a.new", 0700);
	is_int(create("a", &err), 0, "an empty directory is left");
	mkdirat(fd, ".b.new", 0700);
	scratch_write(fd, ".b.new/lock", "", 0);
	scratch_write(fd, ".b.new/b.wal", "rubbish", 7);
	is_int(create("b", &err), 0, "one that was not completed");
	mkdirat(fd, ".c.new", 0700);
	scratch_write(fd, ".c.new/maint.lock", "", 0);
	scratch_write(fd, ".c.new/.manifest.ini.0badcafe.tmp", "x", 1);
	is_int(create("c", &err), 0, "one with a temporary file");
	ok(scratch_exists(fd, "a/a.wal") && scratch_exists(fd, "b/b.wal") &&
	    scratch_exists(fd, "c/c.wal"), "each database is complete");
	is_int(scratch_count(fd), 4, "and nothing is left");
	close(fd);
}

static void
test_failure(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	int fd = make_root("failure", 0700);

	scratch_write(fd, "db", "a file", 6);
	ok(create("db", &err) < 0 && err.code < 0,
	    "a file is in the database's place");
	is_int(scratch_count(fd), 2, "nothing is left beside it");
	scratch_write(fd, "engine.ini", "[wal]\nfsync_policy = x\n", 23);
	err.code = 0;
	is_int(create("other", &err), NTDB_ECONFIG,
	    "a database is not made by a bad engine.ini");
	is_int(scratch_count(fd), 2, "nor is anything left of it");
	is_str(err.path, "engine.ini", "which is told");
	close(fd);
}

/* Any number of first writers make one database. */
static void
test_many(void)
{
	enum { WRITERS = 30 };
	int fd = make_root("many", 0700), i, status, good = 0;
	uint64_t nonce = 0;
	struct wal w;
	size_t len;
	uint8_t *p;

	for (i = 0; i < WRITERS; i++) {
		struct ntdb *db;
		struct dbdir d;
		char name[24];

		if (fork() != 0)
			continue;
		db = open_root();
		if (dbdir_create(&d, db, "db", NULL, NULL) != 0 || wal_open(&w,
		    d.fd, d.wal, false, "log", NULL) != 0)
			_exit(1);
		snprintf(name, sizeof(name), "nonce.%d", i);
		scratch_write(dirfd, name, &w.head.nonce, 8);
		_exit(0);
	}
	while (wait(&status) != -1)
		good += status == 0;
	is_int(good, WRITERS, "thirty writers at once have a database");
	for (i = 0, good = 0; i < WRITERS; i++) {
		char name[24];
		uint64_t got;

		snprintf(name, sizeof(name), "nonce.%d", i);
		if ((p = scratch_read(dirfd, name, &len)) == NULL)
			continue;
		memcpy(&got, p, 8);
		free(p);
		if (i == 0)
			nonce = got;
		good += got == nonce;
	}
	is_int(good, WRITERS, "the same one");
	is_int(scratch_count(fd), 2, "nothing is left of the others");
	close(fd);
}

/* A directory with a manifest that somebody has made is a database. */
static void
test_by_hand(void)
{
	int fd = make_root("hand", 0700);
	struct ntdb *db = open_root();
	struct manifest m;
	struct dbdir d;

	mkdirat(fd, "db", 0700);
	scratch_write(fd, "db/manifest.ini",
	    "[retention]\npartition = month\n", 30);
	is_int(dbdir_create(&d, db, "db", NULL, NULL), 0, "it is opened");
	is_int(dbdir_complete(&d, NULL), 0, "and completed");
	ok(scratch_exists(d.fd, "lock") && scratch_exists(d.fd, "maint.lock"),
	    "with locks");
	dbdir_manifest(&d, &m, NULL);
	is_int(m.partition, PART_MONTH, "its manifest stays");
	manifest_release(&m);
	unlinkat(d.fd, "manifest.ini", 0);
	is_int(dbdir_complete(&d, NULL), 0, "once more");
	ok(scratch_exists(d.fd, "manifest.ini"), "a manifest is made");
	dbdir_close(&d);
	ntdb_close(db);
	close(fd);
}

static bool
lists(const struct dbdir *d, int64_t first, int64_t last, const char *want)
{
	char got[512] = "", name[PARTITION_NAME_MAX];
	struct partition *parts;
	size_t n, i;

	if (dbdir_partitions(d, first, last, &parts, &n, NULL) != 0)
		return false;
	for (i = 0; i < n; i++) {
		partition_name(parts[i], name);
		strcat(got, name + 5);
		strcat(got, " ");
	}
	free(parts);
	return is_str(got, want, "from %lld to %lld", (long long)first,
	    (long long)last);
}

static void
test_partitions(void)
{
	static const char *const files[] = {
		"data-2026-05-02.dat", "data-2026.dat", "data-forever.dat",
		"data-2026-05.dat", "data-2026-05-01.dat", "data-2025-12.dat",
		"data-1969-12-31.dat", "data-2026-05-03.dat.tmp",
		"data-2026-13.dat", "data-1677-01-01.dat", "other.dat",
	};
	/* 2026-05-01 and 2026-05-02, by Python's datetime. */
	const int64_t may1 = 1777593600000000000, may2 = 1777680000000000000;
	int fd = make_root("partitions", 0700);
	struct ntdb *db = open_root();
	struct dbdir d;
	size_t i;

	if (dbdir_create(&d, db, "db", NULL, NULL) != 0)
		bail("no database");
	lists(&d, INT64_MIN, INT64_MAX, "");
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		scratch_write(d.fd, files[i], "", 0);
	lists(&d, INT64_MIN, INT64_MAX, "forever.dat 1969-12-31.dat "
	    "2025-12.dat 2026.dat 2026-05-01.dat 2026-05.dat "
	    "2026-05-02.dat ");
	lists(&d, may1, may2 - 1, "forever.dat 2026.dat 2026-05-01.dat "
	    "2026-05.dat ");
	lists(&d, may2 - 1, may2, "forever.dat 2026.dat 2026-05-01.dat "
	    "2026-05.dat 2026-05-02.dat ");
	lists(&d, -1, -1, "forever.dat 1969-12-31.dat ");
	lists(&d, 0, 0, "forever.dat ");
	dbdir_close(&d);
	ntdb_close(db);
	close(fd);
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	test_create();
	test_open();
	test_leftover();
	test_failure();
	test_many();
	test_by_hand();
	test_partitions();
	return done_testing();
}
