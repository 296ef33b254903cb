/*
 * dtw_bound.h
 *		Lower bounds of distances under dynamic time warping.
 */
#ifndef METAPROBE_CORE_DTW_BOUND_H
#define METAPROBE_CORE_DTW_BOUND_H

#include <stddef.h>

#include "dtw.h"

/* Many curves, as rows of n_epochs. */
typedef struct DtwCurves
{
	const float *losses;
	const float *lower;
	const float *upper;
	const int	*ends;
	const int	*gaps;
	int			 n_curves;
	int			 n_epochs;
} DtwCurves;

/* One of them. */
static inline DtwCurve
metaprobe_dtw_curve(const DtwCurves *curves, int i)
{
	size_t	 row = (size_t) i * curves->n_epochs;
	DtwCurve one = {curves->losses + row, curves->lower + row,
					curves->upper + row, curves->ends[i], curves->gaps[i]};

	return one;
}

extern size_t metaprobe_dtw_envelope_workspace_size(int n);
extern void	  metaprobe_dtw_envelope(const float *curve, int n, int band,
									 float *lower, float *upper,
									 void *workspace);
extern float  metaprobe_dtw_lower_bound(const DtwCurve *a, const DtwCurve *b,
										int band);
extern void	  metaprobe_dtw_lower_bounds(const DtwCurve	 *curve,
										 const DtwCurves *others, int band,
										 float *bounds);

#endif /* METAPROBE_CORE_DTW_BOUND_H */
