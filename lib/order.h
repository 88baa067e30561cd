/*
 * Floor 0.  Order statistics in bounded memory.
 *
 * Values are handled as keys, unsigned numbers in the same order.  Up to
 * ORDER_KEEP of them are kept and sorted.  Of more, the wanted ranks are
 * found by going over the values again: histograms narrow the interval that
 * each rank lies in until what is left can be kept and sorted (multi-pass
 * selection: Munro, Paterson: Selection and sorting with limited storage,
 * 1980).
 */
#ifndef NTDB_ORDER_H
#define NTDB_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "ntdb.h"

#define ORDER_KEEP ((size_t)128 << 10)
#define ORDER_RANKS 8

static inline uint64_t
order_key_i64(int64_t i)
{
	return (uint64_t)i ^ (uint64_t)1 << 63;
}

static inline uint64_t
order_key_f64(double f)
{
	uint64_t u = f64_bits(f);

	return u >> 63 != 0 ? ~u : u | (uint64_t)1 << 63;
}

static inline int64_t
order_i64(uint64_t key)
{
	return as_i64(key ^ (uint64_t)1 << 63);
}

static inline double
order_f64(uint64_t key)
{
	return f64_from_bits(key >> 63 != 0 ? key ^ (uint64_t)1 << 63 : ~key);
}

struct order {
	uint64_t *keys;			/* owned; n kept ones */
	size_t	n, cap, keep;
	uint64_t total;			/* values seen; more than n: not all
					 * are kept */
	uint64_t min, max;
	bool	sorted;
};

/* keep: how many values at most; 0: ORDER_KEEP. */
void order_init(struct order *o, size_t keep);
void order_release(struct order *o);

/* Begin with other values. */
void order_clear(struct order *o);

/* Add values.  Fails only for lack of memory. */
int order_add(struct order *o, const uint64_t *keys, size_t n,
    struct ntdb_error *err);

/*
 * Goes over all values again, giving them to feed(feed_arg, ...) in any
 * order and pieces.
 */
typedef void order_feed_fn(void *feed_arg, const uint64_t *keys, size_t n);
typedef int order_again_fn(void *arg, order_feed_fn *feed, void *feed_arg,
    struct ntdb_error *err);

/*
 * The keys of n <= ORDER_RANKS ranks, each below o->total.  again is called
 * only if not all values were kept, which are then forgotten.
 */
int order_find(struct order *o, const uint64_t *ranks, uint64_t *keys,
    size_t n, order_again_fn *again, void *arg, struct ntdb_error *err);

/* Sort in place, without further memory. */
void order_sort(uint64_t *keys, size_t n);

#endif
