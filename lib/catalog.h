/*
 * Floor 3.  catalog.json: names, ids and types of metrics.
 *
 *   {"metrics":[
 *   {"name":"room.temp","id":1,"type":"float32","crc":1156668389},
 *   {"name":"boiler.on","id":2,"type":"int32","crc":2527799195}
 *   ]}
 *
 * One metric a line, by id.  Valid if and only if it is JSON of this form
 * (further members are ignored), ids are 1 or more and differ, names are
 * valid and differ, types are known.  Read a line at a time.  crc, which may
 * be missing, is the CRC-32 of `ID TYPE NAME', the name without escapes: no
 * bit can turn a name into another one unseen.
 */
#ifndef NTDB_CATALOG_H
#define NTDB_CATALOG_H

#include "buf.h"
#include "ntdb.h"

typedef int catalog_fn(void *arg, uint32_t id, int type, const char *name,
    size_t len, struct ntdb_error *err);

/* Call fn for each metric in text.  Stops at its first non-zero return. */
int catalog_scan(const char *text, size_t len, const char *display,
    catalog_fn *fn, void *arg, struct ntdb_error *err);

/* Make the text: begin, then add in order of id, then end. */
void catalog_begin(struct buf *out);
void catalog_add(struct buf *out, bool first, uint32_t id, int type,
    const char *name, size_t len);
void catalog_end(struct buf *out);

#endif
