/*
 * probe_suite_fit.c
 *		Probe suites that are fitted to their probes.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "aligned.h"
#include "compat.h"
#include "core/dtw.h"
#include "core/fit.h"
#include "probe_suite.h"

/* The suite's probes with the settings that it has without a fit. */
static ProbeCurves
unfitted_curves(const SuiteView *view)
{
	ProbeCurves curves = view->curves;

	if (curves.metric == METRIC_FITTED)
		curves.metric = METRIC_L2;
	if (curves.n_epochs > FITTED_MAX_EPOCHS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("probe suite of %d epochs is too long to be fitted",
						curves.n_epochs),
				 errdetail("It has at most %d epochs.", FITTED_MAX_EPOCHS),
				 errhint("Shorten the curves of probes and rows alike with "
						 "resample_curve.")));
	return curves;
}

static void
choose(Fit *fit, const ProbeCurves *curves)
{
	metaprobe_fit_choose(fit, curves,
						 metaprobe_alloc_aligned(CurrentMemoryContext,
												 metaprobe_fit_size(curves),
												 0));
}

/* Learn the matrix of the chosen candidate, if it has one, from all probes. */
static void
learn_matrix(const ProbeCurves *curves, const FitCandidate *chosen,
			 SuiteSettings *settings)
{
	Size	n_entries = metaprobe_triangle_size(curves->n_epochs);
	double *matrix = palloc(mul_size(n_entries, sizeof(double)));

	settings->shrinkage = metaprobe_fit_matrix(
		curves, chosen->scale, chosen->shrinkage, matrix,
		metaprobe_alloc_aligned(CurrentMemoryContext,
								metaprobe_fit_matrix_room(curves), 0));
	if (isnan(settings->shrinkage))
		return;
	settings->matrix = matrix;
	settings->n_entries = n_entries;
}

/* fit_probe_suite(suite): the same probes with the settings chosen */
PG_FUNCTION_INFO_V1(metaprobe_fit_probe_suite);
Datum
metaprobe_fit_probe_suite(PG_FUNCTION_ARGS)
{
	ProbeSuite		   *suite = PG_GETARG_PROBE_SUITE(0);
	SuiteSettings		settings = {0};
	const FitCandidate *chosen;
	SuiteView			view;
	ProbeCurves			curves;
	Fit					fit;

	metaprobe_suite_view(suite, &view);
	curves = unfitted_curves(&view);
	choose(&fit, &curves);
	chosen = &fit.candidates[fit.chosen];

	settings.k = chosen->k;
	settings.weights = chosen->weights;
	settings.metric = chosen->metric;
	settings.band = chosen->metric == METRIC_DTW ? suite->band : DTW_NO_BAND;
	settings.scale = chosen->scale;
	settings.calibration = fit.calibration;
	if (!isnan(chosen->shrinkage))
		learn_matrix(&curves, chosen, &settings);
	PG_RETURN_PROBE_SUITE(
		metaprobe_suite_build(metaprobe_suite_all_probes(&view),
							  suite->n_probes, &settings, NULL));
}

/* probe_suite_candidates(suite): all that were tried, best first */
PG_FUNCTION_INFO_V1(metaprobe_probe_suite_candidates);
Datum
metaprobe_probe_suite_candidates(PG_FUNCTION_ARGS)
{
	ProbeSuite	  *suite = PG_GETARG_PROBE_SUITE(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SuiteView	   view;
	ProbeCurves	   curves;
	Fit			   fit;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	metaprobe_suite_view(suite, &view);
	curves = unfitted_curves(&view);
	choose(&fit, &curves);
	for (int i = 0; i < fit.n_candidates; i++)
	{
		const FitCandidate *candidate = &fit.candidates[i];
		Datum				values[9];
		bool				nulls[9] = {0};

		values[0] =
			CStringGetTextDatum(metaprobe_metric_names[candidate->metric]);
		values[1] =
			CStringGetTextDatum(metaprobe_scale_names[candidate->scale]);
		nulls[2] = isnan(candidate->shrinkage);
		values[2] = Float8GetDatum(candidate->shrinkage);
		values[3] = Int32GetDatum(candidate->k);
		values[4] =
			CStringGetTextDatum(metaprobe_weights_names[candidate->weights]);
		values[5] = Float8GetDatum(candidate->accuracy);
		values[6] = Float8GetDatum(candidate->difference);
		values[7] = Float8GetDatum(candidate->standard_error);
		values[8] = BoolGetDatum(i == fit.chosen);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
