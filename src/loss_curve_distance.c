/*
 * loss_curve_distance.c
 *		Distances between two curves.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "core/distance.h"
#include "core/dtw.h"
#include "loss_curve.h"

static Datum
epochwise_distance(FunctionCallInfo fcinfo, Metric metric)
{
	LossCurve	*a = PG_GETARG_LOSS_CURVE(0);
	LossCurve	*b = PG_GETARG_LOSS_CURVE(1);
	const float *others = b->losses;
	bool		 has_missing = (a->flags | b->flags) & LOSS_CURVE_HAS_MISSING;
	double		 result;

	if (a->n_epochs != b->n_epochs)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("loss curves have different lengths, %d and %d epochs",
						a->n_epochs, b->n_epochs),
				 errhint("Compare slices of the same length, "
						 "(curve)[0:%d], or stretch one with "
						 "resample_curve(curve, %d).",
						 Max(Min(a->n_epochs, b->n_epochs), 1) - 1,
						 Max(a->n_epochs, b->n_epochs))));

	metaprobe_distance_function(metric, !has_missing)(a->losses, &others, 1,
													  a->n_epochs, a->n_epochs,
													  &result);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_FLOAT8(result);
}

PG_FUNCTION_INFO_V1(loss_curve_l2_distance);
Datum
loss_curve_l2_distance(PG_FUNCTION_ARGS)
{
	return epochwise_distance(fcinfo, METRIC_L2);
}

PG_FUNCTION_INFO_V1(loss_curve_l1_distance);
Datum
loss_curve_l1_distance(PG_FUNCTION_ARGS)
{
	return epochwise_distance(fcinfo, METRIC_L1);
}

PG_FUNCTION_INFO_V1(loss_curve_cosine_distance);
Datum
loss_curve_cosine_distance(PG_FUNCTION_ARGS)
{
	return epochwise_distance(fcinfo, METRIC_COSINE);
}

PG_FUNCTION_INFO_V1(loss_curve_correlation_distance);
Datum
loss_curve_correlation_distance(PG_FUNCTION_ARGS)
{
	return epochwise_distance(fcinfo, METRIC_CORRELATION);
}

/* dtw_distance(curve, curve [, band]) */
PG_FUNCTION_INFO_V1(loss_curve_dtw_distance);
Datum
loss_curve_dtw_distance(PG_FUNCTION_ARGS)
{
	LossCurve *a = PG_GETARG_LOSS_CURVE(0);
	LossCurve *b = PG_GETARG_LOSS_CURVE(1);
	int64	   band = PG_NARGS() > 2 ? PG_GETARG_INT64(2) : DTW_NO_BAND;
	void	  *workspace;
	double	   result;

	if (PG_NARGS() > 2 && band < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("band must not be negative, but is %lld",
							   (long long) band),
						errhint("Leave it out to warp without a band.")));

	workspace = palloc(metaprobe_dtw_workspace_size(a->n_epochs, b->n_epochs));
	result =
		metaprobe_dtw_distance(a->losses, a->n_epochs, b->losses, b->n_epochs,
							   Min(band, LOSS_CURVE_MAX_EPOCHS), workspace);
	pfree(workspace);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_FLOAT8(result);
}
