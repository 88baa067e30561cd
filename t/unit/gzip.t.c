#include <stdlib.h>
#include <string.h>

#include "../bin/gzip.h"
#include "../bin/strbuf.h"
#include "ntdb.h"
#include "scratch.h"
#include "tap.h"

/* `printf 'hello' | gzip -n', and the same of ` you' and of nothing. */
static const char hello[] = "1f8b0800000000000003cb48cdc9c9070086a61036"
	"05000000";
static const char you[] = "1f8b080000000000000353a8cc2f050026d15c18"
	"04000000";
static const char nothing[] = "1f8b080000000000000303000000000000000000";

/* Unpack in pieces, into a buffer of so many bytes. */
static int
unpack(struct gunzip *g, const uint8_t *in, size_t len, size_t piece,
    size_t room, struct strbuf *out)
{
	size_t at = 0, n, used, take;
	char *buf = malloc(room);
	int r = 0;

	do {
		take = len - at < piece ? len - at : piece;
		r = gunzip_run(g, (const char *)in + at, take, &used, buf,
		    room, &n);
		if (r == 0)
			strbuf_add(out, buf, n);
		at += used;
	} while (r == 0 && (at < len || n > 0));
	free(buf);
	return r;
}

static void
is_unpacked(struct gunzip *g, const char *hex, const char *want,
    const char *name)
{
	struct strbuf out = STRBUF_INIT;
	size_t len, piece;
	uint8_t in[512];

	len = from_hex(hex, in, sizeof(in));
	for (piece = 1; piece <= len; piece += 6) {
		gunzip_reset(g);
		strbuf_clear(&out);
		is_int(unpack(g, in, len, piece, piece, &out), 0,
		    "%s by %zu bytes", name, piece);
		ok(gunzip_done(g), "is complete");
		is_str(strbuf_str(&out), want, "and right");
	}
	strbuf_release(&out);
}

static void
test_cut(struct gunzip *g)
{
	struct strbuf out = STRBUF_INIT;
	bool right = true;
	uint8_t in[512];
	size_t len, cut;

	len = from_hex(hello, in, sizeof(in));
	for (cut = 0; cut < len; cut++) {
		gunzip_reset(g);
		right &= unpack(g, in, cut, cut + 1, 100, &out) == 0 &&
		    !gunzip_done(g);
	}
	ok(right, "what is cut anywhere is not complete");
	strbuf_release(&out);
}

static void
test_bad(struct gunzip *g)
{
	struct strbuf out = STRBUF_INIT;
	uint8_t in[512];
	size_t len, i;
	int refused = 0;

	len = from_hex(hello, in, sizeof(in));
	/* Each bit of checksum and length. */
	for (i = (len - 8) * 8; i < len * 8; i++) {
		in[i / 8] ^= (uint8_t)(1 << i % 8);
		gunzip_reset(g);
		refused += unpack(g, in, len, len, 100, &out) ==
		    NTDB_ECORRUPT;
		in[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(refused, 64, "a wrong checksum or length is refused");
	gunzip_reset(g);
	is_int(unpack(g, (const uint8_t *)"hello", 5, 5, 100, &out),
	    NTDB_ECORRUPT, "so is what is no gzip");
	in[len] = 'x';
	gunzip_reset(g);
	ok(unpack(g, in, len + 1, len + 1, 100, &out) != 0 ||
	    !gunzip_done(g), "and what is behind it");
	len = from_hex("789ccb48cdc9c90700062c0215", in, sizeof(in));
	gunzip_reset(g);
	is_int(unpack(g, in, len, len, 100, &out), NTDB_ECORRUPT,
	    "zlib's own form is not taken");
	strbuf_release(&out);
}

/* Pack and unpack; what goes in is half noise, half repetition. */
static void
round_trip(struct gzip *z, struct gunzip *g, size_t len)
{
	struct strbuf packed = STRBUF_INIT, out = STRBUF_INIT;
	char *in = malloc(len + 1), buf[777];
	size_t i, at = 0, piece, used, n;
	bool done = false;

	for (i = 0; i < len; i++)
		in[i] = (char)(i / 5000 % 2 == 0 ? random_below(256) : 'a');
	gzip_reset(z);
	while (!done) {
		piece = random_below(3000);
		piece = len - at < piece ? len - at : piece;
		done = gzip_run(z, in + at, piece, at + piece == len, &used,
		    buf, 1 + random_below(sizeof(buf)), &n);
		at += used;
		strbuf_add(&packed, buf, n);
	}
	gunzip_reset(g);
	is_int(unpack(g, (const uint8_t *)packed.s, packed.len, 999, 1234,
	    &out), 0, "%zu bytes become %zu", len, packed.len);
	ok(gunzip_done(g), "which are complete");
	is_mem(strbuf_str(&out), out.len, in, len, "and the same again");
	ok(len < 20000 || packed.len < len, "and smaller");
	free(in);
	strbuf_release(&packed);
	strbuf_release(&out);
}

int
main(void)
{
	struct gunzip *g = gunzip_new();
	struct gzip *z = gzip_new();
	struct strbuf two = STRBUF_INIT;

	plan_later();
	random_start();
	if (g == NULL || z == NULL)
		bail("no memory");
	is_unpacked(g, hello, "hello", "one member");
	strbuf_puts(&two, hello);
	strbuf_puts(&two, nothing);
	strbuf_puts(&two, you);
	is_unpacked(g, two.s, "hello you", "three members");
	is_unpacked(g, nothing, "", "nothing");
	test_cut(g);
	test_bad(g);
	round_trip(z, g, 0);
	round_trip(z, g, 1);
	round_trip(z, g, 4000);
	round_trip(z, g, 200000);
	strbuf_release(&two);
	gunzip_free(g);
	gzip_free(z);
	return done_testing();
}
