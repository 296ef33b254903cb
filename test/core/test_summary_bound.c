/*
 * test_summary_bound.c
 *		Unit tests of the bounds by summaries, against real distances, with the
 *		kernels of every CPU.
 */
#include "summary_bound.h"

#include <stdlib.h>

#include "both_kernels.h"
#include "one_distance.h"
#include "random_summaries.h"
#include "test.h"

static void
bounds_never_exceed_distances(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;
	long			 tight = 0;
	long			 all = 0;

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		random_summaries(&random, &summaries);
		for (int pair = 0; pair < 4 * summaries.n; pair++)
		{
			const float *query =
				summaries.losses[random_below(&random, summaries.n)];
			int	   i = random_below(&random, summaries.n);
			Metric metric =
				random_chance(&random, 0.5) ? METRIC_L2 : METRIC_L1;
			double distance =
				one_distance(metric, query, summaries.losses[i],
							 summaries.n_epochs, summaries.n_epochs);
			SummaryQuery from;
			double		 bound;

			metaprobe_summary_query_set(&from, query, summaries.n_epochs);
			bound =
				metaprobe_summary_bound(&from, metric, &summaries.curves[i]);
			if (isnan(bound))
				assert_that(isnan(distance), round);
			else
			{
				assert_that(bound >= 0, round);
				assert_that(!(bound > distance), round);
				assert_that(!(metaprobe_summary_box_bound(
								  &from, metric, &summaries.boxes[i]) >
							  distance),
							round);
			}
			all++;
			tight += bound > 0.5 * distance;
		}
	}
	/* a bound of 0 would be right as well, but of no use */
	assert_that(tight > all / 10, (int) tight);
}

/* With an epoch to a segment nothing but digits is left out of a summary. */
static void
bounds_of_few_epochs_are_nearly_the_distance(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		float		 losses[2][SUMMARY_SEGMENTS];
		int			 n = random_between(&random, 1, SUMMARY_SEGMENTS);
		SummaryQuery query;
		CurveSummary curve;

		random_curve(&random, STYLE_TRAINING, 0, losses[0], n);
		random_curve(&random, STYLE_TRAINING, 0, losses[1], n);
		curve = summarise(losses[1], n);
		metaprobe_summary_query_set(&query, losses[0], n);
		for (int metric = METRIC_L2; metric <= METRIC_L1; metric++)
		{
			double distance =
				one_distance((Metric) metric, losses[0], losses[1], n, n);
			double bound =
				metaprobe_summary_bound(&query, (Metric) metric, &curve);

			assert_that(fabs(bound - distance) < 0.08, round);
		}
	}
}

/*
 * Queries of every size, alone or beside plain losses: what single precision
 * cannot hold must not make a bound.
 */
static void
bounds_hold_for_the_largest_losses(void **state)
{
	static const float sizes[] = {1e3f, 1e8f, 5e9f, 1e10f, 1e19f, 3e38f};
	float			   plain[40];

	(void) state;
	for (int i = 0; i < 40; i++)
		plain[i] = 1.0f / (float) (1 + i);
	for (int way = 0; way < 6 * 4; way++)
	{
		float		 losses[40];
		CurveSummary curves[2];
		SummaryQuery query;

		for (int i = 0; i < 40; i++)
		{
			float size = sizes[way / 4];

			losses[i] = way % 2 && i % 2 ? -size : size; /* mean or rest */
			if (way % 4 >= 2 && i < 30)
				losses[i] = plain[i];
		}
		curves[0] = summarise(plain, 40);
		curves[1] = summarise(losses, 40);
		for (int pair = 0; pair < 4; pair++)
		{
			const float *from = pair % 2 ? losses : plain;

			metaprobe_summary_query_set(&query, from, 40);
			for (int metric = METRIC_L2; metric <= METRIC_L1; metric++)
				assert_that(metaprobe_summary_bound(&query, (Metric) metric,
													&curves[pair / 2]) <=
								one_distance((Metric) metric, from,
											 pair / 2 ? losses : plain, 40,
											 40),
							way);
		}
	}
}

/* Bounds are scaled by what the query misses, as distances are. */
static void
missing_epochs_of_the_query_scale_bounds(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(500); round++)
	{
		float		 losses[2][SUMMARY_SEGMENTS]; /* a segment each */
		SummaryQuery query;
		CurveSummary curve;

		for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		{
			losses[0][i] =
				random_chance(&random, 0.5) ? metaprobe_missing_loss() : 1;
			losses[1][i] = (float) random_between(&random, 3, 5);
		}
		losses[0][round % SUMMARY_SEGMENTS] = 1;
		curve = summarise(losses[1], SUMMARY_SEGMENTS);
		metaprobe_summary_query_set(&query, losses[0], SUMMARY_SEGMENTS);
		for (int metric = METRIC_L2; metric <= METRIC_L1; metric++)
		{
			double distance =
				one_distance((Metric) metric, losses[0], losses[1],
							 SUMMARY_SEGMENTS, SUMMARY_SEGMENTS);

			assert_nearly_equal(metaprobe_summary_bound(&query,
														(Metric) metric,
														&curve),
								distance, 0.02 * distance, round);
		}
	}
}

/*
 * Two epochs of the last five differ, and their means do not.  The Euclidean
 * bound of the box is the distance then; that of l1 is its smallest for such
 * a rest.
 */
static void
l1_counts_what_the_means_leave_out(void **state)
{
	float		 losses[24] = {0};
	SummaryBox	 box = box_of(losses, 24);
	SummaryQuery query;

	(void) state;
	losses[20] = -0.5f;
	losses[23] = 0.5f;
	metaprobe_summary_query_set(&query, losses, 24);
	assert_nearly_equal(metaprobe_summary_box_bound(&query, METRIC_L2, &box),
						sqrt(0.5), 1e-2, 0);
	assert_nearly_equal(metaprobe_summary_box_bound(&query, METRIC_L1, &box),
						sqrt(0.5 * 5 / 4), 1e-2, 1);
}

/*
 * Curves of the same means and norms, as noise makes them, are told apart by
 * their levels, also where a level is of several epochs.
 */
static void
levels_tell_apart_what_means_do_not(void **state)
{
	(void) state;
	for (int n = 40; n <= 280; n += 40)
	{
		float		 losses[2][MAX_EPOCHS];
		SummaryQuery query;
		CurveSummary curve;
		SummaryBox	 box;

		for (int i = 0; i < n; i++)
		{
			losses[1][i] = i % 6 < 3 ? 1 : 2;
			losses[0][i] = 3 - losses[1][i];
		}
		curve = summarise(losses[1], n);
		metaprobe_summary_box(&curve, &box);
		metaprobe_summary_query_set(&query, losses[0], n);
		for (int metric = METRIC_L2; metric <= METRIC_L1; metric++)
		{
			double distance =
				one_distance((Metric) metric, losses[0], losses[1], n, n);

			double by_box =
				metaprobe_summary_box_bound(&query, (Metric) metric, &box);
			double by_levels =
				metaprobe_summary_bound(&query, (Metric) metric, &curve);

			assert_that(by_box < 0.5 * distance, n);
			assert_that(by_levels >
							(n <= SUMMARY_LONGEST ? 0.5 : 0.1) * distance,
						n);
		}
	}
}

/* Noise of any size and place is told apart, for grids are made to measure. */
static void
levels_tell_noise_apart(void **state)
{
	Random random = random_stream(__func__);
	int	   rounds = random_rounds(500);
	double shares = 0;

	(void) state;
	for (int round = 0; round < rounds; round++)
	{
		float		 losses[2][90];
		double		 size = pow(10, random_between(&random, -3, 3));
		SummaryQuery query;
		CurveSummary curve;

		for (int i = 0; i < 2; i++)
			for (int epoch = 0; epoch < 90; epoch++)
				losses[i][epoch] =
					(float) (size * (random_unit(&random) + i % 2));
		curve = summarise(losses[1], 90);
		for (int epoch = 0; epoch < 90; epoch++)
			losses[0][epoch] += (float) size; /* of equal means, nearly */
		metaprobe_summary_query_set(&query, losses[0], 90);
		shares += metaprobe_summary_bound(&query, METRIC_L2, &curve) /
				  one_distance(METRIC_L2, losses[0], losses[1], 90, 90);
	}
	assert_that(shares > 0.8 * rounds, (int) shares);
}

/*
 * A curve that its grid does not reach: all that is known of its losses is on
 * which side they are.
 */
static void
the_first_level_and_the_last_are_open(void **state)
{
	float		 losses[24] = {[19] = -2, -1, 0, 1, 2};
	const double step = sqrt(2) * 0.1;
	CurveSummary curve = summarise(losses, 24);
	SummaryQuery query;

	(void) state;
	metaprobe_summary_query_set(&query, losses, 24);
	curve.grids[SUMMARY_SEGMENTS - 1] = 0; /* from the mean on, least steps */
	memset(curve.levels, 0, sizeof(curve.levels));
	assert_nearly_equal(metaprobe_summary_bound(&query, METRIC_L1, &curve),
						(1 - step) + (2 - step), 0.03, 0);
	memset(curve.levels, 0xff, sizeof(curve.levels));
	assert_nearly_equal(metaprobe_summary_bound(&query, METRIC_L1, &curve),
						(7 * step + 2) + (7 * step + 1) + 7 * step, 0.06, 1);
}

static void
a_boxs_bound_holds_for_all_in_it(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		float		 losses[MAX_EPOCHS];
		SummaryBox	 box;
		SummaryQuery query;

		random_summaries(&random, &summaries);
		box = box_around(&random, &summaries);
		random_curve(&random, STYLE_TRAINING, random_missing_share(&random),
					 losses, summaries.n_epochs);
		metaprobe_summary_query_set(&query, losses, summaries.n_epochs);
		for (int i = 0; i < summaries.n; i++)
		{
			for (int metric = METRIC_L2; metric <= METRIC_L1; metric++)
			{
				double of_box =
					metaprobe_summary_box_bound(&query, (Metric) metric, &box);
				double of_curve =
					metaprobe_summary_bound(&query, (Metric) metric,
											&summaries.curves[i]);

				/* NaN sorts last */
				assert_that(isnan(of_curve) || of_box <= of_curve, round);
			}
		}
	}
}

/*
 * All kernels give the same bits, and read a summary's own bytes only: it
 * stands in memory of exactly its size.
 */
static void
kernels_agree(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		Metric metric = random_chance(&random, 0.5) ? METRIC_L2 : METRIC_L1;
		CurveSummary *stored;
		SummaryQuery  query;
		double		  portable;
		double		  best;
		int			  size;
		int			  i;

		random_summaries(&random, &summaries);
		i = random_below(&random, summaries.n);
		size = metaprobe_summary_size(summaries.curves[i].n_epochs);
		stored = malloc(size);
		memcpy(stored, &summaries.curves[i], size);
		metaprobe_summary_query_set(&query, summaries.losses[0],
									summaries.n_epochs);
		metaprobe_cpu_pretend_portable(true);
		portable = metaprobe_summary_bound(&query, metric, stored);
		metaprobe_cpu_pretend_portable(false);
		best = metaprobe_summary_bound(&query, metric, stored);
		assert_that(memcmp(&portable, &best, sizeof(best)) == 0, round);
		free(stored);
	}
}

static void
other_lengths_and_curves_without_losses_have_no_distance(void **state)
{
	float		 losses[] = {1, 2, 3, NAN, NAN, NAN};
	CurveSummary curve = summarise(losses, 4);
	SummaryBox	 box;
	SummaryQuery query;

	(void) state;
	metaprobe_summary_query_set(&query, losses, 3);
	assert_that(isnan(metaprobe_summary_bound(&query, METRIC_L2, &curve)), 0);
	metaprobe_summary_query_set(&query, losses, 4);
	assert_that(metaprobe_summary_bound(&query, METRIC_L2, &curve) == 0, 1);
	metaprobe_summary_query_set(&query, losses + 3, 3);
	assert_int(query.n_epochs, 0, 2);
	curve = summarise(losses, 3);
	assert_that(isnan(metaprobe_summary_bound(&query, METRIC_L2, &curve)), 3);
	curve = summarise(losses + 3, 3);
	assert_int(curve.n_epochs, 0, 4);
	assert_that(isnan(metaprobe_summary_bound(&query, METRIC_L1, &curve)), 5);
	curve = summarise(losses, 0);
	assert_int(curve.n_epochs, 0, 6);

	/* a box with curves of several lengths may have one of any in between */
	box = box_of(losses, 2);
	box.most_epochs = 9;
	metaprobe_summary_query_set(&query, losses, 3);
	assert_that(!isnan(metaprobe_summary_box_bound(&query, METRIC_L1, &box)),
				7);
	box.most_epochs = 2;
	assert_that(isnan(metaprobe_summary_box_bound(&query, METRIC_L1, &box)),
				8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_both_kernels(bounds_never_exceed_distances),
		test_with_both_kernels(bounds_of_few_epochs_are_nearly_the_distance),
		test_with_both_kernels(bounds_hold_for_the_largest_losses),
		cmocka_unit_test(missing_epochs_of_the_query_scale_bounds),
		cmocka_unit_test(l1_counts_what_the_means_leave_out),
		test_with_both_kernels(levels_tell_apart_what_means_do_not),
		test_with_both_kernels(the_first_level_and_the_last_are_open),
		cmocka_unit_test(levels_tell_noise_apart),
		test_with_both_kernels(a_boxs_bound_holds_for_all_in_it),
		cmocka_unit_test(kernels_agree),
		cmocka_unit_test(
			other_lengths_and_curves_without_losses_have_no_distance),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("bounds by summaries", tests, NULL,
									   NULL);
}
