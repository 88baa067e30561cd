#include "buf.h"
#include "tap.h"

static void
test_empty(void)
{
	struct buf b = BUF_INIT, c;

	memset(&c, 0xff, sizeof(c));
	buf_init(&c);
	ok(b.data == NULL && b.len == 0 && b.cap == 0 && buf_ok(&b),
	    "BUF_INIT is an empty buffer");
	ok(c.data == NULL && c.len == 0 && c.cap == 0 && buf_ok(&c),
	    "and so is what buf_init makes");
	buf_add(&b, NULL, 0);
	ok(b.len == 0 && buf_ok(&b), "nothing can be added");
	ok(buf_extend(&b, 0) != NULL && b.len == 0 && buf_ok(&b),
	    "extending by nothing is no failure");
	buf_release(&b);
	buf_release(&b);
	ok(b.data == NULL && b.cap == 0, "release works twice");
}

static void
test_integers(void)
{
	static const uint8_t want[] = {
		0xfe,
		0x02, 0x01,
		0x78, 0x56, 0x34, 0x12,
		0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,
		'e', 'n', 'd',
	};
	struct buf b = BUF_INIT;

	buf_add_u8(&b, 0xfe);
	buf_add_u16(&b, 0x0102);
	buf_add_u32(&b, 0x12345678);
	buf_add_u64(&b, UINT64_C(0x0123456789abcdef));
	buf_add(&b, "end", 3);
	is_mem(b.data, b.len, want, sizeof(want),
	    "integers are added little-endian, without padding");
	buf_release(&b);
}

static void
test_room(void)
{
	struct buf b = BUF_INIT;
	uint8_t *p, *q;

	buf_add(&b, "abc", 3);
	p = buf_reserve(&b, 1000);
	ok(p == b.data + 3 && b.len == 3 && b.cap >= 1003,
	    "reserve makes room at the end and adds nothing");
	memset(p, 'x', 1000);
	q = buf_extend(&b, 1000);
	ok(p == q && b.len == 1003 && q[999] == 'x',
	    "extend takes the room that was reserved");
	ok(memcmp(b.data, "abcx", 4) == 0, "what was there stays");
	p = b.data;
	buf_clear(&b);
	ok(b.len == 0 && b.data == p && b.cap >= 1003,
	    "clear keeps the memory");
	buf_release(&b);
}

static void
test_growth(void)
{
	struct buf b = BUF_INIT;
	bool bounds = true, content = true;
	uint32_t i;

	for (i = 0; i < 30000; i++) {
		buf_add_u32(&b, i * 2654435761u);
		bounds = bounds && b.len <= b.cap && b.len == 4 * (i + 1);
	}
	for (i = 0; i < 30000; i++) {
		uint32_t v = i * 2654435761u;

		content = content && b.data[4 * i] == (uint8_t)v &&
		    b.data[4 * i + 3] == (uint8_t)(v >> 24);
	}
	ok(bounds, "the length never exceeds the room");
	ok(content, "growing keeps what was added");
	buf_release(&b);
}

static void
test_failure(void)
{
	struct buf b = BUF_INIT, before;

	buf_add(&b, "kept", 4);
	before = b;
	ok(buf_reserve(&b, SIZE_MAX) == NULL,
	    "more than all memory is not to be had");
	ok(!buf_ok(&b), "the buffer says so");
	ok(b.data == before.data && b.len == 4 && b.cap == before.cap &&
	    memcmp(b.data, "kept", 4) == 0, "and is as it was");
	buf_add(&b, "more", 4);
	buf_add_u8(&b, 1);
	buf_add_u16(&b, 1);
	buf_add_u32(&b, 1);
	buf_add_u64(&b, 1);
	ok(b.len == 4, "later additions do nothing");
	ok(buf_reserve(&b, 1) == NULL && buf_extend(&b, 1) == NULL &&
	    b.len == 4, "and there is no room, although there would be");
	buf_clear(&b);
	buf_add(&b, "again", 5);
	ok(buf_ok(&b) && b.len == 5 && memcmp(b.data, "again", 5) == 0,
	    "cleared, it serves again");
	buf_release(&b);

	ok(buf_extend(&b, SIZE_MAX) == NULL && b.data == NULL && b.len == 0 &&
	    !buf_ok(&b), "the same with an empty buffer");
	buf_release(&b);
	ok(buf_ok(&b), "release forgets a failure");
}

int
main(void)
{
	plan(20);
	test_empty();
	test_integers();
	test_room();
	test_growth();
	test_failure();
	return done_testing();
}
