/*
 * curve_summary.h
 *		What an index keeps of curves, and how near a curve can be to them.
 *
 * A curve's summary cuts the epochs into segments, short ones first, and has of
 * each the mean and the norm of what the mean leaves out, both in units of the
 * Euclidean distance: as points, segments never lie farther apart than as
 * losses.  Within a segment it has for every loss one of eight levels, which
 * tell it apart from those of curves of the same means; of very long curves
 * not for every loss, but for means of a few in a row.  A segment with a
 * missing loss is unknown and bounds nothing.
 *
 * The means and norms of many curves make a box, and boxes larger ones.  There
 * unknown is NaN, and a segment is unknown if it is so in any of the curves.
 * A box's numbers of epochs are a range; a curve without any loss counts as
 * one of 0 epochs, since it too has no distance from others.
 */
#ifndef METAPROBE_CORE_CURVE_SUMMARY_H
#define METAPROBE_CORE_CURVE_SUMMARY_H

#include <stdint.h>

#include "distance.h"

#define SUMMARY_SEGMENTS 8
#define SUMMARY_COORDINATES (2 * SUMMARY_SEGMENTS) /* means, then the rest */

/* At most so many levels: one for an epoch, if there are so few. */
#define SUMMARY_LONGEST 96
#define SUMMARY_MAX_LEVELS (SUMMARY_LONGEST + SUMMARY_SEGMENTS)

/* Stored as it is, without its padding. */
typedef struct CurveSummary
{
	uint16_t n_epochs;
	uint16_t coordinates[SUMMARY_COORDINATES]; /* rounded */
	uint8_t	 grids[SUMMARY_SEGMENTS];		   /* where the levels lie */
	uint8_t	 levels[SUMMARY_MAX_LEVELS * 3 / 8];
} CurveSummary;

typedef struct SummaryBox
{
	int	  least_epochs;
	int	  most_epochs;
	float low[SUMMARY_COORDINATES];
	float high[SUMMARY_COORDINATES];
} SummaryBox;

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

extern int	metaprobe_summary_size(int n_epochs);
extern int	metaprobe_summary_take(const float *losses, int n_epochs,
								   CurveSummary *summary);
extern void metaprobe_summary_box(const CurveSummary *summary,
								  SummaryBox		 *box);
extern void metaprobe_summary_extend(SummaryBox *box, const SummaryBox *added);

extern void	  metaprobe_summary_query_set(SummaryQuery *query,
										  const float *losses, int n_epochs);
extern double metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
									  const CurveSummary *summary);
extern double metaprobe_summary_box_bound(const SummaryQuery *query,
										  Metric			  metric,
										  const SummaryBox	 *box);

extern double metaprobe_summary_penalty(const SummaryBox *box,
										const SummaryBox *added);
extern int	  metaprobe_summary_compare(const CurveSummary *a,
										const CurveSummary *b);

/* Room for one of the boxes to be split. */
typedef struct SummarySplitItem
{
	double key;
	int	   box;
} SummarySplitItem;

extern int metaprobe_summary_split(const SummaryBox *boxes, int n,
								   SummarySplitItem *items);

#endif /* METAPROBE_CORE_CURVE_SUMMARY_H */
