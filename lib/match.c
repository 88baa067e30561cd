#include <stdint.h>

#include "match.h"
#include "utf8.h"

/* A byte that begins no UTF-8 character counts as one, above all of them. */
#define FOREIGN UINT32_C(0x110000)

struct span {
	const char *at, *end;
};

/* Take one character from the front. */
static uint32_t
take(struct span *s)
{
	uint32_t c = 0;
	size_t n = utf8_decode(s->at, (size_t)(s->end - s->at), &c);

	if (n == 0) {
		c = FOREIGN + (uint8_t)*s->at;
		n = 1;
	}
	s->at += n;
	return c;
}

/* The same in a glob, where `\' takes the next one literally. */
static uint32_t
take_literal(struct span *glob)
{
	if (*glob->at == '\\' && glob->end - glob->at > 1)
		glob->at++;
	return take(glob);
}

/*
 * Match c against the set that begins after `['.  Returns 1 or 0, with glob
 * after its `]', or -1 if the set is not closed.
 */
static int
match_set(struct span *glob, uint32_t c)
{
	bool negated = false, found = false, first = true;
	uint32_t low, high;

	if (glob->at < glob->end && (*glob->at == '!' || *glob->at == '^')) {
		negated = true;
		glob->at++;
	}
	for (; glob->at < glob->end; first = false) {
		if (*glob->at == ']' && !first) {
			glob->at++;
			return found != negated;
		}
		low = high = take_literal(glob);
		if (glob->end - glob->at > 1 && glob->at[0] == '-' &&
		    glob->at[1] != ']') {
			glob->at++;
			high = take_literal(glob);
		}
		if (low <= c && c <= high)
			found = true;
	}
	return -1;
}

/* Match one element of a glob that is not `*' against one character. */
static bool
match_one(struct span *glob, struct span *text)
{
	struct span set;
	uint32_t c = take(text);
	int hit;

	if (*glob->at == '?') {
		glob->at++;
		return true;
	}
	if (*glob->at == '[') {
		set = *glob;
		set.at++;
		if ((hit = match_set(&set, c)) >= 0) {
			*glob = set;
			return hit;
		}
	}
	return take_literal(glob) == c;
}

bool
glob_match(const char *glob, size_t glob_len, const char *text,
    size_t text_len)
{
	struct span g = { glob, glob + glob_len };
	struct span t = { text, text + text_len };
	struct span star_glob = { NULL, NULL }, star_text = t;

	/* Only the last star is ever given more: what the ones before it
	 * took leaves the longest rest already. */
	while (t.at < t.end || g.at < g.end) {
		if (g.at < g.end && *g.at == '*') {
			g.at++;
			star_glob = g;
			star_text = t;
			if (g.at == g.end)
				return true;
			continue;
		}
		if (t.at < t.end && g.at < g.end && match_one(&g, &t))
			continue;
		if (star_glob.at == NULL || star_text.at == star_text.end)
			return false;
		take(&star_text);
		t = star_text;
		g = star_glob;
	}
	return true;
}

bool
glob_is_pattern(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] == '*' || s[i] == '?' || s[i] == '[' ||
		    s[i] == '\\')
			return true;
	return false;
}
