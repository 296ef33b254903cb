/*
 * test_loss.c
 *		Unit tests of single losses and of the order of curves.
 */
#include "test.h"

#include <float.h>

#include "loss.h"
#include "random.h"

#define MISSING metaprobe_missing_loss()

static float
float_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
doubles_become_losses(void **state)
{
	float loss = -7;

	(void) state;
	assert_true(metaprobe_loss_from_double(-0.0, &loss));
	assert_same_float(loss, 0.0f, 0);
	assert_true(metaprobe_loss_from_double(-1e-60, &loss));
	assert_same_float(loss, 0.0f, 1);
	assert_true(metaprobe_loss_from_double(0.1, &loss));
	assert_same_float(loss, 0.1f, 2);
	assert_true(metaprobe_loss_from_double(-(double) FLT_MAX, &loss));
	assert_same_float(loss, -FLT_MAX, 3);
	assert_true(metaprobe_loss_from_double(float_of_bits(0xffc12345), &loss));
	assert_same_float(loss, float_of_bits(0x7fc00000), 4);

	loss = -7;
	assert_false(metaprobe_loss_from_double(INFINITY, &loss));
	assert_false(metaprobe_loss_from_double(-INFINITY, &loss));
	assert_false(metaprobe_loss_from_double(1e300, &loss));
	assert_false(metaprobe_loss_from_double(0x1.ffffffp127, &loss));
	assert_same_float(loss, -7, 5);
}

static int
compare(const float *a, int n, const float *b, int m)
{
	return metaprobe_losses_compare(a, n, b, m);
}

static void
curves_are_ordered_by_the_first_difference(void **state)
{
	/* in order; no two are equal */
	static const struct
	{
		int	  n;
		float losses[3];
	} curves[] = {{0, {0}},		 {1, {-FLT_MAX}},  {3, {-1, NAN, NAN}},
				  {1, {0}},		 {2, {0, 0}},	   {2, {0, 0x1p-149f}},
				  {2, {0, NAN}}, {3, {0, NAN, 5}}, {1, {1}},
				  {2, {1, -9}},	 {1, {FLT_MAX}},   {1, {NAN}},
				  {2, {NAN, 1}}, {2, {NAN, NAN}}};

	(void) state;
	for (int i = 0; i < LENGTH_OF(curves); i++)
	{
		for (int j = 0; j < LENGTH_OF(curves); j++)
			assert_int(compare(curves[i].losses, curves[i].n, curves[j].losses,
							   curves[j].n),
					   (i > j) - (i < j), i * 100 + j);
	}
}

/* Compare once more: a missing epoch as infinity, an absent one as less. */
static int
naive_compare(const float *a, int n, const float *b, int m)
{
	for (int i = 0; i < n || i < m; i++)
	{
		double x = i >= n ? -INFINITY : isnan(a[i]) ? INFINITY : a[i];
		double y = i >= m ? -INFINITY : isnan(b[i]) ? INFINITY : b[i];

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static void
order_agrees_with_a_plain_comparison(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(100000); round++)
	{
		float	   a[5];
		float	   b[5];
		CurveStyle style = round % N_CURVE_STYLES;
		int		   n = random_below(&random, LENGTH_OF(a) + 1);
		int		   m = random_below(&random, LENGTH_OF(b) + 1);

		random_curve(&random, style, 0.3, a, n);
		random_curve(&random, style, 0.3, b, m);
		if (random_chance(&random, 0.5))
			memcpy(b, a, (n < m ? n : m) * sizeof(float));
		assert_int(compare(a, n, b, m), naive_compare(a, n, b, m), round);
		assert_int(compare(b, m, a, n), -compare(a, n, b, m), round);
		assert_int(compare(a, n, b, m) == 0,
				   n == m && memcmp(a, b, n * sizeof(float)) == 0, round);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_become_losses),
		cmocka_unit_test(curves_are_ordered_by_the_first_difference),
		cmocka_unit_test(order_agrees_with_a_plain_comparison),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
