#include <string.h>

#include "out-time.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_DAY (INT64_C(86400) * (int64_t)NS_PER_S)
#define DATE_LEN 29

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

void
clock_init(struct clock *c, enum ntdb_time_style style)
{
	memset(c, 0, sizeof(*c));
	c->style = style;
	c->civil = style == NTDB_TIME_HUMAN || style == NTDB_TIME_RFC3339;
	c->len = DATE_LEN + (style == NTDB_TIME_RFC3339);
}

static inline void
put2(char *p, uint32_t v)
{
	memcpy(p, pairs + 2 * v, 2);
}

static void
put9(char *p, uint32_t v)
{
	uint32_t high = v / 10000, low = v % 10000, top = high / 10000;

	high -= top * 10000;
	p[0] = (char)('0' + top);
	put2(p + 1, high / 100);
	put2(p + 3, high % 100);
	put2(p + 5, low / 100);
	put2(p + 7, low % 100);
}

/* Format a time, and remember its day if it has one. */
static char *
put_day(struct clock *c, char *p, int64_t t_ns)
{
	int64_t since = t_ns % NS_PER_DAY;
	size_t n = ntdb_time_format(t_ns, c->style, c->text);

	memcpy(p, c->text, CLOCK_ROOM);
	c->span_ns = 0;
	if (!c->civil)
		return p + n;
	if (since < 0)
		since += NS_PER_DAY;
	c->frac = (uint32_t)((uint64_t)since % NS_PER_S);

	/* The first and the last day of all times are not whole. */
	if (t_ns >= INT64_MIN + NS_PER_DAY && t_ns <= INT64_MAX - NS_PER_DAY) {
		c->day_ns = t_ns - since;
		c->span_ns = (uint64_t)NS_PER_DAY;
	}
	return p + n;
}

char *
clock_put(struct clock *c, char *p, int64_t t_ns)
{
	uint64_t since = (uint64_t)t_ns - (uint64_t)c->day_ns;
	uint32_t s, minutes, frac;

	if (since >= c->span_ns)
		return put_day(c, p, t_ns);
	s = (uint32_t)(since / NS_PER_S);
	frac = (uint32_t)(since - s * NS_PER_S);
	minutes = s / 60;
	memcpy(p, c->text, CLOCK_ROOM);
	put2(p + 11, minutes / 60);
	put2(p + 14, minutes % 60);
	put2(p + 17, s - minutes * 60);
	if (frac != c->frac)
		put9(p + 20, frac);
	return p + c->len;
}
