/*
 * one_distance.h
 *		The distance of two curves, by the kernels that serve any curves.
 */
#ifndef METAPROBE_TEST_ONE_DISTANCE_H
#define METAPROBE_TEST_ONE_DISTANCE_H

#include "distance.h"

static inline double
one_distance(Metric metric, const float *a, const float *b, int n,
			 int full_length)
{
	double distance;

	metaprobe_distance_function(metric, false)(a, &b, 1, n, full_length,
											   &distance);
	return distance;
}

static inline double
l2_distance(const float *a, const float *b, int n, int full_length)
{
	return one_distance(METRIC_L2, a, b, n, full_length);
}

static inline double
l1_distance(const float *a, const float *b, int n, int full_length)
{
	return one_distance(METRIC_L1, a, b, n, full_length);
}

static inline double
cosine_distance(const float *a, const float *b, int n, int full_length)
{
	return one_distance(METRIC_COSINE, a, b, n, full_length);
}

static inline double
correlation_distance(const float *a, const float *b, int n, int full_length)
{
	return one_distance(METRIC_CORRELATION, a, b, n, full_length);
}

#endif /* METAPROBE_TEST_ONE_DISTANCE_H */
