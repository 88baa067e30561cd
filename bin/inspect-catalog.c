#include <inttypes.h>
#include <stdio.h>

#include "inspect.h"

void
inspect_catalog_heading(const struct inspect *ins)
{
	(void)ins;
	printf("%8s %-8s %-29s %24s %s\n", "ID", "TYPE", "LAST", "VALUE",
	    "METRIC");
}

static int
print_metric(void *arg, const struct ntdb_metric_info *m)
{
	char t[NTDB_TEXT_MAX], value[NTDB_TEXT_MAX];

	printf("%8" PRIu32 " %-8s %-29s %24s ", m->id,
	    ntdb_type_name(m->type),
	    m->has_last ? inspect_time(m->last_ns, t) : "-",
	    m->has_last ? inspect_value(m->type, m->last, value) : "-");
	inspect_put_metric(arg, m->name, m->id);
	return inspect_go_on();
}

static int
json_metric(void *arg, const struct ntdb_metric_info *m)
{
	struct inspect *ins = arg;
	struct json *out = &ins->out;

	json_open(out, NULL, '{');
	json_text(out, "database", ins->name);
	if (m->name != NULL)
		json_text(out, "metric", m->name);
	else
		json_none(out, "metric");
	json_u64(out, "id", m->id);
	json_text(out, "type", ntdb_type_name(m->type));
	if (m->has_last) {
		json_time(out, "last", m->last_ns);
		json_value(out, "value", m->type, m->last);
	} else {
		json_none(out, "last");
	}
	json_close(out, '}');
	return inspect_go_on();
}

int
inspect_catalog(struct inspect *ins, struct ntdb_error *err)
{
	return ntdb_inspect_catalog(ins->db, ins->name,
	    ins->json ? json_metric : print_metric, ins, err);
}
