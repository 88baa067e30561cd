#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "scratch.h"
#include "tap.h"

#define NAME "points"
#define LINE 21		/* bytes of `j::m,NNNN,1,CHECK' */
#define TEXT_MAX 4096

static int dirfd = -1;
static struct io_owner owner;

/* CRC-32 as ntdb-format(5) has it, bit by bit. */
static uint32_t
crc(const char *p, size_t len)
{
	uint32_t c = ~(uint32_t)0;
	int bit;

	while (len-- > 0) {
		c ^= (uint8_t)*p++;
		for (bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

/* The text with its check behind each whole line; in a buffer of its own. */
static const char *
checked(const char *text)
{
	static char out[TEXT_MAX];
	char *to = out;
	const char *nl;

	for (; (nl = strchr(text, '\n')) != NULL; text = nl + 1)
		to += sprintf(to, "%.*s,%08x\n", (int)(nl - text), text,
		    (unsigned)crc(text, (size_t)(nl - text)));
	strcpy(to, text);
	return out;
}

static void
put_as_is(const char *text)
{
	scratch_write(dirfd, NAME, text, strlen(text));
}

static void
put(const char *text)
{
	put_as_is(checked(text));
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

/* What the file says of a::m. */
static void
is_entry(const char *want, const char *name)
{
	char got[64];
	struct checkpoints c;

	read_all(&c);
	is_str(entry(&c, "a", "m", got), want, "%.*s",
	    (int)strcspn(name, "\n"), name);
	checkpoints_release(&c);
}

/* The same of a file of this one line, with its check. */
static void
one_line(const char *line, const char *want)
{
	put(line);
	is_entry(want, line);
}

static void
as_it_is(const char *line, const char *want)
{
	put_as_is(line);
	is_entry(want, line);
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

/* Checks from Python's zlib.crc32. */
static void
test_checks(void)
{
	as_it_is("a::m,5,7,f8fbeb3b\n", "5,7");
	as_it_is("a::m,5,7\n", "-");
	as_it_is("a::m,5,7,\n", "-");
	as_it_is("a::m,5,7,f8fbeb3\n", "-");
	as_it_is("a::m,5,7,f8fbeb3b0\n", "-");
	as_it_is("a::m,5,7,F8FBEB3B\n", "-");
	as_it_is("a::m,5,7,f8fbeb3b", "-");
	as_it_is("a::m,5,7;f8fbeb3b\n", "-");
	as_it_is("a::m,6,7,f8fbeb3b\n", "-");
	as_it_is(",f8fbeb3b\nf8fbeb3b\n,\n\n", "-");
}

/* One bit of two lines, whichever: each is there as it was, or is not. */
static void
test_bits(void)
{
	char text[TEXT_MAX], got[64];
	struct checkpoints c;
	int wrong = 0, neither = 0;
	size_t len, i;

	strcpy(text, checked("a::m,15,7\na::n,-20,8\n"));
	len = strlen(text);
	for (i = 0; i < 8 * len; i++) {
		const char *e;

		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		scratch_write(dirfd, NAME, text, len);
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		read_all(&c);
		e = entry(&c, "a", "m", got);
		wrong += strcmp(e, "15,7") != 0 && strcmp(e, "-") != 0;
		neither += c.n == 0;
		e = entry(&c, "a", "n", got);
		wrong += strcmp(e, "-20,8") != 0 && strcmp(e, "-") != 0;
		wrong += c.n > 1 || (c.n_bad == 0 && !c.torn);
		checkpoints_release(&c);
	}
	is_int(wrong, 0, "one of %zu bits is wrong", 8 * len);
	is_int(neither, 8, "all but a bit of a line feed cost one line");
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

	want = checked(want);
	is_mem(p, p == NULL ? 0 : len, want, strlen(want), "%s", name);
	free(p);
}

static void
test_append(void)
{
	struct checkpoint_tail t;
	struct checkpoints c;

	put("a::m,5,7\nb::torn,1");
	is_int(checkpoints_tail(&t, dirfd, NAME, NULL), NTDB_END, "no tail");
	read_all(&c);
	set(&c, "", "LOG", 100, 3);
	set(&c, "", "DUE", -8, 77);
	set(&c, "a", "m", 5, 7);
	set(&c, "a", "n", 6, 3);
	save(&c);
	is_file("a::m,5,7\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "what is torn is left out");
	save(&c);
	is_file("a::m,5,7\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "nothing is new");
	set(&c, "a", "m", 9, 3);
	save(&c);
	is_file("a::m,5,7\na::n,6,3\n::LOG,100,3\n::DUE,-8,77\n"
	    "a::m,9,3\n::LOG,100,3\n::DUE,-8,77\n",
	    "the two lines of the file stand last again");
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

/* A line that is wrong is gone with the next save. */
static void
test_mended(void)
{
	struct checkpoints c;

	put_as_is("a::m,5,8,f8fbeb3b\na::m,5,7,f8fbeb3b\n");
	read_all(&c);
	is_u64(c.n_bad, 1, "one line is wrong");
	is_u64(c.first_bad, 1, "the first");
	save(&c);
	is_file("a::m,5,7\n", "and then it is gone");
	checkpoints_release(&c);
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
		memcpy(lines + LINE * i, checked(text), LINE);
	}
	scratch_write(dirfd, NAME, lines, LINE * 1000);
	read_all(&c);
	set(&c, "j", "n", 4, 1);
	save(&c);
	checkpoints_release(&c);
	free(scratch_read(dirfd, NAME, &len));
	is_u64(len, LINE * 1000 + 18, "a file of 1,000 lines is left alone");
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
	test_checks();
	test_bits();
	test_keys();
	test_append();
	test_mended();
	test_order();
	test_compact();
	return done_testing();
}
