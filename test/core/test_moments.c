/*
 * test_moments.c
 *		Unit tests of the mean and standard deviation of a stream.
 */
#include "test.h"

#include <float.h>

#include "moments.h"
#include "random.h"

#define MAX_N 300

static Moments
moments_of(const float *losses, int n)
{
	Moments moments = {0};

	for (int i = 0; i < n; i++)
		metaprobe_moments_add(&moments, losses[i]);
	return moments;
}

/* Kinds of streams that rounding could make differ from order to order. */
typedef enum StreamKind
{
	STREAM_TRAINING,
	STREAM_SCALES, /* of either sign, over 12 decimal orders */
	STREAM_CLUSTER /* neighbouring floats far from zero: all cancels */
} StreamKind;

#define N_STREAM_KINDS (STREAM_CLUSTER + 1)

static void
random_stream_of(Random *random, StreamKind kind, float *losses, int n)
{
	float centre = (float) (random_unit(random) * 1000);

	for (int i = 0; i < n; i++)
	{
		switch (kind)
		{
			case STREAM_TRAINING:
				losses[i] = random_loss(random, STYLE_TRAINING, i % 90);
				break;
			case STREAM_SCALES:
				losses[i] = (float) (pow(10, 12 * random_unit(random) - 8) *
									 (random_chance(random, 0.5) ? 1 : -1));
				break;
			case STREAM_CLUSTER:
				losses[i] = centre;
				if (random_chance(random, 0.3))
					losses[i] = nextafterf(centre, INFINITY);
				break;
		}
	}
}

static void
shuffle(Random *random, float *losses, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int	  j = random_below(random, i + 1);
		float swap = losses[i];

		losses[i] = losses[j];
		losses[j] = swap;
	}
}

/* Split at random, all the way down or not, and merge in either direction. */
static Moments
moments_of_parts(Random *random, const float *losses, int n)
{
	int		cut = random_between(random, 0, n);
	Moments left;
	Moments right;

	if (n < 2 || random_chance(random, 0.2))
		return moments_of(losses, n);
	left = moments_of_parts(random, losses, cut);
	right = moments_of_parts(random, losses + cut, n - cut);
	if (random_chance(random, 0.5))
	{
		metaprobe_moments_merge(&right, &left);
		return right;
	}
	metaprobe_moments_merge(&left, &right);
	return left;
}

static void
order_and_merging_do_not_show(void **state)
{
	Random random = random_stream(__func__);
	float  losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		int		n = random_between(&random, 1, MAX_N);
		Moments once;

		random_stream_of(&random, round % N_STREAM_KINDS, losses, n);
		once = moments_of(losses, n);
		for (int again = 0; again < 5; again++)
		{
			Moments parts;

			shuffle(&random, losses, n);
			parts = moments_of_parts(&random, losses, n);
			assert_int(parts.count, n, round);
			assert_same_float((float) metaprobe_moments_mean(&parts),
							  (float) metaprobe_moments_mean(&once), round);
			assert_same_double((float) metaprobe_moments_stddev(&parts),
							   (float) metaprobe_moments_stddev(&once), round);
		}
	}
}

static long double
two_pass_mean(const float *losses, int n)
{
	long double sum = 0;

	for (int i = 0; i < n; i++)
		sum += losses[i];
	return sum / n;
}

static long double
two_pass_stddev(const float *losses, int n)
{
	long double mean = two_pass_mean(losses, n);
	long double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (losses[i] - mean) * (losses[i] - mean);
	return sqrtl(sum / (n - 1));
}

static void
values_are_those_of_two_passes(void **state)
{
	Random random = random_stream(__func__);
	float  losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(10000); round++)
	{
		int		n = random_between(&random, 2, MAX_N);
		Moments moments;

		random_stream_of(&random, round % N_STREAM_KINDS, losses, n);
		moments = moments_of_parts(&random, losses, n);
		/* the mean of both signs cancels, so its error is to their size */
		assert_that(fabsl(metaprobe_moments_mean(&moments) -
						  two_pass_mean(losses, n)) <=
						1e-15L * (fabsl(two_pass_mean(losses, n)) +
								  two_pass_stddev(losses, n)),
					round);
		assert_nearly_equal(metaprobe_moments_stddev(&moments),
							(double) two_pass_stddev(losses, n), 1e-9, round);
	}
}

static void
small_examples(void **state)
{
	const float losses[] = {2, 4, 4, 4, 5, 5, 7, 9};
	Moments		moments = moments_of(losses, 8);

	(void) state;
	assert_same_double(metaprobe_moments_mean(&moments), 5, 0);
	assert_same_double(metaprobe_moments_stddev(&moments), sqrt(32.0 / 7), 1);
}

/* What large losses swallow comes back when they cancel. */
static void
small_losses_survive_large_ones(void **state)
{
	const float losses[] = {0x1p30f, 0x1p-30f, -0x1p30f, 0x1p-31f};
	Moments		moments = moments_of(losses, 4);

	(void) state;
	assert_same_double(metaprobe_moments_mean(&moments), 0x1.8p-30 / 4, 0);
}

static void
few_losses_leave_moments_undefined(void **state)
{
	Moments moments = {0};

	(void) state;
	assert_true(isnan(metaprobe_moments_mean(&moments)));
	assert_true(isnan(metaprobe_moments_stddev(&moments)));
	metaprobe_moments_add(&moments, 0.1f);
	assert_same_double(metaprobe_moments_mean(&moments), 0.1f, 0);
	assert_true(isnan(metaprobe_moments_stddev(&moments)));
	metaprobe_moments_add(&moments, 0.1f);
	assert_same_double(metaprobe_moments_stddev(&moments), 0, 1);
}

static void
merging_nothing_changes_nothing(void **state)
{
	const float losses[] = {0.1f, 0.7f, 1e9f, 1e-9f};
	Moments		moments = moments_of(losses, 4);
	Moments		before = moments;
	Moments		nothing = {0};

	(void) state;
	metaprobe_moments_merge(&moments, &nothing);
	assert_memory_equal(&moments, &before, sizeof(moments));
	metaprobe_moments_merge(&nothing, &moments);
	assert_memory_equal(&nothing, &before, sizeof(moments));
}

/* The sum of squares must cancel to the last bit. */
static void
equal_losses_do_not_deviate(void **state)
{
	const float values[] = {0,	  0.1f,	   -0.1f,	  1 / 3.f, 2.3026f,
							1e6f, FLT_MAX, 0x1p-149f, FLT_MIN, 16777213};

	(void) state;
	for (int i = 0; i < LENGTH_OF(values); i++)
	{
		Moments moments = {0};

		for (int n = 1; n <= 20000; n++)
		{
			metaprobe_moments_add(&moments, values[i]);
			if (n == 1 || (n > 1000 && n % 97 != 0))
				continue;
			assert_same_double(metaprobe_moments_mean(&moments), values[i], n);
			assert_same_double(metaprobe_moments_stddev(&moments), 0, n);
		}
	}
}

static void
equal_losses_do_not_deviate_when_merged(void **state)
{
	Random random = random_stream(__func__);
	float  losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		float	loss = random_any_loss(&random);
		int		n = random_between(&random, 2, MAX_N);
		Moments moments;

		for (int i = 0; i < n; i++)
			losses[i] = loss;
		moments = moments_of_parts(&random, losses, n);
		assert_same_double(metaprobe_moments_mean(&moments), loss, round);
		assert_same_double(metaprobe_moments_stddev(&moments), 0, round);
	}
}

static void
largest_losses_do_not_overflow(void **state)
{
	Moments moments = {0};

	(void) state;
	for (int i = 0; i < 100000; i++)
		metaprobe_moments_add(&moments, i % 2 ? FLT_MAX : -FLT_MAX);
	assert_same_double(metaprobe_moments_mean(&moments), 0, 0);
	assert_nearly_equal(metaprobe_moments_stddev(&moments),
						FLT_MAX * sqrt(100000.0 / 99999), 1e-12, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_merging_do_not_show),
		cmocka_unit_test(values_are_those_of_two_passes),
		cmocka_unit_test(small_examples),
		cmocka_unit_test(small_losses_survive_large_ones),
		cmocka_unit_test(few_losses_leave_moments_undefined),
		cmocka_unit_test(merging_nothing_changes_nothing),
		cmocka_unit_test(equal_losses_do_not_deviate),
		cmocka_unit_test(equal_losses_do_not_deviate_when_merged),
		cmocka_unit_test(largest_losses_do_not_overflow),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("moments", tests, NULL, NULL);
}
