/*
 * curve_statistics.h
 *		What a single curve says of its example, by itself.
 */
#ifndef METAPROBE_CORE_CURVE_STATISTICS_H
#define METAPROBE_CORE_CURVE_STATISTICS_H

#include <stdbool.h>

#define NEVER (-1) /* no such epoch */

typedef struct CurveStatistics
{
	/* of p = exp(-loss), the probability of the given label */
	bool   has_probabilities; /* else the next eight are undefined */
	double confidence;
	double variability;
	double correctness;
	int	   forgetting_events;
	int	   first_learned;  /* or NEVER */
	int	   last_forgotten; /* or NEVER */
	double threshold_closeness;
	double aleatoric;

	/* of the losses */
	double mean;
	double final;
	double minimum;
	double interquartile_range;
	double slope; /* NaN with a single loss */
	double area;
	double moving_average;
} CurveStatistics;

extern bool metaprobe_curve_statistics(const float *losses, int n,
									   double threshold, double weight,
									   CurveStatistics *statistics);

#endif /* METAPROBE_CORE_CURVE_STATISTICS_H */
