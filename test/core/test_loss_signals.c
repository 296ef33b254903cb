/*
 * test_loss_signals.c
 *		Unit tests of the figures by which people rank suspicious rows.
 */
#include "test.h"

#include "loss_signals.h"
#include "random.h"

#define MAX_N 200

static void
figures_are_those_of_plain_sums(void **state)
{
	Random random = random_stream(__func__);
	float  losses[MAX_N];

	(void) state;
	for (int round = 0; round < random_rounds(5000); round++)
	{
		int			n = random_between(&random, 0, MAX_N);
		long double sum = 0;
		long double doubts = 0;
		int			observed = 0;
		double		first = NAN;
		double		final = NAN;
		LossSignals signals;

		random_curve(&random, STYLE_TRAINING, random_missing_share(&random),
					 losses, n);
		for (int i = 0; i < n; i++)
		{
			if (isnan(losses[i]))
				continue;
			if (observed++ == 0)
				first = losses[i];
			final = losses[i];
			sum += losses[i];
			doubts += 1 - expl(-(long double) losses[i]);
		}
		signals = metaprobe_loss_signals(losses, n);
		assert_nearly_equal(signals.mean, (double) (sum / observed), 1e-15,
							round);
		assert_same_double(signals.first, first, round);
		assert_same_double(signals.final, final, round);
		assert_nearly_equal(signals.low_confidence,
							(double) (doubts / observed), 1e-13, round);
	}
}

static void
what_is_undefined(void **state)
{
	const float negative[] = {1, -0.25f, 2};
	const float missing[] = {NAN, NAN};
	const float zeros[] = {0, 0};
	LossSignals signals = metaprobe_loss_signals(negative, 3);

	(void) state;
	assert_that(isnan(signals.low_confidence), 0);
	assert_nearly_equal(signals.mean, 2.75 / 3, 1e-15, 1);
	signals = metaprobe_loss_signals(missing, 2);
	assert_that(isnan(signals.mean) && isnan(signals.first) &&
					isnan(signals.final) && isnan(signals.low_confidence),
				2);
	assert_same_double(metaprobe_loss_signals(zeros, 2).low_confidence, 0, 3);
}

/* Doubts of 1e-20 are still told apart. */
static void
small_losses_keep_their_order(void **state)
{
	const float one[] = {1e-20f, 2e-20f};
	const float other[] = {1e-20f, 3e-20f};

	(void) state;
	assert_that(metaprobe_loss_signals(one, 2).low_confidence <
					metaprobe_loss_signals(other, 2).low_confidence,
				0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_those_of_plain_sums),
		cmocka_unit_test(what_is_undefined),
		cmocka_unit_test(small_losses_keep_their_order),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("loss signals", tests, NULL, NULL);
}
