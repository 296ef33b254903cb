/*
 * distance.h
 *		Distances between loss curves, epoch by epoch.
 *
 * Each takes two runs of n losses.  Only jointly observed epochs count; sums
 * of the lengthwise metrics are scaled by full_length / observed, so that a
 * distance over few epochs compares with one over all full_length of them
 * (scikit-learn's nan_euclidean).  The result is NaN where the distance is
 * undefined.
 *
 * Differences, squares and sums are doubles, summed over METAPROBE_LANES
 * lanes by epoch number and reduced in one order.  The result therefore has
 * the same bits on every CPU, and an absent epoch and a missing one are the
 * same to it.
 */
#ifndef METAPROBE_CORE_DISTANCE_H
#define METAPROBE_CORE_DISTANCE_H

#include <stdbool.h>

typedef enum Metric
{
	METRIC_L2,
	METRIC_L1,
	METRIC_COSINE,
	METRIC_CORRELATION,
	METRIC_DTW,
	METRIC_FITTED /* METRIC_L2 of mapped curves (fitted_space.h) */
} Metric;

#define N_METRICS (METRIC_FITTED + 1)
#define N_CURVE_METRICS METRIC_FITTED /* those that a search knows */

/* Does the metric compare directions, whatever their lengths? */
static inline bool
metaprobe_is_angular(Metric metric)
{
	return metric == METRIC_COSINE || metric == METRIC_CORRELATION;
}

#define METAPROBE_LANES 4

/* What the rounding errors of an angular distance add up to at most. */
#define COSINE_ROUNDING 1e-11

/*
 * The distances of a run of n losses from several others, scaled to the full
 * length where the metric is lengthwise.
 */
typedef void (*DistanceFunction)(const float *a, const float *const *others,
								 int n_others, int n, int full_length,
								 double *results);

extern DistanceFunction metaprobe_distance_function(Metric metric,
													bool   is_complete);

/* A curve without missing losses, as angular distances see it. */
typedef struct AngularCurve
{
	const float *losses;
	double		 mean;	 /* that is taken from the losses; 0 for cosine */
	double		 square; /* the sum of squares of what is left */
} AngularCurve;

#define ANGULAR_AT_ONCE 8

extern AngularCurve metaprobe_angular_curve(Metric metric, const float *losses,
											int n);
extern void			metaprobe_angular_distances(const AngularCurve *curve,
												const AngularCurve *others,
												int n_others, int n,
												double *distances);

#endif /* METAPROBE_CORE_DISTANCE_H */
