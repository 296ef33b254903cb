/*
 * probe_suite_inspect.c
 *		What a probe suite holds, and how well it tells its own probes apart.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "core/dtw.h"
#include "loss_curve.h"
#include "suite_index.h"

#define N_FACTS 11

/*
 * probe_suite_info(suite): one row of facts.  Version 0.1.0 declared it without
 * the last one.
 */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_info);
Datum
metaprobe_probe_suite_info(PG_FUNCTION_ARGS)
{
	ProbeSuite *suite = PG_GETARG_PROBE_SUITE(0);
	SuiteView	view;
	TupleDesc	columns;
	Datum		values[N_FACTS];
	bool		nulls[N_FACTS] = {0};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE ||
		columns->natts < N_FACTS - 1 || columns->natts > N_FACTS)
		elog(ERROR, "return type must be a row type");
	metaprobe_suite_view(suite, &view);
	values[0] = Int32GetDatum(suite->n_probes);
	values[1] = PointerGetDatum(
		construct_array(metaprobe_suite_label_texts(&view), suite->n_labels,
						TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = Int32GetDatum(suite->n_epochs);
	values[3] = Int32GetDatum(suite->k);
	values[4] = CStringGetTextDatum(metaprobe_metric_names[suite->metric]);
	values[5] = CStringGetTextDatum(metaprobe_weights_names[suite->weights]);
	nulls[6] = suite->band == DTW_NO_BAND;
	values[6] = Int32GetDatum(suite->band);
	values[7] = CStringGetTextDatum(
		psprintf("%016llx", (unsigned long long) suite->hash));
	nulls[8] = suite->metric != METRIC_FITTED;
	if (suite->metric == METRIC_FITTED)
		values[8] =
			CStringGetTextDatum(metaprobe_scale_names[view.fit->scale]);
	nulls[9] = view.matrix == NULL;
	if (view.matrix)
		values[9] = Float8GetDatum(view.fit->shrinkage);
	nulls[10] = view.max_novelty == NULL;
	if (view.max_novelty)
		values[10] = Float8GetDatum(*view.max_novelty);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

/* probe_suite_probes(suite): the probes as they came in, in suite order */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_probes);
Datum
metaprobe_probe_suite_probes(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SuiteView	   view;
	Datum		  *labels;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	metaprobe_suite_view(suite, &view);
	labels = metaprobe_suite_label_texts(&view);
	for (int i = 0; i < suite->n_probes; i++)
	{
		Probe	   probe = metaprobe_suite_probe(&view, i);
		LossCurve *curve =
			loss_curve_copy_losses(probe.losses, probe.n_epochs);
		Datum values[3];
		bool  nulls[3] = {0};

		CHECK_FOR_INTERRUPTS();
		values[0] = labels[view.curves.labels[i]];
		values[1] = PointerGetDatum(curve);
		nulls[2] = probe.id == NULL;
		if (probe.id)
			values[2] = PointerGetDatum(
				cstring_to_text_with_len(probe.id, probe.id_length));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
		pfree(curve);
	}
	return (Datum) 0;
}

/* A probe's label and what it was classified as, NO_LABEL without neighbours. */
typedef struct Outcome
{
	int	   actual;
	int	   predicted;
	double probability; /* of that */
} Outcome;

#define NO_LABEL PG_INT32_MAX

static int
compare_outcomes(const void *x, const void *y)
{
	const Outcome *a = x;
	const Outcome *b = y;

	if (a->actual != b->actual)
		return a->actual < b->actual ? -1 : 1;
	return (a->predicted > b->predicted) - (a->predicted < b->predicted);
}

/* Classify every probe by all others. */
static Outcome *
leave_one_out(LoadedSuite *suite)
{
	Classifier *classifier = &suite->classifier;
	int			n = suite->suite->n_probes;
	Outcome	   *outcomes = palloc(n * sizeof(Outcome));

	for (int i = 0; i < n; i++)
	{
		Probe probe = metaprobe_suite_probe(&suite->view, i);
		int	  label;

		CHECK_FOR_INTERRUPTS();
		metaprobe_suite_add_indexes(suite);
		metaprobe_suite_begin(suite, probe.losses, probe.n_epochs, i);
		(void) metaprobe_classifier_neighbours(classifier);
		label = metaprobe_classifier_vote(classifier);
		outcomes[i].actual = suite->view.curves.labels[i];
		outcomes[i].predicted = label < 0 ? NO_LABEL : label;
		if (label < 0)
			continue;
		metaprobe_classifier_weigh(classifier);
		outcomes[i].probability =
			metaprobe_classifier_probability(classifier, label);
	}
	return outcomes;
}

/* probe_suite_confusion(suite): actual, predicted, count, by leave-one-out */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_confusion);
Datum
metaprobe_probe_suite_confusion(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	LoadedSuite	  *loaded = metaprobe_load_suite(suite, CurrentMemoryContext);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Outcome		  *outcomes = leave_one_out(loaded);
	int			   first = 0;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	qsort(outcomes, suite->n_probes, sizeof(Outcome), compare_outcomes);
	for (int i = 1; i <= suite->n_probes; i++)
	{
		Outcome *same = &outcomes[first];
		Datum	 values[3];
		bool	 nulls[3] = {0};

		if (i < suite->n_probes && compare_outcomes(&outcomes[i], same) == 0)
			continue;
		values[0] = loaded->label_texts[same->actual];
		nulls[1] = same->predicted == NO_LABEL;
		if (!nulls[1])
			values[1] = loaded->label_texts[same->predicted];
		values[2] = Int64GetDatum(i - first);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
		first = i;
	}
	return (Datum) 0;
}

/* The probes whose probability is in some range. */
typedef struct ReliabilityBin
{
	double probability; /* the sum of theirs */
	int	   n_right;
	int	   n;
} ReliabilityBin;

#define MAX_BINS 1000

static ReliabilityBin *
fill_bins(const Outcome *outcomes, int n, int n_bins)
{
	ReliabilityBin *bins = palloc0(n_bins * sizeof(ReliabilityBin));

	for (int i = 0; i < n; i++)
	{
		const Outcome  *outcome = &outcomes[i];
		ReliabilityBin *bin;

		if (outcome->predicted == NO_LABEL)
			continue;
		bin = &bins[Min((int) (outcome->probability * n_bins), n_bins - 1)];
		bin->probability += outcome->probability;
		bin->n_right += outcome->predicted == outcome->actual;
		bin->n++;
	}
	return bins;
}

/* The mean difference of probability and hit rate, over the probes binned. */
static double
calibration_error(const ReliabilityBin *bins, int n_bins)
{
	double sum = 0;
	int	   n = 0;

	for (int i = 0; i < n_bins; i++)
	{
		sum += fabs(bins[i].probability - bins[i].n_right);
		n += bins[i].n;
	}
	return sum / n;
}

/* probe_suite_reliability(suite, bins): by leave-one-out, without empty bins */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_reliability);
Datum
metaprobe_probe_suite_reliability(PG_FUNCTION_ARGS)
{
	ProbeSuite	   *suite = PG_GETARG_PROBE_SUITE(0);
	int				n_bins = PG_GETARG_INT32(1);
	ReturnSetInfo  *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ReliabilityBin *bins;

	if (n_bins < 1 || n_bins > MAX_BINS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("number of bins must be between 1 and %d, not "
							   "%d",
							   MAX_BINS, n_bins)));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	bins = fill_bins(leave_one_out(
						 metaprobe_load_suite(suite, CurrentMemoryContext)),
					 suite->n_probes, n_bins);
	for (int i = 0; i < n_bins; i++)
	{
		const ReliabilityBin *bin = &bins[i];
		Datum				  values[5];
		bool				  nulls[5] = {0};

		if (bin->n == 0)
			continue;
		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(bin->probability / bin->n);
		values[2] = Float8GetDatum((double) bin->n_right / bin->n);
		values[3] = Int64GetDatum(bin->n);
		values[4] = Float8GetDatum(calibration_error(bins, n_bins));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
