/*
 * probe_suite.c
 *		The layout of a probe suite: finding one's way in it.
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/builtins.h"

#include "compat.h"
#include "names.h"
#include "probe_suite.h"

#define HINT_BYTES 200
/* Where a suite's hash stands behind its varlena header. */
#define HASH_OFFSET (offsetof(ProbeSuite, hash) - VARHDRSZ)

/* Does this library know the suite's layout? */
bool
metaprobe_suite_is_readable(const ProbeSuite *suite)
{
	return suite->version == PROBE_SUITE_VERSION ||
		   suite->version == LIMITED_SUITE_VERSION;
}

/* The suite in a datum, detoasted; maybe in place, so read only. */
ProbeSuite *
metaprobe_suite_from_datum(Datum datum)
{
	ProbeSuite *suite = (ProbeSuite *) PG_DETOAST_DATUM(datum);

	if (!metaprobe_suite_is_readable(suite))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("unsupported probe_suite version %d", suite->version),
				 errhint("This library reads versions up to %d; was the value "
						 "written by a newer metaprobe?",
						 LIMITED_SUITE_VERSION)));
	return suite;
}

/* The content hash of the suite in a datum, of which only the head is read. */
uint64
metaprobe_suite_hash_of_datum(Datum datum)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(datum);
	struct varlena *head = pointer;
	uint64			hash;

	if (VARATT_IS_EXTERNAL(pointer) || VARATT_IS_COMPRESSED(pointer))
		head = PG_DETOAST_DATUM_SLICE(datum, 0, HASH_OFFSET + sizeof(uint64));
	memcpy(&hash, VARDATA_ANY(head) + HASH_OFFSET, sizeof(hash));
	if (head != pointer)
		pfree(head);
	return hash;
}

/* Lay the next array of a suite at the end of what there is. */
static Size
next_array(Size *end, Size count, Size item_size)
{
	Size start = *end;

	*end = add_size(start, MAXALIGN(mul_size(count, item_size)));
	return start;
}

/*
 * Point a view at the arrays behind a suite's header.  Returns the size of the
 * whole, for which no more than the header is looked at.
 */
Size
metaprobe_suite_view(const ProbeSuite *suite, SuiteView *view)
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
	curves->calibration = (Calibration){0, 0};
	curves->max_novelty = 0;

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

	view->fit = NULL;
	view->matrix = NULL;
	view->points = NULL;
	view->max_novelty = NULL;
	if (suite->metric == METRIC_FITTED || (suite->parts & SUITE_IS_FITTED))
		view->fit =
			(const SuiteFit *) (base + next_array(&end, 1, sizeof(SuiteFit)));
	if (suite->parts & SUITE_HAS_MATRIX)
		view->matrix =
			(const double *) (base + next_array(&end,
												metaprobe_triangle_size(
													suite->n_epochs),
												sizeof(double)));
	if (suite->metric == METRIC_FITTED)
		view->points =
			(const float *) (base + next_array(&end,
											   mul_size(n, suite->n_epochs),
											   sizeof(float)));
	if (suite->parts & SUITE_HAS_MAX_NOVELTY)
		view->max_novelty =
			(const double *) (base + next_array(&end, 1, sizeof(double)));
	return end;
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

/* All probes of the suite, in its order, in the current context. */
Probe *
metaprobe_suite_all_probes(const SuiteView *view)
{
	int	   n = view->curves.n_probes;
	Probe *probes = palloc(mul_size(n, sizeof(Probe)));

	for (int i = 0; i < n; i++)
		probes[i] = metaprobe_suite_probe(view, i);
	return probes;
}

/* The space of a suite of METRIC_FITTED. */
FittedSpace
metaprobe_suite_space(const SuiteView *view)
{
	FittedSpace space = {
		.scale = view->fit->scale,
		.n_epochs = view->curves.n_epochs,
		.matrix = view->matrix,
	};

	return space;
}

/*
 * What neighbours are searched for among, the probes or, if they are mapped,
 * their points; how their votes become probabilities, and where labels end.
 */
ProbeCurves
metaprobe_suite_searched(const SuiteView *view)
{
	ProbeCurves searched = view->curves;

	if (view->fit)
		searched.calibration = view->fit->calibration;
	if (view->max_novelty)
		searched.max_novelty = *view->max_novelty;
	if (view->points)
	{
		searched.losses = view->points;
		searched.metric = METRIC_L2;
	}
	return searched;
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

/* The labels, as many as fit into a hint. */
static char *
list_labels(const Datum *labels, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int label = 0; label < n; label++)
	{
		text *name = DatumGetTextPP(labels[label]);
		int	  length = pg_mbcliplen(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name),
									NAMEDATALEN);

		if (list.len + length > HINT_BYTES)
		{
			appendStringInfo(&list, " and %d more", n - label);
			break;
		}
		appendStringInfo(&list, "%s%.*s", label > 0 ? ", " : "", length,
						 VARDATA_ANY(name));
	}
	return list.data;
}

/*
 * The number of a label among those of a suite, which stand in C order; an
 * error if there is none.
 */
int
metaprobe_suite_find_label(const Datum *labels, int n, text *name)
{
	int low = 0;
	int high = n;

	while (low < high)
	{
		int	  middle = (low + high) / 2;
		text *label = DatumGetTextPP(labels[middle]);
		int	  order = metaprobe_compare_names(VARDATA_ANY(label),
											  VARSIZE_ANY_EXHDR(label),
											  VARDATA_ANY(name),
											  VARSIZE_ANY_EXHDR(name));

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("the probe suite has no label \"%.*s\"",
						   pg_mbcliplen(VARDATA_ANY(name),
										VARSIZE_ANY_EXHDR(name), NAMEDATALEN),
						   VARDATA_ANY(name)),
					errhint("Its labels are: %s.", list_labels(labels, n))));
}
