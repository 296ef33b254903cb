/*
 * test_elementary.c
 *		Unit tests of exponential, logarithm and cube root, against the C
 *		library's in long double.
 */
#include "test.h"

#include <float.h>

#include "elementary.h"
#include "random.h"

typedef struct Function
{
	const char *name;
	double (*ours)(double);
	long double (*exact)(long double);
	double tolerance; /* in units in the last place of the exact value */
	double low;		  /* random arguments are taken from here */
	double high;
} Function;

static const Function functions[] = {
	{"exp", metaprobe_exp, expl, 0.6, -708, 709.78},
	{"expm1", metaprobe_expm1, expm1l, 0.9, -45, 45},
	{"log", metaprobe_log, logl, 0.65, 0, 1e4},
	{"cbrt", metaprobe_cbrt, cbrtl, 0.501, -1e4, 1e4},
};

/* The distance between doubles about x, subnormal ones included. */
static long double
unit_in_last_place(long double x)
{
	int exponent;

	frexpl(x, &exponent);
	if (exponent < DBL_MIN_EXP)
		exponent = DBL_MIN_EXP;
	return ldexpl(1, exponent - DBL_MANT_DIG);
}

static double
error_in_units(const Function *function, double x)
{
	long double exact = function->exact(x);
	double		got = function->ours(x);

	if (isnan(exact) || isinf((double) exact) || exact == 0)
		return same_double(got, (double) exact) ? 0 : INFINITY;
	return (double) (fabsl(got - exact) / unit_in_last_place(exact));
}

static void
assert_close(const Function *function, double x, double tolerance)
{
	double error = error_in_units(function, x);

	if (error <= tolerance)
		return;
	print_error("# %s(%a) is %a, not %La: %g units\n", function->name, x,
				function->ours(x), function->exact(x), error);
	fail();
}

static double
double_of_bits(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Subnormal results are rounded twice. */
static double
tolerance_at(const Function *function, double x)
{
	return fabsl(function->exact(x)) < DBL_MIN ? 1.1 : function->tolerance;
}

static void
random_arguments(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int f = 0; f < LENGTH_OF(functions); f++)
	{
		const Function *function = &functions[f];
		double			worst = 0;

		for (int i = 0; i < 300000; i++)
		{
			double x = function->low +
					   random_unit(&random) * (function->high - function->low);
			double error;

			/* the same number of arguments in every power of two near 0 */
			if (i % 2 == 0)
				x *= exp2(-random_below(&random, 64));
			error = error_in_units(function, x);
			assert_close(function, x, function->tolerance);
			worst = fmax(worst, error);
		}
		printf("# %s: off by at most %.4f units\n", function->name, worst);
	}
}

/* Every pattern of bits alike: huge, subnormal, infinite, not a number. */
static void
any_bits(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int f = 0; f < LENGTH_OF(functions); f++)
	{
		for (int i = 0; i < 300000; i++)
		{
			double x = double_of_bits(random_bits(&random));

			assert_close(&functions[f], x, tolerance_at(&functions[f], x));
		}
	}
}

static void
subnormal_numbers(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int i = 0; i < 100000; i++)
	{
		double tiny = double_of_bits(random_bits(&random) >>
									 random_between(&random, 12, 63));
		double x = -708 - random_unit(&random) * 38;

		assert_close(&functions[2], tiny, 0.65);
		assert_close(&functions[3], tiny, 0.501);
		assert_close(&functions[3], -tiny, 0.501);
		assert_close(&functions[0], x, tolerance_at(&functions[0], x));
	}
}

/* The logarithm about 1, the others about 0. */
static void
near_their_zeros(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int i = 0; i < 200000; i++)
	{
		double small =
			(random_unit(&random) - 0.5) * exp2(-random_below(&random, 60));

		assert_close(&functions[2], 1 + small, 0.65);
		assert_close(&functions[0], small, 0.6);
		assert_close(&functions[1], small, 0.9);
	}
}

typedef void (*AtBoundary)(const Function *function, double boundary);

/*
 * Where one piece of a function ends and the next begins: the multiples of
 * ln(2) / 64 and the ends of the series, the odd multiples of 2^-7 in every
 * power of two, the powers of two.
 */
static void
at_boundaries(AtBoundary check)
{
	for (int i = -70000; i <= 66000; i++)
	{
		double x = (double) (i * (logl(2) / 64));

		check(&functions[0], x);
		if (i >= -3500 && i <= 3500)
			check(&functions[1], x);
	}
	check(&functions[1], 0.25);
	check(&functions[1], -0.25);
	check(&functions[1], 40);
	check(&functions[1], -40);
	for (int power = DBL_MIN_EXP - 1; power < DBL_MAX_EXP; power++)
	{
		for (int j = 0; j < 128; j++)
			check(&functions[2], ldexp(1 + j / 128.0, power));
		check(&functions[3], ldexp(1, power));
		check(&functions[3], -ldexp(1, power));
	}
	check(&functions[2], 0.9375);
	check(&functions[2], 1.0625);
}

static void
increasing_about(const Function *function, double boundary)
{
	double x = boundary;
	double last;

	for (int i = 0; i < 20; i++)
		x = nextafter(x, -INFINITY);
	last = function->ours(x);
	for (int i = 0; i < 40; i++)
	{
		double value;

		x = nextafter(x, INFINITY);
		value = function->ours(x);
		if (value < last)
		{
			print_error("# %s falls from %a to %a at %a\n", function->name,
						last, value, x);
			fail();
		}
		last = value;
	}
}

static void
pieces_join_without_a_fall(void **state)
{
	(void) state;
	at_boundaries(increasing_about);
}

static void
close_about(const Function *function, double boundary)
{
	assert_close(function, boundary, tolerance_at(function, boundary));
	for (int side = 0; side < 2; side++)
	{
		double x = nextafter(boundary, side ? INFINITY : -INFINITY);

		assert_close(function, x, tolerance_at(function, x));
	}
}

static void
pieces_are_accurate_at_their_ends(void **state)
{
	(void) state;
	at_boundaries(close_about);
}

static void
exact_values(void **state)
{
	(void) state;
	assert_same_double(metaprobe_exp(0), 1, 0);
	assert_same_double(metaprobe_exp(-0.0), 1, 0);
	assert_same_double(metaprobe_exp(0x1p-60), 1, 0);
	assert_same_double(metaprobe_expm1(0x1p-60), 0x1p-60, 0);
	assert_same_double(metaprobe_expm1(-0x1p-1074), -0x1p-1074, 0);
	assert_same_double(metaprobe_log(1), 0, 0);
	for (int n = -131072; n <= 131072; n++)
		assert_same_double(metaprobe_cbrt((double) n * n * n), n, n);
	for (int n = -358; n <= 341; n++)
		assert_same_double(metaprobe_cbrt(ldexp(1, 3 * n)), ldexp(1, n), n);
	assert_same_double(metaprobe_cbrt(0.125), 0.5, 0);
}

static void
special_values(void **state)
{
	(void) state;
	assert_same_double(metaprobe_exp(INFINITY), INFINITY, 0);
	assert_same_double(metaprobe_exp(-INFINITY), 0, 0);
	assert_same_double(metaprobe_exp(NAN), NAN, 0);
	assert_same_double(metaprobe_exp(DBL_MAX), INFINITY, 0);
	assert_same_double(metaprobe_exp(-DBL_MAX), 0, 0);
	assert_same_double(metaprobe_exp(709.78271289338409), INFINITY, 0);
	assert_true(isfinite(metaprobe_exp(0x1.62e42fefa39efp+9)));
	assert_same_double(metaprobe_exp(-0x1.74910d52d3051p+9), 0x1p-1074, 0);
	assert_same_double(metaprobe_exp(-0x1.74910d52d3053p+9), 0, 0);

	assert_same_double(metaprobe_expm1(0.0), 0.0, 0);
	assert_same_double(metaprobe_expm1(-0.0), -0.0, 0);
	assert_same_double(metaprobe_expm1(INFINITY), INFINITY, 0);
	assert_same_double(metaprobe_expm1(-INFINITY), -1, 0);
	assert_same_double(metaprobe_expm1(-DBL_MAX), -1, 0);
	assert_same_double(metaprobe_expm1(NAN), NAN, 0);

	assert_same_double(metaprobe_log(0.0), -INFINITY, 0);
	assert_same_double(metaprobe_log(-0.0), -INFINITY, 0);
	assert_same_double(metaprobe_log(-1), NAN, 0);
	assert_same_double(metaprobe_log(-0x1p-1074), NAN, 0);
	assert_same_double(metaprobe_log(-INFINITY), NAN, 0);
	assert_same_double(metaprobe_log(INFINITY), INFINITY, 0);
	assert_same_double(metaprobe_log(NAN), NAN, 0);

	assert_same_double(metaprobe_cbrt(0.0), 0.0, 0);
	assert_same_double(metaprobe_cbrt(-0.0), -0.0, 0);
	assert_same_double(metaprobe_cbrt(INFINITY), INFINITY, 0);
	assert_same_double(metaprobe_cbrt(-INFINITY), -INFINITY, 0);
	assert_same_double(metaprobe_cbrt(NAN), NAN, 0);
}

static void
cube_roots_are_odd(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int i = 0; i < 100000; i++)
	{
		double x = double_of_bits(random_bits(&random));

		assert_same_double(metaprobe_cbrt(-x), -metaprobe_cbrt(x), i);
	}
}

/*
 * All results of a fixed series of arguments, in one number: it may differ
 * neither between CPUs nor between compilers and their options.
 */
static void
bits_are_the_same_everywhere(void **state)
{
	Random	 arguments = {1};
	uint64_t hash = 0;

	(void) state;
	for (int i = 0; i < 100000; i++)
	{
		double x = random_unit(&arguments) * exp2(i % 20 - 10);

		for (int f = 0; f < LENGTH_OF(functions); f++)
		{
			double	 y = functions[f].ours(f < 2 && i % 2 ? -x : x);
			uint64_t bits;

			memcpy(&bits, &y, sizeof(bits));
			hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
			hash ^= hash >> 32;
		}
	}
	if (hash != UINT64_C(0x5f4f4a247e52ae93))
	{
		print_error("# hash %016" PRIx64 "\n", hash);
		fail();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_arguments),
		cmocka_unit_test(any_bits),
		cmocka_unit_test(subnormal_numbers),
		cmocka_unit_test(near_their_zeros),
		cmocka_unit_test(pieces_join_without_a_fall),
		cmocka_unit_test(pieces_are_accurate_at_their_ends),
		cmocka_unit_test(exact_values),
		cmocka_unit_test(special_values),
		cmocka_unit_test(cube_roots_are_odd),
		cmocka_unit_test(bits_are_the_same_everywhere),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("elementary", tests, NULL, NULL);
}
