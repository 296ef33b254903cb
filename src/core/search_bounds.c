/*
 * search_bounds.c
 *		The filter of a search: which index bounds the distances from a curve.
 */
#include "search_parts.h"

/* A curve with gaps is filled up if it has so many epochs for each, or more. */
#define EPOCHS_PER_GAP 5

/* The index that a search of this kind of curve would use. */
static IndexKind
useful_index(const ProbeCurves *probes, bool is_complete)
{
	if (probes->n_probes < 2 || probes->n_epochs == 0)
		return INDEX_NONE;
	if (probes->metric == METRIC_DTW)
		return INDEX_ENVELOPES;
	if (is_complete)
		return INDEX_SKETCH;
	return metaprobe_is_angular(probes->metric) ? INDEX_NONE : INDEX_EPOCHS;
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
		   n_gaps * EPOCHS_PER_GAP <= n_epochs;
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

static bool
bound_by_envelopes(Search *search)
{
	/* written as floats, read as what their bits are */
	metaprobe_dtw_lower_bounds(&search->warp.curve, &search->warp.probes,
							   search->probes->band, (float *) search->bounds);
	return true;
}

/*
 * Bound the distances by an index, if it is built and knows the curve;
 * is_complete tells whether neither that nor any probe has a missing epoch.
 */
void
metaprobe_search_bound(Search *search, bool is_complete)
{
	IndexKind kind = useful_index(search->probes, is_complete);
	bool	  is_bounded = false;

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

/* The largest bound of a probe at most this far away, by its epochs. */
static int32_t
epochs_threshold(const Search *search, double distance)
{
	distance *= (1 + SCALING_MARGIN) / search->scale;
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
			return metaprobe_float_bound(distance * (1 + FLOAT_MARGIN));
		case INDEX_ROWS: /* which is for rough distances */
		case INDEX_NONE:
			break;
	}
	return BOUND_SETTLED - 1;
}
