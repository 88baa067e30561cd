/*
 * Floor 5.  Aggregates of the samples of one bucket.
 *
 * Samples come as blocks, or as the statistics of a whole run where no
 * aggregate needs more.  Results do not depend on how the samples were cut
 * into blocks and runs, but for the last place of sum, avg and stddev.
 */
#ifndef NTDB_AGGREGATE_H
#define NTDB_AGGREGATE_H

#include "cursor.h"
#include "order.h"
#include "sums.h"

struct agg {
	uint32_t wanted;		/* bit per enum ntdb_aggregate */
	bool	is_float;
	uint64_t n, n_nan;
	bool	has_extremes;		/* min and max are set */
	union ntdb_value first, last, min, max;
	struct isum isum;
	struct fsum fsum;
	struct deviation deviation;
	struct order order;
	bool	ranked;			/* the three below are set */
	uint64_t rank_keys[ORDER_RANKS];
	double	trimmed;
};

void agg_init(struct agg *a, const uint8_t *list, size_t n);
void agg_release(struct agg *a);

/* Whether statistics of runs will do. */
bool agg_takes_stats(const struct agg *a);

/* Begin with another bucket. */
void agg_begin(struct agg *a, bool is_float);

/* Account for samples, in order of time; scale NULL: integers. */
int agg_add(struct agg *a, const int64_t *m, const uint8_t *scale, size_t n,
    struct ntdb_error *err);

/*
 * Account for a whole run of n samples, whose statistics agg_usable (arg is
 * the struct agg) has accepted: if it has not, its samples are needed.
 */
void agg_add_stats(struct agg *a, const struct page_stats *st, uint32_t n);
bool agg_usable(const void *arg, const struct page_stats *st, uint32_t n);

/* Goes over the bucket's samples again: gives them to agg_again. */
struct agg_pass;
typedef int agg_again_fn(void *arg, struct agg_pass *pass,
    struct ntdb_error *err);
void agg_again(struct agg_pass *pass, const int64_t *m, const uint8_t *scale,
    size_t n);

/*
 * One result of the bucket, which holds samples.  again is called if order
 * statistics of more values than are kept were asked for.
 */
int agg_result(struct agg *a, int which, agg_again_fn *again, void *arg,
    int *type, union ntdb_value *value, struct ntdb_error *err);

#endif
