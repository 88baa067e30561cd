#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "tar.h"

/*
 * A header as GNU tar 1.35 writes it with --format=ustar --owner=1000
 * --group=50 --numeric-owner --mode=640 --mtime=@1777593600: the fields that
 * are not zero, by offset.
 */
static void
gnu_head(uint8_t p[TAR_BLOCK])
{
	memset(p, 0, TAR_BLOCK);
	memcpy(p, "home.2026-05/data-2026-05-01.dat", 32);
	memcpy(p + 100, "0000640", 7);
	memcpy(p + 108, "0001750", 7);
	memcpy(p + 116, "0000062", 7);
	memcpy(p + 124, "00000000302", 11);
	memcpy(p + 136, "15174766400", 11);
	memcpy(p + 148, "013466\0 ", 8);
	p[156] = '0';
	memcpy(p + 257, "ustar\00000", 8);
	memcpy(p + 329, "0000000", 7);
	memcpy(p + 337, "0000000", 7);
}

static const struct tar_member member = {
	"home.2026-05/data-2026-05-01.dat", 0302, 1777593600, 0640, 1000, 50
};

static void
test_known(void)
{
	uint8_t want[TAR_BLOCK], got[TAR_BLOCK];
	struct tar_member m;

	gnu_head(want);
	is_int(tar_head_pack(&member, got, NULL), 0, "packed");
	ok(memcmp(got, want, TAR_BLOCK) == 0, "as GNU tar writes it");
	is_int(tar_head_unpack(want, &m), 0, "unpacked");
	is_str(m.name, member.name, "name");
	is_int((long long)m.size, 0302, "size");
	is_int((long long)m.mtime_s, 1777593600, "time");
	is_int(m.mode, 0640, "mode");
	is_int(m.uid, 1000, "owner");
	is_int(m.gid, 50, "group");
}

/* Every byte is under the checksum, but for how its own digits stand. */
static void
test_damage(void)
{
	uint8_t p[TAR_BLOCK];
	struct tar_member m;
	int i, wrong = 0;

	for (i = 0; i < TAR_BLOCK; i++) {
		gnu_head(p);
		p[i] ^= 1;
		if (i == 154 || i == 155)
			continue;
		wrong += tar_head_unpack(p, &m) != NTDB_ECORRUPT;
	}
	is_int(wrong, 0, "any bit is missed");
	memset(p, 0, sizeof(p));
	is_int(tar_head_unpack(p, &m), NTDB_END, "zeros are the end");
	p[511] = 1;
	is_int(tar_head_unpack(p, &m), NTDB_ECORRUPT, "almost zeros are not");
}

/* What does not fit its digits: limits, worked by hand. */
static void
test_large(void)
{
	static const struct {
		uint64_t size;
		const char *bytes;
	} sizes[] = {
		{ 0, "00000000000\0" },
		{ UINT64_C(8589934591), "77777777777\0" },
		{ UINT64_C(8589934592),
		    "\200\0\0\0\0\0\0\2\0\0\0\0" },
		{ UINT64_C(0x7fffffffffffffff),
		    "\200\0\0\0\177\377\377\377\377\377\377\377" },
	};
	struct tar_member m = member, got;
	uint8_t p[TAR_BLOCK];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		m.size = sizes[i].size;
		is_int(tar_head_pack(&m, p, NULL), 0, "packed");
		ok(memcmp(p + 124, sizes[i].bytes, 12) == 0, "digits");
		is_int(tar_head_unpack(p, &got), 0, "unpacked");
		ok(got.size == m.size, "the same");
	}
	m = member;
	m.uid = 2097152;
	is_int(tar_head_pack(&m, p, NULL), 0, "an owner of 22 bits");
	ok(memcmp(p + 108, "\200\0\0\0\0\40\0\0", 8) == 0, "digits");
	is_int(tar_head_unpack(p, &got), 0, "unpacked");
	is_int(got.uid, 2097152, "the same");
	m.uid = 2097151;
	tar_head_pack(&m, p, NULL);
	ok(memcmp(p + 108, "7777777\0", 8) == 0, "one of 21 bits");
}

static void
test_names(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct tar_member m = member, got;
	uint8_t p[TAR_BLOCK];

	memset(m.name, 'x', TAR_PATH_MAX);
	m.name[TAR_NAME_MAX] = '\0';
	is_int(tar_head_pack(&m, p, &err), 0, "a name of 100 bytes");
	is_int(tar_head_unpack(p, &got), 0, "unpacked");
	is_str(got.name, m.name, "the same");
	m.name[TAR_NAME_MAX] = 'x';
	is_int(tar_head_pack(&m, p, &err), NTDB_EUSAGE, "one of more");
	m.name[0] = '\0';
	is_int(tar_head_pack(&m, p, NULL), NTDB_EUSAGE, "and of none");
}

static void
set_sum(uint8_t p[TAR_BLOCK])
{
	unsigned sum = 8 * ' ';
	char digits[8];
	int i;

	memset(p + 148, 0, 8);
	for (i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	snprintf(digits, sizeof(digits), "%06o", sum);
	memcpy(p + 148, digits, 7);
	p[155] = ' ';
}

/* What other programs write. */
static void
test_foreign(void)
{
	struct tar_member m;
	uint8_t p[TAR_BLOCK];

	gnu_head(p);
	memcpy(p + 345, "var/lib", 7);
	set_sum(p);
	is_int(tar_head_unpack(p, &m), 0, "with a prefix");
	is_str(m.name, "var/lib/home.2026-05/data-2026-05-01.dat", "name");
	gnu_head(p);
	p[156] = '5';
	set_sum(p);
	is_int(tar_head_unpack(p, &m), 0, "a directory");
	is_int((long long)m.size, 0, "has no contents");
	p[156] = 'x';
	set_sum(p);
	is_int(tar_head_unpack(p, &m), 0, "a pax header");
	is_int((long long)m.size, 0302, "has");
	gnu_head(p);
	memcpy(p + 124, "        302 ", 12);
	set_sum(p);
	is_int(tar_head_unpack(p, &m), 0, "blanks around digits");
	is_int((long long)m.size, 0302, "are read");
	memcpy(p + 124, "00000000309", 11);
	set_sum(p);
	is_int(tar_head_unpack(p, &m), NTDB_ECORRUPT, "nine is no digit");
	memcpy(p + 124, "\200\1\0\0\0\0\0\0\0\0\0\0", 12);
	set_sum(p);
	is_int(tar_head_unpack(p, &m), NTDB_ECORRUPT, "over 64 bits");
	memcpy(p + 124, "\200\0\0\0\200\0\0\0\0\0\0\0", 12);
	set_sum(p);
	is_int(tar_head_unpack(p, &m), NTDB_ECORRUPT, "over 63 bits");
}

static void
test_padding(void)
{
	is_int((long long)tar_padded(0), 0, "no contents, no room");
	is_int((long long)tar_padded(1), 512, "a byte takes a block");
	is_int((long long)tar_padded(512), 512, "a block takes one");
	is_int((long long)tar_padded(513), 1024, "more takes two");
}

int
main(void)
{
	test_known();
	test_damage();
	test_large();
	test_names();
	test_foreign();
	test_padding();
	return done_testing();
}
