/*
 * search.c
 *		Exact search for the probes nearest to a curve: filter and refine.
 *
 * Source: T. Seidl, H.-P. Kriegel, "Optimal multi-step k-nearest neighbor
 * search", SIGMOD 1998.  The order of probes by their bounds is not followed
 * strictly: a sample of the smallest bounds is looked at first, which gives a
 * radius, and then all that are within it.
 */
#include "search_parts.h"

#include "carve.h"
#include "dtw.h"
#include "loss.h"
#include "poll.h"

/* So many distances are taken together; the radius shrinks in between. */
#define MEASURED_AT_ONCE 8
#define WARPED_AT_ONCE DTW_LANES

/* At least so many slots, for seeds from so many probes. */
static int
padded_slots(int n, int n_probes)
{
	if (n > n_probes)
		n = n_probes;
	return (n + BOUND_SLOT_UNIT - 1) / BOUND_SLOT_UNIT * BOUND_SLOT_UNIT;
}

static void
lay_out_warp(WarpSearch *warp, const ProbeCurves *probes, Carver *carver)
{
	int n = probes->n_epochs;

	warp->ends = carve(carver, probes->n_probes, sizeof(int));
	warp->gaps = carve(carver, probes->n_probes, sizeof(int));
	warp->lower = carve(carver, n, sizeof(float));
	warp->upper = carve(carver, n, sizeof(float));
	warp->envelope_room =
		carve(carver, 1, metaprobe_dtw_envelope_workspace_size(n));
	warp->lanes_room = carve(carver, 1, metaprobe_dtw_lanes_workspace_size(n));
}

static size_t
lay_out(Search *search, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_probes;
	size_t n_slots =
		padded_slots(metaprobe_search_seeds(probes->k), probes->n_probes);
	void *sketch_query;
	void *epochs_query;
	void *filled_query;
	void *rough_query;

	search->bounds = carve(&carver, metaprobe_packed_padded(probes->n_probes),
						   sizeof(int32_t));
	search->distances = carve(&carver, n, sizeof(double));
	search->measured = carve(&carver, n, sizeof(int32_t));
	search->candidates = carve(&carver, n + BOUND_SPARES, sizeof(int32_t));
	search->roughs = carve(&carver, n + BOUND_SPARES, sizeof(int32_t));
	search->slots.bounds = carve(&carver, n_slots, sizeof(int32_t));
	search->slots.probes = carve(&carver, n_slots, sizeof(int32_t));
	search->max_slots = (int) n_slots;
	if (probes->metric == METRIC_DTW)
		lay_out_warp(&search->warp, probes, &carver);
	if (metaprobe_is_angular(probes->metric))
		search->angular_probes = carve(&carver, n, sizeof(AngularCurve));
	rough_query =
		carve(&carver, metaprobe_rough_query_size(probes->n_epochs), 1);
	sketch_query =
		carve(&carver, metaprobe_sketch_query_size(probes->n_epochs), 1);
	epochs_query =
		carve(&carver, metaprobe_packed_query_size(probes->n_epochs), 1);
	filled_query =
		carve(&carver, 1,
			  metaprobe_filled_query_size(probes->n_epochs, probes->n_probes));
	if (memory)
	{
		metaprobe_filled_query_init(&search->filled_query, probes->n_epochs,
									probes->n_probes, filled_query);
		metaprobe_sketch_query_init(&search->sketch_query, probes->n_epochs,
									sketch_query);
		metaprobe_packed_query_init(&search->epochs_query, probes->n_epochs,
									epochs_query);
		metaprobe_rough_query_init(&search->rough_query, probes->n_epochs,
								   rough_query);
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
 * doubles, for speed to a cache line.  The probes and indexes must outlive it.
 */
void
metaprobe_search_init(Search *search, const ProbeCurves *probes,
					  ProbeIndexes *indexes, void *memory)
{
	lay_out(search, probes, memory);
	search->probes = probes;
	search->indexes = indexes;
	search->n_measured = 0;
	if (metaprobe_is_angular(probes->metric) && indexes->is_complete)
	{
		for (int probe = 0; probe < probes->n_probes; probe++)
			search->angular_probes[probe] =
				metaprobe_angular_curve(probes->metric,
										metaprobe_probe_curve(probes, probe),
										probes->n_epochs);
	}
	if (probes->metric != METRIC_DTW)
		return;
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		const float *curve = metaprobe_probe_curve(probes, probe);

		search->warp.ends[probe] = observed_end(curve, probes->n_epochs);
		search->warp.gaps[probe] =
			metaprobe_dtw_longest_gap(curve, search->warp.ends[probe]);
	}
}

static int
count_observed(const float *curve, int n)
{
	int observed = 0;

	for (int i = 0; i < n; i++)
		observed += !metaprobe_loss_is_missing(curve[i]);
	return observed;
}

/* Prepare to warp a curve that ends with an observed epoch. */
static void
begin_warp(Search *search)
{
	const ProbeCurves  *probes = search->probes;
	const ProbeIndexes *indexes = search->indexes;
	WarpSearch		   *warp = &search->warp;
	bool				has_envelopes = indexes->is_built[INDEX_ENVELOPES];

	/* without envelopes nothing looks at them */
	warp->probes = (DtwCurves){probes->losses,
							   has_envelopes ? indexes->lower : probes->losses,
							   has_envelopes ? indexes->upper : probes->losses,
							   warp->ends,
							   warp->gaps,
							   probes->n_probes,
							   probes->n_epochs};
	warp->curve =
		(DtwCurve){search->curve, warp->lower, warp->upper, search->n_epochs,
				   metaprobe_dtw_longest_gap(search->curve, search->n_epochs)};
	if (has_envelopes)
		metaprobe_dtw_envelope(search->curve, search->n_epochs, probes->band,
							   warp->lower, warp->upper, warp->envelope_room);
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
	search->n_observed = count_observed(curve, n);
	search->has_gaps = search->n_observed < n;
	is_complete = n == probes->n_epochs && !search->has_gaps;
	search->scale = 1;
	if (search->n_observed > 0)
		search->scale = (double) probes->n_epochs / search->n_observed;
	if (probes->metric != METRIC_L1)
		search->scale = sqrt(search->scale);
	search->curve = curve;
	search->n_epochs = n;
	search->except = except;
	search->n_measured = 0;
	search->has_rough = false;
	is_complete &= search->indexes->is_complete;
	search->is_angular = is_complete && metaprobe_is_angular(probes->metric);
	if (probes->metric == METRIC_DTW)
		begin_warp(search);
	else
		search->distance =
			metaprobe_distance_function(probes->metric,
										!search->has_gaps &&
											search->indexes->is_complete);
	search->has_angular = false;
	metaprobe_search_bound(search, is_complete);
	if (except >= 0)
		search->bounds[except] = BOUND_SETTLED;
}

static void
note_distances(Search *search, const int32_t *probes, int n,
			   const double *distances)
{
	double	*all_distances = search->distances;
	int32_t *bounds = search->bounds;
	int32_t *measured = search->measured + search->n_measured;

	search->n_measured += n;
	for (int i = 0; i < n; i++)
	{
		all_distances[probes[i]] = distances[i];
		bounds[probes[i]] = BOUND_SETTLED;
		measured[i] = probes[i];
	}
}

/* What angular distances ask of the curve alone is asked when the first is taken. */
static void
angular_distances(Search *search, const int32_t *probes, int n,
				  double *distances)
{
	AngularCurve others[MEASURED_AT_ONCE];

	if (!search->has_angular)
		search->angular =
			metaprobe_angular_curve(search->probes->metric, search->curve,
									search->n_epochs);
	search->has_angular = true;
	for (int i = 0; i < n; i++)
		others[i] = search->angular_probes[probes[i]];
	metaprobe_angular_distances(&search->angular, others, n, search->n_epochs,
								distances);
}

/* Epochs beyond the curve's end count as missing. */
static void
measure_epochwise(Search *search, const int32_t *probes, int n)
{
	const float *curves[MEASURED_AT_ONCE];
	double		 distances[MEASURED_AT_ONCE];

	if (search->is_angular)
		angular_distances(search, probes, n, distances);
	else
	{
		for (int i = 0; i < n; i++)
			curves[i] = metaprobe_probe_curve(search->probes, probes[i]);
		search->distance(search->curve, curves, n, search->n_epochs,
						 search->probes->n_epochs, distances);
	}
	note_distances(search, probes, n, distances);
}

/* Probes beyond the limit are not measured to the end, which is a bound. */
static void
measure_warped(Search *search, const int32_t *probes, int n, double limit)
{
	DtwCurve curves[WARPED_AT_ONCE];
	double	 distances[WARPED_AT_ONCE];

	for (int i = 0; i < n; i++)
		curves[i] = metaprobe_dtw_curve(&search->warp.probes, probes[i]);
	metaprobe_dtw_distances_within(&search->warp.curve, curves, n,
								   search->probes->band, limit, distances,
								   search->warp.lanes_room);
	for (int i = 0; i < n; i++)
	{
		if (!isinf(distances[i]))
			note_distances(search, &probes[i], 1, &distances[i]);
		else if (search->bounded_by == INDEX_ENVELOPES)
			search->bounds[probes[i]] =
				metaprobe_float_bound(limit * (1 - FLOAT_MARGIN));
	}
}

static int
measured_at_once(const Search *search)
{
	return search->probes->metric == METRIC_DTW ? WARPED_AT_ONCE :
												  MEASURED_AT_ONCE;
}

/*
 * Measure the distances to some probes; those beyond the limit need not be
 * measured.
 */
void
metaprobe_search_measure_within(Search *search, const int32_t *probes, int n,
								double limit)
{
	while (n > 0)
	{
		int n_now = measured_at_once(search);

		if (n_now > n)
			n_now = n;
		if (search->probes->metric == METRIC_DTW)
			measure_warped(search, probes, n_now, limit);
		else
			measure_epochwise(search, probes, n_now);
		probes += n_now;
		n -= n_now;
		metaprobe_poll();
	}
}

/* How far away a probe may be to be among the nearest. */
static double
radius_of(const Nearest *nearest)
{
	if (nearest->count < nearest->capacity)
		return INFINITY;
	return nearest->items[0].distance;
}

static bool
is_within(ProbeRange range, int probe)
{
	return probe >= range.first && probe < range.end;
}

/* Offer what has been measured from the i-th on, all of the ranges sought. */
static void
offer_from(const Search *search, int i, Nearest *nearest)
{
	for (; i < search->n_measured; i++)
		metaprobe_nearest_offer(nearest,
								search->distances[search->measured[i]],
								search->measured[i]);
}

/* Offer what earlier questions about the curve have measured. */
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
 * Some probes of the ranges, which must ascend and not overlap: about n of
 * those with the smallest bounds, not measured yet.  They are put into
 * candidates, and with their bounds into the first slots.  Returns how many
 * there are.
 */
int
metaprobe_search_sample(Search *search, const ProbeRange *ranges, int n_ranges,
						int n)
{
	BoundSlots *slots = &search->slots;

	slots->n_slots = padded_slots(n, search->probes->n_probes);
	if (slots->n_slots > search->max_slots)
		slots->n_slots = search->max_slots;
	metaprobe_bounds_clear(slots);
	for (int i = 0; i < n_ranges; i++)
		metaprobe_bounds_deal(search->bounds, ranges[i].first, ranges[i].end,
							  slots);
	n = metaprobe_bounds_dealt(slots);
	memcpy(search->candidates, slots->probes, n * sizeof(int32_t));
	return n;
}

/*
 * May the probe be within the radius?  Under dynamic time warping a closer
 * look is worth its time.
 */
static bool
may_be_within(Search *search, int probe, int32_t threshold)
{
	if (search->bounds[probe] > threshold)
		return false;
	if (search->bounded_by == INDEX_ENVELOPES)
	{
		DtwCurve other = metaprobe_dtw_curve(&search->warp.probes, probe);
		int32_t	 bound = metaprobe_float_bound(
			 metaprobe_dtw_lower_bound(&search->warp.curve, &other,
									   search->probes->band));

		if (bound > search->bounds[probe])
			search->bounds[probe] = bound;
		return search->bounds[probe] <= threshold;
	}
	return true;
}

/* Measure all probes of the range that may be among the nearest. */
static void
sweep(Search *search, ProbeRange range, Nearest *nearest)
{
	double	radius = radius_of(nearest);
	int32_t threshold = metaprobe_search_bound_at(search, radius);
	int n = metaprobe_bounds_collect(search->bounds, range.first, range.end,
									 threshold, search->candidates);

	for (int i = 0; i < n;)
	{
		int32_t some[WARPED_AT_ONCE];
		int		n_some = 0;
		int		n_before = search->n_measured;

		for (; i < n && n_some < measured_at_once(search); i++)
		{
			if (may_be_within(search, search->candidates[i], threshold))
				some[n_some++] = search->candidates[i];
		}
		metaprobe_search_measure_within(search, some, n_some, radius);
		offer_from(search, n_before, nearest);
		radius = radius_of(nearest);
		threshold = metaprobe_search_bound_at(search, radius);
	}
}

/* Measure n candidates, and fill nearest with the nearest, nearest first. */
void
metaprobe_search_measure(Search *search, int n, Nearest *nearest)
{
	int n_before = search->n_measured;

	metaprobe_search_measure_within(search, search->candidates, n, INFINITY);
	metaprobe_nearest_take(nearest, search->distances,
						   search->measured + n_before, n);
}

/* Measure a sample of the ranges, and then all that may be nearer. */
static void
measure_by_bounds(Search *search, const ProbeRange *ranges, int n_ranges,
				  Nearest *nearest)
{
	int n_before = search->n_measured;
	int n_sampled =
		metaprobe_search_sample(search, ranges, n_ranges,
								metaprobe_search_seeds(nearest->capacity));

	metaprobe_search_measure_within(search, search->candidates, n_sampled,
									INFINITY);
	offer_from(search, n_before, nearest);
	for (int i = 0; i < n_ranges; i++)
		sweep(search, ranges[i], nearest);
	metaprobe_nearest_sort(nearest);
}

/* Fill nearest with the nearest probes of the ranges, nearest first. */
void
metaprobe_search_nearest(Search *search, const ProbeRange *ranges,
						 int n_ranges, Nearest *nearest)
{
	int n_candidates =
		metaprobe_search_narrow(search, ranges, n_ranges, nearest->capacity);

	offer_measured(search, ranges, n_ranges, nearest);
	if (n_candidates >= 0)
		metaprobe_search_measure(search, n_candidates, nearest);
	else
		measure_by_bounds(search, ranges, n_ranges, nearest);
}
