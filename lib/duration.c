#include <string.h>

#include "error.h"
#include "number.h"
#include "text.h"
#include "timefmt.h"

/* From the longest to the shortest. */
static const struct {
	char	name[3];
	int64_t	ns;
} units[] = {
	{ "w", 7 * NS_PER_DAY },
	{ "d", NS_PER_DAY },
	{ "h", 3600 * NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "s", NS_PER_S },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* The unit of which the letters at t are the whole name, or N_UNITS. */
static size_t
take_unit(struct text *t)
{
	size_t n = 0, i;

	while (t->at + n < t->end && !is_digit(t->at[n]))
		n++;
	for (i = 0; i < N_UNITS; i++)
		if (n == strlen(units[i].name) &&
		    memcmp(t->at, units[i].name, n) == 0)
			break;
	t->at += n;
	return i;
}

enum time_status
duration_scan(const char *s, size_t len, int64_t *ns)
{
	struct text t = { s, s + len };
	bool too_large = false;
	uint64_t n, unit, sum = 0;
	size_t i, next = 0;

	if (len == 1 && s[0] == '0') {
		*ns = 0;
		return TIME_OK;
	}
	if (len == 0)
		return TIME_SYNTAX;
	while (t.at < t.end) {
		if (!is_digit(*t.at))
			return TIME_SYNTAX;
		n = take_whole(&t, &too_large);

		/* Each unit once, the longer ones first. */
		i = take_unit(&t);
		if (i == N_UNITS || i < next)
			return TIME_SYNTAX;
		next = i + 1;
		unit = (uint64_t)units[i].ns;
		if (n > (INT64_MAX - sum) / unit)
			too_large = true;
		else
			sum += n * unit;
	}
	if (too_large)
		return TIME_RANGE;
	*ns = (int64_t)sum;
	return TIME_OK;
}

size_t
duration_format(int64_t ns, char *buf)
{
	uint64_t rest = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, unit;
	size_t n = 0, i;

	if (ns == 0) {
		buf[0] = '0';
		return 1;
	}
	if (ns < 0)
		buf[n++] = '-';

	/* Weeks only where they leave nothing: 30d, not 4w2d. */
	for (i = rest % (uint64_t)units[0].ns != 0; rest > 0; i++) {
		unit = (uint64_t)units[i].ns;
		if (rest < unit)
			continue;
		/* cppcheck-suppress zerodivcond ; no unit is 0 */
		n += number_format_u64(rest / unit, buf + n);
		memcpy(buf + n, units[i].name, strlen(units[i].name));
		n += strlen(units[i].name);
		rest %= unit;
	}
	return n;
}

bool
size_scan(const char *s, size_t len, uint64_t *bytes)
{
	static const char prefixes[] = "KMGT";
	struct text t = { s, s + len };
	bool too_large = false;
	unsigned shift = 0;
	const char *at;
	uint64_t n;

	if (len == 0 || !is_digit(*s))
		return false;
	n = take_whole(&t, &too_large);
	if (t.at < t.end) {
		if (t.end - t.at != 3 || memcmp(t.at + 1, "iB", 2) != 0 ||
		    (at = memchr(prefixes, *t.at, 4)) == NULL)
			return false;
		shift = 10 * (unsigned)(at - prefixes + 1);
	}
	if (too_large || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

int
ntdb_duration_scan(const char *text, int64_t *ns, struct ntdb_error *err)
{
	switch (duration_scan(text, strlen(text), ns)) {
	case TIME_OK:
		return 0;
	case TIME_RANGE:
		return err_set(err, NTDB_EUSAGE,
		    "duration too long: %.64s", text);
	default:
		return err_set(err, NTDB_EUSAGE,
		    "not a duration (such as 30s or 1h30m): %.64s", text);
	}
}
