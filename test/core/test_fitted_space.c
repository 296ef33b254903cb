/*
 * test_fitted_space.c
 *		Unit tests of the mapping into fitted spaces.
 */
#include <float.h>

#include "both_kernels.h"
#include "fitted_space.h"
#include "one_distance.h"
#include "random.h"
#include "reference_space.h"

#define MISSING metaprobe_missing_loss()

/* A triangle of moderate entries. */
static void
random_triangle(Random *random, int n, double *triangle)
{
	for (int j = 0; j < n; j++)
	{
		for (int i = j; i < n; i++)
			triangle[metaprobe_triangle_place(n, i, j)] =
				i == j ? 0.1 + random_unit(random) : random_unit(random) - 0.5;
	}
}

static FittedSpace
random_space(Random *random, double *triangle)
{
	FittedSpace space = {.scale = random_below(random, N_SCALES),
						 .n_epochs = random_between(random, 1, MAX_SPACE)};

	if (random_chance(random, 0.8))
	{
		random_triangle(random, space.n_epochs, triangle);
		space.matrix = triangle;
	}
	return space;
}

/* Map in memory of exactly the sizes asked for. */
static void
map(const FittedSpace *space, const float *curve, int n, float *point)
{
	double *room = allocate(2 * space->n_epochs * sizeof(double));
	float  *exact = allocate(space->n_epochs * sizeof(float));

	metaprobe_fitted_map(space, curve, n, exact, room);
	memcpy(point, exact, space->n_epochs * sizeof(float));
	free(exact);
	free(room);
}

static void
scales_agree_with_the_c_library(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int scale = 0; scale < N_SCALES; scale++)
	{
		FittedSpace space = {scale, 5, NULL};

		for (int round = 0; round < random_rounds(50000); round++)
		{
			float  curve[5];
			double scaled[5];

			random_curve(&random, STYLE_ANY_BITS, 0, curve, 5);
			curve[4] = -curve[0];
			assert_int(metaprobe_fitted_scale(&space, curve, 5, scaled), 5,
					   round);
			for (int i = 0; i < 5; i++)
			{
				double expected = reference_scale(scale, curve[i]);
				double rounding = 2e-15 * fabs(expected);

				if (scale == SCALE_LOG) /* of the sum with 1 */
					rounding += 3e-16;
				assert_that(fabs(scaled[i] - expected) <= rounding, round);
			}
			assert_same_double(scaled[4], -scaled[0], round);
		}
	}
}

static void
scales_are_exact_where_they_can_be(void **state)
{
	const float	 losses[] = {0, 1, 8, -27, 64, 0.125f, 9, 1e-45f};
	const double roots[] = {0, 1, 2, -3, 4, 0.5};
	double		 scaled[8];

	(void) state;
	metaprobe_fitted_scale(&(FittedSpace){SCALE_CBRT, 8, NULL}, losses, 8,
						   scaled);
	assert_same_double(scaled[0], 0, 0);
	for (int i = 1; i < 6; i++)
		assert_nearly_equal(scaled[i], roots[i], 3e-16, i);
	metaprobe_fitted_scale(&(FittedSpace){SCALE_SQRT, 8, NULL}, losses, 8,
						   scaled);
	assert_same_double(scaled[6], 3, 0);
	metaprobe_fitted_scale(&(FittedSpace){SCALE_LOG, 8, NULL}, losses, 8,
						   scaled);
	assert_same_double(scaled[0], 0, 0);
	assert_nearly_equal(scaled[1], 6.90875477931522, 1e-15, 0);
}

static void
points_agree_with_plain_loops(void **state)
{
	Random random = random_stream(__func__);
	double triangle[MAX_SPACE * (MAX_SPACE + 1) / 2];

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		FittedSpace space = random_space(&random, triangle);
		int			n = random_between(&random, 0, MAX_SPACE);
		int			used = n < space.n_epochs ? n : space.n_epochs;
		float		curve[MAX_SPACE];
		float		point[MAX_SPACE];
		double		x[MAX_SPACE];
		int			end;

		random_curve(&random, random_below(&random, STYLE_ANY_BITS),
					 random_missing_share(&random), curve, n);
		map(&space, curve, n, point);
		end = reference_scaled_curve(space.scale, curve, used, x);
		for (int i = 0; i < space.n_epochs; i++)
		{
			double sum = 0;
			double size = 0;

			if (i >= end)
			{
				assert_same_float(point[i], MISSING, round);
				continue;
			}
			for (int j = 0; space.matrix && j <= i; j++)
			{
				double entry =
					triangle[metaprobe_triangle_place(space.n_epochs, i, j)];

				sum += entry * x[j];
				size += fabs(entry * x[j]);
			}
			if (space.matrix == NULL)
				size = fabs(sum = x[i]);
			assert_that(fabs(point[i] - sum) <= 1e-7 * size + 1e-12, round);
		}
	}
}

static void
a_prefix_has_the_first_coordinates(void **state)
{
	Random random = random_stream(__func__);
	double triangle[MAX_SPACE * (MAX_SPACE + 1) / 2];

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		FittedSpace space = random_space(&random, triangle);
		int			n = space.n_epochs;
		int			m = random_between(&random, 0, n);
		float		curve[MAX_SPACE];
		float		point[MAX_SPACE];
		float		of_prefix[MAX_SPACE];

		random_curve(&random, random_below(&random, N_CURVE_STYLES), 0, curve,
					 n);
		map(&space, curve, n, point);
		map(&space, curve, m, of_prefix);
		for (int i = 0; i < n; i++)
			assert_same_float(of_prefix[i], i < m ? point[i] : MISSING, round);
		for (int i = m; i < n; i++)
			curve[i] = MISSING;
		map(&space, curve, n, point);
		assert_memory_equal(point, of_prefix, n * sizeof(float));
	}
}

static void
both_kernels_give_the_same_bits(void **state)
{
	Random random = random_stream(__func__);
	double triangle[MAX_SPACE * (MAX_SPACE + 1) / 2];

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		FittedSpace space = random_space(&random, triangle);
		float		curve[MAX_SPACE];
		float		best[MAX_SPACE];
		float		portable[MAX_SPACE];

		random_curve(&random, random_below(&random, N_CURVE_STYLES),
					 random_missing_share(&random), curve, space.n_epochs);
		metaprobe_cpu_pretend_portable(false);
		map(&space, curve, space.n_epochs, best);
		metaprobe_cpu_pretend_portable(true);
		map(&space, curve, space.n_epochs, portable);
		metaprobe_cpu_pretend_portable(false);
		assert_memory_equal(best, portable, space.n_epochs * sizeof(float));
	}
}

static void
coordinates_stay_finite(void **state)
{
	const double triangle[] = {FITTED_MAX_ENTRY, -FITTED_MAX_ENTRY, 1};
	FittedSpace	 space = {SCALE_RAW, 2, triangle};
	float		 point[2];

	(void) state;
	map(&space, (float[]){3e38f, -3e38f}, 2, point);
	assert_same_float(point[0], FLT_MAX, 0);
	assert_same_float(point[1], -FLT_MAX, 0);
}

/* Curves of several labels, some of which end early. */
typedef struct Curves
{
	double		 scaled[200 * MAX_SPACE];
	int32_t		 ends[200];
	int32_t		 labels[200];
	bool		 trains[200];
	ScaledCurves curves;
} Curves;

static void
random_curves(Random *random, Curves *set, bool is_complete)
{
	int n = random_between(random, 1, MAX_SPACE);
	int n_curves = random_between(random, 2, 200);
	int n_parts = random_between(random, 1, 5);
	int except = random_between(random, -1, n_parts - 1);
	int label = 0;

	if (n_parts == 1)
		except = -1;
	for (int i = 0; i < n_curves; i++)
	{
		double level = random_unit(random);

		label += i > 0 && random_chance(random, 0.05);
		set->labels[i] = label;
		set->ends[i] = is_complete ? n : random_between(random, 1, n);
		set->trains[i] = except < 0 || i % n_parts != except;
		for (int j = 0; j < n; j++)
			set->scaled[i * n + j] =
				j < set->ends[i] ? level + random_unit(random) : NAN;
	}
	set->curves = (ScaledCurves){set->scaled, set->ends, set->labels, n_curves,
								 n,			  n_parts,	 except};
}

static void
covariances_agree_with_plain_loops(void **state)
{
	Random random = random_stream(__func__);
	Curves set;
	double covariance[MAX_SPACE * (MAX_SPACE + 1) / 2];
	double room[4 * MAX_SPACE];
	double expected[MAX_SPACE][MAX_SPACE];

	(void) state;
	for (int round = 0; round < 60; round++)
	{
		int n;

		random_curves(&random, &set, round % 2);
		n = set.curves.n_epochs;
		metaprobe_within_covariance(&set.curves, covariance, room);
		reference_covariance(set.scaled, set.ends, set.labels, set.trains,
							 set.curves.n_curves, n, expected);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j <= i; j++)
				assert_that(fabs(
								covariance[metaprobe_triangle_place(n, i, j)] -
								expected[i][j]) < 1e-12,
							round);
		}
	}
}

static void
distances_are_those_of_mahalanobis(void **state)
{
	Random random = random_stream(__func__);
	Curves set;
	double covariance[MAX_SPACE * (MAX_SPACE + 1) / 2];
	double matrix[MAX_SPACE * (MAX_SPACE + 1) / 2];
	double room[MAX_SPACE * (MAX_SPACE + 1) / 2 + 4 * MAX_SPACE];
	double c[MAX_SPACE][MAX_SPACE];

	(void) state;
	for (int round = 0; round < random_rounds(200); round++)
	{
		const double shrinkages[] = {0.05, 0.3, 1};
		double		 wanted = shrinkages[round % 3];
		double		 shrinkage;
		FittedSpace	 space = {random_below(&random, N_SCALES), 0, matrix};
		int			 n;
		int			 m;
		float		 curves[2][MAX_SPACE];
		float		 points[2][MAX_SPACE];
		double		 x[MAX_SPACE];
		double		 d[MAX_SPACE];
		double		 expected;
		double		 largest = 0;

		do
		{
			random_curves(&random, &set, round % 2);
			metaprobe_within_covariance(&set.curves, covariance, room);
			n = set.curves.n_epochs;
			shrinkage =
				metaprobe_whitening(covariance, n, wanted, matrix, room);
		} while (isnan(shrinkage));
		assert_that(shrinkage >= wanted && shrinkage <= 1, round);
		if (round % 2) /* then it is positive definite */
			assert_same_double(shrinkage, wanted, round);

		/* curves that both end after m epochs */
		space.n_epochs = n;
		m = random_between(&random, 1, n);
		for (int i = 0; i < 2; i++)
		{
			random_curve(&random, STYLE_TRAINING, 0, curves[i], m);
			map(&space, curves[i], m, points[i]);
		}
		reference_scaled_curve(space.scale, curves[0], m, x);
		reference_scaled_curve(space.scale, curves[1], m, d);
		for (int i = 0; i < m; i++)
			d[i] -= x[i];
		reference_covariance(set.scaled, set.ends, set.labels, set.trains,
							 set.curves.n_curves, n, c);
		reference_shrink(c, n, shrinkage);
		for (int i = 0; i < m; i++)
			largest = fmax(largest, fabs(points[0][i]));
		expected = sqrt(mahalanobis_square(c, d, m) * n / m);
		assert_that(fabs(l2_distance(points[0], points[1], n, n) - expected) <=
						1e-4 * expected + 1e-6 * n * largest,
					round);
	}
}

static void
without_variance_there_is_no_matrix(void **state)
{
	const double zero[3] = {0};
	double		 matrix[3];
	double		 room[3];

	(void) state;
	assert_that(isnan(metaprobe_whitening(zero, 2, 0.5, matrix, room)), 0);
}

static void
an_indefinite_covariance_is_shrunk_further(void **state)
{
	const double covariance[] = {1, 5, 1}; /* columns: (1, 5), (1) */
	double		 matrix[3];
	double		 room[3];
	double		 shrinkage;

	(void) state;
	shrinkage = metaprobe_whitening(covariance, 2, 0.1, matrix, room);
	assert_that(shrinkage > 0.8 && shrinkage < 1, 0);
	/* the rows of the matrix have unit length under what it whitens */
	assert_nearly_equal(matrix[0], 1, 1e-15, 0);
	assert_nearly_equal(matrix[1] * matrix[1] + matrix[2] * matrix[2] +
							2 * matrix[1] * matrix[2] * 5 * (1 - shrinkage),
						1, 1e-12, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(scales_agree_with_the_c_library),
		test_with_both_kernels(scales_are_exact_where_they_can_be),
		test_with_both_kernels(points_agree_with_plain_loops),
		test_with_both_kernels(a_prefix_has_the_first_coordinates),
		cmocka_unit_test(both_kernels_give_the_same_bits),
		test_with_both_kernels(coordinates_stay_finite),
		test_with_both_kernels(covariances_agree_with_plain_loops),
		test_with_both_kernels(distances_are_those_of_mahalanobis),
		cmocka_unit_test(without_variance_there_is_no_matrix),
		test_with_both_kernels(an_indefinite_covariance_is_shrunk_further),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("fitted space", tests, NULL, NULL);
}
