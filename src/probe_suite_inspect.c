/*
 * probe_suite_inspect.c
 *		What a probe suite holds, and how well it tells its own probes apart.
 */
#include "postgres.h"

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
#include "suite_source.h"

static Datum
labels_array(const LoadedSuite *suite)
{
	return PointerGetDatum(construct_array(suite->label_texts,
										   suite->suite->n_labels, TEXTOID, -1,
										   false, TYPALIGN_INT));
}

/* probe_suite_info(suite): one row of facts */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_info);
Datum
metaprobe_probe_suite_info(PG_FUNCTION_ARGS)
{
	ProbeSuite	*suite = PG_GETARG_PROBE_SUITE(0);
	LoadedSuite *loaded = metaprobe_load_suite(suite, CurrentMemoryContext);
	TupleDesc	 columns;
	Datum		 values[8];
	bool		 nulls[8] = {0};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(suite->n_probes);
	values[1] = labels_array(loaded);
	values[2] = Int32GetDatum(suite->n_epochs);
	values[3] = Int32GetDatum(suite->k);
	values[4] = CStringGetTextDatum(metaprobe_metric_names[suite->metric]);
	values[5] = CStringGetTextDatum(metaprobe_weights_names[suite->weights]);
	nulls[6] = suite->band == DTW_NO_BAND;
	values[6] = Int32GetDatum(suite->band);
	values[7] = CStringGetTextDatum(
		psprintf("%016llx", (unsigned long long) suite->hash));
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

/* probe_suite_probes(suite): the probes as they came in, in suite order */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_probes);
Datum
metaprobe_probe_suite_probes(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	LoadedSuite	  *loaded = metaprobe_load_suite(suite, CurrentMemoryContext);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < suite->n_probes; i++)
	{
		Probe	   probe = metaprobe_suite_probe(&loaded->view, i);
		LossCurve *curve =
			loss_curve_copy_losses(probe.losses, probe.n_epochs);
		Datum values[3];
		bool  nulls[3] = {0};

		CHECK_FOR_INTERRUPTS();
		values[0] = loaded->label_texts[loaded->view.curves.labels[i]];
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

/*
 * Count, for every pair of labels, how often probes of the first are
 * classified as the second by all other probes.  The last column stands for
 * probes without a neighbour.
 */
static int64 *
count_confusions(LoadedSuite *suite)
{
	Classifier *classifier = &suite->classifier;
	int			n = suite->suite->n_labels;
	int64	   *counts =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   mul_size(mul_size(n, n + 1), sizeof(int64)));

	memset(counts, 0, (Size) n * (n + 1) * sizeof(int64));
	for (int i = 0; i < suite->suite->n_probes; i++)
	{
		Probe probe = metaprobe_suite_probe(&suite->view, i);
		int	  actual = suite->view.curves.labels[i];
		int	  predicted;

		CHECK_FOR_INTERRUPTS();
		(void) metaprobe_classifier_search(classifier, probe.losses,
										   probe.n_epochs, i);
		predicted = metaprobe_classifier_vote(classifier);
		counts[(Size) actual * (n + 1) + (predicted < 0 ? n : predicted)]++;
	}
	return counts;
}

/* probe_suite_confusion(suite): actual, predicted, count, by leave-one-out */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_confusion);
Datum
metaprobe_probe_suite_confusion(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	LoadedSuite	  *loaded = metaprobe_load_suite(suite, CurrentMemoryContext);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		  *counts = count_confusions(loaded);
	int			   n = suite->n_labels;

	InitMaterializedSRF(fcinfo, 0);
	for (int actual = 0; actual < n; actual++)
	{
		for (int predicted = 0; predicted <= n; predicted++)
		{
			int64 count = counts[(Size) actual * (n + 1) + predicted];
			Datum values[3];
			bool  nulls[3] = {0};

			if (count == 0)
				continue;
			values[0] = loaded->label_texts[actual];
			nulls[1] = predicted == n;
			if (predicted < n)
				values[1] = loaded->label_texts[predicted];
			values[2] = Int64GetDatum(count);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}
