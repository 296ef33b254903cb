/*
 * curve_summary.c
 *		What an index keeps of a curve, and how near curves with such summaries
 *		can be.
 *
 * Sources: Y. Wang et al., "A data-adaptive and dynamic segmentation index for
 * whole matching on time series", VLDB 2013 (means and deviations of segments
 * as a lower bound); M. Connor, P. Kumar, "Fast construction of k-nearest
 * neighbor graphs for point clouds", IEEE TVCG 16 (2010) (the Z-order of
 * floats, without a grid).
 */
#include "curve_summary.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"

/*
 * Coordinates are rounded to floats, which moves a curve's point by at most
 * 2^-24 of its norm, and the double arithmetic adds far less.  The norm is at
 * most the query's and the distance together, so this share of both is
 * subtracted from a bound.  Next to 0 floats are no finer than the latter.
 */
#define ROUNDING 0x1p-22
#define LEAST_ROUNDING 1e-43

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

/* In one form, as losses are: no -0, one NaN. */
static float
round_coordinate(double value)
{
	float rounded = (float) value + 0.0f;

	return isfinite(rounded) ? rounded : metaprobe_missing_loss();
}

/*
 * Summarise a curve.  Returns its number of epochs as a box counts it.
 */
int
metaprobe_summary_take(const float *losses, int n_epochs, float *coordinates)
{
	double measured[SUMMARY_COORDINATES];
	int	   observed = measure(losses, n_epochs, measured);

	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
	{
		float mean = round_coordinate(measured[i]);
		float rest = round_coordinate(measured[SUMMARY_SEGMENTS + i]);

		/* both or neither are known */
		coordinates[i] = isnan(rest) ? rest : mean;
		coordinates[SUMMARY_SEGMENTS + i] = isnan(mean) ? mean : rest;
	}
	return observed > 0 ? n_epochs : 0;
}

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

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
		if (!isnan(query->coordinates[i]))
			squares += query->coordinates[i] * query->coordinates[i];
	query->norm = sqrt(squares);
	query->n_epochs = observed > 0 ? n_epochs : 0;
	query->scale = observed > 0 ? (double) n_epochs / observed : 1;
	set_l1_weights(query->l1_weights, n_epochs);
}

/* How far a coordinate is outside of a range; 0 if either is unknown. */
static inline double
gap(double value, float low, float high)
{
	double below = low - value;
	double above = value - high;
	double outside = below > above ? below : above;

	return outside > 0 ? outside : 0;
}

static double
l2_gap(const SummaryQuery *query, const SummaryBox *box)
{
	double squares = 0;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		double outside = gap(query->coordinates[i], box->low[i], box->high[i]);

		squares += outside * outside;
	}
	return sqrt(squares);
}

static double
l1_gap(const SummaryQuery *query, const SummaryBox *box)
{
	const double *weights = query->l1_weights;
	double		  sum = 0;

	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
	{
		int	   j = SUMMARY_SEGMENTS + i;
		double mean =
			weights[i] * gap(query->coordinates[i], box->low[i], box->high[i]);
		double rest =
			weights[j] * gap(query->coordinates[j], box->low[j], box->high[j]);

		sum += mean > rest ? mean : rest;
	}
	return sum;
}

/*
 * What no curve of the box has a smaller distance than from the query, by
 * METRIC_L2 or METRIC_L1; NaN if none has a distance.
 */
double
metaprobe_summary_bound(const SummaryQuery *query, Metric metric,
						const SummaryBox *box)
{
	double distance;
	double errors = 1; /* of how many coordinates in a row */
	double bound;

	if (query->n_epochs == 0 || query->n_epochs < box->least_epochs ||
		query->n_epochs > box->most_epochs)
		return NAN;
	if (metric == METRIC_L2)
		distance = l2_gap(query, box);
	else
	{
		distance = l1_gap(query, box);
		errors = sqrt(query->n_epochs);
	}
	bound = distance -
			errors * (ROUNDING * (query->norm + distance) + LEAST_ROUNDING);
	if (!(bound > 0))
		return 0;
	return bound * (metric == METRIC_L2 ? sqrt(query->scale) : query->scale);
}

/* Extend a box's coordinates, so that it contains another. */
void
metaprobe_summary_extend(float *low, float *high, const SummaryBox *box)
{
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		/* written so that whichever is unknown remains so */
		if (!(low[i] <= box->low[i]))
			low[i] = isnan(low[i]) ? low[i] : box->low[i];
		if (!(high[i] >= box->high[i]))
			high[i] = isnan(high[i]) ? high[i] : box->high[i];
	}
}

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

/*
 * The order of summaries: by epochs, by which segments are unknown, then along
 * a Z-curve through the coordinates
 */

/* The segments that are unknown, a bit each. */
static int
unknown_segments(const SummaryBox *box)
{
	int unknown = 0;

	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		unknown = 2 * unknown + is_unknown(box, i);
	return unknown;
}

/*
 * The place of the first binary digit in which two floats differ, written with
 * a fixed point: higher for more significant ones, highest for a sign.
 */
static inline int
first_difference(uint32_t a, uint32_t b)
{
	const int	   fraction = 23;
	const uint32_t exponents = 0x7f800000;
	uint32_t	   differing = a ^ b;

	if (differing == 0)
		return INT32_MIN;
	if (differing >> 31)
		return INT32_MAX;
	if (differing & exponents)
		return (int) (((a > b ? a : b) & exponents) >> fraction);
	a = (a & exponents) >> fraction;
	return (int) (a > 0 ? a : 1) - __builtin_clz(differing) + (31 - fraction);
}

static inline uint32_t
bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static int
compare_along_curve(const float *a, const float *b)
{
	int most = INT32_MIN;
	int decisive = 0;

	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		int difference = first_difference(bits_of(a[i]), bits_of(b[i]));

		if (difference > most)
		{
			most = difference;
			decisive = i;
		}
	}
	return (a[decisive] > b[decisive]) - (a[decisive] < b[decisive]);
}

/*
 * The order in which an index is built from single curves' summaries, so that
 * neighbours lie near each other: negative if a comes first, positive if b
 * does, 0 if either may.
 */
int
metaprobe_summary_compare(const SummaryBox *a, const SummaryBox *b)
{
	int unknown_a = unknown_segments(a);
	int unknown_b = unknown_segments(b);

	if (a->least_epochs != b->least_epochs)
		return a->least_epochs < b->least_epochs ? -1 : 1;
	if (unknown_a != unknown_b)
		return unknown_a < unknown_b ? -1 : 1;
	return compare_along_curve(a->low, b->low);
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
