#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "regex-cost.h"

#define LENGTH_MAX 8192		/* of the text */
#define MORE_MAX 1000		/* characters, once repetitions are written out */
#define REPETITIONS_MAX 100
#define DEPTH_MAX 32		/* of parentheses */

/* The sizes of what stands before, per parenthesis that is open. */
struct cost {
	uint64_t sum[DEPTH_MAX + 1];
	uint64_t last;		/* of the last atom; it is in the sum */
	size_t	depth;
	unsigned n;		/* repetitions */
	bool	repeated;	/* one stands just before */
};

static void
add(struct cost *c, uint64_t n)
{
	c->sum[c->depth] += n;
	c->last = n;
	c->repeated = false;
}

/* Behind a bracket expression that begins here. */
static const char *
skip_bracket(const char *p)
{
	const char *end;
	char close[3] = "?]";

	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p != '\0' && *p != ']') {
		if (*p == '[' && (p[1] == ':' || p[1] == '.' ||
		    p[1] == '=')) {
			close[0] = p[1];
			if ((end = strstr(p + 2, close)) == NULL)
				return p + strlen(p);
			p = end + 1;
		}
		p++;
	}
	return *p == ']' ? p + 1 : p;
}

/* The last atom comes so many times. */
static void
repeat(struct cost *c, uint64_t times, const char **why)
{
	if (c->repeated)
		*why = "repetitions of repetitions are not supported";
	else if (++c->n > REPETITIONS_MAX)
		*why = "too many repetitions";
	c->repeated = true;
	c->sum[c->depth] += c->last * (times - 1);
	c->last *= times;
}

/* The larger number of `{m,n}', and behind it. */
static const char *
scan_bounds(const char *p, uint64_t *most)
{
	uint64_t n = 0;

	*most = 1;
	for (p++; *p != '\0' && *p != '}'; p++) {
		if (*p >= '0' && *p <= '9')
			n = n > MORE_MAX ? n : n * 10 + (uint64_t)(*p - '0');
		else
			n = 0;
		if (n > *most)
			*most = n;
	}
	return *p == '}' ? p + 1 : p;
}

/* One step: an atom, a parenthesis, a repetition. */
static const char *
step(struct cost *c, const char *p, const char **why)
{
	uint64_t times;

	switch (*p) {
	case '\\':
		if (p[1] >= '1' && p[1] <= '9')
			*why = "references back are not supported";
		add(c, 1);
		return p[1] != '\0' ? p + 2 : p + 1;
	case '[':
		add(c, 1);
		return skip_bracket(p);
	case '(':
		if (c->depth == DEPTH_MAX) {
			*why = "parentheses are nested too deeply";
			return p;
		}
		c->sum[++c->depth] = 1;
		c->repeated = false;
		return p + 1;
	case ')':
		if (c->depth > 0) {
			c->depth--;
			add(c, c->sum[c->depth + 1]);
		} else {
			add(c, 1);
		}
		return p + 1;
	case '*':
	case '?':
		repeat(c, 1, why);
		return p + 1;
	case '+':
		/* It is as long as xx*. */
		repeat(c, 2, why);
		return p + 1;
	case '{':
		p = scan_bounds(p, &times);
		repeat(c, times, why);
		return p;
	default:
		add(c, 1);
		return p + 1;
	}
}

const char *
regex_unfit(const char *regex)
{
	struct cost c = { { 0 }, 0, 0, 0, false };
	const size_t len = strlen(regex);
	const char *p = regex, *why = NULL;

	if (len > LENGTH_MAX)
		return "too long";
	while (*p != '\0' && why == NULL) {
		p = step(&c, p, &why);
		if (c.sum[c.depth] > len + MORE_MAX)
			why = "too large";
	}
	return why;
}
