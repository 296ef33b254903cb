/*
 * vote.c
 *		The vote of k nearest neighbours.
 */
#include "vote.h"

#include <stddef.h>

/*
 * Divide each label's votes by its share of the probes.  One division of a
 * product that is exact, so that equal votes are equal doubles and tie.
 */
static void
balance_votes(LabelVotes *labels, int n_labels, const int32_t *label_starts)
{
	double n_probes = label_starts[n_labels];

	for (int label = 0; label < n_labels; label++)
	{
		int n = label_starts[label + 1] - label_starts[label];

		labels[label].votes = labels[label].votes * n_probes / n;
	}
}

/*
 * Count the votes of the neighbours, given nearest first, into labels.
 * label_of maps a neighbour's index to its label; NULL if the index is the
 * label.  For WEIGHTS_BALANCED label_starts tells where each label's probes
 * start, and at n_labels how many there are.  Returns the sum of all votes.
 */
double
metaprobe_vote(const Neighbour *neighbours, int n_neighbours,
			   const int32_t *label_of, Weights weights,
			   const int32_t *label_starts, LabelVotes *labels, int n_labels)
{
	bool only_zero = weights == WEIGHTS_DISTANCE && n_neighbours > 0 &&
					 neighbours[0].distance == 0;
	double	   total = 0;
	LabelVotes run = {0, 0}; /* of neighbours of one label */
	int32_t	   run_label = 0;

	for (int label = 0; label < n_labels; label++)
		labels[label] = (LabelVotes){0, 0};

	for (int i = 0; i < n_neighbours; i++)
	{
		double	distance = neighbours[i].distance;
		int32_t label = neighbours[i].index;

		if (label_of != NULL)
			label = label_of[label];
		if (only_zero && distance != 0)
			break;
		/* the next neighbour mostly has the same label: keep that at hand */
		if (label != run_label)
		{
			labels[run_label] = run;
			run = labels[label];
			run_label = label;
		}
		run.votes +=
			weights == WEIGHTS_DISTANCE && !only_zero ? 1 / distance : 1;
		run.distance_sum += distance;
	}
	if (n_neighbours > 0)
		labels[run_label] = run;
	if (weights == WEIGHTS_BALANCED)
		balance_votes(labels, n_labels, label_starts);

	for (int label = 0; label < n_labels; label++)
		total += labels[label].votes;
	return total;
}

/*
 * Does label a come before label b: by more votes, then by the smaller sum of
 * distances, then by C order of the names?
 */
bool
metaprobe_votes_before(const LabelVotes *labels, int a, int b)
{
	if (labels[a].votes != labels[b].votes)
		return labels[a].votes > labels[b].votes;
	if (labels[a].distance_sum != labels[b].distance_sum)
		return labels[a].distance_sum < labels[b].distance_sum;
	return a < b;
}

/* The first label with a vote, leaving out one (-1: none); -1 if none voted. */
int
metaprobe_vote_winner(const LabelVotes *labels, int n_labels, int except)
{
	int winner = -1;

	for (int label = 0; label < n_labels; label++)
	{
		if (label == except || labels[label].votes <= 0)
			continue;
		if (winner < 0 || metaprobe_votes_before(labels, label, winner))
			winner = label;
	}
	return winner;
}
