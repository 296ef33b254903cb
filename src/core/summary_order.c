/*
 * summary_order.c
 *		Which summaries belong together: their order, and the pages' splits.
 *
 * Source: M. Connor, P. Kumar, "Fast construction of k-nearest neighbor graphs
 * for point clouds", IEEE TVCG 16 (2010) (the Z-order of floats, without a
 * grid).
 */
#include "summary_order.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "summary_layout.h"

static inline bool
is_unknown(const SummaryBox *box, int segment)
{
	return isnan(box->low[segment]);
}

/* Weights of what spoils a box altogether, far above any distance. */
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
	return spoilt + sqrt(outside) + 0x1p-10 * sqrt(apart);
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
