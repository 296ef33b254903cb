/*
 * probe_suite_build.c
 *		Making a probe suite of probes and settings.
 *
 * All suites are made here, whatever they come from, and all that a suite must
 * satisfy is checked here.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "compat.h"
#include "core/loss.h"
#include "names.h"
#include "probe_suite.h"

/* By (label, curve, id); a probe without an id comes after those with one. */
static int
compare_probes(const void *x, const void *y)
{
	const Probe *a = x;
	const Probe *b = y;
	int order = metaprobe_compare_names(a->label, a->label_length, b->label,
										b->label_length);

	if (order == 0)
		order = metaprobe_losses_compare(a->losses, a->n_epochs, b->losses,
										 b->n_epochs);
	if (order != 0)
		return order;
	if (a->id == NULL || b->id == NULL)
		return (a->id == NULL) - (b->id == NULL);
	return metaprobe_compare_names(a->id, a->id_length, b->id, b->id_length);
}

static bool
has_same_label(const Probe *a, const Probe *b)
{
	return a->label_length == b->label_length &&
		   memcmp(a->label, b->label, a->label_length) == 0;
}

static bool
is_wholly_missing(const Probe *probe)
{
	for (int i = 0; i < probe->n_epochs; i++)
	{
		if (!metaprobe_loss_is_missing(probe->losses[i]))
			return false;
	}
	return true;
}

/*
 * Check the sorted probes and measure what they need.  False after a soft
 * error.
 */
static bool
measure_probes(const Probe *probes, ProbeSuite *size, Node *escontext)
{
	int64 stored_bytes = 0;	 /* a label is stored once ... */
	int64 written_bytes = 0; /* ... but written out with every probe */

	size->n_labels = 0;
	size->n_epochs = 0;
	for (int i = 0; i < size->n_probes; i++)
	{
		const Probe *probe = &probes[i];

		if (is_wholly_missing(probe))
			metaprobe_ereturn(
				escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probe of label \"%.*s\" has no recorded loss",
						pg_mbcliplen(probe->label, probe->label_length,
									 NAMEDATALEN),
						probe->label),
				 errhint("Leave such probes out: WHERE "
						 "observed_epochs(curve) > 0")));
		if (i == 0 || !has_same_label(probe, &probes[i - 1]))
		{
			size->n_labels++;
			stored_bytes += probe->label_length;
		}
		stored_bytes += probe->id_length;
		written_bytes += probe->label_length + probe->id_length;
		size->n_epochs = Max(size->n_epochs, probe->n_epochs);
	}
	if (!metaprobe_suite_size_is_valid(size->n_probes, size->n_epochs,
									   written_bytes, escontext))
		return false;
	size->name_bytes = stored_bytes;
	return true;
}

static int32
append_name(SuiteView *view, int32 *used, const char *name, int length)
{
	int32 offset = *used;

	memcpy((char *) view->names + offset, name, length);
	*used += length;
	return offset;
}

/* Fill the arrays of a suite, whose header is set, from the sorted probes. */
static void
fill_arrays(ProbeSuite *suite, const Probe *probes)
{
	SuiteView view;
	float	 *losses;
	int32	 *labels;
	int32	 *label_starts;
	int32	 *label_offsets;
	int32	  label = -1;
	int32	  used = 0;

	(void) metaprobe_suite_view(suite, &view);
	losses = unconstify(float *, view.curves.losses);
	labels = unconstify(int32 *, view.curves.labels);
	label_starts = unconstify(int32 *, view.curves.label_starts);
	label_offsets = unconstify(int32 *, view.label_offsets);

	for (int i = 0; i < suite->n_probes; i++)
	{
		const Probe *probe = &probes[i];

		CHECK_FOR_INTERRUPTS();
		if (i == 0 || !has_same_label(probe, &probes[i - 1]))
		{
			label++;
			label_starts[label] = i;
			label_offsets[label] =
				append_name(&view, &used, probe->label, probe->label_length);
		}
		labels[i] = label;
		unconstify(int32 *, view.probe_epochs)[i] = probe->n_epochs;
		memcpy(losses, probe->losses, probe->n_epochs * sizeof(float));
		for (int epoch = probe->n_epochs; epoch < suite->n_epochs; epoch++)
			losses[epoch] = metaprobe_missing_loss();
		losses += suite->n_epochs;
	}
	label_starts[label + 1] = suite->n_probes;
	label_offsets[label + 1] = used;

	for (int i = 0; i < suite->n_probes; i++)
	{
		const Probe *probe = &probes[i];
		bool		 has_id = probe->id != NULL;

		unconstify(int32 *, view.id_offsets)[i] =
			has_id ? append_name(&view, &used, probe->id, probe->id_length) :
					 -1;
		unconstify(int32 *, view.id_lengths)[i] =
			has_id ? probe->id_length : 0;
	}
}

static void
fill_max_novelty(ProbeSuite *suite, const SuiteSettings *settings)
{
	SuiteView view;

	(void) metaprobe_suite_view(suite, &view);
	if (view.max_novelty)
		*unconstify(double *, view.max_novelty) = settings->max_novelty;
}

/* Fill in what was fitted, if anything was. */
static void
fill_fit(ProbeSuite *suite, const SuiteSettings *settings)
{
	SuiteView view;
	SuiteFit *fit;

	(void) metaprobe_suite_view(suite, &view);
	if (view.fit == NULL)
		return;
	fit = unconstify(SuiteFit *, view.fit);
	fit->scale = settings->scale;
	fit->calibration = settings->calibration;
	fit->shrinkage = settings->matrix ? settings->shrinkage : 0;
	if (settings->matrix)
		memcpy(unconstify(double *, view.matrix), settings->matrix,
			   settings->n_entries * sizeof(double));
}

/* Map the probes of a suite of METRIC_FITTED, the rest of which is there. */
static void
map_probes(ProbeSuite *suite)
{
	SuiteView	view;
	FittedSpace space;
	float	   *point;
	double	   *room = palloc(mul_size(suite->n_epochs, 2 * sizeof(double)));

	(void) metaprobe_suite_view(suite, &view);
	space = metaprobe_suite_space(&view);
	point = unconstify(float *, view.points);
	for (int i = 0; i < suite->n_probes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		metaprobe_fitted_map(&space, metaprobe_probe_curve(&view.curves, i),
							 suite->n_epochs, point, room);
		point += suite->n_epochs;
	}
	pfree(room);
}

/*
 * A suite of these probes, in any order.  settings NULL means the default
 * ones.  All that a suite must satisfy is checked here; NULL after a soft
 * error.
 */
ProbeSuite *
metaprobe_suite_build(const Probe *probes, int n_probes,
					  const SuiteSettings *settings, Node *escontext)
{
	SuiteSettings defaults = metaprobe_default_settings(n_probes);
	ProbeSuite	  header = {0};
	ProbeSuite	 *suite;
	SuiteView	  unused;
	Probe		 *sorted;
	Size		  size;

	if (n_probes == 0)
		metaprobe_ereturn(escontext, NULL,
						  (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						   errmsg("probe suite has no probes"),
						   errhint("It needs at least one labelled curve.")));
	if (!metaprobe_suite_size_is_valid(n_probes, 0, 0, escontext))
		return NULL;
	if (settings == NULL)
		settings = &defaults;
	if (!metaprobe_settings_are_valid(settings, n_probes, escontext))
		return NULL;

	sorted = palloc(mul_size(n_probes, sizeof(Probe)));
	memcpy(sorted, probes, n_probes * sizeof(Probe));
	qsort(sorted, n_probes, sizeof(Probe), compare_probes);

	header.version = PROBE_SUITE_VERSION;
	header.metric = settings->metric;
	header.weights = settings->weights;
	header.k = settings->k;
	header.band = settings->band;
	if (settings->matrix)
		header.parts |= SUITE_HAS_MATRIX;
	if (settings->calibration.power != 0)
		header.parts |= SUITE_HAS_CALIBRATION;
	if (settings->max_novelty != 0)
	{
		header.parts |= SUITE_HAS_MAX_NOVELTY;
		header.version = LIMITED_SUITE_VERSION;
	}
	header.n_probes = n_probes;
	if (!measure_probes(sorted, &header, escontext) ||
		!metaprobe_fit_is_valid(settings, header.n_epochs, escontext))
		return NULL;

	size = metaprobe_suite_view(&header, &unused);
	suite = palloc0(size);
	*suite = header;
	SET_VARSIZE(suite, size);
	fill_arrays(suite, sorted);
	fill_fit(suite, settings);
	fill_max_novelty(suite, settings);
	if (suite->metric == METRIC_FITTED)
		map_probes(suite);
	pfree(sorted);
	suite->hash = metaprobe_suite_hash(suite);
	return suite;
}
