/*
 * engine.ini and manifest.ini.  Input: a byte that says which, then text.
 *
 *   - What is refused is refused with file, line and reason.
 *   - The values in force, as they are shown, read back as the same values;
 *     so do the defaults that an engine's file gives to new manifests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "config-keys.h"
#include "fuzz.h"
#include "inifile.h"

static void
note(void *arg, const struct ntdb_error *what)
{
	char text[1024];

	(void)arg;
	must(what->code == NTDB_ECONFIG && what->line >= 1);
	must(ntdb_error_format(what, text, sizeof(text)) > 0);
}

static void
check_refusal(int r, const struct ntdb_error *err)
{
	must(r == NTDB_ECONFIG && err->code == r);
	must(err->text[0] != '\0' && strcmp(err->path, "file") == 0);
}

/* Add a setting as a line of a file. */
static int
add_setting(void *arg, const struct ntdb_setting_info *s)
{
	struct buf *out = arg;

	buf_add_u8(out, '[');
	buf_add(out, s->section, strlen(s->section));
	buf_add(out, "]\n", 2);
	buf_add(out, s->key, strlen(s->key));
	buf_add_u8(out, '=');
	buf_add(out, s->value, strlen(s->value));
	buf_add_u8(out, '\n');
	return 0;
}

static void
same_text(const struct buf *a, const struct buf *b)
{
	must(buf_ok(a) && buf_ok(b));
	must(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

/* The values of m, written out and read in, are those of m. */
static void
read_back(const struct manifest *m)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct manifest again;

	must(manifest_walk(m, add_setting, &once) == 0);
	must(manifest_read(AT_FDCWD, fuzz_file(once.data, once.len), "file",
	    NULL, &again, note, NULL, NULL) == 0);
	must(manifest_walk(&again, add_setting, &twice) == 0);
	same_text(&once, &twice);
	manifest_release(&again);
	buf_release(&once);
	buf_release(&twice);
}

static void
try_manifest(const uint8_t *p, size_t n)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct manifest m;
	int r;

	r = manifest_read(AT_FDCWD, fuzz_file(p, n), "file", NULL, &m, note,
	    NULL, &err);
	if (r == 0)
		read_back(&m);
	else
		check_refusal(r, &err);
	manifest_release(&m);
}

/* All keys of an engine as lines. */
static void
show_engine(const struct engine_config *c, struct buf *out)
{
	struct ntdb_setting_info s;
	struct buf value = BUF_INIT;
	size_t i;

	for (i = 0; i < engine_keys.n; i++) {
		buf_clear(&value);
		key_format(&engine_keys.keys[i], c, &value);
		buf_add_u8(&value, '\0');
		s.section = engine_keys.keys[i].section;
		s.key = engine_keys.keys[i].name;
		s.value = (const char *)value.data;
		add_setting(out, &s);
	}
	buf_release(&value);
}

/* A new manifest under this engine states what the engine says of it. */
static void
read_template(const struct engine_config *c)
{
	struct buf text = BUF_INIT, a = BUF_INIT, b = BUF_INIT;
	struct manifest with, alone;

	must(manifest_template(c, &text) == 0);
	must(manifest_read(AT_FDCWD, fuzz_file(text.data, text.len), "file",
	    NULL, &alone, note, NULL, NULL) == 0);
	must(manifest_read(AT_FDCWD, "/nowhere", "file", c, &with, note, NULL,
	    NULL) == 0);
	must(manifest_walk(&alone, add_setting, &a) == 0);
	must(manifest_walk(&with, add_setting, &b) == 0);
	same_text(&a, &b);
	manifest_release(&with);
	manifest_release(&alone);
	buf_release(&text);
	buf_release(&a);
	buf_release(&b);
}

static void
try_engine(const uint8_t *p, size_t n)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct engine_config c, again;
	int r;

	r = engine_config_read(AT_FDCWD, fuzz_file(p, n), "file", &c, note,
	    NULL, &err);
	if (r == 0) {
		show_engine(&c, &once);
		must(engine_config_read(AT_FDCWD, fuzz_file(once.data,
		    once.len), "file", &again, note, NULL, NULL) == 0);
		show_engine(&again, &twice);
		same_text(&once, &twice);
		engine_config_release(&again);
		read_template(&c);
	} else {
		check_refusal(r, &err);
	}
	engine_config_release(&c);
	buf_release(&once);
	buf_release(&twice);
}

/* The template of engine.ini, with its comments taken away. */
static void
try_own_template(void)
{
	struct buf text = BUF_INIT;
	size_t i;

	must(engine_config_template(&text) == 0);
	try_engine(text.data, text.len);
	for (i = 0; i + 1 < text.len; i++)
		if (text.data[i] == '#' && text.data[i + 1] == ' ' &&
		    (i == 0 || text.data[i - 1] == '\n'))
			memmove(text.data + i, text.data + i + 2,
			    (text.len -= 2) - i);
	try_engine(text.data, text.len);
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		try_own_template();
		return 0;
	}
	if (data[0] % 2 == 0)
		try_engine(data + 1, size - 1);
	else
		try_manifest(data + 1, size - 1);
	return 0;
}
