/*
 * reference_space.h
 *		Fitted spaces by other means, as a reference.
 *
 * Scales are the C library's, matrices are whole ones, and distances solve an
 * equation with the covariance instead of mapping anything.
 */
#ifndef METAPROBE_TEST_REFERENCE_SPACE_H
#define METAPROBE_TEST_REFERENCE_SPACE_H

#include "fitted_space.h"
#include "loss.h"
#include "test.h"

#define MAX_SPACE 40 /* epochs of the spaces tested */

static inline double
reference_scale(LossScale scale, double x)
{
	double size = fabs(x);

	switch (scale)
	{
		case SCALE_RAW:
			break;
		case SCALE_SQRT:
			size = sqrt(size);
			break;
		case SCALE_CBRT:
			size = cbrt(size);
			break;
		case SCALE_LOG:
			size = log1p(1000 * size);
			break;
	}
	return x < 0 ? -size : size;
}

/* Scale a curve and fill its gaps.  Returns where it ends. */
static inline int
reference_scaled_curve(LossScale scale, const float *curve, int n, double *x)
{
	int end = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(curve[i]))
			end = i + 1;
	}
	for (int i = 0; i < end; i++)
	{
		int	   before = i;
		int	   after = i;
		double share;

		while (before >= 0 && isnan(curve[before]))
			before--;
		while (isnan(curve[after]))
			after++;
		share = after == before ? 0 : (i - before) / (double) (after - before);
		x[i] = reference_scale(scale, curve[after]);
		if (before >= 0)
			x[i] = (1 - share) * reference_scale(scale, curve[before]) +
				   share * x[i];
	}
	return end;
}

/*
 * The covariance within labels of the curves that are in training, shrunk:
 * every pair of epochs by itself.
 */
static inline void
reference_covariance(const double *scaled, const int *ends,
					 const int32_t *labels, const bool *trains, int n_curves,
					 int n, double c[MAX_SPACE][MAX_SPACE])
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double sum = 0;
			int	   freedom = 0;

			for (int label = 0; label <= labels[n_curves - 1]; label++)
			{
				double mean_i = 0;
				double mean_j = 0;
				int	   count_i = 0;
				int	   count_j = 0;

				for (int p = 0; p < n_curves; p++)
				{
					if (labels[p] != label || !trains[p])
						continue;
					if (ends[p] > i)
						mean_i += (scaled[p * n + i] - mean_i) / ++count_i;
					if (ends[p] > j)
						mean_j += (scaled[p * n + j] - mean_j) / ++count_j;
				}
				for (int p = 0; p < n_curves; p++)
				{
					if (labels[p] == label && trains[p] && ends[p] > i)
						sum += (scaled[p * n + i] - mean_i) *
							   (scaled[p * n + j] - mean_j);
				}
				freedom += count_i > 0 ? count_i - 1 : 0;
			}
			c[i][j] = c[j][i] = freedom > 0 ? sum / freedom : 0;
		}
	}
}

static inline void
reference_shrink(double c[MAX_SPACE][MAX_SPACE], int n, double shrinkage)
{
	double variance = 0;

	for (int i = 0; i < n; i++)
		variance += c[i][i] / n;
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			c[i][j] *= 1 - shrinkage;
		c[i][i] += shrinkage * variance;
	}
}

/* d' c^-1 d for the leading n epochs, by Gauss's elimination. */
static inline double
mahalanobis_square(double c[MAX_SPACE][MAX_SPACE], const double *d, int n)
{
	double a[MAX_SPACE][MAX_SPACE + 1];
	double square = 0;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			a[i][j] = c[i][j];
		a[i][n] = d[i];
	}
	for (int k = 0; k < n; k++)
	{
		int pivot = k;

		for (int i = k; i < n; i++)
		{
			if (fabs(a[i][k]) > fabs(a[pivot][k]))
				pivot = i;
		}
		for (int j = 0; j <= n; j++)
		{
			double swap = a[k][j];

			a[k][j] = a[pivot][j];
			a[pivot][j] = swap;
		}
		for (int i = 0; i < n; i++)
		{
			double factor = a[i][k] / a[k][k];

			if (i == k)
				continue;
			for (int j = k; j <= n; j++)
				a[i][j] -= factor * a[k][j];
		}
	}
	for (int i = 0; i < n; i++)
		square += d[i] * a[i][n] / a[i][i];
	return square;
}

#endif /* METAPROBE_TEST_REFERENCE_SPACE_H */
