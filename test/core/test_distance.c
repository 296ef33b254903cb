/*
 * test_distance.c
 *		Unit tests of the distances between curves, epoch by epoch.
 */
#define _DEFAULT_SOURCE /* for guarded.h */

#include "both_kernels.h"
#include "test.h"

#include <float.h>

#include "guarded.h"
#include "one_distance.h"
#include "random.h"
#include "reference_distance.h"

#define MAX_N 75
#define MISSING metaprobe_missing_loss()

typedef double (*PlainDistance)(const float *a, const float *b, int n,
								int full_length);

typedef struct DistanceCase
{
	const char	 *name;
	PlainDistance distance;
	PlainDistance in_lanes; /* to the bit */
	PlainDistance plain;	/* up to rounding */
} DistanceCase;

static const DistanceCase cases[] = {
	{"l2", l2_distance, lane_l2_distance, plain_l2_distance},
	{"l1", l1_distance, lane_l1_distance, plain_l1_distance},
	{"cosine", cosine_distance, lane_cosine_distance, plain_cosine_distance},
	{"correlation", correlation_distance, lane_correlation_distance,
	 plain_correlation_distance}};

/* Two curves of up to MAX_N epochs, the second at times near the first. */
static int
random_pair(Random *random, float *a, float *b)
{
	CurveStyle style = random_below(random, N_CURVE_STYLES);
	int		   n = random_between(random, 0, MAX_N);

	random_curve(random, style, random_missing_share(random), a, n);
	random_curve(random, style, random_missing_share(random), b, n);
	for (int i = 0; style == STYLE_TRAINING && i < n; i++)
	{
		if (random_chance(random, 0.3))
			b[i] = a[i] * 1.0001f;
	}
	return n;
}

static void
bits_are_those_of_four_lanes(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int n = random_pair(&random, a, b);
		int full_length = n + random_below(&random, 20);

		for (int i = 0; i < LENGTH_OF(cases); i++)
			assert_same_double(cases[i].distance(a, b, n, full_length),
							   cases[i].in_lanes(a, b, n, full_length), round);
	}
}

static void
values_are_those_of_the_formulas(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int n = random_pair(&random, a, b);
		int full_length = n + random_below(&random, 20);

		for (int i = 0; i < LENGTH_OF(cases); i++)
		{
			double got = cases[i].distance(a, b, n, full_length);
			double expected = cases[i].plain(a, b, n, full_length);

			/* 1 - cosine cancels, so its error is relative to 1 */
			if (i >= 2)
				assert_nearly_equal(1 + got, 1 + expected, 1e-9, round);
			else
				assert_nearly_equal(got, expected, 1e-13, round);
		}
	}
}

#define MAX_OTHERS 11

/* Many at once are each as one alone, whether or not losses may be missing. */
static void
several_at_once_are_as_one_by_one(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		CurveStyle	 style = random_below(&random, N_CURVE_STYLES);
		bool		 is_complete = random_chance(&random, 0.5);
		double		 share = is_complete ? 0 : random_missing_share(&random);
		int			 n = random_between(&random, 0, MAX_N);
		int			 n_others = random_between(&random, 0, MAX_OTHERS);
		float		 a[MAX_N];
		float		 b[MAX_OTHERS][MAX_N];
		const float *others[MAX_OTHERS];
		double		 results[MAX_OTHERS];

		random_curve(&random, style, share, a, n);
		for (int j = 0; j < n_others; j++)
		{
			random_curve(&random, style, share, b[j], n);
			others[j] = b[j];
		}
		/* not a number that the style may give, but really missing */
		for (int i = 0; is_complete && i < n; i++)
		{
			a[i] = isnan(a[i]) ? 0 : a[i];
			for (int j = 0; j < n_others; j++)
				b[j][i] = isnan(b[j][i]) ? 0 : b[j][i];
		}
		for (int metric = 0; metric < LENGTH_OF(cases); metric++)
		{
			metaprobe_distance_function(metric, is_complete)(a, others,
															 n_others, n,
															 n + 3, results);
			for (int j = 0; j < n_others; j++)
				assert_same_double(results[j],
								   cases[metric].in_lanes(a, b[j], n, n + 3),
								   round);
		}
	}
}

/* The last epochs, fewer than a vector holds, are all that is read of it. */
static void
nothing_behind_the_curves_is_read(void **state)
{
	Random	random = random_stream(__func__);
	Guarded behind_a = open_guarded(MAX_N * sizeof(float));
	Guarded behind_b = open_guarded(MAX_N * sizeof(float));

	(void) state;
	for (int n = 0; n <= MAX_N; n++)
	{
		float		 a[MAX_N];
		float		 b[MAX_N];
		const float *others[MAX_OTHERS];
		const float *guarded;
		double		 results[MAX_OTHERS];

		random_curve(&random, STYLE_TRAINING, 0, a, n);
		random_curve(&random, STYLE_TRAINING, 0, b, n);
		guarded = copy_guarded(&behind_a, a, n * sizeof(float));
		for (int j = 0; j < MAX_OTHERS; j++)
			others[j] = copy_guarded(&behind_b, b, n * sizeof(float));
		for (int metric = 0; metric < LENGTH_OF(cases); metric++)
		{
			for (int is_complete = 0; is_complete < 2; is_complete++)
			{
				metaprobe_distance_function(metric, is_complete)(guarded,
																 others,
																 MAX_OTHERS, n,
																 n, results);
				for (int j = 0; j < MAX_OTHERS; j++)
					assert_same_double(results[j],
									   cases[metric].in_lanes(a, b, n, n), n);
			}
		}
	}
	close_guarded(&behind_a);
	close_guarded(&behind_b);
}

/* The examples in scikit-learn's documentation of nan_euclidean_distances. */
static void
l2_is_nan_euclidean(void **state)
{
	(void) state;
	assert_nearly_equal(l2_distance((float[]){3, MISSING, MISSING, 6},
									(float[]){1, MISSING, 4, 5}, 4, 4),
						sqrt(4 / 2 * (2 * 2 + 1 * 1)), 1e-15, 0);
	assert_nearly_equal(l2_distance((float[]){0, 1}, (float[]){1, MISSING}, 2,
									2),
						sqrt(2), 1e-15, 1);
}

static void
small_examples(void **state)
{
	const float a[] = {1, 2, 3, 4, 5};
	const float b[] = {2, 2, 1, 4, 9};
	const float east[] = {1, 0};
	const float north[] = {0, 3};
	const float west[] = {-2, 0};
	const float falling[] = {5, 4, 3, 2, 1};

	(void) state;
	assert_same_double(l2_distance(a, b, 5, 5), sqrt(21), 0);
	assert_same_double(l1_distance(a, b, 5, 5), 7, 1);
	assert_same_double(l1_distance(a, b, 5, 10), 14, 2);
	assert_same_double(cosine_distance(east, north, 2, 2), 1, 3);
	assert_same_double(cosine_distance(east, west, 2, 2), 2, 4);
	assert_same_double(correlation_distance(a, falling, 5, 5), 2, 5);
}

static void
order_of_arguments_does_not_matter(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(10000); round++)
	{
		int n = random_pair(&random, a, b);

		for (int i = 0; i < LENGTH_OF(cases); i++)
			assert_same_double(cases[i].distance(a, b, n, n),
							   cases[i].distance(b, a, n, n), round);
	}
}

static void
identical_curves_are_at_zero(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];
	int	   defined = 0;

	(void) state;
	for (int round = 0; round < 20000; round++)
	{
		int n = random_pair(&random, a, b);

		for (int i = 0; i < LENGTH_OF(cases); i++)
		{
			double distance = cases[i].distance(a, a, n, n);

			if (isnan(cases[i].plain(a, a, n, n)))
				continue;
			assert_same_double(distance, 0, round);
			defined++;
		}
	}
	assert_true(defined > 40000);
}

static void
absent_epochs_are_missing_epochs(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int n = random_pair(&random, a, b);
		int cut = random_between(&random, 0, n);

		for (int i = cut; i < n; i++)
			a[i] = MISSING;
		for (int i = 0; i < LENGTH_OF(cases); i++)
			assert_same_double(cases[i].distance(a, b, cut, n),
							   cases[i].distance(a, b, n, n), round);
	}
}

static void
undefined_without_a_joint_epoch(void **state)
{
	const float a[] = {1, MISSING, 3, MISSING, MISSING, 2};
	const float b[] = {MISSING, 2, MISSING, 4, MISSING, MISSING};

	(void) state;
	for (int i = 0; i < LENGTH_OF(cases); i++)
	{
		for (int n = 0; n <= LENGTH_OF(a); n++)
			assert_true(isnan(cases[i].distance(a, b, n, LENGTH_OF(a))));
	}
}

static void
cosine_is_undefined_for_zero_curves(void **state)
{
	const float zero[] = {0, 0, 0, 0, 0};
	const float some[] = {1, 2, 3, 4, 5};
	const float zero_where_joint[] = {MISSING, 1, 0, MISSING, 0};
	const float gaps[] = {1, MISSING, 2, 3, 4};

	(void) state;
	assert_true(isnan(cosine_distance(zero, some, 5, 5)));
	assert_true(isnan(cosine_distance(some, zero, 5, 5)));
	assert_true(isnan(cosine_distance(zero, zero, 5, 5)));
	assert_true(isnan(cosine_distance(zero_where_joint, gaps, 5, 5)));
	assert_same_double(l2_distance(zero, zero, 5, 5), 0, 0);
	assert_same_double(l1_distance(zero, zero, 5, 5), 0, 1);
}

/* However many there are, rounding their mean must not leave a residue. */
static void
correlation_is_undefined_for_constant_curves(void **state)
{
	const float constants[] = {0, 0.1f, -0.1f, 1 / 3.f, FLT_MAX, 0x1p-149f};
	float		constant[MAX_N];
	float		varied[MAX_N];

	(void) state;
	for (int i = 0; i < LENGTH_OF(constants); i++)
	{
		for (int n = 1; n <= MAX_N; n++)
		{
			constant[n - 1] = constants[i];
			varied[n - 1] = (float) (n * n % 7);
			assert_true(isnan(correlation_distance(constant, varied, n, n)));
			assert_true(isnan(correlation_distance(varied, constant, n, n)));
			assert_true(isnan(correlation_distance(constant, constant, n, n)));
		}
	}
}

static void
correlation_needs_both_to_vary_where_joint(void **state)
{
	const float a[] = {9, 0.1f, 0.1f, 8, 0.1f, 7};
	const float b[] = {MISSING, 1, 2, MISSING, 3, MISSING};
	const float c[] = {1, 1, 2, MISSING, 3, MISSING};

	(void) state;
	assert_true(isnan(correlation_distance(a, b, 6, 6)));
	assert_true(isnan(correlation_distance(b, a, 6, 6)));
	assert_false(isnan(correlation_distance(a, c, 6, 6)));
}

static void
correlation_ignores_scale_and_offset(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		random_curve(&random, STYLE_INTEGERS, 0.1, a, MAX_N);
		for (int i = 0; i < MAX_N; i++)
			b[i] = 8 * a[i] - 5;
		assert_true(correlation_distance(a, b, MAX_N, MAX_N) < 1e-14);
	}
}

static void
angles_stay_between_0_and_2(void **state)
{
	Random random = random_stream(__func__);
	float  a[MAX_N];
	float  b[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int	  n = random_pair(&random, a, b);
		float factor = (float) random_between(&random, -3, 3) / 3;

		/* nearly parallel curves show rounding beyond the ends */
		for (int i = 0; i < n; i++)
			b[i] = random_chance(&random, 0.9) ? a[i] * factor : b[i];
		for (int i = 2; i < LENGTH_OF(cases); i++)
		{
			double distance = cases[i].distance(a, b, n, n);

			assert_that(isnan(distance) || (distance >= 0 && distance <= 2),
						round);
		}
	}
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
	assert_nearly_equal(l2_distance(a, b, n, n), 2.0 * FLT_MAX * sqrt(n),
						1e-12, 0);
	assert_nearly_equal(l1_distance(a, b, n, n), 2.0 * FLT_MAX * n, 1e-12, 1);
	assert_nearly_equal(l1_distance(a, b, 1, n), 2.0 * FLT_MAX * n, 1e-12, 2);
	assert_same_double(cosine_distance(a, b, n, n), 2, 3);
	a[0] = -FLT_MAX;
	b[0] = FLT_MAX;
	assert_nearly_equal(correlation_distance(a, b, n, n), 2, 1e-12, 4);
	assert_same_double(correlation_distance(a, a, n, n), 0, 5);
	free(a);
	free(b);
}

static void
smallest_losses_are_at_exact_distances(void **state)
{
	const float least = 0x1p-149f;
	const float a[] = {least, 2 * least, 3 * least};
	const float b[] = {2 * least, 3 * least, 4 * least};
	const float c[] = {3 * least, 2 * least, least};
	const float zero[] = {0, 0, 0};

	(void) state;
	assert_same_double(l2_distance(a, zero, 1, 1), 0x1p-149, 0);
	assert_same_double(l1_distance(a, zero, 3, 3), 6 * 0x1p-149, 1);
	assert_same_double(cosine_distance(a, a, 3, 3), 0, 2);
	assert_nearly_equal(cosine_distance(a, c, 3, 3), 1 - 10.0 / 14, 1e-14, 3);
	assert_nearly_equal(1 + correlation_distance(a, b, 3, 3), 1, 1e-14, 4);
	assert_nearly_equal(correlation_distance(a, c, 3, 3), 2, 1e-14, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(bits_are_those_of_four_lanes),
		test_with_both_kernels(values_are_those_of_the_formulas),
		test_with_both_kernels(several_at_once_are_as_one_by_one),
		test_with_both_kernels(nothing_behind_the_curves_is_read),
		test_with_both_kernels(l2_is_nan_euclidean),
		test_with_both_kernels(small_examples),
		test_with_both_kernels(order_of_arguments_does_not_matter),
		test_with_both_kernels(identical_curves_are_at_zero),
		test_with_both_kernels(absent_epochs_are_missing_epochs),
		test_with_both_kernels(undefined_without_a_joint_epoch),
		test_with_both_kernels(cosine_is_undefined_for_zero_curves),
		test_with_both_kernels(correlation_is_undefined_for_constant_curves),
		test_with_both_kernels(correlation_needs_both_to_vary_where_joint),
		test_with_both_kernels(correlation_ignores_scale_and_offset),
		test_with_both_kernels(angles_stay_between_0_and_2),
		test_with_both_kernels(largest_losses_are_at_finite_distances),
		test_with_both_kernels(smallest_losses_are_at_exact_distances),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("distance", tests, NULL, NULL);
}
