/*
 * rollup.checkpoints.log.  Input: its text, mostly without the checks of its
 * lines, which are added.
 *
 *   - Every entry that is read is found, and is what it says after changes
 *     were saved and the file was read again.
 *   - Its end tells the same as all of it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "checkpoint.h"
#include "checksum.h"
#include "fuzz.h"

#define FILE_NAME "checkpoints"

/* Find an entry by the parts of its key. */
static const struct checkpoint *
find(const struct checkpoints *c, const struct checkpoint *e)
{
	const struct checkpoint *found;
	const char *colons;
	char *job;

	colons = memmem(e->key, e->key_len, "::", 2);
	if (colons == NULL)
		return e;
	job = (char *)fuzz_copy(e->key, e->key_len);
	job[colons - e->key] = '\0';
	/* A key with a zero byte is never asked for. */
	if (strlen(job) != (size_t)(colons - e->key))
		found = e;
	else
		found = checkpoints_find(c, job, colons + 2, e->key_len - 2 -
		    (size_t)(colons - e->key));
	free(job);
	return found;
}

static void
check(const struct checkpoints *c)
{
	uint32_t i;

	must(c->n <= c->lines && c->n <= c->cap);
	for (i = 0; i < c->n; i++) {
		must(c->at[i].key_len > 0 && !c->at[i].changed);
		must(find(c, &c->at[i]) == &c->at[i]);
	}
	must(checkpoints_find(c, "no such job", "m", 1) == NULL);
}

static void
check_tail(const struct checkpoints *c, int dirfd)
{
	const struct checkpoint *log = checkpoints_find(c, "", "LOG", 3);
	const struct checkpoint *due = checkpoints_find(c, "", "DUE", 3);
	struct checkpoint_tail t;
	int r = checkpoints_tail(&t, dirfd, FILE_NAME, NULL);

	must(r == 0 || r == NTDB_END);
	if (r != 0)
		return;
	must(log != NULL && log->number == t.log_pos &&
	    log->epoch == t.log_epoch);
	must(due != NULL && due->number == t.due && due->epoch == t.hash);
}

/* Save, read again: all is the same. */
static void
save(struct checkpoints *c, int dirfd, const struct io_owner *owner)
{
	struct checkpoints again;
	const struct checkpoint *e;
	uint32_t i;

	must(checkpoints_save(c, dirfd, FILE_NAME, owner, FILE_NAME,
	    NULL) == 0);
	must(checkpoints_read(&again, dirfd, FILE_NAME, FILE_NAME,
	    NULL) == 0);
	must(again.n == c->n);
	for (i = 0; i < again.n; i++) {
		e = find(c, &again.at[i]);
		must(e != NULL && e->number == again.at[i].number &&
		    e->epoch == again.at[i].epoch);
	}
	check(&again);
	check_tail(&again, dirfd);
	checkpoints_release(&again);
}

/* Write the text with a check behind each line that has an end. */
static void
write_checked(const char *dir, const char *p, size_t len)
{
	const char *end = p + len, *nl;
	struct buf b = BUF_INIT;
	char check[16];

	for (; len > 0 && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL;
	    p = nl + 1) {
		buf_add(&b, p, (size_t)(nl - p));
		snprintf(check, sizeof(check), ",%08x\n",
		    (unsigned)checksum(p, (size_t)(nl - p)));
		buf_add(&b, check, strlen(check));
	}
	buf_add(&b, p, (size_t)(end - p));
	must(buf_ok(&b));
	fuzz_write(dir, FILE_NAME, b.data, b.len);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = fuzz_dir();
	struct checkpoint_tail t;
	struct checkpoints c;
	struct io_owner owner;
	int dirfd;

	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	must(dirfd != -1);
	must(io_owner_of(dirfd, &owner, dir, NULL) == 0);
	must(checkpoints_tail(&t, dirfd, FILE_NAME, NULL) == NTDB_END);
	/* The length of the input decides what the file has before it. */
	if (size % 8 == 1)
		fuzz_write(dir, FILE_NAME, data, size);
	else if (size % 4 != 0)
		write_checked(dir, (const char *)data, size);
	must(checkpoints_read(&c, dirfd, FILE_NAME, FILE_NAME, NULL) == 0);
	check(&c);
	check_tail(&c, dirfd);
	must(checkpoints_set(&c, "job", "a,b", 3, -5, 6, NULL) == 0);
	must(checkpoints_set(&c, "", "LOG", 3, 7, 8, NULL) == 0);
	must(checkpoints_set(&c, "", "DUE", 3, 9, 10, NULL) == 0);
	save(&c, dirfd, &owner);
	must(checkpoints_tail(&t, dirfd, FILE_NAME, NULL) == 0);
	must(t.log_pos == 7 && t.log_epoch == 8 && t.due == 9 &&
	    t.hash == 10);
	checkpoints_release(&c);
	must(checkpoints_read(&c, dirfd, FILE_NAME, FILE_NAME, NULL) == 0);
	checkpoints_forget(&c, "job");
	must(checkpoints_find(&c, "job", "a,b", 3) == NULL);
	save(&c, dirfd, &owner);
	checkpoints_release(&c);
	close(dirfd);
	return 0;
}
