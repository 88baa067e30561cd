/*
 * The head of a request, and what its target says.  Input: a byte, how much of
 * the rest comes first; the rest.
 *
 *   - What comes in two pieces is found, or refused, as what comes at once.
 *   - What is found is a head of just that length, and its parts are in it.
 *   - A refusal has a status that HTTP knows, and a reason.
 *   - Decoded paths and parameters are strings, and escape nothing twice.
 */
#include <stdlib.h>
#include <string.h>

#include "../../bin/http-parse.h"
#include "../../bin/url.h"
#include "fuzz.h"

static void
check_refusal(int r, const char *why)
{
	static const int known[] = { 400, 414, 417, 431, 501, 505 };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (r == -known[i])
			break;
	must(i < sizeof(known) / sizeof(known[0]));
	must(why != NULL && why[0] != '\0');
}

static void
check_inside(struct http_text text, const char *head, size_t len)
{
	must(text.s == NULL || (text.s >= head && text.s <= head + len &&
	    text.len <= (size_t)(head + len - text.s)) ||
	    (text.len == 1 && text.s[0] == '/'));
}

static void
check_target(const struct http_head *h)
{
	struct url_params p = URL_PARAMS_INIT;
	struct strbuf path = STRBUF_INIT;
	size_t i;

	if (url_decode(h->path.s, h->path.len, &path)) {
		must(path.len == strlen(strbuf_str(&path)));
		must(path.len <= h->path.len);
		must(!url_path_ok(strbuf_str(&path), path.len) ||
		    strstr(path.s, "/../") == NULL);
	}
	if (h->query.s != NULL &&
	    url_params_scan(&p, h->query.s, h->query.len)) {
		must(p.n <= URL_PARAMS_MAX);
		for (i = 0; i < p.n; i++)
			must(p.at[i].name < p.at[i].value &&
			    p.at[i].value + strlen(p.text.s + p.at[i].value) <
			    p.text.len);
	}
	strbuf_release(&path);
	url_params_release(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_scan once = HTTP_SCAN_INIT, twice = HTTP_SCAN_INIT;
	struct input in = { data, size };
	const char *why = NULL, *why_twice = NULL;
	size_t first = in_u8(&in), len = in.n;
	char *s = (char *)fuzz_copy(in.at, in.n);
	struct http_head h;
	int n, m;

	n = http_head_find(&once, s, len, &why);
	m = http_head_find(&twice, s, first < len ? first : len, &why_twice);
	if (m == 0)
		m = http_head_find(&twice, s, len, &why_twice);
	must(n == m);
	if (n < 0)
		check_refusal(n, why);
	if (n > 0) {
		must((size_t)n <= len && (size_t)n <= HTTP_HEAD_MAX);
		must(n >= 4 && memcmp(s + n - 4, "\r\n\r\n", 4) == 0);
		why = NULL;
		m = http_head_parse(s, (size_t)n, &h, &why);
		if (m < 0) {
			check_refusal(m, why);
		} else {
			must(m == 0 && !(h.chunked && h.has_length));
			must(h.has_length || h.length == 0);
			check_inside(h.path, s, (size_t)n);
			check_inside(h.query, s, (size_t)n);
			check_inside(h.content_type, s, (size_t)n);
			check_inside(h.authorization, s, (size_t)n);
			check_target(&h);
		}
	}
	free(s);
	return 0;
}
