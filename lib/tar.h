/*
 * Floor 3.  Headers of tar members: ustar, with numbers as GNU tar has them
 * where they do not fit.
 *
 *     0 100  name                     257   6  "ustar" and NUL
 *   100   8  mode                     263   2  "00"
 *   108   8  uid                      265  32  user, empty
 *   116   8  gid                      297  32  group, empty
 *   124  12  size                     329  16  device, 0
 *   136  12  time of change           345 155  prefix of the name, empty
 *   148   8  checksum                 500  12  0
 *   156   1  type, '0': a file
 *
 * Numbers are octal digits, then NUL; or 0x80 and, big-endian, the number.
 * The checksum is the sum of all bytes, with blanks in its own place.
 */
#ifndef NTDB_TAR_H
#define NTDB_TAR_H

#include "ntdb.h"

#define TAR_BLOCK 512
#define TAR_NAME_MAX 100
#define TAR_PATH_MAX 256	/* with prefix and slash */

struct tar_member {
	char	name[TAR_PATH_MAX + 1];
	uint64_t size;		/* of the contents, in bytes */
	uint64_t mtime_s;
	uint32_t mode, uid, gid;
};

/* NTDB_EUSAGE: the name is empty or over TAR_NAME_MAX bytes. */
int tar_head_pack(const struct tar_member *m, uint8_t p[TAR_BLOCK],
    struct ntdb_error *err);

/*
 * 0; NTDB_END: the block is all zero; NTDB_ECORRUPT: it is no header.
 * size is 0 for members that have no contents, such as directories.
 */
int tar_head_unpack(const uint8_t p[TAR_BLOCK], struct tar_member *m);

/* The room that contents take, in whole blocks.  size is at most 2^63. */
static inline uint64_t
tar_padded(uint64_t size)
{
	return (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

#endif
