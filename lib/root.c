#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "lock.h"
#include "pagecache.h"
#include "root.h"

#define DEFAULT_ROOT "/var/lib/ntdb"
#define DEFAULT_WAIT_NS INT64_C(30000000000)
#define ENGINE_FILE "engine.ini"

const char *
ntdb_version(void)
{
	return NTDB_VERSION;
}

int
ntdb_open(const struct ntdb_options *opt, struct ntdb **out,
    struct ntdb_error *err)
{
	static const struct ntdb_options defaults = NTDB_OPTIONS_INIT;
	const char *path;
	struct ntdb *db;

	*out = NULL;
	if ((db = calloc(1, sizeof(*db))) == NULL)
		return err_nomem(err);
	db->fd = -1;
	db->opt = opt != NULL ? *opt : defaults;
	if (db->opt.wait_ns < 0)
		db->opt.wait_ns = DEFAULT_WAIT_NS;
	path = db->opt.root;
	if (path == NULL)
		path = getenv("NTDB_ROOT");
	if (path == NULL || path[0] == '\0')
		path = DEFAULT_ROOT;
	db->opt.root = NULL;
	if ((db->path = strdup(path)) == NULL) {
		free(db);
		return err_nomem(err);
	}
	*out = db;
	return 0;
}

void
ntdb_close(struct ntdb *db)
{
	if (db == NULL)
		return;
	snapshot_forget_kept(db);
	pagecache_forget_kept(db);
	io_close(&db->fd);
	buf_release(&db->entries.names);
	if (db->has_engine)
		engine_config_release(&db->engine);
	free(db->path);
	free(db);
}

int64_t
ntdb_now(const struct ntdb *db)
{
	return db->opt.has_now ? db->opt.now_ns : io_clock_ns();
}

const char *
ntdb_root(const struct ntdb *db)
{
	return db->path;
}

void
root_note(const struct ntdb *db, const struct ntdb_error *what)
{
	if (db->opt.note != NULL)
		db->opt.note(db->opt.note_arg, what);
}

static void
note(void *arg, const struct ntdb_error *what)
{
	root_note(arg, what);
}

int
root_sync_parent(const struct ntdb *db, struct ntdb_error *err)
{
	int fd = openat(db->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd == -1)
		return 0;
	r = io_sync_dir(fd, db->path, err);
	close(fd);
	return r;
}

static int
open_dir(struct ntdb *db, bool create, struct ntdb_error *err)
{
	bool made = false;
	int r;

	if (create && mkdir(db->path, 0777) == 0)
		made = true;
	else if (create && errno != EEXIST)
		return err_sys_code(err, errno == EACCES || errno == EROFS ?
		    NTDB_EPERM : errno == ENOSPC || errno == EDQUOT ||
		    errno == EIO ? NTDB_EIO : NTDB_ECREATE,
		    db->path, "cannot create");
	db->fd = open(db->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	db->ino = 0;
	if (db->fd == -1)
		return err_sys(err, db->path, "cannot open");
	/* The next program is to make it, and sync that, again. */
	if (made && (r = root_sync_parent(db, err)) != 0) {
		io_close(&db->fd);
		rmdir(db->path);
		return r;
	}
	/* What was the default before may be configured here. */
	if (db->has_engine)
		engine_config_release(&db->engine);
	db->has_engine = false;
	return 0;
}

/* engine.ini with every key and its default as a comment. */
static int
create_engine_file(struct ntdb *db, struct ntdb_error *err)
{
	struct buf text = BUF_INIT;
	struct io_owner owner;
	int r;

	if ((r = io_exists(db->fd, ENGINE_FILE, ENGINE_FILE, err)) != 0)
		return r < 0 ? r : 0;
	if (engine_config_template(&text) != 0 || !buf_ok(&text))
		r = err_nomem(err);
	else if ((r = io_owner_of(db->fd, &owner, db->path, err)) == 0)
		r = io_publish(db->fd, ENGINE_FILE, text.data, text.len, true,
		    &owner, ENGINE_FILE, err);
	buf_release(&text);
	return r;
}

/* The same under the root's lock, so that one process does it. */
static int
make_engine_file(struct ntdb *db, struct ntdb_error *err)
{
	int r;

	if ((r = io_exists(db->fd, ENGINE_FILE, ENGINE_FILE, err)) != 0)
		return r < 0 ? r : 0;
	r = lock_take(db->fd, false, db->opt.wait_ns, db->path, err);
	if (r != 0)
		return r;
	io_remove_temps(db->fd, IO_TEMP);
	r = create_engine_file(db, err);
	lock_drop(db->fd);
	return r;
}

/* Note which directory is open. */
static bool
identify(struct ntdb *db)
{
	struct stat st;

	if (fstat(db->fd, &st) == -1)
		return false;
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	return true;
}

/*
 * Follow the path again if the directory that it leads to is not the one that
 * is open: a process that stays may outlive its root.  A relative path may
 * lead elsewhere for other reasons.  The configuration stays.
 */
static void
follow_path(struct ntdb *db)
{
	struct stat now;
	int fd;

	if (db->fd == -1 || db->path[0] != '/' ||
	    (db->ino == 0 && !identify(db)) || stat(db->path, &now) == -1 ||
	    (now.st_dev == db->dev && now.st_ino == db->ino))
		return;
	fd = open(db->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	close(db->fd);
	db->fd = fd;
	db->ino = 0;
}

int
root_open(struct ntdb *db, bool create, struct ntdb_error *err)
{
	int r;

	follow_path(db);

	if (db->fd == -1 && !create &&
	    (r = open_dir(db, false, err)) != 0)
		return r;
	if (!create)
		return 0;
	/* Most of the time it is there. */
	if (db->fd == -1 && open_dir(db, false, NULL) != 0 &&
	    (r = open_dir(db, true, err)) != 0)
		return r;
	return make_engine_file(db, err);
}

int
root_engine(struct ntdb *db, const struct engine_config **engine,
    struct ntdb_error *err)
{
	int r;

	*engine = &db->engine;
	if (db->has_engine)
		return 0;
	/* Without a root there are the defaults: an empty path is no file. */
	r = engine_config_read(db->fd != -1 ? db->fd : AT_FDCWD,
	    db->fd != -1 ? ENGINE_FILE : "", ENGINE_FILE, &db->engine, note,
	    db, err);
	if (r != 0)
		engine_config_release(&db->engine);
	else
		db->has_engine = true;
	return r;
}

bool
ntdb_database_name_ok(const char *name, size_t len)
{
	size_t i;

	if (len < 1 || len > DB_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		    c == '-'))
			return false;
	}
	return true;
}
