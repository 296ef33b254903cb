/*
 * test_dtw.c
 *		Unit tests of dynamic time warping.
 */
#include "test.h"

#include <float.h>
#include <limits.h>

#include "cpu.h"
#include "one_distance.h"
#include "dtw.h"
#include "poll.h"
#include "random.h"
#include "reference_dtw.h"

#define MISSING metaprobe_missing_loss()

/* The distance, in a workspace of exactly the size announced. */
static double
dtw(const float *a, int n, const float *b, int m, int band)
{
	void  *workspace = allocate(metaprobe_dtw_workspace_size(n, m));
	double distance = metaprobe_dtw_distance(a, n, b, m, band, workspace);

	free(workspace);
	return distance;
}

static int
random_band(Random *random)
{
	return random_between(random, DTW_NO_BAND, 12);
}

/* Curves of up to max epochs in memory of their own, to be freed. */
static float *
random_new_curve(Random *random, CurveStyle style, int max, int *n)
{
	float *curve;

	*n = random_between(random, 0, max);
	curve = allocate(*n * sizeof(float));
	random_curve(random, style, random_missing_share(random), curve, *n);
	return curve;
}

static void
bits_are_those_of_the_textbook(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		CurveStyle style = round % N_CURVE_STYLES;
		int		   n;
		int		   m;
		float	  *a = random_new_curve(&random, style, 30, &n);
		float	  *b = random_new_curve(&random, style, 30, &m);
		int		   band = random_band(&random);

		assert_same_double(dtw(a, n, b, m, band),
						   reference_dtw_distance(a, n, b, m, band), round);
		free(a);
		free(b);
	}
}

/* The least sum over all paths from here on, by walking each of them. */
static double
walk_all_paths(const float *a, int n, const float *b, int m, double walked)
{
	double here = walked + ((double) a[0] - b[0]) * ((double) a[0] - b[0]);
	double least = INFINITY;

	if (n == 1 && m == 1)
		return here;
	if (n > 1)
		least = fmin(least, walk_all_paths(a + 1, n - 1, b, m, here));
	if (m > 1)
		least = fmin(least, walk_all_paths(a, n, b + 1, m - 1, here));
	if (n > 1 && m > 1)
		least = fmin(least, walk_all_paths(a + 1, n - 1, b + 1, m - 1, here));
	return least;
}

static void
no_path_is_shorter(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		float a[6];
		float b[6];
		int	  n = random_between(&random, 1, LENGTH_OF(a));
		int	  m = random_between(&random, 1, LENGTH_OF(b));

		random_curve(&random, round % N_CURVE_STYLES, 0, a, n);
		random_curve(&random, round % N_CURVE_STYLES, 0, b, m);
		assert_nearly_equal(dtw(a, n, b, m, DTW_NO_BAND),
							sqrt(walk_all_paths(a, n, b, m, 0)), 1e-14, round);
	}
}

static void
small_examples(void **state)
{
	const float a[] = {1, 2, 3, 3, 5};
	const float b[] = {1, 2, 2, 2, 3, 5};
	const float step_early[] = {9, 1, 1, 1, 1};
	const float step_late[] = {9, 9, 9, 9, 1};

	(void) state;
	assert_same_double(dtw(a, 5, b, 6, DTW_NO_BAND), 0, 0);
	assert_same_double(dtw(a, 1, b, 6, DTW_NO_BAND), sqrt(1 + 1 + 1 + 4 + 16),
					   1);
	assert_same_double(dtw(step_early, 5, step_late, 5, 3), 0, 2);
	assert_same_double(dtw(step_early, 5, step_late, 5, 2), 8, 3);
	assert_same_double(dtw(step_early, 5, step_late, 5, 1), sqrt(2 * 64), 4);
	assert_same_double(dtw(step_early, 5, step_late, 5, 0), sqrt(3 * 64), 5);
}

static void
band_widens_until_a_path_is_left(void **state)
{
	const float a[] = {0, 1, 2, 3, 4, 5};
	const float gaps[] = {0, MISSING, MISSING, MISSING, MISSING, 5};
	const float late[] = {MISSING, MISSING, MISSING, 7};

	(void) state;
	/* epochs 2 and 3 lie two from their nearest: 1 + 2 on either side */
	assert_same_double(dtw(a, 6, gaps, 6, 0), sqrt(2 * (1 + 4)), 0);
	assert_same_double(dtw(gaps, 6, a, 6, 0), sqrt(2 * (1 + 4)), 1);
	assert_same_double(dtw(a, 1, late, 4, 0), 7, 2);
	assert_same_double(dtw(late, 4, a, 1, 1), 7, 3);
	/* of unequal lengths: the last epoch of the shorter takes the rest */
	assert_same_double(dtw(a, 6, a, 4, 0), sqrt(1 + 4), 4);
}

static void
missing_epochs_are_dropped(void **state)
{
	const float a[] = {MISSING, 1, MISSING, MISSING, 2, 3, MISSING};
	const float b[] = {1, 2, 2, 3};

	(void) state;
	assert_same_double(dtw(a, 7, b, 4, DTW_NO_BAND), 0, 0);
	assert_same_double(dtw(b, 4, a, 7, DTW_NO_BAND), 0, 1);
}

static void
undefined_without_an_observed_epoch(void **state)
{
	const float none[] = {MISSING, MISSING, MISSING};
	const float some[] = {MISSING, 2, 1};

	(void) state;
	for (int band = DTW_NO_BAND; band < 4; band++)
	{
		assert_true(isnan(dtw(none, 3, some, 3, band)));
		assert_true(isnan(dtw(some, 3, none, 3, band)));
		assert_true(isnan(dtw(some, 3, none, 0, band)));
		assert_true(isnan(dtw(none, 0, none, 0, band)));
		assert_true(isnan(dtw(some, 1, some, 3, band)));
	}
}

static void
order_of_arguments_does_not_matter(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		CurveStyle style = round % N_CURVE_STYLES;
		int		   n;
		int		   m;
		float	  *a = random_new_curve(&random, style, 40, &n);
		float	  *b = random_new_curve(&random, style, 40, &m);
		int		   band = random_band(&random);

		assert_same_double(dtw(a, n, b, m, band), dtw(b, m, a, n, band),
						   round);
		free(a);
		free(b);
	}
}

static void
identical_curves_are_at_zero(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		int	   n;
		float *a = random_new_curve(&random, round % N_CURVE_STYLES, 40, &n);
		double distance = dtw(a, n, a, n, random_band(&random));

		assert_that(distance == 0 || isnan(distance), round);
		free(a);
	}
}

static void
band_of_zero_pairs_epoch_by_epoch(void **state)
{
	Random random = random_stream(__func__);
	float  a[40];
	float  b[40];

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		int n = random_between(&random, 1, LENGTH_OF(a));

		random_curve(&random, STYLE_TRAINING, 0, a, n);
		random_curve(&random, STYLE_TRAINING, 0, b, n);
		assert_nearly_equal(dtw(a, n, b, n, 0), l2_distance(a, b, n, n), 1e-13,
							round);
	}
}

/* A wider band only adds paths, and one of both lengths holds them all. */
static void
wider_bands_are_never_farther(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		CurveStyle style = round % N_CURVE_STYLES;
		int		   n;
		int		   m;
		float	  *a = random_new_curve(&random, style, 30, &n);
		float	  *b = random_new_curve(&random, style, 30, &m);
		double	   narrower = INFINITY;

		for (int band = 0; band <= 30; band++)
		{
			double wider = dtw(a, n, b, m, band);

			assert_that(isnan(wider) || wider <= narrower, round);
			narrower = wider;
		}
		assert_same_double(narrower, dtw(a, n, b, m, DTW_NO_BAND), round);
		free(a);
		free(b);
	}
}

static void
bands_beyond_all_epochs_are_none(void **state)
{
	const float a[] = {MISSING, 9, 1, 4};
	const float b[] = {9, 9, 9, 1, 5};
	const int	bands[] = {5, LOSS_CURVE_MAX_EPOCHS, LOSS_CURVE_MAX_EPOCHS + 1,
						   1000000000, INT_MAX};

	(void) state;
	for (int i = 0; i < LENGTH_OF(bands); i++)
		assert_same_double(dtw(a, 4, b, 5, bands[i]),
						   dtw(a, 4, b, 5, DTW_NO_BAND), i);
}

static void
largest_losses_are_at_finite_distances(void **state)
{
	const int n = LOSS_CURVE_MAX_EPOCHS;
	float	 *a = allocate(n * sizeof(float));
	float	 *b = allocate(n * sizeof(float));

	(void) state;
	for (int i = 0; i < n; i++)
	{
		a[i] = FLT_MAX;
		b[i] = -FLT_MAX;
	}
	assert_nearly_equal(dtw(a, n, b, n, 3), 2.0 * FLT_MAX * sqrt(n), 1e-12, 0);
	assert_nearly_equal(dtw(a, n, b, 1, DTW_NO_BAND), 2.0 * FLT_MAX * sqrt(n),
						1e-12, 1);
	assert_nearly_equal(dtw(a, 1, b, n, DTW_NO_BAND), 2.0 * FLT_MAX * sqrt(n),
						1e-12, 2);
	free(a);
	free(b);
}

static void
smallest_losses_are_told_apart(void **state)
{
	const float a[] = {0x1p-149f, 0};
	const float b[] = {0, 0};

	(void) state;
	assert_same_double(dtw(a, 2, b, 2, DTW_NO_BAND), 0x1p-149, 0);
}

/* A limit around a distance: just below, equal, just above, or far off. */
static double
random_limit(Random *random, double distance)
{
	switch (random_below(random, 8))
	{
		case 0:
			return nextafter(distance, 0);
		case 1:
			return distance;
		case 2:
			return nextafter(distance, INFINITY);
		case 3:
			return INFINITY;
		case 4:
			return NAN;
		case 5:
			return 0;
		default:
			return distance * 2 * random_unit(random);
	}
}

/* Is this what a search within a limit may make of a distance? */
static bool
is_distance_within(double got, double distance, double limit)
{
	return same_double(got, distance) || (distance > limit && isinf(got));
}

/* A curve of its own memory that ends where it is last observed. */
static DtwCurve
random_dtw_curve(Random *random, CurveStyle style)
{
	DtwCurve curve = {NULL, NULL, NULL, 0, 0};
	float	*losses = random_new_curve(random, style, 30, &curve.end);

	while (curve.end > 0 && isnan(losses[curve.end - 1]))
		curve.end--;
	curve.losses = losses;
	curve.gap = metaprobe_dtw_longest_gap(losses, curve.end);
	return curve;
}

static int
common_end(const DtwCurve *a, const DtwCurve *b)
{
	return a->end < b->end ? a->end : b->end;
}

static void
distances_within_a_limit_are_the_same(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		CurveStyle style = round % N_CURVE_STYLES;
		DtwCurve   a = random_dtw_curve(&random, style);
		DtwCurve   b = random_dtw_curve(&random, style);
		int		   end = common_end(&a, &b);
		int		   band = random_band(&random);
		double	   distance = dtw(a.losses, end, b.losses, end, band);
		double	   limit = random_limit(&random, distance);
		void  *workspace = allocate(metaprobe_dtw_lanes_workspace_size(end));
		double got;

		metaprobe_dtw_distances_within(&a, &b, 1, band, limit, &got,
									   workspace);
		assert_that(is_distance_within(got, distance, limit), round);
		free(workspace);
		free((void *) a.losses);
		free((void *) b.losses);
	}
}

static void
distances_far_beyond_a_limit_are_abandoned(void **state)
{
	float	 a[40];
	float	 b[40];
	DtwCurve curve = {a, NULL, NULL, 40, 0};
	DtwCurve others[DTW_LANES];
	double	 distances[DTW_LANES];
	void	*workspace = allocate(metaprobe_dtw_lanes_workspace_size(40));

	(void) state;
	for (int i = 0; i < 40; i++)
	{
		a[i] = 1;
		b[i] = 2;
	}
	for (int i = 0; i < DTW_LANES; i++)
		others[i] = (DtwCurve){b, NULL, NULL, 40, 0};
	for (int n = 1; n <= DTW_LANES; n++)
	{
		metaprobe_dtw_distances_within(&curve, others, n, 3, 0.5, distances,
									   workspace);
		for (int i = 0; i < n; i++)
			assert_same_double(distances[i], INFINITY, n);
	}
	free(workspace);
}

static void
lanes_are_warps_one_by_one(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		CurveStyle style = round % N_CURVE_STYLES;
		DtwCurve   curve = random_dtw_curve(&random, style);
		DtwCurve   others[DTW_LANES];
		double	   expected[DTW_LANES];
		double	   got[DTW_LANES];
		int		   n = random_between(&random, 0, DTW_LANES);
		int		   band = random_band(&random);
		double	   limit = INFINITY;
		int		   longest = 0;
		void	  *workspace;

		for (int i = 0; i < n; i++)
		{
			int end;

			others[i] = random_dtw_curve(&random, style);
			end = common_end(&curve, &others[i]);
			longest = end > longest ? end : longest;
			expected[i] = dtw(curve.losses, end, others[i].losses, end, band);
		}
		if (n > 0 && round % 2 == 0)
			limit = random_limit(&random, expected[random_below(&random, n)]);
		workspace = allocate(metaprobe_dtw_lanes_workspace_size(longest));
		metaprobe_cpu_pretend_portable(round % 4 < 2);
		metaprobe_dtw_distances_within(&curve, others, n, band, limit, got,
									   workspace);
		metaprobe_cpu_pretend_portable(false);
		for (int i = 0; i < n; i++)
			assert_that(is_distance_within(got[i], expected[i], limit), round);
		free(workspace);
		for (int i = 0; i < n; i++)
			free((void *) others[i].losses);
		free((void *) curve.losses);
	}
}

static void
longest_gaps(void **state)
{
	const float curve[] = {MISSING, 1, MISSING, MISSING, 2, MISSING};
	const int	expected[] = {0, 1, 1, 1, 2, 2, 2};

	(void) state;
	for (int n = 0; n < LENGTH_OF(expected); n++)
		assert_int(metaprobe_dtw_longest_gap(curve, n), expected[n], n);
}

static int n_polls;

static void
count_poll(void)
{
	n_polls++;
}

static void
long_warps_can_be_cancelled(void **state)
{
	const int n = 3000;
	float	 *a = allocate(n * sizeof(float));
	Random	  random = random_stream(__func__);
	double	  distance;

	(void) state;
	random_curve(&random, STYLE_TRAINING, 0, a, n);
	n_polls = 0;
	metaprobe_poll_hook = count_poll;
	distance = dtw(a, n, a, n, DTW_NO_BAND);
	metaprobe_poll_hook = NULL;
	free(a);
	assert_same_double(distance, 0, 0);
	/* nine million cells, of which some milliseconds hold a few million */
	assert_true(n_polls >= 3 && n_polls <= n);
}

static void
long_warps_in_lanes_can_be_cancelled(void **state)
{
	const int n = 800;
	float	 *a = allocate(n * sizeof(float));
	void	 *workspace = allocate(metaprobe_dtw_lanes_workspace_size(n));
	Random	  random = random_stream(__func__);
	DtwCurve  curves[DTW_LANES];
	double	  distances[DTW_LANES];

	(void) state;
	random_curve(&random, STYLE_TRAINING, 0, a, n);
	for (int i = 0; i < DTW_LANES; i++)
		curves[i] = (DtwCurve){a, NULL, NULL, n, 0};
	n_polls = 0;
	metaprobe_poll_hook = count_poll;
	metaprobe_dtw_distances_within(&curves[0], curves, DTW_LANES, DTW_NO_BAND,
								   INFINITY, distances, workspace);
	metaprobe_poll_hook = NULL;
	free(workspace);
	free(a);
	for (int i = 0; i < DTW_LANES; i++)
		assert_same_double(distances[i], 0, i);
	/* ten million cells */
	assert_true(n_polls >= 3 && n_polls <= n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_those_of_the_textbook),
		cmocka_unit_test(no_path_is_shorter),
		cmocka_unit_test(small_examples),
		cmocka_unit_test(band_widens_until_a_path_is_left),
		cmocka_unit_test(missing_epochs_are_dropped),
		cmocka_unit_test(undefined_without_an_observed_epoch),
		cmocka_unit_test(order_of_arguments_does_not_matter),
		cmocka_unit_test(identical_curves_are_at_zero),
		cmocka_unit_test(band_of_zero_pairs_epoch_by_epoch),
		cmocka_unit_test(wider_bands_are_never_farther),
		cmocka_unit_test(bands_beyond_all_epochs_are_none),
		cmocka_unit_test(largest_losses_are_at_finite_distances),
		cmocka_unit_test(smallest_losses_are_told_apart),
		cmocka_unit_test(distances_within_a_limit_are_the_same),
		cmocka_unit_test(distances_far_beyond_a_limit_are_abandoned),
		cmocka_unit_test(lanes_are_warps_one_by_one),
		cmocka_unit_test(longest_gaps),
		cmocka_unit_test(long_warps_can_be_cancelled),
		cmocka_unit_test(long_warps_in_lanes_can_be_cancelled),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("dtw", tests, NULL, NULL);
}
