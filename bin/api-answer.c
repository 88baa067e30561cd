#include <string.h>

#include "api-answer.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS 1000000

void
answer_put_series(struct exchange *x, const struct series *s)
{
	size_t i;

	exchange_put(x, "{", 1);
	for (i = 0; i < s->n; i++) {
		if (i > 0)
			exchange_put(x, ",", 1);
		api_put_string(x, s->at[i].name);
		exchange_put(x, ":", 1);
		api_put_string(x, s->at[i].value);
	}
	exchange_put(x, "}", 1);
}

static size_t
format_time(int64_t t_ns, char *p)
{
	int64_t s = t_ns / NS_PER_S, ms = t_ns % NS_PER_S;
	size_t n = 0;

	if (ms < 0) {
		s--;
		ms += NS_PER_S;
	}
	ms /= NS_PER_MS;
	/* The rest counts from the second below: -0.5 is -1 and a half. */
	if (s < 0 && ms > 0) {
		s++;
		ms = 1000 - ms;
		if (s == 0)
			p[n++] = '-';
	}
	n += ntdb_int_format(s, p + n);
	if (ms == 0)
		return n;
	p[n++] = '.';
	p[n++] = (char)('0' + ms / 100);
	p[n++] = (char)('0' + ms / 10 % 10);
	p[n++] = (char)('0' + ms % 10);
	return n;
}

size_t
answer_format_value(const struct ntdb_row *row, char *p)
{
	size_t n = 0;

	p[n++] = '[';
	n += format_time(row->t_ns, p + n);
	p[n++] = ',';
	p[n++] = '"';
	n += ntdb_row_format(row, p + n);
	p[n++] = '"';
	p[n++] = ']';
	return n;
}

void
answer_failed(struct exchange *x, const struct ntdb_error *err)
{
	switch (err->code) {
	case NTDB_ELIMIT:
		api_error(x, 422, "execution", "%s", err->text);
		break;
	case NTDB_ESTOPPED:
		if (exchange_timed_out(x))
			api_error(x, 503, "timeout", "query timed out");
		else
			exchange_abort(x);
		break;
	default:
		api_fail(x, err, false);
		break;
	}
}

void
answer_put_warning(struct exchange *x, const struct ntdb_error *damage)
{
	if (damage == NULL || damage->code == 0)
		return;
	exchange_puts(x, ",\"warnings\":[");
	api_put_string(x, damage->code == NTDB_EVERSION ?
	    "some samples cannot be read by this version" :
	    "some samples cannot be read: they are damaged");
	exchange_puts(x, "]");
}

bool
answer_stop(void *x)
{
	return exchange_over(x);
}
