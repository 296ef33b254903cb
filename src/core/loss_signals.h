/*
 * loss_signals.h
 *		The figures of a curve that people rank suspicious rows by.
 */
#ifndef METAPROBE_CORE_LOSS_SIGNALS_H
#define METAPROBE_CORE_LOSS_SIGNALS_H

/* What there is of a curve's losses; NaN without any. */
typedef struct LossSummary
{
	int	   observed; /* how many there are */
	double mean;
	double first;
	double final;
} LossSummary;

/* All grow with suspicion; NaN where they are undefined. */
typedef struct LossSignals
{
	double mean;  /* over the observed epochs, like the others */
	double final; /* the last loss */
	double first;
	double low_confidence; /* mean of 1 - exp(-loss); NaN if one is negative */
} LossSignals;

extern LossSummary metaprobe_loss_summary(const float *losses, int n);
extern LossSignals metaprobe_loss_signals(const float *losses, int n);

#endif /* METAPROBE_CORE_LOSS_SIGNALS_H */
