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

/* Rows, and what to measure from, with rooms of their own. */
typedef struct Rows
{
	float	   numbers[MAX_ROWS * MAX_NUMBERS];
	float	   from[MAX_NUMBERS];
	int		   n_from; /* 0: all, which are known to be so */
	int		   n_rows;
	int		   n;
	PackedNorm norm;
	RoughRows  rough;
	RoughQuery query;
	void	  *memory;
	void	  *query_memory;
} Rows;

/* Round the query, of which some numbers may be unknown. */
static void
set_query(Rows *rows)
{
	if (rows->n_from == 0)
		metaprobe_rough_query_set(&rows->query, &rows->rough, rows->from);
	else
		metaprobe_rough_query_set_known(&rows->query, &rows->rough, rows->from,
										rows->n_from);
}

/* Round the rows and the query. */
static void
open_rows(Rows *rows)
{
	size_t size = metaprobe_rough_size(rows->n_rows, rows->n);

	rows->memory = allocate(size);
	memset(rows->memory, 0xa5, size);
	metaprobe_rough_build(&rows->rough, rows->norm, rows->numbers,
						  rows->n_rows, rows->n, rows->memory);
	rows->query_memory = allocate(metaprobe_rough_query_size(rows->n));
	metaprobe_rough_query_init(&rows->query, rows->n, rows->query_memory);
	set_query(rows);
}

static void
close_rows(Rows *rows)
{
	free(rows->memory);
	free(rows->query_memory);
}

/* The distance in long double, over the numbers known. */
static long double
plain_distance(const Rows *rows, int row)
{
	long double sum = 0;
	int			n = rows->n_from > 0 ? rows->n_from : rows->n;

	for (int i = 0; i < n; i++)
	{
		long double difference =
			(long double) rows->numbers[row * rows->n + i] - rows->from[i];

		if (isnan(rows->from[i]))
			continue;
		sum += rows->norm == PACKED_SQUARES ? difference * difference :
											  fabsl(difference);
	}
	return rows->norm == PACKED_SQUARES ? sqrtl(sum) : sum;
}

/* Numbers of all sizes: of one size in a row, near each other or not. */
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

/*
 * The query is a row, or between two of them, or beyond all in some numbers, or
 * has nothing to do with them.
 */
static void
random_query(Random *random, Rows *rows)
{
	const float *row =
		rows->numbers + rows->n * random_below(random, rows->n_rows);

	if (random_chance(random, 0.2))
	{
		random_numbers(random, rows->from, rows->n);
		return;
	}
	memcpy(rows->from, row, rows->n * sizeof(float));
	row = rows->numbers + rows->n * random_below(random, rows->n_rows);
	for (int i = 0; i < rows->n; i++)
	{
		if (random_chance(random, 0.3))
			rows->from[i] = (float) (rows->from[i] * 0.3 + row[i] * 0.7);
		if (random_chance(random, 0.02))
			rows->from[i] *= (float) random_unit(random);
		if (random_chance(random, 0.02) && fabsf(rows->from[i]) < 1e37f)
			rows->from[i] *= 3;
	}
}

/* Forget some of the numbers to measure from, all but one, or the last ones. */
static void
forget_numbers(Random *random, Rows *rows)
{
	const double shares[] = {0, 0.1, 0.5, 1};
	double		 share = shares[random_below(random, LENGTH_OF(shares))];
	int			 kept;

	rows->n_from = random_chance(random, 0.5) ?
					   rows->n :
					   random_between(random, 1, rows->n);
	kept = random_below(random, rows->n_from);
	for (int i = 0; i < rows->n_from; i++)
	{
		if (i != kept && random_chance(random, share))
			rows->from[i] = NAN;
	}
}

static void
open_random_rows(Random *random, Rows *rows)
{
	rows->n_rows = random_between(random, 1, MAX_ROWS);
	rows->n = random_between(random, 1, MAX_NUMBERS);
	rows->norm = random_chance(random, 0.5) ? PACKED_SQUARES : PACKED_SIZES;
	random_numbers(random, rows->numbers, rows->n_rows * rows->n);
	random_query(random, rows);
	rows->n_from = 0;
	if (random_chance(random, 0.5))
		forget_numbers(random, rows);
	open_rows(rows);
}

/* A row's exact distance is within what its rough one allows, either way. */
static void
assert_bounds_hold(const Rows *rows, int row, int32_t rough, long round)
{
	long double exact = plain_distance(rows, row);

	assert_that(exact <=
					metaprobe_rough_reach(&rows->rough, &rows->query, rough),
				round);
	assert_that(rough <= metaprobe_rough_threshold(&rows->rough, &rows->query,
												   (double) exact),
				round);
}

/* No distance is above its reach, nor its rough one above its threshold. */
static void
rough_distances_bound_the_exact_ones(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(10000); round++)
	{
		Rows	rows;
		int32_t which[MAX_ROWS];
		int32_t roughs[MAX_ROWS + 1];

		open_random_rows(&random, &rows);
		for (int i = 0; i < rows.n_rows; i++)
			which[i] = random_below(&random, rows.n_rows);
		roughs[rows.n_rows] = 12345;
		metaprobe_rough_distances(&rows.rough, &rows.query, which, rows.n_rows,
								  roughs);
		assert_int(roughs[rows.n_rows], 12345, round);
		for (int i = 0; i < rows.n_rows; i++)
		{
			assert_that(roughs[i] >= 0 && roughs[i] < ROUGH_INFINITE, round);
			assert_bounds_hold(&rows, which[i], roughs[i], round);
		}
		close_rows(&rows);
	}
}

/*
 * Differences that rounding makes a step less or more in all numbers, and whose
 * squares lose the most by being divided: what the bounds are for.
 */
static void
roundings_that_add_up_are_allowed_for(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(4000); round++)
	{
		const int32_t which[] = {0, 1};
		const float	  halves[] = {0.499f, 0.501f, 1.499f, 1.501f};
		Rows		  rows = {.n_rows = 3,
							  .n = random_between(&random, 2, MAX_NUMBERS),
							  .norm = round % 2 == 0 ? PACKED_SQUARES : PACKED_SIZES};
		float		  a = halves[random_below(&random, 4)];
		float		  b = halves[random_below(&random, 4)];
		float	scale = (float) ldexp(1, random_between(&random, -20, 20));
		int		most = random_chance(&random, 0.5) ? 1 : 20;
		int		apart[2]; /* by so many steps more, in turn */
		int32_t roughs[2];

		/* the first number spans so much that a step is the scale */
		rows.numbers[0] = -16383 * scale;
		rows.numbers[2 * rows.n] = 16383 * scale;
		for (int i = 0; i < 2; i++)
			apart[i] = random_below(&random, most);
		for (int i = 1; i < rows.n; i++)
		{
			rows.numbers[i] = -a * scale;
			rows.numbers[rows.n + i] = a * scale;
			rows.from[i] = (b + apart[i % 2]) * scale;
		}
		if (round % 4 >= 2)
			forget_numbers(&random, &rows);
		open_rows(&rows);
		metaprobe_rough_distances(&rows.rough, &rows.query, which, 2, roughs);
		for (int i = 0; i < 2; i++)
			assert_bounds_hold(&rows, which[i], roughs[i], round);
		close_rows(&rows);
	}
}

/* The float nearest to half a step beyond so many steps, all but so many ulps. */
static float
near_half(const RoughRows *rows, int steps, int ulps)
{
	float number = (float) ((steps + 0.5) * rows->grid.step);

	for (; ulps > 0; ulps--)
		number = nextafterf(number, 0);
	for (; ulps < 0; ulps++)
		number = nextafterf(number, INFINITY);
	return number;
}

/*
 * Numbers at one end of the grid and a query at the other, both just at half a
 * step, which single precision rounds the wrong way: all differences are off by
 * more than a step.
 */
static void
roundings_in_single_precision_are_allowed_for(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(4000); round++)
	{
		const int32_t which[] = {2, 3};
		int32_t		  roughs[2];
		Rows		  rows = {.n_rows = 4, .n = 16, .norm = PACKED_SQUARES};
		int			  steps = random_between(&random, 16000, 16380);
		/* a step's inverse just above a power of two is rounded the most */
		float end = (float) (GRID_LARGEST_LIMIT * 0x1p-14 *
							 (1 - 0.001 * random_unit(&random)));

		/* once to learn the step, of which the ends alone decide */
		for (int i = 0; i < rows.n; i++)
		{
			rows.numbers[i] = -end;
			rows.numbers[rows.n + i] = end;
		}
		open_rows(&rows);
		for (int i = 0; i < rows.n; i++)
		{
			rows.numbers[2 * rows.n + i] = -near_half(&rows.rough, steps, 1);
			rows.numbers[3 * rows.n + i] = -near_half(&rows.rough, steps, -1);
		}
		close_rows(&rows);
		open_rows(&rows);
		for (int ulps = -3; ulps <= 3; ulps++)
		{
			for (int i = 0; i < rows.n; i++)
				rows.from[i] = near_half(&rows.rough, steps, ulps);
			set_query(&rows);
			metaprobe_rough_distances(&rows.rough, &rows.query, which, 2,
									  roughs);
			for (int i = 0; i < 2; i++)
				assert_bounds_hold(&rows, which[i], roughs[i], round);
		}
		close_rows(&rows);
	}
}

/* Where rows are of one size they tell apart what differs by a thousandth. */
static void
rough_distances_are_nearly_exact(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		int32_t row = 0;
		int32_t rough;
		Rows	rows = {.n_rows = 2,
						.n = MAX_NUMBERS,
						.norm = round % 2 == 0 ? PACKED_SQUARES : PACKED_SIZES};
		double	exact;

		for (int i = 0; i < 2 * MAX_NUMBERS; i++)
			rows.numbers[i] = (float) random_unit(&random);
		for (int i = 0; i < MAX_NUMBERS; i++)
			rows.from[i] = rows.numbers[MAX_NUMBERS + i];
		open_rows(&rows);
		exact = (double) plain_distance(&rows, 0);
		metaprobe_rough_distances(&rows.rough, &rows.query, &row, 1, &rough);
		assert_true(metaprobe_rough_reach(&rows.rough, &rows.query, rough) <
					exact * 1.001);
		assert_true(rough > metaprobe_rough_threshold(&rows.rough, &rows.query,
													  exact / 1.001));
		close_rows(&rows);
	}
}

/* The portable kernels and the CPU's give the same integers. */
static void
kernels_agree(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		Rows	rows;
		int32_t which[MAX_ROWS];
		int32_t roughs[2][MAX_ROWS];
		double	beyond[2];

		open_random_rows(&random, &rows);
		for (int i = 0; i < rows.n_rows; i++)
			which[i] = i;
		for (int portable = 0; portable < 2; portable++)
		{
			metaprobe_cpu_pretend_portable(portable);
			set_query(&rows);
			metaprobe_rough_distances(&rows.rough, &rows.query, which,
									  rows.n_rows, roughs[portable]);
			beyond[portable] = rows.query.beyond;
		}
		metaprobe_cpu_pretend_portable(false);
		assert_same_double(beyond[0], beyond[1], round);
		for (int i = 0; i < rows.n_rows; i++)
			assert_int(roughs[0][i], roughs[1][i], round);
		close_rows(&rows);
	}
}

/* Rows as far apart as there are, and as long: no sum overflows. */
static void
the_largest_distances_are_finite(void **state)
{
	const int lengths[] = {1, 2, 15, 16, 17, 90, 1000, 16000};

	(void) state;
	for (int i = 0; i < 2 * LENGTH_OF(lengths); i++)
	{
		int			  n = lengths[i / 2];
		PackedNorm	  norm = i % 2 == 0 ? PACKED_SQUARES : PACKED_SIZES;
		float		 *numbers = allocate(2 * n * sizeof(float));
		void		 *memory = allocate(metaprobe_rough_size(2, n));
		RoughRows	  rows;
		void		 *query_memory = allocate(metaprobe_rough_query_size(n));
		RoughQuery	  query;
		const int32_t which[] = {0, 1};
		int32_t		  roughs[2];
		double distance = norm == PACKED_SQUARES ? 2 * sqrt(n) : 2.0 * n;

		for (int j = 0; j < n; j++)
		{
			numbers[j] = -1;
			numbers[n + j] = 1;
		}
		metaprobe_rough_build(&rows, norm, numbers, 2, n, memory);
		metaprobe_rough_query_init(&query, n, query_memory);
		metaprobe_rough_query_set(&query, &rows, numbers);
		metaprobe_rough_distances(&rows, &query, which, 2, roughs);
		assert_that(roughs[0] >= 0 && roughs[0] < roughs[1], i);
		assert_that(roughs[1] < ROUGH_INFINITE, i);
		assert_that(metaprobe_rough_reach(&rows, &query, roughs[0]) <
						distance * 0.01,
					i);
		assert_that(metaprobe_rough_reach(&rows, &query, roughs[1]) >=
						distance,
					i);
		assert_that(metaprobe_rough_reach(&rows, &query, roughs[1]) <
						distance * 1.001,
					i);
		free(numbers);
		free(memory);
		free(query_memory);
	}
}

/* A row that is not a number is farther than every one that is. */
static void
undefined_rows_come_last(void **state)
{
	Rows		  rows = {.numbers = {1, 2, NAN, 3, 2, -NAN, 3e38f, -3e38f},
						  .from = {1, 2},
						  .n_rows = 4,
						  .n = 2,
						  .norm = PACKED_SQUARES};
	const int32_t which[] = {0, 1, 2, 3};
	int32_t		  roughs[4];

	(void) state;
	open_rows(&rows);
	metaprobe_rough_distances(&rows.rough, &rows.query, which, 4, roughs);
	assert_true(roughs[0] < roughs[3]);
	assert_true(roughs[3] < ROUGH_INFINITE);
	assert_int_equal(roughs[1], ROUGH_UNDEFINED);
	assert_int_equal(roughs[2], ROUGH_UNDEFINED);
	assert_true(isinf(
		metaprobe_rough_reach(&rows.rough, &rows.query, ROUGH_UNDEFINED)));
	assert_true(metaprobe_rough_threshold(&rows.rough, &rows.query, INFINITY) <
				ROUGH_UNDEFINED);
	assert_true(metaprobe_rough_threshold(&rows.rough, &rows.query,
										  INFINITY) >= roughs[3]);
	close_rows(&rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(rough_distances_bound_the_exact_ones),
		test_with_both_kernels(roundings_that_add_up_are_allowed_for),
		test_with_both_kernels(roundings_in_single_precision_are_allowed_for),
		test_with_both_kernels(rough_distances_are_nearly_exact),
		cmocka_unit_test(kernels_agree),
		test_with_both_kernels(the_largest_distances_are_finite),
		test_with_both_kernels(undefined_rows_come_last),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("rough", tests, NULL, NULL);
}
