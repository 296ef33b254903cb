/*
 * grid.h
 *		Coordinates rounded to 16 bits: to steps of one size, counted from the
 *		middle of what each coordinate spans.
 */
#ifndef METAPROBE_CORE_GRID_H
#define METAPROBE_CORE_GRID_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cpu.h"

#define GRID_LARGEST_LIMIT 16383 /* two of them differ by 15 bits */

typedef struct Grid
{
	float *centres; /* what is first taken from each coordinate */
	double step;
	double inverse_step;
	int	   limit; /* the largest number of steps */
} Grid;

extern void metaprobe_grid_fit(Grid *grid, const float *points, int stride,
							   int n_points, int n_coordinates, int limit,
							   float *centres);

/* A coordinate in steps; it must be one of the points that the grid was fit to. */
static inline int16_t
metaprobe_grid_round(const Grid *grid, double value, int coordinate)
{
	return (int16_t) lrint((value - grid->centres[coordinate]) / grid->step);
}

/*
 * A coordinate of any point in steps, and how far it lies beyond the limit: so
 * much farther it is from the points that the grid was fit to.
 *
 * Adding and taking away 1.5 * 2^52 rounds to the nearest integer, which then
 * stands in the last bits: unlike lrint(), compilers vectorise that.
 */
ALWAYS_INLINE int16_t
metaprobe_grid_clamp(const Grid *grid, double value, int coordinate,
					 double *beyond)
{
	double	steps = (value - grid->centres[coordinate]) * grid->inverse_step;
	double	limit = grid->limit;
	double	within = steps > limit ? limit : steps;
	double	rounded;
	int64_t bits;

	within = within < -limit ? -limit : within;
	*beyond = fabs(steps - within) * grid->step;
	rounded = within + 0x1.8p52;
	memcpy(&bits, &rounded, sizeof(bits));
	return (int16_t) bits;
}

#endif /* METAPROBE_CORE_GRID_H */
