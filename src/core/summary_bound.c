/*
 * summary_bound.c
 *		How near a curve can be to those that a summary or a box is of.
 */
#include "summary_bound.h"

#include <math.h>
#include <string.h>

#include "summary_layout.h"

/*
 * Rounding moves a curve's point by at most 2^-10 of its norm, and double
 * arithmetic adds far less.  The norm is at most the query's and the distance
 * together, so a little more than this share of both is subtracted from a
 * bound.  Coordinates next to 0 are rounded to 0.
 */
#define ROUNDING 0x1.1p-10
#define LEAST_ROUNDING 0x1p-28

/*
 * Of a segment's losses whose means differ by m (in our units) and the rests
 * by r, the sum of differences' sizes is at least sqrt(n) m.  It is also at
 * least sqrt(n / (n - 1)) r: of all differences of one norm, the sizes add up
 * to least if a single one is not 0, and then r is sqrt((n - 1) / n) of it.
 */
static void
set_l1_weights(double *weights, int n_epochs)
{
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int n = segment_start(segment + 1, n_epochs) -
				segment_start(segment, n_epochs);

		weights[segment] = sqrt(n);
		weights[SUMMARY_SEGMENTS + segment] =
			n > 1 ? sqrt((double) n / (n - 1)) : 0;
	}
}

void
metaprobe_summary_query_set(SummaryQuery *query, const float *losses,
							int n_epochs)
{
	int observed =
		metaprobe_summary_measure(losses, n_epochs, query->coordinates);
	double squares = 0;
	int	   first = 0;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		if (metaprobe_summary_round(query->coordinates[i]) == UNKNOWN)
			query->coordinates[i] = NAN;
		else
			squares += query->coordinates[i] * query->coordinates[i];
	}
	query->norm = sqrt(squares);
	query->n_epochs = observed > 0 ? n_epochs : 0;
	query->scale = observed > 0 ? (double) n_epochs / observed : 1;
	set_l1_weights(query->l1_weights, n_epochs);
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int start = segment_start(segment, n_epochs);
		int n = segment_start(segment + 1, n_epochs) - start;

		query->first_levels[segment] = first;
		query->roots[segment] = sqrtf((float) n);
		first += metaprobe_summary_measure_runs(losses + start, n,
												run_length(n_epochs),
												query->means + first,
												query->epochs + first);
	}
	query->first_levels[SUMMARY_SEGMENTS] = first;
}

/* The square of the segment's part in a distance, by mean and rest. */
static inline double
box_square(const SummaryQuery *query, const float *low, const float *high,
		   int segment)
{
	int	   rest = SUMMARY_SEGMENTS + segment;
	double of_mean =
		gap(query->coordinates[segment], low[segment], high[segment]);
	double of_rest = gap(query->coordinates[rest], low[rest], high[rest]);

	return of_mean * of_mean + of_rest * of_rest;
}

/* Its part in the sum of sizes. */
static inline double
box_size(const SummaryQuery *query, const float *low, const float *high,
		 int segment)
{
	int	   rest = SUMMARY_SEGMENTS + segment;
	double of_mean =
		query->l1_weights[segment] *
		gap(query->coordinates[segment], low[segment], high[segment]);
	double of_rest = query->l1_weights[rest] *
					 gap(query->coordinates[rest], low[rest], high[rest]);

	return of_mean > of_rest ? of_mean : of_rest;
}

/* Does the query's length leave any of these a distance? */
static inline bool
has_length(const SummaryQuery *query, int least_epochs, int most_epochs)
{
	return query->n_epochs > 0 && query->n_epochs >= least_epochs &&
		   query->n_epochs <= most_epochs;
}

/* What is left of a bound if rounding is allowed for. */
static double
safe_bound(const SummaryQuery *query, Metric metric, double distance)
{
	double errors = metric == METRIC_L2 ? 1 : sqrt(query->n_epochs);
	double bound = distance - errors * (ROUNDING * (query->norm + distance) +
										LEAST_ROUNDING);

	if (!(bound > 0))
		return 0;
	return bound * (metric == METRIC_L2 ? sqrt(query->scale) : query->scale);
}

/*
 * What no curve of the box has a smaller distance than from the query, by
 * METRIC_L2 or METRIC_L1; NaN if none has a distance.
 */
double
metaprobe_summary_box_bound(const SummaryQuery *query, Metric metric,
							const SummaryBox *box)
{
	double sum = 0;

	if (!has_length(query, box->least_epochs, box->most_epochs))
		return NAN;
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
		sum += metric == METRIC_L2 ?
				   box_square(query, box->low, box->high, segment) :
				   box_size(query, box->low, box->high, segment);
	return safe_bound(query, metric, metric == METRIC_L2 ? sqrt(sum) : sum);
}

static inline bool
is_unknown_to(const SummaryQuery *query, int segment)
{
	return isnan(query->coordinates[segment]) ||
		   isnan(query->coordinates[SUMMARY_SEGMENTS + segment]);
}

static void
get_levels(const CurveSummary *summary, int n, uint8_t *levels)
{
	uint8_t packed[sizeof(summary->levels)] = {0};

	memcpy(packed, summary->levels, (n * 3 + 7) / 8);
	for (int i = 0; i < n; i += 8)
	{
		const uint8_t *bytes = packed + i / 8 * 3;
		unsigned int   bits = bytes[0] | (unsigned int) bytes[1] << 8 |
							(unsigned int) bytes[2] << 16;

		for (int j = 0; j < 8; j++)
			levels[i + j] = (uint8_t) (bits >> 3 * j & (N_LEVELS - 1));
	}
}

/* Each level's ends, those of the first and the last being open. */
static inline void
set_ends(const SummaryQuery *query, const Grid *grid, const uint8_t *levels,
		 int segment, float *low, float *high)
{
	float edges[N_LEVELS + 1];

	for (int i = 1; i < N_LEVELS; i++)
		edges[i] = grid->first + (float) i * grid->step;
	edges[0] = -INFINITY;
	edges[N_LEVELS] = INFINITY;
	for (int i = query->first_levels[segment];
		 i < query->first_levels[segment + 1]; i++)
	{
		low[i] = edges[levels[i]];
		high[i] = edges[levels[i] + 1];
	}
}

/*
 * The parts of all levels in a distance, or its square: without branches, for
 * the vectoriser.
 */
static inline void
set_parts(const SummaryQuery *query, Metric metric, const float *low,
		  const float *high, float *parts)
{
	int n = query->first_levels[SUMMARY_SEGMENTS];

	for (int i = 0; i < n; i++)
	{
		float below = low[i] - query->means[i];
		float above = query->means[i] - high[i];
		float outside = below > above ? below : above;

		outside = outside > 0 ? outside : 0;
		parts[i] = query->epochs[i] *
				   (metric == METRIC_L2 ? outside * outside : outside);
	}
}

/* The sum of a segment's parts. */
static inline double
sum_parts(const SummaryQuery *query, const float *parts, int segment)
{
	double sum = 0;

	for (int i = query->first_levels[segment];
		 i < query->first_levels[segment + 1]; i++)
		sum += parts[i];
	return sum;
}

/* Likewise for a single curve. */
double
metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
						const CurveSummary *summary)
{
	float	coordinates[SUMMARY_COORDINATES];
	uint8_t levels[SUMMARY_MAX_LEVELS + 8];
	float	low[SUMMARY_MAX_LEVELS];
	float	high[SUMMARY_MAX_LEVELS];
	float	parts[SUMMARY_MAX_LEVELS];
	double	sum = 0;

	if (!has_length(query, summary->n_epochs, summary->n_epochs))
		return NAN;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
		coordinates[i] = coordinate_of(summary->coordinates[i]);
	get_levels(summary, query->first_levels[SUMMARY_SEGMENTS], levels);
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		Grid grid;

		lay_grid(&grid, coordinates[segment],
				 coordinates[SUMMARY_SEGMENTS + segment],
				 query->roots[segment], summary->grids[segment]);
		set_ends(query, &grid, levels, segment, low, high);
	}
	if (metric == METRIC_L2)
		set_parts(query, METRIC_L2, low, high, parts);
	else
		set_parts(query, METRIC_L1, low, high, parts);
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		double by_box =
			metric == METRIC_L2 ?
				box_square(query, coordinates, coordinates, segment) :
				box_size(query, coordinates, coordinates, segment);
		double by_levels;

		if (isnan(coordinates[segment]) || is_unknown_to(query, segment))
			continue;
		by_levels = sum_parts(query, parts, segment);
		sum += by_box > by_levels ? by_box : by_levels;
	}
	return safe_bound(query, metric, metric == METRIC_L2 ? sqrt(sum) : sum);
}
