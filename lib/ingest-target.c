/*
 * Targets: from the word DB/METRIC to the metric, without looking at the
 * names again once a word has been seen.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "ingest.h"
#include "utf8.h"

#define INDEX_MIN 256
#define BLOCK_SIZE (32u << 10)

void
target_table_release(struct target_table *tt)
{
	size_t i;

	for (i = 0; i < tt->n_blocks; i++)
		free(tt->blocks[i]);
	free(tt->blocks);
	free(tt->at);
	free(tt->index);
	memset(tt, 0, sizeof(*tt));
}

/* A copy of n bytes that lives as long as the table. */
static char *
arena_copy(struct target_table *tt, const char *s, size_t n)
{
	char **blocks, *p;

	if (tt->n_blocks == 0 || tt->block_size - tt->block_used < n) {
		size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;

		blocks = realloc(tt->blocks,
		    (tt->n_blocks + 1) * sizeof(blocks[0]));
		if (blocks == NULL)
			return NULL;
		tt->blocks = blocks;
		if ((blocks[tt->n_blocks] = malloc(size)) == NULL)
			return NULL;
		tt->n_blocks++;
		tt->block_used = 0;
		tt->block_size = size;
	}
	p = tt->blocks[tt->n_blocks - 1] + tt->block_used;
	memcpy(p, s, n);
	tt->block_used += n;
	return p;
}

/* The slot of a word: its target's, or the free one where it belongs. */
static uint32_t
slot_of(const struct target_table *tt, uint32_t hash, const char *word,
    size_t len)
{
	uint32_t i = hash & (tt->index_size - 1);

	for (; tt->index[i] != 0; i = (i + 1) & (tt->index_size - 1)) {
		const struct target *t = &tt->at[tt->index[i]];

		if (t->hash == hash && t->word_len == len &&
		    bytes_equal(t->word, word, len))
			break;
	}
	return i;
}

static bool
grow(struct target_table *tt)
{
	uint32_t cap = tt->cap > 0 ? 2 * tt->cap : INDEX_MIN / 2, i;
	struct target *at = realloc(tt->at, cap * sizeof(at[0]));
	uint32_t *index;

	if (at == NULL)
		return false;
	tt->at = at;
	if (tt->n == 0)
		tt->n = 1;
	index = calloc(2 * (size_t)cap, sizeof(index[0]));
	if (index == NULL)
		return false;
	free(tt->index);
	tt->index = index;
	tt->index_size = 2 * cap;
	tt->cap = cap;
	for (i = 1; i < tt->n; i++)
		tt->index[slot_of(tt, at[i].hash, at[i].word,
		    at[i].word_len)] = i;
	return true;
}

/* The index of a database by name, which is added if it is new. */
static uint32_t
db_find(struct ntdb_ingest *in, const char *name, size_t len)
{
	struct ingest_db *dbs;
	uint32_t i;

	for (i = 0; i < in->n_dbs; i++)
		if (strlen(in->dbs[i].name) == len &&
		    memcmp(in->dbs[i].name, name, len) == 0)
			return i;
	dbs = realloc(in->dbs, (in->n_dbs + 1) * sizeof(dbs[0]));
	if (dbs == NULL)
		return UINT32_MAX;
	in->dbs = dbs;
	memset(&dbs[i], 0, sizeof(dbs[i]));
	memcpy(dbs[i].name, name, len);
	in->n_dbs++;
	return i;
}

bool
ntdb_metric_name_ok(const char *name, size_t len)
{
	return len > 0 && len <= METRIC_NAME_MAX && utf8_name_ok(name, len);
}

/* Check the names in DB/METRIC. */
static const char *
check_names(const struct ntdb_ingest *in, const char *word, size_t db_len,
    size_t name_len)
{
	const char *name = word + db_len + 1;

	if (!ntdb_database_name_ok(word, db_len))
		return "not a valid database name";
	if (name_len == 0)
		return "no metric name";
	if (name_len > METRIC_NAME_MAX)
		return "metric name is longer than 1023 bytes";
	if (!ntdb_metric_name_ok(name, name_len))
		return "not a valid metric name";
	if (!in->own && db_len == strlen(INTERNAL_DB) &&
	    memcmp(word, INTERNAL_DB, db_len) == 0 &&
	    name_len >= 5 && memcmp(name, "ntdb/", 5) == 0)
		return "metrics below internal/ntdb/ are ntdb's own";
	return NULL;
}

static uint32_t
add(struct ntdb_ingest *in, const char *word, size_t len, uint32_t hash,
    enum ntdb_refusal *why, const char **reason)
{
	struct target_table *tt = &in->targets;
	const char *slash = memchr(word, '/', len);
	size_t db_len = (size_t)(slash - word);
	struct target *t;
	uint32_t db;

	*why = NTDB_REFUSE_NAME;
	*reason = check_names(in, word, db_len, len - db_len - 1);
	if (*reason != NULL)
		return 0;
	if ((tt->n + 1 >= tt->cap && !grow(tt)) ||
	    (db = db_find(in, word, db_len)) == UINT32_MAX)
		return UINT32_MAX;
	t = &tt->at[tt->n];
	memset(t, 0, sizeof(*t));
	if ((t->word = arena_copy(tt, word, len)) == NULL)
		return UINT32_MAX;
	t->word_len = (uint32_t)len;
	t->name_len = (uint16_t)(len - db_len - 1);
	t->hash = hash;
	t->db = db;
	tt->index[slot_of(tt, hash, word, len)] = tt->n;
	return tt->n++;
}

static uint32_t
find_full(struct ntdb_ingest *in, const char *word, size_t len,
    enum ntdb_refusal *why, const char **reason)
{
	struct target_table *tt = &in->targets;
	uint32_t hash = state_hash(word, len), i;

	if (tt->index_size == 0 && !grow(tt))
		return UINT32_MAX;
	i = tt->index[slot_of(tt, hash, word, len)];
	return i != 0 ? i : add(in, word, len, hash, why, reason);
}

/* A word without `/': the metric of the default database. */
static uint32_t
find_in_default(struct ntdb_ingest *in, const char *word, size_t len,
    enum ntdb_refusal *why, const char **reason)
{
	char full[DB_NAME_MAX + 1 + METRIC_NAME_MAX];
	size_t db_len;

	*why = NTDB_REFUSE_NAME;
	if (in->default_db == NULL) {
		*reason = "no database: write DB/METRIC, or see -d";
		return 0;
	}
	if (len > METRIC_NAME_MAX) {
		*reason = "metric name is longer than 1023 bytes";
		return 0;
	}
	db_len = strlen(in->default_db);
	memcpy(full, in->default_db, db_len);
	full[db_len] = '/';
	memcpy(full + db_len + 1, word, len);
	return find_full(in, full, db_len + 1 + len, why, reason);
}

uint32_t
target_find(struct ntdb_ingest *in, const char *word, size_t len,
    enum ntdb_refusal *why, const char **reason)
{
	bool full = memchr(word, '/', len) != NULL;
	uint32_t i;

	i = full ? find_full(in, word, len, why, reason) :
	    find_in_default(in, word, len, why, reason);
	if (i != 0 && i != UINT32_MAX) {
		struct target *t = &in->targets.at[i];

		t->implied = (uint8_t)(full ? 0 : t->word_len - t->name_len);
	}
	return i;
}

/* Whether a database of this name, valid or not, is there and has a log. */
static bool
db_exists(struct ntdb_ingest *in, const char *name, size_t len)
{
	char path[2 * DB_NAME_MAX + 8];

	if (!ntdb_database_name_ok(name, len) ||
	    root_open(in->root, false, NULL) != 0)
		return false;
	snprintf(path, sizeof(path), "%.*s/%.*s.wal", (int)len, name,
	    (int)len, name);
	return faccessat(in->root->fd, path, F_OK, 0) == 0;
}

/* The same the other way round, without asking again for the last one. */
static bool
is_missing(struct ntdb_ingest *in, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < in->n_dbs; i++)
		if (strlen(in->dbs[i].name) == len &&
		    memcmp(in->dbs[i].name, name, len) == 0)
			return false;
	if (len < sizeof(in->missing) && in->missing[len] == '\0' &&
	    memcmp(in->missing, name, len) == 0)
		return true;
	if (db_exists(in, name, len))
		return false;
	if (len < sizeof(in->missing)) {
		memset(in->missing, 0, sizeof(in->missing));
		memcpy(in->missing, name, len);
	}
	return true;
}

void
target_count_bad(struct ntdb_ingest *in, const struct pending *p)
{
	const char *word = p->text, *end = p->text + p->text_len, *slash;
	const char *name = in->default_db;
	size_t len = name != NULL ? strlen(name) : 0;
	uint32_t db;

	while (word < end && (*word == ' ' || *word == '\t'))
		word++;
	for (slash = word; slash < end && *slash != '/'; slash++)
		if (*slash == ' ' || *slash == '\t')
			break;
	if (slash < end && *slash == '/') {
		name = word;
		len = (size_t)(slash - word);
	}
	if (name == NULL || is_missing(in, name, len) ||
	    (db = db_find(in, name, len)) == UINT32_MAX)
		return;
	in->dbs[db].bad[p->why]++;
	in->dbs[db].has_bad = true;
}

void
target_follow(struct ntdb_ingest *in, uint32_t target)
{
	if (in->last_target != 0)
		in->targets.at[in->last_target].follower = target;
	in->last_target = target;
}
