#include <string.h>

#include "series.h"

/* Put a label where it belongs; one without a value is as good as none. */
static void
insert(struct series *s, const char *name, const char *value)
{
	size_t i = s->n;

	if (value[0] == '\0')
		return;
	while (i > 0 && strcmp(s->at[i - 1].name, name) > 0) {
		s->at[i] = s->at[i - 1];
		i--;
	}
	s->at[i].name = name;
	s->at[i].value = value;
	s->n++;
}

static const struct label *
find(const struct series *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->at[i].name, name) == 0)
			return &s->at[i];
	return NULL;
}

/* Give a label of that name another one that is free. */
static void
give_way(struct series *s, const char *name, struct strbuf *renamed)
{
	const struct label *l = find(s, name);
	const char *value;
	size_t n, i;

	if (l == NULL)
		return;
	value = l->value;
	i = (size_t)(l - s->at);
	memmove(&s->at[i], &s->at[i + 1], (--s->n - i) * sizeof(s->at[0]));
	for (n = 1; n <= LABELS_MAX + 1; n++) {
		strbuf_clear(renamed);
		for (i = 0; i < n; i++)
			strbuf_puts(renamed, "exported_");
		strbuf_puts(renamed, name);
		if (find(s, strbuf_str(renamed)) == NULL)
			break;
	}
	insert(s, strbuf_str(renamed), value);
}

void
series_init(struct series *s)
{
	size_t i;

	s->n = s->n_added = 0;
	s->labels.name = NULL;
	s->labels.n = 0;
	s->labels.text = (struct strbuf)STRBUF_INIT;
	for (i = 0; i < SERIES_ADDED; i++)
		s->renamed[i] = (struct strbuf)STRBUF_INIT;
}

int
series_add(struct series *s, const char *name, const char *value)
{
	struct strbuf *renamed = &s->renamed[s->n_added++];

	give_way(s, name, renamed);
	insert(s, name, value);
	return strbuf_ok(renamed) ? 0 : -1;
}

int
series_scan(struct series *s, const char *db, const char *metric)
{
	size_t i;

	s->n = s->n_added = 0;
	if (labels_scan(&s->labels, metric) != 0)
		return -1;
	for (i = 0; i < s->labels.n; i++)
		insert(s, s->labels.at[i].name, s->labels.at[i].value);
	insert(s, "__name__", s->labels.name);
	return series_add(s, "db", db);
}

const char *
series_label(const struct series *s, const char *name)
{
	const struct label *l = find(s, name);

	return l != NULL ? l->value : "";
}

void
series_release(struct series *s)
{
	size_t i;

	labels_release(&s->labels);
	for (i = 0; i < SERIES_ADDED; i++)
		strbuf_release(&s->renamed[i]);
	s->n = 0;
}
