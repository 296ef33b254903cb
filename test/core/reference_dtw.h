/*
 * reference_dtw.h
 *		Dynamic time warping after the textbook, as a reference.
 *
 * The whole matrix is kept, every cell is visited, and the width of the band
 * is found by trying one after the other.
 */
#ifndef METAPROBE_TEST_REFERENCE_DTW_H
#define METAPROBE_TEST_REFERENCE_DTW_H

#include "test.h"

/* The numbers of a curve's observed epochs; returns how many there are. */
static inline int
observed_epochs(const float *curve, int n, int *epochs)
{
	int observed = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(curve[i]))
			epochs[observed++] = i;
	}
	return observed;
}

/*
 * The least sum of squared differences over all paths whose pairs lie at most
 * width epochs apart (negative: any number); infinite if no path does.
 */
static inline double
warp_within(const float *a, const int *a_epochs, int n, const float *b,
			const int *b_epochs, int m, int width)
{
	double *cost = allocate((size_t) (n + 1) * (m + 1) * sizeof(double));
	double	result;

#define COST(i, j) cost[(size_t) (i) * (m + 1) + (j)]
	for (int i = 0; i <= n; i++)
	{
		for (int j = 0; j <= m; j++)
			COST(i, j) = INFINITY;
	}
	COST(0, 0) = 0;
	for (int i = 1; i <= n; i++)
	{
		for (int j = 1; j <= m; j++)
		{
			int	   x = a_epochs[i - 1];
			int	   y = b_epochs[j - 1];
			double difference = (double) a[x] - (double) b[y];

			if (width >= 0 && abs(x - y) > width)
				continue;
			COST(i, j) =
				difference * difference +
				fmin(COST(i - 1, j - 1), fmin(COST(i - 1, j), COST(i, j - 1)));
		}
	}
	result = COST(n, m);
#undef COST
	free(cost);
	return result;
}

static inline double
reference_dtw_distance(const float *a, int n, const float *b, int m, int band)
{
	int	  *a_epochs = allocate(n * sizeof(int));
	int	  *b_epochs = allocate(m * sizeof(int));
	int	   a_observed = observed_epochs(a, n, a_epochs);
	int	   b_observed = observed_epochs(b, m, b_epochs);
	double sum = NAN;

	if (a_observed > 0 && b_observed > 0)
	{
		do
			sum = warp_within(a, a_epochs, a_observed, b, b_epochs, b_observed,
							  band);
		while (isinf(sum) && band++ >= 0);
	}
	free(a_epochs);
	free(b_epochs);
	return sqrt(sum);
}

#endif /* METAPROBE_TEST_REFERENCE_DTW_H */
