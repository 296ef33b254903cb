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

LossSummary
metaprobe_loss_summary(const float *losses, int n)
{
	LossSummary summary = {0, NAN, NAN, NAN};
	WideSum		sum = {0, 0};

	for (int i = 0; i < n; i++)
	{
		if (metaprobe_loss_is_missing(losses[i]))
			continue;
		if (summary.observed++ == 0)
			summary.first = losses[i];
		summary.final = losses[i];
		metaprobe_wide_add(&sum, losses[i]);
	}
	if (summary.observed > 0)
		summary.mean = (sum.sum + sum.error) / summary.observed;
	return summary;
}

LossSignals
metaprobe_loss_signals(const float *losses, int n)
{
	LossSummary summary = metaprobe_loss_summary(losses, n);
	LossSignals signals = {summary.mean, summary.final, summary.first, NAN};
	double		doubts = 0;

	for (int i = 0; i < n; i++)
	{
		if (!metaprobe_loss_is_missing(losses[i]))
			doubts +=
				losses[i] < 0 ? NAN : -metaprobe_expm1(-(double) losses[i]);
	}
	if (summary.observed > 0)
		signals.low_confidence = doubts / summary.observed;
	return signals;
}
