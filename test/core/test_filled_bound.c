/*
 * test_filled_bound.c
 *		Unit tests of the bounds of curves with a few missing epochs.
 */
#include "both_kernels.h"
#include "test.h"

#include <float.h>

#include "filled_bound.h"
#include "loss.h"
#include "random.h"

#define MAX_PROBES 40
#define MAX_EPOCHS 1000
#define MISSING metaprobe_missing_loss()

/* Complete probes with what bounds the distances from a curve. */
typedef struct Suite
{
	float		 losses[MAX_PROBES * MAX_EPOCHS];
	float		 row[MAX_EPOCHS];
	ProbeCurves	 probes;
	Sketch		 sketch;
	PackedPoints epochs;
	SketchQuery	 sketch_query;
	FilledQuery	 query;
	int32_t		 bounds[MAX_PROBES + PACKED_BLOCK];
	void		*memory[4];
} Suite;

/* Too large for the stack of some systems. */
static Suite suite;

static void
open_suite(void)
{
	ProbeCurves *probes = &suite.probes;
	int			 n = probes->n_epochs;
	void		*workspace = allocate(metaprobe_sketch_workspace_size(probes));

	probes->losses = suite.losses;
	probes->k = 1;
	suite.memory[0] = allocate(metaprobe_sketch_size(probes));
	metaprobe_sketch_build(&suite.sketch, probes, suite.memory[0], workspace);
	free(workspace);
	suite.memory[1] = allocate(metaprobe_packed_size(probes->n_probes, n));
	metaprobe_packed_build(&suite.epochs,
						   probes->metric == METRIC_L1 ? PACKED_SIZES :
														 PACKED_SQUARES,
						   suite.losses, n, probes->n_probes, n,
						   suite.memory[1]);
	suite.memory[2] = allocate(metaprobe_sketch_query_size(n));
	metaprobe_sketch_query_init(&suite.sketch_query, n, suite.memory[2]);
	suite.memory[3] =
		allocate(metaprobe_filled_query_size(n, probes->n_probes));
	metaprobe_filled_query_init(&suite.query, n, probes->n_probes,
								suite.memory[3]);
}

static void
close_suite(void)
{
	for (int i = 0; i < LENGTH_OF(suite.memory); i++)
		free(suite.memory[i]);
}

/* Bound the distances from the row.  False if it has no sketch. */
static bool
bound(int n)
{
	metaprobe_filled_query_fill(&suite.query, &suite.epochs, suite.row, n);
	if (!metaprobe_sketch_query_set(&suite.sketch_query, &suite.sketch,
									suite.query.curve))
		return false;
	metaprobe_filled_query_set(&suite.query, &suite.sketch,
							   &suite.sketch_query, &suite.epochs);
	metaprobe_filled_bounds(&suite.query, &suite.sketch, &suite.sketch_query,
							&suite.epochs, suite.probes.n_probes,
							suite.bounds);
	return true;
}

/* Over the epochs of the row that are observed, not scaled. */
static double
plain_distance(int probe, int n)
{
	const float *curve = metaprobe_probe_curve(&suite.probes, probe);
	long double	 sum = 0;

	for (int i = 0; i < n; i++)
	{
		long double difference = (long double) suite.row[i] - curve[i];

		if (isnan(suite.row[i]))
			continue;
		sum += suite.probes.metric == METRIC_L2 ? difference * difference :
												  fabsl(difference);
	}
	return (double) (suite.probes.metric == METRIC_L2 ? sqrtl(sum) : sum);
}

/* No probe is ruled out at its own distance. */
static void
assert_bounds_hold(int n, long round)
{
	for (int probe = 0; probe < suite.probes.n_probes; probe++)
	{
		double distance = plain_distance(probe, n);

		assert_that(suite.bounds[probe] >= 0, round);
		assert_that(suite.bounds[probe] <=
						metaprobe_filled_threshold(&suite.query, &suite.sketch,
												   distance),
					round);
	}
}

/* Forget some epochs, all but one, or the last ones.  Returns how many are left. */
static int
forget_epochs(Random *random)
{
	const double shares[] = {0.03, 0.1, 0.1, 0.3, 1};
	double		 share = shares[random_below(random, LENGTH_OF(shares))];
	int			 n_epochs = suite.probes.n_epochs;
	int			 n = random_chance(random, 0.7) ? n_epochs :
												  random_between(random, 1, n_epochs);
	int			 kept = random_below(random, n);

	for (int i = 0; i < n; i++)
	{
		if (i != kept && random_chance(random, share))
			suite.row[i] = MISSING;
	}
	return n;
}

static void
random_size(Random *random)
{
	suite.probes.n_probes = random_between(random, 2, MAX_PROBES);
	suite.probes.n_epochs =
		random_between(random, 1, random_chance(random, 0.1) ? 200 : 30);
}

/* What a row may be: of any kind, a probe, near one, or beyond all. */
static void
random_row(Random *random, CurveStyle style)
{
	int			 n = suite.probes.n_epochs;
	const float *probe =
		metaprobe_probe_curve(&suite.probes,
							  random_below(random, suite.probes.n_probes));
	double nearness = ldexp(1, random_between(random, -30, 3));

	random_curve(random, style, 0, suite.row, n);
	if (random_chance(random, 0.3))
		return;
	for (int i = 0; i < n; i++)
	{
		double loss = probe[i];

		if (nearness <= 1)
			loss += nearness * (suite.row[i] - loss);
		else if (random_chance(random, 0.05))
			loss *= nearness;
		if (fabs(loss) < FLT_MAX)
			suite.row[i] = (float) loss;
	}
}

static void
bounds_hold_for_any_curves(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		CurveStyle style = random_below(&random, N_CURVE_STYLES);

		random_size(&random);
		suite.probes.metric = round % 2 == 0 ? METRIC_L2 : METRIC_L1;
		random_curve(&random, style, 0, suite.losses,
					 suite.probes.n_probes * suite.probes.n_epochs);
		/* epochs of all sizes */
		for (int i = 0; i < suite.probes.n_epochs; i++)
		{
			float size = (float) ldexp(1, random_between(&random, -60, 60));

			for (int probe = 0; round % 5 == 0 && style != STYLE_ANY_BITS &&
								probe < suite.probes.n_probes;
				 probe++)
				suite.losses[probe * suite.probes.n_epochs + i] *= size;
		}
		open_suite();
		for (int i = 0; i < 5; i++)
		{
			int n;

			random_row(&random, style);
			n = forget_epochs(&random);
			if (bound(n))
				assert_bounds_hold(n, round);
		}
		close_suite();
	}
}

/*
 * In the gaps probes differ from what they are filled with by nearly half a
 * step more than their rounded losses do, and elsewhere by nothing: what
 * rounding can do to the gaps at most.
 */
static void
roundings_in_gaps_are_allowed_for(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(60); round++)
	{
		int	   n_gaps = random_between(&random, 10, 400);
		int	   n_steps = random_between(&random, 1, 20);
		double step;

		suite.probes.n_probes = 3;
		suite.probes.n_epochs = MAX_EPOCHS;
		suite.probes.metric = round % 2 == 0 ? METRIC_L2 : METRIC_L1;
		memset(suite.losses, 0, sizeof(suite.losses));
		/* what all others differ by is measured in steps of this difference */
		suite.losses[0] = -1;
		suite.losses[MAX_EPOCHS] = 1;
		open_suite();
		step = suite.epochs.grid.step;
		close_suite();
		for (int i = 0; i < n_gaps; i++)
		{
			suite.losses[10 + 2 * i] = (float) (-(n_steps + 0.499) * step);
			suite.losses[MAX_EPOCHS + 10 + 2 * i] =
				(float) ((n_steps + 0.499) * step);
		}
		open_suite();
		memset(suite.row, 0, sizeof(suite.row));
		suite.row[0] = (float) (round % 3 - 1);
		for (int i = 0; i < n_gaps; i++)
			suite.row[10 + 2 * i] = MISSING;
		assert_that(bound(MAX_EPOCHS), round);
		assert_bounds_hold(MAX_EPOCHS, round);
		close_suite();
	}
}

static double
random_size_between(Random *random, double low, double high)
{
	return low * pow(high / low, random_unit(random));
}

/*
 * The largest packed distance that the sketch of a curve this far away may have,
 * where it is off by as much as it can be; -1 if it cannot be there.
 */
static double
largest_sketch_distance(const Sketch *sketch, const SketchQuery *query,
						double distance)
{
	double within = distance + sketch->rounding + query->rounding;
	double n = query->packed.n_known;

	/* of a sketch beyond the grid no probe is nearer than that */
	if (sketch->packed.norm == PACKED_SIZES)
	{
		within -= query->packed.beyond;
		return within < 0 ? -1 : floor(within / sketch->packed.grid.step + n);
	}
	within = within * within - query->packed.beyond;
	if (within < 0)
		return -1;
	within = sqrt(within) / sketch->packed.grid.step + sqrt(n);
	return floor(within * within);
}

/*
 * Whatever the steps, and how much is missing: if all that is rounded is off by
 * as much as it can be, and in the worse direction, bounds hold.
 */
static void
the_worst_roundings_are_allowed_for(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000000); round++)
	{
		bool		 is_square = round % 2 == 0;
		Sketch		 sketch = {.packed.norm =
							   is_square ? PACKED_SQUARES : PACKED_SIZES};
		SketchQuery	 sketch_query = {0};
		PackedPoints epochs = {0};
		FilledQuery	 query = {.n_gaps = random_between(&random, 1, 20)};
		double		 gap_distance =
			floor(random_size_between(&random, 1, 1 << 20)) - 1;
		double	distance = random_size_between(&random, 1e-3, 1e4);
		double	gaps = query.n_gaps / 2.0;
		double	worst;
		float	bound;
		int32_t bits;

		sketch.packed.grid.step = random_size_between(&random, 0.1, 10);
		epochs.grid.step = random_size_between(&random, 0.1, 10);
		sketch_query.packed.n_known = random_between(&random, 1, 33);
		if (random_chance(&random, 0.5))
			sketch.rounding = random_size_between(&random, 1e-6, 1);
		if (random_chance(&random, 0.2))
			sketch_query.packed.beyond =
				random_size_between(&random, 1e-3, 1e6);
		if (random_chance(&random, 0.3))
			query.filling_off = random_size_between(&random, 1e-3, 10);
		metaprobe_filled_query_set(&query, &sketch, &sketch_query, &epochs);

		if (is_square)
			gaps = sqrt(gap_distance) + sqrt(query.n_gaps) / 2;
		else
			gaps += gap_distance;
		gaps = gaps * epochs.grid.step + query.filling_off;
		worst = largest_sketch_distance(&sketch, &sketch_query,
										is_square ? hypot(distance, gaps) :
													distance + gaps);
		if (worst < 0 || worst >= INT32_MAX)
			continue;
		/* as metaprobe_filled_bounds() takes them together */
		bound = (float) worst - (float) query.share * (float) gap_distance;
		bound = bound > 0 ? bound : 0;
		memcpy(&bits, &bound, sizeof(bits));
		assert_that(bits <=
						metaprobe_filled_threshold(&query, &sketch, distance),
					round);
	}
}

/* Curves that differ by less than a step, or by some. */
static void
roundings_of_sketches_are_allowed_for(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(1000); round++)
	{
		double size = ldexp(1, random_between(&random, -22, -8));

		suite.probes.n_probes = MAX_PROBES;
		suite.probes.n_epochs = random_between(&random, 8, 60);
		suite.probes.metric = round % 2 == 0 ? METRIC_L2 : METRIC_L1;
		for (int i = 0; i < MAX_PROBES; i++)
		{
			for (int epoch = 0; epoch < suite.probes.n_epochs; epoch++)
				suite.losses[i * suite.probes.n_epochs + epoch] =
					(float) (i % 2 == 0 ? random_unit(&random) :
										  0.5 + size * random_unit(&random));
		}
		open_suite();
		for (int epoch = 0; epoch < suite.probes.n_epochs; epoch++)
			suite.row[epoch] = (float) (0.5 + size * random_unit(&random));
		suite.row[random_below(&random, suite.probes.n_epochs)] = MISSING;
		if (bound(suite.probes.n_epochs))
			assert_bounds_hold(suite.probes.n_epochs, round);
		close_suite();
	}
}

/*
 * What is filled in lies in between, within what probes have, to a step; and
 * what is observed stays.
 */
static void
gaps_are_filled_evenly(void **state)
{
	const float row[] = {MISSING, MISSING, 3,		MISSING, -3,	  MISSING,
						 1,		  MISSING, MISSING, 2.5f,	 MISSING, 8};
	const float filled[] = {3, 3, 3, 0, -3, -1, 1, 1.5f, 2, 2.5f, 4, 8, 4, 4};
	const int32_t gaps[] = {0, 1, 3, 5, 7, 8, 10, 12, 13};
	int			  n = LENGTH_OF(filled);

	(void) state;
	suite.probes =
		(ProbeCurves){.n_probes = 2, .n_epochs = n, .metric = METRIC_L2};
	for (int i = 0; i < n; i++)
	{
		suite.losses[i] = 4;
		suite.losses[n + i] = -4;
	}
	open_suite();
	metaprobe_filled_query_fill(&suite.query, &suite.epochs, row,
								LENGTH_OF(row));
	assert_int_equal(suite.query.n_gaps, LENGTH_OF(gaps));
	for (int i = 0; i < LENGTH_OF(gaps); i++)
		assert_int(suite.query.gaps[i], gaps[i], i);
	for (int i = 0; i < n; i++)
	{
		double off = fabs(suite.query.curve[i] - filled[i]);

		assert_that(off <= (isnan(row[i < 12 ? i : 0]) ? 1e-3 : 0), i);
	}
	close_suite();
}

/* Bounds of smooth curves tell near probes from far ones. */
static void
bounds_are_close(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(200); round++)
	{
		int n = 60;

		suite.probes.n_probes = MAX_PROBES;
		suite.probes.n_epochs = n;
		suite.probes.metric = round % 2 == 0 ? METRIC_L2 : METRIC_L1;
		for (int i = 0; i < MAX_PROBES; i++)
		{
			double speed = random_unit(&random);

			for (int epoch = 0; epoch < n; epoch++)
				suite.losses[i * n + epoch] =
					(float) exp(-0.1 * epoch * speed);
		}
		open_suite();
		memcpy(suite.row, suite.losses, n * sizeof(float));
		for (int i = 0; i < 6; i++)
			suite.row[10 * i + 1 + random_below(&random, 8)] = MISSING;
		assert_that(bound(n), round);
		for (int probe = 0; probe < MAX_PROBES; probe++)
		{
			double distance = plain_distance(probe, n);

			if (distance > 0.5)
				assert_that(suite.bounds[probe] >
								metaprobe_filled_threshold(&suite.query,
														   &suite.sketch,
														   distance * 0.85),
							round);
		}
		close_suite();
	}
}

/* The portable kernels and the CPU's give the same bounds. */
static void
kernels_agree(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		CurveStyle style = random_below(&random, N_CURVE_STYLES);
		int32_t	   bounds[MAX_PROBES];
		int		   n;

		random_size(&random);
		suite.probes.metric = round % 2 == 0 ? METRIC_L2 : METRIC_L1;
		random_curve(&random, style, 0, suite.losses,
					 suite.probes.n_probes * suite.probes.n_epochs);
		open_suite();
		random_row(&random, style);
		n = forget_epochs(&random);
		if (bound(n))
		{
			memcpy(bounds, suite.bounds, sizeof(bounds));
			metaprobe_cpu_pretend_portable(true);
			metaprobe_filled_bounds(&suite.query, &suite.sketch,
									&suite.sketch_query, &suite.epochs,
									suite.probes.n_probes, suite.bounds);
			metaprobe_cpu_pretend_portable(false);
			for (int i = 0; i < suite.probes.n_probes; i++)
				assert_int(suite.bounds[i], bounds[i], round);
		}
		close_suite();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(bounds_hold_for_any_curves),
		test_with_both_kernels(roundings_in_gaps_are_allowed_for),
		test_with_both_kernels(roundings_of_sketches_are_allowed_for),
		cmocka_unit_test(the_worst_roundings_are_allowed_for),
		cmocka_unit_test(gaps_are_filled_evenly),
		cmocka_unit_test(bounds_are_close),
		cmocka_unit_test(kernels_agree),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("filled bound", tests, NULL, NULL);
}
