/*
 * test_curve_shape.c
 *		Unit tests of resampled, smoothed and drawn curves.
 */
#include "test.h"

#include <float.h>
#include <limits.h>

#include "curve_shape.h"
#include "poll.h"
#include "random.h"

#define MAX_N 60
#define MISSING metaprobe_missing_loss()

/* A loss made by rounding a mean or a point on a line; NaN is missing. */
static void
assert_loss_near(float got, long double expected, int number)
{
	if (isnan(expected))
		assert_same_float(got, MISSING, number);
	else
	{
		assert_nearly_equal(got, (double) expected, 0x1p-23, number);
		/* zero is positive */
		assert_that(got != 0 || !signbit(got), number);
	}
}

static void
assert_losses(const float *got, const float *expected, int n)
{
	for (int i = 0; i < n; i++)
		assert_same_float(got[i], expected[i], i);
}

/* --- resample --- */

static float *
resample(const float *curve, int n, int m)
{
	float *resampled = allocate(m * sizeof(float));

	metaprobe_resample(curve, n, resampled, m);
	return resampled;
}

static void
assert_resampled(const float *curve, int n, const float *expected, int m)
{
	float *got = resample(curve, n, m);

	assert_losses(got, expected, m);
	free(got);
}

static void
resampling_is_linear(void **state)
{
	const float curve[] = {4, 2, 3};

	(void) state;
	assert_resampled(curve, 3, (float[]){4, 3, 2, 2.5f, 3}, 5);
	assert_resampled(curve, 3, (float[]){4, 2, 3}, 3);
	assert_resampled(curve, 3, (float[]){4, 3}, 2);
	assert_resampled(curve, 2, (float[]){4, 3.5f, 3, 2.5f, 2}, 5);
}

static void
resampling_at_its_edges(void **state)
{
	const float curve[] = {4, 2, 3};

	(void) state;
	assert_resampled(curve, 3, NULL, 0);
	assert_resampled(NULL, 0, NULL, 0);
	assert_resampled(curve, 3, (float[]){4}, 1);
	assert_resampled(curve, 1, (float[]){4, 4, 4}, 3);
	assert_resampled(curve, 1, (float[]){4}, 1);
	assert_resampled(NULL, 0, (float[]){MISSING, MISSING}, 2);
	assert_resampled(NULL, 0, (float[]){MISSING}, 1);
}

static void
resampling_keeps_gaps(void **state)
{
	const float curve[] = {4, MISSING, 2, 3};
	const float none[] = {MISSING, MISSING};

	(void) state;
	assert_resampled(curve, 4,
					 (float[]){4, MISSING, MISSING, MISSING, 2, 2.5f, 3}, 7);
	assert_resampled(none, 2, (float[]){MISSING, MISSING, MISSING}, 3);
}

static void
resampling_to_its_own_length_changes_nothing(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		int n = random_below(&random, MAX_N + 1);

		random_curve(&random, round % N_CURVE_STYLES,
					 random_missing_share(&random), curve, n);
		assert_resampled(curve, n, curve, n);
	}
}

/* Epoch i of m as a point on the line between two epochs of n. */
static long double
naive_resampled(const float *curve, int n, int i, int m)
{
	/* in whole numbers: i * (n - 1) = before * (m - 1) + rest */
	int before = m > 1 ? i * (n - 1) / (m - 1) : 0;
	int rest = m > 1 ? i * (n - 1) % (m - 1) : 0;

	if (rest == 0)
		return curve[before];
	return ((long double) curve[before] * (m - 1 - rest) +
			(long double) curve[before + 1] * rest) /
		   (m - 1);
}

static void
resampling_agrees_with_whole_numbers(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int	   n = random_between(&random, 1, MAX_N);
		int	   m = random_between(&random, 1, MAX_N);
		float *got;

		random_curve(&random, STYLE_TRAINING, random_missing_share(&random),
					 curve, n);
		got = resample(curve, n, m);
		for (int i = 0; i < m; i++)
			assert_loss_near(got[i], naive_resampled(curve, n, i, m), round);
		free(got);
	}
}

/* Whatever the losses: no new extremes, and both ends to the bit. */
static void
resampling_stays_between_the_losses(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(10000); round++)
	{
		int	   n = random_between(&random, 2, MAX_N);
		int	   m = random_between(&random, 2, MAX_N);
		float  least = INFINITY;
		float  greatest = -INFINITY;
		float *got;

		random_curve(&random, STYLE_ANY_BITS, 0, curve, n);
		for (int i = 0; i < n; i++)
		{
			least = fminf(least, curve[i]);
			greatest = fmaxf(greatest, curve[i]);
		}
		got = resample(curve, n, m);
		for (int i = 0; i < m; i++)
			assert_that(got[i] >= least && got[i] <= greatest, round);
		assert_same_float(got[0], curve[0], round);
		assert_same_float(got[m - 1], curve[n - 1], round);
		free(got);
	}
}

/* --- smooth --- */

static void
assert_smoothed(const float *curve, int n, int window, const float *expected)
{
	float *got = allocate(n * sizeof(float));

	metaprobe_smooth(curve, n, window, got);
	assert_losses(got, expected, n);
	free(got);
}

static void
smoothing_averages_the_window(void **state)
{
	const float curve[] = {1, 2, 6, MISSING, 4};
	const float none[] = {MISSING, MISSING};

	(void) state;
	assert_smoothed(curve, 5, 1, curve);
	assert_smoothed(curve, 5, 3, (float[]){1.5f, 3, 4, MISSING, 4});
	assert_smoothed(curve, 5, 5, (float[]){3, 3, 3.25f, MISSING, 5});
	assert_smoothed(curve, 3, 99, (float[]){3, 3, 3});
	assert_smoothed(curve, 3, INT_MAX, (float[]){3, 3, 3});
	assert_smoothed(curve, 1, 3, curve);
	assert_smoothed(NULL, 0, 3, NULL);
	assert_smoothed(none, 2, 3, none);
}

static long double
naive_smoothed(const float *curve, int n, int window, int i)
{
	long double sum = 0;
	int			observed = 0;

	if (isnan(curve[i]))
		return NAN;
	for (int j = 0; j < n; j++)
	{
		if (abs(i - j) <= (window - 1) / 2 && !isnan(curve[j]))
		{
			sum += curve[j];
			observed++;
		}
	}
	return sum / observed;
}

static void
smoothing_agrees_with_plain_means(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];
	float  got[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int n = random_between(&random, 1, MAX_N);
		int window = 2 * random_below(&random, MAX_N + 5) + 1;

		random_curve(&random, STYLE_TRAINING, random_missing_share(&random),
					 curve, n);
		metaprobe_smooth(curve, n, window, got);
		for (int i = 0; i < n; i++)
			assert_loss_near(got[i], naive_smoothed(curve, n, window, i),
							 round);
	}
}

static void
smoothing_the_largest_losses_does_not_overflow(void **state)
{
	float curve[MAX_N];
	float got[MAX_N];

	(void) state;
	for (int i = 0; i < MAX_N; i++)
		curve[i] = FLT_MAX;
	metaprobe_smooth(curve, MAX_N, 2 * MAX_N + 1, got);
	assert_losses(got, curve, MAX_N);
}

static int n_polls;

static void
count_poll(void)
{
	n_polls++;
}

static void
wide_smoothing_can_be_cancelled(void **state)
{
	const int n = 4000;
	float	 *curve = allocate(n * sizeof(float));
	float	 *smoothed = allocate(n * sizeof(float));
	Random	  random = random_stream(__func__);

	(void) state;
	random_curve(&random, STYLE_TRAINING, 0, curve, n);
	n_polls = 0;
	metaprobe_poll_hook = count_poll;
	metaprobe_smooth(curve, n, 2 * n + 1, smoothed);
	metaprobe_poll_hook = NULL;
	free(curve);
	free(smoothed);
	/* sixteen million additions, of which some milliseconds hold a few */
	assert_true(n_polls >= 4 && n_polls <= n);
}

/* --- sparkline --- */

static void
assert_drawn(const float *curve, int n, int width, const char *digits)
{
	unsigned char *levels = allocate(width);
	char		   drawn[64];

	metaprobe_spark_levels(curve, n, width, levels);
	for (int i = 0; i < width; i++)
		drawn[i] = (char) ('0' + levels[i]);
	drawn[width] = '\0';
	assert_string_equal(drawn, digits);
	free(levels);
}

static void
columns_show_levels_from_zero(void **state)
{
	const float falling[] = {7, 6, 5, 4, 3, 2, 1, 0};
	const float high[] = {14, 7, MISSING, 14};
	const float signs[] = {-7, 0, 7};
	const float zero[] = {0, 0, MISSING};
	const float none[] = {MISSING, MISSING};

	(void) state;
	assert_drawn(falling, 8, 8, "87654321");
	/* means 6.5, 4.5, 2.5, 0.5 on a scale to 6.5 */
	assert_drawn(falling, 8, 4, "8642");
	assert_drawn(falling, 8, 1, "8");
	assert_drawn(high, 4, 4, "8508");
	/* a column of an observed and a missing epoch shows the observed one */
	assert_drawn(high, 4, 2, "68");
	assert_drawn(signs, 3, 3, "158");
	assert_drawn(zero, 3, 3, "110");
	assert_drawn(none, 2, 2, "00");
	assert_drawn(none, 2, 1, "0");
	assert_drawn(NULL, 0, 0, "");
}

/* The mean of a column of the drawing; NaN if nothing was observed. */
static double
naive_column(const float *curve, int n, int column, int width)
{
	double sum = 0;
	int	   observed = 0;

	for (int i = 0; i < n; i++)
	{
		if (i < column * n / width || i >= (column + 1) * n / width)
			continue;
		if (isnan(curve[i]))
			continue;
		sum += curve[i];
		observed++;
	}
	return sum / observed;
}

/* Levels lie within half a step of where the mean stands on the scale. */
static void
levels_agree_with_the_scale(void **state)
{
	Random random = random_stream(__func__);
	float  curve[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int			  n = random_between(&random, 1, MAX_N);
		int			  width = random_between(&random, 1, n);
		unsigned char levels[MAX_N];
		double		  bottom = 0;
		double		  top = -INFINITY;

		random_curve(&random, round % N_CURVE_STYLES,
					 random_missing_share(&random), curve, n);
		metaprobe_spark_levels(curve, n, width, levels);
		for (int c = 0; c < width; c++)
		{
			bottom = fmin(bottom, naive_column(curve, n, c, width));
			top = fmax(top, naive_column(curve, n, c, width));
		}
		for (int c = 0; c < width; c++)
		{
			double mean = naive_column(curve, n, c, width);
			double exact = (mean - bottom) / (top - bottom) * 7 + 1;

			if (isnan(mean))
				assert_int(levels[c], SPARK_MISSING, round);
			else if (top > bottom && top >= 0)
				assert_that(fabs(levels[c] - exact) <= 0.5 + 1e-5, round);
			assert_that(isnan(mean) || levels[c] >= 1, round);
			assert_that(levels[c] <= SPARK_LEVELS, round);
		}
	}
}

static void
every_epoch_is_in_one_column(void **state)
{
	float		  curve[MAX_N];
	unsigned char levels[MAX_N];

	(void) state;
	for (int n = 1; n <= MAX_N; n++)
	{
		for (int width = 1; width <= n; width++)
		{
			for (int peak = 0; peak < n; peak++)
			{
				int columns = 0;

				for (int i = 0; i < n; i++)
					curve[i] = i == peak ? 1 : MISSING;
				metaprobe_spark_levels(curve, n, width, levels);
				for (int c = 0; c < width; c++)
					columns += levels[c] != SPARK_MISSING;
				assert_int(columns, 1, n);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resampling_is_linear),
		cmocka_unit_test(resampling_at_its_edges),
		cmocka_unit_test(resampling_keeps_gaps),
		cmocka_unit_test(resampling_to_its_own_length_changes_nothing),
		cmocka_unit_test(resampling_agrees_with_whole_numbers),
		cmocka_unit_test(resampling_stays_between_the_losses),
		cmocka_unit_test(smoothing_averages_the_window),
		cmocka_unit_test(smoothing_agrees_with_plain_means),
		cmocka_unit_test(smoothing_the_largest_losses_does_not_overflow),
		cmocka_unit_test(wide_smoothing_can_be_cancelled),
		cmocka_unit_test(columns_show_levels_from_zero),
		cmocka_unit_test(levels_agree_with_the_scale),
		cmocka_unit_test(every_epoch_is_in_one_column),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("curve_shape", tests, NULL, NULL);
}
