/*
 * Floor 0.  The names of things in the public interface, and its formats of
 * values.
 */
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
