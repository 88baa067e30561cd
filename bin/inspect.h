/*
 * The parts of ntdb-inspect: one function for each thing to look at, called
 * once for each database.  Text goes to stdout in columns of fixed width,
 * JSON as elements of an array that is open.
 */
#ifndef NTDB_BIN_INSPECT_H
#define NTDB_BIN_INSPECT_H

#include <stdbool.h>

#include "cli.h"
#include "json.h"
#include "ntdb.h"

struct inspect {
	struct cli cli;
	struct ntdb *db;
	const char *name;	/* of the database at hand */
	bool	json;
	struct json out;
	bool	in_element;	/* an object or array that is still open */
	bool	below_first;	/* something was printed before */
	const char *salvage_path;	/* of --out */
	int	salvage_fd;	/* -1: none */
	bool	aside;		/* --aside */
};

/* 0, or what the library or a failed output returned. */
typedef int inspect_fn(struct inspect *ins, struct ntdb_error *err);

inspect_fn inspect_db, inspect_dat, inspect_wal, inspect_catalog,
    inspect_verify, inspect_salvage;

/* Open the output of salvage, and close it in the end. */
void inspect_salvage_begin(struct inspect *ins);
void inspect_salvage_end(struct inspect *ins);

/* The headings of the columns of those that have any. */
void inspect_dat_heading(const struct inspect *ins);
void inspect_wal_heading(const struct inspect *ins);
void inspect_catalog_heading(const struct inspect *ins);

/* Text with what is not printable escaped. */
void inspect_put(const char *s);

/* `DB/NAME' and a new line; NULL: `DB/#ID'. */
void inspect_put_metric(const struct inspect *ins, const char *metric,
    uint32_t id);

/* NUL-terminated forms, in room for NTDB_TEXT_MAX; they return text. */
const char *inspect_time(int64_t t_ns, char *text);
const char *inspect_value(int type, union ntdb_value value, char *text);

/* Ends a walk when stdout has failed. */
int inspect_go_on(void);

#endif
