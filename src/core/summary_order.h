/*
 * summary_order.h
 *		Which summaries belong together: their order, and the pages' splits.
 */
#ifndef METAPROBE_CORE_SUMMARY_ORDER_H
#define METAPROBE_CORE_SUMMARY_ORDER_H

#include "curve_summary.h"

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

#endif /* METAPROBE_CORE_SUMMARY_ORDER_H */
