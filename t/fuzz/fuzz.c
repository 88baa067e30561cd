#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

void
fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* ---------------------------------------------------------------- inputs */

static uint64_t
in_number(struct input *in, unsigned n)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < n && in->n > 0; i++, in->n--)
		v |= (uint64_t)*in->at++ << 8 * i;
	return v;
}

uint8_t
in_u8(struct input *in)
{
	return (uint8_t)in_number(in, 1);
}

uint16_t
in_u16(struct input *in)
{
	return (uint16_t)in_number(in, 2);
}

uint32_t
in_u32(struct input *in)
{
	return (uint32_t)in_number(in, 4);
}

uint64_t
in_u64(struct input *in)
{
	return in_number(in, 8);
}

struct input
in_part(struct input *in, size_t n)
{
	struct input part = { in->at, n < in->n ? n : in->n };

	in->at += part.n;
	in->n -= part.n;
	return part;
}

void *
fuzz_alloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	if (p == NULL) {
		fprintf(stderr, "out of memory\n");
		exit(71);
	}
	return p;
}

uint8_t *
fuzz_copy(const void *p, size_t n)
{
	uint8_t *copy = fuzz_alloc(n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* ----------------------------------------------------------------- files */

static void
give_up(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(71);
}

static void
write_all(int fd, const uint8_t *p, size_t n, const char *name)
{
	ssize_t got;

	for (; n > 0; p += got, n -= (size_t)got)
		if ((got = write(fd, p, n)) <= 0)
			give_up(name);
}

const char *
fuzz_file(const void *p, size_t n)
{
	static char path[32];
	static int fd = -1;

	if (fd != -1)
		close(fd);
	if ((fd = memfd_create("fuzz", MFD_CLOEXEC)) == -1)
		give_up("memfd_create");
	write_all(fd, p, n, "a file in memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static char dir_path[4096];

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	return at->level == 0 ? 0 : remove(path);
}

static void
empty_dir(void)
{
	nftw(dir_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
remove_dir(void)
{
	empty_dir();
	rmdir(dir_path);
}

const char *
fuzz_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir_path[0] != '\0') {
		empty_dir();
		return dir_path;
	}
	if (access("/dev/shm", W_OK) == 0)
		tmp = "/dev/shm";
	else if (tmp == NULL || strlen(tmp) > sizeof(dir_path) - 32)
		tmp = "/tmp";
	snprintf(dir_path, sizeof(dir_path), "%s/ntdb-fuzz-XXXXXX", tmp);
	if (mkdtemp(dir_path) == NULL)
		give_up(dir_path);
	atexit(remove_dir);
	return dir_path;
}

void
fuzz_write(const char *dir, const char *name, const void *p, size_t n)
{
	char path[8192];
	char *slash;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		give_up(path);
	*slash = '/';
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644)) == -1)
		give_up(path);
	write_all(fd, p, n, path);
	close(fd);
}

bool
fuzz_read(const char *dir, const char *name, struct buf *out)
{
	char path[8192];
	struct stat st;
	uint8_t *to;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY)) == -1)
		return false;
	if (fstat(fd, &st) == -1 ||
	    (to = buf_extend(out, (size_t)st.st_size)) == NULL ||
	    read(fd, to, (size_t)st.st_size) != st.st_size)
		give_up(path);
	close(fd);
	return true;
}

/* --------------------------------------------------------------- samples */

size_t
fuzz_float(double f, char *buf)
{
	size_t n = ntdb_float_format(f, buf), i;

	for (i = 0; i < n; i++)
		if (buf[i] != '-' && (buf[i] < '0' || buf[i] > '9'))
			return n;
	memcpy(buf + n, ".0", 2);
	return n + 2;
}

static void
add_row(struct buf *out, const struct ntdb_row *row)
{
	char text[NTDB_TEXT_MAX];
	size_t n;

	buf_add(out, row->db, strlen(row->db));
	buf_add_u8(out, '/');
	buf_add(out, row->metric, strlen(row->metric));
	buf_add_u8(out, ' ');
	if (ntdb_type_is_int(row->type)) {
		n = ntdb_int_format(row->value.i, text);
		text[n++] = 'i';
	} else {
		n = fuzz_float(row->value.f, text);
	}
	buf_add(out, text, n);
	buf_add_u8(out, ' ');
	buf_add(out, text, ntdb_time_format(row->t_ns, NTDB_TIME_HUMAN,
	    text));
	buf_add_u8(out, '\n');
}

uint64_t
fuzz_export(struct ntdb *db, struct buf *out, int *code)
{
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	const char *all = "*";
	struct ntdb_query *q;
	struct ntdb_row row;
	uint64_t n = 0;

	opt.internal = true;
	if ((*code = ntdb_query_open(db, &opt, &all, 1, &q, NULL)) != 0)
		return 0;
	for (; (*code = ntdb_query_next(q, &row, NULL)) == 0; n++)
		add_row(out, &row);
	ntdb_query_close(q);
	if (*code == NTDB_END)
		*code = 0;
	must(buf_ok(out));
	return n;
}
