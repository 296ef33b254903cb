/*
 * classification.c
 *		Classification of curves by the nearest probes of a suite.
 *
 * Each SQL function stands here once and is declared three times: with the
 * suite as a value, as a relation, and without one (suite_source.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "core/loss_signals.h"
#include "loss_curve.h"
#include "suite_index.h"

/* Load the suite of the call and begin with its curve. */
static LoadedSuite *
begin_classification(FunctionCallInfo fcinfo, int suite_argument)
{
	LoadedSuite *suite = metaprobe_suite_for_call(fcinfo, suite_argument);
	LossCurve	*curve = PG_GETARG_LOSS_CURVE(0);

	metaprobe_suite_add_indexes(suite);
	metaprobe_suite_begin(suite, curve->losses, curve->n_epochs, -1);
	return suite;
}

/* A double as a value; NaN, which here means undefined, as NULL. */
static Datum
defined_float8(double value, bool *isnull)
{
	*isnull = isnan(value);
	return *isnull ? (Datum) 0 : Float8GetDatum(value);
}

/* classify_metadata(curve [, suite]) */
PG_FUNCTION_INFO_V1(metaprobe_classify_metadata);
Datum
metaprobe_classify_metadata(PG_FUNCTION_ARGS)
{
	LoadedSuite *suite = begin_classification(fcinfo, 1);
	int			 label = metaprobe_classifier_label(&suite->classifier);

	if (label < 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(suite->label_texts[label]);
}

/* The columns of metadata_tag. */
enum
{
	TAG_LABEL,
	TAG_PROBABILITY,
	TAG_SCORE,
	TAG_RUNNER_UP,
	TAG_MARGIN,
	TAG_DISTANCE,
	TAG_NOVELTY,
	N_TAG_COLUMNS
};

/* The composite type that the function returns, looked up once per suite. */
static TupleDesc
tag_columns(FunctionCallInfo fcinfo, LoadedSuite *suite)
{
	if (suite->tag_columns == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(suite->context);
		TupleDesc	  columns;

		if (get_call_result_type(fcinfo, NULL, &columns) !=
				TYPEFUNC_COMPOSITE ||
			columns->natts != N_TAG_COLUMNS)
			elog(ERROR, "unexpected type of tags");
		suite->tag_columns = BlessTupleDesc(columns);
		MemoryContextSwitchTo(caller);
	}
	return suite->tag_columns;
}

static Datum
tag_of_call(FunctionCallInfo fcinfo)
{
	LoadedSuite *suite = begin_classification(fcinfo, 1);
	Datum		 values[N_TAG_COLUMNS];
	bool		 nulls[N_TAG_COLUMNS] = {0};
	Tag			 tag;

	if (!metaprobe_classifier_tag(&suite->classifier, &tag))
		PG_RETURN_NULL();
	nulls[TAG_LABEL] = tag.label < 0;
	if (tag.label >= 0)
		values[TAG_LABEL] = suite->label_texts[tag.label];
	values[TAG_PROBABILITY] =
		defined_float8(tag.probability, &nulls[TAG_PROBABILITY]);
	values[TAG_SCORE] = defined_float8(tag.score, &nulls[TAG_SCORE]);
	nulls[TAG_RUNNER_UP] = tag.runner_up < 0;
	if (tag.runner_up >= 0)
		values[TAG_RUNNER_UP] = suite->label_texts[tag.runner_up];
	values[TAG_MARGIN] = defined_float8(tag.margin, &nulls[TAG_MARGIN]);
	values[TAG_DISTANCE] = Float8GetDatum(tag.distance);
	values[TAG_NOVELTY] = defined_float8(tag.novelty, &nulls[TAG_NOVELTY]);

	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(tag_columns(fcinfo, suite), values, nulls)));
}

/* tag_metadata(curve [, suite]) */
PG_FUNCTION_INFO_V1(metaprobe_tag_metadata);
Datum
metaprobe_tag_metadata(PG_FUNCTION_ARGS)
{
	return tag_of_call(fcinfo);
}

/* tag_by_binary_suite(curve, suite) */
PG_FUNCTION_INFO_V1(metaprobe_tag_by_binary_suite);
Datum
metaprobe_tag_by_binary_suite(PG_FUNCTION_ARGS)
{
	return tag_of_call(fcinfo);
}

/* The number of a label; an error if the suite has no such. */
static int
find_label(const LoadedSuite *suite, text *name)
{
	return metaprobe_suite_find_label(suite->label_texts,
									  suite->suite->n_labels, name);
}

/* label_score(curve, label [, suite]) */
PG_FUNCTION_INFO_V1(metaprobe_label_score);
Datum
metaprobe_label_score(PG_FUNCTION_ARGS)
{
	LoadedSuite *suite = begin_classification(fcinfo, 2);
	int			 label = find_label(suite, PG_GETARG_TEXT_PP(1));
	double		 score;

	score = metaprobe_classifier_score(&suite->classifier, label);
	if (isnan(score))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(score);
}

/* The columns of curve_scores. */
enum
{
	SCORES_TAG,
	SCORES_LABEL_SCORE,
	SCORES_VOTE_SHARE,
	SCORES_NOVELTY,
	SCORES_MEAN_LOSS,
	SCORES_FINAL_LOSS,
	SCORES_FIRST_LOSS,
	SCORES_LOW_CONFIDENCE,
	N_SCORES
};

/* detector_scores(curve, label, suite) */
PG_FUNCTION_INFO_V1(metaprobe_detector_scores);
Datum
metaprobe_detector_scores(PG_FUNCTION_ARGS)
{
	LossCurve	 *curve = PG_GETARG_LOSS_CURVE(0);
	LoadedSuite	 *suite = begin_classification(fcinfo, 2);
	int			  label = find_label(suite, PG_GETARG_TEXT_PP(1));
	LabelEvidence evidence =
		metaprobe_classifier_evidence(&suite->classifier, label);
	LossSignals signals =
		metaprobe_loss_signals(curve->losses, curve->n_epochs);
	TupleDesc columns;
	Datum	  values[N_SCORES];
	bool	  nulls[N_SCORES];

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE ||
		columns->natts != N_SCORES)
		elog(ERROR, "unexpected type of scores");
	values[SCORES_TAG] =
		defined_float8(evidence.is_winner, &nulls[SCORES_TAG]);
	values[SCORES_LABEL_SCORE] =
		defined_float8(evidence.score, &nulls[SCORES_LABEL_SCORE]);
	values[SCORES_VOTE_SHARE] =
		defined_float8(evidence.vote_share, &nulls[SCORES_VOTE_SHARE]);
	values[SCORES_NOVELTY] =
		defined_float8(evidence.novelty, &nulls[SCORES_NOVELTY]);
	values[SCORES_MEAN_LOSS] =
		defined_float8(signals.mean, &nulls[SCORES_MEAN_LOSS]);
	values[SCORES_FINAL_LOSS] =
		defined_float8(signals.final, &nulls[SCORES_FINAL_LOSS]);
	values[SCORES_FIRST_LOSS] =
		defined_float8(signals.first, &nulls[SCORES_FIRST_LOSS]);
	values[SCORES_LOW_CONFIDENCE] =
		defined_float8(signals.low_confidence, &nulls[SCORES_LOW_CONFIDENCE]);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

static int
compare_by_votes(const void *a, const void *b, void *votes)
{
	return metaprobe_votes_before(votes, *(const int *) a, *(const int *) b) ?
			   -1 :
			   1;
}

/* The numbers of all labels, in the order of their votes. */
static int *
labels_by_votes(const Classifier *classifier)
{
	int	 n = classifier->probes.n_labels;
	int *labels = palloc(n * sizeof(int));

	for (int label = 0; label < n; label++)
		labels[label] = label;
	qsort_arg(labels, n, sizeof(int), compare_by_votes, classifier->votes);
	return labels;
}

/* metadata_probabilities(curve [, suite]): every label, most votes first */
PG_FUNCTION_INFO_V1(metaprobe_metadata_probabilities);
Datum
metaprobe_metadata_probabilities(PG_FUNCTION_ARGS)
{
	LoadedSuite	  *suite = begin_classification(fcinfo, 1);
	Classifier	  *classifier = &suite->classifier;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		   has_voted;
	int			  *labels;

	(void) metaprobe_classifier_neighbours(classifier);
	has_voted = metaprobe_classifier_vote(classifier) >= 0;
	metaprobe_classifier_weigh(classifier);
	labels = labels_by_votes(classifier);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < classifier->probes.n_labels; i++)
	{
		int	   label = labels[i];
		double probability = NAN;
		Datum  values[4];
		bool   nulls[4] = {0};

		values[0] = suite->label_texts[label];
		if (has_voted)
			probability = metaprobe_classifier_probability(classifier, label);
		values[1] = defined_float8(probability, &nulls[1]);
		values[2] = Float8GetDatum(classifier->votes[label].votes);
		values[3] = defined_float8(
			metaprobe_classifier_label_distance(classifier, label), &nulls[3]);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* The rank, id, label, distance and curve of a neighbour. */
static void
put_neighbour(ReturnSetInfo *result, const LoadedSuite *suite, int rank,
			  const Neighbour *neighbour)
{
	Probe probe = metaprobe_suite_probe(&suite->view, neighbour->index);
	Datum values[5];
	bool  nulls[5] = {0};

	values[0] = Int32GetDatum(rank);
	nulls[1] = probe.id == NULL;
	if (probe.id)
		values[1] = PointerGetDatum(
			cstring_to_text_with_len(probe.id, probe.id_length));
	values[2] =
		suite->label_texts[suite->view.curves.labels[neighbour->index]];
	values[3] = Float8GetDatum(neighbour->distance);
	values[4] =
		PointerGetDatum(loss_curve_copy_losses(probe.losses, probe.n_epochs));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * nearest_probes(curve, suite, n): the n nearest, nearest first.  n is the
 * last argument of every form, and k of them are returned if it is NULL.
 */
PG_FUNCTION_INFO_V1(metaprobe_nearest_probes);
Datum
metaprobe_nearest_probes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			   last = PG_NARGS() - 1;
	LoadedSuite	  *suite;
	Nearest		   nearest;
	int			   n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || (last > 1 && PG_ARGISNULL(1)))
		return (Datum) 0;

	suite = begin_classification(fcinfo, 1);
	n = PG_ARGISNULL(last) ? suite->suite->k : PG_GETARG_INT32(last);
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of probes must be at least 1, not %d", n)));
	n = Min(n, suite->suite->n_probes);
	metaprobe_nearest_reset(&nearest, palloc(n * sizeof(Neighbour)), n);
	metaprobe_classifier_nearest(&suite->classifier, &nearest);
	for (int i = 0; i < nearest.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_neighbour(result, suite, i + 1, &nearest.items[i]);
	}
	return (Datum) 0;
}
