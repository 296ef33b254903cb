/*
 * dtw.c
 *		Dynamic time warping of loss curves within a Sakoe-Chiba band.
 *
 * Missing epochs are dropped before warping.  The band limits the difference
 * of the original epoch numbers that a path may pair, and is widened to the
 * smallest width that leaves a path.  Two rows of the dynamic programme are
 * kept, and the cells outside the band are never visited.
 *
 * Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for
 * spoken word recognition", IEEE Trans. ASSP 26 (1978), with unit slopes.
 */
#include "dtw.h"

#include <math.h>
#include <stdlib.h>

#include "loss.h"
#include "poll.h"

#define CELLS_BETWEEN_POLLS 1000000

/* The observed losses of a curve, with the epochs that they belong to. */
typedef struct Observed
{
	float *losses;
	int	  *epochs;
	int	   n;
} Observed;

/* Bytes that warping a curve of n epochs onto one of m needs. */
size_t
metaprobe_dtw_workspace_size(int n, int m)
{
	return 2 * ((size_t) m + 1) * sizeof(double) +
		   ((size_t) n + m) * (sizeof(float) + sizeof(int));
}

static Observed
drop_missing(const float *curve, int n, float *losses, int *epochs)
{
	Observed observed = {losses, epochs, 0};

	for (int i = 0; i < n; i++)
	{
		if (metaprobe_loss_is_missing(curve[i]))
			continue;
		losses[observed.n] = curve[i];
		epochs[observed.n] = i;
		observed.n++;
	}
	return observed;
}

/* The largest distance from an epoch of a to its nearest epoch in b. */
static int
largest_gap(const Observed *a, const Observed *b)
{
	int largest = 0;
	int j = 0;

	for (int i = 0; i < a->n; i++)
	{
		int gap;

		while (j + 1 < b->n && abs(b->epochs[j + 1] - a->epochs[i]) <=
								   abs(b->epochs[j] - a->epochs[i]))
			j++;
		gap = abs(b->epochs[j] - a->epochs[i]);
		if (gap > largest)
			largest = gap;
	}
	return largest;
}

/*
 * The narrowest band, at least as wide as asked, that leaves a path.  A path
 * pairs every epoch with another at some point, so it needs the Hausdorff
 * distance of the two sets of epochs; and since both are ascending, pairing
 * each epoch with its nearest in the other set is a path of that width.
 */
static int
passable_band(const Observed *a, const Observed *b, int band)
{
	int needed = largest_gap(a, b);
	int reverse = largest_gap(b, a);

	if (reverse > needed)
		needed = reverse;
	return band > needed ? band : needed;
}

static inline double
smallest(double x, double y, double z)
{
	double m = x < y ? x : y;

	return m < z ? m : z;
}

static inline void
swap_rows(double **x, double **y)
{
	double *swap = *x;

	*x = *y;
	*y = swap;
}

/*
 * The root of the least sum of squared differences over all warping paths
 * between a (n epochs) and b (m epochs).  band is in epochs, DTW_NO_BAND for
 * none; workspace holds metaprobe_dtw_workspace_size(n, m) bytes, aligned for
 * doubles.  NaN if either curve has no observed epoch.
 */
double
metaprobe_dtw_distance(const float *a, int n, const float *b, int m, int band,
					   void *workspace)
{
	double	*previous = workspace;
	double	*current = previous + m + 1;
	float	*losses = (float *) (current + m + 1);
	int		*epochs = (int *) (losses + n + m);
	Observed x = drop_missing(a, n, losses, epochs);
	Observed y = drop_missing(b, m, losses + n, epochs + n);
	int		 low = 0; /* the band's columns of y are [low, high) */
	int		 high = 0;
	long	 cells = 0;

	metaprobe_poll();
	if (x.n == 0 || y.n == 0)
		return NAN;
	if (band == DTW_NO_BAND || band > LOSS_CURVE_MAX_EPOCHS)
		band = LOSS_CURVE_MAX_EPOCHS;
	else
		band = passable_band(&x, &y, band);

	/* Cell j of the programme stands at [j + 1]; [low] is its left border. */
	previous[0] = 0;
	for (int i = 0; i < x.n; i++)
	{
		while (y.epochs[low] < x.epochs[i] - band)
			low++;
		while (high < y.n && y.epochs[high] <= x.epochs[i] + band)
			previous[++high] = INFINITY;

		current[low] = INFINITY;
		for (int j = low; j < high; j++)
		{
			double difference = (double) x.losses[i] - y.losses[j];

			current[j + 1] =
				difference * difference +
				smallest(previous[j], previous[j + 1], current[j]);
		}
		swap_rows(&previous, &current);

		cells += high - low;
		if (cells > CELLS_BETWEEN_POLLS)
		{
			metaprobe_poll();
			cells = 0;
		}
	}
	return sqrt(previous[y.n]);
}
