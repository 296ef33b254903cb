/*
 * calibration.h
 *		Probabilities of labels from their votes.
 */
#ifndef METAPROBE_CORE_CALIBRATION_H
#define METAPROBE_CORE_CALIBRATION_H

#include "vote.h"

/*
 * A label's probability is in proportion to (its share of the votes +
 * offset)^power, which leaves the order of labels as it is.  With power 0 it
 * is the share itself.
 */
typedef struct Calibration
{
	double offset;
	double power;
} Calibration;

/* The shares of the votes that a curve's labels got, and which is right. */
typedef struct VoteShares
{
	double *shares; /* those above 0 */
	int		n_shares;
	int		n_labels;
	double	right; /* the right label's share */
} VoteShares;

extern double	   metaprobe_likelihood(const Calibration *calibration,
										double votes, double total_votes);
extern double	   metaprobe_total_likelihood(const Calibration *calibration,
											  const LabelVotes	*labels,
											  int n_labels, double total_votes);
extern Calibration metaprobe_calibrate(const VoteShares *curves, int n);

#endif /* METAPROBE_CORE_CALIBRATION_H */
