/*
 * projection.c
 *		Curves normalised, centred, and projected onto axes.
 */
#include "projection.h"

#include <math.h>
#include <string.h>

#include "cpu.h"

typedef double Quad __attribute__((vector_size(4 * sizeof(double))));

#define STRIP_QUADS (AXES_STRIP / 4)

/* Add an epoch's part to the inner products with a strip of axes. */
ALWAYS_INLINE void
add_epoch(Quad *sums, double loss, const double *components)
{
	for (int i = 0; i < STRIP_QUADS; i++)
	{
		Quad axes;

		memcpy(&axes, components + i * 4, sizeof(axes));
		sums[i] += loss * axes;
	}
}

/*
 * The inner products of a curve with a strip of axes.  Even and odd epochs are
 * summed apart, so that additions wait less for each other.
 */
ALWAYS_INLINE void
project_strip(const double *curve, const double *strip, int n_epochs,
			  double *coordinates)
{
	Quad even[STRIP_QUADS] = {0};
	Quad odd[STRIP_QUADS] = {0};
	int	 epoch = 0;

	for (; epoch + 2 <= n_epochs; epoch += 2)
	{
		add_epoch(even, curve[epoch], strip + epoch * AXES_STRIP);
		add_epoch(odd, curve[epoch + 1], strip + (epoch + 1) * AXES_STRIP);
	}
	if (epoch < n_epochs)
		add_epoch(even, curve[epoch], strip + epoch * AXES_STRIP);
	for (int i = 0; i < STRIP_QUADS; i++)
		even[i] += odd[i];
	memcpy(coordinates, even, sizeof(even));
}

/* Take the centre from a curve.  Returns the squared norm of what is left. */
ALWAYS_INLINE double
centre_losses(const float *curve, const double *centre, int n, double *centred)
{
	Quad sums = {0};
	int	 rest = n % 4;

	for (int i = 0; i < n; i++)
		centred[i] = curve[i] - centre[i];
	for (int i = 0; i + 4 <= n; i += 4)
	{
		Quad four;

		memcpy(&four, centred + i, sizeof(four));
		sums += four * four;
	}
	for (int i = n - rest; i < n; i++)
		sums[0] += centred[i] * centred[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* The sum of the losses, or of the squares of what is left without a mean. */
ALWAYS_INLINE double
sum_losses(const float *curve, double mean, int n, bool squared)
{
	double sums[4] = {0};
	int	   i = 0;

	for (; i + 4 <= n; i += 4)
	{
		for (int j = 0; j < 4; j++)
		{
			double loss = curve[i + j] - mean;

			sums[j] += squared ? loss * loss : loss;
		}
	}
	for (; i < n; i++)
		sums[0] += squared ? (curve[i] - mean) * (curve[i] - mean) : curve[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

ALWAYS_INLINE void
take_direction(Metric metric, const float *curve, int n, float *direction)
{
	double mean = 0;
	double scale;

	if (metric == METRIC_CORRELATION)
		mean = sum_losses(curve, 0, n, false) / n;
	scale = 1 / sqrt(sum_losses(curve, mean, n, true));
	for (int i = 0; i < n; i++)
		direction[i] = (float) ((curve[i] - mean) * scale);
}

#ifdef METAPROBE_HAVE_AVX2_KERNELS
__attribute__((target("avx2"))) static void
project_strip_avx2(const double *curve, const double *strip, int n_epochs,
				   double *coordinates)
{
	project_strip(curve, strip, n_epochs, coordinates);
}

__attribute__((target("avx2"))) static double
centre_losses_avx2(const float *curve, const double *centre, int n,
				   double *centred)
{
	return centre_losses(curve, centre, n, centred);
}

__attribute__((target("avx2"))) static void
take_direction_avx2(Metric metric, const float *curve, int n, float *direction)
{
	take_direction(metric, curve, n, direction);
}
#endif

/*
 * What an angular metric compares of a curve: its direction, or that of its
 * deviations from the mean.  NaN where that is undefined.
 */
void
metaprobe_take_direction(Metric metric, const float *curve, int n,
						 float *direction)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
	{
		take_direction_avx2(metric, curve, n, direction);
		return;
	}
#endif
	take_direction(metric, curve, n, direction);
}

/* Take the centre from a curve.  Returns the squared norm of what is left. */
double
metaprobe_centre_losses(const float *curve, const double *centre, int n,
						double *centred)
{
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return centre_losses_avx2(curve, centre, n, centred);
#endif
	return centre_losses(curve, centre, n, centred);
}

/* The inner products of a curve with the axes, padded to whole strips. */
void
metaprobe_project(const double *curve, const double *axes, int n_axes,
				  int n_epochs, double *coordinates)
{
	for (int i = 0; i < metaprobe_n_strips(n_axes); i++)
	{
		const double *strip = axes + (size_t) i * n_epochs * AXES_STRIP;

#ifdef METAPROBE_HAVE_AVX2_KERNELS
		if (metaprobe_cpu_has_avx2())
		{
			project_strip_avx2(curve, strip, n_epochs,
							   coordinates + i * AXES_STRIP);
			continue;
		}
#endif
		project_strip(curve, strip, n_epochs, coordinates + i * AXES_STRIP);
	}
}

double
metaprobe_squared_norm(const double *curve, int n)
{
	double sums[4] = {0};
	int	   i = 0;

	for (; i + 4 <= n; i += 4)
	{
		for (int j = 0; j < 4; j++)
			sums[j] += curve[i + j] * curve[i + j];
	}
	for (; i < n; i++)
		sums[0] += curve[i] * curve[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void
metaprobe_subtract(double *curve, const double *centre, int n)
{
	for (int i = 0; i < n; i++)
		curve[i] -= centre[i];
}
