/*
 * test_curve_summary.c
 *		Unit tests of curves' summaries: the bounds against real distances, and
 *		the operations of an index on boxes against their definitions.
 */
#include "reference_distance.h"
#include "test.h"

#include "curve_summary.h"
#include "random.h"

#define MAX_EPOCHS 300
#define MAX_CURVES 60

typedef struct Summaries
{
	int			 n;
	int			 n_epochs;
	float		 losses[MAX_CURVES][MAX_EPOCHS];
	CurveSummary curves[MAX_CURVES];
	SummaryBox	 boxes[MAX_CURVES];
} Summaries;

/* Summarise a curve by exactly the bytes that its summary takes. */
static CurveSummary
summarise(const float *losses, int n_epochs)
{
	CurveSummary summary;
	CurveSummary stored = {0};
	int			 size = metaprobe_summary_take(losses, n_epochs, &summary);

	assert_that(size <= (int) sizeof(summary), n_epochs);
	assert_int(size, metaprobe_summary_size(summary.n_epochs), n_epochs);
	memcpy(&stored, &summary, size);
	return stored;
}

static SummaryBox
box_of(const float *losses, int n_epochs)
{
	CurveSummary summary = summarise(losses, n_epochs);
	SummaryBox	 box;

	metaprobe_summary_box(&summary, &box);
	return box;
}

static void
summarise_all(Summaries *summaries)
{
	for (int i = 0; i < summaries->n; i++)
	{
		summaries->curves[i] =
			summarise(summaries->losses[i], summaries->n_epochs);
		metaprobe_summary_box(&summaries->curves[i], &summaries->boxes[i]);
	}
}

/*
 * A curve like another, to whose bound it should come near: the same, a bit
 * off, moved, or other losses of the same mean.
 */
static void
make_like(Random *random, const float *model, float *losses, int n)
{
	int way = random_below(random, 4);

	for (int i = 0; i < n; i++)
	{
		losses[i] = model[i];
		if (way == 1 && random_chance(random, 0.2))
			losses[i] =
				nextafterf(model[i],
						   random_chance(random, 0.5) ? INFINITY : -INFINITY);
		else if (way == 2)
			losses[i] = model[i] + 0.25f;
		else if (way == 3)
			losses[i] = model[n - 1 - i];
		if (isinf(losses[i]))
			losses[i] = model[i];
	}
}

static void
random_summaries(Random *random, Summaries *summaries)
{
	CurveStyle style = (CurveStyle) random_below(random, N_CURVE_STYLES);
	double	   missing = random_missing_share(random);
	int		   n = random_between(random, 0, MAX_EPOCHS);

	if (random_chance(random, 0.3))
		n = random_between(random, 0, 12);
	summaries->n = random_between(random, 2, MAX_CURVES);
	summaries->n_epochs = n;
	for (int i = 0; i < summaries->n; i++)
	{
		float *losses = summaries->losses[i];

		if (i > 0 && random_chance(random, 0.3))
			make_like(random, summaries->losses[random_below(random, i)],
					  losses, n);
		else
			random_curve(random, style, missing, losses, n);
		if (random_chance(random, 0.1))
			for (int epoch = random_between(random, 0, n); epoch < n; epoch++)
				losses[epoch] = metaprobe_missing_loss();
	}
	summarise_all(summaries);
}

static double
real_distance(Metric metric, const float *a, const float *b, int n)
{
	double distance;

	metaprobe_distance_function(metric, false)(a, &b, 1, n, n, &distance);
	return distance;
}

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
			double distance = real_distance(metric, query, summaries.losses[i],
											summaries.n_epochs);
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
				real_distance((Metric) metric, losses[0], losses[1], n);
			double bound =
				metaprobe_summary_bound(&query, (Metric) metric, &curve);

			assert_that(fabs(bound - distance) < 0.08, round);
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
				real_distance((Metric) metric, losses[0], losses[1], n);

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

static bool
contains(const SummaryBox *outer, const SummaryBox *inner)
{
	if (inner->least_epochs < outer->least_epochs ||
		inner->most_epochs > outer->most_epochs)
		return false;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		if (isnan(inner->low[i]) || isnan(inner->high[i]))
		{
			if (!isnan(outer->low[i]) || !isnan(outer->high[i]))
				return false;
		}
		else if (!isnan(outer->low[i]) && (outer->low[i] > inner->low[i] ||
										   outer->high[i] < inner->high[i]))
			return false;
	}
	return true;
}

/* The box around the curves, by extension in random order. */
static SummaryBox
box_around(Random *random, const Summaries *summaries)
{
	int		   first = random_below(random, summaries->n);
	SummaryBox box = summaries->boxes[first];

	for (int i = 1; i < summaries->n; i++)
		metaprobe_summary_extend(
			&box, &summaries->boxes[(first + i) % summaries->n]);
	return box;
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
			assert_that(contains(&box, &summaries.boxes[i]), round);
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

/* Losses too large to be summarised are as good as missing. */
static void
the_largest_losses_are_unknown(void **state)
{
	float	   losses[MAX_EPOCHS];
	SummaryBox box;

	(void) state;
	for (int i = 0; i < MAX_EPOCHS; i++)
		losses[i] = i % 2 ? 3e38f : -3e38f;
	losses[3] = 1;
	box = box_of(losses, MAX_EPOCHS);
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
		assert_that(isnan(box.low[i]) && isnan(box.high[i]), i);
}

static int
sign(int value)
{
	return (value > 0) - (value < 0);
}

static void
the_order_is_total(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;

	(void) state;
	for (int round = 0; round < random_rounds(2000); round++)
	{
		random_summaries(&random, &summaries);
		for (int triple = 0; triple < 200; triple++)
		{
			const CurveSummary *a =
				&summaries.curves[random_below(&random, summaries.n)];
			const CurveSummary *b =
				&summaries.curves[random_below(&random, summaries.n)];
			const CurveSummary *c =
				&summaries.curves[random_below(&random, summaries.n)];
			int ab = sign(metaprobe_summary_compare(a, b));
			int bc = sign(metaprobe_summary_compare(b, c));
			int ac = sign(metaprobe_summary_compare(a, c));

			assert_int(metaprobe_summary_compare(a, a), 0, round);
			assert_int(sign(metaprobe_summary_compare(b, a)), -ab, round);
			if (ab == bc)
				assert_int(ac, ab, round);
			if (ab == 0)
				assert_int(ac, bc, round);
		}
	}
}

/* The order along the Z-curve of a grid, where the grid's numbers are known. */
static void
the_order_follows_a_z_curve(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		float		 losses[2][SUMMARY_SEGMENTS]; /* a segment each */
		CurveSummary curves[2];
		int			 expected = 0;

		for (int which = 0; which < 2; which++)
		{
			for (int i = 0; i < SUMMARY_SEGMENTS; i++)
				losses[which][i] =
					(float) random_below(&random, 1 << (round % 9)) / 64;
			curves[which] = summarise(losses[which], SUMMARY_SEGMENTS);
		}
		for (int bit = 9; bit >= 0 && expected == 0; bit--)
		{
			for (int i = 0; i < SUMMARY_SEGMENTS && expected == 0; i++)
			{
				int a = (int) (losses[0][i] * 64) >> bit & 1;
				int b = (int) (losses[1][i] * 64) >> bit & 1;

				expected = a - b;
			}
		}
		assert_int(sign(metaprobe_summary_compare(&curves[0], &curves[1])),
				   expected, round);
	}
}

static void
splits_are_balanced_and_lose_nothing(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		SummarySplitItem items[MAX_CURVES];
		int				 seen[MAX_CURVES] = {0};
		int				 first;
		bool			 mixed = false;

		random_summaries(&random, &summaries);
		if (random_chance(&random, 0.2))
		{
			for (int i = 1; i < summaries.n; i++)
				memcpy(summaries.losses[i], summaries.losses[0],
					   sizeof(summaries.losses[0]));
			summarise_all(&summaries);
		}
		first = metaprobe_summary_split(summaries.boxes, summaries.n, items);
		for (int i = 0; i < summaries.n; i++)
		{
			const SummaryBox *box = &summaries.boxes[items[i].box];

			seen[items[i].box]++;
			mixed |= box->least_epochs != summaries.boxes[0].least_epochs;
			for (int j = 0; j < SUMMARY_SEGMENTS; j++)
				mixed |= isnan(box->low[j]);
		}
		for (int i = 0; i < summaries.n; i++)
			assert_int(seen[i], 1, round);
		assert_that(first >= 1 && first < summaries.n, round);
		if (mixed)
		{
			int least = summaries.n > 16 ? summaries.n / 8 : 1;

			assert_that(first >= least && summaries.n - first >= least, round);
		}
		else
			assert_int(first, summaries.n / 2, round);
	}
}

static void
splits_part_kinds_of_curves(void **state)
{
	static Summaries summaries;
	Random			 random = random_stream(__func__);
	SummarySplitItem items[MAX_CURVES];

	(void) state;
	summaries.n = 40;
	summaries.n_epochs = 30;
	for (int i = 0; i < 40; i++)
	{
		random_curve(&random, STYLE_TRAINING, 0, summaries.losses[i], 30);
		if (i % 4 == 0)
			summaries.losses[i][29] = metaprobe_missing_loss();
	}
	summarise_all(&summaries);
	assert_int(metaprobe_summary_split(summaries.boxes, 40, items), 30, 0);
	for (int i = 0; i < 40; i++)
		assert_int(items[i].box % 4 == 0, i >= 30, i);

	for (int i = 0; i < 40; i++)
		if (i % 5 == 0)
			summaries.boxes[i] = box_of(summaries.losses[i], 20);
	assert_int(metaprobe_summary_split(summaries.boxes, 40, items), 8, 1);
	for (int i = 0; i < 8; i++)
		assert_int(items[i].box % 5, 0, i);
}

static void
penalties_prefer_the_box_of_the_kind(void **state)
{
	float	   losses[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	SummaryBox of_plain = box_of(losses, 9);
	SummaryBox of_shorter = box_of(losses, 8);
	SummaryBox of_far;
	SummaryBox of_gap;

	(void) state;
	losses[8] = metaprobe_missing_loss();
	of_gap = box_of(losses, 9);
	for (int i = 0; i < 9; i++)
		losses[i] = 1e9f;
	of_far = box_of(losses, 9);

	assert_that(metaprobe_summary_penalty(&of_plain, &of_plain) == 0, 0);
	assert_that(metaprobe_summary_penalty(&of_gap, &of_gap) == 0, 1);
	assert_that(metaprobe_summary_penalty(&of_plain, &of_far) > 0, 2);
	assert_that(metaprobe_summary_penalty(&of_gap, &of_plain) >
					metaprobe_summary_penalty(&of_far, &of_plain),
				3);
	assert_that(metaprobe_summary_penalty(&of_plain, &of_gap) >
					metaprobe_summary_penalty(&of_plain, &of_far),
				4);
	assert_that(metaprobe_summary_penalty(&of_shorter, &of_plain) >
					metaprobe_summary_penalty(&of_gap, &of_plain),
				5);
	assert_that((float) metaprobe_summary_penalty(&of_shorter, &of_gap) <
					INFINITY,
				6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_never_exceed_distances),
		cmocka_unit_test(bounds_of_few_epochs_are_nearly_the_distance),
		cmocka_unit_test(l1_counts_what_the_means_leave_out),
		cmocka_unit_test(levels_tell_apart_what_means_do_not),
		cmocka_unit_test(a_boxs_bound_holds_for_all_in_it),
		cmocka_unit_test(
			other_lengths_and_curves_without_losses_have_no_distance),
		cmocka_unit_test(the_largest_losses_are_unknown),
		cmocka_unit_test(the_order_is_total),
		cmocka_unit_test(the_order_follows_a_z_curve),
		cmocka_unit_test(splits_are_balanced_and_lose_nothing),
		cmocka_unit_test(splits_part_kinds_of_curves),
		cmocka_unit_test(penalties_prefer_the_box_of_the_kind),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("curve summaries", tests, NULL, NULL);
}
