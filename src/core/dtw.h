/*
 * dtw.h
 *		Dynamic time warping of loss curves within a Sakoe-Chiba band.
 */
#ifndef METAPROBE_CORE_DTW_H
#define METAPROBE_CORE_DTW_H

#include <stddef.h>

#define DTW_NO_BAND (-1)

extern size_t metaprobe_dtw_workspace_size(int n, int m);
extern double metaprobe_dtw_distance(const float *a, int n, const float *b,
									 int m, int band, void *workspace);

#endif /* METAPROBE_CORE_DTW_H */
