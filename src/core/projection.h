/*
 * projection.h
 *		Curves normalised, centred, and projected onto axes.
 *
 * Axes are stored in strips of a few, epoch by epoch, so that a loss is
 * multiplied with all of a strip at once.
 */
#ifndef METAPROBE_CORE_PROJECTION_H
#define METAPROBE_CORE_PROJECTION_H

#include <stddef.h>

#include "distance.h"

#define AXES_STRIP 8

static inline int
metaprobe_n_strips(int n_axes)
{
	return (n_axes + AXES_STRIP - 1) / AXES_STRIP;
}

static inline double *
metaprobe_strip_of(double *axes, int n_epochs, int strip)
{
	return axes + (size_t) strip * n_epochs * AXES_STRIP;
}

/* An axis' component in the direction of an epoch. */
static inline double *
metaprobe_component(double *axes, int n_epochs, int axis, int epoch)
{
	return metaprobe_strip_of(axes, n_epochs, axis / AXES_STRIP) +
		   epoch * AXES_STRIP + axis % AXES_STRIP;
}

extern void metaprobe_take_direction(Metric metric, const float *curve, int n,
									 float *direction);
extern double metaprobe_squared_norm(const double *curve, int n);
extern double metaprobe_centre_losses(const float *curve, const double *centre,
									  int n, double *centred);
extern void	  metaprobe_subtract(double *curve, const double *centre, int n);
extern void	  metaprobe_project(const double *curve, const double *axes,
								int n_axes, int n_epochs, double *coordinates);

#endif /* METAPROBE_CORE_PROJECTION_H */
