/*
 * mixture.c
 *		Losses as a mixture of two normal distributions, clean and noise.
 *
 * The small-loss heuristic: networks learn rows of right labels first, so the
 * losses of the others form a second, higher mode.  E. Arazo et al.
 * ("Unsupervised Label Noise Modeling and Loss Correction", ICML 2019) fit two
 * Beta distributions to the losses of an epoch, J. Li et al. ("DivideMix:
 * Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020) two
 * normal ones to losses scaled to [0, 1], which is done here.
 *
 * The fit is by expectation maximisation (A. P. Dempster et al., 1977).  It
 * begins with the best division of the sorted losses in two by least squares,
 * and no sum depends on anything but the sorted losses, so that the same
 * losses give the same bits.
 */
#include "mixture.h"

#include <math.h>
#include <stddef.h>

#include "elementary.h"
#include "poll.h"

#define LOSSES_PER_POLL 4096

/* Losses less far apart than this are all the same. */
#define MIN_RANGE 1e-290

/*
 * Added to the variances, on the scale of [0, 1], as DivideMix does.  Without
 * it a value that is there many times would take a component for itself, with
 * a likelihood without bound.
 */
#define ADDED_VARIANCE 5e-4

/* Go on as long as the mean log likelihood of a loss changes by more. */
#define TOLERANCE 1e-10

/* A component so many times less likely has no part in a loss. */
#define LOG_NEGLIGIBLE (-50.0)

#define LARGE_PRODUCT 0x1p1000

#define LOG_SQRT_2_PI 0.91893853320467274178

/* The losses, sorted, and their scale. */
typedef struct Sample
{
	const double *losses;
	int64_t		  n;
	double		  lowest;
	double		  range;
	double		  per_range; /* its inverse */
} Sample;

/* Sums over losses, by how far they belong to a component. */
typedef struct Belonging
{
	double count;
	double sum; /* of distances from some origin */
	double squares;
} Belonging;

static double
scaled(const Sample *sample, int64_t i)
{
	return (sample->losses[i] - sample->lowest) * sample->per_range;
}

static void
poll_at(int64_t i)
{
	if (i % LOSSES_PER_POLL == 0)
		metaprobe_poll();
}

static void
belong(Belonging *belonging, double share, double distance)
{
	belonging->count += share;
	belonging->sum += share * distance;
	belonging->squares += share * distance * distance;
}

/* The component by what belongs to it, with distances taken from an origin. */
static MixtureComponent
component_of(const Belonging *belonging, double origin, int64_t n)
{
	double shift = belonging->sum / belonging->count;
	double variance = belonging->squares / belonging->count - shift * shift;

	if (variance < 0)
		variance = 0; /* by rounding */

	return (MixtureComponent){
		.weight = belonging->count / (double) n,
		.mean = origin + shift,
		.stddev = sqrt(variance + ADDED_VARIANCE),
	};
}

/*
 * So many of the losses are the lower part of the division in two that leaves
 * the least squares around the two means, which is the one that lifts the
 * squares of the sums most.  Equal losses stay together.
 */
static int64_t
best_division(const Sample *sample)
{
	double	total = 0;
	double	sum = 0;
	double	best = -1;
	int64_t n_lower = 1;

	for (int64_t i = 0; i < sample->n; i++)
	{
		poll_at(i);
		total += scaled(sample, i);
	}
	for (int64_t i = 1; i < sample->n; i++)
	{
		double rest;
		double gain;

		poll_at(i);
		sum += scaled(sample, i - 1);
		if (sample->losses[i - 1] == sample->losses[i])
			continue;
		rest = total - sum;
		gain = sum * sum / (double) i + rest * rest / (double) (sample->n - i);
		if (gain > best)
		{
			best = gain;
			n_lower = i;
		}
	}
	return n_lower;
}

/* The components, on the scale of the sample, to begin with. */
static void
divide(const Sample *sample, MixtureComponent components[2])
{
	int64_t	  n_lower = best_division(sample);
	double	  origins[2] = {scaled(sample, 0), scaled(sample, n_lower)};
	Belonging parts[2] = {{0}};

	for (int64_t i = 0; i < sample->n; i++)
	{
		int part = i >= n_lower;

		poll_at(i);
		belong(&parts[part], 1, scaled(sample, i) - origins[part]);
	}
	for (int part = 0; part < 2; part++)
		components[part] =
			component_of(&parts[part], origins[part], sample->n);
}

/* log(weight / stddev), which a component's log densities have in common. */
static double
log_height(const MixtureComponent *component)
{
	return metaprobe_log(component->weight) - metaprobe_log(component->stddev);
}

/*
 * See how far each loss belongs to either component.  Returns the mean log
 * likelihood, on the scale of the sample.  What the less likely component adds
 * to a loss's likelihood is a factor of 1 to 2; logarithms are taken of
 * products of many.
 */
static double
expect(const Sample *sample, const MixtureComponent components[2],
	   Belonging belongings[2])
{
	double heights[2] = {log_height(&components[0]),
						 log_height(&components[1])};
	double precisions[2] = {1 / components[0].stddev,
							1 / components[1].stddev};
	double log_likelihood = 0;
	double product = 1;

	belongings[0] = belongings[1] = (Belonging){0};
	for (int64_t i = 0; i < sample->n; i++)
	{
		double z = scaled(sample, i);
		double distances[2];
		double logs[2];
		double log_ratio;
		double smaller;
		double share;
		int	   likelier;

		poll_at(i);
		for (int part = 0; part < 2; part++)
		{
			double u;

			distances[part] = z - components[part].mean;
			u = distances[part] * precisions[part];
			logs[part] = heights[part] - u * u / 2;
		}
		likelier = logs[1] > logs[0];
		log_ratio = logs[!likelier] - logs[likelier];
		smaller = log_ratio > LOG_NEGLIGIBLE ? metaprobe_exp(log_ratio) : 0;
		share = 1 / (1 + smaller);
		belong(&belongings[likelier], share, distances[likelier]);
		belong(&belongings[!likelier], smaller * share, distances[!likelier]);
		log_likelihood += logs[likelier];
		product *= 1 + smaller;
		if (product > LARGE_PRODUCT)
		{
			log_likelihood += metaprobe_log(product);
			product = 1;
		}
	}
	log_likelihood += metaprobe_log(product);
	return log_likelihood / (double) sample->n - LOG_SQRT_2_PI;
}

/* Back from the scale of the sample. */
static MixtureComponent
unscaled(const Sample *sample, MixtureComponent component)
{
	component.mean = sample->lowest + component.mean * sample->range;
	component.stddev *= sample->range;
	return component;
}

/*
 * Fit a mixture to losses in ascending order, none of them NaN or beyond what a
 * float holds.  False if no two of them differ.
 *
 * Steps end when the likelihood stays as it is, or after
 * MIXTURE_MAX_ITERATIONS.
 */
bool
metaprobe_mixture_fit(const double *losses, int64_t n, LossMixture *mixture)
{
	Sample			 sample = {losses, n, 0, 0, 0};
	MixtureComponent components[2];
	double			 likelihood;
	Belonging		 belongings[2];
	int				 noise;

	if (n < 2)
		return false;
	sample.lowest = losses[0];
	sample.range = losses[n - 1] - losses[0];
	if (sample.range < MIN_RANGE)
		return false;
	sample.per_range = 1 / sample.range;

	divide(&sample, components);
	likelihood = expect(&sample, components, belongings);
	mixture->iterations = 0;
	while (mixture->iterations < MIXTURE_MAX_ITERATIONS &&
		   belongings[0].count > 0 && belongings[1].count > 0)
	{
		MixtureComponent next[2];
		double			 change;

		for (int part = 0; part < 2; part++)
			next[part] =
				component_of(&belongings[part], components[part].mean, n);
		change = -likelihood;
		likelihood = expect(&sample, next, belongings);
		change += likelihood;
		components[0] = next[0];
		components[1] = next[1];
		mixture->iterations++;
		if (fabs(change) <= TOLERANCE)
			break;
	}

	noise = components[1].mean >= components[0].mean;
	mixture->clean = unscaled(&sample, components[!noise]);
	mixture->noise = unscaled(&sample, components[noise]);
	mixture->log_likelihood =
		(double) n * (likelihood - metaprobe_log(sample.range));
	return true;
}

/*
 * The probability, by Bayes' rule, that a loss is the noise component's.  NaN
 * if it is too far from both to tell.
 *
 * The log densities differ by half the difference of two squares.  That is
 * their sum times their difference, which is written so that a loss far from
 * both means does not swallow what is between these.
 */
double
metaprobe_mixture_noise_posterior(const LossMixture *mixture, double loss)
{
	const MixtureComponent *clean = &mixture->clean;
	const MixtureComponent *noise = &mixture->noise;
	double					distance = loss - clean->mean;
	double					apart = noise->mean - clean->mean;
	double					difference = distance / noise->stddev *
							((clean->stddev - noise->stddev) / clean->stddev) -
						apart / noise->stddev;
	double sum = (distance - apart) / noise->stddev + distance / clean->stddev;
	double log_odds = log_height(clean) - log_height(noise) +
					  difference * sum / 2; /* of clean */

	return 1 / (1 + metaprobe_exp(log_odds));
}
