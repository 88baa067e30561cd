#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "regex-cost.h"

#define COST_MAX 2000		/* characters, once all is written out */
#define DEPTH_MAX 32		/* of parentheses */

/* The sizes of what stands before, per parenthesis that is open. */
struct cost {
	uint64_t sum[DEPTH_MAX + 1];
	uint64_t last;		/* of the last atom; it is in the sum */
	size_t	depth;
};

static void
add(struct cost *c, uint64_t n)
{
	c->sum[c->depth] += n;
	c->last = n;
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

/* `{m,n}': the last atom comes so many times. */
static const char *
repeat(struct cost *c, const char *p)
{
	uint64_t n = 0, most = 1, cost;

	for (p++; *p != '\0' && *p != '}'; p++) {
		if (*p >= '0' && *p <= '9')
			n = n > COST_MAX ? n : n * 10 + (uint64_t)(*p - '0');
		else
			n = 0;
		if (n > most)
			most = n;
	}
	cost = c->last * most;
	c->sum[c->depth] += cost - c->last;
	c->last = cost;
	return *p == '}' ? p + 1 : p;
}

/* One step: an atom, a parenthesis, a repetition. */
static const char *
step(struct cost *c, const char *p, const char **why)
{
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
		return p + 1;
	case ')':
		if (c->depth > 0) {
			c->depth--;
			add(c, c->sum[c->depth + 1]);
		}
		return p + 1;
	case '{':
		return repeat(c, p);
	default:
		add(c, 1);
		return p + 1;
	}
}

const char *
regex_unfit(const char *regex)
{
	struct cost c = { { 0 }, 0, 0 };
	const char *p = regex, *why = NULL;

	while (*p != '\0' && why == NULL) {
		p = step(&c, p, &why);
		if (c.sum[c.depth] > COST_MAX)
			why = "too large";
	}
	return why;
}
