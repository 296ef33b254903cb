/*
 * vote.c
 *		The vote of k nearest neighbours.
 */
#include "vote.h"

#include <stddef.h>

/*
 * Count the votes of the neighbours, given nearest first, into labels.
 * label_of maps a neighbour's index to its label; NULL if the index is the
 * label.  balance holds each label's vote under WEIGHTS_BALANCED.  Returns the
 * sum of all votes.
 */
double
metaprobe_vote(const Neighbour *neighbours, int n_neighbours,
			   const int32_t *label_of, Weights weights, const double *balance,
			   LabelVotes *labels, int n_labels)
{
	bool only_zero = weights == WEIGHTS_DISTANCE && n_neighbours > 0 &&
					 neighbours[0].distance == 0;
	double total = 0;

	for (int label = 0; label < n_labels; label++)
		labels[label] = (LabelVotes){0, 0};

	for (int i = 0; i < n_neighbours; i++)
	{
		double	distance = neighbours[i].distance;
		int32_t label = neighbours[i].index;
		double	vote = 1;

		if (label_of != NULL)
			label = label_of[label];
		if (only_zero && distance != 0)
			break;
		if (weights == WEIGHTS_DISTANCE && !only_zero)
			vote = 1 / distance;
		else if (weights == WEIGHTS_BALANCED)
			vote = balance[label];

		labels[label].votes += vote;
		labels[label].distance_sum += distance;
		total += vote;
	}
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
