#include <stdio.h>
#include <string.h>

#include "error.h"
#include "tar.h"

enum {
	AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124,
	AT_MTIME = 136, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257,
	AT_DEVICE = 329, AT_PREFIX = 345
};

#define ID_LEN 8		/* mode, uid, gid, checksum, devices */
#define LONG_LEN 12		/* size, time */
#define PREFIX_LEN 155

/* Octal digits and a NUL, or base 256. */
static void
put_number(uint8_t *p, size_t len, uint64_t v)
{
	size_t i;

	if (v >> 3 * (len - 1) == 0) {
		p[len - 1] = 0;
		for (i = len - 1; i > 0; v >>= 3)
			p[--i] = (uint8_t)('0' + (v & 7));
		return;
	}
	for (i = len; i > 0; v >>= 8)
		p[--i] = (uint8_t)v;
	p[0] |= 0x80;
}

static bool
get_number(const uint8_t *p, size_t len, uint64_t *v)
{
	size_t i = 0;

	*v = 0;
	if (p[0] == 0x80) {
		for (i = 1; i < len; i++) {
			if (*v >> 55 != 0)
				return false;
			*v = *v << 8 | p[i];
		}
		return true;
	}
	while (i < len && p[i] == ' ')
		i++;
	for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		*v = *v << 3 | (uint64_t)(p[i] - '0');
	return i == len || p[i] == ' ' || p[i] == '\0';
}

static uint64_t
sum_of(const uint8_t *p)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < TAR_BLOCK; i++)
		sum += i >= AT_SUM && i < AT_TYPE ? ' ' : p[i];
	return sum;
}

int
tar_head_pack(const struct tar_member *m, uint8_t p[TAR_BLOCK],
    struct ntdb_error *err)
{
	size_t len = strlen(m->name);

	if (len == 0 || len > TAR_NAME_MAX)
		return err_set(err, NTDB_EUSAGE,
		    "%s: a name of %zu bytes is none for tar", m->name, len);
	memset(p, 0, TAR_BLOCK);
	memcpy(p, m->name, len);
	put_number(p + AT_MODE, ID_LEN, m->mode);
	put_number(p + AT_UID, ID_LEN, m->uid);
	put_number(p + AT_GID, ID_LEN, m->gid);
	put_number(p + AT_SIZE, LONG_LEN, m->size);
	put_number(p + AT_MTIME, LONG_LEN, m->mtime_s);
	p[AT_TYPE] = '0';
	memcpy(p + AT_MAGIC, "ustar\00000", 8);
	put_number(p + AT_DEVICE, ID_LEN, 0);
	put_number(p + AT_DEVICE + ID_LEN, ID_LEN, 0);
	/* Six digits, NUL, blank. */
	put_number(p + AT_SUM, ID_LEN - 1, sum_of(p));
	p[AT_TYPE - 1] = ' ';
	return 0;
}

/* Types that are followed by contents: files, and pax and GNU extensions. */
static bool
has_contents(uint8_t type)
{
	return type == '\0' || strchr("07xgLK", type) != NULL;
}

int
tar_head_unpack(const uint8_t p[TAR_BLOCK], struct tar_member *m)
{
	uint64_t sum, mode, uid, gid;
	int prefix = 0;
	size_t i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < TAR_BLOCK && p[i] == 0; i++)
		;
	if (i == TAR_BLOCK)
		return NTDB_END;
	if (!get_number(p + AT_SUM, ID_LEN, &sum) || sum != sum_of(p) ||
	    !get_number(p + AT_SIZE, LONG_LEN, &m->size) ||
	    m->size > INT64_MAX || !get_number(p + AT_MODE, ID_LEN, &mode) ||
	    !get_number(p + AT_UID, ID_LEN, &uid) ||
	    !get_number(p + AT_GID, ID_LEN, &gid) ||
	    !get_number(p + AT_MTIME, LONG_LEN, &m->mtime_s))
		return NTDB_ECORRUPT;
	m->mode = (uint32_t)mode;
	m->uid = (uint32_t)uid;
	m->gid = (uint32_t)gid;
	if (!has_contents(p[AT_TYPE]))
		m->size = 0;
	if (memcmp(p + AT_MAGIC, "ustar\0", 6) == 0 && p[AT_PREFIX] != 0)
		prefix = PREFIX_LEN;
	snprintf(m->name, sizeof(m->name), "%.*s%s%.*s", prefix,
	    (const char *)p + AT_PREFIX, prefix > 0 ? "/" : "", TAR_NAME_MAX,
	    (const char *)p);
	return 0;
}
