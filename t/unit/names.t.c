#include <math.h>
#include <string.h>

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

static void
test_scan(void)
{
	static const struct {
		const char *text;
		double value;
	} good[] = {
		{ "21.5", 21.5 }, { "-7", -7 }, { "1e3", 1000 },
		{ "0x", 0 },	/* one byte of it */
		{ "9223372036854775808", 0x1p63 },
		{ "-123456789012345678901234567890",
		  -0x1.8ee90ff6c373ep+96 },
		{ "-inf", -INFINITY },
	};
	static const char *const bad[] = {
		"", "x", "1i", "0x10", "1e999", "1e-999", "1_0", "1 ",
	};
	char digits[512];
	double v;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(ntdb_float_scan(good[i].text, strcmp(good[i].text, "0x") ==
		    0 ? 1 : strlen(good[i].text), &v, NULL) == 0 &&
		    v == good[i].value, "the number %s", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(ntdb_float_scan(bad[i], strlen(bad[i]), &v, NULL),
		    NTDB_EUSAGE, "no number: %s", bad[i]);
	memset(digits, '9', sizeof(digits));
	is_int(ntdb_float_scan(digits, 308, &v, NULL), 0, "308 digits");
	is_int(ntdb_float_scan(digits, 309, &v, NULL), NTDB_EUSAGE,
	    "309 digits");
	is_int(ntdb_float_scan(digits, 512, &v, NULL), NTDB_EUSAGE,
	    "512 digits");
}

static void
test_metric_names(void)
{
	char name[1025];

	memset(name, 'x', sizeof(name));
	ok(ntdb_metric_name_ok(name, 1023), "a metric of 1023 bytes");
	ok(!ntdb_metric_name_ok(name, 1024), "not of 1024");
	ok(!ntdb_metric_name_ok(name, 0), "nor of none");
	ok(!ntdb_metric_name_ok("a b", 3), "no blank");
	ok(!ntdb_metric_name_ok("\xc2\xa0", 2), "no-break space neither");
	ok(ntdb_metric_name_ok("up{a=\"\xc3\xa9\"}", 9), "but braces");
}

int
main(void)
{
	plan(48);
	test_types();
	test_refusals();
	test_values();
	test_scan();
	test_metric_names();
	return done_testing();
}
