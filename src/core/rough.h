/*
 * rough.h
 *		Distances in single precision: quick, and off by a known share.
 *
 * A rough distance is the sum of squared or absolute differences, as the bits
 * of a float, which are in the order of what they stand for.  Between finite
 * numbers its relative error is that of the roundings, since nothing of the
 * sum can cancel out.
 */
#ifndef METAPROBE_CORE_ROUGH_H
#define METAPROBE_CORE_ROUGH_H

#include <stdint.h>

#include "packed.h"

/* Rows of numbers, and what to measure from. */
typedef struct RoughPoints
{
	const float *rows; /* of n numbers each */
	const float *from;
	int			 n;
	PackedNorm	 norm;
} RoughPoints;

extern void	   metaprobe_rough_distances(const RoughPoints *points,
										 const int32_t *rows, int n_rows,
										 int32_t *distances);
extern int32_t metaprobe_rough_threshold(const RoughPoints *points,
										 double				distance);
extern double  metaprobe_rough_reach(const RoughPoints *points, int32_t rough);

#endif /* METAPROBE_CORE_ROUGH_H */
