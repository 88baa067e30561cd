/*
 * catalog.json.  Input: its text.
 *
 *   - Whatever the text, what is told of metrics is within bounds.
 *   - A catalog that is valid is the same when it is written by the writer,
 *     and the state that is made from it finds each metric.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "fuzz.h"
#include "logrec.h"
#include "state.h"
#include "utf8.h"

struct list {
	struct buf names;
	struct {
		uint32_t id;
		int	type;
		size_t	at, len;
	} *e;
	size_t	n;
};

static int
take(void *arg, uint32_t id, int type, const char *name, size_t len,
    struct ntdb_error *err)
{
	struct list *l = arg;

	(void)err;
	must(id >= 1 && id <= UINT32_MAX - 1);
	must(type >= NTDB_INT32 && type <= NTDB_FLOAT64);
	must(len >= 1 && len <= METRIC_NAME_MAX && utf8_name_ok(name, len));
	l->e = realloc(l->e, (l->n + 1) * sizeof(l->e[0]));
	must(l->e != NULL);
	l->e[l->n].id = id;
	l->e[l->n].type = type;
	l->e[l->n].at = l->names.len;
	l->e[l->n].len = len;
	buf_add(&l->names, name, len);
	l->n++;
	return 0;
}

static const char *
name_of(const struct list *l, size_t i)
{
	return (const char *)l->names.data + l->e[i].at;
}

static void
release(struct list *l)
{
	buf_release(&l->names);
	free(l->e);
}

static void
write_again(const struct list *l)
{
	struct list again = { BUF_INIT, NULL, 0 };
	struct buf out = BUF_INIT;
	size_t i;

	catalog_begin(&out);
	for (i = 0; i < l->n; i++)
		catalog_add(&out, i == 0, l->e[i].id, l->e[i].type,
		    name_of(l, i), l->e[i].len);
	catalog_end(&out);
	must(catalog_scan((const char *)out.data, out.len, "catalog", take,
	    &again, NULL) == 0);
	must(again.n == l->n);
	for (i = 0; i < l->n; i++)
		must(again.e[i].id == l->e[i].id &&
		    again.e[i].type == l->e[i].type &&
		    again.e[i].len == l->e[i].len &&
		    memcmp(name_of(&again, i), name_of(l, i),
		    l->e[i].len) == 0);
	release(&again);
	buf_release(&out);
}

/* Ids that are as high as they may be would take memory as high. */
static bool
is_large(const struct list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->e[i].id > 1000000)
			return true;
	return false;
}

static void
read_state(const uint8_t *data, size_t size, const struct list *l, int code)
{
	const char *dir = fuzz_dir();
	struct state s;
	size_t i;
	int fd, r;

	fuzz_write(dir, "catalog.json", data, size);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	must(fd != -1);
	state_init(&s);
	r = state_read_catalog(&s, fd, "catalog.json", NULL);
	io_close(&fd);
	/* It is valid only if names and ids differ, too. */
	must(r == 0 || r == NTDB_ECORRUPT);
	must(code == 0 || r == code);
	for (i = 0; r == 0 && i < l->n; i++) {
		must(state_find(&s, name_of(l, i), l->e[i].len) ==
		    l->e[i].id);
		must(s.metrics[l->e[i].id].type == l->e[i].type);
	}
	must(r != 0 || s.n_named == l->n);
	state_release(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct list l = { BUF_INIT, NULL, 0 };
	uint8_t *copy = fuzz_copy(data, size);
	int r;

	r = catalog_scan((const char *)copy, size, "catalog", take, &l, &err);
	must(r == 0 || (r == NTDB_ECORRUPT && err.code == r));
	must(buf_ok(&l.names));
	if (r == 0)
		write_again(&l);
	if (!is_large(&l))
		read_state(copy, size, &l, r);
	release(&l);
	free(copy);
	return 0;
}
