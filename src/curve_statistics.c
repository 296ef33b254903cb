/*
 * curve_statistics.c
 *		Statistics of a single curve, as a composite value.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "compat.h"
#include "core/curve_statistics.h"
#include "loss_curve.h"

/* The columns of the type curve_statistics. */
enum
{
	STATISTIC_CONFIDENCE,
	STATISTIC_VARIABILITY,
	STATISTIC_CORRECTNESS,
	STATISTIC_FORGETTING_EVENTS,
	STATISTIC_FIRST_LEARNED,
	STATISTIC_LAST_FORGOTTEN,
	STATISTIC_THRESHOLD_CLOSENESS,
	STATISTIC_ALEATORIC,
	N_PROBABILITY_STATISTICS,
	STATISTIC_MEAN = N_PROBABILITY_STATISTICS,
	STATISTIC_FINAL,
	STATISTIC_MINIMUM,
	STATISTIC_INTERQUARTILE_RANGE,
	STATISTIC_SLOPE,
	STATISTIC_AREA,
	STATISTIC_MOVING_AVERAGE,
	N_STATISTICS
};

/* The composite type that the function returns, looked up once per call site. */
static TupleDesc
statistics_columns(FunctionCallInfo fcinfo)
{
	FmgrInfo *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(function->fn_mcxt);
		TupleDesc	  columns;

		if (get_call_result_type(fcinfo, NULL, &columns) !=
				TYPEFUNC_COMPOSITE ||
			columns->natts != N_STATISTICS)
			elog(ERROR, "unexpected type of statistics");
		function->fn_extra = BlessTupleDesc(columns);
		MemoryContextSwitchTo(caller);
	}
	return function->fn_extra;
}

static Datum
epoch_or_null(int epoch, bool *isnull)
{
	*isnull = epoch == NEVER;
	return Int64GetDatum(epoch);
}

static void
put_probability_statistics(const CurveStatistics *statistics, Datum *values,
						   bool *nulls)
{
	if (!statistics->has_probabilities)
	{
		memset(nulls, true, N_PROBABILITY_STATISTICS * sizeof(bool));
		return;
	}
	values[STATISTIC_CONFIDENCE] = Float8GetDatum(statistics->confidence);
	values[STATISTIC_VARIABILITY] = Float8GetDatum(statistics->variability);
	values[STATISTIC_CORRECTNESS] = Float8GetDatum(statistics->correctness);
	values[STATISTIC_FORGETTING_EVENTS] =
		Int64GetDatum(statistics->forgetting_events);
	values[STATISTIC_FIRST_LEARNED] =
		epoch_or_null(statistics->first_learned,
					  &nulls[STATISTIC_FIRST_LEARNED]);
	values[STATISTIC_LAST_FORGOTTEN] =
		epoch_or_null(statistics->last_forgotten,
					  &nulls[STATISTIC_LAST_FORGOTTEN]);
	values[STATISTIC_THRESHOLD_CLOSENESS] =
		Float8GetDatum(statistics->threshold_closeness);
	values[STATISTIC_ALEATORIC] = Float8GetDatum(statistics->aleatoric);
}

static void
put_loss_statistics(const CurveStatistics *statistics, Datum *values,
					bool *nulls)
{
	values[STATISTIC_MEAN] = Float8GetDatum(statistics->mean);
	values[STATISTIC_FINAL] = Float8GetDatum(statistics->final);
	values[STATISTIC_MINIMUM] = Float8GetDatum(statistics->minimum);
	values[STATISTIC_INTERQUARTILE_RANGE] =
		Float8GetDatum(statistics->interquartile_range);
	nulls[STATISTIC_SLOPE] = isnan(statistics->slope);
	values[STATISTIC_SLOPE] = Float8GetDatum(statistics->slope);
	values[STATISTIC_AREA] = Float8GetDatum(statistics->area);
	values[STATISTIC_MOVING_AVERAGE] =
		Float8GetDatum(statistics->moving_average);
}

/* curve_statistics(curve [, threshold] [, weight]) */
PG_FUNCTION_INFO_V1(loss_curve_statistics);
Datum
loss_curve_statistics(PG_FUNCTION_ARGS)
{
	LossCurve	   *curve = PG_GETARG_LOSS_CURVE(0);
	double			threshold = PG_GETARG_FLOAT8(1);
	double			weight = PG_GETARG_FLOAT8(2);
	CurveStatistics statistics;
	Datum			values[N_STATISTICS];
	bool			nulls[N_STATISTICS] = {0};

	if (!(threshold >= 0 && threshold <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must be from 0 to 1, not %g", threshold),
				 errhint("It is the probability above which an example counts "
						 "as learned.")));
	if (!(weight > 0 && weight <= 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("weight must be above 0 and at most 1, not %g",
							   weight),
						errhint("It is the share of a new loss in the moving "
								"average.")));
	if (!metaprobe_curve_statistics(curve->losses, curve->n_epochs, threshold,
									weight, &statistics))
		PG_RETURN_NULL();
	put_probability_statistics(&statistics, values, nulls);
	put_loss_statistics(&statistics, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(statistics_columns(fcinfo), values, nulls)));
}
