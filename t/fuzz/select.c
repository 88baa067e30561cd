/*
 * What targets of a query mean: globs and regular expressions.  Input: a byte
 * of flags, then, if bit 7 is set, a glob and a text, else targets; each ends
 * with a newline.
 *
 *   - A glob matches what another matcher says it does, one that tries all
 *     places of a star.
 *   - A selection is sorted, has nothing twice, and is the union of what its
 *     targets mean.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "match.h"
#include "root.h"
#include "select.h"
#include "utf8.h"

#define TARGETS_MAX 8
#define TEXT_MAX 64

/* A line of the input, ended by a zero byte; NULL: there is no more. */
static char *
take_line(struct input *in)
{
	const uint8_t *nl = in->n == 0 ? NULL : memchr(in->at, '\n', in->n);
	struct input part;
	char *line;

	if (in->n == 0)
		return NULL;
	part = in_part(in, nl == NULL ? in->n : (size_t)(nl - in->at));
	in_u8(in);
	line = fuzz_alloc(part.n + 1);
	memcpy(line, part.at, part.n);
	line[part.n] = '\0';
	return line;
}

/* ----------------------------------------------------------------- globs */

/* Characters, or, above all, single bytes that are none. */
static size_t
to_chars(const char *s, size_t len, uint32_t *c)
{
	size_t n = 0, step;

	for (; len > 0; s += step, len -= step) {
		if ((step = utf8_decode(s, len, &c[n])) == 0) {
			c[n] = 0x110000 + (uint8_t)*s;
			step = 1;
		}
		n++;
	}
	return n;
}

/* Index of the `]' that ends the set at g[0], a `['; 0: it has none. */
static size_t
set_end(const uint32_t *g, size_t n)
{
	size_t i = 1;

	if (i < n && (g[i] == '!' || g[i] == '^'))
		i++;
	if (i < n && g[i] == ']')
		i++;
	for (; i < n; i++) {
		if (g[i] == ']')
			return i;
		if (g[i] == '\\' && i + 1 < n)
			i++;
	}
	return 0;
}

static bool
in_set(const uint32_t *g, size_t end, uint32_t c)
{
	bool negated = g[1] == '!' || g[1] == '^', found = false;
	size_t i = negated ? 2 : 1;
	uint32_t low, high;

	while (i < end) {
		if (g[i] == '\\' && i + 1 <= end)
			i++;
		low = high = g[i++];
		if (i + 1 < end && g[i] == '-') {
			i++;
			if (g[i] == '\\' && i + 1 < end)
				i++;
			high = g[i++];
		}
		found |= low <= c && c <= high;
	}
	return found != negated;
}

static bool
matches(const uint32_t *g, size_t n, const uint32_t *t, size_t n_t)
{
	size_t end, i;

	if (n == 0)
		return n_t == 0;
	if (g[0] == '*') {
		for (i = 0; i <= n_t; i++)
			if (matches(g + 1, n - 1, t + i, n_t - i))
				return true;
		return false;
	}
	if (n_t == 0)
		return false;
	if (g[0] == '?')
		return matches(g + 1, n - 1, t + 1, n_t - 1);
	if (g[0] == '[' && (end = set_end(g, n)) != 0)
		return in_set(g, end, t[0]) &&
		    matches(g + end + 1, n - end - 1, t + 1, n_t - 1);
	i = g[0] == '\\' && n > 1;
	return g[i] == t[0] && matches(g + i + 1, n - i - 1, t + 1, n_t - 1);
}

static void
try_glob(struct input *in)
{
	char *glob = take_line(in), *text = take_line(in);
	uint32_t g[TEXT_MAX], t[TEXT_MAX];
	size_t i, stars = 0;

	if (text != NULL && strlen(glob) <= TEXT_MAX / 2 &&
	    strlen(text) <= TEXT_MAX / 2) {
		for (i = 0; glob[i] != '\0'; i++)
			stars += glob[i] == '*';
		if (stars <= 4)
			must(glob_match(glob, strlen(glob), text,
			    strlen(text)) == matches(g, to_chars(glob,
			    strlen(glob), g), t, to_chars(text, strlen(text),
			    t)));
		if (!glob_is_pattern(glob, strlen(glob)))
			must(glob_match(glob, strlen(glob), text,
			    strlen(text)) == (strcmp(glob, text) == 0));
	}
	free(glob);
	free(text);
}

/* --------------------------------------------------------------- targets */

static const char samples[] =
    "home/room.temp 1.5 1000000000000000000\n"
    "home/room.hum 1 1000000000000000000\n"
    "home/a 1 1000000000000000000\n"
    "home/a* 1 1000000000000000000\n"
    "home/[x] 1 1000000000000000000\n"
    "home/\xc3\xbc{code=\"200\"} 1 1000000000000000000\n"
    "home-2/a 1 1000000000000000000\n"
    "home-2/b/c 1 1000000000000000000\n"
    "home.3/a 1 1000000000000000000\n"
    "internal/x 1 1000000000000000000\n"
    "Z/long.name.of.a.metric 1 1000000000000000000\n";

static struct ntdb *
make_root(void)
{
	struct ntdb_options opt = NTDB_OPTIONS_INIT;
	struct ntdb_ingest *in;
	struct ntdb *db;
	size_t used;

	opt.root = fuzz_dir();
	must(ntdb_open(&opt, &db, NULL) == 0);
	must(ntdb_ingest_open(db, NULL, &in, NULL) == 0);
	must(ntdb_ingest_lines(in, samples, sizeof(samples) - 1, true, &used,
	    NULL) == 0);
	must(ntdb_ingest_finish(in, NULL) == 0);
	must(ntdb_ingest_stats(in)->samples == 11);
	ntdb_ingest_close(in);
	return db;
}

static void
check_order(const struct selection *sel)
{
	size_t i, k;

	for (i = 0; i < sel->n; i++) {
		must(sel->dbs[i].n > 0);
		for (k = 0; k < i; k++)
			must(strcmp(sel->dbs[k].db, sel->dbs[i].db) != 0);
		for (k = 1; k < sel->dbs[i].n; k++)
			must(sel->dbs[i].ids[k] != sel->dbs[i].ids[k - 1]);
	}
}

static bool
has(const struct selection *sel, const char *db, uint32_t id)
{
	size_t i, k;

	for (i = 0; i < sel->n; i++)
		for (k = 0; k < sel->dbs[i].n; k++)
			if (strcmp(sel->dbs[i].db, db) == 0 &&
			    sel->dbs[i].ids[k] == id)
				return true;
	return false;
}

static size_t
count(const struct selection *sel)
{
	size_t i, n = 0;

	for (i = 0; i < sel->n; i++)
		n += sel->dbs[i].n;
	return n;
}

/* All of part is in sel; each of it is marked by counting it out of sel. */
static void
is_part(const struct selection *part, const struct selection *sel)
{
	size_t i, k;

	for (i = 0; i < part->n; i++)
		for (k = 0; k < part->dbs[i].n; k++)
			must(has(sel, part->dbs[i].db, part->dbs[i].ids[k]));
}

static void
try_targets(struct ntdb *db, const struct ntdb_query_options *opt,
    const char *const *targets, size_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct selection sel, one[TARGETS_MAX];
	size_t i, k, w, sum = 0, most = 0;
	int r;

	r = select_targets(db, opt, targets, n, &sel, &err);
	must(r == 0 || r == NTDB_ENOENT || r == NTDB_EUSAGE);
	must(r == 0 || (err.code == r && err.text[0] != '\0'));
	if (r != 0)
		return;
	check_order(&sel);
	for (i = 0; i < n; i++) {
		must(select_targets(db, opt, targets + i, 1, &one[i],
		    NULL) == 0);
		is_part(&one[i], &sel);
		sum += count(&one[i]);
		if (count(&one[i]) > most)
			most = count(&one[i]);
	}
	must(most <= count(&sel) && count(&sel) <= sum);
	for (i = 0; i < sel.n; i++)
		for (k = 0; k < sel.dbs[i].n; k++) {
			for (w = 0; w < n && !has(&one[w], sel.dbs[i].db,
			    sel.dbs[i].ids[k]); w++)
				;
			must(w < n);
		}
	for (i = 0; i < n; i++)
		selection_release(&one[i]);
	selection_release(&sel);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ntdb *db;
	struct ntdb_query_options opt = NTDB_QUERY_OPTIONS_INIT;
	struct input in = { data, size };
	char *targets[TARGETS_MAX];
	uint8_t flags = in_u8(&in);
	size_t n = 0;

	if (flags & 0x80) {
		try_glob(&in);
		return 0;
	}
	if (db == NULL)
		db = make_root();
	opt.regex = flags & 1;
	opt.internal = flags & 2;
	/* What the C library does with {1,9999} and \1 is not ours. */
	if (opt.regex && size > 0 && (memchr(data, '{', size) != NULL ||
	    memchr(data, '\\', size) != NULL))
		return 0;
	while (n < TARGETS_MAX && (targets[n] = take_line(&in)) != NULL)
		n++;
	if (n > 0)
		try_targets(db, &opt, (const char *const *)targets, n);
	while (n > 0)
		free(targets[--n]);
	return 0;
}
