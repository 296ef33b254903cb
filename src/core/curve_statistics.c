/*
 * curve_statistics.c
 *		What a single curve says of its example, by itself.
 *
 * All statistics are over the observed epochs.  Sources and formulas are in
 * doc/reference.md, under "Trajectory statistics".
 */
#include "curve_statistics.h"

#include "elementary.h"
#include "loss.h"
#include "loss_signals.h"

/* What the statistics need to know of the losses first. */
typedef struct Extent
{
	int	   observed;
	float  least;
	float  greatest;
	double mean;
	double final;
	double mean_epoch;
} Extent;

static Extent
extent_of(const float *losses, int n)
{
	LossSummary summary = metaprobe_loss_summary(losses, n);
	Extent		extent = {.observed = summary.observed,
						  .least = INFINITY,
						  .greatest = -INFINITY,
						  .mean = summary.mean,
						  .final = summary.final};
	int64_t		epochs = 0;

	for (int i = 0; i < n; i++)
	{
		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		epochs += i;
		if (losses[i] < extent.least)
			extent.least = losses[i];
		if (losses[i] > extent.greatest)
			extent.greatest = losses[i];
	}
	if (extent.observed > 0)
		extent.mean_epoch = (double) epochs / extent.observed;
	return extent;
}

/* --- of the probabilities --- */

/* p = exp(-loss) and 1 - p, neither of which loses digits where it is small. */
typedef struct Probability
{
	double p;
	double complement;
} Probability;

static inline Probability
probability_of(double loss)
{
	Probability probability;

	if (loss < 0.25)
	{
		probability.complement = -metaprobe_expm1(-loss);
		probability.p = 1 - probability.complement;
	}
	else
	{
		probability.p = metaprobe_exp(-loss);
		probability.complement = 1 - probability.p;
	}
	return probability;
}

static inline double
difference(Probability a, Probability b)
{
	return a.p < 0.5 ? a.p - b.p : b.complement - a.complement;
}

/*
 * Deviations are taken from the first probability.  As that is one of them,
 * the squares of their mean and of the standard deviation differ by a factor of
 * at most n, so that one pass loses no more than n roundings.
 */
static void
probability_statistics(const float *losses, int n, int observed,
					   double threshold, CurveStatistics *statistics)
{
	Probability first = {0};
	double		sum = 0;
	double		complements = 0;
	double		deviations = 0;
	double		squares = 0;
	double		products = 0;
	int			seen = 0;
	int			learned = 0;
	bool		was_learned = false;
	double		shift;
	double		variance;

	statistics->forgetting_events = 0;
	statistics->first_learned = NEVER;
	statistics->last_forgotten = NEVER;
	for (int i = 0; i < n; i++)
	{
		Probability probability;
		double		deviation;
		bool		is_learned;

		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		probability = probability_of(losses[i]);
		if (seen++ == 0)
			first = probability;
		deviation = difference(probability, first);
		sum += probability.p;
		complements += probability.complement;
		deviations += deviation;
		squares += deviation * deviation;
		products += probability.p * probability.complement;

		is_learned = probability.p > threshold;
		learned += is_learned;
		if (is_learned && statistics->first_learned == NEVER)
			statistics->first_learned = i;
		if (was_learned && !is_learned)
		{
			statistics->forgetting_events++;
			statistics->last_forgotten = i;
		}
		was_learned = is_learned;
	}

	shift = deviations / observed;
	variance = squares / observed - shift * shift;
	statistics->confidence = sum / observed;
	statistics->variability = variance > 0 ? sqrt(variance) : 0;
	statistics->correctness = (double) learned / observed;
	statistics->aleatoric = products / observed;
	statistics->threshold_closeness =
		sum / observed * (complements / observed);
}

/* --- of the losses --- */

/* Between the bits of floats and whole numbers in their order, both ways. */
static inline int32_t
in_order(int32_t bits)
{
	return bits < 0 ? bits ^ INT32_MAX : bits;
}

static inline int32_t
place_of(float loss)
{
	int32_t bits;

	memcpy(&bits, &loss, sizeof(bits));
	return in_order(bits);
}

static inline float
loss_at(int32_t place)
{
	int32_t bits = in_order(place);
	float	loss;

	memcpy(&loss, &bits, sizeof(loss));
	return loss;
}

static int
count_up_to(const float *losses, int n, float limit)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		count += losses[i] <= limit; /* a missing one is not */
	return count;
}

static float
least_above(const float *losses, int n, float limit)
{
	float least = INFINITY;

	for (int i = 0; i < n; i++)
	{
		if (losses[i] > limit && losses[i] < least)
			least = losses[i];
	}
	return least;
}

/*
 * A quantile, on the line between the two losses next to it, as by
 * percentile_cont.  The lower of them is found by halving the floats between
 * the least and the greatest loss, some 30 times: that takes no memory, and its
 * loop is one for the vectoriser.
 */
static double
quantile(const float *losses, int n, const Extent *extent, double fraction)
{
	double	position = fraction * (extent->observed - 1);
	int		rank = (int) position;
	int64_t low = place_of(extent->least);
	int64_t high = place_of(extent->greatest);
	double	lower;
	double	upper;

	while (low < high)
	{
		int64_t middle = low + (high - low) / 2;

		if (count_up_to(losses, n, loss_at((int32_t) middle)) > rank)
			high = middle;
		else
			low = middle + 1;
	}
	lower = loss_at((int32_t) low);
	if (position == rank)
		return lower;
	upper = lower;
	if (count_up_to(losses, n, (float) lower) == rank + 1)
		upper = least_above(losses, n, (float) lower);
	return lower + (position - rank) * (upper - lower);
}

/* Slope, area, moving average: what depends on the epochs' order. */
static void
course_statistics(const float *losses, int n, const Extent *extent,
				  double weight, CurveStatistics *statistics)
{
	double products = 0;
	double squares = 0;
	double area = 0;
	double average = 0;
	int	   last = NEVER;

	for (int i = 0; i < n; i++)
	{
		double epoch = i - extent->mean_epoch;

		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		products += epoch * (losses[i] - extent->mean);
		squares += epoch * epoch;
		if (last == NEVER)
			average = losses[i];
		else
		{
			area += (i - last) * (((double) losses[last] + losses[i]) / 2);
			average = losses[i] + (1 - weight) * (average - losses[i]);
		}
		last = i;
	}
	statistics->slope = extent->observed > 1 ? products / squares : NAN;
	statistics->area = area;
	statistics->moving_average = average;
}

/*
 * All statistics of a curve of n epochs; false if none of them is observed.
 * threshold is the probability above which the label counts as learned, weight
 * that of a new loss in the moving average.
 */
bool
metaprobe_curve_statistics(const float *losses, int n, double threshold,
						   double weight, CurveStatistics *statistics)
{
	Extent extent = extent_of(losses, n);

	if (extent.observed == 0)
		return false;
	statistics->has_probabilities = extent.least >= 0;
	if (statistics->has_probabilities)
		probability_statistics(losses, n, extent.observed, threshold,
							   statistics);
	statistics->mean = extent.mean;
	statistics->final = extent.final;
	statistics->minimum = extent.least;
	statistics->interquartile_range = quantile(losses, n, &extent, 0.75) -
									  quantile(losses, n, &extent, 0.25);
	course_statistics(losses, n, &extent, weight, statistics);
	return true;
}
