/*
 * Floor 0.  The names of things in the public interface, and its formats of
 * values.
 */
#include <string.h>

#include "error.h"
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

#define DIGITS_MAX 400u		/* of an integer that a double can hold */

/* Digits without a point are an integer to number_scan, and may be many. */
static enum number_status
scan_long(const char *text, size_t len, struct number *n)
{
	char copy[DIGITS_MAX + 1];

	if (len > DIGITS_MAX)
		return NUMBER_FLOAT_RANGE;
	memcpy(copy, text, len);
	copy[len] = '.';
	return number_scan(copy, len + 1, n);
}

int
ntdb_float_scan(const char *text, size_t len, double *value,
    struct ntdb_error *err)
{
	enum number_status status;
	struct number n;

	status = number_scan(text, len, &n);
	if (status == NUMBER_INT_RANGE)
		status = scan_long(text, len, &n);
	if (status == NUMBER_FLOAT_RANGE || status == NUMBER_UNDERFLOW)
		return err_set(err, NTDB_EUSAGE, "number is out of range");
	if (status != NUMBER_OK || n.suffixed)
		return err_set(err, NTDB_EUSAGE, "not a number");
	*value = n.kind == NUMBER_INT ? (double)n.d.m :
	    dec_to_f64(n.d.m, n.d.scale);
	/* As an integer it has no sign. */
	if (*value == 0.0 && text[0] == '-')
		*value = -0.0;
	return 0;
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
