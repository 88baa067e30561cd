/*
 * Floor 2.  Lattices: integers that take few residues modulo some number,
 * such as k / 30 rounded to two decimals, which ends in 0, 3 or 7.
 *
 * With modulus M and a set of k residues, the number q * M + (residue of rank
 * j) has the index q * k + j; q may be negative.
 */
#ifndef NTDB_LATTICE_H
#define NTDB_LATTICE_H

#include <stdbool.h>
#include <stdint.h>

#define LATTICE_MODULUS_MAX 128

struct lattice {
	uint8_t	modulus;	/* 0: there is none; else 2 or more */
	uint64_t set[2];	/* bit i of it: i is a residue; one or more */
};

/*
 * Look for a lattice that the v[i], in steps, are on and that saves bits.
 * v0 is one of them, whose residue is to be 0.
 */
bool lattice_find(const int64_t *v, uint32_t n, int64_t v0, uint64_t step,
    struct lattice *l);

/*
 * The same lattice seen from a number `steps' higher: residues are counted
 * from there, and indices are less by the index of that number.
 */
void lattice_rotate(struct lattice *l, uint64_t steps);

/* Indices of v[i], and the other way round; x and v may be the same. */
void lattice_indices(const struct lattice *l, const int64_t *v, uint32_t n,
    int64_t v0, uint64_t step, int64_t *x);
void lattice_values(const struct lattice *l, const int64_t *x, uint32_t n,
    int64_t v0, uint64_t step, int64_t *v);

#endif
