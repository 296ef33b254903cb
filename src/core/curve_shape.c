/*
 * curve_shape.c
 *		Curves made of curves: resampled, smoothed, drawn small.
 */
#include "curve_shape.h"

#include "loss.h"
#include "poll.h"

/* The loss at a fractional epoch, on the line between its two neighbours. */
static float
interpolate(const float *curve, int n, double position)
{
	int	   before = (int) position;
	double fraction = position - before;

	if (fraction == 0 || before + 1 >= n)
		return curve[before];
	return (float) (curve[before] +
					fraction * ((double) curve[before + 1] - curve[before]));
}

/*
 * Stretch or shrink a curve of n epochs to m by linear interpolation; first and
 * last epoch stay.  An epoch between an observed and a missing one is missing,
 * and so are all of them if n is 0.  With m = 1 the first epoch is left.
 */
void
metaprobe_resample(const float *curve, int n, float *resampled, int m)
{
	for (int i = 0; i < m; i++)
	{
		float loss = metaprobe_missing_loss();

		if (n > 0)
			loss = interpolate(curve, n,
							   m > 1 ? (double) i * (n - 1) / (m - 1) : 0);
		metaprobe_loss_from_double(loss, &resampled[i]);
	}
}

/*
 * Centred moving average over an odd window of epochs, cut at the ends.  Only
 * observed epochs count; missing ones stay missing.
 */
void
metaprobe_smooth(const float *curve, int n, int window, float *smoothed)
{
	int half = window / 2;

	for (int i = 0; i < n; i++)
	{
		int	   first = i > half ? i - half : 0;
		int	   last = i < n - 1 - half ? i + half : n - 1;
		double sum = 0;
		int	   observed = 0;

		metaprobe_poll();
		smoothed[i] = metaprobe_missing_loss();
		if (metaprobe_loss_is_missing(curve[i]))
			continue;
		for (int j = first; j <= last; j++)
		{
			if (metaprobe_loss_is_missing(curve[j]))
				continue;
			sum += curve[j];
			observed++;
		}
		metaprobe_loss_from_double(sum / observed, &smoothed[i]);
	}
}

/* The mean observed loss of the epochs [first, end); missing if there is none. */
static float
mean_of_range(const float *curve, int first, int end)
{
	double sum = 0;
	int	   observed = 0;

	for (int i = first; i < end; i++)
	{
		if (metaprobe_loss_is_missing(curve[i]))
			continue;
		sum += curve[i];
		observed++;
	}
	return observed ? (float) (sum / observed) : metaprobe_missing_loss();
}

/*
 * Draw a curve of n epochs in width columns, at most n: each column's level is
 * the mean loss of its epochs, on a scale from the lowest column to the highest
 * that also contains 0.
 */
void
metaprobe_spark_levels(const float *curve, int n, int width,
					   unsigned char *levels)
{
	double bottom = 0;
	double top = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		for (int column = 0; column < width; column++)
		{
			float mean =
				mean_of_range(curve, (int) ((int64_t) column * n / width),
							  (int) ((int64_t) (column + 1) * n / width));

			if (pass == 0)
			{
				if (mean < bottom)
					bottom = mean;
				if (mean > top)
					top = mean;
			}
			else if (metaprobe_loss_is_missing(mean))
				levels[column] = SPARK_MISSING;
			else if (top == bottom)
				levels[column] = 1;
			else
				levels[column] = 1 + (int) ((mean - bottom) / (top - bottom) *
												(SPARK_LEVELS - 1) +
											0.5);
		}
	}
}
