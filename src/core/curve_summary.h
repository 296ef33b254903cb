/*
 * curve_summary.h
 *		What an index keeps of a curve, and how near curves with such summaries
 *		can be.
 *
 * A summary cuts the epochs into segments, short ones first, and has of each
 * the mean and the norm of what the mean leaves out, both in units of the
 * Euclidean distance: as points, segments never lie farther apart than as
 * losses.  A segment with a missing loss is unknown (NaN) and bounds nothing.
 *
 * Summaries are joined to boxes, and those to larger ones.  A box's segment is
 * unknown if it is so in any of its curves.  Its numbers of epochs are a range;
 * a curve without any loss counts as one of 0 epochs, since it too has no
 * distance from others.
 */
#ifndef METAPROBE_CORE_CURVE_SUMMARY_H
#define METAPROBE_CORE_CURVE_SUMMARY_H

#include "distance.h"

#define SUMMARY_SEGMENTS 8
#define SUMMARY_COORDINATES (2 * SUMMARY_SEGMENTS) /* means, then the rest */

/* A box, or a single curve's summary, whose low and high are the same. */
typedef struct SummaryBox
{
	int			 least_epochs;
	int			 most_epochs;
	const float *low;
	const float *high;
} SummaryBox;

/* A curve to measure from. */
typedef struct SummaryQuery
{
	int	   n_epochs; /* 0 without any loss */
	double scale;	 /* epochs / observed ones: no distance's is smaller */
	double norm;
	double coordinates[SUMMARY_COORDINATES];
	double l1_weights[SUMMARY_COORDINATES];
} SummaryQuery;

extern int	  metaprobe_summary_take(const float *losses, int n_epochs,
									 float *coordinates);
extern void	  metaprobe_summary_query_set(SummaryQuery *query,
										  const float *losses, int n_epochs);
extern double metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
									  const SummaryBox *box);
extern void	  metaprobe_summary_extend(float *low, float *high,
									   const SummaryBox *box);
extern double metaprobe_summary_penalty(const SummaryBox *box,
										const SummaryBox *added);
extern int metaprobe_summary_compare(const SummaryBox *a, const SummaryBox *b);

/* Room for one of the boxes to be split. */
typedef struct SummarySplitItem
{
	double key;
	int	   box;
} SummarySplitItem;

extern int metaprobe_summary_split(const SummaryBox *boxes, int n,
								   SummarySplitItem *items);

#endif /* METAPROBE_CORE_CURVE_SUMMARY_H */
