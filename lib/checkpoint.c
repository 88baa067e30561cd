#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "checksum.h"
#include "error.h"

#define FILE_MAX ((size_t)1 << 30)
#define TAIL_LEN 256		/* the last two lines are shorter */
#define COMPACT_LINES 1024	/* shorter files are left alone */
#define COMPACT_TIMES 4		/* lines per line that counts */
#define NUMBERS_MAX 64		/* `,NUMBER,EPOCH,CHECK' and line end */
#define CHECK_LEN 8		/* hexadecimal digits */

/* ---- entries by key */

/* FNV-1a over the parts of a key. */
static uint32_t
hash_more(uint32_t h, const char *p, size_t len)
{
	while (len-- > 0)
		h = (h ^ (uint8_t)*p++) * 16777619u;
	return h;
}

static uint32_t
hash_key(const char *key, size_t len)
{
	return hash_more(2166136261u, key, len);
}

static void
index_add(struct checkpoints *c, uint32_t i)
{
	uint32_t at = hash_key(c->at[i].key, c->at[i].key_len);

	while (c->index[at &= c->index_size - 1] != 0)
		at++;
	c->index[at] = i + 1;
}

static int
index_all(struct checkpoints *c, uint32_t size, struct ntdb_error *err)
{
	uint32_t *index = calloc(size, sizeof(*index)), i;

	if (index == NULL)
		return err_nomem(err);
	free(c->index);
	c->index = index;
	c->index_size = size;
	for (i = 0; i < c->n; i++)
		index_add(c, i);
	return 0;
}

static struct checkpoint *
find(const struct checkpoints *c, const char *key, size_t len)
{
	uint32_t at = hash_key(key, len);

	if (c->index_size == 0)
		return NULL;
	for (; c->index[at &= c->index_size - 1] != 0; at++) {
		struct checkpoint *e = &c->at[c->index[at] - 1];

		if (e->key_len == len && memcmp(e->key, key, len) == 0)
			return e;
	}
	return NULL;
}

/* Add an entry for a key that has none; NULL: out of memory. */
static struct checkpoint *
add(struct checkpoints *c, const char *key, size_t len,
    struct ntdb_error *err)
{
	struct checkpoint *e;
	uint32_t cap;

	if (c->n == c->cap) {
		cap = c->cap == 0 ? 64 : 2 * c->cap;
		e = realloc(c->at, cap * sizeof(*e));
		if (e == NULL) {
			err_nomem(err);
			return NULL;
		}
		c->at = e;
		if (index_all(c, 2 * cap, err) != 0)
			return NULL;
		c->cap = cap;
	}
	e = &c->at[c->n];
	memset(e, 0, sizeof(*e));
	if ((e->key = malloc(len + 1)) == NULL) {
		err_nomem(err);
		return NULL;
	}
	memcpy(e->key, key, len);
	e->key[len] = '\0';
	e->key_len = (uint32_t)len;
	index_add(c, c->n++);
	return e;
}

void
checkpoints_release(struct checkpoints *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++)
		free(c->at[i].key);
	free(c->at);
	free(c->index);
	memset(c, 0, sizeof(*c));
}

/* ---- lines */

/* A whole decimal number of up to 20 characters in [p, end). */
static bool
scan_number(const char *p, const char *end, bool negative, uint64_t *v)
{
	*v = 0;
	if (p == end || (*p == '0' && end - p > 1))
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' ||
		    __builtin_mul_overflow(*v, (uint64_t)10, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(*p - '0'), v))
			return false;
	}
	return !negative || *v > 0;
}

static bool
scan_signed(const char *p, const char *end, int64_t *out)
{
	const bool negative = p < end && *p == '-';
	uint64_t v, most = (uint64_t)INT64_MAX + negative;

	if (!scan_number(p + negative, end, negative, &v) || v > most)
		return false;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* `,CHECK' of a line, with a NUL. */
static void
format_check(char out[CHECK_LEN + 2], const char *line, size_t len)
{
	snprintf(out, CHECK_LEN + 2, ",%08" PRIx32, checksum(line, len));
}

/* The last comma in [p, end), or NULL. */
static const char *
last_comma(const char *p, const char *end)
{
	while (end > p)
		if (*--end == ',')
			return end;
	return NULL;
}

/* Take the check off the end of a line, if it is that of what is before. */
static bool
take_check(const char *line, const char **end)
{
	char want[CHECK_LEN + 2];
	const char *at;

	if (*end - line < CHECK_LEN + 1)
		return false;
	at = *end - CHECK_LEN - 1;
	format_check(want, line, (size_t)(at - line));
	if (memcmp(at, want, CHECK_LEN + 1) != 0)
		return false;
	*end = at;
	return true;
}

/* A line without its end. */
static bool
scan_line(const char *line, const char *end, size_t *key_len,
    int64_t *number, uint64_t *epoch)
{
	const char *b, *a;

	if (!take_check(line, &end) || (b = last_comma(line, end)) == NULL ||
	    (a = last_comma(line, b)) == NULL || a == line)
		return false;
	*key_len = (size_t)(a - line);
	return scan_signed(a + 1, b, number) &&
	    scan_number(b + 1, end, false, epoch);
}

static int
take_line(struct checkpoints *c, const char *line, const char *end,
    struct ntdb_error *err)
{
	struct checkpoint *e;
	uint64_t epoch;
	int64_t number;
	size_t len;

	c->lines++;
	if (!scan_line(line, end, &len, &number, &epoch)) {
		if (c->n_bad++ == 0)
			c->first_bad = c->lines;
		return 0;
	}
	if ((e = find(c, line, len)) == NULL &&
	    (e = add(c, line, len, err)) == NULL)
		return NTDB_ESYS;
	e->number = number;
	e->epoch = epoch;
	return 0;
}

int
checkpoints_read(struct checkpoints *c, int dirfd, const char *path,
    const char *display, struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct buf b = BUF_INIT;
	const char *p, *end, *nl;
	int r;

	memset(c, 0, sizeof(*c));
	r = io_read_file(dirfd, path, FILE_MAX, &b, display, &why);
	if (r == NTDB_ENOENT)
		return 0;
	if (r != 0) {
		buf_release(&b);
		return err_at(err, r, why.path, -1, "%s", why.text);
	}
	c->len = b.len;
	p = (const char *)b.data;
	for (end = p + b.len; r == 0 && p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL) {
			c->torn = true;
			break;
		}
		r = take_line(c, p, nl, err);
	}
	buf_release(&b);
	return r;
}

/* ---- entries of jobs */

/* job::metric, in one allocation. */
static int
make_key(const char *job, const char *metric, size_t metric_len,
    struct buf *key, struct ntdb_error *err)
{
	buf_add(key, job, strlen(job));
	buf_add(key, "::", 2);
	buf_add(key, metric, metric_len);
	return buf_ok(key) ? 0 : err_nomem(err);
}

const struct checkpoint *
checkpoints_find(const struct checkpoints *c, const char *job,
    const char *metric, size_t metric_len)
{
	const size_t job_len = strlen(job);
	uint32_t at = hash_more(hash_more(hash_key(job, job_len), "::", 2),
	    metric, metric_len);

	if (c->index_size == 0)
		return NULL;
	for (; c->index[at &= c->index_size - 1] != 0; at++) {
		const struct checkpoint *e = &c->at[c->index[at] - 1];

		if (e->key_len == job_len + 2 + metric_len &&
		    memcmp(e->key, job, job_len) == 0 &&
		    memcmp(e->key + job_len, "::", 2) == 0 &&
		    memcmp(e->key + job_len + 2, metric, metric_len) == 0)
			return e;
	}
	return NULL;
}

int
checkpoints_set(struct checkpoints *c, const char *job, const char *metric,
    size_t metric_len, int64_t number, uint64_t epoch, struct ntdb_error *err)
{
	struct buf key = BUF_INIT;
	struct checkpoint *e = NULL;
	bool found;
	int r;

	if ((r = make_key(job, metric, metric_len, &key, err)) != 0)
		goto done;
	e = find(c, (const char *)key.data, key.len);
	found = e != NULL;
	if (!found && (e = add(c, (const char *)key.data, key.len,
	    err)) == NULL) {
		r = NTDB_ESYS;
		goto done;
	}
	if (found && e->number == number && e->epoch == epoch)
		goto done;
	e->number = number;
	e->epoch = epoch;
	e->changed = true;
done:
	buf_release(&key);
	return r;
}

void
checkpoints_forget(struct checkpoints *c, const char *job)
{
	const size_t len = strlen(job);
	uint32_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		struct checkpoint *e = &c->at[i];

		if (e->key_len >= len + 2 && memcmp(e->key, job, len) == 0 &&
		    memcmp(e->key + len, "::", 2) == 0)
			free(e->key);
		else
			c->at[n++] = *e;
	}
	if (n == c->n)
		return;
	c->n = n;
	/* Only a new file is without them. */
	c->lines = UINT64_MAX;
	memset(c->index, 0, c->index_size * sizeof(c->index[0]));
	for (i = 0; i < n; i++)
		index_add(c, i);
}

/* ---- the file */

static void
add_line(struct buf *out, const struct checkpoint *e)
{
	char text[NUMBERS_MAX];
	size_t at = out->len;
	int n;

	n = snprintf(text, sizeof(text), ",%" PRId64 ",%" PRIu64, e->number,
	    e->epoch);
	buf_add(out, e->key, e->key_len);
	buf_add(out, text, (size_t)n);
	if (!buf_ok(out))
		return;
	format_check(text, (const char *)out->data + at, out->len - at);
	buf_add(out, text, CHECK_LEN + 1);
	buf_add_u8(out, '\n');
}

static bool
is_key(const struct checkpoint *e, const char *key)
{
	return e->key_len == strlen(key) &&
	    memcmp(e->key, key, e->key_len) == 0;
}

/* Those of the file as a whole stand last: see checkpoints_tail. */
static int
place_of(const struct checkpoint *e)
{
	return is_key(e, "::LOG") ? 1 : is_key(e, "::DUE") ? 2 : 0;
}

/*
 * All entries, or those that have changed; how many.  The ones of the whole
 * file go with the others even if only one of them has changed.
 */
static uint64_t
add_lines(const struct checkpoints *c, bool all, struct buf *out)
{
	bool any = false;
	uint64_t n = 0;
	uint32_t i;
	int pass;

	for (i = 0; i < c->n; i++)
		any |= c->at[i].changed;
	for (pass = 0; pass <= 2; pass++) {
		for (i = 0; i < c->n; i++) {
			const struct checkpoint *e = &c->at[i];

			if (place_of(e) != pass ||
			    !(all || e->changed || (pass > 0 && any)))
				continue;
			add_line(out, e);
			n++;
		}
	}
	return n;
}

static int
append(struct checkpoints *c, int dirfd, const char *path,
    const struct io_owner *owner, const struct buf *b, const char *display,
    struct ntdb_error *err)
{
	int fd, r;

	fd = io_open(dirfd, path, O_WRONLY | O_CREAT, 0600, display, err);
	if (fd < 0)
		return fd;
	if (c->len == 0)
		r = io_own_fd(fd, owner, false, display, err);
	else
		r = 0;
	if (r == 0 && (r = io_pwrite(fd, b->data, b->len, c->len, display,
	    err)) == 0)
		r = io_sync(fd, display, err);
	if (r == 0 && c->len == 0)
		r = io_sync_dir(dirfd, display, err);
	io_close(&fd);
	if (r == 0)
		c->len += b->len;
	return r;
}

int
checkpoints_save(struct checkpoints *c, int dirfd, const char *path,
    const struct io_owner *owner, const char *display,
    struct ntdb_error *err)
{
	struct buf b = BUF_INIT;
	const bool anew = c->torn || c->n_bad > 0 ||
	    (c->lines > COMPACT_LINES && c->lines / COMPACT_TIMES > c->n);
	uint64_t n;
	uint32_t i;
	int r = 0;

	if ((n = add_lines(c, anew, &b)) == 0 && !anew)
		goto done;
	if (!buf_ok(&b)) {
		r = err_nomem(err);
	} else if (anew) {
		/* A flush, which needs no maint.lock, removes IO_TEMP. */
		r = io_publish_as(dirfd, path, IO_MAINT_TEMP, b.data, b.len,
		    true, owner, display, err);
		if (r == 0)
			r = io_sync_dir(dirfd, display, err);
	} else {
		r = append(c, dirfd, path, owner, &b, display, err);
	}
	if (r != 0)
		goto done;
	c->lines = anew ? n : c->lines + n;
	c->len = anew ? b.len : c->len;
	c->torn = false;
	c->n_bad = c->first_bad = 0;
	for (i = 0; i < c->n; i++)
		c->at[i].changed = false;
done:
	buf_release(&b);
	return r;
}

/* ---- the end of the file */

/* Take a line if it has this key. */
static bool
take_whole(const char *line, const char *end, const char *key,
    int64_t *number, uint64_t *epoch)
{
	size_t len;

	return scan_line(line, end, &len, number, epoch) &&
	    len == strlen(key) && memcmp(line, key, len) == 0;
}

int
checkpoints_tail(struct checkpoint_tail *t, int dirfd, const char *path,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	char text[TAIL_LEN], *end, *second, *first;
	struct stat st;
	size_t got = 0;
	int fd, r;

	fd = io_open(dirfd, path, O_RDONLY, 0, path, &why);
	if (fd < 0)
		return fd == NTDB_ENOENT ? NTDB_END : err_take(err, &why);
	if (fstat(fd, &st) == -1)
		r = err_sys(err, path, "cannot look at");
	else
		r = io_pread(fd, text, sizeof(text), st.st_size > TAIL_LEN ?
		    (uint64_t)(st.st_size - TAIL_LEN) : 0, &got, path, err);
	io_close(&fd);
	if (r != 0)
		return r;
	if (got < 2 || text[got - 1] != '\n')
		return NTDB_END;
	end = text + got - 1;
	if ((second = memrchr(text, '\n', (size_t)(end - text))) == NULL)
		return NTDB_END;
	first = memrchr(text, '\n', (size_t)(second - text));
	first = first == NULL ? text : first + 1;
	if (take_whole(first, second, "::LOG", &t->log_pos, &t->log_epoch) &&
	    take_whole(second + 1, end, "::DUE", &t->due, &t->hash))
		return 0;
	return NTDB_END;
}
