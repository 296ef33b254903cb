/*
 * probe_index.c
 *		What is prepared of a suite's probes to bound distances from below.
 */
#include "probe_index.h"

#include <math.h>
#include <string.h>

#include "dtw_bound.h"
#include "loss.h"
#include "poll.h"
#include "projection.h"

/*
 * An index is built after so many searches that it would have helped: about
 * what building it costs.
 */
#define SEARCHES_BEFORE_SKETCH 100
#define SEARCHES_BEFORE_EPOCHS 20
#define SEARCHES_BEFORE_ROWS 20
#define SEARCHES_BEFORE_ENVELOPES 2

/* Note which indexes are of use for the probes; none is built yet. */
void
metaprobe_indexes_init(ProbeIndexes *indexes, const ProbeCurves *probes)
{
	size_t n = (size_t) probes->n_probes * probes->n_epochs;

	*indexes = (ProbeIndexes){0};
	indexes->is_complete = true;
	for (size_t i = 0; i < n && indexes->is_complete; i++)
		indexes->is_complete = !metaprobe_loss_is_missing(probes->losses[i]);
}

/*
 * So many searches before an attempt to build an index.  After one that was
 * cancelled, or for which there was no memory, twice as many.
 */
static double
searches_before(const ProbeIndexes *indexes, IndexKind kind)
{
	static const int at_first[N_INDEX_KINDS] = {
		[INDEX_SKETCH] = SEARCHES_BEFORE_SKETCH,
		[INDEX_EPOCHS] = SEARCHES_BEFORE_EPOCHS,
		[INDEX_ROWS] = SEARCHES_BEFORE_ROWS,
		[INDEX_ENVELOPES] = SEARCHES_BEFORE_ENVELOPES};

	return ldexp(at_first[kind], indexes->attempts[kind]);
}

/* An index that has not been built and would pay off by now. */
IndexKind
metaprobe_indexes_wanted(const ProbeIndexes *indexes)
{
	for (int kind = 0; kind < N_INDEX_KINDS; kind++)
	{
		if (!indexes->is_built[kind] &&
			indexes->searches[kind] >= searches_before(indexes, kind))
			return kind;
	}
	return INDEX_NONE;
}

/* Note that an index is about to be built, which may fail. */
void
metaprobe_index_attempt(ProbeIndexes *indexes, IndexKind kind)
{
	indexes->searches[kind] = 0;
	indexes->attempts[kind]++;
}

/* Bytes of memory that an index takes. */
size_t
metaprobe_index_size(const ProbeCurves *probes, IndexKind kind)
{
	switch (kind)
	{
		case INDEX_SKETCH:
			return metaprobe_sketch_size(probes);
		case INDEX_EPOCHS:
			return metaprobe_packed_size(probes->n_probes, probes->n_epochs);
		case INDEX_ROWS:
			return metaprobe_rough_size(probes->n_probes, probes->n_epochs);
		case INDEX_ENVELOPES:
			return (size_t) probes->n_probes * probes->n_epochs * 2 *
				   sizeof(float);
		case INDEX_NONE:
			break;
	}
	return 0;
}

/* Bytes of memory that building it takes besides. */
size_t
metaprobe_index_workspace_size(const ProbeCurves *probes, IndexKind kind)
{
	switch (kind)
	{
		case INDEX_SKETCH:
			return metaprobe_sketch_workspace_size(probes);
		case INDEX_ENVELOPES:
			return metaprobe_dtw_envelope_workspace_size(probes->n_epochs);
		case INDEX_ROWS:
			return metaprobe_is_angular(probes->metric) ?
					   (size_t) probes->n_probes * probes->n_epochs *
						   sizeof(float) :
					   0;
		case INDEX_EPOCHS:
		case INDEX_NONE:
			break;
	}
	return 0;
}

/* By which norm the metric, or that of directions, sums up differences. */
static PackedNorm
norm_of(Metric metric)
{
	return metric == METRIC_L1 ? PACKED_SIZES : PACKED_SQUARES;
}

/* The workspace is for the directions, if it is them that are compared. */
static void
build_rows(ProbeIndexes *indexes, const ProbeCurves *probes, void *memory,
		   void *workspace)
{
	const float *rows = probes->losses;
	int			 n = probes->n_epochs;

	if (metaprobe_is_angular(probes->metric))
	{
		float *directions = workspace;

		for (int probe = 0; probe < probes->n_probes; probe++)
		{
			metaprobe_poll();
			metaprobe_take_direction(probes->metric,
									 metaprobe_probe_curve(probes, probe), n,
									 directions + (size_t) probe * n);
		}
		rows = directions;
	}
	metaprobe_rough_build(&indexes->rows, norm_of(probes->metric), rows,
						  probes->n_probes, n, memory);
}

static void
build_envelopes(ProbeIndexes *indexes, const ProbeCurves *probes, void *memory,
				void *workspace)
{
	indexes->lower = memory;
	indexes->upper =
		indexes->lower + (size_t) probes->n_probes * probes->n_epochs;
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		size_t row = (size_t) probe * probes->n_epochs;

		metaprobe_poll();
		metaprobe_dtw_envelope(probes->losses + row, probes->n_epochs,
							   probes->band, indexes->lower + row,
							   indexes->upper + row, workspace);
	}
}

/* Build an index.  An interrupted build leaves it as not built. */
void
metaprobe_index_build(ProbeIndexes *indexes, const ProbeCurves *probes,
					  IndexKind kind, void *memory, void *workspace)
{
	switch (kind)
	{
		case INDEX_SKETCH:
			metaprobe_sketch_build(&indexes->sketch, probes, memory,
								   workspace);
			break;
		case INDEX_EPOCHS:
			metaprobe_packed_build(&indexes->epochs,
								   probes->metric == METRIC_L1 ?
									   PACKED_SIZES :
									   PACKED_SQUARES,
								   probes->losses, probes->n_epochs,
								   probes->n_probes, probes->n_epochs, memory);
			break;
		case INDEX_ROWS:
			build_rows(indexes, probes, memory, workspace);
			break;
		case INDEX_ENVELOPES:
			build_envelopes(indexes, probes, memory, workspace);
			break;
		case INDEX_NONE:
			return;
	}
	indexes->is_built[kind] = true;
}
