/*
 * loss_mixture.c
 *		small_loss_mixture(loss) and noise_posterior(loss, mixture): the
 *		small-loss heuristic, by a mixture of two normal distributions.
 *
 * Like a suite, a fitted mixture is a value: an aggregate makes it of any
 * query's losses, once, and a function applies it row by row.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/typcache.h"

#include "aggregate.h"
#include "compat.h"
#include "core/mixture.h"
#include "score_array.h"

/* The columns of loss_mixture. */
enum
{
	MIXTURE_CLEAN_WEIGHT,
	MIXTURE_CLEAN_MEAN,
	MIXTURE_CLEAN_STDDEV,
	MIXTURE_NOISE_WEIGHT,
	MIXTURE_NOISE_MEAN,
	MIXTURE_NOISE_STDDEV,
	MIXTURE_ITERATIONS,
	MIXTURE_LOG_LIKELIHOOD,
	N_MIXTURE_COLUMNS
};

/* Refuse what no curve can hold, nor the mean of one be. */
static double
checked_loss(double loss)
{
	if (fabs(loss) > FLT_MAX)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("loss %g is out of range", loss),
						errhint("Clip it, or make it null.")));
	return loss + 0.0; /* -0 + 0 is +0 */
}

/* Arguments: state, loss.  A loss that is NULL or NaN is missing. */
PG_FUNCTION_INFO_V1(metaprobe_mixture_transfn);
Datum
metaprobe_mixture_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	ScoreArray	 *losses = METAPROBE_GETARG_STATE(ScoreArray, 0);

	if (PG_ARGISNULL(1) || isnan(PG_GETARG_FLOAT8(1)))
		METAPROBE_RETURN_STATE(losses);
	if (losses == NULL)
		losses = metaprobe_scores_create(context, 1);
	metaprobe_scores_add(losses, checked_loss(PG_GETARG_FLOAT8(1)));
	PG_RETURN_POINTER(losses);
}

PG_FUNCTION_INFO_V1(metaprobe_mixture_combine);
Datum
metaprobe_mixture_combine(PG_FUNCTION_ARGS)
{
	return metaprobe_scores_combine(fcinfo, 1);
}

PG_FUNCTION_INFO_V1(metaprobe_mixture_serialize);
Datum
metaprobe_mixture_serialize(PG_FUNCTION_ARGS)
{
	return metaprobe_scores_serialize(fcinfo, 1);
}

PG_FUNCTION_INFO_V1(metaprobe_mixture_deserialize);
Datum
metaprobe_mixture_deserialize(PG_FUNCTION_ARGS)
{
	ScoreArray *losses = metaprobe_scores_deserialize(fcinfo, 1);

	for (int64 i = 0; i < losses->n; i++)
	{
		if (isnan(checked_loss(losses->values[i])))
			ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
							errmsg("invalid loss in a state")));
	}
	PG_RETURN_POINTER(losses);
}

/* Sorts the losses in place: their order means nothing. */
PG_FUNCTION_INFO_V1(metaprobe_mixture_finalfn);
Datum
metaprobe_mixture_finalfn(PG_FUNCTION_ARGS)
{
	ScoreArray *losses = METAPROBE_GETARG_STATE(ScoreArray, 0);
	LossMixture mixture;
	TupleDesc	columns;
	Datum		values[N_MIXTURE_COLUMNS];
	bool		nulls[N_MIXTURE_COLUMNS] = {0};

	if (losses == NULL)
		PG_RETURN_NULL();
	metaprobe_scores_sort(losses);
	if (!metaprobe_mixture_fit(losses->values, losses->n, &mixture))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE ||
		columns->natts != N_MIXTURE_COLUMNS)
		elog(ERROR, "unexpected type of loss_mixture");
	values[MIXTURE_CLEAN_WEIGHT] = Float8GetDatum(mixture.clean.weight);
	values[MIXTURE_CLEAN_MEAN] = Float8GetDatum(mixture.clean.mean);
	values[MIXTURE_CLEAN_STDDEV] = Float8GetDatum(mixture.clean.stddev);
	values[MIXTURE_NOISE_WEIGHT] = Float8GetDatum(mixture.noise.weight);
	values[MIXTURE_NOISE_MEAN] = Float8GetDatum(mixture.noise.mean);
	values[MIXTURE_NOISE_STDDEV] = Float8GetDatum(mixture.noise.stddev);
	values[MIXTURE_ITERATIONS] = Int32GetDatum(mixture.iterations);
	values[MIXTURE_LOG_LIKELIHOOD] = Float8GetDatum(mixture.log_likelihood);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

/* Is it a component of a mixture?  Users may write what they like. */
static bool
component_is_valid(const MixtureComponent *component)
{
	return component->weight >= 0 && component->weight <= 1 &&
		   isfinite(component->mean) && component->stddev > 0 &&
		   isfinite(component->stddev);
}

static void
check_mixture(const LossMixture *mixture)
{
	if (!component_is_valid(&mixture->clean) ||
		!component_is_valid(&mixture->noise) ||
		mixture->clean.weight + mixture->noise.weight == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid loss mixture"),
				 errdetail("Weights must be within 0 and 1 and not both 0, "
						   "means finite, standard deviations positive."),
				 errhint("Make one with small_loss_mixture.")));
}

/* The components of a value of type loss_mixture; false if a part is NULL. */
static bool
read_mixture(HeapTupleHeader value, LossMixture *mixture)
{
	double	 *parts[] = {&mixture->clean.weight, &mixture->clean.mean,
						 &mixture->clean.stddev, &mixture->noise.weight,
						 &mixture->noise.mean,	 &mixture->noise.stddev};
	TupleDesc columns =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(value),
							   HeapTupleHeaderGetTypMod(value));
	HeapTupleData tuple = {.t_data = value};
	Datum		  values[N_MIXTURE_COLUMNS];
	bool		  nulls[N_MIXTURE_COLUMNS];
	bool		  is_whole = true;

	if (columns->natts != N_MIXTURE_COLUMNS)
		elog(ERROR, "unexpected type of loss_mixture");
	tuple.t_len = HeapTupleHeaderGetDatumLength(value);
	heap_deform_tuple(&tuple, columns, values, nulls);
	ReleaseTupleDesc(columns);
	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		is_whole = is_whole && !nulls[i];
		*parts[i] = nulls[i] ? 0 : DatumGetFloat8(values[i]);
	}
	return is_whole;
}

/* noise_posterior(loss, mixture) */
PG_FUNCTION_INFO_V1(metaprobe_noise_posterior);
Datum
metaprobe_noise_posterior(PG_FUNCTION_ARGS)
{
	double		loss = checked_loss(PG_GETARG_FLOAT8(0));
	LossMixture mixture;
	double		posterior;

	if (!read_mixture(PG_GETARG_HEAPTUPLEHEADER(1), &mixture))
		PG_RETURN_NULL();
	check_mixture(&mixture);
	posterior = metaprobe_mixture_noise_posterior(&mixture, loss);
	if (isnan(posterior))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(posterior);
}
