#include <string.h>
#include <strings.h>

#include "http-parse.h"

static int
refuse(int status, const char *reason, const char **why)
{
	*why = reason;
	return -status;
}

/* A character of a token: of methods and names of fields. */
static bool
is_tchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t
token_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && is_tchar(s[n]))
		n++;
	return n;
}

/* Whether a text is this word, in whatever case. */
static bool
is_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

static void
trim(const char **s, size_t *len)
{
	while (*len > 0 && (**s == ' ' || **s == '\t')) {
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && ((*s)[*len - 1] == ' ' || (*s)[*len - 1] == '\t'))
		(*len)--;
}

/*
 * The next element of a list with commas, without the blanks around it;
 * false after the last.
 */
static bool
next_element(struct http_text *list, struct http_text *element)
{
	const char *comma;

	if (list->len == 0)
		return false;
	element->s = list->s;
	comma = memchr(list->s, ',', list->len);
	if (comma != NULL) {
		element->len = (size_t)(comma - list->s);
		list->len -= element->len + 1;
		list->s = comma + 1;
	} else {
		element->len = list->len;
		list->len = 0;
	}
	trim(&element->s, &element->len);
	return true;
}

/* ------------------------------------------------------ the whole of it */

/* Whether what has come so far is too much; the last line may be a part. */
static int
check_size(const struct http_scan *scan, size_t len, const char **why)
{
	size_t slack = len > scan->at ? 2 : 0;	/* the end of that part */

	if (scan->n_lines == 0 && len > HTTP_LINE_MAX + slack)
		return refuse(414, "request line too long", why);
	if (scan->n_lines > 0 && len > scan->line_len + HTTP_FIELDS_MAX + slack)
		return refuse(431, "headers too long", why);
	if (scan->n_lines > HTTP_N_FIELDS_MAX + 1)
		return refuse(431, "too many headers", why);
	return 0;
}

int
http_head_find(struct http_scan *scan, const char *buf, size_t len,
    const char **why)
{
	const char *eol;
	size_t end;
	int r;

	if (len > 0 && !is_tchar(buf[0]))
		return refuse(400, "not a request line", why);
	while ((eol = len > scan->at ? memchr(buf + scan->at, '\n',
	    len - scan->at) : NULL) != NULL) {
		end = (size_t)(eol - buf) + 1;
		if (end - scan->at < 2 || eol[-1] != '\r')
			return refuse(400, "a line ends without CR", why);
		if (end - scan->at == 2) {
			scan->at = end;
			return (int)end;
		}
		if (scan->n_lines == 0 && end > HTTP_LINE_MAX + 2)
			return refuse(414, "request line too long", why);
		if (scan->n_lines == 0)
			scan->line_len = end;
		scan->at = end;
		scan->n_lines++;
		if ((r = check_size(scan, end, why)) != 0)
			return r;
	}
	return check_size(scan, len, why);
}

/* ------------------------------------------------------ the request line */

enum http_method
http_method_find(const char *s, size_t len)
{
	static const struct {
		const char *name;
		enum http_method method;
	} methods[] = {
		{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD },
		{ "POST", HTTP_POST }, { "PUT", HTTP_PUT }
	};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (len == strlen(methods[i].name) &&
		    memcmp(s, methods[i].name, len) == 0)
			return methods[i].method;
	return HTTP_OTHER;
}

/*
 * Set path and query of a target: `/path?query', or the same behind
 * `http://host'.  An asterisk, and an empty path, is taken for `/'.
 */
static bool
split_target(struct http_head *h, const char *s, size_t len)
{
	const char *mark;
	size_t skip;

	if (len > 7 && strncasecmp(s, "http://", 7) == 0)
		skip = 7;
	else if (len > 8 && strncasecmp(s, "https://", 8) == 0)
		skip = 8;
	else
		skip = 0;
	if (skip > 0) {
		s += skip;
		len -= skip;
		for (skip = 0; skip < len && s[skip] != '/' && s[skip] != '?';
		    skip++)
			if (s[skip] == '@')
				return false;
		if (skip == 0)
			return false;
		s += skip;
		len -= skip;
	} else if (len == 0 || (s[0] != '/' && !(len == 1 && s[0] == '*'))) {
		return false;
	}
	mark = len > 0 ? memchr(s, '?', len) : NULL;
	h->path.s = s;
	h->path.len = mark != NULL ? (size_t)(mark - s) : len;
	if (h->path.len == 0 || s[0] == '*') {
		h->path.s = "/";
		h->path.len = 1;
	}
	h->query.s = mark != NULL ? mark + 1 : NULL;
	h->query.len = mark != NULL ? len - (size_t)(mark - s) - 1 : 0;
	return true;
}

static int
parse_version(struct http_head *h, const char *s, size_t len,
    const char **why)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || s[6] != '.' ||
	    s[5] < '0' || s[5] > '9' || s[7] < '0' || s[7] > '9')
		return refuse(400, "no HTTP version", why);
	if (s[5] != '1')
		return refuse(505, "HTTP version not supported", why);
	h->minor = s[7] > '0' ? 1 : 0;
	h->keep_alive = h->minor > 0;
	return 0;
}

static int
parse_request_line(struct http_head *h, const char *s, size_t len,
    const char **why)
{
	size_t method = token_len(s, len), target, i;
	int r;

	h->line.s = s;
	h->line.len = len;
	if (method == 0 || method == len || s[method] != ' ')
		return refuse(400, "no method", why);
	h->method_name.s = s;
	h->method_name.len = method;
	h->method = http_method_find(s, method);
	s += method + 1;
	len -= method + 1;
	for (target = 0; target < len && s[target] != ' '; target++)
		;
	if (target == len)
		return refuse(400, "no HTTP version", why);
	if ((r = parse_version(h, s + target + 1, len - target - 1, why)) != 0)
		return r;
	for (i = 0; i < target; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == '#')
			return refuse(400, "bad character in the target", why);
	if (!split_target(h, s, target))
		return refuse(400, "bad request target", why);
	return 0;
}

/* ------------------------------------------------------------ the fields */

bool
http_length_scan(const char *s, size_t len, uint64_t *length)
{
	uint64_t v = 0, digit;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		digit = (uint64_t)(s[i] - '0');
		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX :
		    v * 10 + digit;
	}
	*length = v;
	return len > 0;
}

enum http_coding
http_coding_find(const char *s, size_t len)
{
	if (len == 0 || is_word(s, len, "identity"))
		return HTTP_IDENTITY;
	if (is_word(s, len, "gzip") || is_word(s, len, "x-gzip"))
		return HTTP_GZIP;
	return HTTP_UNKNOWN;
}

/* Whether `;q=0' with any number of zeros is among the parameters. */
static bool
weight_is_zero(const char *s, size_t len)
{
	size_t i;

	for (; len > 0; s++, len--) {
		if (*s != ';')
			continue;
		for (i = 1; i < len && (s[i] == ' ' || s[i] == '\t'); i++)
			;
		if (i + 2 >= len || (s[i] != 'q' && s[i] != 'Q') ||
		    s[i + 1] != '=')
			continue;
		for (i += 2; i < len && (s[i] == '0' || s[i] == '.'); i++)
			;
		return i == len || s[i] == ' ' || s[i] == '\t' ||
		    s[i] == ';';
	}
	return false;
}

bool
http_gzip_accepted(const char *s, size_t len)
{
	struct http_text list = { s, len }, e;
	bool any = false;
	size_t n;

	while (next_element(&list, &e)) {
		n = token_len(e.s, e.len);
		if (http_coding_find(e.s, n) == HTTP_GZIP)
			return !weight_is_zero(e.s + n, e.len - n);
		if (n == 1 && e.s[0] == '*')
			any = !weight_is_zero(e.s + n, e.len - n);
	}
	return any;
}

/* What may stand in Host; whether it is a good name matters to nobody. */
static bool
host_ok(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] > 0x7e ||
		    strchr("/?#@\\\"<>^`{|},", s[i]) != NULL)
			return false;
	return true;
}

static int
take_length(struct http_head *h, const char *s, size_t len, const char **why)
{
	if (h->n_lengths++ > 0)
		return refuse(400, "two Content-Lengths", why);
	if (!http_length_scan(s, len, &h->length))
		return refuse(400, "bad Content-Length", why);
	h->has_length = true;
	return 0;
}

static int
take_transfer(struct http_head *h, const char *s, size_t len,
    const char **why)
{
	if (h->chunked)
		return refuse(400, "two Transfer-Encodings", why);
	if (h->minor == 0)
		return refuse(400, "Transfer-Encoding in HTTP/1.0", why);
	if (!is_word(s, len, "chunked")) {
		if (len > 7 && is_word(s + len - 7, 7, "chunked"))
			return refuse(501, "Transfer-Encoding not supported",
			    why);
		return refuse(400, "bad Transfer-Encoding", why);
	}
	h->chunked = true;
	return 0;
}

static int
take_host(struct http_head *h, const char *s, size_t len, const char **why)
{
	if (h->n_hosts++ > 0)
		return refuse(400, "two Hosts", why);
	if (!host_ok(s, len))
		return refuse(400, "bad Host", why);
	return 0;
}

static int
take_connection(struct http_head *h, const char *s, size_t len,
    const char **why)
{
	struct http_text list = { s, len }, e;

	(void)why;
	while (next_element(&list, &e)) {
		h->closes |= is_word(e.s, e.len, "close");
		h->keep_alive |= is_word(e.s, e.len, "keep-alive");
	}
	h->keep_alive &= !h->closes;
	return 0;
}

static int
take_expect(struct http_head *h, const char *s, size_t len, const char **why)
{
	if (!is_word(s, len, "100-continue"))
		return refuse(417, "expectation not supported", why);
	h->expects = h->minor > 0;	/* in 1.0 it means nothing */
	return 0;
}

static int
take_coding(struct http_head *h, const char *s, size_t len, const char **why)
{
	(void)why;
	h->coding = h->n_codings++ == 0 ? http_coding_find(s, len) :
	    HTTP_UNKNOWN;
	return 0;
}

static int
take_accept(struct http_head *h, const char *s, size_t len, const char **why)
{
	(void)why;
	h->takes_gzip |= http_gzip_accepted(s, len);
	return 0;
}

static int
take_authorization(struct http_head *h, const char *s, size_t len,
    const char **why)
{
	if (h->authorization.s != NULL)
		return refuse(400, "two Authorizations", why);
	h->authorization.s = s;
	h->authorization.len = len;
	return 0;
}

static int
take_type(struct http_head *h, const char *s, size_t len, const char **why)
{
	(void)why;
	h->content_type.s = s;
	h->content_type.len = len;
	return 0;
}

static const struct field {
	const char *name;
	int	(*take)(struct http_head *h, const char *s, size_t len,
		    const char **why);
} fields[] = {
	{ "Host", take_host },
	{ "Connection", take_connection },
	{ "Accept-Encoding", take_accept },
	{ "Authorization", take_authorization },
	{ "Content-Length", take_length },
	{ "Content-Type", take_type },
	{ "Content-Encoding", take_coding },
	{ "Transfer-Encoding", take_transfer },
	{ "Expect", take_expect }
};

static int
parse_field(struct http_head *h, const char *s, size_t len, const char **why)
{
	size_t name = token_len(s, len), i;
	const char *value;

	if (len > 0 && (s[0] == ' ' || s[0] == '\t'))
		return refuse(400, "a header is folded", why);
	if (name == 0 || name == len || s[name] != ':')
		return refuse(400, "bad header", why);
	value = s + name + 1;
	len -= name + 1;
	for (i = 0; i < len; i++)
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') ||
		    value[i] == 0x7f)
			return refuse(400, "bad character in a header", why);
	trim(&value, &len);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (is_word(s, name, fields[i].name))
			return fields[i].take(h, value, len, why);
	return 0;
}

int
http_head_parse(const char *buf, size_t len, struct http_head *h,
    const char **why)
{
	const char *s = buf, *end = buf + len, *eol;
	int r;

	memset(h, 0, sizeof(*h));
	for (; (eol = memchr(s, '\r', (size_t)(end - s))) != NULL;
	    s = eol + 2) {
		/* http_head_find has seen a CR before each LF. */
		if (eol + 1 == end || eol[1] != '\n')
			return refuse(400, "a CR without LF", why);
		if (eol == s)
			break;
		r = s == buf ?
		    parse_request_line(h, s, (size_t)(eol - s), why) :
		    parse_field(h, s, (size_t)(eol - s), why);
		if (r != 0)
			return r;
	}
	if (h->line.s == NULL)
		return refuse(400, "not a request line", why);
	if (h->minor > 0 && h->n_hosts == 0)
		return refuse(400, "no Host", why);
	if (h->chunked && h->has_length)
		return refuse(400, "Content-Length and Transfer-Encoding", why);
	return 0;
}
