/*
 * test_nearest.c
 *		Unit tests of the k nearest of a stream, and of their vote.
 */
#include "test.h"

#include <limits.h>

#include "both_kernels.h"
#include "nearest.h"
#include "random.h"
#include "vote.h"

#define MAX_CANDIDATES 600 /* more than are kept in order */

static int
compare_neighbours(const void *a, const void *b)
{
	const Neighbour *x = a;
	const Neighbour *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Sort what is not NaN to the front; returns how many those are. */
static int
sort_candidates(Neighbour *candidates, int n)
{
	int defined = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(candidates[i].distance))
			candidates[defined++] = candidates[i];
	}
	qsort(candidates, defined, sizeof(Neighbour), compare_neighbours);
	return defined;
}

static void
shuffle(Random *random, Neighbour *candidates, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int		  j = random_below(random, i + 1);
		Neighbour swap = candidates[i];

		candidates[i] = candidates[j];
		candidates[j] = swap;
	}
}

/* Candidates with distinct indexes, in any order, whose distances often tie. */
static int
random_candidates(Random *random, Neighbour *candidates)
{
	int n = random_below(random, MAX_CANDIDATES);
	int values = random_chance(random, 0.5) ? 5 : 1000;

	for (int i = 0; i < n; i++)
	{
		candidates[i].index = i;
		candidates[i].distance = random_below(random, values) / 4.0;
		if (random_chance(random, 0.05))
			candidates[i].distance = NAN;
		else if (random_chance(random, 0.02))
			candidates[i].distance = INFINITY;
	}
	if (random_chance(random, 0.5))
		sort_candidates(candidates, n);
	if (random_chance(random, 0.7))
		shuffle(random, candidates, n);
	return n;
}

static Nearest
find_nearest(const Neighbour *candidates, int n, int k)
{
	Nearest nearest;

	metaprobe_nearest_reset(&nearest, allocate(k * sizeof(Neighbour)), k);
	for (int i = 0; i < n; i++)
		metaprobe_nearest_offer(&nearest, candidates[i].distance,
								candidates[i].index);
	metaprobe_nearest_sort(&nearest);
	return nearest;
}

static void
nearest_are_the_first_of_all_sorted(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		Neighbour candidates[MAX_CANDIDATES];
		int		  n = random_candidates(&random, candidates);
		int		  k =
			random_between(&random, 1, random_chance(&random, 0.1) ? 400 : 30);
		Nearest nearest = find_nearest(candidates, n, k);
		int		defined = sort_candidates(candidates, n);

		assert_int(nearest.count, defined < k ? defined : k, round);
		for (int i = 0; i < nearest.count; i++)
		{
			assert_int(nearest.items[i].index, candidates[i].index, round);
			assert_same_double(nearest.items[i].distance,
							   candidates[i].distance, round);
		}
		free(nearest.items);
	}
}

/* Some already offered, the others taken together. */
static Nearest
take_nearest(const Neighbour *candidates, int n, int n_offered, int k)
{
	Nearest nearest;
	double	distances[MAX_CANDIDATES];
	int32_t indexes[MAX_CANDIDATES];

	metaprobe_nearest_reset(&nearest, allocate(k * sizeof(Neighbour)), k);
	for (int i = 0; i < n; i++)
	{
		distances[candidates[i].index] = candidates[i].distance;
		indexes[i] = candidates[i].index;
	}
	for (int i = 0; i < n_offered; i++)
		metaprobe_nearest_offer(&nearest, candidates[i].distance,
								candidates[i].index);
	metaprobe_nearest_take(&nearest, distances, indexes + n_offered,
						   n - n_offered);
	return nearest;
}

static void
taking_many_is_offering_each(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		Neighbour candidates[MAX_CANDIDATES];
		int		  n =
			random_below(&random,
						 random_chance(&random, 0.2) ? MAX_CANDIDATES : 60);
		int k = random_between(&random, 1, 40);
		int n_offered =
			random_chance(&random, 0.2) ? random_below(&random, n + 1) : 0;
		double	chance_of_tie = random_chance(&random, 0.5) ? 0 : 0.1;
		Nearest taken;
		Nearest offered;

		for (int i = 0; i < n; i++)
			candidates[i] = (Neighbour){i * 1.25, n - 1 - i};
		for (int i = 0; i < n; i++)
		{
			if (random_chance(&random, chance_of_tie))
				candidates[i].distance =
					random_chance(&random, 0.3) ?
						NAN :
						candidates[random_below(&random, n)].distance;
		}
		shuffle(&random, candidates, n);
		taken = take_nearest(candidates, n, n_offered, k);
		offered = find_nearest(candidates, n, k);
		assert_int(taken.count, offered.count, round);
		for (int i = 0; i < taken.count; i++)
		{
			assert_int(taken.items[i].index, offered.items[i].index, round);
			assert_same_double(taken.items[i].distance,
							   offered.items[i].distance, round);
		}
		free(taken.items);
		free(offered.items);
	}
}

static void
undefined_distances_are_no_neighbours(void **state)
{
	const Neighbour candidates[] = {{NAN, 0}, {-NAN, 1}, {3, 2}, {NAN, 3}};
	Nearest			nearest = find_nearest(candidates, 4, 3);

	(void) state;
	assert_int_equal(nearest.count, 1);
	assert_int_equal(nearest.items[0].index, 2);
	free(nearest.items);
	nearest = find_nearest(candidates, 2, 3);
	assert_int_equal(nearest.count, 0);
	free(nearest.items);
}

static void
ties_go_to_the_smaller_index(void **state)
{
	const Neighbour candidates[] = {{1, 9}, {1, 3}, {1, 7}, {1, 1}, {2, 0}};
	Nearest			nearest = find_nearest(candidates, 5, 3);

	(void) state;
	assert_int_equal(nearest.items[0].index, 1);
	assert_int_equal(nearest.items[1].index, 3);
	assert_int_equal(nearest.items[2].index, 7);
	free(nearest.items);
}

/* --- votes --- */

static void
each_neighbour_has_a_vote(void **state)
{
	const Neighbour neighbours[] = {{1, 0}, {2, 5}, {3, 1}, {7, 2}};
	const int32_t	label_of[] = {0, 0, 1, 1, 2, 2};
	LabelVotes		labels[4];

	(void) state;
	assert_same_double(metaprobe_vote(neighbours, 4, label_of, WEIGHTS_UNIFORM,
									  NULL, labels, 4),
					   4, 0);
	assert_same_double(labels[0].votes, 2, 1);
	assert_same_double(labels[0].distance_sum, 4, 2);
	assert_same_double(labels[1].votes, 1, 3);
	assert_same_double(labels[1].distance_sum, 7, 4);
	assert_same_double(labels[2].votes, 1, 5);
	assert_same_double(labels[3].votes, 0, 6);
	assert_int_equal(metaprobe_vote_winner(labels, 4, -1), 0);
	/* label 2 ties with label 1 and is nearer */
	assert_int_equal(metaprobe_vote_winner(labels, 4, 0), 2);
}

static void
an_index_may_be_the_label(void **state)
{
	const Neighbour neighbours[] = {{1, 2}, {2, 0}, {3, 2}};
	LabelVotes		labels[3];

	(void) state;
	metaprobe_vote(neighbours, 3, NULL, WEIGHTS_UNIFORM, NULL, labels, 3);
	assert_same_double(labels[0].votes, 1, 0);
	assert_same_double(labels[1].votes, 0, 1);
	assert_same_double(labels[2].votes, 2, 2);
}

static void
nearer_votes_count_more(void **state)
{
	const Neighbour neighbours[] = {{0.5, 0}, {2, 1}, {2, 1}, {4, 1}};
	LabelVotes		labels[2];

	(void) state;
	assert_same_double(metaprobe_vote(neighbours, 4, NULL, WEIGHTS_DISTANCE,
									  NULL, labels, 2),
					   3.25, 0);
	assert_same_double(labels[0].votes, 2, 1);
	assert_same_double(labels[1].votes, 1.25, 2);
	assert_int_equal(metaprobe_vote_winner(labels, 2, -1), 0);
}

static void
a_distance_of_zero_takes_all(void **state)
{
	const Neighbour neighbours[] = {{0, 1}, {0, 0}, {0, 1}, {1e-9, 0}};
	LabelVotes		labels[2];

	(void) state;
	assert_same_double(metaprobe_vote(neighbours, 4, NULL, WEIGHTS_DISTANCE,
									  NULL, labels, 2),
					   3, 0);
	assert_same_double(labels[0].votes, 1, 1);
	assert_same_double(labels[1].votes, 2, 2);
	/* but under the other weights a zero is a distance like any other */
	assert_same_double(metaprobe_vote(neighbours, 4, NULL, WEIGHTS_UNIFORM,
									  NULL, labels, 2),
					   4, 3);
}

static void
without_votes_nobody_wins(void **state)
{
	const Neighbour neighbour = {1, 1};
	LabelVotes		labels[3];

	(void) state;
	assert_same_double(metaprobe_vote(NULL, 0, NULL, WEIGHTS_DISTANCE, NULL,
									  labels, 3),
					   0, 0);
	assert_int_equal(metaprobe_vote_winner(labels, 3, -1), -1);
	assert_int_equal(metaprobe_vote_winner(labels, 0, -1), -1);
	/* nor is there need of room for labels if there are none */
	assert_same_double(metaprobe_vote(NULL, 0, NULL, WEIGHTS_UNIFORM, NULL,
									  NULL, 0),
					   0, 1);
	/* a label without votes is no runner-up */
	metaprobe_vote(&neighbour, 1, NULL, WEIGHTS_UNIFORM, NULL, labels, 3);
	assert_int_equal(metaprobe_vote_winner(labels, 3, -1), 1);
	assert_int_equal(metaprobe_vote_winner(labels, 3, 1), -1);
}

static void
ties_go_to_the_nearer_then_to_the_first(void **state)
{
	const LabelVotes labels[] = {{1, 0.5}, {2, 4}, {2, 3},
								 {2, 3},   {0, 0}, {2, 5}};
	const int		 order[] = {2, 3, 1, 5, 0, 4};

	(void) state;
	for (int i = 0; i < LENGTH_OF(order); i++)
	{
		for (int j = 0; j < LENGTH_OF(order); j++)
			assert_int(metaprobe_votes_before(labels, order[i], order[j]),
					   i < j, i * 10 + j);
	}
	assert_int_equal(metaprobe_vote_winner(labels, 6, -1), 2);
	assert_int_equal(metaprobe_vote_winner(labels, 6, 2), 3);
}

/* Uniform votes counted label by label, with integer distances. */
static int
naive_winner(const Neighbour *neighbours, int n, int n_labels)
{
	int winner = -1;
	int most = 0;
	int least_sum = INT_MAX;

	for (int label = 0; label < n_labels; label++)
	{
		int votes = 0;
		int sum = 0;

		for (int i = 0; i < n; i++)
		{
			votes += neighbours[i].index == label;
			sum += neighbours[i].index == label ?
					   (int) neighbours[i].distance :
					   0;
		}
		if (votes > most || (votes > 0 && votes == most && sum < least_sum))
		{
			winner = label;
			most = votes;
			least_sum = sum;
		}
	}
	return winner;
}

static void
winners_are_those_of_a_plain_count(void **state)
{
	Random random = random_stream(__func__);

	(void) state;
	for (int round = 0; round < random_rounds(20000); round++)
	{
		Neighbour  neighbours[12];
		LabelVotes labels[5];
		int		   n = random_below(&random, LENGTH_OF(neighbours) + 1);

		for (int i = 0; i < n; i++)
			neighbours[i] = (Neighbour){random_below(&random, 4),
										random_below(&random, 5)};
		qsort(neighbours, n, sizeof(Neighbour), compare_neighbours);
		metaprobe_vote(neighbours, n, NULL, WEIGHTS_UNIFORM, NULL, labels, 5);
		assert_int(metaprobe_vote_winner(labels, 5, -1),
				   naive_winner(neighbours, n, 5), round);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_are_the_first_of_all_sorted),
		test_with_both_kernels(taking_many_is_offering_each),
		cmocka_unit_test(undefined_distances_are_no_neighbours),
		cmocka_unit_test(ties_go_to_the_smaller_index),
		cmocka_unit_test(each_neighbour_has_a_vote),
		cmocka_unit_test(an_index_may_be_the_label),
		cmocka_unit_test(nearer_votes_count_more),
		cmocka_unit_test(a_distance_of_zero_takes_all),
		cmocka_unit_test(without_votes_nobody_wins),
		cmocka_unit_test(ties_go_to_the_nearer_then_to_the_first),
		cmocka_unit_test(winners_are_those_of_a_plain_count),
	};

	random_announce_seed();
	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
