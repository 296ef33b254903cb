/*
 * probe_suite_settings.c
 *		k, metric, weights, band and greatest novelty of a probe suite, and what
 *		was fitted.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/dtw.h"
#include "core/loss.h"
#include "probe_suite.h"

#define MAX_CALIBRATION 10 /* so that likelihoods do not vanish */

/* The numbers are stored in suites: append, never reorder. */
const char *const metaprobe_metric_names[N_METRICS] = {
	[METRIC_L2] = "l2",			[METRIC_L1] = "l1",
	[METRIC_COSINE] = "cosine", [METRIC_CORRELATION] = "correlation",
	[METRIC_DTW] = "dtw",		[METRIC_FITTED] = "fitted",
};

const char *const metaprobe_weights_names[N_WEIGHTS] = {
	[WEIGHTS_UNIFORM] = "uniform",
	[WEIGHTS_DISTANCE] = "distance",
	[WEIGHTS_BALANCED] = "balanced",
};

const char *const metaprobe_scale_names[N_SCALES] = {
	[SCALE_RAW] = "raw",
	[SCALE_SQRT] = "sqrt",
	[SCALE_CBRT] = "cbrt",
	[SCALE_LOG] = "log",
};

static char *
list_names(const char *const *names, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	return list.data;
}

/* The number of a name; -1 after a soft error. */
static int
number_of_name(const char *kind, const char *name, const char *const *names,
			   int n, Node *escontext)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	metaprobe_ereturn(escontext, -1,
					  (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					   errmsg("unknown %s \"%.*s\"", kind,
							  pg_mbcliplen(name, strlen(name), NAMEDATALEN),
							  name),
					   errhint("Choose one of: %s.", list_names(names, n))));
}

int
metaprobe_metric_by_name(const char *name, Node *escontext)
{
	return number_of_name("metric", name, metaprobe_metric_names, N_METRICS,
						  escontext);
}

int
metaprobe_weights_by_name(const char *name, Node *escontext)
{
	return number_of_name("weights", name, metaprobe_weights_names, N_WEIGHTS,
						  escontext);
}

int
metaprobe_scale_by_name(const char *name, Node *escontext)
{
	return number_of_name("scale", name, metaprobe_scale_names, N_SCALES,
						  escontext);
}

/* MAP-D's choice, with k as large as the probes allow. */
SuiteSettings
metaprobe_default_settings(int n_probes)
{
	SuiteSettings settings = {
		.k = Min(PROBE_SUITE_DEFAULT_K, n_probes),
		.band = DTW_NO_BAND,
		.metric = METRIC_L2,
		.weights = WEIGHTS_UNIFORM,
	};

	return settings;
}

SuiteSettings
metaprobe_suite_settings(const ProbeSuite *suite, const SuiteView *view)
{
	SuiteSettings settings = {
		.k = suite->k,
		.band = suite->band,
		.metric = suite->metric,
		.weights = suite->weights,
	};

	if (view->max_novelty)
		settings.max_novelty = *view->max_novelty;
	if (view->fit)
	{
		settings.scale = view->fit->scale;
		settings.shrinkage = view->fit->shrinkage;
		settings.calibration = view->fit->calibration;
		settings.matrix = view->matrix;
		settings.n_entries =
			view->matrix ? metaprobe_triangle_size(suite->n_epochs) : 0;
	}
	return settings;
}

/* Can a suite of so many probes have these settings?  If not, a soft error. */
bool
metaprobe_settings_are_valid(const SuiteSettings *settings, int n_probes,
							 Node *escontext)
{
	if (settings->k < 1 || settings->k > n_probes)
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("k must be between 1 and the number of probes, %d, not %d",
					n_probes, settings->k)));
	if (settings->band < DTW_NO_BAND || settings->band > LOSS_CURVE_MAX_EPOCHS)
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("band must be between 0 and %d epochs, not %d",
					LOSS_CURVE_MAX_EPOCHS, settings->band)));
	if (settings->band != DTW_NO_BAND && settings->metric != METRIC_DTW)
		metaprobe_ereturn(escontext, false,
						  (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						   errmsg("metric %s takes no band",
								  metaprobe_metric_names[settings->metric]),
						   errhint(
							   "A band limits the warping of metric dtw.")));
	if (settings->max_novelty != 0 &&
		!(settings->max_novelty > 0 && isfinite(settings->max_novelty)))
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("max_novelty must be above 0 and finite, not %g",
					settings->max_novelty)));
	return true;
}

/*
 * Is the matrix of a fitted suite a triangle of that size whose distances are
 * sound?  If not, a soft error.
 */
static bool
matrix_is_valid(const SuiteSettings *settings, int n_epochs, Node *escontext)
{
	const double *entry = settings->matrix;

	if (entry == NULL)
		return true;
	if ((size_t) settings->n_entries != metaprobe_triangle_size(n_epochs))
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("matrix of the fitted probe suite has %d entries",
					settings->n_entries),
			 errdetail("The lower triangle for its %d epochs has %d.",
					   n_epochs, (int) metaprobe_triangle_size(n_epochs))));
	if (!(settings->shrinkage > 0 && settings->shrinkage <= 1))
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("shrinkage of the fitted probe suite must be above 0 and "
					"at most 1, not %g",
					settings->shrinkage)));
	for (int column = 0; column < n_epochs; column++)
	{
		for (int row = column; row < n_epochs; row++, entry++)
		{
			if (fabs(*entry) <= FITTED_MAX_ENTRY &&
				(row != column || *entry > 0))
				continue;
			metaprobe_ereturn(
				escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("entry (%d, %d) of the matrix of the fitted probe "
						"suite is invalid",
						row, column),
				 errdetail("Entries are at most %g in size, and those of the "
						   "diagonal are positive.",
						   FITTED_MAX_ENTRY)));
		}
	}
	return true;
}

/* Can a suite of so many epochs be fitted like this?  If not, a soft error. */
bool
metaprobe_fit_is_valid(const SuiteSettings *settings, int n_epochs,
					   Node *escontext)
{
	const Calibration *calibration = &settings->calibration;

	if ((calibration->power != 0 || calibration->offset != 0) &&
		!(calibration->offset > 0 && calibration->offset <= MAX_CALIBRATION &&
		  calibration->power > 0 && calibration->power <= MAX_CALIBRATION))
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("calibration of the probe suite must be an offset "
					"and a power above 0 and at most %d, not %g and %g",
					MAX_CALIBRATION, calibration->offset,
					calibration->power)));
	if (settings->metric != METRIC_FITTED)
		return true;
	if (n_epochs > FITTED_MAX_EPOCHS)
		metaprobe_ereturn(escontext, false,
						  (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						   errmsg("probe suite of %d epochs is too long for "
								  "metric fitted",
								  n_epochs),
						   errdetail("It has at most %d epochs.",
									 FITTED_MAX_EPOCHS),
						   errhint("Shorten the curves of probes and rows "
								   "alike with resample_curve.")));
	return matrix_is_valid(settings, n_epochs, escontext);
}

/* A band given in SQL, where none is NULL and negative ones are errors. */
static int
band_from_argument(int64 band)
{
	if (band < 0 || band > LOSS_CURVE_MAX_EPOCHS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("band must be between 0 and %d epochs, not %lld",
						LOSS_CURVE_MAX_EPOCHS, (long long) band)));
	return band;
}

/* A limit given in SQL, where Infinity means none. */
static double
max_novelty_from_argument(double max_novelty)
{
	if (!(max_novelty > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_novelty must be above 0, not %g", max_novelty),
				 errhint("Infinity removes the limit.")));
	return isinf(max_novelty) ? 0 : max_novelty;
}

/* Name another metric; that drops what belongs to the one there was. */
static void
set_metric(SuiteSettings *settings, Metric metric)
{
	settings->band = DTW_NO_BAND;
	if (metric == settings->metric)
		return;
	if (metric == METRIC_FITTED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric fitted must be learned from the probes"),
				 errhint("Use fit_probe_suite(suite).")));
	settings->metric = metric;
	settings->max_novelty = 0;
	settings->scale = SCALE_RAW;
	settings->shrinkage = 0;
	settings->matrix = NULL;
	settings->n_entries = 0;
}

/*
 * configure_probe_suite(suite, k, metric, weights, band [, max_novelty]): the
 * same probes with other settings.  NULL leaves a setting as it is; naming the
 * metric drops the band, and another metric the limit of novelty, unless one is
 * given.  Naming anything but this limit drops the calibration, which was for
 * the settings that there were.  Version 0.1.0 declared it without the limit.
 */
PG_FUNCTION_INFO_V1(metaprobe_configure_probe_suite);
Datum
metaprobe_configure_probe_suite(PG_FUNCTION_ARGS)
{
	ProbeSuite	 *suite;
	SuiteView	  view;
	SuiteSettings settings;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	suite = PG_GETARG_PROBE_SUITE(0);
	metaprobe_suite_view(suite, &view);
	settings = metaprobe_suite_settings(suite, &view);

	if (!PG_ARGISNULL(1))
		settings.k = PG_GETARG_INT32(1);
	if (!PG_ARGISNULL(2))
		set_metric(&settings,
				   metaprobe_metric_by_name(
					   text_to_cstring(PG_GETARG_TEXT_PP(2)), NULL));
	if (!PG_ARGISNULL(3))
		settings.weights =
			metaprobe_weights_by_name(text_to_cstring(PG_GETARG_TEXT_PP(3)),
									  NULL);
	if (!PG_ARGISNULL(4))
		settings.band = band_from_argument(PG_GETARG_INT64(4));
	if (PG_NARGS() > 5 && !PG_ARGISNULL(5))
		settings.max_novelty = max_novelty_from_argument(PG_GETARG_FLOAT8(5));
	for (int i = 1; i <= 4; i++)
	{
		if (!PG_ARGISNULL(i))
			settings.calibration = (Calibration){0, 0};
	}
	PG_RETURN_PROBE_SUITE(
		metaprobe_suite_build(metaprobe_suite_all_probes(&view),
							  suite->n_probes, &settings, NULL));
}
