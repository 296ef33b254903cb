/*
 * vote.h
 *		The vote of k nearest neighbours.
 */
#ifndef METAPROBE_CORE_VOTE_H
#define METAPROBE_CORE_VOTE_H

#include "nearest.h"

typedef enum Weights
{
	WEIGHTS_UNIFORM,  /* every neighbour has one vote */
	WEIGHTS_DISTANCE, /* 1 / distance; distance 0 takes all */
	WEIGHTS_BALANCED  /* divided by the label's share of probes */
} Weights;

#define N_WEIGHTS (WEIGHTS_BALANCED + 1)

/* What one label got.  Labels are numbered in C order of their names. */
typedef struct LabelVotes
{
	double votes;
	double distance_sum; /* over the neighbours that voted */
} LabelVotes;

extern double metaprobe_vote(const Neighbour *neighbours, int n_neighbours,
							 const int32_t *label_of, Weights weights,
							 const int32_t *label_starts, LabelVotes *labels,
							 int n_labels);
extern bool	  metaprobe_votes_before(const LabelVotes *labels, int a, int b);
extern int	  metaprobe_vote_winner(const LabelVotes *labels, int n_labels,
									int except);

#endif /* METAPROBE_CORE_VOTE_H */
