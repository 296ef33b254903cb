/*
 * test_dtw_bound.c
 *		Unit tests of the lower bounds of dynamic time warping.
 */
#include "test.h"

#include <float.h>

#include "dtw_bound.h"
#include "nearest.h"
#include "random.h"

#define MISSING metaprobe_missing_loss()
#define MAX_EPOCHS 40

/* A curve in memory of its own, of exactly its length. */
typedef struct Curve
{
	float *losses;
	float *lower;
	float *upper;
	int	   n;
} Curve;

static Curve
new_curve(int n)
{
	return (Curve){allocate(n * sizeof(float)), allocate(n * sizeof(float)),
				   allocate(n * sizeof(float)), n};
}

static void
free_curve(Curve *curve)
{
	free(curve->losses);
	free(curve->lower);
	free(curve->upper);
}

/* The curve as searches see it, its envelope filled in. */
static DtwCurve
with_envelope(const Curve *curve, int band)
{
	void *workspace =
		allocate(metaprobe_dtw_envelope_workspace_size(curve->n));
	int end = curve->n;

	metaprobe_dtw_envelope(curve->losses, curve->n, band, curve->lower,
						   curve->upper, workspace);
	free(workspace);
	while (end > 0 && isnan(curve->losses[end - 1]))
		end--;
	return (DtwCurve){curve->losses, curve->lower, curve->upper, end,
					  metaprobe_dtw_longest_gap(curve->losses, end)};
}

static int
common_end(const DtwCurve *a, const DtwCurve *b)
{
	return a->end < b->end ? a->end : b->end;
}

/* The distance that the bounds are of. */
static double
dtw(const DtwCurve *a, const DtwCurve *b, int band)
{
	int	   end = common_end(a, b);
	void  *workspace = allocate(metaprobe_dtw_workspace_size(end, end));
	double distance = metaprobe_dtw_distance(a->losses, end, b->losses, end,
											 band, workspace);

	free(workspace);
	return distance;
}

/* Losses that make bounds go wrong, if anything does. */
typedef enum Shape
{
	SHAPE_TRAINING,
	SHAPE_INTEGERS,
	SHAPE_ANY_BITS,
	SHAPE_CONSTANT,
	SHAPE_HUGE,
	SHAPE_TINY,
	SHAPE_SMALL, /* squares that are denormal, or just not, as floats */
	SHAPE_CLOSE	 /* that differ in the last bits */
} Shape;

#define N_SHAPES (SHAPE_CLOSE + 1)

static float
random_loss_of_shape(Random *random, Shape shape, int epoch)
{
	switch (shape)
	{
		case SHAPE_CONSTANT:
			return 1;
		case SHAPE_HUGE:
			return random_chance(random, 0.5) ? FLT_MAX : -FLT_MAX;
		case SHAPE_TINY:
			return (float) random_between(random, 0, 3) * 0x1p-149f;
		case SHAPE_SMALL:
			return (float) ldexp(random_unit(random),
								 random_between(random, -80, -40));
		case SHAPE_CLOSE:
			return 1 + (float) random_between(random, 0, 4) * FLT_EPSILON;
		default:
			return random_loss(random, (CurveStyle) shape, epoch);
	}
}

static Curve
random_curve_of_shape(Random *random, Shape shape, int max)
{
	Curve  curve = new_curve(random_between(random, 0, max));
	double missing = random_missing_share(random);

	for (int i = 0; i < curve.n; i++)
	{
		curve.losses[i] = random_loss_of_shape(random, shape, i);
		if (random_chance(random, missing))
			curve.losses[i] = MISSING;
	}
	return curve;
}

static int
random_band(Random *random)
{
	return random_between(random, DTW_NO_BAND, 12);
}

static void
envelopes_are_running_extremes(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		Curve curve =
			random_curve_of_shape(&random, round % N_SHAPES, MAX_EPOCHS);
		int band = random_band(&random);

		with_envelope(&curve, band);
		for (int i = 0; i < curve.n; i++)
		{
			float lower = MISSING;
			float upper = MISSING;

			for (int j = 0; j < curve.n; j++)
			{
				if (band != DTW_NO_BAND && abs(i - j) > band)
					continue;
				lower = fminf(lower, curve.losses[j]);
				upper = fmaxf(upper, curve.losses[j]);
			}
			assert_same_double(curve.lower[i], lower, round);
			assert_same_double(curve.upper[i], upper, round);
		}
		free_curve(&curve);
	}
}

/* Curves of one pair may be of different shapes. */
static void
bounds_are_never_beyond_the_distance(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(40000); round++)
	{
		Shape	 shape = round % N_SHAPES;
		Shape	 other = random_chance(&random, 0.8) ?
							 shape :
							 (Shape) random_below(&random, N_SHAPES);
		Curve	 x = random_curve_of_shape(&random, shape, MAX_EPOCHS);
		Curve	 y = random_curve_of_shape(&random, other, MAX_EPOCHS);
		int		 band = random_band(&random);
		DtwCurve a = with_envelope(&x, band);
		DtwCurve b = with_envelope(&y, band);
		double	 distance = dtw(&a, &b, band);
		float	 bound = metaprobe_dtw_lower_bound(&a, &b, band);

		if (isnan(distance))
			assert_same_double(bound, 0, round);
		assert_that(bound >= 0 && !(bound > distance), round);
		assert_same_double(bound, metaprobe_dtw_lower_bound(&b, &a, band),
						   round);
		free_curve(&x);
		free_curve(&y);
	}
}

/* Both curves at the longest, where rounding adds up. */
static void
bounds_of_long_curves_are_not_beyond_either(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < 2 * N_SHAPES; round++)
	{
		Curve	 x = new_curve(LOSS_CURVE_MAX_EPOCHS);
		Curve	 y = new_curve(LOSS_CURVE_MAX_EPOCHS);
		DtwCurve a;
		DtwCurve b;

		for (int i = 0; i < x.n; i++)
		{
			x.losses[i] = random_loss_of_shape(&random, round / 2, i);
			y.losses[i] = x.losses[i] * (round % 2 ? 0.75f : -1.5f) / 2;
		}
		a = with_envelope(&x, 0);
		b = with_envelope(&y, 0);
		assert_that(metaprobe_dtw_lower_bound(&a, &b, 0) <= dtw(&a, &b, 0),
					round);
		free_curve(&x);
		free_curve(&y);
	}
}

static void
bounds_are_nearly_the_distance_of_levels(void **state)
{
	(void) state;
	for (int n = 1; n < MAX_EPOCHS; n++)
	{
		for (int band = DTW_NO_BAND; band < 4; band++)
		{
			Curve	 x = new_curve(n);
			Curve	 y = new_curve(n);
			DtwCurve a;
			DtwCurve b;

			for (int i = 0; i < n; i++)
			{
				x.losses[i] = 1;
				y.losses[i] = 3;
			}
			x.losses[n / 2] = n > 5 ? MISSING : 1;
			a = with_envelope(&x, band);
			b = with_envelope(&y, band);
			if (band != 0 || n <= 5)
				assert_nearly_equal(metaprobe_dtw_lower_bound(&a, &b, band),
									2 * sqrt(n), 1e-4, n);
			free_curve(&x);
			free_curve(&y);
		}
	}
}

/* Outermost epochs count even where they lie within the envelope. */
static void
outermost_epochs_take_part(void **state)
{
	float	 losses[] = {0, 5, 5, 5, 0};
	float	 others[] = {5, 0, 0, 0, 5};
	Curve	 x = new_curve(5);
	Curve	 y = new_curve(5);
	DtwCurve a;
	DtwCurve b;

	(void) state;
	memcpy(x.losses, losses, sizeof(losses));
	memcpy(y.losses, others, sizeof(others));
	a = with_envelope(&x, 2);
	b = with_envelope(&y, 2);
	assert_nearly_equal(metaprobe_dtw_lower_bound(&a, &b, 2), sqrt(50), 1e-5,
						0);
	free_curve(&x);
	free_curve(&y);
}

/* Limits that are just enough, for losses of all shapes. */
static void
distances_at_the_limit_are_not_abandoned(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(40000); round++)
	{
		Shape	 shape = round % N_SHAPES;
		Curve	 x = random_curve_of_shape(&random, shape, MAX_EPOCHS);
		Curve	 y = random_curve_of_shape(&random, shape, MAX_EPOCHS);
		int		 band = random_band(&random);
		DtwCurve a = with_envelope(&x, band);
		DtwCurve b = with_envelope(&y, band);
		double	 distance = dtw(&a, &b, band);
		void	*workspace =
			allocate(metaprobe_dtw_lanes_workspace_size(common_end(&a, &b)));
		double got;

		metaprobe_dtw_distances_within(&a, &b, 1, band, distance, &got,
									   workspace);
		assert_same_double(got, distance, round);
		free(workspace);
		free_curve(&x);
		free_curve(&y);
	}
}

#define N_PROBES 60

/* Probes with their envelopes, as the rows of matrices. */
typedef struct Suite
{
	float	  losses[N_PROBES * MAX_EPOCHS];
	float	  lower[N_PROBES * MAX_EPOCHS];
	float	  upper[N_PROBES * MAX_EPOCHS];
	int		  ends[N_PROBES];
	int		  gaps[N_PROBES];
	DtwCurves curves;
} Suite;

static void
random_suite(Random *random, Suite *suite, Shape shape, int band)
{
	for (int i = 0; i < N_PROBES; i++)
	{
		Curve	 probe = random_curve_of_shape(random, shape, MAX_EPOCHS);
		DtwCurve curve = with_envelope(&probe, band);
		size_t	 row = (size_t) i * MAX_EPOCHS;

		for (int j = 0; j < MAX_EPOCHS; j++)
			suite->losses[row + j] = suite->lower[row + j] =
				suite->upper[row + j] = MISSING;
		memcpy(suite->losses + row, probe.losses, probe.n * sizeof(float));
		memcpy(suite->lower + row, probe.lower, probe.n * sizeof(float));
		memcpy(suite->upper + row, probe.upper, probe.n * sizeof(float));
		suite->ends[i] = curve.end;
		suite->gaps[i] = curve.gap;
		free_curve(&probe);
	}
	suite->curves =
		(DtwCurves){suite->losses, suite->lower, suite->upper, suite->ends,
					suite->gaps,   N_PROBES,	 MAX_EPOCHS};
}

static void
search_all(const DtwCurve *curve, const DtwCurves *probes, int band,
		   Nearest *nearest)
{
	for (int i = 0; i < probes->n_curves; i++)
	{
		DtwCurve probe = metaprobe_dtw_curve(probes, i);

		metaprobe_nearest_offer(nearest, dtw(curve, &probe, band), i);
	}
	metaprobe_nearest_sort(nearest);
}

static double
search_limit(const Nearest *nearest)
{
	if (nearest->count < nearest->capacity)
		return INFINITY;
	return nearest->items[0].distance;
}

/* The probe of the least bound that is not taken yet, -1 if there is none. */
static int
next_by_bound(const float *bounds, const bool *taken, double limit)
{
	int next = -1;

	for (int i = 0; i < N_PROBES; i++)
	{
		if (!taken[i] && bounds[i] <= limit &&
			(next < 0 || bounds[i] < bounds[next]))
			next = i;
	}
	return next;
}

static void
offer_all(const DtwCurve *curve, const DtwCurve *others, const int *indexes,
		  int n, int band, Nearest *nearest)
{
	void *workspace = allocate(metaprobe_dtw_lanes_workspace_size(MAX_EPOCHS));
	double distances[DTW_LANES];

	metaprobe_dtw_distances_within(curve, others, n, band,
								   search_limit(nearest), distances,
								   workspace);
	for (int i = 0; i < n; i++)
	{
		if (!isinf(distances[i]))
			metaprobe_nearest_offer(nearest, distances[i], indexes[i]);
	}
	free(workspace);
}

/* Probes in the order of their bounds, as many at a time as asked. */
static void
search_by_bounds(const DtwCurve *curve, const DtwCurves *probes, int band,
				 int at_a_time, Nearest *nearest)
{
	float	 bounds[N_PROBES];
	bool	 taken[N_PROBES] = {false};
	DtwCurve others[DTW_LANES];
	int		 indexes[DTW_LANES];
	int		 n;

	metaprobe_dtw_lower_bounds(curve, probes, band, bounds);
	do
	{
		double limit = search_limit(nearest);
		int	   next;

		for (n = 0; n < at_a_time; n++)
		{
			next = next_by_bound(bounds, taken, limit);
			if (next < 0)
				break;
			taken[next] = true;
			indexes[n] = next;
			others[n] = metaprobe_dtw_curve(probes, next);
			if (metaprobe_dtw_lower_bound(curve, &others[n], band) > limit)
				n--;
		}
		offer_all(curve, others, indexes, n, band, nearest);
	} while (n > 0);
	metaprobe_nearest_sort(nearest);
}

static void
searches_by_bounds_find_the_same(void **state)
{
	Random	  random = random_stream(__func__);
	Suite	 *suite = allocate(sizeof(Suite));
	Neighbour expected_items[N_PROBES];
	Neighbour items[N_PROBES];

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		Shape	 shape = round % N_SHAPES;
		int		 band = random_band(&random);
		int		 k = random_between(&random, 1, 20);
		Curve	 x = random_curve_of_shape(&random, shape, MAX_EPOCHS);
		DtwCurve curve = with_envelope(&x, band);
		Nearest	 expected;
		Nearest	 nearest;

		random_suite(&random, suite, shape, band);
		metaprobe_nearest_reset(&expected, expected_items, k);
		metaprobe_nearest_reset(&nearest, items, k);
		search_all(&curve, &suite->curves, band, &expected);
		search_by_bounds(&curve, &suite->curves, band,
						 random_between(&random, 1, DTW_LANES), &nearest);

		assert_int(nearest.count, expected.count, round);
		for (int i = 0; i < nearest.count; i++)
		{
			assert_int(items[i].index, expected_items[i].index, round);
			assert_same_double(items[i].distance, expected_items[i].distance,
							   round);
		}
		free_curve(&x);
	}
	free(suite);
}

static void
bounds_of_many_are_never_beyond_the_distance(void **state)
{
	Random random = random_stream(__func__);
	Suite *suite = allocate(sizeof(Suite));

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		Shape	 shape = round % N_SHAPES;
		int		 band = random_band(&random);
		Curve	 x = random_curve_of_shape(&random, shape, MAX_EPOCHS);
		DtwCurve curve = with_envelope(&x, band);
		float	 bounds[N_PROBES];

		random_suite(&random, suite, shape, band);
		metaprobe_dtw_lower_bounds(&curve, &suite->curves, band, bounds);
		for (int i = 0; i < N_PROBES; i++)
		{
			DtwCurve probe = metaprobe_dtw_curve(&suite->curves, i);
			double	 distance = dtw(&curve, &probe, band);

			assert_that(bounds[i] >= 0 && !(bounds[i] > distance), round);
		}
		free_curve(&x);
	}
	free(suite);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes_are_running_extremes),
		cmocka_unit_test(bounds_are_never_beyond_the_distance),
		cmocka_unit_test(bounds_of_long_curves_are_not_beyond_either),
		cmocka_unit_test(bounds_are_nearly_the_distance_of_levels),
		cmocka_unit_test(outermost_epochs_take_part),
		cmocka_unit_test(distances_at_the_limit_are_not_abandoned),
		cmocka_unit_test(searches_by_bounds_find_the_same),
		cmocka_unit_test(bounds_of_many_are_never_beyond_the_distance),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("dtw_bound", tests, NULL, NULL);
}
