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
#include "libpq/pqformat.h"

#include "aggregate.h"
#include "compat.h"
#include "core/ranking.h"
#include "score_array.h"

typedef struct JudgedScores
{
	ScoreArray hits; /* where the truth is true */
	ScoreArray others;
} JudgedScores;

static JudgedScores *
state_create(MemoryContext context)
{
	JudgedScores *state = MemoryContextAlloc(context, sizeof(JudgedScores));

	metaprobe_scores_init(&state->hits, context);
	metaprobe_scores_init(&state->others, context);
	return state;
}

/* Arguments: state, score, truth.  A row without either says nothing. */
PG_FUNCTION_INFO_V1(metaprobe_detector_transfn);
Datum
metaprobe_detector_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	JudgedScores *state = METAPROBE_GETARG_STATE(JudgedScores, 0);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		METAPROBE_RETURN_STATE(state);
	if (state == NULL)
		state = state_create(context);
	metaprobe_scores_add(PG_GETARG_BOOL(2) ? &state->hits : &state->others,
						 PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(metaprobe_detector_combine);
Datum
metaprobe_detector_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = metaprobe_aggregate_context(fcinfo);
	JudgedScores *into = METAPROBE_GETARG_STATE(JudgedScores, 0);
	JudgedScores *from = METAPROBE_GETARG_STATE(JudgedScores, 1);

	if (from != NULL)
	{
		if (into == NULL)
			into = state_create(context);
		metaprobe_scores_add_all(&into->hits, from->hits.values, from->hits.n);
		metaprobe_scores_add_all(&into->others, from->others.values,
								 from->others.n);
	}
	METAPROBE_RETURN_STATE(into);
}

PG_FUNCTION_INFO_V1(metaprobe_detector_serialize);
Datum
metaprobe_detector_serialize(PG_FUNCTION_ARGS)
{
	JudgedScores  *state = (JudgedScores *) PG_GETARG_POINTER(0);
	StringInfoData message;

	pq_begintypsend(&message);
	metaprobe_scores_send(&message, &state->hits);
	metaprobe_scores_send(&message, &state->others);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(metaprobe_detector_deserialize);
Datum
metaprobe_detector_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData message = metaprobe_received_state(fcinfo);
	JudgedScores  *state = state_create(CurrentMemoryContext);

	metaprobe_scores_receive(&message, &state->hits);
	metaprobe_scores_receive(&message, &state->others);
	pq_getmsgend(&message);
	PG_RETURN_POINTER(state);
}

/*
 * Judge the scores.  False if they are all of one class.  Sorts them in place,
 * which is no change of the state: their order means nothing.
 */
static bool
judge(JudgedScores *state, RankingQuality *quality)
{
	if (state == NULL || state->hits.n == 0 || state->others.n == 0)
		return false;
	metaprobe_scores_sort(&state->hits);
	metaprobe_scores_sort(&state->others);
	metaprobe_rank_quality(state->hits.values, state->hits.n,
						   state->others.values, state->others.n, quality);
	return true;
}

PG_FUNCTION_INFO_V1(metaprobe_auroc_finalfn);
Datum
metaprobe_auroc_finalfn(PG_FUNCTION_ARGS)
{
	RankingQuality quality;

	if (!judge(METAPROBE_GETARG_STATE(JudgedScores, 0), &quality))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(quality.auroc);
}

PG_FUNCTION_INFO_V1(metaprobe_average_precision_finalfn);
Datum
metaprobe_average_precision_finalfn(PG_FUNCTION_ARGS)
{
	RankingQuality quality;

	if (!judge(METAPROBE_GETARG_STATE(JudgedScores, 0), &quality))
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
	JudgedScores  *state = METAPROBE_GETARG_STATE(JudgedScores, 0);
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
	values[QUALITY_ROWS] = Int64GetDatum(state->hits.n + state->others.n);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
