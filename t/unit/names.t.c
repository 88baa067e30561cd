#include "ntdb.h"
#include "tap.h"

static void
test_types(void)
{
	is_str(ntdb_type_name(NTDB_INT32), "int32", "the first type");
	is_str(ntdb_type_name(NTDB_INT64), "int64", "the second");
	is_str(ntdb_type_name(NTDB_FLOAT32), "float32", "the third");
	is_str(ntdb_type_name(NTDB_FLOAT64), "float64", "the fourth");
	is_str(ntdb_type_name(0), "?", "no type");
	is_str(ntdb_type_name(5), "?", "beyond the last");
	is_str(ntdb_type_name(-1), "?", "below the first");
	ok(ntdb_type_is_int(NTDB_INT32) && ntdb_type_is_int(NTDB_INT64) &&
	    !ntdb_type_is_int(NTDB_FLOAT32) &&
	    !ntdb_type_is_int(NTDB_FLOAT64), "two of them are integers");
}

static void
test_refusals(void)
{
	static const char *const want[] = {
		"syntax", "name", "value", "time", "type", "late", "future",
		"clock", "full",
	};
	int i;

	is_int(NTDB_REFUSE_N, (int)(sizeof(want) / sizeof(want[0])),
	    "each refusal has a name");
	for (i = 0; i < NTDB_REFUSE_N; i++)
		is_str(ntdb_refusal_name(i), want[i], "refusal %d", i);
	is_str(ntdb_refusal_name(-1), "?", "below the first");
	is_str(ntdb_refusal_name(NTDB_REFUSE_N), "?", "beyond the last");
}

static void
test_values(void)
{
	char text[NTDB_TEXT_MAX];

	is_mem(text, ntdb_int_format(INT64_MIN, text),
	    "-9223372036854775808", 20, "the least integer");
	is_mem(text, ntdb_float_format(21.5, text), "21.5", 4, "a float");
	is_mem(text, ntdb_float_format(-0.0, text), "-0", 2, "minus zero");
	is_mem(text, ntdb_float_format(1e300, text), "1e+300", 6,
	    "a large float");
}

int
main(void)
{
	plan(24);
	test_types();
	test_refusals();
	test_values();
	return done_testing();
}
