#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "seconds.h"

#define DIGITS_MAX 64		/* more cannot be said, or are dropped */
#define NS_DIGITS 9
#define WHOLE_DIGITS 10		/* of the seconds in 292 years */

/* A decimal number: 0.d[0]d[1]... times 10^point. */
struct decimal {
	bool	negative;
	char	digits[DIGITS_MAX];
	int	n, point;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
add_digit(struct decimal *d, char c)
{
	if (d->n < DIGITS_MAX)
		d->digits[d->n++] = (char)(c - '0');
}

/* The exponent at p, if there is one; NULL: it is none. */
static const char *
scan_exponent(const char *p, struct decimal *d)
{
	bool negative;
	int e = 0;

	if (*p != 'e' && *p != 'E')
		return p;
	p++;
	negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if (!is_digit(*p))
		return NULL;
	for (; is_digit(*p); p++)
		if (e < 10000)
			e = e * 10 + (*p - '0');
	d->point += negative ? -e : e;
	return p;
}

static bool
scan(const char *p, struct decimal *d)
{
	int n = 0;

	memset(d, 0, sizeof(*d));
	d->negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	for (; is_digit(*p); p++, n++) {
		/* What is in front of the first other digit says nothing. */
		if (*p == '0' && d->n == 0)
			continue;
		add_digit(d, *p);
		if (d->point < 2 * DIGITS_MAX)
			d->point++;
	}
	if (*p == '.')
		for (p++; is_digit(*p); p++, n++) {
			if (*p == '0' && d->n == 0)
				d->point--;
			else
				add_digit(d, *p);
		}
	p = scan_exponent(p, d);
	return p != NULL && *p == '\0' && n > 0;
}

/* All digits down to the ninth behind the point, as one number. */
static uint64_t
to_ns(const struct decimal *d, bool *more)
{
	uint64_t ns = 0;
	int i;

	for (i = 0; i < d->point + NS_DIGITS; i++)
		ns = ns * 10 + (uint64_t)(i < d->n ? d->digits[i] : 0);
	*more = false;
	for (i = i > 0 ? i : 0; i < d->n; i++)
		*more |= d->digits[i] != 0;
	return ns;
}

int
seconds_scan(const char *text, int64_t *ns)
{
	struct decimal d;
	uint64_t abs;
	bool more;

	if (!scan(text, &d))
		return -1;
	if (d.n == 0) {
		*ns = 0;
		return 0;
	}
	/* Ten and nine digits fit into 64 bits, if not into 63. */
	if (d.point > WHOLE_DIGITS ||
	    (abs = to_ns(&d, &more)) > (uint64_t)INT64_MAX) {
		*ns = d.negative ? INT64_MIN : INT64_MAX;
		return 1;
	}
	*ns = d.negative ? -(int64_t)abs - more : (int64_t)abs;
	return 0;
}
