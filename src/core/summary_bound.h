/*
 * summary_bound.h
 *		How near a curve can be to those that a summary or a box is of.
 */
#ifndef METAPROBE_CORE_SUMMARY_BOUND_H
#define METAPROBE_CORE_SUMMARY_BOUND_H

#include "curve_summary.h"
#include "distance.h"

/* A curve to measure from. */
typedef struct SummaryQuery
{
	int	   n_epochs; /* 0 without any loss */
	double scale;	 /* epochs / observed ones: no distance's is smaller */
	double norm;
	double coordinates[SUMMARY_COORDINATES];
	double l1_weights[SUMMARY_COORDINATES];
	int	   first_levels[SUMMARY_SEGMENTS + 1]; /* of each segment */
	float  roots[SUMMARY_SEGMENTS];			   /* of their numbers of epochs */
	float  means[SUMMARY_MAX_LEVELS];		   /* that levels stand for */
	float  epochs[SUMMARY_MAX_LEVELS];		   /* how many each is of */
} SummaryQuery;

extern void	  metaprobe_summary_query_set(SummaryQuery *query,
										  const float *losses, int n_epochs);
extern double metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
									  const CurveSummary *summary);
extern double metaprobe_summary_box_bound(const SummaryQuery *query,
										  Metric			  metric,
										  const SummaryBox	 *box);

#endif /* METAPROBE_CORE_SUMMARY_BOUND_H */
