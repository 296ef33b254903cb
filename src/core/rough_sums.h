/*
 * rough_sums.h
 *		How the sums of rough distances are taken, and so how far off they are.
 *
 * Each pair of lanes has a sum of 32 bits of its own.  Sums of squares are divided
 * by the unit before they can overflow, those of products by half of it: products
 * of two numbers are below 2^28 in size, squares of differences below 2^30.  Sums
 * of sizes need no division.
 */
#ifndef METAPROBE_CORE_ROUGH_SUMS_H
#define METAPROBE_CORE_ROUGH_SUMS_H

#include "rough.h"

#define ROUGH_LANES 16 /* of a number each, which rows are padded to */
#define ROUGH_SUMS (ROUGH_LANES / 2)

/*
 * So many vectors of products are added up before a division, but at the end,
 * where those left come one by one; of squares, one.
 */
#define ROUGH_PRODUCTS_AT_ONCE 3

/* What keeps a distance by products from being negative: two norms round down. */
#define ROUGH_PRODUCTS_OFFSET 2

static inline int
metaprobe_rough_padded(int n)
{
	return (n + ROUGH_LANES - 1) / ROUGH_LANES * ROUGH_LANES;
}

/*
 * By how much a distance by products may be too large: each division rounds
 * down what is then subtracted.
 */
static inline int
metaprobe_products_excess(int n_lanes)
{
	int n_vectors = n_lanes / ROUGH_LANES;
	int n_divisions = n_vectors / ROUGH_PRODUCTS_AT_ONCE +
					  n_vectors % ROUGH_PRODUCTS_AT_ONCE;

	return ROUGH_SUMS * n_divisions + ROUGH_PRODUCTS_OFFSET;
}

/* By how much one by squares may be too small: each division rounds down. */
static inline int
metaprobe_squares_deficit(int n_lanes)
{
	return n_lanes / ROUGH_LANES * ROUGH_SUMS;
}

#endif /* METAPROBE_CORE_ROUGH_SUMS_H */
