/*
 * dtw.h
 *		Dynamic time warping of loss curves within a Sakoe-Chiba band.
 */
#ifndef METAPROBE_CORE_DTW_H
#define METAPROBE_CORE_DTW_H

#include <stddef.h>

#define DTW_NO_BAND (-1)

/* How many curves metaprobe_dtw_distances_within() warps at a time. */
#define DTW_LANES 16

/* A curve with what a search needs to know of it. */
typedef struct DtwCurve
{
	const float *losses;
	const float *lower; /* its envelope, see metaprobe_dtw_envelope() */
	const float *upper;
	int			 end; /* one past its last observed epoch */
	int			 gap; /* its longest run of missing epochs up to there */
} DtwCurve;

extern size_t metaprobe_dtw_workspace_size(int n, int m);
extern double metaprobe_dtw_distance(const float *a, int n, const float *b,
									 int m, int band, void *workspace);

extern size_t metaprobe_dtw_lanes_workspace_size(int n);
extern void	  metaprobe_dtw_distances_within(const DtwCurve *curve,
											 const DtwCurve *others,
											 int n_others, int band,
											 double limit, double *distances,
											 void *workspace);

extern int metaprobe_dtw_longest_gap(const float *curve, int n);

#endif /* METAPROBE_CORE_DTW_H */
