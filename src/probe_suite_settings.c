/*
 * probe_suite_settings.c
 *		k, metric, weights and band of a probe suite.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/dtw.h"
#include "core/loss.h"
#include "probe_suite.h"

/* The numbers are stored in suites: append, never reorder. */
const char *const metaprobe_metric_names[N_METRICS] = {
	[METRIC_L2] = "l2",			[METRIC_L1] = "l1",
	[METRIC_COSINE] = "cosine", [METRIC_CORRELATION] = "correlation",
	[METRIC_DTW] = "dtw",
};

const char *const metaprobe_weights_names[N_WEIGHTS] = {
	[WEIGHTS_UNIFORM] = "uniform",
	[WEIGHTS_DISTANCE] = "distance",
	[WEIGHTS_BALANCED] = "balanced",
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
metaprobe_suite_settings(const ProbeSuite *suite)
{
	SuiteSettings settings = {
		.k = suite->k,
		.band = suite->band,
		.metric = suite->metric,
		.weights = suite->weights,
	};

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
	return true;
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

/*
 * configure_probe_suite(suite, k, metric, weights, band): the same probes with
 * other settings.  NULL leaves a setting as it is; naming the metric drops the
 * band unless one is given.
 */
PG_FUNCTION_INFO_V1(metaprobe_configure_probe_suite);
Datum
metaprobe_configure_probe_suite(PG_FUNCTION_ARGS)
{
	ProbeSuite	 *suite;
	SuiteSettings settings;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	suite = (ProbeSuite *) PG_DETOAST_DATUM_COPY(
		PointerGetDatum(PG_GETARG_PROBE_SUITE(0)));
	settings = metaprobe_suite_settings(suite);

	if (!PG_ARGISNULL(1))
		settings.k = PG_GETARG_INT32(1);
	if (!PG_ARGISNULL(2))
	{
		settings.metric =
			metaprobe_metric_by_name(text_to_cstring(PG_GETARG_TEXT_PP(2)),
									 NULL);
		settings.band = DTW_NO_BAND;
	}
	if (!PG_ARGISNULL(3))
		settings.weights =
			metaprobe_weights_by_name(text_to_cstring(PG_GETARG_TEXT_PP(3)),
									  NULL);
	if (!PG_ARGISNULL(4))
		settings.band = band_from_argument(PG_GETARG_INT64(4));
	(void) metaprobe_settings_are_valid(&settings, suite->n_probes, NULL);

	suite->k = settings.k;
	suite->metric = settings.metric;
	suite->weights = settings.weights;
	suite->band = settings.band;
	suite->hash = metaprobe_suite_hash(suite);
	PG_RETURN_PROBE_SUITE(suite);
}
