/*
 * detector_quality.c
 *		auroc(score, truth), average_precision(score, truth) and
 *		detector_quality(score, truth): how well a score ranks true rows above
 *		the others.
 *
 * All three have the same state, so that a query with several of them over the
 * same arguments keeps the scores once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "aggregate.h"
#include "compat.h"
#include "core/ranking.h"
#include "score_array.h"

/* The arrays of a state. */
enum
{
	OTHERS,
	HITS, /* where the truth is true */
	N_CLASSES
};

/* Arguments: state, score, truth.  A row without either says nothing. */
PG_FUNCTION_INFO_V1(metaprobe_detector_transfn);
Datum
metaprobe_detector_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	ScoreArray	 *state = METAPROBE_GETARG_STATE(ScoreArray, 0);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		METAPROBE_RETURN_STATE(state);
	if (state == NULL)
		state = metaprobe_scores_create(context, N_CLASSES);
	metaprobe_scores_add(&state[PG_GETARG_BOOL(2) ? HITS : OTHERS],
						 PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(metaprobe_detector_combine);
Datum
metaprobe_detector_combine(PG_FUNCTION_ARGS)
{
	return metaprobe_scores_combine(fcinfo, N_CLASSES);
}

PG_FUNCTION_INFO_V1(metaprobe_detector_serialize);
Datum
metaprobe_detector_serialize(PG_FUNCTION_ARGS)
{
	return metaprobe_scores_serialize(fcinfo, N_CLASSES);
}

PG_FUNCTION_INFO_V1(metaprobe_detector_deserialize);
Datum
metaprobe_detector_deserialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(metaprobe_scores_deserialize(fcinfo, N_CLASSES));
}

/*
 * Judge the scores.  False if they are all of one class.  Sorts them in place,
 * which is no change of the state: their order means nothing.
 */
static bool
judge(ScoreArray *state, RankingQuality *quality)
{
	if (state == NULL || state[HITS].n == 0 || state[OTHERS].n == 0)
		return false;
	metaprobe_scores_sort(&state[HITS]);
	metaprobe_scores_sort(&state[OTHERS]);
	metaprobe_rank_quality(state[HITS].values, state[HITS].n,
						   state[OTHERS].values, state[OTHERS].n, quality);
	return true;
}

PG_FUNCTION_INFO_V1(metaprobe_auroc_finalfn);
Datum
metaprobe_auroc_finalfn(PG_FUNCTION_ARGS)
{
	RankingQuality quality;

	if (!judge(METAPROBE_GETARG_STATE(ScoreArray, 0), &quality))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(quality.auroc);
}

PG_FUNCTION_INFO_V1(metaprobe_average_precision_finalfn);
Datum
metaprobe_average_precision_finalfn(PG_FUNCTION_ARGS)
{
	RankingQuality quality;

	if (!judge(METAPROBE_GETARG_STATE(ScoreArray, 0), &quality))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(quality.average_precision);
}

/* The columns of ranking_quality. */
enum
{
	QUALITY_AUROC,
	QUALITY_AVERAGE_PRECISION,
	QUALITY_BEST_F1,
	QUALITY_PRECISION_AT_TRUE_RATE,
	QUALITY_ROWS,
	N_QUALITY_COLUMNS
};

/* The figures are NULL if the scores are all of one class. */
PG_FUNCTION_INFO_V1(metaprobe_detector_quality_finalfn);
Datum
metaprobe_detector_quality_finalfn(PG_FUNCTION_ARGS)
{
	ScoreArray	  *state = METAPROBE_GETARG_STATE(ScoreArray, 0);
	RankingQuality quality;
	TupleDesc	   columns;
	Datum		   values[N_QUALITY_COLUMNS] = {0};
	bool		   nulls[N_QUALITY_COLUMNS] = {0};

	if (state == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE ||
		columns->natts != N_QUALITY_COLUMNS)
		elog(ERROR, "unexpected type of qualities");
	if (judge(state, &quality))
	{
		values[QUALITY_AUROC] = Float8GetDatum(quality.auroc);
		values[QUALITY_AVERAGE_PRECISION] =
			Float8GetDatum(quality.average_precision);
		values[QUALITY_BEST_F1] = Float8GetDatum(quality.best_f1);
		values[QUALITY_PRECISION_AT_TRUE_RATE] =
			Float8GetDatum(quality.precision_at_true_rate);
	}
	else
		memset(nulls, true, QUALITY_ROWS);
	values[QUALITY_ROWS] = Int64GetDatum(state[HITS].n + state[OTHERS].n);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
