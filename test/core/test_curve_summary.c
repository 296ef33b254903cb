/*
 * test_curve_summary.c
 *		Unit tests of curves' summaries and their boxes.
 */
#include "random_summaries.h"
#include "summary_layout.h"
#include "test.h"

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

static void
a_box_contains_all_that_it_is_of(void **state)
{
	Random			 random = random_stream(__func__);
	static Summaries summaries;

	(void) state;
	for (int round = 0; round < random_rounds(3000); round++)
	{
		SummaryBox box;

		random_summaries(&random, &summaries);
		box = box_around(&random, &summaries);
		for (int i = 0; i < summaries.n; i++)
			assert_that(contains(&box, &summaries.boxes[i]), round);
	}
}

/* Curves of every length have room, and small ones a small summary. */
static void
summaries_of_all_lengths_have_room(void **state)
{
	(void) state;
	for (int n = 0; n <= UINT16_MAX; n++)
	{
		int rows = 0;

		while (first_of_row(rows, n) < SUMMARY_SEGMENTS)
			rows++;
		assert_that(rows <= SUMMARY_MAX_ROWS, n);
		assert_that(metaprobe_summary_size(n) <= (int) sizeof(CurveSummary),
					n);
		if (n >= SUMMARY_SEGMENTS && n <= SUMMARY_LONGEST)
			assert_that(metaprobe_summary_size(n) <= 42 + (3 * n + 7) / 8 + 1,
						n);
	}
	assert_int(metaprobe_summary_size(90), 42 + 34, 0);
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

	/* the limit is 2^32, here with an epoch to a segment */
	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		losses[i] = i % 2 ? 4.2e9f : 4.4e9f;
	box = box_of(losses, SUMMARY_SEGMENTS);
	for (int i = 0; i < SUMMARY_SEGMENTS; i++)
		assert_int(isnan(box.low[i]), i % 2 == 0, i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_contains_all_that_it_is_of),
		cmocka_unit_test(summaries_of_all_lengths_have_room),
		cmocka_unit_test(the_largest_losses_are_unknown),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("curve summaries", tests, NULL, NULL);
}
