#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "scratch.h"
#include "tap.h"

#define NAME "points"
#define LINE 12		/* bytes of `j::m,NNNN,1' */

static int dirfd = -1;
static struct io_owner owner;

static void
put(const char *text)
{
	scratch_write(dirfd, NAME, text, strlen(text));
}

static void
read_all(struct checkpoints *c)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	if (checkpoints_read(c, dirfd, NAME, NAME, &err) != 0)
		bail("cannot read: %s", err.text);
}

static void
set(struct checkpoints *c, const char *job, const char *metric, int64_t n,
    uint64_t epoch)
{
	if (checkpoints_set(c, job, metric, strlen(metric), n, epoch,
	    NULL) != 0)
		bail("out of memory");
}

static void
save(struct checkpoints *c)
{
	struct ntdb_error err = NTDB_ERROR_INIT;

	is_int(checkpoints_save(c, dirfd, NAME, &owner, NAME, &err), 0,
	    "saved");
}

/* NUMBER,EPOCH of an entry, or "-". */
static const char *
entry(const struct checkpoints *c, const char *job, const char *metric,
    char *out)
{
	const struct checkpoint *e = checkpoints_find(c, job, metric,
	    strlen(metric));

	if (e == NULL)
		return "-";
	sprintf(out, "%lld,%llu", (long long)e->number,
	    (unsigned long long)e->epoch);
	return out;
}

/* What a file of this one line says of a::m. */
static void
one_line(const char *line, const char *want)
{
	char got[64];
	struct checkpoints c;

	put(line);
	read_all(&c);
	is_str(entry(&c, "a", "m", got), want, "%.*s",
	    (int)strcspn(line, "\n"), line);
	checkpoints_release(&c);
}

static void
test_lines(void)
{
	one_line("a::m,5,7\n", "5,7");
	one_line("a::m,-9223372036854775808,18446744073709551615\n",
	    "-9223372036854775808,18446744073709551615");
	one_line("a::m,9223372036854775807,0\n", "9223372036854775807,0");
	one_line("a::m,9223372036854775808,0\n", "-");
	one_line("a::m,-9223372036854775809,0\n", "-");
	one_line("a::m,0,18446744073709551616\n", "-");
	one_line("a::m,05,7\n", "-");
	one_line("a::m,-0,7\n", "-");
	one_line("a::m,5,-7\n", "-");
	one_line("a::m,+5,7\n", "-");
	one_line("a::m,5,7 \n", "-");
	one_line("a::m,5,\n", "-");
	one_line("a::m,,7\n", "-");
	one_line("a::m,5\n", "-");
	one_line("a::m,5,7", "-");
	one_line("a::m,5,7\na::m,6,8\n", "6,8");
	one_line("a::m,5,7\na::m,6,x\n", "5,7");
	one_line("a::m,5,7\na::m,6", "5,7");
	one_line("\n,,\n,1,2\na::m,5,7\n", "5,7");
}

static void
test_keys(void)
{
	struct checkpoints c;
	char got[64];

	put("a::x,1,2,3,4\na::,9,0\n::LOG,10,11\na::b::c,12,13\n");
	read_all(&c);
	is_str(entry(&c, "a", "x,1,2", got), "3,4", "a name with commas");
	is_str(entry(&c, "a", "", got), "9,0", "a job");
	is_str(entry(&c, "", "LOG", got), "10,11", "the log");
	is_str(entry(&c, "a", "b::c", got), "12,13", "a name with colons");
	is_str(entry(&c, "a", "x", got), "-", "none");
	checkpoints_forget(&c, "a");
	is_str(entry(&c, "a", "x,1,2", got), "-", "forgotten");
	is_str(entry(&c, "", "LOG", got), "10,11", "and no other");
	set(&c, "a", "new", 1, 1);
	save(&c);
	checkpoints_release(&c);
	read_all(&c);
	is_int(c.n, 2, "the file has forgotten them too");
	checkpoints_release(&c);
}

static void
is_file(const char *want, const char *name)
{
	size_t len;
	uint8_t *p = scratch_read(dirfd, NAME, &len);

	is_mem(p, p == NULL ? 0 : len, want, strlen(want), "%s", name);
	free(p);
}

static void
test_append(void)
{
	struct checkpoint_tail t;
	struct checkpoints c;

	put("a::m,5,7\nb::torn,1,5");
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), NTDB_END, "no tail");
	read_all(&c);
	set(&c, "", "LOG", 100, 3);
	set(&c, "", "DUE", -8, 77);
	set(&c, "a", "m", 5, 7);
	set(&c, "a", "n", 6, 3);
	save(&c);
	is_file("a::m,5,7\nb::torn,1,5,\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "what is new is appended on lines of its own");
	save(&c);
	is_file("a::m,5,7\nb::torn,1,5,\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "nothing is new");
	set(&c, "a", "m", 9, 3);
	save(&c);
	is_file("a::m,5,7\nb::torn,1,5,\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n"
	    "a::m,9,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "the two lines of the file stand last again");
	checkpoints_release(&c);
	read_all(&c);
	ok(checkpoints_find(&c, "b", "torn", 4) == NULL,
	    "what was torn is no line when others follow");
	checkpoints_release(&c);
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), 0, "a tail");
	is_int(t.log_pos, 100, "its position");
	is_u64(t.log_epoch, 3, "its epoch");
	is_int(t.due, -8, "when something is due");
	is_u64(t.hash, 77, "its hash");
	put("::DUE,1,2\n::LOG,3,4\n");
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), NTDB_END,
	    "in another order they do not count");
	put("::LOG,3,4\n::DUE,1,2\nx");
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), NTDB_END,
	    "nor before something that is torn");
	is_int(checkpoints_tail(&t, dirfd, "none", NULL), NTDB_END,
	    "nor in a file that is not there");
}

/* Whatever was in the file, and in which order: ::LOG and ::DUE come last. */
static void
test_order(void)
{
	struct checkpoint_tail t;
	struct checkpoints c;

	put("::DUE,1,2\n::OLD,5,6\n::LOG,3,4\n");
	read_all(&c);
	set(&c, "", "OLD", 7, 8);
	save(&c);
	is_file("::DUE,1,2\n::OLD,5,6\n::LOG,3,4\n::OLD,7,8\n"
	    "::LOG,3,4\n::DUE,1,2\n", "the two lines of the file, in order");
	checkpoints_release(&c);
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), 0, "a tail");
	is_int(t.log_pos, 3, "its position");
}

/* A long file whose lines do not count any more becomes a short one. */
static void
test_compact(void)
{
	static char lines[LINE * 1100];
	struct checkpoints c;
	char text[64];
	size_t len, i;

	/* 1,100 lines of the same length. */
	for (i = 0; i < 1100; i++) {
		sprintf(text, "j::m,%zu,1\n", 1000 + i);
		memcpy(lines + LINE * i, text, LINE);
	}
	scratch_write(dirfd, NAME, lines, LINE * 1000);
	read_all(&c);
	set(&c, "j", "n", 4, 1);
	save(&c);
	checkpoints_release(&c);
	free(scratch_read(dirfd, NAME, &len));
	is_u64(len, LINE * 1000 + 9, "a file of 1,000 lines is left alone");
	scratch_write(dirfd, NAME, lines, LINE * 1100);
	read_all(&c);
	set(&c, "j", "n", 4, 1);
	save(&c);
	is_file("j::m,2099,1\nj::n,4,1\n", "one of 1,100 becomes short");
	for (i = 0; i < 5000; i++) {
		sprintf(text, "metric%zu", i);
		set(&c, "many", text, (int64_t)i, 9);
	}
	save(&c);
	checkpoints_release(&c);
	read_all(&c);
	is_int(c.n, 5002, "all are there");
	for (i = 0; i < 5000; i++) {
		const struct checkpoint *e;

		sprintf(text, "metric%zu", i);
		e = checkpoints_find(&c, "many", text, strlen(text));
		if (e == NULL || e->number != (int64_t)i)
			break;
	}
	is_int((int64_t)i, 5000, "each is found");
	checkpoints_release(&c);
}

int
main(void)
{
	plan_later();
	dirfd = scratch_dir();
	if (io_owner_of(dirfd, &owner, "scratch", NULL) != 0)
		bail("no owner");
	test_lines();
	test_keys();
	test_append();
	test_order();
	test_compact();
	return done_testing();
}
