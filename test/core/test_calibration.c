/*
 * test_calibration.c
 *		Unit tests of the probabilities of labels.
 */
#include "test.h"

#include "calibration.h"
#include "random.h"

#define MAX_LABELS 6
#define MAX_CURVES 300

/* Votes of some neighbours, and their sum. */
static double
random_votes(Random *random, LabelVotes *labels, int n_labels, int k)
{
	for (int label = 0; label < n_labels; label++)
		labels[label] = (LabelVotes){0, 0};
	for (int i = 0; i < k; i++)
		labels[random_below(random, n_labels)].votes++;
	return k;
}

static void
without_calibration_probabilities_are_shares(void **state)
{
	const Calibration none = {0, 0};
	LabelVotes		  labels[] = {{3, 1}, {0, 0}, {1, 1}};

	(void) state;
	assert_same_double(metaprobe_total_likelihood(&none, labels, 3, 4), 4, 0);
	assert_same_double(metaprobe_likelihood(&none, 3, 4) / 4, 0.75, 0);
	assert_same_double(metaprobe_likelihood(&none, 0, 4), 0, 0);
}

static void
probabilities_agree_with_the_formula(void **state)
{
	Random	   random = random_stream(__func__);
	LabelVotes labels[MAX_LABELS];

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		int			n_labels = random_between(&random, 1, MAX_LABELS);
		double		votes = random_votes(&random, labels, n_labels,
										 random_between(&random, 1, 20));
		Calibration calibration = {1e-3 + random_unit(&random),
								   0.1 + 6 * random_unit(&random)};
		double		total = 0;
		double		sum = 0;

		for (int i = 0; i < n_labels; i++)
			total += pow(labels[i].votes / votes + calibration.offset,
						 calibration.power);
		for (int i = 0; i < n_labels; i++)
		{
			double probability =
				metaprobe_likelihood(&calibration, labels[i].votes, votes) /
				metaprobe_total_likelihood(&calibration, labels, n_labels,
										   votes);

			assert_nearly_equal(probability,
								pow(labels[i].votes / votes +
										calibration.offset,
									calibration.power) /
									total,
								1e-13, round);
			for (int j = 0; j < n_labels; j++)
			{
				double other =
					metaprobe_likelihood(&calibration, labels[j].votes, votes);

				if (labels[i].votes > labels[j].votes)
					assert_that(metaprobe_likelihood(&calibration,
													 labels[i].votes,
													 votes) > other,
								round);
			}
			sum += probability;
		}
		assert_nearly_equal(sum, 1, 1e-13, round);
	}
}

/* -log(probability) of the right labels, straight from the definition. */
static double
reference_loss(const Calibration *calibration,
			   LabelVotes (*labels)[MAX_LABELS], const double *votes,
			   const int *right, int n, int n_labels)
{
	double loss = 0;

	for (int i = 0; i < n; i++)
	{
		double total = 0;

		for (int label = 0; label < n_labels; label++)
			total +=
				pow(labels[i][label].votes / votes[i] + calibration->offset,
					calibration->power);
		loss -=
			log(pow(labels[i][right[i]].votes / votes[i] + calibration->offset,
					calibration->power) /
				total);
	}
	return loss;
}

/* Learn from votes whose winner is right so often. */
static void
calibration_has_the_least_loss(void **state)
{
	Random			  random = random_stream(__func__);
	static LabelVotes labels[MAX_CURVES][MAX_LABELS];
	double			  votes[MAX_CURVES];
	int				  right[MAX_CURVES];
	double			  shares[MAX_CURVES][MAX_LABELS];
	VoteShares		  curves[MAX_CURVES];

	(void) state;
	for (int round = 0; round < 30; round++)
	{
		int			n_labels = random_between(&random, 2, MAX_LABELS);
		int			n = random_between(&random, 50, MAX_CURVES);
		double		honesty = random_unit(&random);
		Calibration found;
		double		least;

		for (int i = 0; i < n; i++)
		{
			votes[i] = random_votes(&random, labels[i], n_labels, 5);
			right[i] = random_below(&random, n_labels);
			if (random_chance(&random, honesty))
				right[i] = metaprobe_vote_winner(labels[i], n_labels, -1);
			curves[i] = (VoteShares){shares[i], 0, n_labels,
									 labels[i][right[i]].votes / votes[i]};
			for (int label = 0; label < n_labels; label++)
			{
				if (labels[i][label].votes > 0)
					shares[i][curves[i].n_shares++] =
						labels[i][label].votes / votes[i];
			}
		}
		found = metaprobe_calibrate(curves, n);
		assert_that(found.offset > 0 && found.power > 0, round);
		least = reference_loss(&found, labels, votes, right, n, n_labels);

		/* no point of the grid about it is better */
		for (double offset = 0.001; offset < 1.5; offset *= 10)
		{
			for (int j = 0; j < 4; j++)
			{
				Calibration other = {offset, 0.5};

				assert_that(reference_loss(&other, labels, votes, right, n,
										   n_labels) >= least - 1e-9,
							round);
				other = (Calibration){offset, j + 1};
				assert_that(reference_loss(&other, labels, votes, right, n,
										   n_labels) >= least - 1e-9,
							round);
			}
		}
	}
}

static void
nothing_is_learned_from_nothing(void **state)
{
	Calibration calibration = metaprobe_calibrate(NULL, 0);

	(void) state;
	assert_same_double(calibration.power, 0, 0);
	assert_same_double(calibration.offset, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_calibration_probabilities_are_shares),
		cmocka_unit_test(probabilities_agree_with_the_formula),
		cmocka_unit_test(calibration_has_the_least_loss),
		cmocka_unit_test(nothing_is_learned_from_nothing),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
