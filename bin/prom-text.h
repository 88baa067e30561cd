/*
 * Lines of the Prometheus text exposition format, version 0.0.4, and of its
 * later form with quoted names: pure, bytes in, one sample out.
 * (https://prometheus.io/docs/instrumenting/exposition_formats/)
 */
#ifndef NTDB_BIN_PROM_TEXT_H
#define NTDB_BIN_PROM_TEXT_H

#include <stdint.h>

#include "labels.h"

#define PROM_LINE_MAX 65536	/* bytes, without the line's end */

enum prom_kind {
	PROM_BLANK,		/* nothing, a comment, HELP, TYPE */
	PROM_SAMPLE,
	PROM_BAD,		/* reason says why */
	PROM_NO_MEMORY
};

/* A line; used again and again, its memory is kept. */
struct prom_line {
	struct labels labels;	/* sorted; those with empty values left out */
	double	value;
	bool	has_time;
	int64_t	t_ms;		/* Unix milliseconds */
	const char *reason;	/* a constant */
};

#define PROM_LINE_INIT { LABELS_INIT, 0.0, false, 0, NULL }

/* A label that every sample gets, in place of one of the same name. */
struct prom_extra {
	const char *name, *value;	/* borrowed */
};

/*
 * Scan one line of len bytes, without its line end (a CR before that is
 * blank space).  A number longer than a double holds becomes the nearest one;
 * one that is out of range, or becomes 0 without being 0, is bad.
 */
enum prom_kind prom_scan(struct prom_line *line, const char *text, size_t len,
    const struct prom_extra *extra, size_t n_extra);

void prom_line_release(struct prom_line *line);

#endif
