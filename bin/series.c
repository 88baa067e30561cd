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

/* The name by which the metric's own label `db' goes. */
static const char *
rename_db(struct series *s)
{
	size_t n, i;

	for (n = 1; n <= LABELS_MAX + 1; n++) {
		strbuf_clear(&s->renamed);
		for (i = 0; i < n; i++)
			strbuf_puts(&s->renamed, "exported_");
		strbuf_puts(&s->renamed, "db");
		if (labels_find(&s->labels, strbuf_str(&s->renamed)) == NULL)
			break;
	}
	return strbuf_str(&s->renamed);
}

int
series_scan(struct series *s, const char *db, const char *metric)
{
	const struct label *l;
	const char *name;
	size_t i;

	s->n = 0;
	if (labels_scan(&s->labels, metric) != 0)
		return -1;
	for (i = 0; i < s->labels.n; i++) {
		l = &s->labels.at[i];
		name = strcmp(l->name, "db") == 0 ? rename_db(s) : l->name;
		insert(s, name, l->value);
	}
	insert(s, "__name__", s->labels.name);
	insert(s, "db", db);
	return strbuf_ok(&s->renamed) ? 0 : -1;
}

const char *
series_label(const struct series *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->at[i].name, name) == 0)
			return s->at[i].value;
	return "";
}

void
series_release(struct series *s)
{
	labels_release(&s->labels);
	strbuf_release(&s->renamed);
	s->n = 0;
}
