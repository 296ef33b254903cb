/*
 * test_rough.c
 *		Unit tests of rough distances: what they promise of the exact ones.
 */
#include "both_kernels.h"
#include "test.h"

#include "random.h"
#include "rough.h"

#define MAX_ROWS 20
#define MAX_NUMBERS 200

/* The distance in long double. */
static long double
plain_distance(const RoughPoints *points, int row)
{
	long double sum = 0;

	for (int i = 0; i < points->n; i++)
	{
		long double difference =
			(long double) points->rows[(size_t) row * points->n + i] -
			points->from[i];

		sum += points->norm == PACKED_SQUARES ? difference * difference :
												fabsl(difference);
	}
	return points->norm == PACKED_SQUARES ? sqrtl(sum) : sum;
}

/* Numbers of all sizes, so that squares are too small for floats, or too large. */
static void
random_numbers(Random *random, float *numbers, int n)
{
	double size = ldexp(1, random_between(random, -148, 127));
	bool   are_near = random_chance(random, 0.5);

	for (int i = 0; i < n; i++)
	{
		double number = random_unit(random);

		if (are_near)
			number = 0.5 + number / 1024;
		numbers[i] = (float) (size * number);
		if (random_chance(random, 0.05))
			numbers[i] = -numbers[i];
	}
}

static RoughPoints
random_points(Random *random, float *rows, float *from, int n_rows)
{
	RoughPoints points = {rows, from, random_between(random, 1, MAX_NUMBERS),
						  random_chance(random, 0.5) ? PACKED_SQUARES :
													   PACKED_SIZES};

	random_numbers(random, rows, n_rows * points.n);
	memcpy(from, rows + points.n * random_below(random, n_rows),
		   points.n * sizeof(float));
	if (random_chance(random, 0.7))
		random_numbers(random, from, points.n);
	return points;
}

/* No distance is above its reach, nor its rough one above its threshold. */
static void
rough_distances_bound_the_exact_ones(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		static float rows[MAX_ROWS * MAX_NUMBERS];
		float		 from[MAX_NUMBERS];
		int32_t		 which[MAX_ROWS];
		int32_t		 roughs[MAX_ROWS + 1];
		int			 n_rows = random_between(&random, 1, MAX_ROWS);
		RoughPoints	 points = random_points(&random, rows, from, n_rows);

		for (int i = 0; i < n_rows; i++)
			which[i] = random_below(&random, n_rows);
		roughs[n_rows] = 12345;
		metaprobe_rough_distances(&points, which, n_rows, roughs);
		assert_int(roughs[n_rows], 12345, round);
		for (int i = 0; i < n_rows; i++)
		{
			long double exact = plain_distance(&points, which[i]);

			assert_true(roughs[i] >= 0);
			assert_true(exact <= metaprobe_rough_reach(&points, roughs[i]));
			assert_true(roughs[i] <=
						metaprobe_rough_threshold(&points, (double) exact));
		}
	}
}

/* Where floats suffice they tell apart what differs by a ten-thousandth. */
static void
rough_distances_are_nearly_exact(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		float		rows[MAX_NUMBERS];
		float		from[MAX_NUMBERS];
		int32_t		row = 0;
		int32_t		rough;
		RoughPoints points = {rows, from, MAX_NUMBERS,
							  round % 2 == 0 ? PACKED_SQUARES : PACKED_SIZES};
		double		exact;

		for (int i = 0; i < MAX_NUMBERS; i++)
		{
			rows[i] = (float) random_unit(&random);
			from[i] = (float) random_unit(&random);
		}
		exact = (double) plain_distance(&points, 0);
		metaprobe_rough_distances(&points, &row, 1, &rough);
		assert_true(metaprobe_rough_reach(&points, rough) < exact * 1.0001);
		assert_true(rough >
					metaprobe_rough_threshold(&points, exact / 1.0001));
	}
}

/* A row that is not a number is farther than every one that is. */
static void
undefined_rows_come_last(void **state)
{
	float		rows[] = {1, 2, NAN, 3, -NAN, 4, 3e38f, -3e38f};
	float		from[] = {1, 2};
	int32_t		which[] = {0, 1, 2, 3};
	int32_t		roughs[4];
	RoughPoints points = {rows, from, 2, PACKED_SQUARES};

	(void) state;
	metaprobe_rough_distances(&points, which, 4, roughs);
	assert_int_equal(roughs[0], 0);
	assert_true(roughs[3] > roughs[0]);
	assert_true(roughs[1] > roughs[3]);
	assert_true(roughs[2] > roughs[3]);
	assert_true(metaprobe_rough_threshold(&points, 1e15) < roughs[1]);
	assert_true(isinf(metaprobe_rough_reach(&points, roughs[1])));
	assert_true(isinf(metaprobe_rough_reach(&points, roughs[3])));
	assert_true(metaprobe_rough_threshold(&points, INFINITY) >= roughs[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(rough_distances_bound_the_exact_ones),
		test_with_both_kernels(rough_distances_are_nearly_exact),
		test_with_both_kernels(undefined_rows_come_last),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("rough", tests, NULL, NULL);
}
