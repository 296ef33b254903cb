/*
 * probe_suite.c
 *		The layout of a probe suite: building one, and finding one's way in it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "core/loss.h"
#include "names.h"
#include "probe_suite.h"

/* The suite in a datum, detoasted; maybe in place, so read only. */
ProbeSuite *
metaprobe_suite_from_datum(Datum datum)
{
	ProbeSuite *suite = (ProbeSuite *) PG_DETOAST_DATUM(datum);

	if (suite->version != PROBE_SUITE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("unsupported probe_suite version %d", suite->version),
				 errhint("This library reads version %d; was the value "
						 "written by a newer metaprobe?",
						 PROBE_SUITE_VERSION)));
	return suite;
}

/*
 * Layout
 */

/* Lay the next array of a suite at the end of what there is. */
static Size
next_array(Size *end, Size count, Size item_size)
{
	Size start = *end;

	*end = add_size(start, MAXALIGN(mul_size(count, item_size)));
	return start;
}

/*
 * Point a view at the arrays behind the header.  Returns the suite's size,
 * which is all that is meaningful before the arrays are filled.
 */
static Size
lay_out(const ProbeSuite *suite, SuiteView *view)
{
	const char	*base = (const char *) suite;
	Size		 end = MAXALIGN(sizeof(ProbeSuite));
	Size		 n = suite->n_probes;
	ProbeCurves *curves = &view->curves;

	curves->n_probes = suite->n_probes;
	curves->n_epochs = suite->n_epochs;
	curves->n_labels = suite->n_labels;
	curves->k = suite->k;
	curves->band = suite->band;
	curves->metric = suite->metric;
	curves->weights = suite->weights;

	curves->losses =
		(const float *) (base + next_array(&end, mul_size(n, suite->n_epochs),
										   sizeof(float)));
	curves->labels =
		(const int32 *) (base + next_array(&end, n, sizeof(int32)));
	curves->label_starts =
		(const int32 *) (base +
						 next_array(&end, suite->n_labels + 1, sizeof(int32)));
	view->probe_epochs =
		(const int32 *) (base + next_array(&end, n, sizeof(int32)));
	view->label_offsets =
		(const int32 *) (base +
						 next_array(&end, suite->n_labels + 1, sizeof(int32)));
	view->id_offsets =
		(const int32 *) (base + next_array(&end, n, sizeof(int32)));
	view->id_lengths =
		(const int32 *) (base + next_array(&end, n, sizeof(int32)));
	view->names = base + next_array(&end, suite->name_bytes, 1);
	return end;
}

void
metaprobe_suite_view(const ProbeSuite *suite, SuiteView *view)
{
	(void) lay_out(suite, view);
}

/* A probe of the suite, in the form in which it came in. */
Probe
metaprobe_suite_probe(const SuiteView *view, int index)
{
	const ProbeCurves *curves = &view->curves;
	int				   label = curves->labels[index];
	Probe			   probe;

	probe.label = view->names + view->label_offsets[label];
	probe.label_length =
		view->label_offsets[label + 1] - view->label_offsets[label];
	probe.id = NULL;
	if (view->id_offsets[index] >= 0)
		probe.id = view->names + view->id_offsets[index];
	probe.id_length = view->id_lengths[index];
	probe.losses = curves->losses + (Size) index * curves->n_epochs;
	probe.n_epochs = view->probe_epochs[index];
	return probe;
}

/* The labels of a suite as values of type text, in the current context. */
Datum *
metaprobe_suite_label_texts(const SuiteView *view)
{
	int	   n = view->curves.n_labels;
	Datum *texts = palloc(n * sizeof(Datum));

	for (int label = 0; label < n; label++)
	{
		int start = view->label_offsets[label];
		int length = view->label_offsets[label + 1] - start;

		texts[label] = PointerGetDatum(
			cstring_to_text_with_len(view->names + start, length));
	}
	return texts;
}

/*
 * Building
 */

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

/* Can a suite have this size?  If not, a soft error. */
bool
metaprobe_suite_size_is_valid(int64 n_probes, int64 n_epochs, int64 name_bytes,
							  Node *escontext)
{
	if (n_probes > PROBE_SUITE_MAX_PROBES)
		metaprobe_ereturn(escontext, false,
						  (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						   errmsg("probe suite of %lld probes is too large",
								  (long long) n_probes),
						   errdetail("A suite has at most %d probes.",
									 PROBE_SUITE_MAX_PROBES)));
	if (n_probes * n_epochs > PROBE_SUITE_MAX_LOSSES)
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("probe suite of %lld probes of %lld epochs is too large",
					(long long) n_probes, (long long) n_epochs),
			 errdetail("A suite has at most %d losses, its probes times its "
					   "longest curve.",
					   PROBE_SUITE_MAX_LOSSES)));
	if (name_bytes > PROBE_SUITE_MAX_NAME_BYTES)
		metaprobe_ereturn(
			escontext, false,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("labels and ids of the probe suite are too long"),
			 errdetail("They have %lld bytes; a suite holds at most %d.",
					   (long long) name_bytes, PROBE_SUITE_MAX_NAME_BYTES)));
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

	metaprobe_suite_view(suite, &view);
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
	header.n_probes = n_probes;
	if (!measure_probes(sorted, &header, escontext))
		return NULL;

	size = lay_out(&header, &unused);
	suite = palloc0(size);
	*suite = header;
	SET_VARSIZE(suite, size);
	fill_arrays(suite, sorted);
	pfree(sorted);
	suite->hash = metaprobe_suite_hash(suite);
	return suite;
}
