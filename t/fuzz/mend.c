#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "datafile.h"
#include "logrec.h"
#include "mend.h"
#include "page.h"

static void
mend_batches(uint8_t *p, size_t n, size_t from)
{
	uint8_t place[24];
	uint32_t len, crc;
	size_t i;

	for (i = from; i + BATCH_HEAD_LEN <= n; i++) {
		if (memcmp(p + i, "NTB\n", 4) != 0)
			continue;
		len = get_u32(p + i + 4);
		if (len < 8 || len > n - i - BATCH_HEAD_LEN)
			continue;
		memcpy(place, p + 16, 16);	/* epoch and nonce */
		put_u64(place + 16, i);
		crc = checksum_add(checksum(place, 24), p + i + 4, 8);
		put_u32(p + i + 12, checksum_add(crc, p + i + BATCH_HEAD_LEN,
		    len));
		i += BATCH_HEAD_LEN - 1 + len;
	}
}

void
mend_log(uint8_t *p, size_t n)
{
	uint32_t len;

	if (n < LOG_HEAD_MIN)
		return;
	len = get_u32(p + 12);
	if (len < LOG_HEAD_MIN || len > n)
		return;
	put_u32(p + len - 4, checksum(p, len - 4));
	mend_batches(p, n, len);
}

/* The header at p, and the directory behind it. */
static void
mend_page(uint8_t *p, size_t n)
{
	struct page_head h;
	uint32_t len = p[7];

	if (len < PAGE_HEAD_MIN || len > PAGE_HEAD_MAX || len > n)
		return;
	put_u32(p + len - 4, checksum(p, len - 4));
	if (page_head_unpack(p, n, &h, NULL) != 0 || h.dir_len > n - len)
		return;
	put_u32(p + len - 8, checksum(p + len, h.dir_len));
	put_u32(p + len - 4, checksum(p, len - 4));
}

static void
mend_list(uint8_t *p, size_t n)
{
	uint32_t len = get_u32(p + 20);
	uint64_t at = get_u64(p + 48);

	if (len < 16 || at < DATA_HEAD_LEN || at > n || len > n - at)
		return;
	p += at;
	put_u32(p + 12, checksum_add(checksum(p, 12), p + 16, len - 16));
}

void
mend_data(uint8_t *p, size_t n, uint32_t kind, int32_t start)
{
	size_t i;

	if (n < DATA_HEAD_LEN)
		return;
	put_u32(p + 12, kind);
	put_u32(p + 16, (uint32_t)start);
	put_u32(p + 60, checksum(p, 60));
	mend_list(p, n);
	for (i = DATA_HEAD_LEN; i + PAGE_HEAD_MIN <= n; i++)
		if (memcmp(p + i, "NTPG", 4) == 0)
			mend_page(p + i, n - i);
}
