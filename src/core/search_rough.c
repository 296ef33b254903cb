/*
 * search_rough.c
 *		The refinement of a search before distances are measured: rough ones.
 */
#include "search_parts.h"

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
		return metaprobe_float_bound(distance * (1 + FLOAT_MARGIN) + FLT_MIN);
	if (search->is_angular)
		distance = sqrt(2 * (distance + COSINE_ROUNDING)) + FLOAT_MARGIN;
	else
		distance = distance * (1 + SCALING_MARGIN) / search->scale;
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
		reach *= search->scale * (1 + SCALING_MARGIN);
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
	const int32_t *sampled = search->slots.probes;
	int32_t		  *bounds = search->bounds;

	for (int i = 0; i < n_sampled; i++)
		bounds[sampled[i]] = BOUND_SETTLED;
}

static void
unhide_sample(Search *search, int n_sampled)
{
	const BoundSlots *slots = &search->slots;
	int32_t			 *bounds = search->bounds;

	for (int i = 0; i < n_sampled; i++)
		bounds[slots->probes[i]] = slots->bounds[i];
}

/* Leave those of n candidates that may be so near, by their rough distances. */
static int
keep_within(Search *search, int n, double radius)
{
	return metaprobe_bounds_keep(search->roughs, search->candidates, n,
								 metaprobe_search_threshold(search, radius));
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
	metaprobe_search_measure_within(search, search->candidates, n_sampled,
									INFINITY);
	for (int i = 0; i < n_sampled; i++)
	{
		double distance = search->distances[search->candidates[i]];

		search->roughs[i] =
			isnan(distance) ? INT32_MAX : metaprobe_float_bound(distance);
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
	n_sampled = metaprobe_search_sample(search, ranges, n_ranges,
										metaprobe_search_seeds(k));
	n = n_sampled;
	look_roughly(search, 0, n_sampled);
	radius = rough_radius(search, n_sampled, k);
	threshold = metaprobe_search_bound_at(search, radius);
	hide_sample(search, n_sampled);
	for (int i = 0; i < n_ranges; i++)
		n += metaprobe_bounds_collect(search->bounds, ranges[i].first,
									  ranges[i].end, threshold,
									  search->candidates + n);
	unhide_sample(search, n_sampled);
	look_roughly(search, n_sampled, n);
	/* the few that are left tell the second radius */
	n = keep_within(search, n, radius);
	return keep_within(search, n, rough_radius(search, n, k));
}
