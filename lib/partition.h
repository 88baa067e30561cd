/*
 * Floor 3.  Partitions: which data file a sample belongs to.
 *
 * A partition is a UTC day, month or year, or all time, and its data file is
 * named after it: data-2026-05-01.dat, data-2026-05.dat, data-2026.dat,
 * data-forever.dat.  `start' counts days, months or years since 1970 (0 for
 * forever) and may be negative.
 */
#ifndef NTDB_PARTITION_H
#define NTDB_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct partition {
	uint32_t kind;		/* enum partition_kind */
	int32_t	start;
};

#define PARTITION_NAME_MAX 32

struct partition partition_of(enum partition_kind kind, int64_t t_ns);

/* First and last nanosecond, clipped to int64. */
void partition_span(struct partition p, int64_t *first, int64_t *last);

/* The file's name with its NUL. */
void partition_name(struct partition p, char name[PARTITION_NAME_MAX]);

/* The partition that a file name means; false if it is not one's name. */
bool partition_scan(const char *name, struct partition *p);

/* Order by (kind, start). */
int partition_compare(struct partition a, struct partition b);

#endif
