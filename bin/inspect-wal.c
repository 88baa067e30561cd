#include <inttypes.h>
#include <stdio.h>

#include "inspect.h"

static const char *
kind_name(enum ntdb_record_kind kind)
{
	switch (kind) {
	case NTDB_RECORD_SAMPLE:
		return "sample";
	case NTDB_RECORD_METRIC:
		return "metric";
	case NTDB_RECORD_TYPE:
		return "type";
	case NTDB_RECORD_CLOCK:
		return "clock";
	case NTDB_RECORD_DAMAGE:
		return "damage";
	case NTDB_RECORD_TAIL:
		return "tail";
	}
	return "?";
}

static bool
has_metric(enum ntdb_record_kind kind)
{
	return kind == NTDB_RECORD_SAMPLE || kind == NTDB_RECORD_METRIC ||
	    kind == NTDB_RECORD_TYPE;
}

static bool
has_time(enum ntdb_record_kind kind)
{
	return kind == NTDB_RECORD_SAMPLE || kind == NTDB_RECORD_CLOCK;
}

void
inspect_wal_heading(const struct inspect *ins)
{
	(void)ins;
	printf("%10s %-6s %-29s %24s %s\n", "OFFSET", "KIND", "TIME", "VALUE",
	    "METRIC");
}

/* In the column of values: a sample's value, a metric's type, a length. */
static int
print_record(void *arg, const struct ntdb_record_info *r)
{
	const struct inspect *ins = arg;
	char t[NTDB_TEXT_MAX], text[NTDB_TEXT_MAX];
	const char *value = "-";

	if (r->kind == NTDB_RECORD_SAMPLE) {
		value = inspect_value(r->type, r->value, text);
	} else if (has_metric(r->kind)) {
		value = ntdb_type_name(r->type);
	} else if (r->kind != NTDB_RECORD_CLOCK) {
		snprintf(text, sizeof(text), "%" PRIu64 " bytes", r->bytes);
		value = text;
	}
	printf("%10" PRIu64 " %-6s %-29s %24s ", r->offset,
	    kind_name(r->kind),
	    has_time(r->kind) ? inspect_time(r->t_ns, t) : "-", value);
	if (has_metric(r->kind))
		inspect_put_metric(ins, r->metric, r->id);
	else
		printf("%s\n", ins->name);
	return inspect_go_on();
}

static int
json_record(void *arg, const struct ntdb_record_info *r)
{
	struct inspect *ins = arg;
	struct json *out = &ins->out;

	json_open(out, NULL, '{');
	json_text(out, "database", ins->name);
	json_u64(out, "offset", r->offset);
	json_text(out, "kind", kind_name(r->kind));
	if (has_metric(r->kind)) {
		json_u64(out, "id", r->id);
		if (r->metric != NULL)
			json_text(out, "metric", r->metric);
		else
			json_none(out, "metric");
		json_text(out, "type", ntdb_type_name(r->type));
	}
	if (has_time(r->kind))
		json_time(out, "time", r->t_ns);
	if (r->kind == NTDB_RECORD_SAMPLE)
		json_value(out, "value", r->type, r->value);
	if (r->kind == NTDB_RECORD_DAMAGE || r->kind == NTDB_RECORD_TAIL)
		json_u64(out, "bytes", r->bytes);
	json_close(out, '}');
	return inspect_go_on();
}

int
inspect_wal(struct inspect *ins, struct ntdb_error *err)
{
	return ntdb_inspect_log(ins->db, ins->name,
	    ins->json ? json_record : print_record, ins, err);
}
