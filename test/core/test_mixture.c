/*
 * test_mixture.c
 *		Unit tests of mixtures of two normal distributions.
 */
#include "test.h"

#include <float.h>

#include "mixture.h"
#include "random.h"

#define MAX_N 2000
#define TWO_PI 6.28318530717958647692
#define ADDED_VARIANCE 5e-4 /* of the squared range, see mixture.c */

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Source: G. E. P. Box, M. E. Muller, 1958. */
static double
random_normal(Random *random)
{
	double radius = sqrt(-2 * log(1 - random_unit(random)));

	return radius * cos(TWO_PI * random_unit(random));
}

/* Sorted losses of a mixture that is drawn as well. */
static int
random_losses(Random *random, double *losses, LossMixture *drawn)
{
	int	   n = random_between(random, 20, MAX_N);
	double scale = pow(10, random_between(random, -6, 6));

	drawn->clean.mean = scale * (random_unit(random) - 0.5);
	drawn->clean.stddev = scale * (0.01 + random_unit(random));
	drawn->noise.mean = drawn->clean.mean + scale * 6 * random_unit(random);
	drawn->noise.stddev = scale * (0.01 + random_unit(random));
	drawn->noise.weight = random_unit(random);
	drawn->clean.weight = 1 - drawn->noise.weight;
	for (int i = 0; i < n; i++)
	{
		const MixtureComponent *component =
			random_chance(random, drawn->noise.weight) ? &drawn->noise :
														 &drawn->clean;

		losses[i] =
			component->mean + component->stddev * random_normal(random);
	}
	qsort(losses, n, sizeof(double), compare_doubles);
	return n;
}

/* In long double, by the C library, from the densities themselves. */
static long double
weighted_density(const MixtureComponent *component, double loss)
{
	long double u = ((long double) loss - component->mean) / component->stddev;

	return component->weight * expl(-u * u / 2) /
		   (component->stddev * sqrtl(TWO_PI));
}

static long double
plain_posterior(const LossMixture *mixture, double loss)
{
	long double noise = weighted_density(&mixture->noise, loss);

	return noise / (noise + weighted_density(&mixture->clean, loss));
}

static long double
plain_log_likelihood(const LossMixture *mixture, const double *losses, int n)
{
	long double sum = 0;

	for (int i = 0; i < n; i++)
		sum += logl(weighted_density(&mixture->noise, losses[i]) +
					weighted_density(&mixture->clean, losses[i]));
	return sum;
}

static void
figures_are_those_of_the_densities(void **state)
{
	Random random = random_stream(__func__);
	double losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(200); round++)
	{
		LossMixture drawn;
		LossMixture fitted;
		int			n = random_losses(&random, losses, &drawn);

		assert_that(metaprobe_mixture_fit(losses, n, &fitted), round);
		assert_that(fitted.iterations > 0, round);
		assert_nearly_equal(fitted.clean.weight + fitted.noise.weight, 1,
							1e-12, round);
		assert_that(fitted.clean.mean <= fitted.noise.mean, round);
		assert_that(fabsl(fitted.log_likelihood -
						  plain_log_likelihood(&fitted, losses, n)) <=
						1e-9L * n,
					round);
		for (int i = 0; i < n; i++)
			assert_that(fabsl(metaprobe_mixture_noise_posterior(&fitted,
																losses[i]) -
							  plain_posterior(&fitted, losses[i])) <= 1e-12L,
						round);
	}
}

/*
 * The mean of a component, its variance and its weight, weighted by posterior.
 * Where two components are all but one, the likelihood hardly changes while steps
 * are still as large as .001.
 */
static void
a_fit_is_a_fixed_point(void **state)
{
	Random random = random_stream(__func__);
	double losses[MAX_N];
	int	   n_fixed = 0;

	(void) state;
	for (int round = 0; round < 200; round++)
	{
		LossMixture drawn;
		LossMixture fitted;
		int			n = random_losses(&random, losses, &drawn);
		double		range = losses[n - 1] - losses[0];
		long double count = 0;
		long double sum = 0;
		long double squares = 0;

		assert_that(metaprobe_mixture_fit(losses, n, &fitted), round);
		if (fitted.iterations == MIXTURE_MAX_ITERATIONS)
			continue;
		n_fixed++;
		for (int i = 0; i < n; i++)
		{
			long double share = plain_posterior(&fitted, losses[i]);
			long double distance = losses[i] - fitted.noise.mean;

			count += share;
			sum += share * distance;
			squares += share * distance * distance;
		}
		assert_that(fabsl(count / n - fitted.noise.weight) < 1e-2L, round);
		assert_that(fabsl(sum / n) < 1e-2L * range, round);
		assert_that(fabsl(squares / n -
						  fitted.noise.weight *
							  ((long double) fitted.noise.stddev *
								   fitted.noise.stddev -
							   ADDED_VARIANCE * range * range)) <
						1e-2L * range * range,
					round);
	}
	assert_that(n_fixed > 150, 0);
}

/* Two modes far apart are found whatever their sizes. */
static void
distant_modes_are_found(void **state)
{
	Random random = random_stream(__func__);
	double losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(100); round++)
	{
		int	   n_noise = random_between(&random, 5, MAX_N / 2);
		double sum = 0;

		for (int i = 0; i < MAX_N; i++)
		{
			bool is_noise = i < n_noise;

			losses[i] = (is_noise ? 3 : 0.1) +
						(is_noise ? 0.3 : 0.05) * random_normal(&random);
			sum += is_noise ? losses[i] : 0;
		}
		qsort(losses, MAX_N, sizeof(double), compare_doubles);

		LossMixture fitted;

		assert_that(metaprobe_mixture_fit(losses, MAX_N, &fitted), round);
		assert_nearly_equal(fitted.noise.weight, (double) n_noise / MAX_N,
							0.02, round);
		assert_nearly_equal(fitted.noise.mean, sum / n_noise, 0.02, round);
		assert_nearly_equal(fitted.clean.mean, 0.1, 0.1, round);
	}
}

/* Losses in another unit have the same mixture in that unit. */
static void
scale_does_not_matter(void **state)
{
	Random random = random_stream(__func__);
	double losses[MAX_N];
	double scaled[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(100); round++)
	{
		LossMixture drawn;
		LossMixture one;
		LossMixture other;
		int			n = random_losses(&random, losses, &drawn);

		for (int i = 0; i < n; i++)
			scaled[i] = losses[i] * 0x1p20; /* exactly */
		assert_that(metaprobe_mixture_fit(losses, n, &one), round);
		assert_that(metaprobe_mixture_fit(scaled, n, &other), round);
		assert_int(one.iterations, other.iterations, round);
		assert_same_double(one.noise.mean * 0x1p20, other.noise.mean, round);
		assert_same_double(one.clean.stddev * 0x1p20, other.clean.stddev,
						   round);
		assert_same_double(one.noise.weight, other.noise.weight, round);
	}
}

static void
few_or_equal_losses_have_no_mixture(void **state)
{
	const double equal[] = {0.25, 0.25, 0.25, 0.25};
	const double two[] = {1, 3};
	LossMixture	 mixture;

	(void) state;
	assert_that(!metaprobe_mixture_fit(equal, 0, &mixture), 0);
	assert_that(!metaprobe_mixture_fit(equal, 1, &mixture), 1);
	assert_that(!metaprobe_mixture_fit(equal, 4, &mixture), 4);
	assert_that(metaprobe_mixture_fit(two, 2, &mixture), 2);
	assert_nearly_equal(mixture.clean.mean, 1, 1e-9, 5);
	assert_nearly_equal(mixture.noise.mean, 3, 1e-9, 6);
	assert_nearly_equal(mixture.noise.stddev, 2 * sqrt(ADDED_VARIANCE), 1e-9,
						7);
	assert_nearly_equal(mixture.noise.weight, 0.5, 1e-9, 8);
}

/* Nothing overflows: neither in fitting nor far from both components. */
static void
the_largest_losses(void **state)
{
	const double losses[] = {-FLT_MAX, -FLT_MAX, 0, FLT_MAX};
	LossMixture	 mixture;

	(void) state;
	assert_that(metaprobe_mixture_fit(losses, 4, &mixture), 0);
	assert_that(isfinite(mixture.log_likelihood), 1);
	assert_that(isfinite(mixture.clean.stddev), 2);
	assert_nearly_equal(metaprobe_mixture_noise_posterior(&mixture, FLT_MAX),
						1, 1e-9, 3);

	mixture.clean = (MixtureComponent){0.5, 0, 1};
	mixture.noise = (MixtureComponent){0.5, 1, 1};
	assert_same_double(metaprobe_mixture_noise_posterior(&mixture, FLT_MAX), 1,
					   4);
	assert_same_double(metaprobe_mixture_noise_posterior(&mixture, -FLT_MAX),
					   0, 5);
	assert_same_double(metaprobe_mixture_noise_posterior(&mixture, 0.5), 0.5,
					   6);
}

/* A value that is there many times does not take a component to itself. */
static void
repeated_values_leave_the_modes(void **state)
{
	Random		random = random_stream(__func__);
	double		losses[MAX_N] = {0};
	LossMixture fitted;

	(void) state;
	for (int i = MAX_N / 2; i < MAX_N; i++)
		losses[i] = i < MAX_N * 9 / 10 ? 0.3 * random_unit(&random) :
										 4 + random_unit(&random);
	qsort(losses, MAX_N, sizeof(double), compare_doubles);
	assert_that(metaprobe_mixture_fit(losses, MAX_N, &fitted), 0);
	assert_nearly_equal(fitted.noise.weight, 0.1, 0.02, 1);
	assert_that(metaprobe_mixture_noise_posterior(&fitted, 0.3) < 0.01, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_those_of_the_densities),
		cmocka_unit_test(a_fit_is_a_fixed_point),
		cmocka_unit_test(distant_modes_are_found),
		cmocka_unit_test(scale_does_not_matter),
		cmocka_unit_test(few_or_equal_losses_have_no_mixture),
		cmocka_unit_test(the_largest_losses),
		cmocka_unit_test(repeated_values_leave_the_modes),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("mixture", tests, NULL, NULL);
}
