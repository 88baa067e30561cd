#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "escape.h"
#include "http-log.h"

#define TAIL_MAX 64		/* what stands behind the request line */

/* The request line, so that quotes and control characters are no trouble. */
static size_t
put_line(char *out, size_t room, const struct strbuf *line)
{
	const char *s = strbuf_str(line);
	size_t left = line->len, at = 0, used, n;
	char piece[ESCAPE_PIECE];

	for (; left > 0; s += used, left -= used) {
		used = escape_plain(s, left, piece, &n);
		if (*s == '"' || *s == '\\') {
			n = 2;
			piece[0] = '\\';
			piece[1] = *s;
		}
		if (at + n > room)
			break;
		memcpy(out + at, piece, n);
		at += n;
	}
	return at;
}

size_t
http_log_format(char line[HTTP_LOG_MAX], const char *host, time_t when,
    const struct exchange *x)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;
	size_t at;

	gmtime_r(&when, &tm);
	at = (size_t)snprintf(line, HTTP_LOG_MAX / 2,
	    "%s - - [%02d/%.3s/%04d:%02d:%02d:%02d +0000] \"", host,
	    tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (x->line.len > 0)
		at += put_line(line + at, HTTP_LOG_MAX - TAIL_MAX - at,
		    &x->line);
	else
		line[at++] = '-';
	at += (size_t)snprintf(line + at, TAIL_MAX, "\" %d %llu", x->status,
	    (unsigned long long)x->sent);
	return at;
}

void
http_log_peer(int fd, char *host, size_t room)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getpeername(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    (addr.ss_family != AF_INET && addr.ss_family != AF_INET6) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, (socklen_t)room,
	    NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(host, room, "-");
}
