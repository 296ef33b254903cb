/*
 * summary_bound.h
 *		How near a curve can be to those that a summary or a box is of.
 */
#ifndef METAPROBE_CORE_SUMMARY_BOUND_H
#define METAPROBE_CORE_SUMMARY_BOUND_H

#include "curve_summary.h"
#include "distance.h"

/* A curve to measure from.  What is unknown of it is NaN. */
typedef struct SummaryQuery
{
	int	   n_epochs; /* 0 without any loss */
	double scale;	 /* epochs / observed ones: no distance's is smaller */
	double norm;
	float  coordinates[SUMMARY_COORDINATES];
	float  l1_weights[SUMMARY_COORDINATES];
	float  roots[SUMMARY_SEGMENTS]; /* of their numbers of epochs */

	/* by rows of levels: what they stand for here, and of how many epochs */
	int		n_rows[SUMMARY_SEGMENTS]; /* that this segment or one before has */
	float	means[SUMMARY_MAX_ROWS][SUMMARY_SEGMENTS];
	float	epochs[SUMMARY_MAX_ROWS][SUMMARY_SEGMENTS];
	uint8_t places[SUMMARY_MAX_ROWS]; /* four bytes of a summary ... */
	uint8_t
		shifts[SUMMARY_MAX_ROWS]; /* ... with the levels from this bit on */
} SummaryQuery;

extern void	  metaprobe_summary_query_set(SummaryQuery *query,
										  const float *losses, int n_epochs);
extern double metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
									  const CurveSummary *summary);
extern double metaprobe_summary_box_bound(const SummaryQuery *query,
										  Metric			  metric,
										  const SummaryBox	 *box);

#endif /* METAPROBE_CORE_SUMMARY_BOUND_H */
