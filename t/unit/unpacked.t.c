/*
 * Plain bytes that are held: found by all of their key, within limits, the
 * oldest ones first to go, and none that is pinned.
 */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "unpacked.h"

static struct unpacked_set set;

static struct unpacked_key
key(uint64_t at, uint32_t raw_len)
{
	struct unpacked_key k = { 1, 2, 3, at, 4, (uint32_t)at * 77u, raw_len,
	    6 };

	return k;
}

static struct unpacked *
put(uint64_t at, uint32_t raw_len)
{
	struct unpacked_key k = key(at, raw_len);
	struct unpacked *u;

	if (unpacked_add(&set, &k, &u, NULL) != 0)
		bail("cannot add");
	memset(u->raw, (int)at, raw_len);
	return u;
}

static const struct unpacked *
get(uint64_t at, uint32_t raw_len)
{
	struct unpacked_key k = key(at, raw_len);

	return unpacked_find(&set, &k);
}

static void
check_keys(void)
{
	const struct unpacked_key k = key(9, 8);
	struct unpacked_key other[8];
	unsigned i, n = 0;

	put(9, 8);
	ok(unpacked_find(&set, &k) != NULL, "found by its key");
	for (i = 0; i < 8; i++)
		other[i] = k;
	other[0].file_id++;
	other[1].ino++;
	other[2].at++;
	other[3].len++;
	other[4].crc++;
	other[5].raw_len++;
	other[6].form++;
	other[7].dev++;
	for (i = 0; i < 8; i++)
		n += unpacked_find(&set, &other[i]) != NULL;
	is_int(n, 0, "not by one that differs in anything");
	unpacked_drop(&set, unpacked_find(&set, &k));
	ok(unpacked_find(&set, &k) == NULL, "dropped");
	is_int((long long)set.bytes, 0, "no bytes are left");
}

static void
check_limit(void)
{
	set.limit = 100;
	unpacked_unpin(&set);
	put(1, 40);
	put(2, 40);
	unpacked_unpin(&set);
	ok(get(1, 40) != NULL, "one is used again");
	unpacked_unpin(&set);
	put(3, 40);
	ok(get(2, 40) == NULL, "the one not used for longest has gone");
	ok(get(1, 40) != NULL && get(1, 40)->raw[39] == 1, "the other stays");
	ok(get(3, 40) != NULL && get(3, 40)->raw[0] == 3, "the new one, too");
	is_int((long long)set.bytes, 80, "bytes that are held");
	put(4, 40);
	ok(get(1, 40) != NULL && get(3, 40) != NULL && get(4, 40) != NULL,
	    "what is pinned stays above the limit");
	unpacked_unpin(&set);
	put(5, 200);
	ok(get(1, 40) == NULL && get(3, 40) == NULL && get(4, 40) == NULL &&
	    get(5, 200) != NULL, "a large one makes all others go");
	unpacked_unpin(&set);
}

static void
check_places(void)
{
	struct unpacked_key k = key(1000, 1);
	struct unpacked *u;
	unsigned i, n = 0;

	set.limit = 1 << 20;
	for (i = 0; i < UNPACKED_MAX; i++) {
		put(100 + i, 1);
		if (i == 0)
			unpacked_unpin(&set);
	}
	put(999, 1);
	is_int(unpacked_add(&set, &k, &u, NULL), NTDB_EBUG,
	    "more than there are places are pinned");
	for (i = 0; i < UNPACKED_MAX; i++)
		n += get(100 + i, 1) != NULL;
	is_int(n, UNPACKED_MAX - 1, "only the one that was not has gone");
}

static void
check_rounds(void)
{
	struct unpacked *u;

	unpacked_begin(&set);
	u = put(50, 10);
	is_int((long long)u->round, (long long)set.round, "of this round");
	unpacked_spoil(&set, u);
	ok(get(50, 10) != NULL && get(50, 10)->raw == NULL,
	    "damage is remembered");
	unpacked_begin(&set);
	ok(get(50, 10) == NULL, "but not in the next round");
	ok(get(101, 1) != NULL && get(101, 1)->round != set.round,
	    "what was there is, but of another round");
	unpacked_release(&set);
	ok(get(101, 1) == NULL, "released");
}

int
main(void)
{
	plan_later();
	set.limit = 1000;
	check_keys();
	check_limit();
	check_places();
	check_rounds();
	return done_testing();
}
