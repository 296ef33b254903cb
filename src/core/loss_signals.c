/*
 * loss_signals.c
 *		The figures of a curve that people rank suspicious rows by.
 *
 * exp(-loss) of a cross-entropy is the probability of the given label, whose
 * mean over the epochs is the confidence of dataset cartography (S.
 * Swayamdipta et al., EMNLP 2020).  What is left to 1 is summed here instead: it
 * keeps its digits where the confidence is high, so that fewer rows are tied.
 */
#include "loss_signals.h"

#include "elementary.h"
#include "loss.h"
#include "moments.h"

LossSignals
metaprobe_loss_signals(const float *losses, int n)
{
	LossSignals signals = {NAN, NAN, NAN, NAN};
	WideSum		sum = {0, 0};
	double		doubts = 0;
	int			observed = 0;

	for (int i = 0; i < n; i++)
	{
		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		if (observed++ == 0)
			signals.first = losses[i];
		signals.final = losses[i];
		metaprobe_wide_add(&sum, losses[i]);
		doubts += losses[i] < 0 ? NAN : -metaprobe_expm1(-(double) losses[i]);
	}
	if (observed > 0)
	{
		signals.mean = (sum.sum + sum.error) / observed;
		signals.low_confidence = doubts / observed;
	}
	return signals;
}
