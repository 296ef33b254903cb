/*
 * sketch.c
 *		Complete curves reduced to a few coordinates that never lie farther
 *		apart than the curves.
 *
 * Principal axes come from orthogonal iteration, which need not converge: any
 * orthonormal axes make a sketch, better ones a closer one.  For the same
 * reason a sample of the probes is enough to find them, and to choose by trial
 * how many to use.
 *
 * Sources: F. Korn et al., "Fast nearest neighbor search in medical image
 * databases", VLDB 1996 (coordinates as a lower bound); G. Golub, C. Van Loan,
 * "Matrix Computations", ch. 7 (orthogonal iteration).
 */
#include "sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "carve.h"
#include "cpu.h"
#include "poll.h"

/* Axes are stored in strips of so many, epoch by epoch. */
#define STRIP 8
#define MAX_STRIPS (SKETCH_MAX_COORDINATES / STRIP)

#define MAX_SAMPLE 512
#define MAX_SAMPLE_LOSSES (1 << 20)
#define N_TRIALS 24

/*
 * What the error of coordinates is at most, relative to the norm of the curve:
 * they are kept as floats, and the norm of the rest is a difference.
 */
#define RELATIVE_ROUNDING 2e-6
#define ABSOLUTE_ROUNDING 1e-40

/* Beyond this norm a sketch is refused, so that no coordinate overflows. */
#define LARGEST_NORM 1e30

/* The room that building needs beside the sketch. */
typedef struct Workspace
{
	double *sample;		 /* n_sample rows of n_epochs: centred curves */
	double *next_axes;	 /* as the sketch's axes */
	float  *coordinates; /* n_probes rows of SKETCH_MAX_COORDINATES */
	double *curve;		 /* n_epochs */
	double *distances;	 /* n_sample */
	int		n_sample;
} Workspace;

static inline int
n_strips(int n_axes)
{
	return (n_axes + STRIP - 1) / STRIP;
}

static inline double *
strip_of(double *axes, int n_epochs, int strip)
{
	return axes + (size_t) strip * n_epochs * STRIP;
}

/* An axis' component in the direction of an epoch. */
static inline double *
component(double *axes, int n_epochs, int axis, int epoch)
{
	return strip_of(axes, n_epochs, axis / STRIP) + epoch * STRIP +
		   axis % STRIP;
}

typedef double Quad __attribute__((vector_size(4 * sizeof(double))));

#define STRIP_QUADS (STRIP / 4)

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
		add_epoch(even, curve[epoch], strip + epoch * STRIP);
		add_epoch(odd, curve[epoch + 1], strip + (epoch + 1) * STRIP);
	}
	if (epoch < n_epochs)
		add_epoch(even, curve[epoch], strip + epoch * STRIP);
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
#endif

/* The inner products of a curve with the axes, padded to whole strips. */
static void
project(const double *curve, const double *axes, int n_axes, int n_epochs,
		double *coordinates)
{
	for (int i = 0; i < n_strips(n_axes); i++)
	{
		const double *strip = axes + (size_t) i * n_epochs * STRIP;

#ifdef METAPROBE_HAVE_AVX2_KERNELS
		if (metaprobe_cpu_has_avx2())
		{
			project_strip_avx2(curve, strip, n_epochs,
							   coordinates + i * STRIP);
			continue;
		}
#endif
		project_strip(curve, strip, n_epochs, coordinates + i * STRIP);
	}
}

static double
squared_norm(const double *curve, int n)
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

/*
 * What the metric compares of a curve: all of it, its direction, or the
 * direction of its deviations from the mean.  NaN where that is undefined.
 */
void
metaprobe_normalise(Metric metric, const float *curve, int n, double *result)
{
	double mean = 0;
	double norm;

	if (metric == METRIC_CORRELATION)
	{
		for (int i = 0; i < n; i++)
			mean += curve[i];
		mean /= n;
	}
	for (int i = 0; i < n; i++)
		result[i] = curve[i] - mean;
	if (metaprobe_is_angular(metric))
	{
		norm = sqrt(squared_norm(result, n));
		for (int i = 0; i < n; i++)
			result[i] /= norm;
	}
}

static void
subtract(double *curve, const double *centre, int n)
{
	for (int i = 0; i < n; i++)
		curve[i] -= centre[i];
}

/*
 * What the metric compares of a curve, centred.  Returns its squared norm: NaN
 * if a loss is missing, or the metric leaves the curve undefined.
 */
static double
centre_curve(const Sketch *sketch, const float *curve, double *centred)
{
	int n = sketch->n_epochs;

	if (metaprobe_is_angular(sketch->metric))
	{
		metaprobe_normalise(sketch->metric, curve, n, centred);
		subtract(centred, sketch->centre, n);
		return squared_norm(centred, n);
	}
#ifdef METAPROBE_HAVE_AVX2_KERNELS
	if (metaprobe_cpu_has_avx2())
		return centre_losses_avx2(curve, sketch->centre, n, centred);
#endif
	return centre_losses(curve, sketch->centre, n, centred);
}

/*
 * The coordinates of a centred curve.  Returns what bounds their error; NaN if
 * the squared norm is, or if no sketch is made of losses so large.
 */
static double
take_coordinates(const Sketch *sketch, const double *centred, double norm,
				 float *coordinates)
{
	double exact[SKETCH_MAX_COORDINATES];
	double rest = norm;
	double scale;

	if (!(norm < LARGEST_NORM * LARGEST_NORM))
		return NAN;
	project(centred, sketch->axes, sketch->n_axes, sketch->n_epochs, exact);
	for (int i = 0; i < sketch->n_axes; i++)
	{
		coordinates[i] = (float) exact[i];
		rest -= exact[i] * exact[i];
	}
	scale = sqrt(norm);
	if (sketch->metric == METRIC_L1)
		return RELATIVE_ROUNDING * scale * sketch->n_epochs +
			   ABSOLUTE_ROUNDING;
	coordinates[sketch->n_axes] = rest > 0 ? (float) sqrt(rest) : 0;
	if (metaprobe_is_angular(sketch->metric))
		scale += 1; /* the norm of the curve before it was centred */
	return RELATIVE_ROUNDING * scale + ABSOLUTE_ROUNDING;
}

static int
n_coordinates(const Sketch *sketch)
{
	return sketch->n_axes + (sketch->metric == METRIC_L1 ? 0 : 1);
}

/*
 * Finding the axes
 */

/* The probe that a curve of the sample is: they are spread evenly. */
static int
sampled_probe(const ProbeCurves *probes, const Workspace *work, int i)
{
	return (int) ((int64_t) i * probes->n_probes / work->n_sample);
}

static void
take_sample(const ProbeCurves *probes, Sketch *sketch, Workspace *work)
{
	int n = sketch->n_epochs;

	memset(sketch->centre, 0, n * sizeof(double));
	for (int i = 0; i < work->n_sample; i++)
	{
		double *curve = work->sample + (size_t) i * n;

		metaprobe_poll();
		metaprobe_normalise(
			probes->metric,
			metaprobe_probe_curve(probes, sampled_probe(probes, work, i)), n,
			curve);
		if (!(squared_norm(curve, n) < LARGEST_NORM))
			memset(curve, 0, n * sizeof(double)); /* undefined, or huge */
		for (int epoch = 0; epoch < n; epoch++)
			sketch->centre[epoch] += curve[epoch] / work->n_sample;
	}
	for (int i = 0; i < work->n_sample; i++)
		subtract(work->sample + (size_t) i * n, sketch->centre, n);
}

/* Start with cosines, since losses change smoothly. */
static void
start_axes(double *axes, int n_axes, int n_epochs)
{
	const double pi = 3.14159265358979323846;

	for (int axis = 0; axis < n_axes; axis++)
	{
		for (int epoch = 0; epoch < n_epochs; epoch++)
			*component(axes, n_epochs, axis, epoch) =
				cos(pi * (epoch + 0.5) * axis / n_epochs);
	}
}

static double
inner_product(double *axes, int n_epochs, int a, int b)
{
	double sum = 0;

	for (int epoch = 0; epoch < n_epochs; epoch++)
		sum += *component(axes, n_epochs, a, epoch) *
			   *component(axes, n_epochs, b, epoch);
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
					*component(axes, n_epochs, axis, epoch) -=
						shared * *component(axes, n_epochs, other, epoch);
			}
		}
		left = sqrt(inner_product(axes, n_epochs, axis, axis));
		for (int epoch = 0; epoch < n_epochs; epoch++)
		{
			double *x = component(axes, n_epochs, axis, epoch);

			*x = left > length * 1e-6 ? *x / left : 0;
		}
		metaprobe_poll();
	}
}

/* Turn the axes towards where the sample varies most. */
static void
iterate_axes(Sketch *sketch, Workspace *work)
{
	int	   n = sketch->n_epochs;
	size_t size =
		(size_t) n_strips(sketch->n_axes) * n * STRIP * sizeof(double);

	memset(work->next_axes, 0, size);
	for (int i = 0; i < work->n_sample; i++)
	{
		const double *curve = work->sample + (size_t) i * n;
		double		  image[SKETCH_MAX_COORDINATES];

		metaprobe_poll();
		project(curve, sketch->axes, sketch->n_axes, n, image);
		for (int strip = 0; strip < n_strips(sketch->n_axes); strip++)
		{
			double *next = strip_of(work->next_axes, n, strip);

			for (int epoch = 0; epoch < n; epoch++)
			{
				for (int j = 0; j < STRIP; j++)
					next[epoch * STRIP + j] +=
						curve[epoch] * image[strip * STRIP + j];
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
segment_axes(Sketch *sketch, Workspace *work)
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
		   (size_t) n_strips(sketch->n_axes) * n * STRIP * sizeof(double));
	for (int epoch = 0; epoch < n; epoch++)
	{
		int axis = total > 0 ? (int) (sum / total * sketch->n_axes) : 0;

		if (axis >= sketch->n_axes)
			axis = sketch->n_axes - 1;
		*component(sketch->axes, n, axis, epoch) = 1;
		sum += deviations[epoch];
	}
}

static void
find_axes(Sketch *sketch, Workspace *work, int n_axes)
{
	sketch->n_axes = n_axes;
	if (sketch->metric == METRIC_L1)
		segment_axes(sketch, work);
	else
	{
		memset(sketch->axes, 0,
			   (size_t) n_strips(n_axes) * sketch->n_epochs * STRIP *
				   sizeof(double));
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
sample_distance(const Sketch *sketch, const Workspace *work, int a, int b)
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

	for (int i = 0; i < n_coordinates(sketch); i++)
	{
		double difference = (double) x[i] - y[i];

		sum += sketch->metric == METRIC_L1 ? fabs(difference) :
											 difference * difference;
	}
	return sum;
}

/* Which curve of the sample a trial searches for. */
static int
trial_query(const Workspace *work, int trial)
{
	return (int) ((int64_t) trial * work->n_sample / N_TRIALS);
}

/* How far a curve of the sample finds its k-th neighbour, k of all probes. */
static double
trial_reach(const Sketch *sketch, Workspace *work, int query,
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
share_left(const Sketch *sketch, Workspace *work, const double *reaches)
{
	long left = 0;

	for (int i = 0; i < work->n_sample; i++)
	{
		const double *curve = work->sample + (size_t) i * sketch->n_epochs;

		(void) take_coordinates(sketch, curve,
								squared_norm(curve, sketch->n_epochs),
								work->coordinates +
									(size_t) i * SKETCH_MAX_COORDINATES);
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
 * for every epoch and for itself.
 */
#define EPOCH_COST 4.0
#define LEFT_COST 300.0

/*
 * Try out several numbers of axes and keep the cheapest.  Axes for fewer are
 * the first of those for more, but for l1.
 */
static void
choose_axes(Sketch *sketch, const ProbeCurves *probes, Workspace *work)
{
	static const int choices[] = {8, 12, 16, 24, 32};
	bool			 nested = sketch->metric != METRIC_L1;
	int				 spare = nested ? 1 : 0; /* the coordinate of the rest */
	int				 most = sketch->n_epochs;
	double			 reaches[N_TRIALS];
	double			 least_cost = INFINITY;
	int				 best = 0;

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
		cost = n_coordinates(sketch) +
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

/*
 * Building
 */

static int
sample_size(const ProbeCurves *probes)
{
	int n = MAX_SAMPLE_LOSSES / (probes->n_epochs > 0 ? probes->n_epochs : 1);

	n = n < MAX_SAMPLE ? n : MAX_SAMPLE;
	return n < probes->n_probes ? n : probes->n_probes;
}

static size_t
lay_out(Sketch *sketch, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_epochs;

	sketch->centre = carve(&carver, n, sizeof(double));
	sketch->axes = carve(&carver, n * STRIP * MAX_STRIPS, sizeof(double));
	sketch->packed.values =
		carve(&carver, 1,
			  metaprobe_packed_size(probes->n_probes, SKETCH_MAX_COORDINATES));
	return carver.used;
}

static size_t
lay_out_workspace(Workspace *work, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_epochs;

	work->n_sample = sample_size(probes);
	work->sample = carve(&carver, work->n_sample * n, sizeof(double));
	work->next_axes = carve(&carver, n * STRIP * MAX_STRIPS, sizeof(double));
	work->coordinates =
		carve(&carver, (size_t) probes->n_probes * SKETCH_MAX_COORDINATES,
			  sizeof(float));
	work->curve = carve(&carver, n, sizeof(double));
	work->distances = carve(&carver, work->n_sample, sizeof(double));
	return carver.used;
}

/* Bytes of memory that the sketches of these probes take. */
size_t
metaprobe_sketch_size(const ProbeCurves *probes)
{
	Sketch measured;

	return lay_out(&measured, probes, NULL);
}

/* Bytes of memory that building them takes besides. */
size_t
metaprobe_sketch_workspace_size(const ProbeCurves *probes)
{
	Workspace measured;

	return lay_out_workspace(&measured, probes, NULL);
}

/*
 * The coordinates of a probe without a sketch.  One that an angular metric
 * leaves undefined is no neighbour, whatever they are; losses too large may
 * belong to one, so its coordinates are unknown.
 */
static void
fill_coordinates(const Sketch *sketch, float *coordinates)
{
	for (int i = 0; i < n_coordinates(sketch); i++)
		coordinates[i] = metaprobe_is_angular(sketch->metric) ? 0 : NAN;
}

static void
sketch_probes(Sketch *sketch, const ProbeCurves *probes, Workspace *work)
{
	sketch->rounding = ABSOLUTE_ROUNDING;
	for (int probe = 0; probe < probes->n_probes; probe++)
	{
		float *coordinates =
			work->coordinates + (size_t) probe * SKETCH_MAX_COORDINATES;
		double norm;
		double rounding;

		metaprobe_poll();
		norm = centre_curve(sketch, metaprobe_probe_curve(probes, probe),
							work->curve);
		rounding = take_coordinates(sketch, work->curve, norm, coordinates);
		if (isnan(rounding))
			fill_coordinates(sketch, coordinates);
		else if (rounding > sketch->rounding)
			sketch->rounding = rounding;
	}
}

/*
 * Sketch the probes, none of which may have a missing loss, in memory and with
 * a workspace of the sizes told.  Takes as long as some hundred searches
 * without a sketch.
 */
void
metaprobe_sketch_build(Sketch *sketch, const ProbeCurves *probes, void *memory,
					   void *workspace)
{
	Workspace work;

	lay_out(sketch, probes, memory);
	lay_out_workspace(&work, probes, workspace);
	sketch->metric = probes->metric;
	sketch->n_epochs = probes->n_epochs;
	take_sample(probes, sketch, &work);
	choose_axes(sketch, probes, &work);
	sketch_probes(sketch, probes, &work);
	metaprobe_packed_build(&sketch->packed,
						   sketch->metric == METRIC_L1 ? PACKED_SIZES :
														 PACKED_SQUARES,
						   work.coordinates, SKETCH_MAX_COORDINATES,
						   probes->n_probes, n_coordinates(sketch),
						   sketch->packed.values);
}

/*
 * Searching
 */

static size_t
lay_out_query(SketchQuery *query, int n_epochs, void *memory)
{
	Carver carver = {memory, 0};
	void  *packed;

	query->curve = carve(&carver, n_epochs, sizeof(double));
	packed =
		carve(&carver, 1, metaprobe_packed_query_size(SKETCH_MAX_COORDINATES));
	if (memory)
		metaprobe_packed_query_init(&query->packed, SKETCH_MAX_COORDINATES,
									packed);
	return carver.used;
}

/* Bytes of memory that a query of so many epochs takes. */
size_t
metaprobe_sketch_query_size(int n_epochs)
{
	SketchQuery measured;

	return lay_out_query(&measured, n_epochs, NULL);
}

void
metaprobe_sketch_query_init(SketchQuery *query, int n_epochs, void *memory)
{
	lay_out_query(query, n_epochs, memory);
}

/*
 * Sketch a curve of the suite's length to measure from.  False if it has no
 * sketch: a loss is missing, or the metric leaves it undefined.
 */
bool
metaprobe_sketch_query_set(SketchQuery *query, const Sketch *sketch,
						   const float *curve)
{
	float coordinates[SKETCH_MAX_COORDINATES];

	double norm = centre_curve(sketch, curve, query->curve);

	query->rounding =
		take_coordinates(sketch, query->curve, norm, coordinates);
	if (isnan(query->rounding))
		return false;
	metaprobe_packed_query_set(&query->packed, &sketch->packed, coordinates,
							   n_coordinates(sketch), true);
	return true;
}

/*
 * The largest packed distance between the sketches of the query and of a curve
 * that is within this distance of it, as metaprobe computes distances.
 */
int32_t
metaprobe_sketch_threshold(const Sketch *sketch, const SketchQuery *query,
						   double distance)
{
	double radius = distance;

	if (metaprobe_is_angular(sketch->metric))
		radius = sqrt(2 * (distance + COSINE_ROUNDING));
	radius = radius * (1 + 1e-9) + sketch->rounding + query->rounding;
	return metaprobe_packed_threshold(&sketch->packed, &query->packed, radius);
}
