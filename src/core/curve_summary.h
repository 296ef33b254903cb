/*
 * curve_summary.h
 *		What an index keeps of curves, and boxes of it.
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

#define SUMMARY_SEGMENTS 8
#define SUMMARY_COORDINATES (2 * SUMMARY_SEGMENTS) /* means, then the rest */

/* At most so many levels: one for an epoch, if there are so few. */
#define SUMMARY_LONGEST 96
#define SUMMARY_MAX_LEVELS (SUMMARY_LONGEST + SUMMARY_SEGMENTS)
#define SUMMARY_MAX_ROWS 24 /* levels of a segment */

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

extern int	metaprobe_summary_size(int n_epochs);
extern int	metaprobe_summary_take(const float *losses, int n_epochs,
								   CurveSummary *summary);
extern void metaprobe_summary_box(const CurveSummary *summary,
								  SummaryBox		 *box);
extern void metaprobe_summary_extend(SummaryBox *box, const SummaryBox *added);

#endif /* METAPROBE_CORE_CURVE_SUMMARY_H */
