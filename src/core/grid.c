/*
 * grid.c
 *		Coordinates rounded to 16 bits.
 */
#include "grid.h"

#include "poll.h"

/* The middle and half the width of what a coordinate spans; NaN is left out. */
static void
measure_coordinate(const float *points, int stride, int n_points,
				   int coordinate, float *centre, double *reach)
{
	double low = INFINITY;
	double high = -INFINITY;

	for (int i = 0; i < n_points; i++)
	{
		double value = points[(size_t) i * stride + coordinate];

		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	*centre = 0;
	*reach = 0;
	if (low <= high)
	{
		*centre = (float) (low / 2 + high / 2);
		*reach = fmax(high - *centre, *centre - low);
	}
}

/*
 * Fit a grid to finite points, stride floats apart, so that none is more than
 * limit steps from the middle.  There must be room for the centres.
 */
void
metaprobe_grid_fit(Grid *grid, const float *points, int stride, int n_points,
				   int n_coordinates, int limit, float *centres)
{
	double reach = 0;

	for (int i = 0; i < n_coordinates; i++)
	{
		double own_reach;

		metaprobe_poll();
		measure_coordinate(points, stride, n_points, i, &centres[i],
						   &own_reach);
		reach = fmax(reach, own_reach);
	}
	grid->centres = centres;
	grid->limit = limit;
	/* a little room, so that rounding cannot lead beyond the limit */
	grid->step = reach > 0 ? reach * (1 + 1e-6) / limit : 1;
	grid->inverse_step = 1 / grid->step;
}
