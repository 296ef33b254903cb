/*
 * search_parts.h
 *		What the parts of a search share: search.c, search_bounds.c and
 *		search_rough.c.
 */
#ifndef METAPROBE_CORE_SEARCH_PARTS_H
#define METAPROBE_CORE_SEARCH_PARTS_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "search.h"

/* What converting a double to a float, and back, changes at most. */
#define FLOAT_MARGIN 1e-6

/* Far above what multiplying doubles by the scale of distances changes. */
#define SCALING_MARGIN 1e-9

/*
 * So many seeds that the k nearest probes are mostly among them, or no nearer
 * than they: half as many again.
 */
static inline int
metaprobe_search_seeds(int k)
{
	return k + k / 2;
}

/* A distance as a bound: the bits of floats are in their order. */
static inline int32_t
metaprobe_float_bound(double distance)
{
	float	bound = distance <= FLT_MAX ? (float) distance : INFINITY;
	int32_t bits;

	memcpy(&bits, &bound, sizeof(bits));
	return bits;
}

extern void metaprobe_search_bound(Search *search, bool is_complete);
extern void metaprobe_search_measure_within(Search		  *search,
											const int32_t *probes, int n,
											double limit);

#endif /* METAPROBE_CORE_SEARCH_PARTS_H */
