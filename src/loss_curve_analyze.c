/*
 * loss_curve_analyze.c
 *		Statistics of loss_curve columns.
 *
 * Only the null fraction and the width are kept.  The number of distinct
 * values stays unknown on purpose: nearly unique values would make the planner
 * expect as many groups from GROUP BY classify_metadata(curve, ...) as there
 * are rows, and sort them all instead of aggregating in the workers.  Most
 * common values or a histogram would copy curves into the catalogue for
 * nothing.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "fmgr.h"

#include "compat.h"

/* Rows to sample per unit of the statistics target, as ANALYZE itself does. */
#define ROWS_PER_TARGET 300

static void
compute_statistics(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch,
				   int sample_rows, double total_rows)
{
	int	   null_rows = 0;
	int	   nonnull_rows;
	double width = 0;

	for (int i = 0; i < sample_rows; i++)
	{
		bool  isnull;
		Datum value;

		metaprobe_analyze_delay_point();
		value = fetch(stats, i, &isnull);
		if (isnull)
			null_rows++;
		else
			width += VARSIZE_ANY(DatumGetPointer(value));
	}
	nonnull_rows = sample_rows - null_rows;

	if (sample_rows == 0)
		return;
	stats->stats_valid = true;
	stats->stanullfrac = (double) null_rows / sample_rows;
	stats->stawidth = nonnull_rows > 0 ? width / nonnull_rows : 0;
	stats->stadistinct = 0;
}

PG_FUNCTION_INFO_V1(loss_curve_analyze);
Datum
loss_curve_analyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	stats->compute_stats = compute_statistics;
	stats->minrows = ROWS_PER_TARGET * metaprobe_statistics_target(stats);
	PG_RETURN_BOOL(true);
}
