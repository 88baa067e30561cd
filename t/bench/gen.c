/*
 * gen: line protocol for benchmarks.  Every -i seconds, -m metrics report:
 * of each eight, three decimals that drift (two, one and three digits), two
 * counters, two integers that wander, and a status that hardly ever changes.
 *
 *	gen [-d DB] [-m METRICS] [-i SECONDS] [-j JITTER_MS] [-s SEED]
 *	    [-t START_S] [-n STEPS]
 *
 * The same arguments give the same bytes everywhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_SIZE = 1 << 17, LINE_MAX_LEN = 256 };

struct gen {
	const char *db;
	uint64_t metrics, interval_s, jitter_ms, start_s, steps;
	uint64_t random;	/* state of the generator, never 0 */
	size_t	len;		/* of what waits in out */
	char	out[OUT_SIZE];
};

struct series {
	char	target[96];	/* `DB/METRIC ', blank included */
	size_t	target_len;
	int	kind;		/* 0 to 7 */
	int64_t	value;		/* in units of its last digit */
};

/* How many decimals each kind of series has; 0: it is an integer. */
static const unsigned decimals[8] = { 2, 0, 1, 0, 3, 0, 0, 0 };

/* Marsaglia, Xorshift RNGs (2003), with a multiplication (Vigna 2016). */
static uint64_t
next(struct gen *g)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return g->random * UINT64_C(0x2545F4914F6CDD1D);
}

/* A number from 0 to below n. */
static int64_t
below(struct gen *g, uint64_t n)
{
	return (int64_t)((next(g) >> 16) % n);
}

static void
advance(struct gen *g, struct series *s)
{
	switch (s->kind) {
	case 1:		/* counters: requests, bytes */
		s->value += below(g, 100);
		break;
	case 5:
		s->value += below(g, 100000);
		break;
	case 7:		/* a status */
		if (below(g, 1000) == 0)
			s->value = below(g, 4);
		break;
	default:
		s->value += below(g, 11) - 5;
	}
}

/* Write digits of value, at least min of them; returns the end. */
static char *
put_digits(char *p, uint64_t value, unsigned min)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0 || n < min);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

/* Write value with that many decimals; returns the end. */
static char *
put_value(char *p, int64_t value, unsigned n_decimals)
{
	char *end;

	if (value < 0) {
		*p++ = '-';
		value = -value;
	}
	end = put_digits(p, (uint64_t)value, n_decimals + 1);
	if (n_decimals > 0) {
		memmove(end - n_decimals + 1, end - n_decimals, n_decimals);
		end[-(int)n_decimals] = '.';
		end++;
	}
	return end;
}

static bool
drain(struct gen *g)
{
	size_t done = 0;
	ssize_t n;

	while (done < g->len) {
		n = write(STDOUT_FILENO, g->out + done, g->len - done);
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	g->len = 0;
	return true;
}

static bool
put_step(struct gen *g, struct series *series, uint64_t step)
{
	uint64_t t_ms = (g->start_s + step * g->interval_s) * 1000;
	char when[32], *p;
	size_t i, when_len;

	if (g->jitter_ms > 0)
		t_ms += (uint64_t)below(g, g->jitter_ms);
	when[0] = ' ';
	p = put_digits(when + 1, t_ms * 1000000, 1);
	*p++ = '\n';
	when_len = (size_t)(p - when);
	for (i = 0; i < g->metrics; i++) {
		struct series *s = &series[i];

		if (OUT_SIZE - g->len < LINE_MAX_LEN && !drain(g))
			return false;
		advance(g, s);
		p = g->out + g->len;
		memcpy(p, s->target, s->target_len);
		p = put_value(p + s->target_len, s->value, decimals[s->kind]);
		memcpy(p, when, when_len);
		g->len = (size_t)(p - g->out) + when_len;
	}
	return true;
}

static struct series *
make_series(struct gen *g)
{
	static const char *const words[8] = { "temperature", "requests",
	    "humidity", "latency", "voltage", "bytes", "level", "status" };
	struct series *series = calloc(g->metrics, sizeof(*series));
	size_t i;

	if (series == NULL)
		return NULL;
	for (i = 0; i < g->metrics; i++) {
		int n;

		series[i].kind = (int)(i % 8);
		n = snprintf(series[i].target, sizeof(series[i].target),
		    "%s/node%02zu.%s ", g->db, i / 8, words[i % 8]);
		if (n < 0 || (size_t)n >= sizeof(series[i].target)) {
			free(series);
			errno = EINVAL;
			return NULL;
		}
		series[i].target_len = (size_t)n;
		series[i].value = i % 8 == 7 ? 0 : 1000 + below(g, 2000);
	}
	return series;
}

/* Read a number up to max, or end the program. */
static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n > max) {
		fprintf(stderr, "gen: not a number below %" PRIu64 ": %s\n",
		    max, text);
		exit(64);
	}
	return n;
}

int
main(int argc, char **argv)
{
	static struct gen g = { .db = "bench", .metrics = 100,
	    .interval_s = 10, .start_s = 1777593600, .steps = 51840,
	    .random = 1 };
	struct series *series;
	uint64_t step;
	int c;

	while ((c = getopt(argc, argv, "d:m:i:j:s:t:n:")) != -1) {
		switch (c) {
		case 'd': g.db = optarg; break;
		case 'm': g.metrics = number(optarg, 1000000); break;
		case 'i': g.interval_s = number(optarg, 1 << 30); break;
		case 'j': g.jitter_ms = number(optarg, 1 << 30); break;
		case 's': g.random = number(optarg, 1 << 30) + 1; break;
		case 't': g.start_s = number(optarg, 4000000000U); break;
		case 'n': g.steps = number(optarg, 1 << 30); break;
		default: return 64;
		}
	}
	if (optind != argc || g.metrics == 0)
		return 64;
	series = make_series(&g);
	if (series == NULL) {
		perror("gen");
		return 71;
	}
	for (step = 0; step < g.steps; step++)
		if (!put_step(&g, series, step))
			break;
	free(series);
	if (step < g.steps || !drain(&g)) {
		perror("gen");
		return 74;
	}
	return 0;
}
