/*
 * Floor 0.  The names of things in the public interface, and its formats of
 * values.
 */
#include <string.h>

#include "number.h"
#include "ntdb.h"

const char *
ntdb_type_name(int type)
{
	switch (type) {
	case NTDB_INT32:
		return "int32";
	case NTDB_INT64:
		return "int64";
	case NTDB_FLOAT32:
		return "float32";
	case NTDB_FLOAT64:
		return "float64";
	default:
		return "?";
	}
}

const char *
ntdb_refusal_name(int refusal)
{
	static const char *const names[NTDB_REFUSE_N] = {
		"syntax", "name", "value", "time", "type", "late", "future",
		"clock", "full",
	};

	return refusal >= 0 && refusal < NTDB_REFUSE_N ? names[refusal] : "?";
}

size_t
ntdb_int_format(int64_t value, char *buf)
{
	return number_format_i64(value, buf);
}

size_t
ntdb_float_format(double value, char *buf)
{
	return number_format_f64(value, buf);
}

static const char *const aggregates[NTDB_AGGREGATE_N] = {
	[NTDB_MIN] = "min",
	[NTDB_MAX] = "max",
	[NTDB_SUM] = "sum",
	[NTDB_AVG] = "avg",
	[NTDB_COUNT] = "count",
	[NTDB_FIRST] = "first",
	[NTDB_LAST] = "last",
	[NTDB_MEDIAN] = "median",
	[NTDB_P50] = "p50",
	[NTDB_P95] = "p95",
	[NTDB_P99] = "p99",
	[NTDB_STDDEV] = "stddev",
	[NTDB_TRIMMED_AVG] = "trimmed_avg",
};

const char *
ntdb_aggregate_name(int aggregate)
{
	if (aggregate < 0 || aggregate >= NTDB_AGGREGATE_N)
		return NULL;
	return aggregates[aggregate];
}

int
ntdb_aggregate_find(const char *name, size_t len)
{
	int i;

	for (i = 0; i < NTDB_AGGREGATE_N; i++)
		if (strlen(aggregates[i]) == len &&
		    memcmp(aggregates[i], name, len) == 0)
			return i;
	return -1;
}
