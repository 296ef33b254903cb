/*
 * search.c
 *		Exact search for the probes nearest to a curve: filter and refine.
 *
 * Source: T. Seidl, H.-P. Kriegel, "Optimal multi-step k-nearest neighbor
 * search", SIGMOD 1998.  The order of probes by their bounds is not followed
 * strictly: a sample of the smallest bounds is looked at first, which gives a
 * radius, and then all that are within it.
 */
#include "search.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "carve.h"
#include "dtw.h"
#include "loss.h"
#include "poll.h"

/* What converting a double to a float, and back, changes at most. */
#define FLOAT_MARGIN 1e-6

/* So many candidates are put into order before they are measured. */
#define ORDERED_CANDIDATES 256

/* So many distances are taken together; the radius shrinks in between. */
#define MEASURED_AT_ONCE 8
#define WARPED_AT_ONCE DTW_LANES

/* A curve with gaps is filled up if one epoch in so many, or fewer, is missing. */
#define FEWER_GAPS 5

/* The index that a search of this kind of curve would use. */
static IndexKind
useful_index(const ProbeIndexes *indexes, const ProbeCurves *probes,
			 bool is_complete)
{
	if (probes->n_probes < 2 || probes->n_epochs == 0)
		return INDEX_NONE;
	if (probes->metric == METRIC_DTW)
		return INDEX_ENVELOPES;
	if (is_complete && indexes->is_complete)
		return INDEX_SKETCH;
	return metaprobe_is_angular(probes->metric) ? INDEX_NONE : INDEX_EPOCHS;
}

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
	size_t n_slots = padded_slots(seeds_for(probes->k), probes->n_probes);
	void  *sketch_query;
	void  *epochs_query;
	void  *filled_query;
	void  *rough_query;

	search->bounds = carve(&carver, metaprobe_packed_padded(probes->n_probes),
						   sizeof(int32_t));
	search->distances = carve(&carver, n, sizeof(double));
	search->measured = carve(&carver, n, sizeof(int32_t));
	search->candidates = carve(&carver, n + 1, sizeof(int32_t));
	search->roughs = carve(&carver, n, sizeof(int32_t));
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

static bool
bound_by_sketch(Search *search)
{
	Sketch *sketch = &search->indexes->sketch;

	if (!metaprobe_sketch_query_set(&search->sketch_query, sketch,
									search->curve))
		return false;
	metaprobe_packed_distances(&sketch->packed, &search->sketch_query.packed,
							   0, search->probes->n_probes, search->bounds);
	return true;
}

static bool
bound_by_epochs(Search *search)
{
	const ProbeCurves *probes = search->probes;
	PackedQuery		  *query = &search->epochs_query;

	metaprobe_packed_query_set(query, &search->indexes->epochs, search->curve,
							   search->n_epochs, !search->has_gaps);
	metaprobe_packed_distances(&search->indexes->epochs, query, 0,
							   probes->n_probes, search->bounds);
	return true;
}

/*
 * Would bounds of the filled curve be better than those of its epochs?  They
 * are quicker, the more so the fewer epochs are missing, and less tight.
 */
static bool
could_be_filled(const Search *search)
{
	int n_epochs = search->probes->n_epochs;
	int n_gaps = n_epochs - search->n_observed;

	return search->indexes->is_complete && search->n_observed > 0 &&
		   n_gaps * FEWER_GAPS <= n_epochs;
}

static bool
bound_by_filling(Search *search)
{
	ProbeIndexes *indexes = search->indexes;
	FilledQuery	 *query = &search->filled_query;

	if (!could_be_filled(search))
		return false;
	if (!indexes->is_built[INDEX_SKETCH])
	{
		indexes->searches[INDEX_SKETCH]++;
		return false;
	}
	metaprobe_filled_query_fill(query, &indexes->epochs, search->curve,
								search->n_epochs);
	if (!metaprobe_sketch_query_set(&search->sketch_query, &indexes->sketch,
									query->curve))
		return false;
	metaprobe_filled_query_set(query, &indexes->sketch, &search->sketch_query,
							   &indexes->epochs);
	metaprobe_filled_bounds(query, &indexes->sketch, &search->sketch_query,
							&indexes->epochs, search->probes->n_probes,
							search->bounds);
	return true;
}

/* A bound under dynamic time warping: the bits of floats are in their order. */
static int32_t
float_bound(double distance)
{
	float	bound = distance <= FLT_MAX ? (float) distance : INFINITY;
	int32_t bits;

	memcpy(&bits, &bound, sizeof(bits));
	return bits;
}

static bool
bound_by_envelopes(Search *search)
{
	/* written as floats, read as what their bits are */
	metaprobe_dtw_lower_bounds(&search->warp.curve, &search->warp.probes,
							   search->probes->band, (float *) search->bounds);
	return true;
}

/* Bound the distances by an index, if it is built and knows the curve. */
static void
bound_distances(Search *search, IndexKind kind)
{
	bool is_bounded = false;

	if (kind != INDEX_NONE && !search->indexes->is_built[kind])
		search->indexes->searches[kind]++;
	else if (kind == INDEX_SKETCH)
		is_bounded = bound_by_sketch(search);
	else if (kind == INDEX_EPOCHS)
	{
		search->is_filled = bound_by_filling(search);
		is_bounded = search->is_filled || bound_by_epochs(search);
	}
	else if (kind == INDEX_ENVELOPES)
		is_bounded = bound_by_envelopes(search);
	search->bounded_by = is_bounded ? kind : INDEX_NONE;
	if (!is_bounded)
		memset(search->bounds, 0, search->probes->n_probes * sizeof(int32_t));
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
	if (search->is_angular)
		search->angular = metaprobe_angular_curve(probes->metric, curve, n);
	bound_distances(search,
					useful_index(search->indexes, probes, is_complete));
	if (except >= 0)
		search->bounds[except] = BOUND_SETTLED;
}

static void
note_distance(Search *search, int probe, double distance)
{
	search->distances[probe] = distance;
	search->bounds[probe] = BOUND_SETTLED;
	search->measured[search->n_measured++] = probe;
}

/* Epochs beyond the curve's end count as missing. */
static void
measure_epochwise(Search *search, const int32_t *probes, int n)
{
	const float *curves[MEASURED_AT_ONCE];
	AngularCurve angular[MEASURED_AT_ONCE];
	double		 distances[MEASURED_AT_ONCE];

	for (int i = 0; i < n && search->is_angular; i++)
		angular[i] = search->angular_probes[probes[i]];
	for (int i = 0; i < n; i++)
		curves[i] = metaprobe_probe_curve(search->probes, probes[i]);
	if (search->is_angular)
		metaprobe_angular_distances(&search->angular, angular, n,
									search->n_epochs, distances);
	else
		search->distance(search->curve, curves, n, search->n_epochs,
						 search->probes->n_epochs, distances);
	for (int i = 0; i < n; i++)
		note_distance(search, probes[i], distances[i]);
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
			note_distance(search, probes[i], distances[i]);
		else if (search->bounded_by == INDEX_ENVELOPES)
			search->bounds[probes[i]] =
				float_bound(limit * (1 - FLOAT_MARGIN));
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
static void
measure(Search *search, const int32_t *probes, int n, double limit)
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

/* By how much a lengthwise distance has been scaled to all epochs. */
static double
scaling(const Search *search)
{
	if (search->probes->metric == METRIC_L1)
		return search->scale;
	return sqrt(search->scale);
}

/* The largest bound of a probe at most this far away, by its epochs. */
static int32_t
epochs_threshold(const Search *search, double distance)
{
	distance *= (1 + 1e-9) / scaling(search);
	if (search->is_filled)
		return metaprobe_filled_threshold(&search->filled_query,
										  &search->indexes->sketch, distance);
	return metaprobe_packed_threshold(&search->indexes->epochs,
									  &search->epochs_query, distance);
}

/* The largest bound that a probe at most this far away can have. */
int32_t
metaprobe_search_bound_at(const Search *search, double distance)
{
	switch (search->bounded_by)
	{
		case INDEX_SKETCH:
			return metaprobe_sketch_threshold(&search->indexes->sketch,
											  &search->sketch_query, distance);
		case INDEX_EPOCHS:
			return epochs_threshold(search, distance);
		case INDEX_ENVELOPES:
			return float_bound(distance * (1 + FLOAT_MARGIN));
		case INDEX_ROWS: /* which is for rough distances */
		case INDEX_NONE:
			break;
	}
	return BOUND_SETTLED - 1;
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
	metaprobe_bounds_clear(slots);
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
		int32_t	 bound =
			float_bound(metaprobe_dtw_lower_bound(&search->warp.curve, &other,
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
		measure(search, some, n_some, radius);
		offer_from(search, n_before, nearest);
		radius = radius_of(nearest);
		threshold = metaprobe_search_bound_at(search, radius);
	}
}

/*
 * Rough distances
 */

static void
set_rough_query(Search *search)
{
	const RoughRows *rows = &search->indexes->rows;
	RoughQuery		*query = &search->rough_query;

	if (search->is_angular)
		metaprobe_rough_query_set(query, rows, search->sketch_query.direction);
	else if (search->n_observed == search->probes->n_epochs)
		metaprobe_rough_query_set(query, rows, search->curve);
	else
		metaprobe_rough_query_set_known(query, rows, search->curve,
										search->n_epochs);
}

/*
 * Can rough distances be taken?  Only from complete probes, of curves that have
 * bounds epoch by epoch, and by an index, which would have helped if it is not there.
 */
static bool
prepare_rough(Search *search)
{
	ProbeIndexes *indexes = search->indexes;

	if (search->bounded_by != INDEX_SKETCH &&
		!(search->bounded_by == INDEX_EPOCHS && indexes->is_complete &&
		  search->n_observed > 0))
		return false;
	if (!indexes->is_built[INDEX_ROWS])
	{
		indexes->searches[INDEX_ROWS]++;
		return false;
	}
	if (!search->has_rough)
		set_rough_query(search);
	search->has_rough = true;
	return true;
}

/*
 * The rough distance that a probe at most this far away can have.  Directions
 * are floats, and a cosine is computed with an error.
 */
int32_t
metaprobe_search_threshold(const Search *search, double distance)
{
	if (!search->has_rough)
		return float_bound(distance * (1 + FLOAT_MARGIN) + FLT_MIN);
	if (search->is_angular)
		distance = sqrt(2 * (distance + COSINE_ROUNDING)) + FLOAT_MARGIN;
	else
		distance = distance * (1 + 1e-9) / scaling(search);
	return metaprobe_rough_threshold(&search->indexes->rows,
									 &search->rough_query, distance);
}

/* And the distance that a probe of this rough one can have. */
double
metaprobe_search_reach(const Search *search, int32_t rough)
{
	double reach;
	float  distance;

	if (!search->has_rough)
	{
		memcpy(&distance, &rough, sizeof(distance));
		return distance * (1 + FLOAT_MARGIN) + FLT_MIN;
	}
	reach = metaprobe_rough_reach(&search->indexes->rows, &search->rough_query,
								  rough);
	if (search->is_angular)
		reach = (reach + FLOAT_MARGIN) * (reach + FLOAT_MARGIN) / 2 +
				COSINE_ROUNDING;
	else
		reach *= scaling(search) * (1 + 1e-9);
	return reach;
}

/* How far away the k nearest can be, if n candidates are looked at. */
static double
rough_radius(const Search *search, int n, int k)
{
	if (n < k)
		return INFINITY;
	return metaprobe_search_reach(search,
								  metaprobe_bounds_select(search->roughs, n,
														  k));
}

/* Take the rough distances of candidates [first, end). */
static void
look_roughly(Search *search, int first, int end)
{
	metaprobe_rough_distances(&search->indexes->rows, &search->rough_query,
							  search->candidates + first, end - first,
							  search->roughs + first);
}

/* The sample must not be collected a second time. */
static void
hide_sample(Search *search, int n_sampled)
{
	for (int i = 0; i < n_sampled; i++)
		search->bounds[search->candidates[i]] = BOUND_SETTLED;
}

static void
unhide_sample(Search *search)
{
	const BoundSlots *slots = &search->slots;

	for (int i = 0; i < slots->n_slots; i++)
	{
		if (slots->bounds[i] != BOUND_SETTLED)
			search->bounds[slots->probes[i]] = slots->bounds[i];
	}
}

/*
 * Leave those of n candidates whose rough distance is within the threshold: a
 * few of them farthest first, which is how they are kept (nearest.c).
 */
static int
pick_candidates(Search *search, int n, int32_t threshold)
{
	int32_t *candidates = search->candidates;
	int32_t *roughs = search->roughs;
	int32_t	 picked[ORDERED_CANDIDATES];
	int32_t	 places[ORDERED_CANDIDATES];
	int		 n_picked = 0;

	for (int i = 0; i < n; i++)
	{
		candidates[n_picked] = candidates[i];
		roughs[n_picked] = roughs[i];
		n_picked += roughs[i] <= threshold;
	}
	if (n_picked > ORDERED_CANDIDATES)
		return n_picked;
	memcpy(picked, candidates, n_picked * sizeof(int32_t));
	metaprobe_bounds_rank(roughs, n_picked, places);
	for (int i = 0; i < n_picked; i++)
		candidates[places[i]] = picked[i];
	return n_picked;
}

/*
 * Look at a sample, as metaprobe_search_sample() takes it: at rough distances
 * if there are any, else at those measured, rounded.
 */
int
metaprobe_search_look(Search *search, const ProbeRange *ranges, int n_ranges,
					  int n)
{
	int n_sampled = metaprobe_search_sample(search, ranges, n_ranges, n);

	if (prepare_rough(search))
	{
		look_roughly(search, 0, n_sampled);
		return n_sampled;
	}
	measure(search, search->candidates, n_sampled, INFINITY);
	for (int i = 0; i < n_sampled; i++)
	{
		double distance = search->distances[search->candidates[i]];

		search->roughs[i] =
			isnan(distance) ? INT32_MAX : float_bound(distance);
	}
	return n_sampled;
}

/*
 * The candidates that the k nearest probes of the ranges are among, of those
 * not measured yet, by their rough distances: those of a sample give a radius,
 * those of all that are bounded within it another, which few but the nearest
 * are within.  -1 if there are no rough distances.
 */
int
metaprobe_search_narrow(Search *search, const ProbeRange *ranges, int n_ranges,
						int k)
{
	int		n_sampled;
	int		n;
	double	radius;
	int32_t threshold;

	if (!prepare_rough(search))
		return -1;
	n_sampled =
		metaprobe_search_sample(search, ranges, n_ranges, seeds_for(k));
	n = n_sampled;
	look_roughly(search, 0, n_sampled);
	threshold =
		metaprobe_search_bound_at(search, rough_radius(search, n_sampled, k));
	hide_sample(search, n_sampled);
	for (int i = 0; i < n_ranges; i++)
		n += metaprobe_bounds_collect(search->bounds, ranges[i].first,
									  ranges[i].end, threshold,
									  search->candidates + n);
	unhide_sample(search);
	look_roughly(search, n_sampled, n);
	radius = rough_radius(search, n, k);
	return pick_candidates(search, n,
						   metaprobe_search_threshold(search, radius));
}

/* Measure n candidates, and fill nearest with the nearest, nearest first. */
void
metaprobe_search_measure(Search *search, int n, Nearest *nearest)
{
	int n_before = search->n_measured;

	measure(search, search->candidates, n, INFINITY);
	offer_from(search, n_before, nearest);
	metaprobe_nearest_sort(nearest);
}

/* Measure a sample of the ranges, and then all that may be nearer. */
static void
measure_by_bounds(Search *search, const ProbeRange *ranges, int n_ranges,
				  Nearest *nearest)
{
	int n_before = search->n_measured;
	int n_sampled = metaprobe_search_sample(search, ranges, n_ranges,
											seeds_for(nearest->capacity));

	measure(search, search->candidates, n_sampled, INFINITY);
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
