/*
 * sketch_axes.c
 *		The axes of sketches: which ones, and how many.
 *
 * Principal axes come from orthogonal iteration, which need not converge: any
 * orthonormal axes make a sketch, better ones a closer one.  For the same
 * reason a sample of the probes is enough to find them, and to choose by trial
 * how many to use.
 *
 * Source: G. Golub, C. Van Loan, "Matrix Computations", ch. 7 (orthogonal
 * iteration).
 */
#include "sketch_axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "projection.h"

#define MAX_SAMPLE 512
#define MAX_SAMPLE_LOSSES (1 << 20)
#define N_TRIALS 24

/* So many probes are enough to find axes by. */
int
metaprobe_sketch_sample_size(const ProbeCurves *probes)
{
	int n = MAX_SAMPLE_LOSSES / (probes->n_epochs > 0 ? probes->n_epochs : 1);

	n = n < MAX_SAMPLE ? n : MAX_SAMPLE;
	return n < probes->n_probes ? n : probes->n_probes;
}

/* The probe that a curve of the sample is: they are spread evenly. */
static int
sampled_probe(const ProbeCurves *probes, const SketchWorkspace *work, int i)
{
	return (int) ((int64_t) i * probes->n_probes / work->n_sample);
}

static void
take_sample(const ProbeCurves *probes, Sketch *sketch, SketchWorkspace *work)
{
	int n = sketch->n_epochs;

	memset(sketch->centre, 0, n * sizeof(double));
	for (int i = 0; i < work->n_sample; i++)
	{
		double		*curve = work->sample + (size_t) i * n;
		const float *losses =
			metaprobe_probe_curve(probes, sampled_probe(probes, work, i));

		metaprobe_poll();
		if (metaprobe_is_angular(probes->metric))
		{
			metaprobe_take_direction(probes->metric, losses, n,
									 work->direction);
			losses = work->direction;
		}
		for (int epoch = 0; epoch < n; epoch++)
			curve[epoch] = losses[epoch];
		if (!(metaprobe_squared_norm(curve, n) < SKETCH_LARGEST_NORM))
			memset(curve, 0, n * sizeof(double)); /* undefined, or huge */
		for (int epoch = 0; epoch < n; epoch++)
			sketch->centre[epoch] += curve[epoch] / work->n_sample;
	}
	for (int i = 0; i < work->n_sample; i++)
		metaprobe_subtract(work->sample + (size_t) i * n, sketch->centre, n);
}

/* Start with cosines, since losses change smoothly. */
static void
start_axes(double *axes, int n_axes, int n_epochs)
{
	const double pi = 3.14159265358979323846;

	for (int axis = 0; axis < n_axes; axis++)
	{
		for (int epoch = 0; epoch < n_epochs; epoch++)
			*metaprobe_component(axes, n_epochs, axis, epoch) =
				cos(pi * (epoch + 0.5) * axis / n_epochs);
	}
}

static double
inner_product(double *axes, int n_epochs, int a, int b)
{
	double sum = 0;

	for (int epoch = 0; epoch < n_epochs; epoch++)
		sum += *metaprobe_component(axes, n_epochs, a, epoch) *
			   *metaprobe_component(axes, n_epochs, b, epoch);
	return sum;
}

/*
 * Make the axes orthonormal: Gram and Schmidt, twice for accuracy.  An axis
 * that others already span becomes zero, which does no harm.
 */
static void
orthonormalise(double *axes, int n_axes, int n_epochs)
{
	for (int axis = 0; axis < n_axes; axis++)
	{
		double length = sqrt(inner_product(axes, n_epochs, axis, axis));
		double left;

		for (int round = 0; round < 2; round++)
		{
			for (int other = 0; other < axis; other++)
			{
				double shared = inner_product(axes, n_epochs, axis, other);

				for (int epoch = 0; epoch < n_epochs; epoch++)
					*metaprobe_component(axes, n_epochs, axis, epoch) -=
						shared *
						*metaprobe_component(axes, n_epochs, other, epoch);
			}
		}
		left = sqrt(inner_product(axes, n_epochs, axis, axis));
		for (int epoch = 0; epoch < n_epochs; epoch++)
		{
			double *x = metaprobe_component(axes, n_epochs, axis, epoch);

			*x = left > length * 1e-6 ? *x / left : 0;
		}
		metaprobe_poll();
	}
}

/* Turn the axes towards where the sample varies most. */
static void
iterate_axes(Sketch *sketch, SketchWorkspace *work)
{
	int	   n = sketch->n_epochs;
	size_t size = (size_t) metaprobe_n_strips(sketch->n_axes) * n *
				  AXES_STRIP * sizeof(double);

	memset(work->next_axes, 0, size);
	for (int i = 0; i < work->n_sample; i++)
	{
		const double *curve = work->sample + (size_t) i * n;
		double		  image[SKETCH_MAX_COORDINATES];

		metaprobe_poll();
		metaprobe_project(curve, sketch->axes, sketch->n_axes, n, image);
		for (int strip = 0; strip < metaprobe_n_strips(sketch->n_axes);
			 strip++)
		{
			double *next = metaprobe_strip_of(work->next_axes, n, strip);

			for (int epoch = 0; epoch < n; epoch++)
			{
				for (int j = 0; j < AXES_STRIP; j++)
					next[epoch * AXES_STRIP + j] +=
						curve[epoch] * image[strip * AXES_STRIP + j];
			}
		}
	}
	memcpy(sketch->axes, work->next_axes, size);
	orthonormalise(sketch->axes, sketch->n_axes, n);
}

/*
 * Axes for l1: each sums up a segment of epochs.  The sample's deviations
 * share out evenly between the segments.
 */
static void
segment_axes(Sketch *sketch, SketchWorkspace *work)
{
	int		n = sketch->n_epochs;
	double *deviations = work->next_axes;
	double	total = 0;
	double	sum = 0;

	for (int epoch = 0; epoch < n; epoch++)
	{
		deviations[epoch] = 0;
		for (int i = 0; i < work->n_sample; i++)
			deviations[epoch] += fabs(work->sample[(size_t) i * n + epoch]);
		total += deviations[epoch];
	}
	memset(sketch->axes, 0,
		   (size_t) metaprobe_n_strips(sketch->n_axes) * n * AXES_STRIP *
			   sizeof(double));
	for (int epoch = 0; epoch < n; epoch++)
	{
		int axis = total > 0 ? (int) (sum / total * sketch->n_axes) : 0;

		if (axis >= sketch->n_axes)
			axis = sketch->n_axes - 1;
		*metaprobe_component(sketch->axes, n, axis, epoch) = 1;
		sum += deviations[epoch];
	}
}

static void
find_axes(Sketch *sketch, SketchWorkspace *work, int n_axes)
{
	sketch->n_axes = n_axes;
	if (sketch->metric == METRIC_L1)
		segment_axes(sketch, work);
	else
	{
		memset(sketch->axes, 0,
			   (size_t) metaprobe_n_strips(n_axes) * sketch->n_epochs *
				   AXES_STRIP * sizeof(double));
		start_axes(sketch->axes, n_axes, sketch->n_epochs);
		orthonormalise(sketch->axes, n_axes, sketch->n_epochs);
		iterate_axes(sketch, work);
		iterate_axes(sketch, work);
	}
}

/*
 * Choosing their number
 */

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The distance of two curves of the sample, as sketches bound it. */
static double
sample_distance(const Sketch *sketch, const SketchWorkspace *work, int a,
				int b)
{
	int			  n = sketch->n_epochs;
	const double *x = work->sample + (size_t) a * n;
	const double *y = work->sample + (size_t) b * n;
	double		  sum = 0;

	for (int i = 0; i < n; i++)
	{
		double difference = x[i] - y[i];

		sum += sketch->metric == METRIC_L1 ? fabs(difference) :
											 difference * difference;
	}
	return sum;
}

static double
sketch_distance(const Sketch *sketch, const float *x, const float *y)
{
	double sum = 0;

	for (int i = 0; i < metaprobe_sketch_n_coordinates(sketch); i++)
	{
		double difference = (double) x[i] - y[i];

		sum += sketch->metric == METRIC_L1 ? fabs(difference) :
											 difference * difference;
	}
	return sum;
}

/* Which curve of the sample a trial searches for. */
static int
trial_query(const SketchWorkspace *work, int trial)
{
	return (int) ((int64_t) trial * work->n_sample / N_TRIALS);
}

/* How far a curve of the sample finds its k-th neighbour, k of all probes. */
static double
trial_reach(const Sketch *sketch, SketchWorkspace *work, int query,
			const ProbeCurves *probes)
{
	int rank = (int) ((int64_t) probes->k * work->n_sample / probes->n_probes);

	for (int i = 0; i < work->n_sample; i++)
		work->distances[i] = sample_distance(sketch, work, query, i);
	qsort(work->distances, work->n_sample, sizeof(double), compare_doubles);
	if (rank < 1)
		rank = 1; /* the nearest is the curve itself */
	return work->distances[rank < work->n_sample ? rank : work->n_sample - 1];
}

/* The share of the sample that the trials' sketches cannot rule out. */
static double
share_left(const Sketch *sketch, SketchWorkspace *work, const double *reaches)
{
	long left = 0;

	for (int i = 0; i < work->n_sample; i++)
	{
		const double *curve = work->sample + (size_t) i * sketch->n_epochs;

		(void) metaprobe_sketch_coordinates(
			sketch, curve, metaprobe_squared_norm(curve, sketch->n_epochs),
			work->coordinates + (size_t) i * SKETCH_MAX_COORDINATES);
	}
	for (int trial = 0; trial < N_TRIALS; trial++)
	{
		const float *query =
			work->coordinates +
			(size_t) trial_query(work, trial) * SKETCH_MAX_COORDINATES;

		metaprobe_poll();
		for (int i = 0; i < work->n_sample; i++)
			left += sketch_distance(sketch, query,
									work->coordinates +
										(size_t) i * SKETCH_MAX_COORDINATES) <=
					reaches[trial];
	}
	return (double) left / N_TRIALS / work->n_sample;
}

/*
 * What a search costs per probe, in units of a coordinate's part in a packed
 * distance: that for each coordinate; and for a probe that is left something
 * for every epoch, in its rough distance, and for choosing among such probes.
 * Less than both take, since rows whose label is certain need neither.
 */
#define EPOCH_COST 0.5
#define LEFT_COST 180.0

/*
 * Find axes.  Try out several numbers of axes and keep the cheapest.  Axes for fewer are
 * the first of those for more, but for l1.
 */
void
metaprobe_sketch_choose_axes(Sketch *sketch, const ProbeCurves *probes,
							 SketchWorkspace *work)
{
	static const int choices[] = {8, 12, 16, 24, 32};
	bool			 nested = sketch->metric != METRIC_L1;
	int				 spare = nested ? 1 : 0; /* the coordinate of the rest */
	int				 most = sketch->n_epochs;
	double			 reaches[N_TRIALS];
	double			 least_cost = INFINITY;
	int				 best = 0;

	take_sample(probes, sketch, work);
	if (most > SKETCH_MAX_COORDINATES - spare)
		most = SKETCH_MAX_COORDINATES - spare;
	if (nested)
		find_axes(sketch, work, most);
	for (int trial = 0; trial < N_TRIALS; trial++)
		reaches[trial] =
			trial_reach(sketch, work, trial_query(work, trial), probes);
	for (int i = 0; i < (int) (sizeof(choices) / sizeof(choices[0])); i++)
	{
		int	   n_axes = choices[i] - spare < most ? choices[i] - spare : most;
		double cost;

		if (n_axes == best)
			break; /* there are no more */
		if (nested)
			sketch->n_axes = n_axes;
		else
			find_axes(sketch, work, n_axes);
		cost = metaprobe_sketch_n_coordinates(sketch) +
			   share_left(sketch, work, reaches) *
				   (EPOCH_COST * sketch->n_epochs + LEFT_COST);
		if (cost < least_cost)
		{
			least_cost = cost;
			best = n_axes;
		}
	}
	if (nested)
		sketch->n_axes = best;
	else
		find_axes(sketch, work, best);
}
