/*
 * test_curve_statistics.c
 *		Unit tests of the statistics of a curve, against their definitions
 *		written down plainly, in long double, over a list of observed epochs.
 */
#include "test.h"

#include <float.h>

#include "curve_statistics.h"
#include "random.h"

#define MAX_N 120
#define MISSING metaprobe_missing_loss()

typedef struct Observed
{
	int			n;
	int			epochs[MAX_N];
	long double losses[MAX_N];
	long double p[MAX_N];
} Observed;

static Observed
observed_of(const float *curve, int n)
{
	Observed observed = {0};

	for (int i = 0; i < n; i++)
	{
		if (isnan(curve[i]))
			continue;
		observed.epochs[observed.n] = i;
		observed.losses[observed.n] = curve[i];
		observed.p[observed.n] = expl(-(long double) curve[i]);
		observed.n++;
	}
	return observed;
}

static long double
mean_of(const long double *values, int n)
{
	long double sum = 0;

	for (int i = 0; i < n; i++)
		sum += values[i];
	return sum / n;
}

static long double
size_of(const long double *values, int n)
{
	long double size = 0;

	for (int i = 0; i < n; i++)
		size = fmaxl(size, fabsl(values[i]));
	return size;
}

static int
compare_numbers(const void *a, const void *b)
{
	long double x = *(const long double *) a;
	long double y = *(const long double *) b;

	return (x > y) - (x < y);
}

static long double
plain_quantile(const Observed *observed, long double fraction)
{
	long double sorted[MAX_N];
	long double position = fraction * (observed->n - 1);
	int			below = (int) floorl(position);
	int			above = (int) ceill(position);

	memcpy(sorted, observed->losses, sizeof(sorted));
	qsort(sorted, observed->n, sizeof(sorted[0]), compare_numbers);
	return sorted[below] +
		   (position - below) * (sorted[above] - sorted[below]);
}

#define assert_within(got, expected, tolerance, number) \
	assert_value(fabsl((got) - (expected)) <= (tolerance), got, \
				 (double) (expected), number, __FILE__, __LINE__)

/* Squares of probabilities below this may underflow. */
#define NOTHING 1e-150L

static void
check_probabilities(const CurveStatistics *got, const Observed *observed,
					double threshold, int number)
{
	int			n = observed->n;
	long double mean = mean_of(observed->p, n);
	long double squares = 0;
	long double products = 0;
	long double deviation;
	long double complement;
	long double complements = 0; /* of 1 - p, which p near 1 would lose */
	int			learned = 0;
	int			events = 0;
	int			first = NEVER;
	int			last = NEVER;

	for (int i = 0; i < n; i++)
	{
		bool now = observed->p[i] > threshold;

		squares += (observed->p[i] - mean) * (observed->p[i] - mean);
		products += observed->p[i] * -expm1l(-observed->losses[i]);
		complements -= expm1l(-observed->losses[i]);
		learned += now;
		if (now && first == NEVER)
			first = observed->epochs[i];
		if (i > 0 && observed->p[i - 1] > threshold && !now)
		{
			events++;
			last = observed->epochs[i];
		}
	}
	deviation = sqrtl(squares / n);
	complement = complements / n;
	assert_within(got->confidence, mean, 1e-14L * mean + NOTHING, number);
	assert_within(got->variability, deviation,
				  1e-12L * deviation + 1e-16L * size_of(observed->p, n) +
					  NOTHING,
				  number);
	assert_same_double(got->correctness, (double) learned / n, number);
	assert_int(got->forgetting_events, events, number);
	assert_int(got->first_learned, first, number);
	assert_int(got->last_forgotten, last, number);
	assert_within(got->threshold_closeness, mean * complement,
				  1e-13L * mean * complement + NOTHING, number);
	assert_within(got->aleatoric, products / n,
				  1e-13L * products / n + NOTHING, number);
}

static long double
plain_slope(const Observed *observed)
{
	long double mean = mean_of(observed->losses, observed->n);
	long double epoch = 0;
	long double products = 0;
	long double squares = 0;

	for (int i = 0; i < observed->n; i++)
		epoch += observed->epochs[i];
	epoch /= observed->n;
	for (int i = 0; i < observed->n; i++)
	{
		products +=
			(observed->epochs[i] - epoch) * (observed->losses[i] - mean);
		squares +=
			(observed->epochs[i] - epoch) * (observed->epochs[i] - epoch);
	}
	return products / squares;
}

/* Epoch by epoch, at the middle of each, on the line between two losses. */
static long double
plain_area(const Observed *observed)
{
	long double area = 0;

	for (int i = 1; i < observed->n; i++)
	{
		int			start = observed->epochs[i - 1];
		int			end = observed->epochs[i];
		long double step =
			(observed->losses[i] - observed->losses[i - 1]) / (end - start);

		for (int epoch = start; epoch < end; epoch++)
			area += observed->losses[i - 1] + (epoch - start + 0.5L) * step;
	}
	return area;
}

/* Each loss with its own weight: the newest weight, the one before less. */
static long double
plain_moving_average(const Observed *observed, double weight)
{
	long double average = 0;
	long double left = 1;

	for (int i = observed->n - 1; i > 0; i--)
	{
		average += left * weight * observed->losses[i];
		left *= 1 - (long double) weight;
	}
	return average + left * observed->losses[0];
}

static void
check_losses(const CurveStatistics *got, const Observed *observed,
			 double weight, int number)
{
	int			n = observed->n;
	long double size = size_of(observed->losses, n);
	long double minimum = observed->losses[0];

	for (int i = 1; i < n; i++)
		minimum = fminl(minimum, observed->losses[i]);
	assert_within(got->mean, mean_of(observed->losses, n), 1e-14L * size,
				  number);
	assert_same_double(got->final, (double) observed->losses[n - 1], number);
	/* of 0 and -0, which no stored loss is, either may be told */
	assert_that(got->minimum == (double) minimum, number);
	assert_within(got->interquartile_range,
				  plain_quantile(observed, 0.75L) -
					  plain_quantile(observed, 0.25L),
				  1e-15L * size, number);
	if (n > 1)
		assert_within(got->slope, plain_slope(observed), 1e-14L * size,
					  number);
	else
		assert_true(isnan(got->slope));
	assert_within(got->area, plain_area(observed), 1e-14L * n * size, number);
	assert_within(got->moving_average, plain_moving_average(observed, weight),
				  1e-14L * size, number);
}

/* A threshold that no p is too near to for rounding to matter. */
static double
random_threshold(Random *random, const Observed *observed)
{
	for (;;)
	{
		double threshold = random_unit(random);
		bool   clear = true;

		for (int i = 0; i < observed->n; i++)
			clear &= fabsl(observed->p[i] - threshold) > 1e-12L;
		if (clear)
			return threshold;
	}
}

static void
random_curves(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];
	int	   with_probabilities = 0;
	int	   with_events = 0;

	(void) state;
	for (int round = 0; round < 60000; round++)
	{
		int				n = random_between(&random, 0, MAX_N);
		CurveStatistics got;
		Observed		observed;
		double			threshold;
		double			weight = random_unit(&random);
		bool			any;

		random_curve(&random, round % N_CURVE_STYLES,
					 random_missing_share(&random), curve, n);
		if (random_chance(&random, 0.7))
		{
			for (int i = 0; i < n; i++)
				curve[i] = fabsf(curve[i]);
		}
		if (random_chance(&random, 0.3)) /* well learned, all about equal */
		{
			float scale = (float) exp2(-random_below(&random, 30));

			for (int i = 0; i < n; i++)
				curve[i] *= scale;
		}
		observed = observed_of(curve, n);
		threshold = random_threshold(&random, &observed);
		any = metaprobe_curve_statistics(curve, n, threshold, weight, &got);
		assert_int(any, observed.n > 0, round);
		if (!any)
			continue;
		check_losses(&got, &observed, weight, round);
		for (int i = 0; i < observed.n; i++)
			any &= observed.losses[i] >= 0;
		assert_int(got.has_probabilities, any, round);
		if (!any)
			continue;
		check_probabilities(&got, &observed, threshold, round);
		with_probabilities++;
		with_events += got.forgetting_events > 0;
	}
	assert_true(with_probabilities > 10000);
	assert_true(with_events > 3000);
}

/* The law of total variance: p (1 - p) of the mean is made of the other two. */
static void
uncertainties_add_up(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int				n = random_between(&random, 1, MAX_N);
		CurveStatistics got;

		random_curve(&random, STYLE_TRAINING, 0, curve, n);
		assert_true(metaprobe_curve_statistics(curve, n, 0.5, 0.1, &got));
		assert_nearly_equal(got.threshold_closeness,
							got.aleatoric + got.variability * got.variability,
							1e-13, round);
	}
}

static void
a_worked_example(void **state)
{
	/* learned at 1, forgotten at 2, learned at 4, forgotten at 6 */
	const float		curve[] = {1, 0.5f, 0.75f, MISSING, 0.25f, 0, 2, MISSING};
	CurveStatistics got;

	(void) state;
	assert_true(metaprobe_curve_statistics(curve, 8, 0.5, 0.5, &got));
	assert_true(got.has_probabilities);
	assert_nearly_equal(
		got.confidence,
		(exp(-1) + exp(-0.5) + exp(-0.75) + exp(-0.25) + 1 + exp(-2)) / 6,
		1e-15, 0);
	assert_same_double(got.correctness, 0.5, 0);
	assert_int(got.forgetting_events, 2, 0);
	assert_int(got.first_learned, 1, 0);
	assert_int(got.last_forgotten, 6, 0);
	assert_same_double(got.mean, 0.75, 0);
	assert_same_double(got.final, 2, 0);
	assert_same_double(got.minimum, 0, 0);
	/* of 0, 0.25, 0.5, 0.75, 1, 2: positions 1.25 and 3.75 */
	assert_same_double(got.interquartile_range, 0.9375 - 0.3125, 0);
	/* 0.75 + 0.625 + 2 * 0.5 + 0.125 + 1 */
	assert_same_double(got.area, 3.5, 0);
	/* 1, 0.75, 0.75, 0.5, 0.25, 1.125 */
	assert_same_double(got.moving_average, 1.125, 0);
	/* epochs 0, 1, 2, 4, 5, 6 about 3; losses about 0.75 */
	assert_nearly_equal(got.slope, (-0.75 + 0.5 + 0 - 0.5 - 1.5 + 3.75) / 28,
						1e-15, 0);
}

static void
nothing_observed(void **state)
{
	const float		none[] = {MISSING, MISSING};
	CurveStatistics got;

	(void) state;
	assert_false(metaprobe_curve_statistics(NULL, 0, 0.5, 0.1, &got));
	assert_false(metaprobe_curve_statistics(none, 2, 0.5, 0.1, &got));
}

static void
one_loss(void **state)
{
	const float		curve[] = {MISSING, 0.75f, MISSING};
	CurveStatistics got;

	(void) state;
	assert_true(metaprobe_curve_statistics(curve, 3, 0.3, 0.1, &got));
	assert_nearly_equal(got.confidence, exp(-0.75), 1e-15, 0);
	assert_same_double(got.variability, 0, 0);
	assert_same_double(got.correctness, 1, 0);
	assert_int(got.first_learned, 1, 0);
	assert_int(got.last_forgotten, NEVER, 0);
	assert_same_double(got.mean, 0.75, 0);
	assert_same_double(got.interquartile_range, 0, 0);
	assert_true(isnan(got.slope));
	assert_same_double(got.area, 0, 0);
	assert_same_double(got.moving_average, 0.75, 0);
}

/* What does not vary has no deviation, no slope and no range, to the bit. */
static void
constant_curves(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int				n = random_between(&random, 2, MAX_N);
		float			loss = random_any_loss(&random);
		CurveStatistics got;

		for (int i = 0; i < n; i++)
			curve[i] = i > 1 && random_chance(&random, 0.2) ? MISSING : loss;
		assert_true(metaprobe_curve_statistics(curve, n, 0.5,
											   random_unit(&random), &got));
		assert_same_double(got.mean, loss, round);
		assert_same_double(got.moving_average, loss, round);
		assert_same_double(fabs(got.slope), 0, round);
		assert_same_double(got.interquartile_range, 0, round);
		assert_int(got.has_probabilities, loss >= 0, round);
		if (loss >= 0)
			assert_same_double(got.variability, 0, round);
	}
}

/* Probabilities next to 1, and next to 0, keep their differences. */
static void
small_differences_are_not_lost(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		float			small = (float) exp2(-10 - 50 * random_unit(&random));
		float			large = (float) (20 + 300 * random_unit(&random));
		float			learned[] = {small, 3 * small, MISSING};
		float			unlearned[] = {large, MISSING, large + 1};
		double			p = exp(-(double) unlearned[0]);
		double			q = exp(-(double) unlearned[2]);
		CurveStatistics got;

		assert_true(metaprobe_curve_statistics(learned, 3, 0.5, 0.1, &got));
		assert_nearly_equal(got.variability,
							(expm1(-learned[0]) - expm1(-learned[1])) / 2,
							1e-14, round);
		assert_nearly_equal(got.aleatoric,
							-(exp(-learned[0]) * expm1(-learned[0]) +
							  exp(-learned[1]) * expm1(-learned[1])) /
								2,
							1e-14, round);
		assert_true(metaprobe_curve_statistics(unlearned, 3, 0.5, 0.1, &got));
		assert_nearly_equal(got.variability, (p - q) / 2, 1e-14, round);
	}
}

static void
a_straight_line(void **state)
{
	float			curve[MAX_N];
	CurveStatistics got;

	(void) state;
	for (int i = 0; i < MAX_N; i++)
		curve[i] = i % 7 == 3 ? MISSING : 3 - i / 64.0f;
	assert_true(metaprobe_curve_statistics(curve, MAX_N, 0.5, 0.1, &got));
	assert_nearly_equal(got.slope, -1 / 64.0, 1e-14, 0);
	assert_nearly_equal(got.area,
						(MAX_N - 1) * (curve[0] + curve[MAX_N - 1]) / 2.0,
						1e-14, 0);
}

static void
the_ends_of_thresholds_and_weights(void **state)
{
	const float		curve[] = {0, 3.0f, 200.0f, 0.7f};
	CurveStatistics got;

	(void) state;
	assert_true(metaprobe_curve_statistics(curve, 4, 1, 1, &got));
	assert_same_double(got.correctness, 0, 0); /* p = 1 is not above 1 */
	assert_same_double(got.moving_average, 0.7f, 0);
	assert_true(metaprobe_curve_statistics(curve, 4, 0, 1, &got));
	assert_same_double(got.correctness, 1, 0);
	assert_int(got.forgetting_events, 0, 0);
}

static void
the_largest_losses_do_not_overflow(void **state)
{
	const float		curve[] = {FLT_MAX, -FLT_MAX, FLT_MAX, -FLT_MAX};
	const float		positive[] = {FLT_MAX, FLT_MAX, 0};
	CurveStatistics got;

	(void) state;
	assert_true(metaprobe_curve_statistics(curve, 4, 0.5, 0.1, &got));
	assert_false(got.has_probabilities);
	assert_same_double(got.mean, 0, 0);
	assert_same_double(got.interquartile_range, 2 * (double) FLT_MAX, 0);
	assert_true(isfinite(got.slope) && isfinite(got.moving_average));
	assert_same_double(got.area, 0, 0);
	assert_true(metaprobe_curve_statistics(positive, 3, 0.5, 0.1, &got));
	assert_same_double(got.confidence, 1 / 3.0, 0);
	assert_int(got.first_learned, 2, 0);
}

static void
the_longest_curves(void **state)
{
	Random			random = random_stream(__func__);
	float		   *curve = allocate(LOSS_CURVE_MAX_EPOCHS * sizeof(float));
	CurveStatistics got;

	(void) state;
	/* evenly from 0 to 3 */
	for (int i = 0; i < LOSS_CURVE_MAX_EPOCHS; i++)
		curve[i] = (float) (3 * random_unit(&random));
	assert_true(metaprobe_curve_statistics(curve, LOSS_CURVE_MAX_EPOCHS, 0.5,
										   0.1, &got));
	assert_true(fabs(got.interquartile_range - 1.5) < 0.1);
	assert_true(fabs(got.mean - 1.5) < 0.1);
	assert_true(fabs(got.correctness - log(2) / 3) < 0.05);
	assert_nearly_equal(got.threshold_closeness,
						got.aleatoric + got.variability * got.variability,
						1e-12, 0);
	free(curve);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_curves),
		cmocka_unit_test(uncertainties_add_up),
		cmocka_unit_test(a_worked_example),
		cmocka_unit_test(nothing_observed),
		cmocka_unit_test(one_loss),
		cmocka_unit_test(constant_curves),
		cmocka_unit_test(small_differences_are_not_lost),
		cmocka_unit_test(a_straight_line),
		cmocka_unit_test(the_ends_of_thresholds_and_weights),
		cmocka_unit_test(the_largest_losses_do_not_overflow),
		cmocka_unit_test(the_longest_curves),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("curve_statistics", tests, NULL, NULL);
}
