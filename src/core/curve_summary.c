/*
 * curve_summary.c
 *		What an index keeps of curves, and how near a curve can be to them.
 *
 * Sources: Y. Wang et al., "A data-adaptive and dynamic segmentation index for
 * whole matching on time series", VLDB 2013 (means and deviations of segments
 * as a lower bound); R. Weber, H.-J. Schek, S. Blott, "A quantitative analysis
 * and performance study for similarity-search methods in high-dimensional
 * spaces", VLDB 1998 (levels of every dimension); M. Connor, P. Kumar, "Fast
 * construction of k-nearest neighbor graphs for point clouds", IEEE TVCG 16
 * (2010) (the Z-order of floats, without a grid).
 */
#include "curve_summary.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"

/*
 * Rounding moves a curve's point by at most 2^-10 of its norm, and double
 * arithmetic adds far less.  The norm is at most the query's and the distance
 * together, so a little more than this share of both is subtracted from a
 * bound.  Coordinates next to 0 are rounded to 0.
 */
#define ROUNDING 0x1.1p-10
#define LEAST_ROUNDING 0x1p-28

/*
 * Coordinates in 16 bits: a sign, an exponent and 9 digits, for sizes from
 * 2^-30 to 2^32.
 */
#define DIGITS 9
#define EXPONENTS 0x7e00
#define UNKNOWN 0x7e00
#define SIGN 0x8000
#define FLOAT_DIGITS 23
#define EXPONENT_SHIFT (127 - 31)

static uint16_t
round_coordinate(double value)
{
	float	 rounded = (float) fabs(value);
	uint32_t bits;
	uint32_t sign = value < 0 ? SIGN : 0;

	memcpy(&bits, &rounded, sizeof(bits));
	bits += 1u << (FLOAT_DIGITS - DIGITS - 1);
	bits >>= FLOAT_DIGITS - DIGITS;
	if (!(value == value) || bits >= ((63u + EXPONENT_SHIFT) << DIGITS))
		return UNKNOWN;
	if (bits < ((1u + EXPONENT_SHIFT) << DIGITS))
		return 0;
	return (uint16_t) ((bits - (EXPONENT_SHIFT << DIGITS)) | sign);
}

static float
coordinate_of(uint16_t code)
{
	uint32_t bits = code & (SIGN - 1u);
	float	 value;

	if (code == UNKNOWN)
		return metaprobe_missing_loss();
	if (bits == 0)
		return 0;
	bits = (bits + (EXPONENT_SHIFT << DIGITS)) << (FLOAT_DIGITS - DIGITS);
	memcpy(&value, &bits, sizeof(value));
	return code & SIGN ? -value : value;
}

/*
 * Segments and the runs of epochs that a level stands for
 */

/*
 * Segments are as long as 1 : 2 : 3 ..., for losses change most at first, but
 * none is empty if there are epochs enough.
 */
static int
segment_start(int segment, int n_epochs)
{
	const int parts = SUMMARY_SEGMENTS * (SUMMARY_SEGMENTS + 1);
	int start = (2 * n_epochs * segment * (segment + 1) + parts) / (2 * parts);

	if (start < segment)
		start = segment;
	return start < n_epochs ? start : n_epochs;
}

/* The epochs that a level stands for; the last of a segment for fewer. */
static int
run_length(int n_epochs)
{
	return (n_epochs + SUMMARY_LONGEST - 1) / SUMMARY_LONGEST;
}

static int
levels_of_segment(int segment, int n_epochs)
{
	int length = segment_start(segment + 1, n_epochs) -
				 segment_start(segment, n_epochs);
	int run = run_length(n_epochs);

	return length > 0 ? (length + run - 1) / run : 0;
}

static int
count_levels(int n_epochs)
{
	int levels = 0;

	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
		levels += levels_of_segment(segment, n_epochs);
	return levels;
}

/* Bytes that the summary of a curve of so many epochs takes. */
int
metaprobe_summary_size(int n_epochs)
{
	return (int) offsetof(CurveSummary, levels) +
		   (count_levels(n_epochs) * 3 + 7) / 8;
}

/* The means of the runs of a segment.  Returns how many there are. */
static int
measure_runs(const float *losses, int n, int run, float *means, float *epochs)
{
	int runs = 0;

	for (int start = 0; start < n; start += run)
	{
		int	   length = n - start < run ? n - start : run;
		double sum = 0;

		for (int i = 0; i < length; i++)
			sum += losses[start + i];
		means[runs] = (float) (sum / length);
		epochs[runs++] = (float) length;
	}
	return runs;
}

/*
 * The two coordinates of a segment: NaN if a loss is missing, and too large
 * for floats if the losses nearly are.
 */
static void
measure_segment(const float *losses, int n, double *mean, double *rest)
{
	double sum = 0;
	double squares = 0;

	for (int i = 0; i < n; i++)
		sum += losses[i];
	for (int i = 0; i < n; i++)
	{
		double difference = losses[i] - sum / n;

		squares += difference * difference;
	}
	*mean = n > 0 ? sum / sqrt(n) : 0;
	*rest = sqrt(squares);
}

static int
count_observed(const float *losses, int n_epochs)
{
	int observed = 0;

	for (int i = 0; i < n_epochs; i++)
		observed += !metaprobe_loss_is_missing(losses[i]);
	return observed;
}

/* Measure all segments.  Returns how many epochs have a loss. */
static int
measure(const float *losses, int n_epochs, double *coordinates)
{
	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int start = segment_start(segment, n_epochs);

		measure_segment(losses + start,
						segment_start(segment + 1, n_epochs) - start,
						&coordinates[segment],
						&coordinates[SUMMARY_SEGMENTS + segment]);
	}
	return count_observed(losses, n_epochs);
}

/*
 * Levels.  Between neighbouring ones lie seven edges at equal steps; the first
 * level and the last have no other end, so that a grid fits any losses.  Its
 * byte has the step, in terms of the segment's deviation, and how many half
 * steps the mean lies above the place of an edge below the first.
 */

#define N_LEVELS 8
#define N_STEPS 16
#define N_SHIFTS 16

typedef struct Grid
{
	float first; /* the lower edge of a first level with two ends */
	float step;
} Grid;

static float
grid_step(float rest, float root, int step)
{
	static const float fourths[] = {1, 1.1892071f, 1.4142136f, 1.6817929f};

	return rest / root * 0.25f * fourths[step % 4] * (float) (1 << step / 4);
}

/* The grid of a segment; root is that of its number of epochs. */
static inline void
lay_grid(Grid *grid, float mean, float rest, float root, uint8_t code)
{
	grid->step = grid_step(rest, root, code / N_SHIFTS);
	grid->first = mean / root - 0.5f * (float) (code % N_SHIFTS) * grid->step;
}

/* The finest grid on which the means have levels of two ends. */
static uint8_t
choose_grid(const float *means, int runs, float mean, float rest, float root)
{
	float least = INFINITY;
	float greatest = -INFINITY;
	int	  step = 0;
	int	  shift;

	for (int i = 0; i < runs; i++)
	{
		least = fminf(least, means[i]);
		greatest = fmaxf(greatest, means[i]);
	}
	/* half a step may be lost where the grid begins */
	while (step < N_STEPS - 1 &&
		   greatest - least > (N_LEVELS - 0.5f) * grid_step(rest, root, step))
		step++;
	if (!(grid_step(rest, root, step) > 0))
		return 0;
	shift = (int) fminf(fmaxf(ceilf(2 * (mean / root - least) /
									grid_step(rest, root, step)),
							  0),
						N_SHIFTS - 1);
	return (uint8_t) (step * N_SHIFTS + shift);
}

static int
level_of(const Grid *grid, float mean)
{
	int level = 0;

	while (level < N_LEVELS - 1 &&
		   mean > grid->first + (float) (level + 1) * grid->step)
		level++;
	return level;
}

/* Each level takes three bits, in order. */
static void
put_level(uint8_t *levels, int i, int level)
{
	int bit = 3 * i;

	levels[bit / 8] |= (uint8_t) (level << bit % 8);
	if (bit % 8 > 5)
		levels[bit / 8 + 1] |= (uint8_t) (level >> (8 - bit % 8));
}

static void
take_levels(CurveSummary *summary, const float *losses, int n_epochs)
{
	float means[SUMMARY_MAX_LEVELS];
	float epochs[SUMMARY_MAX_LEVELS];
	int	  first = 0;

	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int	  start = segment_start(segment, n_epochs);
		int	  n = segment_start(segment + 1, n_epochs) - start;
		float mean = coordinate_of(summary->coordinates[segment]);
		float rest =
			coordinate_of(summary->coordinates[SUMMARY_SEGMENTS + segment]);
		int runs = measure_runs(losses + start, n, run_length(n_epochs), means,
								epochs);
		Grid grid;

		if (runs > 0 && !isnan(mean))
		{
			summary->grids[segment] =
				choose_grid(means, runs, mean, rest, sqrtf((float) n));
			lay_grid(&grid, mean, rest, sqrtf((float) n),
					 summary->grids[segment]);
			for (int i = 0; i < runs; i++)
				put_level(summary->levels, first + i,
						  level_of(&grid, means[i]));
		}
		first += runs;
	}
}

/*
 * Summarise a curve.  Returns the summary's size, of which the rest is zero.
 */
int
metaprobe_summary_take(const float *losses, int n_epochs,
					   CurveSummary *summary)
{
	double measured[SUMMARY_COORDINATES];

	memset(summary, 0, sizeof(*summary));
	if (measure(losses, n_epochs, measured) == 0)
		n_epochs = 0;
	summary->n_epochs = (uint16_t) n_epochs;
	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
	{
		uint16_t mean = round_coordinate(measured[i]);
		uint16_t rest = round_coordinate(measured[SUMMARY_SEGMENTS + i]);

		/* both or neither are known */
		summary->coordinates[i] = rest == UNKNOWN ? rest : mean;
		summary->coordinates[SUMMARY_SEGMENTS + i] =
			mean == UNKNOWN ? mean : rest;
	}
	take_levels(summary, losses, n_epochs);
	return metaprobe_summary_size(n_epochs);
}

/* The box of a single curve. */
void
metaprobe_summary_box(const CurveSummary *summary, SummaryBox *box)
{
	box->least_epochs = box->most_epochs = summary->n_epochs;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
		box->low[i] = box->high[i] = coordinate_of(summary->coordinates[i]);
}

/* Extend a box, so that it contains another. */
void
metaprobe_summary_extend(SummaryBox *box, const SummaryBox *added)
{
	if (added->least_epochs < box->least_epochs)
		box->least_epochs = added->least_epochs;
	if (added->most_epochs > box->most_epochs)
		box->most_epochs = added->most_epochs;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		/* what is unknown in either remains so */
		if (!isnan(box->low[i]) && !(box->low[i] <= added->low[i]))
			box->low[i] = added->low[i];
		if (!isnan(box->high[i]) && !(box->high[i] >= added->high[i]))
			box->high[i] = added->high[i];
	}
}

/*
 * Searching
 */

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
	int	   observed = measure(losses, n_epochs, query->coordinates);
	double squares = 0;
	int	   first = 0;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		if (round_coordinate(query->coordinates[i]) == UNKNOWN)
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
		first += measure_runs(losses + start, n, run_length(n_epochs),
							  query->means + first, query->epochs + first);
	}
	query->first_levels[SUMMARY_SEGMENTS] = first;
}

/* How far a value is outside of a range; 0 if either is unknown. */
static inline double
gap(double value, float low, float high)
{
	double below = low - value;
	double above = value - high;
	double outside = below > above ? below : above;

	return outside > 0 ? outside : 0;
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

/*
 * Building
 */

static inline bool
is_unknown(const SummaryBox *box, int segment)
{
	return isnan(box->low[segment]);
}

/* Weights of what spoils a box altogether, above any distance. */
#define LARGEST_DISTANCE 1e30
#define EPOCHS_PENALTY 1e33
#define UNKNOWN_PENALTY 1e31

/*
 * What it costs to add a curve or box to a box: how far it is outside, and a
 * little for the distance from the middle, so that of many boxes around it
 * the one that fits best is taken.  A box stays among curves of one length
 * with the same segments unknown.
 */
double
metaprobe_summary_penalty(const SummaryBox *box, const SummaryBox *added)
{
	double spoilt = 0;
	double outside = 0;
	double apart = 0;

	if (added->least_epochs < box->least_epochs)
		spoilt += EPOCHS_PENALTY;
	if (added->most_epochs > box->most_epochs)
		spoilt += EPOCHS_PENALTY;
	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		if (is_unknown(box, i) != is_unknown(added, i))
			spoilt += UNKNOWN_PENALTY;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		double middle = 0.5 * added->low[i] + 0.5 * added->high[i];
		double distance = gap(middle, box->low[i], box->high[i]);
		double from_middle = middle - (0.5 * box->low[i] + 0.5 * box->high[i]);

		outside += distance * distance;
		if (!isnan(from_middle))
			apart += from_middle * from_middle;
	}
	return spoilt +
		   fmin(sqrt(outside) + 0x1p-10 * sqrt(apart), LARGEST_DISTANCE);
}

/* The segments that are unknown, a bit each. */
static int
unknown_segments(const CurveSummary *summary)
{
	int unknown = 0;

	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		unknown = 2 * unknown + (summary->coordinates[i] == UNKNOWN);
	return unknown;
}

/*
 * The place of the first binary digit in which two coordinates differ, written
 * with a fixed point: higher for more significant ones, highest for a sign.
 */
static inline int
first_difference(uint16_t a, uint16_t b)
{
	unsigned int differing = a ^ b;

	if (differing == 0)
		return INT32_MIN;
	if (differing & SIGN)
		return INT32_MAX;
	if (differing & EXPONENTS)
		return ((a > b ? a : b) & EXPONENTS) >> DIGITS;
	return ((a & EXPONENTS) >> DIGITS) - __builtin_clz(differing) + 31 -
		   DIGITS;
}

static int
compare_along_curve(const uint16_t *a, const uint16_t *b)
{
	int	  most = INT32_MIN;
	int	  decisive = 0;
	float x, y;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		int difference = first_difference(a[i], b[i]);

		if (difference > most)
		{
			most = difference;
			decisive = i;
		}
	}
	x = coordinate_of(a[decisive]);
	y = coordinate_of(b[decisive]);
	return (x > y) - (x < y);
}

/*
 * The order in which an index is built, so that neighbours lie near each other:
 * by epochs, by which segments are unknown, then along a Z-curve through the
 * coordinates.  Negative if a comes first, positive if b does, 0 if either may.
 */
int
metaprobe_summary_compare(const CurveSummary *a, const CurveSummary *b)
{
	int unknown_a = unknown_segments(a);
	int unknown_b = unknown_segments(b);

	if (a->n_epochs != b->n_epochs)
		return a->n_epochs < b->n_epochs ? -1 : 1;
	if (unknown_a != unknown_b)
		return unknown_a < unknown_b ? -1 : 1;
	return compare_along_curve(a->coordinates, b->coordinates);
}

/*
 * Splitting
 */

/* A side of a split that separates kinds of curves has so many at least. */
static int
least_side(int n)
{
	return n > 16 ? n / 8 : 1;
}

static int
compare_items(const void *a, const void *b)
{
	const SummarySplitItem *x = a;
	const SummarySplitItem *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->box > y->box) - (x->box < y->box);
}

static void
sort_items(SummarySplitItem *items, int n)
{
	qsort(items, n, sizeof(*items), compare_items);
}

/*
 * The place nearest the middle at which the keys of sorted items change, or 0
 * if that leaves a side too small.
 */
static int
nearest_change(const SummarySplitItem *items, int n)
{
	int nearest = 0;

	for (int i = least_side(n); i <= n - least_side(n); i++)
		if (items[i - 1].key != items[i].key &&
			(nearest == 0 || abs(2 * i - n) < abs(2 * nearest - n)))
			nearest = i;
	return nearest;
}

/* Sort the items by epochs, and return where to split them, or 0. */
static int
split_by_epochs(const SummaryBox *boxes, int n, SummarySplitItem *items)
{
	for (int i = 0; i < n; i++)
		items[i] = (SummarySplitItem){boxes[i].least_epochs, i};
	sort_items(items, n);
	return nearest_change(items, n);
}

/* Likewise by the segment that is most evenly known and unknown. */
static int
split_by_unknown(const SummaryBox *boxes, int n, SummarySplitItem *items)
{
	int best = 0;
	int best_side = 0;

	for (int segment = 0; segment < SUMMARY_SEGMENTS; segment++)
	{
		int unknown = 0;
		int side;

		for (int i = 0; i < n; i++)
			unknown += is_unknown(&boxes[i], segment);
		side = unknown < n - unknown ? unknown : n - unknown;
		if (side > best_side)
		{
			best_side = side;
			best = segment;
		}
	}
	if (best_side < least_side(n))
		return 0;
	for (int i = 0; i < n; i++)
		items[i] = (SummarySplitItem){is_unknown(&boxes[i], best), i};
	sort_items(items, n);
	return nearest_change(items, n);
}

static inline double
middle_of(const SummaryBox *box, int coordinate)
{
	return 0.5 * box->low[coordinate] + 0.5 * box->high[coordinate];
}

/* The variance of a coordinate over the boxes where it is known. */
static double
variance(const SummaryBox *boxes, int n, int coordinate)
{
	double sum = 0;
	double squares = 0;
	int	   known = 0;

	for (int i = 0; i < n; i++)
	{
		double middle = middle_of(&boxes[i], coordinate);

		if (!isnan(middle))
		{
			sum += middle;
			known++;
		}
	}
	for (int i = 0; i < n; i++)
	{
		double difference = middle_of(&boxes[i], coordinate) - sum / known;

		if (!isnan(difference))
			squares += difference * difference;
	}
	return known > 0 ? squares / known : 0;
}

/* Sort the items by the coordinate that varies most. */
static void
sort_by_coordinate(const SummaryBox *boxes, int n, SummarySplitItem *items)
{
	double most = -1;
	int	   best = 0;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		double of_this = variance(boxes, n, i);

		if (of_this > most)
		{
			most = of_this;
			best = i;
		}
	}
	for (int i = 0; i < n; i++)
	{
		double middle = middle_of(&boxes[i], best);

		items[i] = (SummarySplitItem){isnan(middle) ? INFINITY : middle, i};
	}
	sort_items(items, n);
}

/*
 * Split two boxes or more in two groups.  Returns how many of the items, which
 * are put in order, belong to the first.  Both groups have some, and are equal
 * in size but where curves of different kinds are parted.
 */
int
metaprobe_summary_split(const SummaryBox *boxes, int n,
						SummarySplitItem *items)
{
	int first = split_by_epochs(boxes, n, items);

	if (first == 0)
		first = split_by_unknown(boxes, n, items);
	if (first == 0)
	{
		sort_by_coordinate(boxes, n, items);
		first = n / 2;
	}
	return first;
}
