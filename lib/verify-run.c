#include <float.h>
#include <math.h>

#include "bytes.h"
#include "error.h"
#include "number.h"
#include "sums.h"
#include "verify.h"

/* What the statistics of a run must be, as far as it has been read. */
struct expected {
	bool	any;		/* min and max hold a number */
	union ntdb_value min, max, first, last;
	uint32_t n_nan;
	struct isum ints;
	struct fsum floats;
	double	plain;		/* the sum without further care */
	double	size;		/* the sum of magnitudes */
};

static int
wrong(struct ntdb_error *err, const struct page_run *run, const char *what)
{
	return err_set(err, NTDB_ECORRUPT, "run of metric id %u: %s", run->id,
	    what);
}

static void
add_ints(struct expected *e, const int64_t *m, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (!e->any || m[i] < e->min.i)
			e->min.i = m[i];
		if (!e->any || m[i] > e->max.i)
			e->max.i = m[i];
		e->any = true;
		isum_add(&e->ints, m[i]);
	}
	e->last.i = m[n - 1];
}

static void
add_floats(struct expected *e, const int64_t *m, const uint8_t *scale,
    uint32_t n)
{
	uint32_t i;
	double x;

	for (i = 0; i < n; i++) {
		x = dec_to_f64(m[i], scale[i]);
		e->plain += x;
		e->size += fabs(x);
		fsum_add(&e->floats, x);
		if (isnan(x)) {
			e->n_nan++;
			continue;
		}
		if (!e->any || x < e->min.f)
			e->min.f = x;
		if (!e->any || x > e->max.f)
			e->max.f = x;
		e->any = true;
	}
	e->last.f = dec_to_f64(m[n - 1], scale[n - 1]);
}

/* Equal as numbers, or both not a number. */
static bool
same_number(double a, double b)
{
	return !(a < b || a > b) && !isnan(a) == !isnan(b);
}

/* The same double; of NaNs the payload is not looked at. */
static bool
same_double(double a, double b)
{
	return f64_bits(a) == f64_bits(b) || (isnan(a) && isnan(b));
}

/* A sum in two doubles: right but for what rounding may do. */
static bool
same_sum(const struct page_stats *st, double exact, double size, double plain)
{
	double given = st->sum.f + st->sum_lo;

	if (!isfinite(st->sum.f))
		return same_number(st->sum.f, plain);
	return fabs(given - exact) <= fabs(exact) * 2 * DBL_EPSILON +
	    size * DBL_EPSILON * DBL_EPSILON * PAGE_SAMPLES_MAX;
}

static bool
int_stats_ok(const struct page_stats *st, const struct expected *e)
{
	double value = isum_value(&e->ints);
	int64_t sum;

	if (st->min.i != e->min.i || st->max.i != e->max.i ||
	    st->first.i != e->first.i || st->last.i != e->last.i)
		return false;
	if (isum_fits(&e->ints, &sum))
		return st->sum_exact && st->sum.i == sum;
	return !st->sum_exact && same_sum(st, value, 0, value);
}

static bool
float_stats_ok(const struct page_stats *st, const struct expected *e)
{
	double none = NAN;

	return same_number(st->min.f, e->any ? e->min.f : none) &&
	    same_number(st->max.f, e->any ? e->max.f : none) &&
	    same_double(st->first.f, e->first.f) &&
	    same_double(st->last.f, e->last.f) && st->n_nan == e->n_nan &&
	    same_sum(st, fsum_value(&e->floats), e->size, e->plain);
}

/* Times of samples [from, from + n), which are in v->t, and the one before. */
static int
check_times(const struct verify *v, const struct page_run *run,
    uint32_t from, uint32_t n, int64_t before, struct ntdb_error *err)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (v->t[i] < before)
			return wrong(err, run, "times are not in order");
		before = v->t[i];
	}
	if ((from == 0 && v->t[0] != run->t_first) ||
	    (from + n == run->n && before != run->t_last))
		return wrong(err, run, "times are not those of its directory");
	return 0;
}

static int
check_values(const struct verify *v, const struct page_run *run, uint32_t n,
    struct ntdb_error *err)
{
	uint32_t i;

	for (i = 0; run->type == NTDB_INT32 && i < n; i++)
		if (v->m[i] < INT32_MIN || v->m[i] > INT32_MAX)
			return wrong(err, run, "value is no int32");
	return 0;
}

int
verify_run(struct verify *v, const struct page_dir *dir,
    const struct page_run *run, const uint8_t *times, const uint8_t *values,
    struct ntdb_error *err)
{
	const bool is_int = ntdb_type_is_int(run->type);
	int64_t before = run->t_first;
	struct expected e;
	uint32_t from, n;
	int r;

	memset(&e, 0, sizeof(e));
	for (from = 0; from < run->n; from += n) {
		n = run->n - from < VERIFY_SLICE ? run->n - from :
		    VERIFY_SLICE;
		page_times(dir, run, times, from, n, v->t);
		if ((r = page_values(dir, run, values, from, n, v->m,
		    v->scale, err)) != 0 ||
		    (r = check_times(v, run, from, n, before, err)) != 0 ||
		    (r = check_values(v, run, n, err)) != 0)
			return r;
		/* cppcheck-suppress negativeIndex ; n is 1 or more */
		before = v->t[n - 1];
		if (from == 0)
			e.first = inspect_sample(run->type, v->m[0],
			    v->scale[0]);
		if (is_int)
			add_ints(&e, v->m, n);
		else
			add_floats(&e, v->m, v->scale, n);
	}
	if (run->has_stats && !(is_int ?
	    int_stats_ok(&dir->stats[run->stats], &e) :
	    float_stats_ok(&dir->stats[run->stats], &e)))
		return wrong(err, run,
		    "statistics are not those of its samples");
	return 0;
}
