/*
 * sketch.c
 *		Complete curves reduced to a few coordinates that never lie farther
 *		apart than the curves.
 *
 * Source: F. Korn et al., "Fast nearest neighbor search in medical image
 * databases", VLDB 1996 (coordinates as a lower bound).
 */
#include "sketch.h"

#include <math.h>

#include "carve.h"
#include "poll.h"
#include "projection.h"
#include "sketch_axes.h"

#define SKETCH_MAX_STRIPS (SKETCH_MAX_COORDINATES / AXES_STRIP)

/*
 * What the error of coordinates is at most, relative to the norm of the curve:
 * they are kept as floats, and the norm of the rest is a difference.
 */
#define RELATIVE_ROUNDING 2e-6
#define ABSOLUTE_ROUNDING 1e-40

/*
 * What the metric compares of a curve, centred; of angular ones that is the
 * direction.  Returns its squared norm: NaN if a loss is missing, or the metric
 * leaves the curve undefined.
 */
static double
centre_curve(const Sketch *sketch, const float *curve, float *direction,
			 double *centred)
{
	int n = sketch->n_epochs;

	if (metaprobe_is_angular(sketch->metric))
	{
		metaprobe_take_direction(sketch->metric, curve, n, direction);
		curve = direction;
	}
	return metaprobe_centre_losses(curve, sketch->centre, n, centred);
}

/*
 * The coordinates of a centred curve.  Returns what bounds their error; NaN if
 * the squared norm is, or if no sketch is made of losses so large.
 */
double
metaprobe_sketch_coordinates(const Sketch *sketch, const double *centred,
							 double norm, float *coordinates)
{
	double exact[SKETCH_MAX_COORDINATES];
	double rest = norm;
	double scale;

	if (!(norm < SKETCH_LARGEST_NORM * SKETCH_LARGEST_NORM))
		return NAN;
	metaprobe_project(centred, sketch->axes, sketch->n_axes, sketch->n_epochs,
					  exact);
	for (int i = 0; i < sketch->n_axes; i++)
	{
		/* project() has filled it: NOLINTNEXTLINE(*-core.uninitialized.Assign) */
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

/*
 * Building
 */

static size_t
lay_out(Sketch *sketch, const ProbeCurves *probes, void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_epochs;

	sketch->centre = carve(&carver, n, sizeof(double));
	sketch->axes =
		carve(&carver, n * AXES_STRIP * SKETCH_MAX_STRIPS, sizeof(double));
	sketch->packed.values =
		carve(&carver, 1,
			  metaprobe_packed_size(probes->n_probes, SKETCH_MAX_COORDINATES));
	return carver.used;
}

static size_t
lay_out_workspace(SketchWorkspace *work, const ProbeCurves *probes,
				  void *memory)
{
	Carver carver = {memory, 0};
	size_t n = probes->n_epochs;

	work->n_sample = metaprobe_sketch_sample_size(probes);
	work->sample = carve(&carver, work->n_sample * n, sizeof(double));
	work->next_axes =
		carve(&carver, n * AXES_STRIP * SKETCH_MAX_STRIPS, sizeof(double));
	work->coordinates =
		carve(&carver, (size_t) probes->n_probes * SKETCH_MAX_COORDINATES,
			  sizeof(float));
	work->curve = carve(&carver, n, sizeof(double));
	work->direction = carve(&carver, n, sizeof(float));
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
	SketchWorkspace measured;

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
	for (int i = 0; i < metaprobe_sketch_n_coordinates(sketch); i++)
		coordinates[i] = metaprobe_is_angular(sketch->metric) ? 0 : NAN;
}

static void
sketch_probes(Sketch *sketch, const ProbeCurves *probes, SketchWorkspace *work)
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
							work->direction, work->curve);
		rounding = metaprobe_sketch_coordinates(sketch, work->curve, norm,
												coordinates);
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
	SketchWorkspace work;

	lay_out(sketch, probes, memory);
	lay_out_workspace(&work, probes, workspace);
	sketch->metric = probes->metric;
	sketch->n_epochs = probes->n_epochs;
	metaprobe_sketch_choose_axes(sketch, probes, &work);
	sketch_probes(sketch, probes, &work);
	metaprobe_packed_build(&sketch->packed,
						   sketch->metric == METRIC_L1 ? PACKED_SIZES :
														 PACKED_SQUARES,
						   work.coordinates, SKETCH_MAX_COORDINATES,
						   probes->n_probes,
						   metaprobe_sketch_n_coordinates(sketch),
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
	query->direction = carve(&carver, n_epochs, sizeof(float));
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

	double norm = centre_curve(sketch, curve, query->direction, query->curve);

	query->rounding =
		metaprobe_sketch_coordinates(sketch, query->curve, norm, coordinates);
	if (isnan(query->rounding))
		return false;
	metaprobe_packed_query_set(&query->packed, &sketch->packed, coordinates,
							   metaprobe_sketch_n_coordinates(sketch), true);
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
