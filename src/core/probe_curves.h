/*
 * probe_curves.h
 *		What classification reads of a probe suite.
 */
#ifndef METAPROBE_CORE_PROBE_CURVES_H
#define METAPROBE_CORE_PROBE_CURVES_H

#include <stddef.h>
#include <stdint.h>

#include "calibration.h"
#include "distance.h"
#include "vote.h"

/*
 * Probes stand in the order of (label, curve, id), which is how ties between
 * them are decided.
 */
typedef struct ProbeCurves
{
	const float	  *losses; /* n_probes rows of n_epochs, missing-padded */
	const int32_t *labels; /* of each probe, ascending */
	const int32_t *label_starts; /* n_labels + 1: each label's first probe */
	int			   n_probes;
	int			   n_epochs;
	int			   n_labels;
	int			   k;
	int			   band; /* of METRIC_DTW, or DTW_NO_BAND */
	Metric		   metric;
	Weights		   weights;
	Calibration	   calibration;
	double		   max_novelty; /* beyond it no label is given; 0: no limit */
} ProbeCurves;

static inline const float *
metaprobe_probe_curve(const ProbeCurves *probes, int probe)
{
	return probes->losses + (size_t) probe * probes->n_epochs;
}

#endif /* METAPROBE_CORE_PROBE_CURVES_H */
