#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-value.h"
#include "error.h"
#include "number.h"
#include "text.h"
#include "timefmt.h"

/* Enums are stored through int, as every compiler we know sizes them. */
_Static_assert(sizeof(enum partition_kind) == sizeof(int), "enum size");

int
value_bad(const struct setting *s, const char *fmt, ...)
{
	char reason[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return err_line(s->err, NTDB_ECONFIG, s->at->display, s->at->line,
	    "%s: %s", s->key->name, reason);
}

/* --------------------------------------------------------------- numbers */

static void
add_text(struct buf *out, const char *s)
{
	buf_add(out, s, strlen(s));
}

static void
add_u64(struct buf *out, uint64_t v)
{
	char text[NTDB_TEXT_MAX];

	buf_add(out, text, number_format_u64(v, text));
}

/* The largest unit of which it is a multiple. */
static void
add_size(struct buf *out, uint64_t v)
{
	static const char suffix[][4] = { "", "KiB", "MiB", "GiB", "TiB" };
	unsigned i = 0;

	while (v > 0 && i < 4 && v % 1024 == 0) {
		v /= 1024;
		i++;
	}
	add_u64(out, v);
	add_text(out, suffix[i]);
}

static int
set_u64(const struct setting *s, uint64_t v)
{
	const struct key *k = s->key;
	struct buf range = BUF_INIT;
	int rc;

	if (v >= k->min && v <= k->max) {
		memcpy(s->member, &v, sizeof(v));
		return 0;
	}
	if (k->kind == KEY_SIZE) {
		add_size(&range, k->min);
		add_text(&range, " to ");
		add_size(&range, k->max);
	} else {
		add_u64(&range, k->min);
		add_text(&range, " to ");
		add_u64(&range, k->max);
	}
	buf_add_u8(&range, '\0');
	rc = !buf_ok(&range) ? err_nomem(s->err) :
	    value_bad(s, "%.40s is not in %s", s->value,
	    (const char *)range.data);
	buf_release(&range);
	return rc;
}

static int
set_count(const struct setting *s)
{
	struct text t = { s->value, s->value + strlen(s->value) };
	bool too_large = false;
	uint64_t v;

	if (t.at == t.end)
		return value_bad(s, "a number is wanted");
	v = take_whole(&t, &too_large);
	if (t.at != t.end)
		return value_bad(s, "not a number: %.64s", s->value);
	return set_u64(s, too_large ? UINT64_MAX : v);
}

static int
set_size(const struct setting *s)
{
	uint64_t v;

	if (!size_scan(s->value, strlen(s->value), &v))
		return value_bad(s, "not a size (such as 64KiB or 1GiB): %.64s",
		    s->value);
	return set_u64(s, v);
}

static int
set_duration(const struct setting *s)
{
	int64_t v;

	switch (duration_scan(s->value, strlen(s->value), &v)) {
	case TIME_OK:
		break;
	case TIME_RANGE:
		return value_bad(s, "too long: %.64s", s->value);
	default:
		return value_bad(s, "not a duration (such as 30s or "
		    "1h30m): %.64s", s->value);
	}
	if ((uint64_t)v < s->key->min)
		return value_bad(s, "must be above 0");
	memcpy(s->member, &v, sizeof(v));
	return 0;
}

/* --------------------------------------------------------------- choices */

static int
set_switch(const struct setting *s)
{
	static const char *const words[] = {
		"no", "yes", "false", "true", "off", "on", "0", "1"
	};
	size_t i;
	bool v;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(s->value, words[i]) != 0)
			continue;
		v = i % 2 != 0;
		memcpy(s->member, &v, sizeof(v));
		return 0;
	}
	return value_bad(s, "neither yes nor no: %.64s", s->value);
}

static int
set_choice(const struct setting *s)
{
	const char *const *c = s->key->choices;
	char all[80] = "";
	size_t len = 0;
	int i;
	bool b;

	for (i = 0; c[i] != NULL; i++) {
		if (strcmp(c[i], s->value) == 0) {
			b = i != 0;
			if (s->key->kind == KEY_EITHER)
				memcpy(s->member, &b, sizeof(b));
			else
				memcpy(s->member, &i, sizeof(i));
			return 0;
		}
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    "%s%s", i == 0 ? "" : ", ", c[i]);
	}
	return value_bad(s, "not one of %s: %.64s", all, s->value);
}

static int
set_fsync(const struct setting *s, struct engine_config *c)
{
	struct setting every = *s;

	if (strcmp(s->value, "segment") == 0) {
		c->fsync_policy = FSYNC_SEGMENT;
		return 0;
	}
	if (strcmp(s->value, "always") == 0) {
		c->fsync_policy = FSYNC_ALWAYS;
		return 0;
	}
	if (s->value[0] < '0' || s->value[0] > '9')
		return value_bad(s, "not segment, always or a duration: %.64s",
		    s->value);
	c->fsync_policy = FSYNC_EVERY;
	every.member = &c->fsync_every_ns;
	return set_duration(&every);
}

/* -------------------------------------------------------------- any kind */

int
key_set(const struct key *k, void *base, const char *value,
    const struct place *at, struct ntdb_error *err)
{
	struct setting s = { k, (char *)base + k->offset, value, at, err };

	switch (k->kind) {
	case KEY_SWITCH:
		return set_switch(&s);
	case KEY_EITHER:
	case KEY_CHOICE:
		return set_choice(&s);
	case KEY_DURATION:
		return set_duration(&s);
	case KEY_DAYS:
	case KEY_COUNT:
		return set_count(&s);
	case KEY_SIZE:
		return set_size(&s);
	case KEY_STRING:
	case KEY_OPTIONAL:
	case KEY_METRIC:
	case KEY_FILE:
	case KEY_ADDRESS:
		return setting_string(&s);
	case KEY_PATTERNS:
	case KEY_AGGREGATES:
		return setting_list(&s);
	case KEY_FSYNC:
		return set_fsync(&s, base);
	}
	return err_set(err, NTDB_EBUG, "key of no kind");
}

static void
add_list(struct buf *out, const struct str_list *l, const char *between)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (i > 0)
			add_text(out, between);
		add_text(out, l->at[i]);
	}
}

static void
add_duration(struct buf *out, int64_t ns)
{
	char text[NTDB_TEXT_MAX];

	buf_add(out, text, duration_format(ns, text));
}

static void
add_fsync(struct buf *out, const struct engine_config *c)
{
	if (c->fsync_policy == FSYNC_EVERY)
		add_duration(out, c->fsync_every_ns);
	else
		add_text(out, c->fsync_policy == FSYNC_ALWAYS ?
		    "always" : "segment");
}

void
key_format(const struct key *k, const void *base, struct buf *out)
{
	const void *member = (const char *)base + k->offset;
	const char *const *string = member;
	uint64_t u;
	int64_t i;
	int e;
	bool b;

	switch (k->kind) {
	case KEY_SWITCH:
		memcpy(&b, member, sizeof(b));
		add_text(out, b ? "yes" : "no");
		break;
	case KEY_EITHER:
		memcpy(&b, member, sizeof(b));
		add_text(out, k->choices[b]);
		break;
	case KEY_CHOICE:
		memcpy(&e, member, sizeof(e));
		add_text(out, k->choices[e]);
		break;
	case KEY_DURATION:
		memcpy(&i, member, sizeof(i));
		add_duration(out, i);
		break;
	case KEY_DAYS:
	case KEY_COUNT:
		memcpy(&u, member, sizeof(u));
		add_u64(out, u);
		break;
	case KEY_SIZE:
		memcpy(&u, member, sizeof(u));
		add_size(out, u);
		break;
	case KEY_STRING:
	case KEY_OPTIONAL:
	case KEY_METRIC:
	case KEY_FILE:
	case KEY_ADDRESS:
		if (*string != NULL)
			add_text(out, *string);
		break;
	case KEY_PATTERNS:
		add_list(out, member, " ");
		break;
	case KEY_AGGREGATES:
		add_list(out, member, ",");
		break;
	case KEY_FSYNC:
		add_fsync(out, base);
		break;
	}
}

int
key_set_defaults(const struct key_table *t, void *base,
    struct ntdb_error *err)
{
	static const struct place nowhere = { "default", 0 };
	const struct key *k;
	int rc;

	for (k = t->keys; k < t->keys + t->n; k++)
		if (k->value != NULL &&
		    (rc = key_set(k, base, k->value, &nowhere, err)) != 0)
			return rc;
	return 0;
}

void
key_release_all(const struct key_table *t, void *base)
{
	const struct key *k;
	void *member;

	for (k = t->keys; k < t->keys + t->n; k++) {
		member = (char *)base + k->offset;
		switch (k->kind) {
		case KEY_STRING:
		case KEY_OPTIONAL:
		case KEY_METRIC:
		case KEY_FILE:
		case KEY_ADDRESS:
			free(*(char **)member);
			*(char **)member = NULL;
			break;
		case KEY_PATTERNS:
		case KEY_AGGREGATES:
			list_release(member);
			break;
		default:
			break;
		}
	}
}
