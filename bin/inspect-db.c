#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect.h"

struct fact {
	const char *key;
	uint64_t value;
};

#define N_FACTS 12

/* The counts of a database, in the order in which they are shown. */
static void
collect(const struct ntdb_db_info *info, struct fact facts[N_FACTS])
{
	const struct fact all[N_FACTS] = {
		{ "files", info->n_files },
		{ "bytes", info->bytes },
		{ "data_files", info->n_data_files },
		{ "data_bytes", info->data_bytes },
		{ "pages", info->n_pages },
		{ "page_samples", info->page_samples },
		{ "log_bytes", info->log_bytes },
		{ "log_samples", info->log_samples },
		{ "log_batches", info->log_batches },
		{ "epoch", info->epoch },
		{ "metrics", info->n_metrics },
		{ "samples", info->page_samples + info->log_samples },
	};

	memcpy(facts, all, sizeof(all));
}

/* ------------------------------------------------------------ as text */

static int
print_setting(void *arg, const struct ntdb_setting_info *s)
{
	char key[128];

	(void)arg;
	snprintf(key, sizeof(key), "%s.%s", s->section, s->key);
	printf("%-31s ", key);
	inspect_put(s->value);
	putchar('\n');
	return inspect_go_on();
}

static void
print_info(struct inspect *ins, const struct ntdb_db_info *info)
{
	struct fact facts[N_FACTS];
	char text[NTDB_TEXT_MAX];
	int i;

	if (ins->below_first)
		putchar('\n');
	ins->below_first = true;
	printf("%-31s %s\n", "database", ins->name);
	collect(info, facts);
	for (i = 0; i < N_FACTS; i++)
		printf("%-31s %" PRIu64 "\n", facts[i].key, facts[i].value);
	for (i = NTDB_INT32; i <= NTDB_FLOAT64; i++)
		printf("%-31s %" PRIu64 "\n", ntdb_type_name(i),
		    info->n_by_type[i]);
	printf("%-31s %s\n", "first", info->has_samples ?
	    inspect_time(info->first_ns, text) : "-");
	printf("%-31s %s\n", "last", info->has_samples ?
	    inspect_time(info->last_ns, text) : "-");
}

/* ------------------------------------------------------------ as JSON */

static int
json_setting(void *arg, const struct ntdb_setting_info *s)
{
	struct inspect *ins = arg;
	char key[128];

	snprintf(key, sizeof(key), "%s.%s", s->section, s->key);
	json_text(&ins->out, key, s->value);
	return inspect_go_on();
}

static void
json_info(struct inspect *ins, const struct ntdb_db_info *info)
{
	struct json *out = &ins->out;
	struct fact facts[N_FACTS];
	int i;

	json_text(out, "database", ins->name);
	collect(info, facts);
	for (i = 0; i < N_FACTS; i++)
		json_u64(out, facts[i].key, facts[i].value);
	json_open(out, "types", '{');
	for (i = NTDB_INT32; i <= NTDB_FLOAT64; i++)
		json_u64(out, ntdb_type_name(i), info->n_by_type[i]);
	json_close(out, '}');
	if (info->has_samples) {
		json_time(out, "first", info->first_ns);
		json_time(out, "last", info->last_ns);
	} else {
		json_none(out, "first");
		json_none(out, "last");
	}
}

static int
first_of(int rc, int next)
{
	return rc != 0 ? rc : next;
}

int
inspect_db(struct inspect *ins, struct ntdb_error *err)
{
	struct ntdb_db_info info;
	int rc;

	memset(&info, 0, sizeof(info));
	rc = ntdb_inspect_db(ins->db, ins->name, &info, err);
	/* Damage was passed over: what can be read is shown all the same. */
	if (rc != 0 && !(info.n_files > 0 && (rc == NTDB_ECORRUPT ||
	    rc == NTDB_EVERSION)))
		return rc;
	if (!ins->json) {
		print_info(ins, &info);
		return first_of(rc, ntdb_inspect_manifest(ins->db, ins->name,
		    print_setting, ins, err));
	}
	json_open(&ins->out, NULL, '{');
	json_info(ins, &info);
	json_open(&ins->out, "manifest", '{');
	rc = first_of(rc, ntdb_inspect_manifest(ins->db, ins->name,
	    json_setting, ins, err));
	json_close(&ins->out, '}');
	json_close(&ins->out, '}');
	return rc;
}
