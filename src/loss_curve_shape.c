/*
 * loss_curve_shape.c
 *		Curves made of curves, and curves drawn in a line of text.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/curve_shape.h"
#include "loss_curve.h"

#define SPARKLINE_DEFAULT_WIDTH 40

/* One column each: missing, then the levels from low to high. */
static const char *const block_columns[SPARK_LEVELS + 1] = {" ", "▁", "▂",
															"▃", "▄", "▅",
															"▆", "▇", "█"};
static const char *const ascii_columns[SPARK_LEVELS + 1] = {" ", "_", ".",
															"-", "~", "=",
															"+", "*", "#"};

/* resample_curve(curve, n) */
PG_FUNCTION_INFO_V1(loss_curve_resample);
Datum
loss_curve_resample(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	int64	   n = PG_GETARG_INT64(1);
	LossCurve *resampled;

	if (n < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("number of epochs must not be negative, but is "
							   "%lld",
							   (long long) n)));
	loss_curve_check_length(n);
	resampled = loss_curve_create(n);
	metaprobe_resample(curve->losses, curve->n_epochs, resampled->losses, n);
	PG_RETURN_LOSS_CURVE(loss_curve_finish(resampled));
}

/* smooth_curve(curve, width) */
PG_FUNCTION_INFO_V1(loss_curve_smooth);
Datum
loss_curve_smooth(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	int64	   width = PG_GETARG_INT64(1);
	LossCurve *smoothed;

	if (width < 1 || width % 2 == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("width must be a positive odd number of epochs, not "
						"%lld",
						(long long) width),
				 errhint("An odd width is centred on each epoch.")));
	smoothed = loss_curve_create(curve->n_epochs);
	metaprobe_smooth(curve->losses, curve->n_epochs,
					 Min(width, 2 * LOSS_CURVE_MAX_EPOCHS + 1),
					 smoothed->losses);
	PG_RETURN_LOSS_CURVE(loss_curve_finish(smoothed));
}

/* sparkline(curve [, width]) */
PG_FUNCTION_INFO_V1(loss_curve_sparkline);
Datum
loss_curve_sparkline(PG_FUNCTION_ARGS)
{
	LossCurve *curve = PG_GETARG_LOSS_CURVE(0);
	int64	   width =
		 PG_NARGS() > 1 ? PG_GETARG_INT64(1) : SPARKLINE_DEFAULT_WIDTH;
	const char *const *columns =
		GetDatabaseEncoding() == PG_UTF8 ? block_columns : ascii_columns;
	unsigned char *levels;
	StringInfoData line;

	if (width < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("width must be at least 1, not %lld",
							   (long long) width)));
	width = Min(width, curve->n_epochs);
	levels = palloc(width);
	metaprobe_spark_levels(curve->losses, curve->n_epochs, width, levels);

	initStringInfo(&line);
	for (int i = 0; i < width; i++)
		appendStringInfoString(&line, columns[levels[i]]);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(line.data, line.len));
}
