/*
 * calibration.c
 *		Probabilities of labels from their votes.
 *
 * k neighbours can give no more than k + 1 shares, and too many of them are 0
 * or 1: where all agree they are right less often than always.  An offset makes
 * up for few votes, as that of a Dirichlet prior does, and a power for how much
 * neighbours say the same (the temperature of C. Guo et al., ICML 2017).
 */
#include "calibration.h"

#include <math.h>

#include "elementary.h"
#include "poll.h"

static const double offsets[] = {0.001, 0.002, 0.005, 0.01, 0.02,
								 0.05,	0.1,   0.2,	  0.5,	1};
static const double powers[] = {0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6};

#define LENGTH_OF(array) ((int) (sizeof(array) / sizeof((array)[0])))

static double
log_likelihood(const Calibration *calibration, double share)
{
	return calibration->power * metaprobe_log(share + calibration->offset);
}

/* What a label's probability is in proportion to. */
double
metaprobe_likelihood(const Calibration *calibration, double votes,
					 double total_votes)
{
	if (calibration->power == 0)
		return votes;
	return metaprobe_exp(log_likelihood(calibration, votes / total_votes));
}

/* The sum of all labels' likelihoods. */
double
metaprobe_total_likelihood(const Calibration *calibration,
						   const LabelVotes *labels, int n_labels,
						   double total_votes)
{
	double total = 0;
	int	   n_without = 0;

	if (calibration->power == 0)
		return total_votes;
	for (int label = 0; label < n_labels; label++)
	{
		if (labels[label].votes == 0)
			n_without++;
		else
			total += metaprobe_likelihood(calibration, labels[label].votes,
										  total_votes);
	}
	return total +
		   n_without * metaprobe_likelihood(calibration, 0, total_votes);
}

/* The sum of -log(probability) of the right labels. */
static double
log_loss(const Calibration *calibration, const VoteShares *curves, int n)
{
	double without = metaprobe_exp(log_likelihood(calibration, 0));
	double loss = 0;

	for (int i = 0; i < n; i++)
	{
		double total = (curves[i].n_labels - curves[i].n_shares) * without;

		for (int j = 0; j < curves[i].n_shares; j++)
			total += metaprobe_exp(
				log_likelihood(calibration, curves[i].shares[j]));
		loss += metaprobe_log(total) -
				log_likelihood(calibration, curves[i].right);
	}
	metaprobe_poll();
	return loss;
}

/*
 * The calibration of least logarithmic loss on these curves, which must not
 * have been among the probes that they were classified by.
 */
Calibration
metaprobe_calibrate(const VoteShares *curves, int n)
{
	Calibration best = {0, 0};
	double		least = INFINITY;

	for (int i = 0; n > 0 && i < LENGTH_OF(offsets); i++)
	{
		for (int j = 0; j < LENGTH_OF(powers); j++)
		{
			Calibration calibration = {offsets[i], powers[j]};
			double		loss = log_loss(&calibration, curves, n);

			if (loss < least)
			{
				least = loss;
				best = calibration;
			}
		}
	}
	return best;
}
