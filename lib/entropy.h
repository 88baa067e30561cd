/*
 * Floor 2.  What data will take when compressed, estimated.  All costs are in
 * bits; they count the symbols' entropy and what a code table takes.
 */
#ifndef NTDB_ENTROPY_H
#define NTDB_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Bits of n symbols of which symbol i is counted count[i] times. */
uint64_t entropy_of_counts(const uint32_t *count, size_t n_counts);

/*
 * Bits of n bytes, each by itself.  *least is set to what it may be when
 * repeated strings are looked for.
 */
uint64_t entropy_of_bytes(const uint8_t *p, size_t n, uint64_t *least);

/* Bits of n numbers in symbols and extra bits (split.h), or in repeats. */
uint64_t entropy_of_numbers(const uint64_t *v, uint32_t n);

/*
 * The precision at which n numbers, all with symbols of one byte at
 * precision 1, cost least in symbols and extra bits, and those bits.
 */
uint64_t entropy_of_split(const uint64_t *v, uint32_t n, unsigned *p);

#endif
