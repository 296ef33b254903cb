/*
 * search.c
 *		Exact search for the probes nearest to a curve: filter and refine.
 *
 * Source: T. Seidl, H.-P. Kriegel, "Optimal multi-step k-nearest neighbor
 * search", SIGMOD 1998.  The order of probes by their bounds is not followed
 * strictly: a sample of the smallest bounds is measured first, which gives a
 * radius, and then all that are within the radius as it shrinks.
 */
#include "search.h"

#include <math.h>
#include <string.h>

#include "carve.h"
#include "dtw.h"
#include "loss.h"
#include "poll.h"

/*
 * An index is built after so many searches that it would have helped: about
 * what building it costs.
 */
#define SEARCHES_BEFORE_SKETCH 100
#define SEARCHES_BEFORE_EPOCHS 20

/* So many distances are taken together; the radius shrinks in between. */
#define MEASURED_AT_ONCE 8

/*
 * Indexes
 */

static bool
is_lengthwise(Metric metric)
{
	return metric == METRIC_L2 || metric == METRIC_L1;
}

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

/* The index that a search of this kind of curve would use. */
static IndexKind
useful_index(const ProbeIndexes *indexes, const ProbeCurves *probes,
			 bool is_complete)
{
	if (probes->metric == METRIC_DTW || probes->n_probes < 2 ||
		probes->n_epochs == 0)
		return INDEX_NONE;
	if (is_complete && indexes->is_complete)
		return INDEX_SKETCH;
	return is_lengthwise(probes->metric) ? INDEX_EPOCHS : INDEX_NONE;
}

/* An index that has not been built and would pay off by now. */
IndexKind
metaprobe_indexes_wanted(const ProbeIndexes *indexes)
{
	if (!indexes->is_built[INDEX_SKETCH] &&
		indexes->searches[INDEX_SKETCH] >= SEARCHES_BEFORE_SKETCH)
		return INDEX_SKETCH;
	if (!indexes->is_built[INDEX_EPOCHS] &&
		indexes->searches[INDEX_EPOCHS] >= SEARCHES_BEFORE_EPOCHS)
		return INDEX_EPOCHS;
	return INDEX_NONE;
}

/* Bytes of memory that an index takes. */
size_t
metaprobe_index_size(const ProbeCurves *probes, IndexKind kind)
{
	if (kind == INDEX_SKETCH)
		return metaprobe_sketch_size(probes);
	return metaprobe_packed_size(probes->n_probes, probes->n_epochs);
}

/* Bytes of memory that building it takes besides. */
size_t
metaprobe_index_workspace_size(const ProbeCurves *probes, IndexKind kind)
{
	return kind == INDEX_SKETCH ? metaprobe_sketch_workspace_size(probes) : 0;
}

/* Build an index.  An interrupted build leaves it as not built. */
void
metaprobe_index_build(ProbeIndexes *indexes, const ProbeCurves *probes,
					  IndexKind kind, void *memory, void *workspace)
{
	if (kind == INDEX_SKETCH)
		metaprobe_sketch_build(&indexes->sketch, probes, memory, workspace);
	else
		metaprobe_packed_build(&indexes->epochs,
							   probes->metric == METRIC_L1 ? PACKED_SIZES :
															 PACKED_SQUARES,
							   probes->losses, probes->n_epochs,
							   probes->n_probes, probes->n_epochs, memory);
	indexes->is_built[kind] = true;
}

/*
 * Searches
 */

/* At least so many slots, for seeds from so many probes. */
static int
padded_slots(int n, int n_probes)
{
	if (n > n_probes)
		n = n_probes;
	return (n + BOUND_SLOT_UNIT - 1) / BOUND_SLOT_UNIT * BOUND_SLOT_UNIT;
}

/*
 * So many seeds that the k nearest probes are mostly among them, or no nearer
 * than they: half as many again.
 */
static int
seeds_for(int k)
{
	return k + k / 2;
}

static size_t
lay_out(Search *search, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_probes;
	size_t n_slots = padded_slots(seeds_for(probes->k), probes->n_probes);
	size_t dtw_size = 0;
	void  *sketch_query;
	void  *epochs_query;

	if (probes->metric == METRIC_DTW)
		dtw_size =
			metaprobe_dtw_workspace_size(probes->n_epochs, probes->n_epochs);
	search->bounds = carve(&carver, metaprobe_packed_padded(probes->n_probes),
						   sizeof(int32_t));
	search->distances = carve(&carver, n, sizeof(double));
	search->measured = carve(&carver, n, sizeof(int32_t));
	search->candidates = carve(&carver, n, sizeof(int32_t));
	search->observed_ends = carve(&carver, n, sizeof(int));
	search->slots.bounds = carve(&carver, n_slots, sizeof(int32_t));
	search->slots.probes = carve(&carver, n_slots, sizeof(int32_t));
	search->max_slots = (int) n_slots;
	search->dtw_room = carve(&carver, dtw_size, 1);
	sketch_query =
		carve(&carver, metaprobe_sketch_query_size(probes->n_epochs), 1);
	epochs_query =
		carve(&carver, metaprobe_packed_query_size(probes->n_epochs), 1);
	if (memory)
	{
		metaprobe_sketch_query_init(&search->sketch_query, probes->n_epochs,
									sketch_query);
		metaprobe_packed_query_init(&search->epochs_query, probes->n_epochs,
									epochs_query);
	}
	return carver.used;
}

/* Bytes of memory that a search among these probes takes. */
size_t
metaprobe_search_size(const ProbeCurves *probes)
{
	Search measured;

	return lay_out(&measured, probes, NULL);
}

/* One past the last observed epoch of a curve; 0 if there is none. */
static int
observed_end(const float *curve, int n)
{
	while (n > 0 && metaprobe_loss_is_missing(curve[n - 1]))
		n--;
	return n;
}

/*
 * Prepare for searches in memory of metaprobe_search_size() bytes, aligned for
 * vectors.  The probes and indexes must outlive it.
 */
void
metaprobe_search_init(Search *search, const ProbeCurves *probes,
					  ProbeIndexes *indexes, void *memory)
{
	lay_out(search, probes, memory);
	search->probes = probes;
	search->indexes = indexes;
	search->n_measured = 0;
	for (int probe = 0; probe < probes->n_probes; probe++)
		search->observed_ends[probe] =
			observed_end(metaprobe_probe_curve(probes, probe),
						 probes->n_epochs);
}

static int
count_observed(const float *curve, int n)
{
	int observed = 0;

	for (int i = 0; i < n; i++)
		observed += !metaprobe_loss_is_missing(curve[i]);
	return observed;
}

/* Bound the distances by an index, if it is built and knows the curve. */
static void
bound_distances(Search *search, IndexKind kind)
{
	const ProbeCurves *probes = search->probes;
	ProbeIndexes	  *indexes = search->indexes;
	int				   n_observed;

	search->bounded_by = INDEX_NONE;
	if (kind != INDEX_NONE && !indexes->is_built[kind])
		indexes->searches[kind]++;
	else if (kind == INDEX_SKETCH &&
			 metaprobe_sketch_query_set(&search->sketch_query,
										&indexes->sketch, search->curve))
	{
		metaprobe_packed_distances(&indexes->sketch.packed,
								   &search->sketch_query.packed,
								   search->bounds);
		search->bounded_by = kind;
	}
	else if (kind == INDEX_EPOCHS)
	{
		metaprobe_packed_query_set(&search->epochs_query, &indexes->epochs,
								   search->curve, search->n_epochs);
		metaprobe_packed_distances(&indexes->epochs, &search->epochs_query,
								   search->bounds);
		n_observed = search->epochs_query.n_known;
		search->scale =
			n_observed > 0 ? (double) probes->n_epochs / n_observed : 1;
		search->bounded_by = kind;
	}
	if (search->bounded_by == INDEX_NONE)
		memset(search->bounds, 0, probes->n_probes * sizeof(int32_t));
}

/*
 * Begin to search for the neighbours of a curve, leaving out one probe (-1:
 * none).  Epochs beyond the suite's are ignored.  The curve must stay where it
 * is until the last question about it.
 */
void
metaprobe_search_begin(Search *search, const float *curve, int n_epochs,
					   int except)
{
	const ProbeCurves *probes = search->probes;
	int	 n = n_epochs < probes->n_epochs ? n_epochs : probes->n_epochs;
	bool is_complete;

	n = observed_end(curve, n);
	is_complete = n == probes->n_epochs && count_observed(curve, n) == n;
	search->curve = curve;
	search->n_epochs = n;
	search->except = except;
	search->n_measured = 0;
	if (probes->metric != METRIC_DTW)
		search->distance =
			metaprobe_distance_function(probes->metric,
										is_complete &&
											search->indexes->is_complete);
	bound_distances(search,
					useful_index(search->indexes, probes, is_complete));
	if (except >= 0)
		search->bounds[except] = BOUND_SETTLED;
}

/* The distance to a probe under dynamic time warping. */
static double
warped_distance(const Search *search, int probe)
{
	const ProbeCurves *probes = search->probes;
	const float		  *other = metaprobe_probe_curve(probes, probe);
	int				   end = search->observed_ends[probe];

	if (end > search->n_epochs)
		end = search->n_epochs;
	return metaprobe_dtw_distance(search->curve, end, other, end, probes->band,
								  search->dtw_room);
}

/*
 * Measure the distances to some probes.  Epochs beyond the curve's end count
 * as missing.
 */
static void
measure(Search *search, const int32_t *probes, int n)
{
	const float *curves[MEASURED_AT_ONCE];
	double		 distances[MEASURED_AT_ONCE];

	while (n > 0)
	{
		int n_now = n < MEASURED_AT_ONCE ? n : MEASURED_AT_ONCE;

		for (int i = 0; i < n_now; i++)
			curves[i] = metaprobe_probe_curve(search->probes, probes[i]);
		if (search->probes->metric != METRIC_DTW)
			search->distance(search->curve, curves, n_now, search->n_epochs,
							 search->probes->n_epochs, distances);
		else
		{
			for (int i = 0; i < n_now; i++)
				distances[i] = warped_distance(search, probes[i]);
		}
		for (int i = 0; i < n_now; i++)
		{
			search->distances[probes[i]] = distances[i];
			search->bounds[probes[i]] = BOUND_SETTLED;
			search->measured[search->n_measured++] = probes[i];
		}
		probes += n_now;
		n -= n_now;
		metaprobe_poll();
	}
}

/* The largest bound that a probe at most this far away can have. */
static int32_t
bound_at(const Search *search, double distance)
{
	switch (search->bounded_by)
	{
		case INDEX_SKETCH:
			return metaprobe_sketch_threshold(&search->indexes->sketch,
											  &search->sketch_query, distance);
		case INDEX_EPOCHS:
			distance *= 1 + 1e-9;
			if (search->probes->metric == METRIC_L2)
				distance /= sqrt(search->scale);
			else
				distance /= search->scale;
			return metaprobe_packed_threshold(&search->indexes->epochs,
											  &search->epochs_query, distance);
		case INDEX_NONE:
			break;
	}
	return BOUND_SETTLED - 1;
}

/* The largest bound of probes that may still be among the nearest. */
static int32_t
threshold(const Search *search, const Nearest *nearest)
{
	if (nearest->count < nearest->capacity)
		return BOUND_SETTLED - 1;
	return bound_at(search, nearest->items[0].distance);
}

static bool
is_within(ProbeRange range, int probe)
{
	return probe >= range.first && probe < range.end;
}

/* Offer what has been measured already. */
static void
offer_measured(const Search *search, const ProbeRange *ranges, int n_ranges,
			   Nearest *nearest)
{
	for (int i = 0; i < search->n_measured; i++)
	{
		int probe = search->measured[i];

		for (int j = 0; j < n_ranges; j++)
		{
			if (is_within(ranges[j], probe))
				metaprobe_nearest_offer(nearest, search->distances[probe],
										probe);
		}
	}
}

/*
 * Some probes of the ranges, which must not overlap: about n of those with the
 * smallest bounds, not measured yet.  They are put into candidates.  Returns
 * how many there are.
 */
int
metaprobe_search_sample(Search *search, const ProbeRange *ranges, int n_ranges,
						int n)
{
	BoundSlots *slots = &search->slots;
	int			n_sampled = 0;

	slots->n_slots = padded_slots(n, search->probes->n_probes);
	if (slots->n_slots > search->max_slots)
		slots->n_slots = search->max_slots;
	for (int i = 0; i < slots->n_slots; i++)
		slots->bounds[i] = BOUND_SETTLED;
	for (int i = 0; i < n_ranges; i++)
		metaprobe_bounds_deal(search->bounds, ranges[i].first, ranges[i].end,
							  slots);
	for (int i = 0; i < slots->n_slots; i++)
	{
		if (slots->bounds[i] != BOUND_SETTLED)
			search->candidates[n_sampled++] = slots->probes[i];
	}
	return n_sampled;
}

/* Measure such a sample. */
void
metaprobe_search_seed(Search *search, const ProbeRange *ranges, int n_ranges,
					  int n)
{
	int n_sampled = metaprobe_search_sample(search, ranges, n_ranges, n);

	measure(search, search->candidates, n_sampled);
}

/* How many probes of the range, not measured yet, may be within a distance? */
int
metaprobe_search_count(const Search *search, ProbeRange range, double distance)
{
	return metaprobe_bounds_count(search->bounds, range.first, range.end,
								  bound_at(search, distance));
}

/* Measure all probes of the range that may be among the nearest. */
static void
sweep(Search *search, ProbeRange range, Nearest *nearest)
{
	int32_t limit = threshold(search, nearest);
	int n = metaprobe_bounds_collect(search->bounds, range.first, range.end,
									 limit, search->candidates);

	for (int i = 0; i < n;)
	{
		int32_t some[MEASURED_AT_ONCE];
		int		n_some = 0;

		for (; i < n && n_some < MEASURED_AT_ONCE; i++)
		{
			if (search->bounds[search->candidates[i]] <= limit)
				some[n_some++] = search->candidates[i];
		}
		measure(search, some, n_some);
		for (int j = 0; j < n_some; j++)
			metaprobe_nearest_offer(nearest, search->distances[some[j]],
									some[j]);
		limit = threshold(search, nearest);
	}
}

/* Fill nearest with the nearest probes of the ranges, nearest first. */
void
metaprobe_search_nearest(Search *search, const ProbeRange *ranges,
						 int n_ranges, Nearest *nearest)
{
	metaprobe_search_seed(search, ranges, n_ranges,
						  seeds_for(nearest->capacity));
	offer_measured(search, ranges, n_ranges, nearest);
	for (int i = 0; i < n_ranges; i++)
		sweep(search, ranges[i], nearest);
	metaprobe_nearest_sort(nearest);
}
