/*
 * test_summary_order.c
 *		Unit tests of the order of summaries, of splits and of penalties.
 */
#include "summary_order.h"

#include "random_summaries.h"
#include "test.h"

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
the_order_begins_with_epochs(void **state)
{
	const float	 losses[] = {9, 9, 9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	CurveSummary longer = summarise(losses + 4, 9);
	CurveSummary shorter = summarise(losses, 4);

	(void) state;
	assert_that(metaprobe_summary_compare(&shorter, &longer) < 0, 0);
	assert_that(metaprobe_summary_compare(&longer, &shorter) > 0, 1);
}

/* With an epoch to a segment: a coordinate differs more than the others. */
static void
splits_are_by_what_differs_most(void **state)
{
	static Summaries summaries;
	SummarySplitItem items[MAX_CURVES];

	(void) state;
	summaries.n = 32;
	summaries.n_epochs = SUMMARY_SEGMENTS;
	for (int most = 0; most < SUMMARY_SEGMENTS; most++)
	{
		for (int i = 0; i < 32; i++)
			for (int epoch = 0; epoch < SUMMARY_SEGMENTS; epoch++)
				summaries.losses[i][epoch] =
					(float) (epoch == most ? i * 7 % 32 : i % 5);
		/* too few to be parted from the others */
		summaries.losses[3][most] = metaprobe_missing_loss();
		summarise_all(&summaries);
		assert_int(metaprobe_summary_split(summaries.boxes, 32, items), 16,
				   most);
		for (int i = 1; i < 31; i++)
			assert_that(summaries.losses[items[i - 1].box][most] <=
							summaries.losses[items[i].box][most],
						most);
		assert_int(items[31].box, 3, most);
	}
}

/* Of boxes around a curve the one that it is in the middle of is best. */
static void
penalties_prefer_the_middle(void **state)
{
	float	   losses[] = {1, 2, 3, 4, 5, 6, 7, 8};
	SummaryBox added = box_of(losses, 8);
	SummaryBox around = added;
	SummaryBox aside = added;

	(void) state;
	for (int i = 0; i < SUMMARY_COORDINATES; i++)
	{
		around.low[i] -= 1;
		around.high[i] += 1;
		aside.low[i] -= 0.5f;
		aside.high[i] += 2;
	}
	assert_that(metaprobe_summary_penalty(&around, &added) <
					metaprobe_summary_penalty(&aside, &added),
				0);
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
		cmocka_unit_test(the_order_is_total),
		cmocka_unit_test(the_order_follows_a_z_curve),
		cmocka_unit_test(splits_are_balanced_and_lose_nothing),
		cmocka_unit_test(splits_part_kinds_of_curves),
		cmocka_unit_test(the_order_begins_with_epochs),
		cmocka_unit_test(splits_are_by_what_differs_most),
		cmocka_unit_test(penalties_prefer_the_middle),
		cmocka_unit_test(penalties_prefer_the_box_of_the_kind),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("order of summaries", tests, NULL,
									   NULL);
}
